"""Every error a user can meet: one clear sentence and the exit code of the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from rde_roto.values.frames import FrameRange


class RotoError(Exception):
    """Base of all errors with a sentence meant for the user.

    `str(error)` is that sentence: what was expected, what came, what to do.
    `exit_code` is what the command line ends with; 1 is kept for bugs.
    """

    exit_code: ClassVar[int] = 1


class UsageError(RotoError):
    """Bad arguments: also an output folder that cannot be written, or an unknown element."""

    exit_code = 2


class VariableError(UsageError):
    """A variable of the environment, such as `$OCIO`, that is wrong whatever a document says."""


class DocumentError(RotoError):
    """A preset, shot or job document that cannot be understood."""

    exit_code = 3


class InputError(RotoError):
    """A missing, unreadable or unfit plate or mask."""

    exit_code = 4


class FramesNotPushedError(InputError):
    """Frames of a plate that a host has yet to push; `frames` names them, the most urgent first."""

    def __init__(self, message: str, frames: tuple[int, ...]) -> None:
        super().__init__(message)
        self.frames = frames


class WeightsError(RotoError):
    """Network weights that are missing, damaged or of another architecture."""

    exit_code = 5


class OutOfMemoryError(RotoError):
    """Memory ran out; the sentence says what was needed and which setting lowers it."""

    exit_code = 6


class OutputError(RotoError):
    """A matte could not be written, for example because the disk is full."""

    exit_code = 7


class NotFiniteError(OutputError):
    """What the network made of a frame holds infinities or what is no number: there is no matte."""


class EngineEndedError(RotoError):
    """The engine that was to do the work ended or hangs; what it has finished is kept."""

    exit_code = 8


class CancelledError(RotoError):
    """Somebody asked for the work to stop; what was finished before is kept."""

    exit_code = 130


class PartialError(RotoError):
    """Some of the frames asked for could not be delivered; `frames` names them."""

    exit_code = 7

    def __init__(self, message: str, frames: FrameRange) -> None:
        super().__init__(message)
        self.frames = frames
