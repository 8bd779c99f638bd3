"""What went wrong, said to the artist: one sentence, never a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import nuke

from rde_roto_client import EngineError, NoEngineError, WireError


class UnfitError(Exception):
    """Something about the node is not as it must be: str() says what, and what to do."""


SENTENCES = (UnfitError, EngineError, NoEngineError, WireError)
"""The errors whose text is meant for people."""


def say(sentence: str) -> None:
    """In a window where Nuke has one; else raises RuntimeError, so that a render fails."""
    if not nuke.GUI:
        raise RuntimeError(f"rde-roto: {sentence}")
    nuke.message(sentence)


def told(action: Callable[..., None]) -> Callable[..., None]:
    """The action, with its errors said. For the main thread, as `say` is."""

    @functools.wraps(action)
    def telling(*arguments: Any) -> None:
        try:
            action(*arguments)
            return
        except SENTENCES as error:
            sentence = str(error)
        say(sentence)  # out here, or a render would print where the error came from

    return telling
