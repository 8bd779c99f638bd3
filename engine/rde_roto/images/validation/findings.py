"""The faults found in a sequence of mattes."""

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
"""The rules, in the order of the report.

`holes`: every frame has a matte. `numbers`: no other frames, and the plate's own numbers. `damage`:
files can be read to their end. `windows`: the plate's windows and pixel aspect. `depth`: no 8-bit
and no 32-bit integers, and lossless ids. `names`: channels that compositors find, the same in all
files. `values`: numbers in 0..1. `empty`: no matte is empty between others, and not all are.
`area`: no matte is suddenly far smaller or larger. `repeats`: no matte repeats while everything
moves. `time`: the plate's timecode and frame rate. `sameness`: one network and one set of settings.
"""

Fault: TypeAlias = tuple[Rule, str]
"""A broken rule, and a sentence: what was expected, what came, what to do."""


@dataclass(frozen=True)
class Finding:
    """A fault and the frames that have it."""

    rule: Rule
    frames: FrameRange
    sentence: str


class Findings:
    """Collects the faults of frames and groups equal ones."""

    def __init__(self) -> None:
        self._frames: defaultdict[Fault, list[int]] = defaultdict(list)

    def add(self, frame: int, faults: Iterable[Fault]) -> None:
        """Add the faults of one frame."""
        for fault in faults:
            self._frames[fault].append(frame)

    def sorted_findings(self) -> tuple[Finding, ...]:
        """Return the findings by rule, then by frame."""
        found = [
            Finding(rule, FrameRange.of(frames), sentence)
            for (rule, sentence), frames in self._frames.items()
        ]
        rules = get_args(Rule)
        return tuple(sorted(found, key=lambda f: (rules.index(f.rule), f.frames.first)))
