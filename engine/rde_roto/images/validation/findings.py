"""What is wrong with some frames of a sequence of mattes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from rde_roto.values.frames import FrameRange

Rule: TypeAlias = Literal[
    "holes",
    "numbers",
    "damage",
    "windows",
    "depth",
    "names",
    "values",
    "empty",
    "area",
    "repeats",
    "time",
    "sameness",
]
"""What is checked, in the order in which it is told.

`holes`: a matte for every frame. `numbers`: no others, under the plate's own numbers. `damage`:
files can be read to their end. `windows`: the plate's windows and pixel aspect. `depth`: no 8 bits,
no whole numbers of 32, and ids that survive. `names`: channels that compositors find, the same in
all files. `values`: numbers, 0..1. `empty`: none that is empty between others, nor all of them.
`area`: none that is suddenly far smaller or larger. `repeats`: none that stands still while all
moves. `time`: the plate's timecode and frame rate. `sameness`: one network, one set of
settings.
"""

Fault: TypeAlias = tuple[Rule, str]
"""A rule that a file breaks, and a sentence: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Finding:
    """A fault and the frames that have it."""

    rule: Rule
    frames: FrameRange
    sentence: str


class Findings:
    """Gathers the faults of frames, and tells those of a kind together."""

    def __init__(self) -> None:
        self._frames: defaultdict[Fault, list[int]] = defaultdict(list)

    def add(self, frame: int, faults: Iterable[Fault]) -> None:
        """The faults of one frame."""
        for fault in faults:
            self._frames[fault].append(frame)

    def told(self) -> tuple[Finding, ...]:
        """By rule, and in the order of frames."""
        found = [
            Finding(rule, FrameRange.of(frames), sentence)
            for (rule, sentence), frames in self._frames.items()
        ]
        rules = get_args(Rule)
        return tuple(sorted(found, key=lambda f: (rules.index(f.rule), f.frames.first)))
