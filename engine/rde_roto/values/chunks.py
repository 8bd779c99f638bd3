"""How the frames of a shot are cut for several workers, so that nobody walks another's way.

Stretches do not depend on one another: a memory begins anew at each keyframe. Within a stretch a
worker goes on from the state that the one before it has stored, so cuts lie where one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, zip_longest

from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Span


def chunks_in_rounds(
    shot: Shot, frames: FrameRange, most_frames: int, state_every: int
) -> tuple[tuple[FrameRange, ...], ...]:
    """Some frames of a shot in chunks, in rounds that come one after the other.

    The chunks of a round may be rendered at once; a later one goes on where those of the rounds
    before have stopped. Which frames a chunk has depends on the shot, not on the other frames that
    are asked for. Frames out of the shot's range are left out.

    Args:
        shot: with one keyframe at least.
        frames: those that are wanted.
        most_frames: of a chunk, made a multiple of ``state_every``, at least one; the keyframe that
            a walk begins or ends at comes on top.
        state_every: frames from one stored state to the next, counted from the keyframe.
    """
    wanted = frames.intersection(shot.range)
    lanes = [
        _Lane(span, chunks)
        for span in (stretch.spans[0] for stretch in shot.stretches)
        if (chunks := _cut(span, wanted, most_frames, state_every))
    ]
    alone: list[int] = []  # keyframes without a wanted frame beside them
    for keyframe in shot.ordered:
        if keyframe.frame in wanted:
            joined = (chunk for lane in lanes if (chunk := lane.beside(keyframe)) is not None)
            next(joined, alone).append(keyframe.frame)
    rounds = zip_longest(*(lane.chunks for lane in lanes), [alone] if alone else [])
    return tuple(tuple(FrameRange.of(chunk) for chunk in round_ if chunk) for round_ in rounds)


@dataclass(frozen=True)
class _Lane:
    """What is walked one after the other: a stretch, in the walking order of its first span."""

    span: Span
    chunks: list[list[int]]

    def beside(self, keyframe: Keyframe) -> list[int] | None:
        """The chunk that begins or ends at a keyframe."""
        if keyframe is self.span.keyframe:
            return self.chunks[0]
        return self.chunks[-1] if keyframe is self.span.far else None


def _cut(span: Span, wanted: FrameRange, most_frames: int, state_every: int) -> list[list[int]]:
    """Chunks of a walk, as equal as multiples of ``state_every`` can be."""
    states = -(-span.distance(span.stop) // state_every)
    count = -(-states // max(1, most_frames // state_every))
    length = state_every * -(-states // count)
    frames = wanted.walk(span.keyframe.frame + span.step, span.stop)
    pieces = groupby(frames, lambda frame: (span.distance(frame) - 1) // length)
    return [list(piece) for _, piece in pieces]
