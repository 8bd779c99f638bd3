"""How work is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Cancel: TypeAlias = Callable[[], bool]
"""Asked between two steps: whether to stop with a CancelledError."""


def never() -> bool:
    """Nobody cancels."""
    return False
