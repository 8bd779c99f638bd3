"""Animated values of Nuke's roto shapes: keys with slopes, on frames that a whole list shares.

A key is ``value``, ``{value -}`` or ``{value left-slope left-length right-slope right-length}``;
`-` and nothing stand for level slopes. ``{x N key}`` is a key N times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rde_roto.shapes.nuke.script import Item, number_of, number_text

Values: TypeAlias = NDArray[np.float64]

_MOST_KEYS: Final = 1_000_000
_HALVINGS: Final = 40  # of the unit interval: beyond the digits of a 32-bit float


@dataclass(frozen=True, eq=False)
class Curve:
    """A value over time: `keys` [N, 5] are value, left slope and length, right slope and length, at
    `frames` [N], ascending. A length of 1 is a third of the way to the next key.
    """

    frames: Values
    keys: Values

    @property
    def is_constant(self) -> bool:
        """Whether it has one value at all times."""
        return not np.ptp(self.keys[:, 0]) and not self.keys[:, 1::2].any()

    def at(self, frames: Values) -> Values:
        """Return the values at some frames; before the first and after the last key they stay."""
        inside = np.clip(frames, self.frames[0], self.frames[-1])
        if len(self.frames) == 1:
            return np.full(len(frames), self.keys[0, 0])
        left = np.clip(np.searchsorted(self.frames, inside, "right") - 1, 0, len(self.frames) - 2)
        run = np.diff(self.frames)[left]
        start, end = self.keys[left], self.keys[left + 1]
        leaves, arrives = start[:, 4] / 3, 1 - end[:, 2] / 3
        t = _parameter((inside - self.frames[left]) / run, leaves, arrives)
        from_start = start[:, 0] + start[:, 3] * leaves * run
        to_end = end[:, 0] - end[:, 1] * (1 - arrives) * run
        s = 1 - t
        found: Values = s**3 * start[:, 0] + 3 * s * t * (s * from_start + t * to_end)
        return found + t**3 * end[:, 0]


def constant(value: float, frame: float = 0.0) -> Curve:
    """Return a curve that is one value at all times, with a key at a frame."""
    return Curve(np.array([frame]), np.array([[value, 0, 1, 0, 1]], np.float64))


def parse_shared(items: list[Item]) -> Iterator[list[Curve]]:
    """Yield the curves of each list after the first item, which says at which frames they have
    keys: a number, or a list of them. Raises ValueError for anything else.
    """
    if not items:
        return
    head, *lists = items
    frames = _in_order([number_of(word) for word in (head if isinstance(head, list) else [head])])
    for item in lists:
        entries = item if isinstance(item, list) else [item]
        yield [_curve(frames, entry) for entry in entries]


def parse_single(item: Item) -> Curve:
    """Parse a number, or a list of keys with frames of their own, ``{{frame key} …}``.

    Raises ValueError for anything else.
    """
    if isinstance(item, str):
        return constant(number_of(item))
    frames: list[float] = []
    keys = []
    for key in item:
        if not isinstance(key, list) or len(key) < 2:
            raise ValueError("it has an expression")
        frames.append(number_of(key[0]))
        keys.append(_key(key[1:]))
    return Curve(_in_order(frames), np.array(keys))


def _in_order(frames: list[float]) -> Values:
    if not frames or any(after <= before for before, after in pairwise(frames)):
        raise ValueError("its keys are not in the order of their frames")
    return np.array(frames)


def keys_text(frames: list[int], values: Values) -> str:
    """Return keys [N] at some frames, between which a value changes at constant speed."""
    slopes = np.zeros(len(frames) + 1)
    slopes[1:-1] = np.diff(values) / np.diff(frames)
    keys = []
    for value, arrives, leaves in zip(values, slopes[:-1], slopes[1:], strict=True):
        tangents = f"{number_text(arrives)} 1 {number_text(leaves)} 1" if arrives or leaves else "-"
        keys.append(f"{{{number_text(value)} {tangents}}}")
    return "{" + " ".join(keys) + "}"


def _curve(frames: Values, entry: Item) -> Curve:
    if isinstance(entry, str):
        return constant(number_of(entry), frames[0])
    keys = list(_keys(entry))
    if len(keys) != len(frames):
        raise ValueError(f"it has {len(keys)} keys at {len(frames)} frames")
    return Curve(frames, np.array(keys))


def _keys(items: list[Item]) -> Iterator[list[float]]:
    for item in items:
        if isinstance(item, list) and item[:1] == ["x"]:
            if len(item) != 3 or not isinstance(item[1], str) or not item[1].isdecimal():
                raise ValueError("a repeated key is not understood")
            count = int(item[1])
            if count > _MOST_KEYS:
                raise ValueError(f"a key is repeated {count} times")
            yield from [_key(item[2])] * count
        else:
            yield _key(item)


def _key(item: Item) -> list[float]:
    words = [item] if isinstance(item, str) else item
    if len(words) == 1 or (len(words) == 2 and words[1] == "-"):
        return [number_of(words[0]), 0, 1, 0, 1]
    if len(words) == 5:
        return [number_of(word) for word in words]
    raise ValueError("a key has an interpolation or an expression that is not understood")


def _parameter(shares: Values, leaves: Values, arrives: Values) -> Values:
    """Where cubics from 0 by `leaves` and `arrives` to 1 have come to some shares of their way."""
    low, high = np.zeros_like(shares), np.ones_like(shares)
    if np.allclose(leaves, 1 / 3) and np.allclose(arrives, 2 / 3):
        return shares
    for _ in range(_HALVINGS):
        t = (low + high) / 2
        s = 1 - t
        is_before = 3 * s * t * (s * leaves + t * arrives) + t**3 < shares
        low, high = np.where(is_before, t, low), np.where(is_before, high, t)
    middle: Values = (low + high) / 2
    return middle
