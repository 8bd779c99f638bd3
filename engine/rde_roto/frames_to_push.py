"""Which frames of a pushed plate the host must push before mattes can be made.

The steps are planned as usual, except for frames that have not been pushed: these get a digest
under which nothing is stored, and are recorded instead of read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rde_roto.images.plates.missing_frames import FilledPlate, on_disk
from rde_roto.images.plates.pushed_plate import PushedPlate
from rde_roto.model.network_view import Picture
from rde_roto.node import RotoNode
from rde_roto.propagation.digests import DigestChain, PlateDigests
from rde_roto.propagation.plan import Plan, Start
from rde_roto.values.errors import FramesNotPushedError
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.spans import Span

_UNKNOWN = "lacking"
_MOST_BYTES = 4 << 30
_MOST_FRAMES = 10_000  # whose numbers fit into a message
_LEAST_FRAMES = 4  # enough to make progress: two keyframes, or a frame between two others
_NO_PIXELS = np.zeros((0, 0, 3), np.float32)


def frames_to_push(node: RotoNode, frames: Iterable[int]) -> tuple[int, ...]:
    """List the frames that a host must push for the mattes of some frames, in the order of use.

    The list holds no more than the cache can: call again when these have been pushed and more can
    be planned. A matte needs at most as many pushes as it has frames on its way. Frames that are
    read in the same step as a requested one are included.

    Raises UsageError for a frame out of range, InputError for an unreadable lock or mask.
    """
    plate = on_disk(node.shot.plate)
    if not isinstance(plate, PushedPlate):
        return ()
    pixels = plate.format.data.width * plate.format.data.height
    most_bytes = min(_MOST_BYTES, node.stores.pushed.room_bytes)
    most = min(_MOST_FRAMES, max(_LEAST_FRAMES, most_bytes // (12 * pixels)))
    planner = _PushPlanner(node, plate)
    for frame in frames:
        planner.add_frame(frame)
        if len(planner.frames_to_push) >= most:
            break
    return tuple(planner.frames_to_push)[:most]


def error_with_all_frames(
    node: RotoNode, frames: Iterable[int], error: FramesNotPushedError
) -> FramesNotPushedError:
    """Return the same error, but naming all frames that must be pushed for these frames."""
    plate = on_disk(node.shot.plate)
    missing = frames_to_push(node, frames)
    return plate.not_pushed(missing) if missing and isinstance(plate, PushedPlate) else error


class _PushPlanner:
    """Plans the steps to mattes of one node and collects the frames that are missing."""

    def __init__(self, node: RotoNode, plate: PushedPlate) -> None:
        self.frames_to_push: dict[int, None] = {}
        self._node = node
        self._shot = node.shot
        self._plate = plate
        self._pushed: set[int] = set()
        tracker = node.walker.tracker
        plates = _RecordingDigests(node.chain.plates, self.frames_to_push)
        edges = tracker.edges.digest if tracker.edges else None
        self._chain = DigestChain(node.shot, node.preset, tracker.digest, plates, edges)
        self._plan: Plan[Any] = Plan(self._chain, node.stores, self._note_picture, tracker.restore)

    def add_frame(self, frame: int) -> None:
        """Record the missing frames for the matte of a frame."""
        if self._node.stores.mattes.touch(self._chain.matte(frame)) or self._shot.is_locked(frame):
            return
        keyframe = self._shot.keyframe_at(frame)
        if keyframe is not None:
            self._plan_carried(keyframe, self._shot.ids)
            return
        stretch = self._shot.stretch_at(frame)
        neighbours = self._shot.neighbours(frame) if self._node.preset.finish.dechatter else ()
        seen = sorted((frame, *neighbours))
        tracked = [near for near in seen if self._shot.keyframe_at(near) is None]
        for span in stretch.spans:
            self._plan_span(span, tracked)
        for near in seen:
            self._note_picture(near)

    def _plan_span(self, span: Span, frames: list[int]) -> None:
        for step in self._plan.steps(span, sorted(frames, key=span.distance)):
            if isinstance(step, Start) and step.state is None:
                for keyframe in (span.keyframe, span.far):
                    if keyframe is not None:
                        self._plan_carried(keyframe, span.elements)
                        self._note_picture(keyframe.frame)

    def _plan_carried(self, keyframe: Keyframe, elements: tuple[str, ...]) -> None:
        """Plan the walk that carries the elements which a keyframe does not draw."""
        carrying = self._shot.carrying_span(keyframe)
        if carrying is not None and not set(self._shot.drawn_elements(keyframe)) >= set(elements):
            self._plan_span(carrying, [keyframe.frame])
            self._note_picture(keyframe.frame)

    def _note_picture(self, frame: int) -> Picture:
        """Note a picture that the host must push; returns one without pixels."""
        plate = self._shot.plate
        shown = plate.shown(frame) if isinstance(plate, FilledPlate) else frame
        if shown is not None and shown not in self._pushed:
            if self._plate.frames.has(shown):
                self._pushed.add(shown)
            else:
                self.frames_to_push[shown] = None
        return Picture(_NO_PIXELS)


class _RecordingDigests(PlateDigests):
    """Digests of a plate; missing frames are recorded and get a placeholder."""

    def __init__(self, digests: PlateDigests, frames_to_push: dict[int, None]) -> None:
        self._digests = digests
        self._lacking = frames_to_push

    def __call__(self, frame: int) -> str:
        try:
            return self._digests(frame)
        except FramesNotPushedError as error:
            self._lacking.update(dict.fromkeys(error.frames))
            return _UNKNOWN
