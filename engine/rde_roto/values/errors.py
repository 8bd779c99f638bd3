"""All errors that users may see: each has one clear sentence and an exit code."""

from __future__ import annotations

from typing import ClassVar


class RotoError(Exception):
    """Base class of all errors meant for the user.

    `str(error)` is one sentence: what was expected, what was found, what to do. `exit_code` is the
    exit code of the command; 1 is reserved for bugs.
    """

    exit_code: ClassVar[int] = 1


class UsageError(RotoError):
    """Bad arguments, including an output folder that is not writable or an unknown element."""

    exit_code = 2


class VariableError(UsageError):
    """A wrong environment variable, such as `$OCIO`; no document can set it right."""


class DocumentError(RotoError):
    """A preset, shot or job document that cannot be understood."""

    exit_code = 3


class InputError(RotoError):
    """A plate or mask that is missing, unreadable or unsuitable."""

    exit_code = 4


class FramesNotPushedError(InputError):
    """A host has not pushed these `frames` of its plate yet; the most urgent come first."""

    def __init__(self, message: str, frames: tuple[int, ...]) -> None:
        super().__init__(message)
        self.frames = frames


class WeightsError(RotoError):
    """Network weights that are missing, damaged or of another architecture."""

    exit_code = 5


class OutOfMemoryError(RotoError):
    """Memory ran out; the sentence says what was needed and which setting to lower."""

    exit_code = 6


class OutputError(RotoError):
    """A matte could not be written, for example because the disk is full."""

    exit_code = 7


class NotFiniteError(OutputError):
    """The network's output for a frame is infinite or not a number, so there is no matte."""


class EngineEndedError(RotoError):
    """The engine died or hangs; finished mattes are kept."""

    exit_code = 8


class CancelledError(RotoError):
    """The work was cancelled; mattes finished before are kept."""

    exit_code = 130
