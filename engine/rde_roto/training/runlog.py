"""The log of a run: one row per iteration in ``log.csv``, plotted in ``curve.png``."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rde_roto.atomic import replacing
from rde_roto.values.errors import InputError

_SIZE = (960, 480)
_MARGIN = 56
TERMS: Final = {"segmentation": "#1f77b4", "guidance": "#ff7f0e", "consistency": "#2ca02c"}
"""The terms of the loss and the colours of their curves."""


@dataclass(frozen=True)
class LogRow:
    """One iteration. seconds: training time so far; waited: seconds that this iteration waited for
    its batch; rate: the factor of the recipe's learning rate.
    """

    iteration: int
    seconds: float
    waited: float
    frames: int
    segmentation: float
    guidance: float
    consistency: float
    gradient_norm: float
    rate: float


class RunLog:
    """Appends to a run's log; rows after the iteration at which it resumes are dropped.

    They belong to iterations that were not saved and are trained again.
    """

    def __init__(self, run: Path, iteration: int) -> None:
        self._run = run
        self._rows = [row for row in read_log(run) if row.iteration <= iteration]
        with replacing(run / "log.csv") as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(LogRow)])
            writer.writeheader()
            writer.writerows(asdict(row) for row in self._rows)
        self._unwritten: list[LogRow] = []

    def add(self, row: LogRow) -> None:
        """Add a row; it is on disk after the next flush."""
        self._unwritten.append(row)

    def flush(self) -> None:
        """Append to the log and redraw its curve."""
        with (self._run / "log.csv").open("a", newline="") as file:
            csv.writer(file).writerows(asdict(row).values() for row in self._unwritten)
        self._rows += self._unwritten
        self._unwritten = []
        with replacing(self._run / "curve.png") as temporary:
            draw_curve(self._rows).save(temporary, "PNG")


class LogFollower:
    """Reads the log of a run that may be going on, and only what is new of it.

    `rows` are those that are read so far. A run that is resumed rewrites its log, which is then
    read from the beginning.
    """

    def __init__(self, run: Path) -> None:
        self.rows: list[LogRow] = []
        self._path = run / "log.csv"
        self._file: tuple[int, int] | None = None  # device and number of the file that was read
        self._read_bytes = 0

    def poll(self) -> bool:
        """Read what is new; whether there was anything. Raises InputError for a damaged log."""
        try:
            with self._path.open("rb") as file:
                there = os.fstat(file.fileno())
                is_same = self._file == (there.st_dev, there.st_ino)
                if not is_same or there.st_size < self._read_bytes:
                    self.rows, self._file = [], (there.st_dev, there.st_ino)
                    self._read_bytes = len(file.readline())
                file.seek(self._read_bytes)
                new = file.read()
        except FileNotFoundError:
            return False
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        names = [field.name for field in fields(LogRow)]
        rows = _rows(self._path, csv.DictReader(whole.decode("utf-8").splitlines(), names))
        self.rows += rows
        return bool(rows)


def read_log(run: Path) -> list[LogRow]:
    """Read the rows of a run's log; empty if there is none. Raises InputError for a damaged one.

    An incomplete last line, left by a killed process, is ignored.
    """
    path = run / "log.csv"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return _rows(path, csv.DictReader(line for line in lines if line.endswith("\n")))


def _rows(path: Path, cells: Iterable[Mapping[str, str]]) -> list[LogRow]:
    try:
        return [_row(one) for one in cells]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"the log {path} is damaged; move it away to continue: {error}") from error


def _row(cells: Mapping[str, str]) -> LogRow:
    numbers: dict[str, Any] = {name: float(cell) for name, cell in cells.items()}
    whole = {name: int(numbers[name]) for name in ("iteration", "frames")}
    return LogRow(**{**numbers, **whole})


def draw_curve(rows: list[LogRow]) -> Image.Image:
    """Plot the terms of the loss over the iterations: window means on a logarithmic scale."""
    image = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(image)
    curves = {term: _smooth(np.array([getattr(row, term) for row in rows])) for term in TERMS}
    curves = {term: curve[np.isfinite(curve[:, 1])] for term, curve in curves.items()}
    curves = {term: curve for term, curve in curves.items() if (curve[:, 1] > 0).any()}
    if not curves:
        return image
    values = np.concatenate([curve[:, 1] for curve in curves.values()])
    low = np.floor(np.log10(values[values > 0].min()))
    high = np.ceil(np.log10(values.max()) + 1e-9)
    width, height = _SIZE[0] - 2 * _MARGIN, _SIZE[1] - 2 * _MARGIN

    def place(iteration: float, value: float) -> tuple[float, float]:
        x = _MARGIN + width * iteration / max(1, len(rows))
        return x, _MARGIN + height * (1 - (np.log10(max(value, 10**low)) - low) / (high - low))

    for power in np.arange(low, high + 1):
        _, y = place(0, 10**power)
        pen.line([(_MARGIN, y), (_MARGIN + width, y)], fill="#dddddd")
        pen.text((4, y - 6), f"{10**power:g}", fill="#555555")
    for step in range(5):
        iteration = len(rows) * step / 4
        x, _ = place(iteration, 10**low)
        pen.text((x - 12, _MARGIN + height + 8), f"{iteration:.0f}", fill="#555555")
    for index, (term, curve) in enumerate(curves.items()):
        pen.line([place(x, y) for x, y in curve], fill=TERMS[term], width=2)
        pen.text((_MARGIN + 120 * index, _MARGIN // 2), term, fill=TERMS[term])
    return image


def _smooth(values: NDArray[np.float64], points: int = 80) -> NDArray[np.float64]:
    """The middle iteration and the mean of equal windows: [points, 2]."""
    parts = np.array_split(np.arange(1, len(values) + 1), min(points, max(1, len(values))))
    means = [(part.mean(), values[part - 1].mean()) for part in parts if len(part)]
    return np.array(means).reshape(-1, 2)
