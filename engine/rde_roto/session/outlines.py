"""Lines that can be moved after they were drawn, with what was painted between and over them.

A plane knows of each of its lines what it was drawn on. So when one is moved, it is drawn anew on
that, and what came after it is laid over again: other lines, and paint, by how much it covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rde_roto.session.painting import Line, together
from rde_roto.session.planes import Outline, Plane
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


def drawn(plane: Plane, line: Line) -> Plane:
    """The plane with one more line on it; the same plane where the line does not touch it."""
    box = line.box(plane.shape)
    if box is None:
        return plane
    painted = plane.painted(box, line.over(plane.part(box), box, plane.shape))
    outline = Outline(line, replace(plane, outlines=()))
    return replace(painted, outlines=(*plane.outlines, outline))


def changed(plane: Plane, place: int, line: Line | None) -> Plane:
    """The plane with another line in place of that of ``plane.outlines[place]``; with None as if
    that one had never been drawn.
    """
    old = plane.outlines[place].line
    box = _together([old] if line is None else [old, line], plane)
    return plane if box is None else _drawn_anew(plane, place, line, box)


def _together(lines: Sequence[Line], plane: Plane) -> Window | None:
    """The box that lines touch between them."""
    box = None
    for found in (line.box(plane.shape) for line in lines):
        if found is not None:
            box = found if box is None else together(box, found)
    return box


def _drawn_anew(plane: Plane, place: int, line: Line | None, box: Window) -> Plane:
    """Draws the lines from a place on once more, that one another or none; only within the box."""
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
    """Does to pixels what was done when others became what they are: painted, or taken away.

    Where it became more, that share of what was missing is added; where less, that share of what
    was there is taken. Where nothing was done, the pixels stay to the last bit.
    """
    missing, there = np.maximum(1 - was, 1e-6), np.maximum(was, 1e-6)
    more = pixels + (became - was) / missing * (1 - pixels)
    less = pixels * (became / there)
    laid = np.where(became > was, more, np.where(became < was, less, pixels))
    result: FloatArray = laid.clip(0, 1).astype(np.float32)
    return result
