"""SMPTE timecode (ST 12-1) of a frame that lies some frames after one whose timecode is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_WRITTEN = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_MINUTES_A_DAY = 24 * 60
_MOST_LABELS = 30  # a second; above it two frames share one


@dataclass(frozen=True)
class Timecode:
    """Hours, minutes, seconds and frames: the label of a frame, `rate` labels a second by count.

    With `drop` the first labels of each minute are left out, two of thirty, but for every tenth
    minute, so that the labels keep up with the clock at 29.97 frames a second. Above 30 frames a
    second a label stands for a pair of frames (ST 12-1), and `second` says that this is the later
    one of its pair; it is None where each frame has a label.
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
        """The timecode written `01:00:00:00`, or `01:00:00;02` with drop frames; the last number
        counts frames, not pairs, at any rate.

        None where the text is none, or a rate that timecodes have no labels for: above 60 frames a
        second, or an odd one above 30.
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
        """`01:00:00:00`, the last colon a semicolon with drop frames, as `parse` reads it."""
        mark = ";" if self.drop else ":"
        frames = self.frames * self._pairs + bool(self.second)
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{mark}{frames:02}"

    def later(self, frames: int) -> Timecode:
        """The timecode so many frames on; it starts again after 24 hours."""
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
        """32 bits as ST 12-1 packs them for television of 60 fields, and OpenEXR keeps them."""
        pairs = (self.frames, self.seconds, self.minutes, self.hours)
        digits = sum((n // 10 << 4 | n % 10) << 8 * place for place, n in enumerate(pairs))
        return digits | self.drop << 6 | bool(self.second) << 15

    @property
    def count(self) -> int:
        """How many frames lie before this one since midnight."""
        minute = 60 * self.hours + self.minutes
        label = self.seconds * self.rate + self.frames - self._left_out(minute)
        return (self._labels_before(minute) + label) * self._pairs + bool(self.second)

    @property
    def _pairs(self) -> int:
        """Frames that a label stands for."""
        return 1 if self.second is None else 2

    def _labels_before(self, minute: int) -> int:
        """How many labels there are from midnight to a minute of the day."""
        left_out = 2 * (minute - -(-minute // 10)) if self.drop else 0
        return 60 * self.rate * minute - left_out

    def _left_out(self, minute: int) -> int:
        return 2 if self.drop and minute % 10 else 0
