"""Remarks on an element's mattes, and which frames deserve a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from rde_roto.values.frames import FrameRange
from rde_roto.values.report import ElementTrack, Remark

_MOST_OF_A_KIND = 8
"""The most pictures of each kind: keyframes, frames that look wrong, others."""

_FULL = 0.98
_LEAP = 1.5
"""The factor by which an area changes between neighbouring frames if something may have jumped."""

_LEAST_AREA = 0.001
"""As a share of the picture: less is a few pixels, which come and go."""

_MOST_PARTS = 3


def remarks_on(track: ElementTrack, keyframes: FrameRange) -> Iterator[Remark]:
    """Yield what a person should know about an element. Keyframes are taken as intended."""
    if track.doubtful:
        worst = min(track.doubtful, key=track.confidences.__getitem__)
        yield Remark(
            f"{track.name} may be wrong in {in_words(track.doubtful)}: it is least sure at "
            f"{worst}, {track.confidences[worst]:.2f}",
            worst,
        )
    yield from _unseen(track, keyframes)
    full = FrameRange.of(f for f, area in track.areas.items() if area >= _FULL)
    if full.difference(keyframes):
        yield Remark(f"{track.name} fills the whole picture in {in_words(full)}", full.first)
    leaps = FrameRange.of(_leaps(track))
    if leaps:
        yield Remark(
            f"{track.name} grows or shrinks by more than a third within one frame: "
            f"{in_words(leaps)}",
            max(leaps, key=lambda frame: _change(track, frame)),
            is_warning=False,
        )


def frames_to_show(
    frames: FrameRange, keyframes: FrameRange, worth: Sequence[int]
) -> tuple[int, ...]:
    """Choose at most 24 frames, ascending, for a shot of any length.

    They are keyframes; then frames worth a look, the most urgent first, but only one of several
    neighbours; then others, spread evenly between all these.
    """
    shown = set(_spread(keyframes, ()))
    apart = len(frames) // (6 * _MOST_OF_A_KIND)
    urgent: list[int] = []
    for frame in worth:
        if len(urgent) < _MOST_OF_A_KIND and all(abs(frame - one) > apart for one in urgent):
            urgent.append(frame)
    shown.update(urgent)
    shown.update(_spread(frames, shown))
    return tuple(sorted(shown))


def in_words(frames: FrameRange) -> str:
    """Describe frames: ``frames 1007, 1012-1019``; for many parts only the number and the ends."""
    parts = str(frames).split(",")
    if len(frames) == 1:
        return f"frame {frames}"
    if len(parts) <= _MOST_PARTS:
        return f"frames {', '.join(parts)}"
    return f"{len(frames)} frames between {frames.first} and {frames.last}"


def _unseen(track: ElementTrack, keyframes: FrameRange) -> Iterator[Remark]:
    """Passages without the element, except those that the artist drew empty."""
    gone: list[int] = []
    last = max(track.confidences, default=None)
    for is_seen, passage in groupby(track.areas, lambda frame: track.areas[frame] > 0):
        frames = list(passage)
        if is_seen or any(frame in keyframes for frame in frames):
            continue
        if frames[-1] == last:
            since = "at all" if len(frames) == len(track.confidences) else f"from {frames[0]} on"
            yield Remark(
                f"{track.name} is not seen {since}: has it left the picture, or is it lost?",
                frames[0],
            )
        else:
            gone += frames
    if gone:
        yield Remark(f"{track.name} has an empty matte in {in_words(FrameRange.of(gone))}", gone[0])


def _leaps(track: ElementTrack) -> Iterator[int]:
    """The frames whose area differs greatly from that of the previous frame."""
    for frame, area in track.areas.items():
        before = track.areas.get(frame - 1, 0.0)
        if min(area, before) >= _LEAST_AREA and _change(track, frame) >= _LEAP:
            yield frame


def _change(track: ElementTrack, frame: int) -> float:
    """The ratio of the larger to the smaller of a frame's area and the previous one."""
    area, before = track.areas[frame], track.areas[frame - 1]
    return max(area, before) / min(area, before)


def _spread(frames: Iterable[int], shown: Iterable[int]) -> list[int]:
    """Choose frames, each as far as possible from those chosen before and from those shown."""
    free = np.fromiter(frames, np.int64)
    away = np.full(len(free), np.iinfo(np.int64).max)
    for frame in shown:
        away = np.minimum(away, abs(free - frame))
    found: list[int] = []
    while len(found) < _MOST_OF_A_KIND and away.any():
        farthest = int(free[away.argmax()])
        found.append(farthest)
        away = np.minimum(away, abs(free - farthest))
    return found
