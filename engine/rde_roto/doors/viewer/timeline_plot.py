"""What the time line draws with pyqtgraph: states, marks, in and out, and the curves below them."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QGraphicsRectItem

from rde_roto.doors.viewer.style import (
    ACCENT,
    GROUND,
    INK,
    LINE,
    QUIET,
    SMALLEST_TEXT_PX,
    STATE_COLOURS,
    TEXT,
    WARNING,
)
from rde_roto.drift import LOST
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.session import Session
from rde_roto.session.track_quality import confidence_range

RULER_PX = 20
_MARGIN_PX = 16
_BAR = (1.25, 1.65)
"""The bar of states, in units of the curves below it, which go from 0 to 1."""
_BOTTOM, _TOP = -0.08, 1.7
_MARKS_Y = 1.45
_SUGGESTIONS_Y = 1.12
_FEWEST_FRAMES = 10
_SURE, _SIZE, _DRIFT = QColor("#d7dce5"), QColor("#6c7380"), QColor("#ff5c9a")


class FrameRuler(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """The numbers of frames, without those that the label of the current frame would cut off."""

    def __init__(self) -> None:
        super().__init__("top")
        self._covered = (0.0, 0.0)
        self._seen: list[float] = []

    def cover(self, left: float, right: float) -> None:
        """Leave out numbers between two places, in frames."""
        before, self._covered = self._hidden(), (left, right)
        if self._hidden() != before:
            self.picture = None
            self.update()

    def tickSpacing(  # noqa: N802
        self, first: float, last: float, size: float
    ) -> list[tuple[float, float]]:
        wanted = super().tickSpacing(first, last, size)
        return [(max(1.0, spacing), offset) for spacing, offset in wanted]  # no half frames

    def tickStrings(  # noqa: N802
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        self._seen = list(values)
        texts, hidden = super().tickStrings(values, scale, spacing), self._hidden()
        return ["" if value in hidden else text for value, text in zip(values, texts, strict=True)]

    def _hidden(self) -> list[float]:
        left, right = self._covered
        return [value for value in self._seen if left < value < right]


class TimeLinePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Show the frames of a session, or those that are zoomed into."""

    def __init__(self) -> None:
        self._ruler = FrameRuler()
        super().__init__(background=GROUND, enableMenu=False, axisItems={"top": self._ruler})
        self._ends = (0, 0)
        # the time line's own events drive it, so that a press acts at once and tests need no timers
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._box = self._set_up_axes()
        self._add_items()

    # Where frames are, in pixels from the left.

    def place(self, frame: float) -> float:
        """Return where the middle of a frame is."""
        return float(self._box.mapViewToScene(QPointF(frame, 0)).x())

    def frame_at(self, x: float) -> float:
        """Return what is at a position, in frames: 3.5 is the edge between frame 3 and 4."""
        return float(self._box.mapSceneToView(QPointF(x, 0)).x())

    @property
    def frames_per_px(self) -> float:
        """How many frames a pixel is wide."""
        left, right = self.edges
        return (right - left) / max(1.0, float(self._box.width()))

    @property
    def edges(self) -> tuple[float, float]:
        """What is at the left and at the right edge, in frames."""
        left, right = self._box.viewRange()[0]
        return float(left), float(right)

    def show_whole(self, first: int, last: int) -> None:
        """Show all frames of another session."""
        self._ends = first, last
        self._box.setLimits(xMin=first - 0.5, xMax=last + 0.5)
        self._box.setXRange(first - 0.5, last + 0.5, padding=0)

    def show_edges(self, left: float, right: float) -> None:
        """Show some frames: at least a few, and none beyond the ends."""
        first, last = self._ends[0] - 0.5, self._ends[1] + 0.5
        width = min(max(right - left, min(_FEWEST_FRAMES, last - first)), last - first)
        left = min(max((left + right - width) / 2, first), last - width)
        self._box.setXRange(left, left + width, padding=0)

    # What is drawn.

    def refresh(self, session: Session) -> None:
        """Draw what is known of a session."""
        self._show_states(session)
        self._show_bounds(*session.navigation.bounds)
        self._show_curves(session)
        self._show_marks(session)

    def show_current(self, frame: int) -> None:
        """Mark the frame that is shown. Scrolls to it if it is out of sight."""
        left, right = self.edges
        if not left <= frame <= right:
            half = (right - left) / 2
            self.show_edges(frame - half, frame + half)
        self._current.setValue(frame)

    def cover(self, left_px: float, right_px: float) -> None:
        """Leave out numbers of frames whose middle is between two places, in pixels."""
        self._ruler.cover(self.frame_at(left_px), self.frame_at(right_px))

    def _set_up_axes(self) -> pg.ViewBox:
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.showAxis("top")
        axis = self._ruler
        axis.setHeight(RULER_PX)
        axis.setPen(pg.mkPen(LINE))
        axis.setTextPen(pg.mkPen(QUIET))
        axis.enableAutoSIPrefix(False)
        font = self.font()
        font.setPixelSize(SMALLEST_TEXT_PX + 1)
        axis.setStyle(tickFont=font, tickTextOffset=2, tickLength=-3, maxTickLevel=0)
        plot.layout.setContentsMargins(_MARGIN_PX, 0, _MARGIN_PX, 2)
        box = plot.getViewBox()
        box.disableAutoRange()
        box.setDefaultPadding(0)
        box.setYRange(_BOTTOM, _TOP, padding=0)
        return box

    def _add_items(self) -> None:
        self._states = pg.ImageItem(axisOrder="row-major")
        self._size = pg.PlotCurveItem(pen=pg.mkPen(_SIZE, width=1), connect="finite")
        self._sure = pg.PlotCurveItem(
            pen=pg.mkPen(_SURE, width=1.5), connect="finite", antialias=True
        )
        self._drift = pg.PlotCurveItem(pen=pg.mkPen(_DRIFT, width=1.5), antialias=True)
        faint = QColor(_DRIFT)
        faint.setAlpha(110)
        self._lost = pg.InfiniteLine(LOST, angle=0, pen=pg.mkPen(faint, style=Qt.PenStyle.DotLine))
        ink = pg.mkPen(INK)
        keyframe = pg.mkBrush(STATE_COLOURS[FrameState.KEYFRAME])
        self._keyframes = pg.ScatterPlotItem(symbol="d", size=13, pen=ink, brush=keyframe)
        self._suggestions = pg.ScatterPlotItem(symbol="t1", size=12)
        self._current = pg.InfiniteLine(pen=pg.mkPen(ACCENT, width=2))
        self._bounds = [pg.InfiniteLine(pen=pg.mkPen(TEXT, width=2)) for _ in range(2)]
        self._outside = [QGraphicsRectItem() for _ in range(2)]
        for shade in self._outside:
            shade.setBrush(QBrush(QColor(0, 0, 0, 140)))
            shade.setPen(pg.mkPen(None))
        self._none = pg.TextItem("confidence, once it is tracked", color=QUIET, anchor=(0.5, 0.5))
        levels = [pg.InfiniteLine(pos, angle=0, pen=pg.mkPen(LINE)) for pos in (0, 1)]
        curves = self._size, self._lost, self._drift, self._sure, self._none
        marks = *self._bounds, self._keyframes, self._suggestions, self._current
        for item in (*levels, self._states, *curves, *self._outside, *marks):
            self._box.addItem(item, ignoreBounds=True)

    def _show_states(self, session: Session) -> None:
        """Draw the frames in the colours of their states. The lower third is that of locked frames
        where any element is locked.
        """
        first, last = self._ends
        colours = np.full((last - first + 1, 3), _rgb(GROUND), np.uint8)
        known = {state: _rgb(colour) for state, colour in STATE_COLOURS.items()}
        for frame, state in session.states().items():
            colours[frame - first] = known[state]
        lowest = colours.copy()
        for frame in filter(session.range.__contains__, session.draft.frames_with_locks):
            lowest[frame - first] = known[FrameState.LOCKED]
        rows = np.stack([lowest, colours, colours])
        self._states.setImage(rows, autoLevels=False, levels=None)
        low, high = _BAR
        self._states.setRect(QRectF(first - 0.5, low, len(colours), high - low))

    def _show_bounds(self, first: int, last: int) -> None:
        left, right = self._ends[0] - 0.5, self._ends[1] + 0.5
        ends = (left, first - 0.5), (last + 0.5, right)
        for shade, (begin, end) in zip(self._outside, ends, strict=True):
            shade.setRect(QRectF(begin, _BOTTOM, end - begin, _TOP - _BOTTOM))
        for line, at in zip(self._bounds, (first - 0.5, last + 0.5), strict=True):
            line.setValue(at)

    def _show_curves(self, session: Session) -> None:
        """Draw the chosen element's confidence over its own range, its size as a share of its
        largest, and its drift from 0 to 1.
        """
        quality, element = session.quality, session.element
        frames = np.arange(self._ends[0], self._ends[1] + 1)
        confidences = quality.confidences(element)
        sure = _curve(confidences, frames)
        size = _curve(quality.areas(element), frames)
        low, high = confidence_range(confidences.values())
        largest = np.nanmax(size, initial=0.0)
        self._sure.setData(frames, np.clip((sure - low) / (high - low), 0, 1))
        self._size.setData(frames, size / largest if largest else size)
        drift = sorted(quality.drift(element).items())
        self._drift.setData([at for at, _ in drift], [min(value, 1.0) for _, value in drift])
        self._lost.setVisible(bool(drift))
        left, right = self.edges
        self._none.setPos((left + right) / 2, 0.5)
        self._none.setVisible(int(np.isfinite(sure).sum()) < 2)

    def _show_marks(self, session: Session) -> None:
        drawn = [frame for frame in session.draft.drawings if frame in session.range]
        self._keyframes.setData(drawn, [_MARKS_Y] * len(drawn))
        found = [one.frame for one in session.quality.suggestions]
        self._suggestions.setData(
            found,
            [_SUGGESTIONS_Y] * len(found),
            pen=[pg.mkPen(WARNING)] * len(found),
            brush=[pg.mkBrush(None if place else WARNING) for place in range(len(found))],
        )


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _curve(values: dict[int, float], frames: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return a value for each frame, NaN where there is none."""
    return np.array([values.get(int(frame), np.nan) for frame in frames])
