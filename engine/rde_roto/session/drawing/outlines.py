"""Lines that can be edited after they were drawn, together with what was painted over them.

A plane remembers what each of its lines was drawn on. When a line is changed, it is drawn again on
that, and what came after it is applied again: other lines, and paint, by how much it covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import together
from rde_roto.session.drawing.planes import Outline, Plane
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_BORDER_SHARE = 1 / 90
"""Of the picture's height: narrower borders between a matte and its lines are no paint."""


def with_line(plane: Plane, line: Line) -> Plane:
    """Return the plane with one more line; the same plane if the line does not touch it."""
    box = line.box(plane.shape)
    if box is None:
        return plane
    painted = plane.painted(box, line.over(plane.part(box), box, plane.shape))
    outline = Outline(line, replace(plane, outlines=()))
    return replace(painted, outlines=(*plane.outlines, outline))


def of_lines(lines: Sequence[Line], shape: tuple[int, int]) -> Plane:
    """Return a plane [H, W] with some lines alone, drawn one after the other."""
    plane = Plane(shape)
    for line in lines:
        plane = with_line(plane, line)
    return plane


def with_line_changed(plane: Plane, place: int, line: Line | None) -> Plane:
    """Return the plane with another line in place of ``plane.outlines[place]``; with None as if
    that one had never been drawn.
    """
    old = plane.outlines[place].line
    box = _together([old] if line is None else [old, line], plane)
    return plane if box is None else _drawn_anew(plane, place, line, box)


def drawn_from(lines: Sequence[Line], source: Plane, matte: FloatArray) -> Plane:
    """Return the plane of lines that were carried to a frame from the drawing `source`.

    Its mask is drawn from the lines. Only if the source has paint beside its lines, what the
    frame's matte [H, W] has beyond the lines or lacks within them stays as paint over them, except
    for borders so narrow that they are how far the matte and the lines differ.
    """
    plane = of_lines(lines, source.shape)
    own = of_lines(source.lines, source.shape)
    if np.array_equal(own.pixels, source.pixels):
        return plane
    pixels = plane.pixels
    wide = max(1, round(_BORDER_SHARE * source.shape[0]))
    for side in (matte - pixels, pixels - matte):
        solid = (side > 0.5).astype(np.uint8)
        paint = cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((wide, wide), np.uint8))
        paint = cv2.dilate(paint, np.ones((3, 3), np.uint8))  # with its soft edge
        pixels = np.where((paint > 0) & (side > 0), matte, pixels)
    return plane.painted(plane.box, pixels)


def _together(lines: Sequence[Line], plane: Plane) -> Window | None:
    """Return the box around everything that lines touch."""
    box = None
    for found in (line.box(plane.shape) for line in lines):
        if found is not None:
            box = found if box is None else together(box, found)
    return box


def _drawn_anew(plane: Plane, place: int, line: Line | None, box: Window) -> Plane:
    """Draw the lines from a place on again, only within the box. The first is replaced, or left
    out.
    """
    outlines, shape = list(plane.outlines[:place]), plane.shape
    afters = [*(outline.before for outline in plane.outlines[place + 1 :]), plane]
    pixels = plane.outlines[place].before.part(box)
    for number, outline in enumerate(plane.outlines[place:]):
        new = outline.line if number else line
        was = outline.line.over(outline.before.part(box), box, shape)
        if new is not None:
            outlines.append(Outline(new, outline.before.painted(box, pixels)))
            pixels = new.over(pixels, box, shape)
        pixels = _laid_over(pixels, was, afters[number].part(box))
    return replace(plane.painted(box, pixels), outlines=tuple(outlines))


def _laid_over(pixels: FloatArray, was: FloatArray, became: FloatArray) -> FloatArray:
    """Apply to pixels what was done when others changed from `was` to `became`.

    Where alpha grew, that share of what was missing is added; where it shrank, that share of what
    was there is taken away. Where nothing was done, the pixels stay the same to the last bit.
    """
    missing, there = np.maximum(1 - was, 1e-6), np.maximum(was, 1e-6)
    more = pixels + (became - was) / missing * (1 - pixels)
    less = pixels * (became / there)
    laid = np.where(became > was, more, np.where(became < was, less, pixels))
    result: FloatArray = laid.clip(0, 1).astype(np.float32)
    return result
