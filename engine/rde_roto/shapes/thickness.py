"""How far inside of an outline its other side is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.shape import Points

_MOST_OTHERS: Final = 4096
_AT_ONCE: Final = 64
_BESIDE: Final = 0.8
_ACROSS: Final = 0.95
"""Sines of the angle to the outline, up to which and from which on a place is beside or across: a
corner's own two sides are not across from it."""


def room_inwards(
    places: Points, inwards: Points, needed: NDArray[np.float64], others: Points
) -> NDArray[np.float64]:
    """Return how far places [N, 2] of an outline can go inwards before they meet what comes from
    its other side, [N], where that is less than ``needed`` [N]; elsewhere infinity.

    That is the radius of the largest circle inside that touches the outline there (Blum, "A
    Transformation for Extracting New Descriptors of Shape", 1967).

    Args:
        places: [N, 2].
        inwards: [N, 2], the unit vectors inwards there.
        needed: [N], in pixels.
        others: [M, 2], along the whole outline; of very many some are looked at.
    """
    room = np.full(len(places), np.inf)
    others = others[np.argsort(others[:, 0])][:: 1 + len(others) // _MOST_OTHERS]
    by_x = np.argsort(places[:, 0])
    asked = by_x[needed[by_x] > 0]
    for begin in range(0, len(asked), _AT_ONCE):
        some = asked[begin : begin + _AT_ONCE]
        own, reach = places[some], 2 * needed[some].max()  # such a circle has no larger diameter
        ends = own[0, 0] - reach, own[-1, 0] + reach
        first, last = (int(np.searchsorted(others[:, 0], end)) for end in ends)
        to = others[first:last] - own[:, None]
        apart, deep = np.hypot(to[..., 0], to[..., 1]), (to * inwards[some, None]).sum(axis=2)
        # without a step, as what is drawn must not change at once when a point moves a little
        across = (deep / apart.clip(min=1e-9) - _BESIDE) / (_ACROSS - _BESIDE)
        radius = apart**2 / (2 * (deep * across.clip(max=1)).clip(min=1e-9))
        radius[across <= 0] = np.inf
        room[some] = radius.min(axis=1, initial=np.inf)
    return np.where(room > needed, np.inf, room)
