"""Building blocks of pictures for people: small cells, mattes over plates, badges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from rde_roto.values.matte import FloatArray

CELL_WIDTH_PX = 416
GUTTER_PX = 6
MARGIN_PX = 18
STRIP_WIDTH_PX = 3 * CELL_WIDTH_PX + 2 * GUTTER_PX

BACKGROUND = (24, 24, 26)
TEXT = (168, 168, 172)
BRIGHT_TEXT = (214, 214, 218)

_BADGE = (12, 12, 13)
# far apart in hue, similar in lightness; repeated if there are more elements
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


def in_cell(planes: FloatArray) -> FloatArray:
    """Scale [C, H, W] to a cell's width; the result is in 0..1."""
    height = max(1, round(planes.shape[1] * CELL_WIDTH_PX / planes.shape[2]))
    return np.stack([_resize(plane, (CELL_WIDTH_PX, height)) for plane in planes])


def _resize(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    image = Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS)
    resized: FloatArray = np.asarray(image, dtype=np.float32).clip(0, 1)
    return resized


def tints(count: int) -> NDArray[np.float64]:
    """Return the colours of `count` elements: [count, 3] in 0..1."""
    return np.array([_TINTS[index % len(_TINTS)] for index in range(count)]) / 255


def painted(alpha: FloatArray, colours: NDArray[np.float64]) -> FloatArray:
    """Paint each plane of [K, H, W] in its colour: [H, W, 3]."""
    paint: FloatArray = np.einsum("khw,kc->hwc", alpha, colours).astype(np.float32)
    return paint


def tinted(
    plate: FloatArray, alpha: FloatArray, outside: float = _OUTSIDE_BRIGHTNESS
) -> FloatArray:
    """Darken a plate [H, W, 3] outside the elements, tint it inside, and outline them.

    ``outside`` is the brightness outside; 1 leaves it unchanged.
    """
    colours = tints(len(alpha))
    inside = np.minimum(alpha.sum(axis=0), 1)[..., None]
    picture: FloatArray = plate * (outside + (1 - outside) * inside)
    picture = picture * (1 - _TINT_STRENGTH * inside) + _TINT_STRENGTH * painted(alpha, colours)
    for plane, colour in zip(alpha, colours, strict=True):
        picture = outlined(picture, plane, 0.25 + 0.75 * colour)
    return picture


def outlined(picture: FloatArray, alpha: FloatArray, colour: NDArray[np.float64]) -> FloatArray:
    """Draw a line, one pixel wide, just outside of where alpha crosses one half."""
    inside = np.pad(alpha >= 0.5, 1, mode="edge")
    near = inside[:-2, 1:-1] | inside[2:, 1:-1] | inside[1:-1, :-2] | inside[1:-1, 2:]
    line = np.where(near & ~inside[1:-1, 1:-1], np.float32(_LINE_STRENGTH), 0)[..., None]
    lined: FloatArray = picture * (1 - line) + line * colour
    return lined


def to_image(pixels: FloatArray) -> Image.Image:
    """Convert [H, W, 3] in 0..1 to an 8-bit picture."""
    return Image.fromarray(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def badge(picture: Image.Image, text: str, left_px: int = 0) -> None:
    """Draw a text on black in the lower left corner, ``left_px`` from the left."""
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(12)
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    width, height = int(right - left) + 12, int(bottom - top) + 9
    corner = (left_px, picture.height - height)
    draw.rectangle((*corner, left_px + width - 1, picture.height - 1), fill=_BADGE)
    draw.text((left_px + 6 - left, corner[1] + 4 - top), text, BRIGHT_TEXT, font)


def titled(sheet: Image.Image, titles: tuple[str, ...], line_px: int) -> None:
    """Draw a title above each cell of a row, with its baseline at ``line_px``."""
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for column, title in enumerate(titles):
        left = MARGIN_PX + column * (CELL_WIDTH_PX + GUTTER_PX)
        draw.text((left + 1, line_px), title, TEXT, font, anchor="ls")


def strip_of(cells: tuple[FloatArray, FloatArray, FloatArray]) -> Image.Image:
    """Join three cells [H, W, 3] of one size side by side."""
    strip = Image.new("RGB", (STRIP_WIDTH_PX, len(cells[0])), BACKGROUND)
    for column, cell in enumerate(cells):
        strip.paste(to_image(cell), (column * (CELL_WIDTH_PX + GUTTER_PX), 0))
    return strip


def stacked(strips: list[Image.Image], top_px: int) -> Image.Image:
    """Stack strips into a sheet with ``top_px`` of free space above them."""
    heights = [strip.height + GUTTER_PX for strip in strips]
    height = top_px + sum(heights) - GUTTER_PX + MARGIN_PX
    sheet = Image.new("RGB", (2 * MARGIN_PX + STRIP_WIDTH_PX, height), BACKGROUND)
    top = top_px
    for strip, taken in zip(strips, heights, strict=True):
        sheet.paste(strip, (MARGIN_PX, top))
        top += taken
    return sheet
