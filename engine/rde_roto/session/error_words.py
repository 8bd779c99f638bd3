"""Errors in the words of the window."""

from __future__ import annotations

from typing import Final

from rde_roto.values.errors import shown_error

_IN_WINDOW: Final = {"learned": "Alt+L", "overrides": "Settings, Ctrl+,"}
"""Where an artist sets in the window what an error advises, by its keys."""


def sentence(error: Exception) -> str:
    """Return what an artist reads of an error."""
    return shown_error(error).worded(_IN_WINDOW)
