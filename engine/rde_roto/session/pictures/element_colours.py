"""The colours that elements are shown in: a palette, and which of it stand out from the plate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.keyframe import Element

RGB: TypeAlias = tuple[int, int, int]
"""A colour on screen, 0..255."""

PALETTE: Final = ("#ff4d4d", "#3fd06f", "#4fa8ff", "#ffd23f", "#d06bff", "#35d6d0", "#ff8a3d")

_GOOD = 4
"""How many colours of the palette are good in any case, those least like the plate."""
_ENOUGH = 300.0
"""How different from the plate any colour is good: on black, the palette's reach 450 to 770."""
_CLOSEST = 0.25
"""The part of the plate's pixels that counts, those most like the colour."""


def colour_of(element: str, elements: Sequence[Element]) -> str:
    """Return the colour of the element with this id, `#rrggbb`: its own, else that of its place
    among all.
    """
    place = [one.id for one in elements].index(element)
    return elements[place].color or PALETTE[place % len(PALETTE)]


def following_colour(now: str, below: Bytes | None) -> str:
    """Return the next colour of the palette after `now` that is not close to the plate below it.

    `below` has pixels of it, [N, 3] RGB; None if there is nothing to look at.
    """
    start = PALETTE.index(now) + 1 if now in PALETTE else 0
    following = [*PALETTE[start:], *PALETTE[:start]]
    good = following if below is None else _good(below)
    return next(colour for colour in following if colour in good)


def first_colour(element: str, elements: Sequence[Element], below: Bytes | None) -> str:
    """Return the colour for an element that gets its first mask: its own, else that of its place if
    it stands out from the plate below, else the one that does most, of those that no other has.

    `below` as for `following_colour`.
    """
    now = colour_of(element, elements)
    if below is None or elements[[one.id for one in elements].index(element)].color is not None:
        return now
    taken = [colour_of(one.id, elements) for one in elements if one.id != element]
    good = _good(below)
    free = [colour for colour in good if colour not in taken] or good
    return now if now in free else free[0]


def rgb(colour: str) -> RGB:
    """Return the parts of `#rrggbb`."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _good(below: Bytes) -> list[str]:
    """Return the colours of the palette that stand out from the plate, the best first."""
    away = {colour: _distance(colour, below) for colour in PALETTE}
    best = sorted(PALETTE, key=away.__getitem__, reverse=True)
    return [c for place, c in enumerate(best) if place < _GOOD or away[c] >= _ENOUGH]


def _distance(colour: str, below: Bytes) -> float:
    """How different a colour looks from pixels, of which the closest count: the redmean
    approximation of CIE distance.
    """
    own = np.array(rgb(colour), np.float32)
    red, green, blue = (own - below).T
    mean = (own[0] + below[:, 0]) / 2 / 256
    away = (2 + mean) * red**2 + 4 * green**2 + (3 - mean) * blue**2
    return float(np.quantile(away**0.5, _CLOSEST))
