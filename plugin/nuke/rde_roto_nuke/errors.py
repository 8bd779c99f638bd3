"""Errors shown to the artist: one sentence, never a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import nuke

from rde_roto_client import EngineError, NoEngineError, WireError


class NodeError(Exception):
    """The node or its inputs are not usable: str() says what is wrong and what to do."""


USER_ERRORS = (NodeError, EngineError, NoEngineError, WireError)
"""Errors whose text is meant for the artist."""


def show_error(sentence: str) -> None:
    """Show a sentence in a window. Without a GUI raises RuntimeError, so that a render fails."""
    if not nuke.GUI:
        raise RuntimeError(f"rde-roto: {sentence}")
    nuke.message(sentence)


def errors_shown(action: Callable[..., None]) -> Callable[..., None]:
    """Decorate an action to show its errors. Main thread only, as for `show_error`."""

    @functools.wraps(action)
    def showing(*arguments: Any) -> None:
        try:
            action(*arguments)
            return
        except USER_ERRORS as error:
            sentence = str(error)
        show_error(sentence)  # outside of except: a render would print the first traceback too

    return showing
