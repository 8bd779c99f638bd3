"""A picture of a few frames: plate, matte over plate, matte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rde_roto.images.files import replacing
from rde_roto.values.matte import FloatArray

_CELL_WIDTH_PX = 416
_GUTTER_PX = 6
_MARGIN_PX = 18
_HEADER_PX = 26
_TITLES = ("plate", "matte over plate", "matte")

_BACKGROUND = (24, 24, 26)
_TEXT = (168, 168, 172)
_BADGE = (12, 12, 13)
# far apart in hue, alike in lightness; reused in turn when there are more elements
_TINTS = (
    (64, 190, 255),
    (255, 166, 56),
    (150, 224, 92),
    (246, 112, 176),
    (168, 132, 255),
    (255, 226, 92),
)
_TINT_STRENGTH = 0.34
_OUTSIDE_BRIGHTNESS = 0.42
_LINE_STRENGTH = 0.9

# one row: the frame number, the plate in the network's view [H, W, 3], the alpha [K, H, W]
SheetRow = tuple[int, FloatArray, FloatArray]


def contact_sheet(rows: Sequence[SheetRow], path: Path) -> None:
    """Write a PNG with one row a frame: plate, matte tinted over the darkened plate, matte alone.

    Plates are float32 [H, W, 3] in 0..1 as `Plate.read` gives them, alphas float32 [K, H, W].
    One element's matte is drawn in grey, several in the colours of their tints.

    Raises ValueError without rows, OutputError when the file cannot be written.
    """
    if not rows:
        raise ValueError("a contact sheet needs at least one row")
    strips = [_draw_row(*row) for row in rows]
    width = 2 * _MARGIN_PX + strips[0].width
    heights = [strip.height + _GUTTER_PX for strip in strips]
    height = _MARGIN_PX + _HEADER_PX + sum(heights) - _GUTTER_PX + _MARGIN_PX
    sheet = Image.new("RGB", (width, height), _BACKGROUND)
    _draw_titles(sheet)
    top = _MARGIN_PX + _HEADER_PX
    for strip, taken in zip(strips, heights, strict=True):
        sheet.paste(strip, (_MARGIN_PX, top))
        top += taken
    with replacing(path) as temp:
        sheet.save(temp, optimize=True)


def _draw_row(frame: int, plate: FloatArray, alpha: FloatArray) -> Image.Image:
    height = max(1, round(plate.shape[0] * _CELL_WIDTH_PX / plate.shape[1]))
    size = (_CELL_WIDTH_PX, height)
    small_plate = np.stack([_resize(plate[..., channel], size) for channel in range(3)], axis=2)
    small_alpha = np.stack([_resize(plane, size) for plane in alpha])
    tints = np.array([_TINTS[index % len(_TINTS)] for index in range(len(alpha))]) / 255
    cells = (
        small_plate,
        _tint(small_plate, small_alpha, tints),
        _paint(small_alpha, tints if len(alpha) > 1 else np.ones((1, 3))),
    )
    strip = Image.new("RGB", (3 * _CELL_WIDTH_PX + 2 * _GUTTER_PX, height), _BACKGROUND)
    for column, cell in enumerate(cells):
        strip.paste(_to_image(cell), (column * (_CELL_WIDTH_PX + _GUTTER_PX), 0))
    _draw_badge(strip, str(frame))
    return strip


def _resize(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    image = Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS)
    resized: FloatArray = np.asarray(image, dtype=np.float32).clip(0, 1)
    return resized


def _paint(alpha: FloatArray, colors: NDArray[np.float64]) -> FloatArray:
    """Each element in its colour: [H, W, 3]."""
    painted: FloatArray = np.einsum("khw,kc->hwc", alpha, colors).astype(np.float32)
    return painted


def _tint(plate: FloatArray, alpha: FloatArray, tints: NDArray[np.float64]) -> FloatArray:
    """The plate, dark outside the elements, tinted inside, with a thin line around each."""
    inside = np.minimum(alpha.sum(axis=0), 1)[..., None]
    picture: FloatArray = plate * (_OUTSIDE_BRIGHTNESS + (1 - _OUTSIDE_BRIGHTNESS) * inside)
    picture = picture * (1 - _TINT_STRENGTH * inside) + _TINT_STRENGTH * _paint(alpha, tints)
    for plane, tint in zip(alpha, tints, strict=True):
        line = _outline(plane)[..., None]
        picture = picture * (1 - line) + line * (0.25 + 0.75 * tint)
    return picture


def _outline(alpha: FloatArray) -> FloatArray:
    """The line, one pixel wide, just outside of where alpha crosses one half: [H, W]."""
    inside = np.pad(alpha >= 0.5, 1, mode="edge")
    near = inside[:-2, 1:-1] | inside[2:, 1:-1] | inside[1:-1, :-2] | inside[1:-1, 2:]
    line: FloatArray = np.where(near & ~inside[1:-1, 1:-1], np.float32(_LINE_STRENGTH), 0)
    return line


def _to_image(pixels: FloatArray) -> Image.Image:
    return Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def _draw_titles(sheet: Image.Image) -> None:
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for column, title in enumerate(_TITLES):
        left = _MARGIN_PX + column * (_CELL_WIDTH_PX + _GUTTER_PX)
        draw.text((left + 1, _MARGIN_PX + _HEADER_PX - 9), title, _TEXT, font, anchor="ls")


def _draw_badge(strip: Image.Image, text: str) -> None:
    """The frame number in the lower left corner of the plate."""
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(12)
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    width, height = int(right - left) + 12, int(bottom - top) + 9
    corner = (0, strip.height - height)
    draw.rectangle((*corner, width - 1, strip.height - 1), fill=_BADGE)
    draw.text((6 - left, corner[1] + 4 - top), text, (214, 214, 218), font)
