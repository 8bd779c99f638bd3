"""An artist made of a script: rotoscopes a shot in the window, from nothing, by mouse and keys.

``python tests/viewer/artist.py PLATE TRUTH [--pictures DIR]``: smart select and brush for the first
mask, propagate, correct the frame that the window suggests, propagate again, lock, export. TRUTH,
masks named as the plate's frames are, is what the artist sees with the eye: it leads the hand, and
scores the mattes. Prints one line of JSON. Pictures of the window are saved after every step.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from desk import Desk, shown
from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from session_bench import Toys

from rde_roto.doors.options import plate_memo
from rde_roto.doors.viewer.dialogs import ExportDialog
from rde_roto.doors.viewer.services import open_services
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.evaluation.metrics import BoolArray, SequenceScore
from rde_roto.images.files import read_channels
from rde_roto.images.masks import read_mask
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.session.opening import open_draft
from rde_roto.session.session import Session

_TAKES = Qt.KeyboardModifier.AltModifier
_BEAT_MS = 5
_PATIENCE_S = 300.0


@dataclass
class Artist:
    """Hands and eyes before a window."""

    desk: Desk
    truth: FrameSequence
    pictures: Path | None
    stalls_ms: list[int] = field(default_factory=list)
    _snaps: int = 0

    @property
    def session(self) -> Session:
        return self.desk.session

    def sees(self, frame: int) -> BoolArray:
        """Where the element is."""
        planes, _ = read_mask(self.truth.path(frame), self.session.plate.format)
        inside: BoolArray = planes[0] >= 0.5
        return inside

    def drawn(self) -> BoolArray:
        inside: BoolArray = self.session.paint.pixels() >= 0.5
        return inside

    def snap(self, name: str, widget: QWidget | None = None) -> None:
        """Saves what is on the screen."""
        QTest.qWait(200)
        self._snaps += 1
        if self.pictures is not None:
            seen = widget or self.desk.window
            on_screen = self.desk.app.platformName() == "xcb" and widget is None
            picture = seen.screen().grabWindow(seen.winId()) if on_screen else seen.grab()
            picture.save(str(self.pictures / f"{self._snaps:02}-{name}.png"))

    def first_mask(self) -> None:
        """A box around the element, then the brush."""
        rows, columns = np.nonzero(self.sees(self.session.frame))
        height, width = self.session.size
        left, top = max(1, columns.min() - 6), max(1, rows.min() - 6)
        right, bottom = min(width - 2, columns.max() + 6), min(height - 2, rows.max() + 6)
        self.desk.key("6")
        self.desk.drag((left, top), ((left + right) / 2, (top + bottom) / 2), (right, bottom))
        self.desk.until(lambda: bool(self.session.draft.drawings))
        self.snap("smart-select")
        self.paint()
        self.snap("painted")

    def paint(self) -> None:
        """Brushes in what is missing, and with Alt out what is too much: coarse, then fine."""
        self.desk.key("1")
        for radius, least in ((4.0, 9), (1.5, 3)):
            self.session.paint.set_brush(self.session.paint.brush.sized(radius))
            wanted = self.sees(self.session.frame)
            for run in _runs(wanted & ~self.drawn(), radius, least):
                self.desk.drag(*run)
            for run in _runs(self.drawn() & ~wanted, radius, least):
                self.desk.drag(*run, keys=_TAKES)

    def propagate(self, key: str) -> None:
        """Waits for every frame, and for what is said of them; counts how long nothing moved."""
        clock, last = QElapsedTimer(), 0
        clock.start()
        timer = QTimer()

        def beat() -> None:
            nonlocal last
            now = clock.elapsed()
            self.stalls_ms.append(now - last)
            last = now

        timer.timeout.connect(beat)
        timer.start(_BEAT_MS)
        self.desk.key(key)
        self.desk.settled()
        timer.stop()
        self.desk.until(self._is_judged)

    def _is_judged(self) -> bool:
        advice = self.session.live.advice
        return advice is not None and len(advice.confidences) == len(self.session.range)

    def score(self) -> float:
        """J&F of all frames, as the window shows them."""
        return round(SequenceScore.of(self._pairs()).j_and_f, 4)

    def _pairs(self) -> Iterator[tuple[BoolArray, BoolArray]]:
        session = self.session
        for frame in session.range:
            session.go_to(frame)
            self.desk.until(self.is_seen)
            yield self.sees(frame), self.drawn()

    def is_seen(self) -> bool:
        """Whether the frame's matte of now is before the eyes."""
        seen = self.session.live.newest(self.session.frame)
        is_drawn = self.session.shown.drawn(self.session.element) is not None
        return is_drawn or (seen is not None and seen.is_current)

    def correct(self) -> int:
        """Goes where the window says, and makes that frame right."""
        self.desk.key("N")
        self.desk.until(lambda: self.session.navigation.picture() is not None)
        self.snap("frame-to-fix")
        self.desk.key("C")
        self.paint()
        self.snap("corrected")
        return self.session.frame

    def look_about(self) -> None:
        """All the ways to look at a matte."""
        for name, keys, back in (
            ("outline", "Q", "Q"),
            ("alone", "A", "A"),
            ("delivered", "Z", "Z"),
            ("wipe-version-before", "Alt+2", "W"),
            ("wipe-keyframe-alone", "Alt+3", "W"),
        ):
            self.desk.key(keys)
            self.snap(name)
            self.desk.key(back)

    def deliver(self, folder: Path) -> FrameSequence:
        """Locks the frame, and exports all."""
        self.desk.key("Shift+X")
        self.desk.until(lambda: bool(self.session.draft.locks))
        self.desk.settled()
        self.snap("locked")
        self.desk.key("Ctrl+E")
        dialog = self.desk.window.findChildren(ExportDialog)[-1]
        dialog.pattern.setText(str(folder / "hero.####.exr"))
        self.snap("export", dialog)
        dialog.go.click()
        self.desk.until(lambda: dialog.job is not None and dialog.job.state != "running")
        assert dialog.job is not None
        assert dialog.job.error is None, dialog.job.error
        dialog.reject()
        return find_sequence(str(folder))


def _runs(
    mask: BoolArray, radius: float, least: int
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Strokes along the rows of a mask, a brush apart."""
    for row in np.unique(np.nonzero(mask)[0])[:: max(1, int(radius))].tolist():
        columns = np.nonzero(mask[row])[0]
        for run in np.split(columns, np.where(np.diff(columns) > 1)[0] + 1):
            if len(run) >= least:
                left = float(run[0]) + radius
                yield (left, row + 0.5), (max(left, float(run[-1]) + 1 - radius), row + 0.5)


def work(artist: Artist, plate: str, folder: Path) -> dict[str, object]:
    """From nothing to mattes; what is to be told of it."""
    desk = artist.desk
    artist.snap("empty")
    assert desk.window.open(plate)
    desk.until(lambda: artist.session.navigation.picture() is not None)
    artist.snap("open")
    artist.first_mask()
    found, wanted = artist.drawn(), artist.sees(artist.session.frame)
    artist.propagate("P")
    artist.snap("propagated")
    before = artist.score()
    frame = artist.correct()
    artist.propagate("Ctrl+P")
    artist.snap("again")
    after = artist.score()
    artist.session.go_to(frame + 3)
    desk.until(lambda: artist.session.navigation.picture() is not None)
    artist.look_about()
    mattes = artist.deliver(folder)
    desk.session.go_to(frame + 1)
    desk.until(artist.is_seen)
    shown_alpha = artist.session.shown.alpha(artist.session.element)
    written = read_channels(mattes.path(frame + 1), ["A"])[..., 0]
    assert shown_alpha is not None
    return {
        "platform": desk.app.platformName(),
        "first_mask_iou": round(float((found & wanted).sum() / (found | wanted).sum()), 4),
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
    dress(app)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RDE_ROTO_CACHE"] = folder
        for kind in ("CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = folder
        with plate_memo() as memo, open_services("cpu", memo) as services:
            window = MainWindow(services.backend, partial(open_draft, memo=memo))
            shown(window)
            desk = Desk(app, window, Toys(), _PATIENCE_S)
            artist = Artist(desk, find_sequence(asked.truth), asked.pictures)
            print(json.dumps(work(artist, asked.plate, Path(folder) / "mattes")), flush=True)
            window.close()


if __name__ == "__main__":
    main()
