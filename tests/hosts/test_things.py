"""The made-up things that rde-lite-open is trained on, rendered small."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest_plugins = ("blender_fixtures",)

ROOT = Path(__file__).parents[2]
SMALL = "import tools.things.__main__ as tool; tool.FRAMES, tool.SIDE_PX, tool.SAMPLES = 2, 64, 4; "
LEAST_SHARE = 0.01


def rendered(blender: str, out: Path, sequences: int) -> dict[str, np.ndarray]:
    """Every picture by its name, uint8 [64, 64, 4]."""
    asked = ["--out", str(out), "--sequences", str(sequences)]
    subprocess.run(
        [blender, "-c", SMALL + "tool.main()", *asked], cwd=ROOT, check=True, timeout=120
    )
    files = sorted(out.rglob("*.png"))
    return {file.relative_to(out).as_posix(): np.asarray(Image.open(file)) for file in files}


@pytest.mark.parametrize("blender", ["bpy==5.0.1"], indirect=True)
def test_things_of_every_kind_move_and_are_whole_in_the_picture(
    blender: str, tmp_path: Path
) -> None:
    first = rendered(blender, tmp_path / "first", 13)
    names = {name.partition("/")[0] for name in first}
    assert len(first) == 2 * len(names) == 26
    kinds = {"beast", "bicycle", "blob", "rods", "sheet", "vehicle"}
    assert {name.partition("_")[0] for name in names} == kinds
    for name in names:
        begin, end = (first[f"{name}/{frame:02d}.png"][..., 3] for frame in range(2))
        assert (begin > 127).mean() > LEAST_SHARE, f"{name} is a speck"
        rim = np.concatenate([np.r_[a[0], a[-1], a[:, 0], a[:, -1]] for a in (begin, end)])
        assert not rim.any(), f"{name} is cut by the picture's edge"
        assert (begin != end).any(), f"{name} stands still"
    again = rendered(blender, tmp_path / "again", 2)
    assert again, "nothing was rendered"
    for name, picture in again.items():
        assert np.array_equal(picture, first[name]), f"{name} is another picture with the same seed"
