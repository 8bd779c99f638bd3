"""What a shot has to teach: frames whose mattes are known, as the tracker looks at them."""

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
"""Locked frames that are studied, spread over all there are: neighbours say much the same."""

MAX_VISITED_FRAMES = 32
"""LoadedFootage without a matte that are visited: reading a plate may take longer than a step."""

MAX_CYCLE_PX = 112_000
"""Pixels of a frame on a cycle, 240 lines of 16:9: a step has a bounded price, whatever
``tracking.lines`` says."""

_WIDER = 2.0
"""A cycle looks at a box this much larger than the keyframe's: the elements move on."""

_THRESHOLD = 0.5


WHOLE_SHARE = 0.5
"""An element that covers less than this share of the area it has in another truth is taken for
partly hidden. Studied by itself, it teaches that a sliver of something is the element: on bmx-bumps
with three keyframes, one of them half behind another rider, J&F fell from 0.859 to 0.792, and rises
to 0.896 without it."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A frame at which the matte of every element is known: drawn, or locked.

    alpha: float32 [K, H, W] in 0..1 at plate size, K the elements of the shot. box: the part of the
    plate that the tracker looks at. digest: of the plate's frame and the planes.
    """

    frame: int
    alpha: FloatArray
    box: Window | None
    digest: str

    @cached_property
    def areas_px(self) -> tuple[int, ...]:
        """How much of the plate each element covers."""
        return tuple(int((plane >= _THRESHOLD).sum()) for plane in self.alpha)

    @cached_property
    def visible(self) -> tuple[bool, ...]:
        """Which elements can be seen in it."""
        return tuple(area > 0 for area in self.areas_px)


class LessonData:
    """A shot as it is studied, seen through the plate, the look and the crop of its tracking.

    Args:
        shot: what is studied. tracker: says at which size, and which part of a plate, it looks.

    Raises UsageError when there is no truth that shows anything; InputError for locked mattes or
    plates that cannot be read.
    """

    def __init__(self, shot: Shot, tracker: Tracker[Any, Any]) -> None:
        self._shot = shot
        self._geometry = tracker.geometry(shot.plate.format.data.shape)
        self._seen: dict[tuple[int, Geometry], Tensor] = {}
        self.truths = tuple(_truths(shot, tracker))
        if not self.truths:
            raise UsageError(
                f"there is nothing to learn from in {shot.plate.name}: no keyframe or locked frame "
                "shows something and has a matte for every element that exists there"
            )

    @cached_property
    def visited(self) -> tuple[int, ...]:
        """LoadedFootage that have no truth, spread over the range: cycles pass through them."""
        known = {truth.frame for truth in self.truths}
        return spread(
            [frame for frame in self._shot.range if frame not in known], MAX_VISITED_FRAMES
        )

    def without(self, held_out: Truth) -> LessonData:
        """The same shot, of which a truth is not studied; no cycle passes through its frame."""
        other = copy.copy(self)
        other.visited = self.visited  # found before there is one truth less
        other.truths = tuple(truth for truth in self.truths if truth is not held_out)
        return other

    def is_whole(self, truth: Truth, element: int) -> bool:
        """Return whether an element is not partly hidden in a truth, as far as its area tells."""
        largest = max(other.areas_px[element] for other in self.truths)
        return truth.areas_px[element] >= WHOLE_SHARE * largest

    @property
    def whole_truths(self) -> tuple[Truth, ...]:
        """The truths in which every element that is shown is whole; all, if there is none."""
        whole = [
            truth
            for truth in self.truths
            if all(self.is_whole(truth, k) for k, shown in enumerate(truth.visible) if shown)
        ]
        return tuple(whole) or self.truths

    def tracking_geometry(self, truth: Truth) -> Geometry:
        """How the tracker looks at a truth."""
        return self._geometry.within(truth.box)

    def cycle_geometry(self, truth: Truth) -> Geometry:
        """How cycles look at a truth, and at the frames they pass through."""
        height, width = self._geometry.working
        scale = min(1.0, math.sqrt(MAX_CYCLE_PX / (height * width)))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return Geometry(self._geometry.plate, size, _widened(truth.box, self._geometry.plate))

    def picture(self, frame: int, geometry: Geometry) -> Tensor:
        """What is seen of a plate: float32 [3, h, w] RGB in 0..1 at the working size, unpadded.

        Raises InputError when the plate cannot be read.
        """
        key = frame, geometry
        if key not in self._seen:
            picture = Picture.of(self._shot.plate, frame).within(geometry.part).to_network_view()
            self._seen[key] = resized(picture.permute(2, 0, 1)[None], geometry.working)[0]
        return self._seen[key]

    @staticmethod
    def planes(truth: Truth, geometry: Geometry) -> Tensor:
        """A truth's mattes in the part and at the size of a picture: float32 [K, h, w] in 0..1."""
        rows, columns = geometry.part
        part = torch.from_numpy(truth.alpha[:, rows, columns].copy())[None]
        return resized(part, geometry.working)[0].clamp(0, 1)


def spread(items: Sequence[int], most: int) -> tuple[int, ...]:
    """At most so many of the items, evenly spread, the first and the last among them."""
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
    """All elements' planes at a frame; None where one that exists there has none."""
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
    """The planes of those elements that exist: an absent one would have the box be the whole."""
    return alpha[list(shot.plane_indices(shot.existing(frame)))]


def _widened(box: Window | None, plate: tuple[int, int]) -> Window | None:
    """A larger box about the same middle, within the plate; None where that is the whole of it."""
    height, width = plate
    if box is None or box.height * _WIDER >= height or box.width * _WIDER >= width:
        return None
    across, down = round(box.width * _WIDER), round(box.height * _WIDER)
    x = min(max(0, box.x - (across - box.width) // 2), width - across)
    y = min(max(0, box.y - (down - box.height) // 2), height - down)
    return Window(x, y, across, down)
