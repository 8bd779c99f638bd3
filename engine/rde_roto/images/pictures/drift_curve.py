"""The curve of one element's drift along a walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rde_roto.images.pictures.panels import BACKGROUND, BRIGHT_TEXT, STRIP_WIDTH_PX, TEXT
from rde_roto.values.explanation import SOURCES, Drift
from rde_roto.values.matte import FloatArray

SOURCE_COLOURS = dict(
    zip(SOURCES, ((255, 176, 46), (58, 150, 255), (255, 60, 140), (120, 214, 90)), strict=True)
)

_LEFT_PX = 196
_RIGHT_PX = 20
_TOP_PX = 12
_SHARES_PX = 84
_BARS_PX = 46
_GAP_PX = 8
_FOOT_PX = 24
_HEIGHT_PX = _TOP_PX + _SHARES_PX + 2 * (_GAP_PX + _BARS_PX) + _FOOT_PX
_TICKS = 9

_BAR = (128, 128, 134)
_GROUND = (36, 36, 40)


@dataclass(frozen=True)
class Shown:
    """The range of frames from left to right, and the requested one."""

    first: int
    last: int
    requested: int


def drift_curve(drift: Drift, element: str, shown: Shown) -> Image.Image:
    """Draw one element's shares of attention, distance from the keyframe and change of embedding.

    There is one bar per memory frame, from left to right for either direction of the walk, and none
    where the element is not visible. A line marks the requested frame, a bright bar the memory
    frame at which the element is farthest from its keyframe.
    """
    curve = _Curve(drift, shown)
    place = drift.elements.index(element)
    farthest = drift.farthest(element)
    top = _TOP_PX
    curve.label(top, element, f"read from {drift.keyframe} on")
    curve.shares(top, drift.shares[:, place])
    top += _SHARES_PX + _GAP_PX
    note = "never seen" if farthest is None else f"farthest at {farthest}"
    curve.label(top, "distance from keyframe", note)
    curve.bars(top, drift.distance[:, place], farthest)
    top += _BARS_PX + _GAP_PX
    curve.label(top, "change of embedding", "")
    curve.bars(top, drift.change[:, place], None)
    curve.ticks(top + _BARS_PX)
    return curve.image


class _Curve:
    """Rows of bars over the same frames."""

    def __init__(self, drift: Drift, shown: Shown) -> None:
        self._frames = drift.frames
        self._shown = shown
        gaps = np.diff(sorted((drift.keyframe, *drift.frames)))
        self._half = gaps.min() / 2 if len(gaps) else 0.5
        self.image = Image.new("RGB", (STRIP_WIDTH_PX, _HEIGHT_PX), BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(12)

    def label(self, top: float, text: str, note: str) -> None:
        """Label a row on its left."""
        self._draw.text((1, top + 11), text, BRIGHT_TEXT, ImageFont.load_default(13), anchor="ls")
        self._draw.text((1, top + 28), note, TEXT, self._font, anchor="ls")

    def shares(self, top: float, shares: FloatArray) -> None:
        """Draw shares [N, S] as stacked bars."""
        self._ground(top, _SHARES_PX)
        for frame, parts in zip(self._frames, shares, strict=True):
            heights = np.concatenate([[0], np.nan_to_num(parts).cumsum()]) * _SHARES_PX
            for source, low, high in zip(SOURCES, heights, heights[1:], strict=False):
                self._bar(frame, top + _SHARES_PX - high, high - low, SOURCE_COLOURS[source])
        self._scale(top, _SHARES_PX, "100 %")
        self._mark(top, _SHARES_PX)

    def bars(self, top: float, values: FloatArray, bright: int | None) -> None:
        """Draw values [N] as bars, the highest as high as the row."""
        self._ground(top, _BARS_PX)
        most = max(0.1, float(np.nanmax(values, initial=0)))
        for frame, value in zip(self._frames, np.nan_to_num(values), strict=True):
            height = float(value) / most * _BARS_PX
            colour = BRIGHT_TEXT if frame == bright else _BAR
            self._bar(frame, top + _BARS_PX - height, height, colour)
        self._scale(top, _BARS_PX, f"{most:.2f}")
        self._mark(top, _BARS_PX)

    def ticks(self, foot: float) -> None:
        """Draw some frame numbers, including the requested one."""
        shown, requested = self._shown, self._x(self._shown.requested)
        for frame in sorted({round(f) for f in np.linspace(shown.first, shown.last, _TICKS)}):
            if abs(self._x(frame) - requested) > 40:
                self._text((self._x(frame), foot + 7), str(frame), "mt")
        self._text((requested, foot + 7), str(shown.requested), "mt", BRIGHT_TEXT)

    def _x(self, frame: float) -> float:
        length = self._shown.last - self._shown.first + 2 * self._half
        within = (frame - self._shown.first + self._half) / length
        return _LEFT_PX + (STRIP_WIDTH_PX - _LEFT_PX - _RIGHT_PX) * within

    def _ground(self, top: float, height: float) -> None:
        right = STRIP_WIDTH_PX - _RIGHT_PX
        self._draw.rectangle((_LEFT_PX, top, right, top + height), fill=_GROUND)

    def _bar(self, frame: int, top: float, height: float, colour: tuple[int, int, int]) -> None:
        left, right = self._x(frame - self._half) + 1, self._x(frame + self._half) - 1
        if height >= 0.5:
            foot = round(top + height)
            self._draw.rectangle((left, round(top), max(left, right), foot), fill=colour)

    def _scale(self, top: float, height: float, most: str) -> None:
        self._text((_LEFT_PX - 6, top), most, "rt")
        self._text((_LEFT_PX - 6, top + height), "0", "rb")

    def _mark(self, top: float, height: float) -> None:
        x = self._x(self._shown.requested)
        self._draw.line((x, top - 4, x, top + height + 4), fill=(255, 255, 255), width=1)

    def _text(
        self,
        place: tuple[float, float],
        text: str,
        anchor: str,
        colour: tuple[int, int, int] = TEXT,
    ) -> None:
        self._draw.text(place, text, colour, self._font, anchor=anchor)
