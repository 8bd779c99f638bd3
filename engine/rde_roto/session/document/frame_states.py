"""The states of frames, and the frames that a propagation goes through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rde_roto.session.document.draft import Draft
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.values.frames import FrameRange


class FrameState(Enum):
    """What there is at a frame."""

    EMPTY = "no matte yet"
    STALE = "out of date"
    MADE = "matte"
    WAITING = "being made"
    KEYFRAME = "keyframe"
    LOCKED = "locked"


def state_of(draft: Draft, live: LiveMattes, frame: int) -> FrameState:
    """Return the state of a frame."""
    is_locked = draft.is_locked(frame)
    return FrameState.LOCKED if is_locked else _state_of_unlocked(draft, live, frame)


def states_of(draft: Draft, live: LiveMattes, frames: FrameRange) -> dict[int, FrameState]:
    """Return the states of many frames. This is quick: a time line may have ten thousand."""
    locked = {frame for frame in draft.frames_with_locks if draft.is_locked(frame)}
    return {
        frame: FrameState.LOCKED if frame in locked else _state_of_unlocked(draft, live, frame)
        for frame in frames
    }


def _state_of_unlocked(draft: Draft, live: LiveMattes, frame: int) -> FrameState:
    here = draft.drawings.get(frame)
    if here is not None and (live.is_made(frame) or here.keys() >= draft.seen):
        return FrameState.KEYFRAME
    if live.is_made(frame):
        return FrameState.MADE
    if live.is_waiting(frame):
        return FrameState.WAITING
    # a keyframe of some elements has mattes of the others that are to be tracked
    is_stale = here is not None or live.is_stale(frame)
    return FrameState.STALE if is_stale else FrameState.EMPTY


@dataclass(frozen=True)
class Direction:
    """Where a propagation goes from a frame: 1 forwards, -1 backwards; to a keyframe, or all the
    way.
    """

    steps: tuple[int, ...]
    to_keyframe: bool = False

    def frames(
        self, frame: int, whole: FrameRange, keyframes: frozenset[int], is_drawn: bool
    ) -> list[int]:
        """Return the frames to be made, in order. The frame itself comes first, unless all its
        elements are drawn there.
        """
        found: list[int] = [] if is_drawn else [frame]
        for step in self.steps:
            stop = whole.last if step > 0 else whole.first
            if self.to_keyframe:
                stop = min((at for at in keyframes if at > frame), default=stop)
            found += [at for at in whole.walk(frame, stop) if at != frame]
        return found


FORWARD, BACKWARD, BOTH = Direction((1,)), Direction((-1,)), Direction((1, -1))
TO_KEYFRAME = Direction((1,), to_keyframe=True)
