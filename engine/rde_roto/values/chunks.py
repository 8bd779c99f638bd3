"""How the frames of a shot are split among workers, so that none repeats another's steps.

Stretches are independent, because memory starts fresh at each keyframe. Within a stretch a worker
continues from the state that the previous worker has stored, so cuts lie at stored states.
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
    """Split some frames of a shot into chunks, in rounds that must run in order.

    The chunks of one round may be rendered in parallel; a later round continues where the earlier
    ones stopped. The cuts depend on the shot, not on the requested frames. Frames out of the shot's
    range are left out.

    Args:
        shot: a shot with at least one keyframe.
        frames: the wanted frames.
        most_frames: target size of a chunk, rounded to a multiple of ``state_every``; the keyframe
            at which a walk begins or ends is added to it.
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
    """The chunks of one stretch, which must run in the walking order of its first span."""

    span: Span
    chunks: list[list[int]]

    def beside(self, keyframe: Keyframe) -> list[int] | None:
        """The chunk that begins or ends at a keyframe."""
        if keyframe is self.span.keyframe:
            return self.chunks[0]
        is_end = keyframe.frame == self.span.stop + self.span.step
        return self.chunks[-1] if is_end else None


def _cut(span: Span, wanted: FrameRange, most_frames: int, state_every: int) -> list[list[int]]:
    """Cut a walk into chunks whose lengths are multiples of ``state_every``, as equal as can be."""
    states = -(-span.distance(span.stop) // state_every)
    count = -(-states // max(1, most_frames // state_every))
    length = state_every * -(-states // count)
    frames = wanted.walk(span.keyframe.frame + span.step, span.stop)
    pieces = groupby(frames, lambda frame: (span.distance(frame) - 1) // length)
    return [list(piece) for _, piece in pieces]
