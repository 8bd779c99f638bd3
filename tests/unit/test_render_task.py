"""What a command checks before it renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import write_image

from rde_roto.doors.render_task import refuse_to_overwrite
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import UsageError


@pytest.mark.parametrize("name", ["plate.1002.png", "mask.png"])
def test_an_input_is_known_by_whatever_path_it_has(tmp_path: Path, name: str) -> None:
    """As on a share that is mounted twice: no link tells that both paths lead to one file."""
    (tmp_path / "a").mkdir()
    for file in ("plate.1001.png", "plate.1002.png", "mask.png"):
        write_image(tmp_path / "a" / file, np.zeros((4, 4, 3), np.float32), "uint8")
    plate, mask = open_plate(str(tmp_path / "a/plate.####.png")), tmp_path / "a/mask.png"
    (tmp_path / "b").mkdir()
    (tmp_path / "b/new.png").write_bytes((tmp_path / "a" / name).read_bytes())
    refuse_to_overwrite(plate, [mask], [tmp_path / "b/new.png", tmp_path / "b/missing.png"])
    (tmp_path / "b/same.png").hardlink_to(tmp_path / "a" / name)
    with pytest.raises(UsageError, match=r"would overwrite its own input .*b/same\.png"):
        refuse_to_overwrite(plate, [mask], [tmp_path / "b/new.png", tmp_path / "b/same.png"])
