"""Carries points along with the outlines of an element, from frame to frame.

Where the outlines have gone is found as for shapes (`tracks.py`, `matching.py`). A point then moves
as the outline around it does: shift, turn and scale, by moving least squares (Schaefer, McPhail and
Warren, "Image Deformation Using Moving Least Squares", SIGGRAPH 2006, similarities), so that one
on an outline stays on it, and one beside it keeps its distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rde_roto.shapes.matching import Sampling
from rde_roto.shapes.outlines import Outline, outlines
from rde_roto.shapes.shape import Points
from rde_roto.shapes.tracks import Track, Tracker
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

_TOLERANCE_PX = 2.0  # how closely outlines are followed
_SMOOTHED_PX = 0.5
_CRUMB = 0.01  # of the largest outline's area: what is smaller tells nothing of the others
_REACH_PX = 3.0  # a point on an outline moves with so much of it
_BEYOND_PX = 4
_CROWDED = 3.0  # where limbs open, in one step
_GROWN = 0.25  # as a logarithm: more in one step, and an outline is not the same one
_GOES_ON = 0.5  # of the outlines around the points, at least
_MOST_PASSED = 3  # frames in a row


def found_outlines(plane: FloatArray) -> list[Outline]:
    """Return the outlines of a matte [H, W] that can be followed, in its pixels."""
    window = Window(0, 0, plane.shape[1], plane.shape[0])
    found = outlines(plane, window, _BEYOND_PX)
    return [one.smoothed(_SMOOTHED_PX) for one in found if one.area_px >= _CRUMB * found[0].area_px]


class Carrier:
    """Points that are carried, frame by frame, as long as most of the outlines around them go on.

    A few frames in which they do not, because a matte falls apart, say, are passed over.

    Args:
        points: [P, 2], in pixels of the mattes.
        found: the outlines beside which they were drawn.
        window: the whole picture, in pixels of the mattes.
    """

    def __init__(self, points: Points, found: Sequence[Outline], window: Window) -> None:
        self._sampling = Sampling(_TOLERANCE_PX, window, _CROWDED)
        self._points, self._velocity, self._passed = points, np.zeros(2), 0
        self._last = found
        self._begun: list[Track] = []  # at the base, where the points are known
        self._going = self._begun  # of those, the ones that are the same outlines still
        self._begin(found)

    def add(self, found: Sequence[Outline]) -> Points | None:
        """Return where the points are with the outlines of the next frame, [P, 2]; None from the
        frame on in which they are lost.
        """
        if self._passed > _MOST_PASSED:
            return None
        if not self._follow(found):
            # outlines that have changed much, or were followed for long: from the last frame anew
            self._begin(self._last)
            if not self._follow(found):
                self._begin(self._last)
                self._passed += 1
                there = self._points + self._passed * self._velocity
                return None if self._passed > _MOST_PASSED else there
        before = np.concatenate([track.samples[0].points for track in self._going])
        after = np.concatenate([track.samples[-1].points for track in self._going])
        moved = _moved(self._base, before, after)
        self._velocity = (moved - self._points).mean(axis=0) / (1 + self._passed)
        self._points, self._last, self._passed = moved, found, 0
        return moved

    def _begin(self, found: Sequence[Outline]) -> None:
        """Follow the outlines of a frame, where the points are now."""
        self._base, self._last = self._points, found
        self._tracker = Tracker(self._sampling)
        self._tracker.follow(0, found)
        self._begun = self._going = self._tracker.tracks

    def _follow(self, found: Sequence[Outline]) -> bool:
        """Follow the outlines into a frame; whether those around the points go on."""
        areas_px = [track.outline.area_px for track in self._going]
        self._tracker.follow(1, found)
        ids = {id(track) for track in self._tracker.tracks}
        self._going = [
            track
            for track, area_px in zip(self._going, areas_px, strict=True)
            if id(track) in ids and abs(np.log(track.outline.area_px / area_px)) <= _GROWN
        ]
        if not self._going:
            return False
        around = [_weights(self._base, one.samples[0].points).sum(axis=1) for one in self._begun]
        total = sum(around, np.zeros(len(self._base)))
        shares = (one for one, of in zip(around, self._begun, strict=True) if of in self._going)
        return bool((sum(shares, np.zeros(len(total))) / total).mean() >= _GOES_ON)


def _weights(points: Points, samples: Points) -> Points:
    """How much each sample counts for each point, [P, M]."""
    away = ((points[:, None] - samples) ** 2).sum(axis=2)
    weights: Points = (away + _REACH_PX**2) ** -2
    return weights


def _moved(points: Points, before: Points, after: Points) -> Points:
    """Move points [P, 2] as the samples around them went, from one place [M, 2] to another."""
    at, was, now = (one @ (1, 1j) for one in (points, before, after))
    weights = _weights(points, before)
    weights /= weights.sum(axis=1, keepdims=True)
    middle_was, middle_now = weights @ was, weights @ now
    own_was, own_now = was - middle_was[:, None], now - middle_now[:, None]
    turned = (weights * own_was.conj() * own_now).sum(axis=1)
    size = (weights * np.abs(own_was) ** 2).sum(axis=1)
    moved = middle_now + turned / size.clip(min=1e-12) * (at - middle_was)
    result: Points = np.stack([moved.real, moved.imag], axis=1)
    return result
