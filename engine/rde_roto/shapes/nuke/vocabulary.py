"""What words and numbers of Nuke's roto stand for, as far as shapes need them."""

from __future__ import annotations

from enum import Enum, IntFlag
from typing import Final

ELEMENT_KNOB: Final = "rde_roto_element"
FRAMES_KNOB: Final = "rde_roto_frames"
WINDOWS_KNOB: Final = "rde_roto_windows"


class Flag(IntFlag):
    """Flags of a shape, and of the curves that it has."""

    OPEN = 1 << 5
    RENDERED = 1 << 9
    RELATIVE_TANGENTS = 1 << 13


class Blending(float, Enum):
    """Values of the attribute ``bm``."""

    OVER = 0.0
    MAX = 4.0
    MINUS = 12.0


class Lifetime(float, Enum):
    """Values of the attribute ``ltt``; ``ltn`` is the first frame of a range, ``ltm`` the last."""

    ALL = 0.0
    SINGLE = 2.0
    RANGE = 4.0
