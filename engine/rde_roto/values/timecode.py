"""SMPTE timecode (ST 12-1) and its arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_WRITTEN = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_MINUTES_A_DAY = 24 * 60
_MOST_LABELS = 30  # per second; above that rate two frames share a label


@dataclass(frozen=True)
class Timecode:
    """The label of a frame: hours, minutes, seconds and frames, with `rate` labels per second.

    With `drop` (drop frame) the first two labels of each minute are skipped, except every tenth
    minute, so that labels keep up with the clock at 29.97 frames per second. Above 30 frames per
    second a label covers a pair of frames (ST 12-1), and `second` tells whether this is the second
    of its pair; it is None if each frame has its own label.
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    rate: int
    drop: bool = False
    second: bool | None = None

    @classmethod
    def parse(cls, text: str, frame_rate: Fraction) -> Timecode | None:
        """Parse `01:00:00:00`, or `01:00:00;02` with drop frame; the last number always counts
        frames, not pairs.

        None for any other text, and for rates without timecode labels: above 60 frames per second,
        or odd ones above 30.
        """
        match = _WRITTEN.fullmatch(text.strip())
        rate = round(frame_rate)
        pairs = 1 if rate <= _MOST_LABELS else 2
        if match is None or not 0 < rate <= 2 * _MOST_LABELS or rate % pairs:
            return None
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        drop = match[4] != ":" and rate // pairs == 30
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= rate:
            return None
        second = bool(frames % 2) if pairs == 2 else None
        return cls(hours, minutes, seconds, frames // pairs, rate // pairs, drop, second)

    def __str__(self) -> str:
        """`01:00:00:00`, with a semicolon for drop frame, as `parse` reads it."""
        mark = ";" if self.drop else ":"
        frames = self.frames * self._pairs + bool(self.second)
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{mark}{frames:02}"

    def later(self, frames: int) -> Timecode:
        """Return the timecode so many frames later; it wraps after 24 hours."""
        labels, phase = divmod(self.count + frames, self._pairs)
        count = labels % self._labels_before(_MINUTES_A_DAY)
        minute = count // (60 * self.rate)  # no minute has more labels: it is this one or later
        while count >= self._labels_before(minute + 1):
            minute += 1
        label = count - self._labels_before(minute) + self._left_out(minute)
        seconds, frame = divmod(label, self.rate)
        second = None if self.second is None else bool(phase)
        return Timecode(*divmod(minute, 60), seconds, frame, self.rate, self.drop, second)

    @property
    def packed(self) -> int:
        """The 32 bits in the packing of ST 12-1 for 60-field television, as OpenEXR stores them."""
        pairs = (self.frames, self.seconds, self.minutes, self.hours)
        digits = sum((n // 10 << 4 | n % 10) << 8 * place for place, n in enumerate(pairs))
        return digits | self.drop << 6 | bool(self.second) << 15

    @property
    def count(self) -> int:
        """The number of frames since midnight before this one."""
        minute = 60 * self.hours + self.minutes
        label = self.seconds * self.rate + self.frames - self._left_out(minute)
        return (self._labels_before(minute) + label) * self._pairs + bool(self.second)

    @property
    def _pairs(self) -> int:
        """How many frames a label covers."""
        return 1 if self.second is None else 2

    def _labels_before(self, minute: int) -> int:
        """The number of labels from midnight to a minute of the day."""
        left_out = 2 * (minute - -(-minute // 10)) if self.drop else 0
        return 60 * self.rate * minute - left_out

    def _left_out(self, minute: int) -> int:
        return 2 if self.drop and minute % 10 else 0
