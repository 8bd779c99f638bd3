"""Errors as the protocol sends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def error_of(message: Mapping[str, Any]) -> RotoError:
    """Return the exception for an error object, with its exit code."""
    kind, sentence = message["kind"], str(message["sentence"])
    if kind == "lacks":
        return FramesNotPushedError(sentence, tuple(message.get("frames", ())))
    return _CLASSES.get(kind, RotoError)(sentence)


def error_object(error: Exception) -> dict[str, Any]:
    """Return the error object that the protocol sends for an exception."""
    shown = shown_error(error)
    code = shown.exit_code
    kind = "protocol" if isinstance(shown, ProtocolError) else _KINDS.get(code, "internal")
    found = {"kind": kind, "code": code, "sentence": str(shown)}
    if isinstance(shown, FramesNotPushedError):
        found |= {"kind": "lacks", "frames": shown.frames}
    if isinstance(shown, PartialError):
        found["frames"] = tuple(shown.frames)
    return found
