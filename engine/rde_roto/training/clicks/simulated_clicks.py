"""Simulate the clicks of an artist: each one goes to the middle of the largest error.

The protocol of interactive segmentation: see Sofiiuk et al., "Reviving Iterative Training with Mask
Guidance for Interactive Segmentation" (ICIP 2022), sections 3 and 4.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def next_click(found: Tensor, truth: Tensor) -> tuple[int, int, bool] | None:
    """Return the row, column and kind (True: adding) of the next click.

    It goes to the pixel farthest from the edge of what is missing or too much, whichever is larger.
    None if there is no error.

    Args: found, truth: bool [H, W].
    """
    missing, surplus = depth(truth & ~found), depth(found & ~truth)
    deepest_missing, deepest_surplus = int(missing.max()), int(surplus.max())
    if not deepest_missing and not deepest_surplus:
        return None
    adds = deepest_missing >= deepest_surplus
    where = (missing if adds else surplus).flatten().argmax()
    row, column = divmod(int(where), found.shape[1])
    return row, column, adds


def depth(mask: Tensor) -> Tensor:
    """Return the distance of each pixel of a mask from its edge, in steps of a king: int [H, W].

    The picture's own edge counts as an edge.
    """
    inside = mask.float()[None, None]
    total = torch.zeros_like(inside)
    while bool(inside.any()):
        total += inside
        inside = 1 - F.max_pool2d(F.pad(1 - inside, (1, 1, 1, 1), value=1.0), 3, stride=1)
    return total[0, 0].int()
