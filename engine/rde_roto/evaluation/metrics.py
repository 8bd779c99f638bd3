"""Region similarity J and boundary accuracy F, as DAVIS scores video segmentation.

Defined in Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation", CVPR 2016, and in the scoring programs published with the data set. All masks are
bool [H, W], row 0 on top, True inside the element.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.errors import InputError

BoolArray: TypeAlias = NDArray[np.bool_]
ScoreArray: TypeAlias = NDArray[np.float64]

BOUNDARY_TOLERANCE = 0.008
"""How far apart two boundaries may be and still match, as a share of the image diagonal."""


def region_similarity(truth: BoolArray, mask: BoolArray) -> float:
    """J, the intersection over union of two masks bool [H, W]: 0..1, and 1 when both are empty.

    Raises InputError when the masks are not bool [H, W] of one size.
    """
    _check_pair(truth, mask)
    union = np.count_nonzero(truth | mask)
    return np.count_nonzero(truth & mask) / union if union else 1.0


def boundary_accuracy(truth: BoolArray, mask: BoolArray) -> float:
    """F, the harmonic mean of precision and recall of the boundary of `mask`: 0..1.

    A boundary pixel matches if the other boundary has one at most ceil(0.008 · diagonal) pixels
    away (Euclidean). If neither mask has a boundary F is 1, if only one has, 0; a mask that fills
    the whole image has no boundary, like an empty one.
    Raises InputError when the masks are not bool [H, W] of one size.
    """
    _check_pair(truth, mask)
    wanted, found = boundary(truth), boundary(mask)
    wanted_count, found_count = np.count_nonzero(wanted), np.count_nonzero(found)
    if not wanted_count or not found_count:
        return float(wanted_count == found_count)
    radius_px = math.ceil(BOUNDARY_TOLERANCE * math.hypot(*truth.shape))
    precision = np.count_nonzero(found & dilate(wanted, radius_px)) / found_count
    recall = np.count_nonzero(wanted & dilate(found, radius_px)) / wanted_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: BoolArray) -> BoolArray:
    """Return the pixels of bool [H, W] that differ from their right, lower or lower right
    neighbour.

    Neighbours outside the image do not count: the last row is compared to the right only, the last
    column downwards only, and the last corner is never a boundary.
    """
    edge = np.zeros_like(mask)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def dilate(mask: BoolArray, radius_px: int) -> BoolArray:
    """Return the pixels within `radius_px` (>= 0, Euclidean) of one of `mask`, bool [H, W].

    The disk is a stack of rows; the row `down` pixels from its centre reaches
    floor(sqrt(radius² - down²)) to either side. From the outermost row inwards the rows only widen,
    so `wide`, the mask dilated along its rows, is widened in place and used for all of them.
    """
    height = len(mask)
    grown, wide, reach = np.zeros_like(mask), mask.copy(), 0
    for down in range(radius_px, -1, -1):
        while reach < math.isqrt(radius_px**2 - down**2):
            reach += 1
            wide[:, reach:] |= mask[:, :-reach]
            wide[:, :-reach] |= mask[:, reach:]
        if down < height:
            grown[down:] |= wide[: height - down]
            grown[: height - down] |= wide[down:]
    return grown


@dataclass(frozen=True, eq=False)
class SequenceScore:
    """One element's J and F on the frames of a sequence that count.

    `region` and `boundary` are float64 [T - 2] in frame order: DAVIS leaves out the first frame,
    whose mask is given, and the last.
    """

    region: ScoreArray
    boundary: ScoreArray

    @classmethod
    def of(cls, pairs: Iterable[tuple[BoolArray, BoolArray]]) -> SequenceScore:
        """Score the (truth, mask) pairs of all frames of a sequence, including the first and last.

        Keeps two frames in memory. Raises InputError for fewer than 3 frames, and when masks are
        not bool [H, W] of one size.
        """
        scores: list[tuple[float, float]] = []
        count, waiting = 0, None
        for count, pair in enumerate(pairs, start=1):
            if waiting is not None:
                scores.append((region_similarity(*waiting), boundary_accuracy(*waiting)))
            waiting = pair if count > 1 else None
        if not scores:
            raise InputError(
                f"a sequence needs at least 3 frames to be scored, this one has {count}: "
                "its first and its last frame do not count"
            )
        region, edge = np.array(scores, dtype=np.float64).T
        return cls(region, edge)

    @property
    def mean_j(self) -> float:
        """Mean of J over the frames that count, 0..1."""
        return float(self.region.mean())

    @property
    def mean_f(self) -> float:
        """Mean of F over the frames that count, 0..1."""
        return float(self.boundary.mean())

    @property
    def j_and_f(self) -> float:
        """(mean J + mean F) / 2, the figure by which sequences are ranked."""
        return (self.mean_j + self.mean_f) / 2

    def j_by_part(self, parts: int) -> tuple[float, ...]:
        """Mean J of each of `parts` parts of the frames that count, in order.

        A lost element falls towards 0. Four parts are those of DAVIS' decay, which is the first
        minus the last: cut at the frames round(i / parts · (n - 1)), with halves rounded up and
        frames counted from 1; a frame at a cut belongs to both sides, so no part is empty.
        """
        last = len(self.region) - 1
        cuts = [math.floor(i * last / parts + 0.5) for i in range(parts + 1)]
        return tuple(float(self.region[start : end + 1].mean()) for start, end in pairwise(cuts))


def _check_pair(truth: BoolArray, mask: BoolArray) -> None:
    if (
        truth.shape != mask.shape
        or truth.ndim != 2
        or {truth.dtype, mask.dtype} != {np.dtype(bool)}
    ):
        raise InputError(
            "expected a true mask and a mask of one size, bool [H, W], got "
            f"{truth.dtype} {list(truth.shape)} and {mask.dtype} {list(mask.shape)}"
        )
