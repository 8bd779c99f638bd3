"""Carries points along with the outlines of an element, from frame to frame.

Where the outlines have gone is found as for shapes (`tracks.py`, `matching.py`). A point then moves
as the outline around it does: shift, turn and scale, by moving least squares (Schaefer, McPhail and
Warren, "Image Deformation Using Moving Least Squares", SIGGRAPH 2006, similarities), so that one
on an outline stays on it, and one beside it keeps its distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rde_roto.shapes.matching import Samples
from rde_roto.shapes.outlines import Outline, outlines
from rde_roto.shapes.shape import Points
from rde_roto.shapes.tracks import Sampling, Track, Tracker
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

TOLERANCE_PX = 1.0
"""Pixels of the mattes: how closely their outlines are followed."""

_CRUMB_PX = 9.0  # area of outlines that are no more than noise
_REACH_PX = 2.0  # a point on an outline moves with so much of it
_BEYOND_PX = 4


def found_outlines(plane: FloatArray) -> list[Outline]:
    """Return the outlines of a matte [H, W] that can be followed, in its pixels."""
    window = Window(0, 0, plane.shape[1], plane.shape[0])
    found = outlines(plane, window, _BEYOND_PX)
    return [one.smoothed(TOLERANCE_PX / 2) for one in found if one.area_px >= _CRUMB_PX]


class Carrier:
    """Points that are carried, by as many steps as there are outlines added.

    Args:
        points: [P, 2], in pixels of the mattes.
        found: the outlines beside which they were drawn.
        window: the whole picture, in pixels of the mattes.
    """

    def __init__(self, points: Points, found: Sequence[Outline], window: Window) -> None:
        self._tracker = Tracker(Sampling(TOLERANCE_PX, window))
        self._tracker.follow(0, found)
        self._step = self._base_step = 0
        self._points = self._base = points

    def add(self, found: Sequence[Outline]) -> Points | None:
        """Return where the points are with the outlines of the next frame, [P, 2]; None if none of
        the outlines goes on there: then the points wait where they were for other ones.
        """
        ended = self._tracker.follow(self._step + 1, found)
        if any(self._base_step in track.frames for track in ended):
            # from here on with the outlines that still go on
            self._base_step, self._base = self._step, self._points
        pairs = [self._pair(one) for one in self._tracker.tracks if self._base_step in one.frames]
        self._step += 1
        if not pairs:
            self._base_step, self._base = self._step, self._points
            return None
        before = np.concatenate([one.points for one, _ in pairs])
        after = np.concatenate([one.points for _, one in pairs])
        self._points = _moved(self._base, before, after)
        return self._points

    def _pair(self, track: Track) -> tuple[Samples, Samples]:
        """The samples of a track at the base and now."""
        return track.samples[track.frames.index(self._base_step)], track.samples[-1]


def _moved(points: Points, before: Points, after: Points) -> Points:
    """Move points [P, 2] as the samples around them went, from one place [M, 2] to another."""
    at, was, now = (one @ (1, 1j) for one in (points, before, after))
    weights = (np.abs(at[:, None] - was) ** 2 + _REACH_PX**2) ** -2
    weights /= weights.sum(axis=1, keepdims=True)
    middle_was, middle_now = weights @ was, weights @ now
    own_was, own_now = was - middle_was[:, None], now - middle_now[:, None]
    turned = (weights * own_was.conj() * own_now).sum(axis=1)
    size = (weights * np.abs(own_was) ** 2).sum(axis=1)
    moved = middle_now + turned / size.clip(min=1e-12) * (at - middle_was)
    result: Points = np.stack([moved.real, moved.imag], axis=1)
    return result
