"""A window of its own that shows how the loss of a training run falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QTimer
from PySide6.QtWidgets import QLabel, QMainWindow

from rde_roto.doors.viewer.app import run_until_closed
from rde_roto.doors.viewer.style import GROUND, LINE, QUIET
from rde_roto.session.error_words import sentence
from rde_roto.training.runlog import TERMS, LogFollower, LogRow
from rde_roto.values.errors import RotoError

_EVERY_MS = 2000
_WINDOWS = 80
"""A curve is the running mean over this part of the run; the single values are faint behind it."""
_FAINT = 70


class TrainingWindow(QMainWindow):
    """Show the terms of a run's loss over its iterations, on a logarithmic scale.

    The mouse zooms and scrolls, and reads the values at an iteration. ``poll`` reads what the run
    has logged since; it is called every two seconds while the window is open.
    """

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.setWindowTitle(f"{run.resolve().name} — rde-roto train")
        self.resize(960, 540)
        self._log = LogFollower(run)
        self.plot = pg.PlotWidget(background=GROUND, enableMenu=False)
        item = self.plot.getPlotItem()
        item.setLogMode(y=True)
        item.showGrid(x=True, y=True, alpha=0.15)
        item.addLegend(offset=(-10, 10))
        item.setLabel("bottom", "iteration")
        item.setLabel("left", "loss")
        for name in ("bottom", "left"):
            item.getAxis(name).setPen(pg.mkPen(LINE))
            item.getAxis(name).setTextPen(pg.mkPen(QUIET))
            item.getAxis(name).enableAutoSIPrefix(False)
        self.curves = {term: self._curves_of(term, colour) for term, colour in TERMS.items()}
        self._at = pg.InfiniteLine(pen=pg.mkPen(LINE))
        self._at.hide()
        self.plot.addItem(self._at, ignoreBounds=True)
        self.plot.scene().sigMouseMoved.connect(self.read_at)
        self.setCentralWidget(self.plot)
        self.reading, self.state = QLabel(), QLabel("no iteration is logged yet")
        self.statusBar().addWidget(self.reading, 1)
        self.statusBar().addPermanentWidget(self.state)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.poll)
        self._timer.start(_EVERY_MS)
        self.poll()

    def poll(self) -> None:
        """Show what is new in the log."""
        try:
            is_new = self._log.poll()
        except RotoError as error:
            self.state.setText(sentence(error))
            self._timer.stop()
            return
        if not is_new:
            return
        rows = self._log.rows
        at = np.array([row.iteration for row in rows])
        for term, (single, mean) in self.curves.items():
            values = np.array([getattr(row, term) for row in rows])
            values[~(values > 0)] = np.nan  # a term that this recipe does not have, or an overflow
            single.setData(at, values)
            mean.setData(at, running_mean(values))
        self.state.setText(_summary(rows))

    def read_at(self, place: QPointF) -> None:
        """Show the values at a position of the mouse, in pixels of the plot."""
        rows, box = self._log.rows, self.plot.getPlotItem().getViewBox()
        if not rows or not box.sceneBoundingRect().contains(place):
            self._at.hide()
            self.reading.clear()
            return
        x = float(box.mapSceneToView(place).x())
        row = min(rows, key=lambda one: abs(one.iteration - x))
        self._at.setValue(row.iteration)
        self._at.show()
        values = [f"{term} {getattr(row, term):.4g}" for term in TERMS if getattr(row, term) > 0]
        self.reading.setText("   ".join([f"iteration {row.iteration}", *values]))

    def _curves_of(self, term: str, colour: str) -> tuple[pg.PlotDataItem, pg.PlotDataItem]:
        faint = pg.mkColor(colour)
        faint.setAlpha(_FAINT)
        single = pg.PlotDataItem(pen=pg.mkPen(faint), connect="finite")
        mean = pg.PlotDataItem(pen=pg.mkPen(colour, width=2), connect="finite", name=term)
        for curve in (single, mean):  # a long run has many more iterations than pixels
            curve.setDownsampling(auto=True, method="peak")
            curve.setClipToView(True)
            self.plot.addItem(curve)
        return single, mean


def running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the values up to each place, over a share of the run; of NaN nothing
    counts.
    """
    width = max(1, len(values) // _WINDOWS)
    total = np.concatenate([[0.0], np.nancumsum(values)])
    count = np.concatenate([[0], np.cumsum(np.isfinite(values))])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - width)
    many = count[ends] - count[begins]
    mean: NDArray[np.float64] = np.where(
        many, (total[ends] - total[begins]) / np.maximum(many, 1), np.nan
    )
    return mean


def show_run(run: Path) -> int:
    """Show the window until it is closed, and return the program's exit code."""
    return run_until_closed(lambda: TrainingWindow(run), TrainingWindow.close)


def _summary(rows: list[LogRow]) -> str:
    last = rows[-1]
    waited = sum(row.waited for row in rows[-100:])
    spent = last.seconds - rows[-101].seconds if len(rows) > 100 else last.seconds
    share = 100 * waited / spent if spent else 0
    return (
        f"iteration {last.iteration}   {last.seconds / 60:.0f} min   rate {last.rate:.3g}   "
        f"{share:.0f} % waiting"
    )
