"""An artist made of a script, who works in the window by mouse and keys alone.

It is fair: it looks at what the window shows and, with the eye, at the element on the frame that it
draws on, whose truth is given. How well other frames are tracked it learns from the window only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from desk import LEFT, NO_KEY, Desk, shown
from PySide6.QtCore import QElapsedTimer, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from session_bench import Toys

from rde_roto.doors.options import plate_memo
from rde_roto.doors.viewer.services import open_services
from rde_roto.doors.viewer.style import dress
from rde_roto.doors.viewer.window import MainWindow
from rde_roto.evaluation.metrics import BoolArray, region_similarity
from rde_roto.images.masks import read_mask
from rde_roto.images.sequences import FrameSequence
from rde_roto.session.document.opening import open_draft
from rde_roto.session.session import Session

Hints: TypeAlias = Literal["scribbles", "clicks"]
"""How the select tool is told what belongs to the element: short lines after a box, or clicks."""

_BEAT_MS = 5
_PATIENCE_S = 3600.0
_BOX_MARGIN_PX = 6
_MOST_HINTS = 8
_LEAST_GAIN = 0.003
"""A hint that brings less is undone, and the rest is done with the lasso."""
_MOST_IN_VAIN = 3
"""So many lassos without a gain, and it is as right as this hand can make it."""
_LEAST_ERROR_PX = 9
_HAND_PX = 1.5
"""How far the line of the hand may be from the edge, in pixels of the plate."""
_RIGHT = Qt.MouseButton.RightButton
_SHIFT = Qt.KeyboardModifier.ShiftModifier


class Error(NamedTuple):
    """A connected part of the mask that is missing, or too much."""

    area: BoolArray
    is_missing: bool

    @property
    def deepest(self) -> tuple[int, int]:
        """(x, y) of the point farthest from its edge."""
        padded = np.pad(self.area.astype(np.uint8), 1)
        depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        return int(x) - 1, int(y) - 1

    def scribble(self) -> list[tuple[float, float]]:
        """A line along the row through its deepest point, over the middle half of it."""
        x, y = self.deepest
        row = np.nonzero(~self.area[y])[0]
        left = int(row[row < x].max(initial=-1)) + 1
        right = int(row[row > x].min(initial=self.area.shape[1])) - 1
        reach = (right - left) / 4
        middle = (left + right) / 2 + 0.5
        return [(middle - reach, y + 0.5), (middle, y + 0.5), (middle + reach, y + 0.5)]

    def outline(self) -> list[tuple[float, float]]:
        """The line around it, as a hand draws it."""
        found, _ = cv2.findContours(
            self.area.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        line = cv2.approxPolyDP(max(found, key=len), _HAND_PX, True)[:, 0] + 0.5
        return [(float(x), float(y)) for x, y in (*line, line[0])]


def errors(wanted: BoolArray, drawn: BoolArray) -> list[Error]:
    """What has to be corrected, the largest first."""
    found = []
    for difference, is_missing in ((wanted & ~drawn, True), (drawn & ~wanted, False)):
        count, labels = cv2.connectedComponents(difference.astype(np.uint8))
        found += [Error(labels == place, is_missing) for place in range(1, count)]
    return sorted(found, key=lambda one: int(one.area.sum()), reverse=True)


@dataclass
class Artist:
    """Hands and eyes before a window. Actions are counted by its desk."""

    desk: Desk
    truth: FrameSequence
    hints: Hints = "scribbles"
    pictures: Path | None = None
    stalls_ms: list[int] = field(default_factory=list)
    _snaps: int = 0

    @property
    def session(self) -> Session:
        return self.desk.session

    def sees(self) -> BoolArray:
        """Where the element is on the frame before the eyes, which is to be a keyframe."""
        planes, _ = read_mask(self.truth.path(self.session.frame), self.session.plate.format)
        inside: BoolArray = planes[0] >= 0.5
        return inside

    def drawn(self) -> BoolArray:
        """The matte that the window shows."""
        inside: BoolArray = self.session.paint.pixels() >= 0.5
        return inside

    def iou(self) -> float:
        """How right the frame before the eyes is."""
        return region_similarity(self.sees(), self.drawn())

    def snap(self, name: str, widget: QWidget | None = None) -> None:
        """Saves what is on the screen."""
        if self.pictures is None:
            return
        QTest.qWait(200)
        self._snaps += 1
        seen = widget or self.desk.window
        on_screen = self.desk.app.platformName() == "xcb" and widget is None
        picture = seen.screen().grabWindow(seen.winId()) if on_screen else seen.grab()
        picture.save(str(self.pictures / f"{self._snaps:02}-{name}.png"))

    def draw(self, target: float, most_actions: int = 200) -> Iterator[float]:
        """Draws until the frame is that right, or as right as it gets. Yields how right it is after
        each thing done.
        """
        end = self.desk.actions + most_actions
        if not self.session.draft.drawings:
            yield self._begin()
        value = self.iou()
        for _ in range(_MOST_HINTS):
            if value >= target or self.desk.actions >= end:
                return
            before, value = value, self._hint()
            if value < before + _LEAST_GAIN:
                self.desk.key("Ctrl+Z")
                value = self.iou()
                break
            yield value
        self.desk.key("4")
        best, in_vain = value, 0
        while value < target and self.desk.actions < end and in_vain < _MOST_IN_VAIN:
            found = errors(self.sees(), self.drawn())
            if not found or found[0].area.sum() < _LEAST_ERROR_PX:
                return
            button = LEFT if found[0].is_missing else _RIGHT
            self.desk.drag(*found[0].outline(), button=button)
            value = self.iou()
            in_vain = 0 if value > best else in_vain + 1
            best = max(best, value)
            yield value

    def _begin(self) -> float:
        """Shows the select tool where the element is: by a box, or by a click on it."""
        self.desk.key("6")
        if self.hints == "clicks":
            return self._hint()
        rows, columns = np.nonzero(self.sees())
        height, width = self.session.size
        left, top = (max(1, int(edge.min()) - _BOX_MARGIN_PX) for edge in (columns, rows))
        right = min(width - 2, int(columns.max()) + _BOX_MARGIN_PX)
        bottom = min(height - 2, int(rows.max()) + _BOX_MARGIN_PX)
        self.desk.drag((left, top), ((left + right) / 2, (top + bottom) / 2), (right, bottom))
        self._until_selected()
        return self.iou()

    def _hint(self) -> float:
        """Tells the select tool of the largest error."""
        if self.session.paint.tool_name != "smart":
            self.desk.key("6")
        found = errors(self.sees(), self.drawn())
        if found:
            button = LEFT if found[0].is_missing else _RIGHT
            if self.hints == "clicks":
                x, y = found[0].deepest
                self.desk.drag((x + 0.5, y + 0.5), button=button)
            else:
                keys = _SHIFT if found[0].is_missing else NO_KEY
                self.desk.drag(*found[0].scribble(), keys=keys, button=button)
            self._until_selected()
        return self.iou()

    def _until_selected(self) -> None:
        self.desk.until(lambda: not self.session.paint.notice)

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

    def is_seen(self) -> bool:
        """Whether the frame's matte of now is before the eyes."""
        seen = self.session.live.newest(self.session.frame)
        is_drawn = self.session.shown.drawn(self.session.element) is not None
        has_picture = self.session.navigation.picture() is not None
        return has_picture and (is_drawn or (seen is not None and seen.is_current))

    def look_for_trouble(self) -> int:
        """Goes where the window says a correction helps; else far from all keyframes."""
        if self.session.quality.suggestions:
            self.desk.key("N")
        else:
            line = self.desk.window.time_line
            at = QPoint(round(line.place(self._farthest())), 40)
            self.desk.actions += 1
            QTest.mouseClick(line, LEFT, NO_KEY, at)
        self.desk.until(self.is_seen)
        return self.session.frame

    def _farthest(self) -> int:
        """The frame farthest from any keyframe."""
        drawn = self.session.draft.drawings
        return max(self.session.range, key=lambda frame: min(abs(frame - k) for k in drawn))


@contextmanager
def at_a_window(app: QApplication) -> Iterator[Desk]:
    """A window over the real network, with nothing open and nothing remembered."""
    dress(app)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RDE_ROTO_CACHE"] = folder
        for kind in ("CONFIG", "DATA", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = folder
        with plate_memo() as memo, open_services("cpu", memo) as services:
            window = MainWindow(services.backend, partial(open_draft, memo=memo))
            shown(window)
            yield Desk(app, window, Toys(), _PATIENCE_S)
            window.close()
