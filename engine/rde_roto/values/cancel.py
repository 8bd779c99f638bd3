"""How work is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Cancel: TypeAlias = Callable[[], bool]
"""Called between two steps; if it returns true the work stops with a CancelledError."""


def never() -> bool:
    """The default: never cancel."""
    return False
