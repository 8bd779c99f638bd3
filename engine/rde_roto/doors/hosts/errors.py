"""Errors as the protocol sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import (
    CancelledError,
    DocumentError,
    EngineEndedError,
    FramesNotPushedError,
    InputError,
    OutOfMemoryError,
    OutputError,
    RotoError,
    UsageError,
    WeightsError,
    shown_error,
)


class ProtocolError(RotoError):
    """A message is not a request of this protocol."""

    exit_code = 2


_KINDS = {
    2: "usage",
    3: "document",
    4: "input",
    5: "weights",
    6: "memory",
    7: "output",
    130: "cancelled",
}


_CLASSES: dict[str, type[RotoError]] = {
    "usage": UsageError,
    "document": DocumentError,
    "input": InputError,
    "weights": WeightsError,
    "memory": OutOfMemoryError,
    "output": OutputError,
    "cancelled": CancelledError,
    "ended": EngineEndedError,
}


_IN_PANEL: Final = {
    "learned": "Forget in the panel, or rde-roto shot learn SHOT --forget",
    "model": "model in the panel, or in the shot document",
    "overrides": "a preset of your own, or overrides in the shot document",
}
"""How a host's panel, or `shot render --engine`, sets what an error advises, by its keys."""


def error_of(message: Mapping[str, Any]) -> RotoError:
    """Return the exception for an error object, with its exit code."""
    kind, sentence = message["kind"], str(message["sentence"])
    if kind == "lacks":
        return FramesNotPushedError(sentence, tuple(message.get("frames", ())))
    return _CLASSES.get(kind, RotoError)(sentence, keys=tuple(message.get("keys", ())))


def in_panel(error: RotoError) -> str:
    """Return an error's sentence as a host's panel shows it."""
    return error.worded(_IN_PANEL)


def error_object(error: Exception) -> dict[str, Any]:
    """Return the error object that the protocol sends for an exception."""
    shown = shown_error(error)
    return _object(shown, in_panel(shown))


def error_values(error: Exception) -> dict[str, Any]:
    """Return an error object from which `error_of` makes the same exception, keys included."""
    shown = shown_error(error)
    return _object(shown, shown.sentence) | {"keys": shown.keys}


def _object(shown: RotoError, sentence: str) -> dict[str, Any]:
    code = shown.exit_code
    kind = "protocol" if isinstance(shown, ProtocolError) else _KINDS.get(code, "internal")
    found = {"kind": kind, "code": code, "sentence": sentence}
    if isinstance(shown, FramesNotPushedError):
        found |= {"kind": "lacks", "frames": shown.frames}
    if isinstance(shown, PartialError):
        found["frames"] = tuple(shown.frames)
    return found
