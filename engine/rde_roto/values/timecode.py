"""SMPTE timecode (ST 12-1) of a frame that lies some frames after one whose timecode is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_WRITTEN = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_MINUTES_A_DAY = 24 * 60
_MOST_FRAMES = 40  # a second: the tens of frames have two bits


@dataclass(frozen=True)
class Timecode:
    """Hours, minutes, seconds and frames, `rate` frames a second by count.

    With `drop` the first labels of each minute are left out, two of thirty, but for every tenth
    minute, so that the labels keep up with the clock at 29.97 frames a second.
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    rate: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str, frame_rate: Fraction) -> Timecode | None:
        """The timecode written `01:00:00:00`, or `01:00:00;02` with drop frames.

        None where the text is none, or a rate that timecodes have no labels for.
        """
        match = _WRITTEN.fullmatch(text.strip())
        rate = round(frame_rate)
        if match is None or not 0 < rate <= _MOST_FRAMES:
            return None
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        drop = match[4] != ":" and rate == 30
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= rate:
            return None
        return cls(hours, minutes, seconds, frames, rate, drop)

    def __str__(self) -> str:
        """`01:00:00:00`, the last colon a semicolon with drop frames."""
        mark = ";" if self.drop else ":"
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{mark}{self.frames:02}"

    def later(self, frames: int) -> Timecode:
        """The timecode so many frames on; it starts again after 24 hours."""
        count = (self._count + frames) % self._labels_before(_MINUTES_A_DAY)
        minute = count // (60 * self.rate)  # no minute has more labels: it is this one or later
        while count >= self._labels_before(minute + 1):
            minute += 1
        label = count - self._labels_before(minute) + self._left_out(minute)
        seconds, frame = divmod(label, self.rate)
        return Timecode(*divmod(minute, 60), seconds, frame, self.rate, self.drop)

    @property
    def packed(self) -> int:
        """32 bits as ST 12-1 packs them for television of 60 fields, and OpenEXR keeps them."""
        pairs = (self.frames, self.seconds, self.minutes, self.hours)
        digits = sum((n // 10 << 4 | n % 10) << 8 * place for place, n in enumerate(pairs))
        return digits | self.drop << 6

    @property
    def _count(self) -> int:
        """How many frames lie before this one since midnight."""
        minute = 60 * self.hours + self.minutes
        label = self.seconds * self.rate + self.frames - self._left_out(minute)
        return self._labels_before(minute) + label

    def _labels_before(self, minute: int) -> int:
        """How many labels there are from midnight to a minute of the day."""
        left_out = 2 * (minute - -(-minute // 10)) if self.drop else 0
        return 60 * self.rate * minute - left_out

    def _left_out(self, minute: int) -> int:
        return 2 if self.drop and minute % 10 else 0
