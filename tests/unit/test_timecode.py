from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.values.timecode import Timecode

NTSC = Fraction(30000, 1001)


def parsed(text: str, rate: Fraction = Fraction(24)) -> Timecode:
    timecode = Timecode.parse(text, rate)
    assert timecode is not None
    return timecode


@pytest.mark.parametrize(
    ("text", "rate", "frames", "later"),
    [
        ("01:00:00:00", Fraction(24), 1, "01:00:00:01"),
        ("01:00:00:23", Fraction(24000, 1001), 1, "01:00:01:00"),
        ("23:59:59:24", Fraction(25), 1, "00:00:00:00"),
        ("00:00:59;29", NTSC, 1, "00:01:00;02"),  # 00 and 01 have no frame
        ("00:09:59;29", NTSC, 1, "00:10:00;00"),  # but in every tenth minute
        ("00:00:59:29", NTSC, 1, "00:01:00:00"),
        ("00:00:00;00", NTSC, 17982, "00:10:00;00"),  # ten minutes by the clock
        ("23:59:59;29", NTSC, 1, "00:00:00;00"),
        ("01:00:00:00", Fraction(24), -1, "00:59:59:23"),
        ("01:00:00:49", Fraction(50), 1, "01:00:01:00"),
        ("00:00:59;59", 2 * NTSC, 1, "00:01:00;04"),  # two pairs have no frames
        ("00:00:00;00", 2 * NTSC, 35964, "00:10:00;00"),
        ("00:00:00:00", Fraction(48), -1, "23:59:59:47"),
    ],
)
def test_frames_are_counted_on(text: str, rate: Fraction, frames: int, later: str) -> None:
    assert str(parsed(text, rate).later(frames)) == later


@given(st.integers(0, 2589407), st.integers(-100000, 100000))
def test_there_and_back_is_the_same(start: int, frames: int) -> None:
    """A day of 29.97 frames a second has 2,589,408 of them."""
    timecode = parsed("00:00:00;00", NTSC).later(start)
    assert timecode.later(frames).later(-frames) == timecode
    assert timecode.later(2589408) == timecode
    assert timecode.frames >= 2 or timecode.seconds or not timecode.minutes % 10


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", Fraction(24)),
        ("1:2:3:4", Fraction(24)),
        ("01:00:00:24", Fraction(24)),
        ("24:00:00:00", Fraction(24)),
        ("00:60:00:00", Fraction(24)),
        ("00:00:60:00", Fraction(24)),
        ("01:00:00:00", Fraction(120)),  # a timecode has no labels for these
        ("01:00:00:00", Fraction(33)),
        ("01:00:00:00", Fraction(0)),
    ],
)
def test_what_is_none_is_told(text: str, rate: Fraction) -> None:
    assert Timecode.parse(text, rate) is None


def test_it_is_packed_as_openexr_keeps_it() -> None:
    """BCD from the frames up, bit 6 the drop frame flag (OpenEXR, ImfTimeCode.h)."""
    assert parsed("12:34:56:07").packed == 0x12345607
    assert parsed("01:00:59;28", NTSC).packed == 0x01005928 | 0x40
    assert parsed("01:00:00:59", Fraction(60)).packed == 0x01000029 | 1 << 15
