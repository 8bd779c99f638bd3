"""Shows an explanation: as a sheet of pictures and curves, or as layers of an EXR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rde_roto.images.pictures.drift_curve import SOURCE_COLOURS, Shown, drift_curve
from rde_roto.images.pictures.panels import (
    BACKGROUND,
    BRIGHT_TEXT,
    CELL_WIDTH_PX,
    GUTTER_PX,
    MARGIN_PX,
    STRIP_WIDTH_PX,
    TEXT,
    badge,
    in_cell,
    outlined,
    stacked,
    strip_of,
    tinted,
    titled,
)
from rde_roto.images.pictures.picture_files import write_picture
from rde_roto.values.explanation import SOURCES, Drift, Explanation, Reading
from rde_roto.values.matte import FloatArray, Matte

_HEADER_PX = 26
_TITLES = ("matte over plate", "where attention went", "what the embedding holds")
_LABELS = dict(
    zip(SOURCES, ("keyframe", "latest frame", "embedding", "other keyframe"), strict=True)
)
_CAPTION_PX = 22
_INSET = 0.3


def explanation_layers(explanation: Explanation) -> dict[str, FloatArray]:
    """Make the channels of an EXR, each [H, W].

    `hero.keyframe`, `hero.latest`, `hero.embedding` and, between two keyframes, `hero.far` are
    shares of attention; `embedding.R`, `.G` and `.B` are colours. Between two keyframes all names
    begin with `forwards.` or `backwards.`, such as `forwards.hero.keyframe`.
    """
    names = ("forwards.", "backwards.") if len(explanation.readings) > 1 else ("",)
    layers = {}
    for prefix, reading in zip(names, explanation.readings, strict=True):
        for element, shares in zip(reading.elements, reading.shares, strict=True):
            for source, share in zip(reading.sources, shares, strict=True):
                layers[f"{prefix}{element}.{source}"] = share
        for colour, plane in zip("RGB", reading.embedding, strict=True):
            layers[f"{prefix}embedding.{colour}"] = plane
    return layers


def explanation_sheet(
    path: Path,
    plate: FloatArray,
    matte: Matte,
    explanation: Explanation,
    drifts: Sequence[Drift],
) -> None:
    """Write a PNG: a row of pictures for each walk, then a curve for each element of each walk.

    Pictures: the matte; each source's share of attention in its colour, faint outside the elements;
    the embedding, with its state at the keyframe in the corner. Curves: see ``drift_curve``.
    ``plate`` is float32 [H, W, 3] in 0..1 as ``Plate.read`` gives it.

    Raises OutputError when the file cannot be written.
    """
    strips = []
    for reading in explanation.readings:
        strips += _draw_reading(plate, matte, reading)
    frames = [frame for drift in drifts for frame in (drift.keyframe, *drift.frames)]
    requested = explanation.frame
    shown = Shown(min(requested, *frames), max(requested, *frames), requested)
    for drift in drifts:
        strips += [drift_curve(drift, name, shown) for name in drift.elements]
    sheet = stacked(strips, MARGIN_PX + _HEADER_PX)
    titled(sheet, _TITLES, MARGIN_PX + _HEADER_PX - 9)
    write_picture(sheet, path, optimize=True)


class ReadingPictures(NamedTuple):
    """The pictures of one walk, [h, w, 3] in 0..1, a cell wide, and each source's mean share."""

    matte: FloatArray
    attention: FloatArray
    embedding: FloatArray
    means: FloatArray
    """[K, S]: averaged over each element."""

    @classmethod
    def of(cls, plate: FloatArray, matte: Matte, reading: Reading) -> ReadingPictures:
        """Draw a walk over a plate [H, W, 3] in 0..1."""
        small = np.moveaxis(in_cell(np.moveaxis(plate, 2, 0)), 0, 2)
        whole = matte.alpha[[matte.elements.index(name) for name in reading.elements]]
        alpha = in_cell(whole)
        shares = np.stack([in_cell(planes) for planes in reading.shares])
        embedding = np.moveaxis(in_cell(reading.embedding.clip(0, 1)), 0, 2)
        attention = _attention(small, alpha, shares)
        for plane in alpha:
            attention = outlined(attention, plane, np.ones(3))
            embedding = outlined(embedding, plane, np.ones(3))
        sums = np.einsum("kshw,khw->ks", reading.shares, whole)
        means = sums / whole.sum((1, 2)).clip(1e-6)[:, None]
        return cls(tinted(small, alpha), attention, embedding, means)


def source_labels(reading: Reading) -> tuple[str, ...]:
    """Return the sources in words, such as `latest frame 1034`."""
    frames = (reading.keyframe, reading.latest, None, reading.far)
    return tuple(
        _LABELS[source] if frame is None else f"{_LABELS[source]} {frame}"
        for source, frame in zip(reading.sources, frames, strict=False)
    )


def _draw_reading(plate: FloatArray, matte: Matte, reading: Reading) -> list[Image.Image]:
    """Draw the pictures of one walk, and a line of figures for each element."""
    drawn = ReadingPictures.of(plate, matte, reading)
    strip = strip_of((drawn.matte, drawn.attention, drawn.embedding))
    badge(strip, str(matte.frame))
    _inset(strip, reading)
    named = zip(reading.elements, drawn.means, strict=True)
    return [strip, *(_caption(name, means, reading) for name, means in named)]


def _attention(plate: FloatArray, alpha: FloatArray, shares: FloatArray) -> FloatArray:
    """Tint the grey plate in the sources' colours; overlapping elements count by their alpha."""
    weights = alpha + 1e-3
    mixed = np.einsum("kshw,khw->shw", shares, weights / weights.sum(axis=0))
    colours = np.array([SOURCE_COLOURS[name] for name in SOURCES[: len(mixed)]]) / 255
    paint = np.einsum("shw,sc->hwc", mixed, colours)
    grey = plate.mean(axis=2, keepdims=True)
    inside = np.minimum(alpha.sum(axis=0), 1)[..., None]
    picture: FloatArray = (paint * (0.25 + 0.75 * grey) * (0.5 + 0.5 * inside)).astype(np.float32)
    return picture


def _inset(strip: Image.Image, reading: Reading) -> None:
    """Draw the embedding at the keyframe into the lower left corner of the embedding's cell."""
    planes = in_cell(reading.at_keyframe.clip(0, 1))
    image = Image.fromarray(np.rint(np.moveaxis(planes, 0, 2) * 255).astype(np.uint8))
    image = image.resize((round(image.width * _INSET), round(image.height * _INSET)))
    left, top = 2 * (CELL_WIDTH_PX + GUTTER_PX), strip.height - image.height
    strip.paste(BACKGROUND, (left, top - 2, left + image.width + 2, strip.height))
    strip.paste(image, (left, top))
    badge(strip, str(reading.keyframe), left)


def _caption(name: str, means: FloatArray, reading: Reading) -> Image.Image:
    """Draw a legend with an element's mean shares."""
    strip = Image.new("RGB", (STRIP_WIDTH_PX, _CAPTION_PX), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(13)
    draw.text((1, 15), f"{name} reads", TEXT, font, anchor="ls")
    x = draw.textlength(f"{name} reads", font) + 17
    for source, label, mean in zip(reading.sources, source_labels(reading), means, strict=True):
        text = f"{label}: {100 * mean:.0f} %"
        draw.rectangle((x, 5, x + 10, 15), fill=SOURCE_COLOURS[source])
        draw.text((x + 16, 15), text, BRIGHT_TEXT, font, anchor="ls")
        x += draw.textlength(text, font) + 40
    return strip
