"""A whole roto in the window, from nothing to mattes: what an artist sees and gets.

``python tests/viewer/whole_roto.py PLATE TRUTH [--pictures DIR]``, with tests/unit and tests/viewer
on PYTHONPATH: select and lasso for the first mask, propagate, correct the frame that the window
suggests, propagate again, lock, export. TRUTH has masks named as the plate's frames are. Prints one
line of JSON. Pictures of the window are saved after every step. `tests/bench/actions.py` measures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from artist import Artist, at_a_window
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.dialogs import ExportDialog
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.images.files import read_channels
from rde_roto.images.sequences import FrameSequence, find_sequence

RIGHT_ENOUGH = 0.95
LAPTOP = 1366, 768


def score(artist: Artist) -> float:
    """J&F of all frames, as the window shows them."""
    return round(SequenceScore.of(_pairs(artist)).j_and_f, 4)


def _pairs(artist: Artist) -> Iterator[tuple[BoolArray, BoolArray]]:
    for frame in artist.session.range:
        artist.session.go_to(frame)
        artist.desk.until(artist.is_seen)
        yield artist.sees(), artist.drawn()


def draw(artist: Artist) -> float:
    """Draws the frame that is shown until it is right; how right it is."""
    return max(artist.draw(RIGHT_ENOUGH), default=artist.iou())


def look_about(artist: Artist) -> None:
    """All the ways to look at a matte."""
    for name, keys, back in (
        ("outline", "Q", "Q"),
        ("alone", "A", "A"),
        ("delivered", "Z", "Z"),
        ("wipe-version-before", "Alt+2", "W"),
        ("wipe-keyframe-alone", "Alt+3", "W"),
    ):
        artist.desk.key(keys)
        artist.snap(name)
        artist.desk.key(back)


def deliver(artist: Artist, folder: Path) -> FrameSequence:
    """Locks the frame, and exports all."""
    desk, session = artist.desk, artist.session
    desk.key("Shift+X")
    desk.until(lambda: bool(session.draft.locks))
    desk.settled()
    artist.snap("locked")
    desk.key("Ctrl+E")
    dialog = desk.window.findChildren(ExportDialog)[-1]
    dialog.pattern.setText(str(folder / "hero.####.exr"))
    artist.snap("export", dialog)
    dialog.go.click()
    desk.until(lambda: dialog.job is not None and dialog.job.state != "running")
    assert dialog.job is not None
    assert dialog.job.error is None, dialog.job.error
    dialog.reject()
    return find_sequence(str(folder))


def work(artist: Artist, plate: str, folder: Path) -> dict[str, object]:
    """From nothing to mattes; what is to be told of it."""
    desk = artist.desk
    desk.window.resize(*LAPTOP)
    artist.snap("empty")
    assert desk.window.open(plate)
    desk.until(lambda: artist.session.navigation.picture() is not None)
    artist.snap("open")
    first = draw(artist)
    artist.snap("first-mask")
    artist.propagate("P")
    artist.snap("propagated")
    before = score(artist)
    frame = artist.look_for_trouble()
    artist.snap("frame-to-fix")
    draw(artist)
    artist.snap("corrected")
    artist.propagate("Ctrl+P")
    artist.snap("again")
    after = score(artist)
    beside = frame - 3 if frame + 3 > artist.session.range.last else frame + 3
    artist.session.go_to(beside)
    desk.until(artist.is_seen)
    look_about(artist)
    mattes = deliver(artist, folder)
    desk.session.go_to(beside)
    desk.until(artist.is_seen)
    shown_alpha = artist.session.shown.alpha(artist.session.element)
    written = read_channels(mattes.path(beside), ["A"])[..., 0]
    assert shown_alpha is not None
    return {
        "platform": desk.app.platformName(),
        "first_mask_iou": round(first, 4),
        "j_and_f": before,
        "corrected_frame": frame,
        "j_and_f_corrected": after,
        "worst_stalls_ms": sorted(artist.stalls_ms)[-3:],
        "exported": len(mattes.range),
        "largest_difference_of_export": round(float(np.abs(written - shown_alpha).max()), 5),
    }


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plate")
    parser.add_argument("truth")
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    if asked.pictures is not None:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    app = QApplication(["rde-roto"])
    with tempfile.TemporaryDirectory() as folder, at_a_window(app) as desk:
        artist = Artist(desk, find_sequence(asked.truth), pictures=asked.pictures, hints="clicks")
        print(json.dumps(work(artist, asked.plate, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
