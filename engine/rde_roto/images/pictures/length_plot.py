"""Plots time and memory over the frames of a shot, one line for each bank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from rde_roto.images.pictures.panels import BACKGROUND, BRIGHT_TEXT, TEXT
from rde_roto.images.pictures.picture_files import write_picture

Points = Sequence[tuple[float, float]]
"""(frame, value), frames ascending."""

_COLOURS = ((255, 176, 46), (58, 150, 255), (120, 214, 90))
_GROUND = (36, 36, 40)
_RULE = (58, 58, 64)
_WIDTH_PX, _PANEL_PX = 900, 220
_LEFT_PX, _RIGHT_PX, _TOP_PX, _FOOT_PX = 70, 20, 34, 30
_MOST_TICKS = 6


def length_plot(panels: Mapping[str, Mapping[str, Points]], path: Path) -> None:
    """Write a PNG with a panel for each title and a line for each name, over the same frames.

    Raises OutputError when it cannot be written.
    """
    height = len(panels) * (_TOP_PX + _PANEL_PX + _FOOT_PX)
    image = Image.new("RGB", (_WIDTH_PX, height), BACKGROUND)
    last = max(points[-1][0] for lines in panels.values() for points in lines.values())
    for place, (title, lines) in enumerate(panels.items()):
        top = _TOP_PX + place * (_TOP_PX + _PANEL_PX + _FOOT_PX)
        _panel(ImageDraw.Draw(image), top, title, lines, last)
    write_picture(image, path)


def _panel(
    draw: ImageDraw.ImageDraw, top: int, title: str, lines: Mapping[str, Points], last: float
) -> None:
    font = ImageFont.load_default(13)
    right, foot = _WIDTH_PX - _RIGHT_PX, top + _PANEL_PX
    most = 1.1 * max(value for points in lines.values() for _, value in points)
    draw.rectangle((_LEFT_PX, top, right, foot), fill=_GROUND)
    draw.text((_LEFT_PX, top - 8), title, BRIGHT_TEXT, font, anchor="ls")
    for frame in _ticks(last):
        x = _LEFT_PX + frame / last * (right - _LEFT_PX)
        draw.text((x, foot + 6), f"{frame:g}", TEXT, font, anchor="mt")
    draw.text((_LEFT_PX - 16, foot + 6), "frame", TEXT, font, anchor="rt")
    for value in _ticks(most):
        y = foot - value / most * _PANEL_PX
        draw.line((_LEFT_PX, y, right, y), fill=_RULE)
        draw.text((_LEFT_PX - 6, y), f"{value:g}", TEXT, font, anchor="rm")
    left = float(right) + 16
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
        places = [
            (_LEFT_PX + frame / last * (right - _LEFT_PX), foot - value / most * _PANEL_PX)
            for frame, value in points
        ]
        draw.line(places, fill=colour, width=2)
        left -= 16 + draw.textlength(name, font)
        draw.text((left, top - 8), name, colour, font, anchor="ls")


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 up to ``most``: steps of 1, 2 or 5 times a power of ten."""
    decade = 10 ** math.floor(math.log10(most / _MOST_TICKS))
    step = next(decade * n for n in (1, 2, 5, 10) if most / (decade * n) <= _MOST_TICKS)
    return [place * step for place in range(int(most / step) + 1)]
