"""Mattes into files, while somebody is busy in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_shots import ToyNode, a_shot, mask

from rde_roto.delivery import deliver
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.values.delivery import PartialError
from rde_roto.values.preset import Output


@pytest.mark.parametrize("moved", ["out", "out/m.1004.exr"])
def test_what_is_moved_away_meanwhile_is_not_delivered(tmp_path: Path, moved: str) -> None:
    """The whole folder, in whose place the rest makes another one, or one matte of it."""
    node = ToyNode(a_shot(mask(1001), frames="1001-1008"))
    origin = Origin(node.shot.plate.format)
    writer = open_matte_writer(str(tmp_path / "out/m.####.exr"), origin, ("a",), Output(), {})
    asked = node.shot.range

    def move(frame: int, _kept: bool) -> None:
        if frame == 1005:
            (tmp_path / moved).rename(tmp_path / "elsewhere")

    with pytest.raises(PartialError, match=r"out have disappeared: .*; not delivered: 1") as e:
        deliver(node, asked, writer, move)
    there = {int(path.suffixes[0][1:]) for path in (tmp_path / "out").iterdir()}
    assert set(e.value.frames) == set(asked) - there
    assert set(e.value.frames) == ({1004} if moved.endswith(".exr") else {*range(1001, 1006)})
    (tmp_path / "elsewhere").rename(tmp_path / "seen")
    assert deliver(node, asked, writer, lambda *_: None).made == len(e.value.frames)
