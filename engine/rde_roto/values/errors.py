"""All errors that users may see: each has one clear sentence and an exit code."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import ClassVar, Final

_SHOWN: Final = 40  # characters of either end of a path that is too long

_OUT_OF_MEMORY: Final = re.compile(
    r"DefaultCPUAllocator"  # torch on a CPU
    r"|out of memory"  # CUDA's runtime; MPS; Pillow
    r"|bad_alloc|Cannot allocate memory"  # C++; the C library
    r"|can't start new thread"  # Python, which has no memory for a stack
    r"|could not create a (primitive|memory object)(?! descriptor)"  # oneDNN: code, buffers
    r"|Invalid buffer size|Insufficient Memory"  # MPS; Metal
    r"|(CUBLAS|CUDNN|CUSOLVER|CUSPARSE|CUFFT)_(STATUS_)?\w*ALLOC(ATION)?_FAILED",
    re.IGNORECASE,
)


class RotoError(Exception):
    """Base class of all errors meant for the user.

    `sentence` says what was expected, what was found and what to do. What it advises may be set
    by `keys` of a shot document; a reader without one sets that elsewhere (`worded`). `str(error)`
    names the keys. `exit_code` is the exit code of the command; 1 is reserved for bugs.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, *, keys: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.keys = keys

    def __str__(self) -> str:
        return self.worded({})

    @property
    def sentence(self) -> str:
        """The sentence, without where to set what it advises."""
        return str(self.args[0])

    def worded(self, places: Mapping[str, str]) -> str:
        """Return the sentence with where its reader sets what it advises: by key, in the words of
        his program. A key that is not in `places` is set in the shot document.
        """
        where = [places.get(key, f"{key} in the shot document") for key in self.keys]
        return f"{self.sentence} ({'; '.join(where)})" if where else self.sentence


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


class ReplacedError(InputError):
    """A file of the plate has other content than when it was first looked at."""


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


class PathTooLongError(UsageError):
    """A path, or a name in it, that is longer than the file system allows."""


class UnexpectedError(RotoError):
    """A bug: its traceback is in the log."""


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that memory ran out, on whatever device.

    Most libraries have no class for that, torch on CUDA alone: theirs are recognised by their
    message.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    says_so = isinstance(error, (RuntimeError, OSError)) and is_about_memory(str(error))
    return says_so or isinstance(error, MemoryError)


def is_about_memory(message: str) -> bool:
    """Return whether a library's message says that memory ran out."""
    return _OUT_OF_MEMORY.search(message) is not None


def out_of_memory(error: Exception, doing: str = "") -> OutOfMemoryError:
    """Return the error for memory that ran out where no setting would have helped.

    `doing` says during what, as in "writing mattes of 4096x2160".
    """
    reason = (str(error).strip() or "allocation failed").splitlines()[0]
    during = f" while {doing}" if doing else ""
    return OutOfMemoryError(
        f"memory ran out{during} ({reason}): close other programs, or run fewer jobs at once on "
        "this machine, and run it again; what was finished is kept"
    )


def shown_error(error: Exception) -> RotoError:
    """Return the error that the user sees for an exception.

    A RotoError is returned as it is. Any step of the engine, on any thread, may be the first to
    touch an over-long path or to find no memory, so these are recognised here, at the door.
    Everything else is an UnexpectedError, and its sentence names the class.
    """
    if isinstance(error, RotoError):
        return error
    if is_out_of_memory(error):
        return out_of_memory(error)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return PathTooLongError(_too_long(error.filename))
    return UnexpectedError(f"{type(error).__name__}: {error}")


def _too_long(path: object) -> str:
    if not isinstance(path, (str, bytes)):
        return "a path is too long for its file system: choose a shorter one"
    text, names = os.fsdecode(path), os.fsencode(path).split(os.fsencode(os.sep))
    shown = text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]}…{text[-_SHOWN:]}"
    longest = max(map(len, names))
    return (
        f"{shown} is too long for its file system: it has {len(os.fsencode(path)):,} bytes, its "
        f"longest name {longest:,}, where most allow 4,095 and 255; choose a shorter path"
    )
