"""The scripted artist: what it counts, and that it looks at nothing but the frame it draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from artist import Artist, errors
from desk import FRAMES, HEIGHT, WIDTH, Desk
from image_files import write_image

from rde_roto.evaluation.metrics import BoolArray
from rde_roto.images.sequences import find_sequence

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


def disk(x: float) -> BoolArray:
    rows, columns = np.indices((HEIGHT, WIDTH))
    inside: BoolArray = np.hypot(rows - 45, columns - x) < 20
    return inside


def test_errors_are_missing_or_too_much_and_the_largest_comes_first() -> None:
    wanted, drawn = np.zeros((2, 20, 30), bool)
    wanted[2:10, 2:10] = True
    drawn[15:18, 20:25] = True
    drawn[2:6, 2:10] = True
    found = errors(wanted, drawn)
    assert [(int(one.area.sum()), one.is_missing) for one in found] == [(32, True), (15, False)]
    x, y = found[1].deepest
    assert (20 < x < 24, y) == (True, 16)
    assert all(found[0].area[int(y), int(x)] for x, y in found[0].scribble())


def test_a_disk_is_drawn_in_a_few_actions_and_only_its_own_frame_is_looked_at(
    desk: Desk, document: Path, tmp_path: Path
) -> None:
    (tmp_path / "truth").mkdir()
    for frame in FRAMES:
        picture = np.where(disk(60)[..., None], [0.8, 0.3, 0.1], [0.1, 0.2, 0.3])
        write_image(tmp_path / f"plate/hero.{frame}.exr", picture.astype(np.float32))
    first = tmp_path / f"truth/hero.{FRAMES[0]}.exr"
    write_image(first, np.repeat(disk(60)[..., None], 3, axis=2).astype(np.float32))
    desk.open(document)
    desk.window.canvas.fit()
    artist = Artist(desk, find_sequence(str(first)))
    before = desk.actions
    values = list(artist.draw(0.95))
    assert values[-1] >= 0.8  # a hand that is 1.5 px off, around a disk of 20 px
    assert 2 <= desk.actions - before <= 12
    assert desk.session.draft.drawings.keys() == {FRAMES[0]}
