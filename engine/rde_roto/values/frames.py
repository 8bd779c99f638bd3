"""Frame numbers as people write them: `1001-1100x2,1120`."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import index as index_of
from typing import SupportsIndex, cast

from rde_roto.values.arguments import frame_number, require
from rde_roto.values.errors import UsageError

_PART = re.compile(r"(-?[0-9]{1,18})(?:-(-?[0-9]{1,18})(?:[x:]([0-9]{1,18}))?)?")
_MOST_FRAMES = 1_000_000  # eleven hours at 24 frames/s: a longer range is a typing error
_MOST_PARTS = 10_000
_MOST_QUOTED = 60  # characters of a text in a message


@dataclass(frozen=True)
class FrameRange:
    """An immutable ascending set of frame numbers; any integers, gaps allowed.

    Build it with `parse`, `between` or `of`: they give one canonical list of `chunks`, so two
    ranges are equal, and print the same, exactly if they hold the same frames. Memory grows with
    the number of chunks, not of frames.
    """

    chunks: tuple[range, ...]

    @staticmethod
    def parse(text: str) -> FrameRange:
        """Parse `1001-1100`, `1001-1100x2`, `1001-1100:2`, `-10--5`, or a comma list of those.

        Parts may overlap and come in any order. Raises UsageError for any other text.
        """
        require(text, str, "a text such as '1001-1100' (FrameRange.of takes numbers)")
        quoted = text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}…"
        written = text.split(",", _MOST_PARTS)
        if len(written) > _MOST_PARTS:
            raise UsageError(f"the frame range '{quoted}' has more than {_MOST_PARTS:,} parts")
        parts = [_parse_part(part.strip()) for part in written]
        _check_count(sum((part.stop - 1 - part.start) // part.step + 1 for part in parts), quoted)
        return FrameRange(_compress(heapq.merge(*parts)))

    @staticmethod
    def between(first: int, last: int) -> FrameRange:
        """Return all frames from `first` to `last`, inclusive. Raises UsageError for too many."""
        first, last = frame_number(first), frame_number(last)
        _check_count(last - first + 1, f"{first}-{last}")
        return FrameRange(_compress(range(first, last + 1)))

    @staticmethod
    def of(frames: Iterable[int]) -> FrameRange:
        """Return the set of the given frame numbers, in any order; duplicates are ignored."""
        require(frames, Iterable, "frames such as [1001, 1002]")
        return FrameRange(_compress(sorted(map(frame_number, frames))))

    def __iter__(self) -> Iterator[int]:
        """Frames in ascending order."""
        for chunk in self.chunks:
            yield from chunk

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)

    def __contains__(self, frame: object) -> bool:
        if not isinstance(frame, int):
            try:
                frame = index_of(cast("SupportsIndex", frame))  # numpy's integers are frames too
            except TypeError:
                return False
        index = bisect_right(self.chunks, frame, key=lambda chunk: chunk[0])
        return index > 0 and frame in self.chunks[index - 1]

    def __str__(self) -> str:
        """The canonical text, which `parse` reads back; empty for the empty set."""
        return ",".join(_format_chunk(chunk) for chunk in self.chunks)

    @property
    def words(self) -> str:
        """The canonical text for people: `-5 to -1`, not `-5--1`."""
        return ",".join(
            _format_chunk(chunk, " to " if chunk[0] < 0 else "-") for chunk in self.chunks
        )

    @property
    def first(self) -> int:
        """The lowest frame. Raises UsageError when the range is empty."""
        self._require_frames()
        return self.chunks[0][0]

    @property
    def last(self) -> int:
        """The highest frame. Raises UsageError when the range is empty."""
        self._require_frames()
        return self.chunks[-1][-1]

    def walk(self, first: int, last: int) -> Iterator[int]:
        """Iterate the frames from `first` to `last`, inclusive, in that direction."""
        low, high = min(first, last), max(first, last)
        for chunk in self.chunks if first <= last else reversed(self.chunks):
            if chunk[0] <= high and chunk[-1] >= low:
                start = max(0, -(-(low - chunk[0]) // chunk.step))
                part = chunk[start : (high - chunk[0]) // chunk.step + 1]
                yield from part if first <= last else reversed(part)

    def intersection(self, other: FrameRange) -> FrameRange:
        """Return frames in both."""
        return FrameRange(_compress(frame for frame in self if frame in other))

    def difference(self, other: FrameRange) -> FrameRange:
        """Return frames of this range that are not in the other."""
        return FrameRange(_compress(frame for frame in self if frame not in other))

    def _require_frames(self) -> None:
        if not self.chunks:
            raise UsageError("the frame range is empty")


def _check_count(count: int, quoted: str) -> None:
    """Raise UsageError for too many frames; `len` could overflow."""
    if count > _MOST_FRAMES:
        raise UsageError(
            f"the frame range '{quoted}' holds more than {_MOST_FRAMES:,} frames: check its numbers"
        )


def _parse_part(part: str) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise UsageError(
            f"'{part[:_MOST_QUOTED]}' is not a frame range: expected something like 1001-1100, "
            "1001-1100x2 or a comma list of those"
        )
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    step = 1 if match[3] is None else int(match[3])
    if last < first:
        raise UsageError(f"the frame range '{part}' runs backwards: write {last}-{first}")
    if step == 0:
        raise UsageError(f"the frame range '{part}' has a step of 0: it must be at least 1")
    return range(first, last + 1, step)


def _compress(frames: Iterable[int]) -> tuple[range, ...]:
    """Compress ascending frames, possibly with duplicates, into canonical chunks.

    Greedy from the left, except that two frames with a gap form no chunk: 1, 3, 4, 5 is `1,3-5`,
    not `1-3x2,4-5`.
    """
    chunks: list[range] = []
    run: range | None = None
    for frame in frames:
        if run is None:
            run = range(frame, frame + 1)
        elif frame == run[-1]:
            continue
        elif len(run) == 1 or frame == run[-1] + run.step:
            run = range(run[0], frame + 1, frame - run[-1])
        elif len(run) == 2 and run.step > 1:
            chunks.append(run[:1])
            run = range(run[1], frame + 1, frame - run[1])
        else:
            chunks.append(run)
            run = range(frame, frame + 1)
    if run is not None:
        pair_apart = len(run) == 2 and run.step > 1
        chunks.extend([run[:1], run[1:]] if pair_apart else [run])
    return tuple(chunks)


def _format_chunk(chunk: range, to: str = "-") -> str:
    if len(chunk) == 1:
        return str(chunk[0])
    return f"{chunk[0]}{to}{chunk[-1]}" + (f"x{chunk.step}" if chunk.step > 1 else "")
