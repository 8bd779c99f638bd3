"""The data of a lesson: the frames with known mattes, at the size and crop of tracking."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rde_roto.documents.learned_card import truth_digest
from rde_roto.model.geometry import Geometry, resized
from rde_roto.model.network_view import Picture
from rde_roto.model.tracker import Tracker
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.shot import Shot

MAX_LOCKED_FRAMES = 12
"""Locked frames to study, spread over all of them: neighbours teach much the same."""

MAX_VISITED_FRAMES = 32
"""Frames without a matte to visit: reading a plate may take longer than a step."""

MAX_CYCLE_PX = 112_000
"""Pixels of a frame of a cycle, 240 lines of 16:9: this bounds the cost of a step, whatever
``tracking.lines`` is."""

_WIDER = 2.0
"""Scale of a cycle's box relative to the keyframe's, because elements move."""

_THRESHOLD = 0.5


WHOLE_SHARE = 0.5
"""An element that covers less than this share of its area in another truth counts as partly hidden.
Studied by itself, it teaches that a sliver of something is the element: on bmx-bumps with three
keyframes, one of them half behind another rider, J&F fell from 0.859 to 0.792, and rises to 0.896
without it."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A frame at which the matte of every element is known: a keyframe, or a locked frame.

    alpha: float32 [K, H, W] in 0..1 at plate size, K the elements of the shot. box: the part of the
    plate that the tracker crops to; None for all of it. digest: of the plate frame and the mattes.
    """

    frame: int
    alpha: FloatArray
    box: Window | None
    digest: str

    @cached_property
    def areas_px(self) -> tuple[int, ...]:
        """Pixels of the plate that each element covers."""
        return tuple(int((plane >= _THRESHOLD).sum()) for plane in self.alpha)

    @cached_property
    def visible(self) -> tuple[bool, ...]:
        """Whether each element is visible."""
        return tuple(area > 0 for area in self.areas_px)


class LessonData:
    """The truths of a shot and the pictures of its plate, at the size and crop of tracking.

    Args:
        shot: the shot to study.
        tracker: determines the working size and the crops.

    Raises UsageError if no truth shows an element; InputError for locked mattes or plates that
    cannot be read.
    """

    def __init__(self, shot: Shot, tracker: Tracker[Any, Any]) -> None:
        self._shot = shot
        self._geometry = tracker.geometry(shot.plate.format.data.shape)
        self._seen: dict[tuple[int, Geometry], Tensor] = {}
        self.truths = tuple(_truths(shot, tracker))
        if not self.truths:
            raise UsageError(
                f"there is nothing to learn from in {shot.plate.name}: no keyframe or locked frame "
                "shows an element and has a matte for every element that exists there"
            )

    @cached_property
    def visited(self) -> tuple[int, ...]:
        """Frames without a truth that cycles visit, spread over the shot's range."""
        known = {truth.frame for truth in self.truths}
        return spread(
            [frame for frame in self._shot.range if frame not in known], MAX_VISITED_FRAMES
        )

    def without(self, held_out: Truth) -> LessonData:
        """Return the same data without one truth. No cycle visits its frame."""
        other = copy.copy(self)
        other.visited = self.visited  # computed while the held-out truth still counts as known
        other.truths = tuple(truth for truth in self.truths if truth is not held_out)
        return other

    def is_whole(self, truth: Truth, element: int) -> bool:
        """Return whether an element is not partly hidden in a truth, judged by its area."""
        largest = max(other.areas_px[element] for other in self.truths)
        return truth.areas_px[element] >= WHOLE_SHARE * largest

    @property
    def whole_truths(self) -> tuple[Truth, ...]:
        """The truths whose visible elements are all whole; all truths if there is none."""
        whole = [
            truth
            for truth in self.truths
            if all(self.is_whole(truth, k) for k, shown in enumerate(truth.visible) if shown)
        ]
        return tuple(whole) or self.truths

    def tracking_geometry(self, truth: Truth) -> Geometry:
        """Return the crop and size at which the tracker sees a truth."""
        return self._geometry.within(truth.box)

    def cycle_geometry(self, truth: Truth) -> Geometry:
        """Return the crop and size at which cycles see a truth and the frames they visit."""
        height, width = self._geometry.working
        scale = min(1.0, math.sqrt(MAX_CYCLE_PX / (height * width)))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return Geometry(self._geometry.plate, size, _widened(truth.box, self._geometry.plate))

    def picture(self, frame: int, geometry: Geometry) -> Tensor:
        """Return a crop of a plate frame: float32 [3, h, w] RGB in 0..1, working size, no padding.

        Raises InputError if the plate cannot be read.
        """
        key = frame, geometry
        if key not in self._seen:
            picture = Picture.of(self._shot.plate, frame).within(geometry.part).to_network_view()
            self._seen[key] = resized(picture.permute(2, 0, 1)[None], geometry.working)[0]
        return self._seen[key]

    @staticmethod
    def planes(truth: Truth, geometry: Geometry) -> Tensor:
        """Return a truth's mattes, cropped and sized as a picture: float32 [K, h, w] in 0..1."""
        rows, columns = geometry.part
        part = torch.from_numpy(truth.alpha[:, rows, columns].copy())[None]
        return resized(part, geometry.working)[0].clamp(0, 1)


def spread(items: Sequence[int], most: int) -> tuple[int, ...]:
    """Return at most this many of the items, evenly spread, including the first and the last."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[round(i * (len(items) - 1) / (most - 1))] for i in range(most))


def _truths(shot: Shot, tracker: Tracker[Any, Any]) -> Iterator[Truth]:
    drawn = {keyframe.frame for keyframe in shot.keyframes}
    locked = {frame for lock in shot.locks for frame in lock.frames if frame in shot.range} - drawn
    for frame in sorted((*drawn, *spread(sorted(locked), MAX_LOCKED_FRAMES))):
        alpha = _known(shot, frame)
        if alpha is not None and bool((alpha >= _THRESHOLD).any()):
            digest = truth_digest(shot.plate.digest(frame), alpha)
            yield Truth(frame, alpha, tracker.box(_existing(shot, frame, alpha)), digest)


def _known(shot: Shot, frame: int) -> FloatArray | None:
    """Return the planes of all elements at a frame; None if one that exists there has no matte."""
    alpha = np.zeros((len(shot.ids), *shot.plate.format.data.shape), np.float32)
    known: set[str] = set()
    keyframe = shot.keyframe_at(frame)
    layers = [] if keyframe is None else [(shot.drawn_elements(keyframe), keyframe.alpha)]
    layers += [(lock.elements, lock.read(frame)) for lock in shot.locks_at(frame)]
    for elements, planes in layers:
        alpha[list(shot.plane_indices(elements))] = planes
        known.update(elements)
    return alpha if known >= set(shot.existing(frame)) else None


def _existing(shot: Shot, frame: int, alpha: FloatArray) -> FloatArray:
    """Return the planes of existing elements: an absent one would widen the box to the plate."""
    return alpha[list(shot.plane_indices(shot.existing(frame)))]


def _widened(box: Window | None, plate: tuple[int, int]) -> Window | None:
    """Enlarge a box about its middle, within the plate; None if it would cover the whole plate."""
    height, width = plate
    if box is None or box.height * _WIDER >= height or box.width * _WIDER >= width:
        return None
    across, down = round(box.width * _WIDER), round(box.height * _WIDER)
    x = min(max(0, box.x - (across - box.width) // 2), width - across)
    y = min(max(0, box.y - (down - box.height) // 2), height - down)
    return Window(x, y, across, down)
