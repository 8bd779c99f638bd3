"""A process whose system calls on some folders are counted, and one of them refused, or its last.

The kernel asks us before each (seccomp's user notification, Linux 5.5), so every writer is met: our
own code, OpenImageIO's C++, a library in Rust. Nothing is loaded into the process.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_X86, _ARM = 0xC000003E, 0xC00000B7
_ARCHITECTURES: Final = {
    "x86_64": (
        _X86,
        317,
        {1: "write", 3: "close", 18: "pwrite64", 20: "writev", 74: "fsync", 75: "fdatasync"}
        | {82: "rename", 87: "unlink", 257: "openat", 264: "renameat", 316: "renameat2"},
    ),
    "aarch64": (
        _ARM,
        277,
        {64: "write", 57: "close", 68: "pwrite64", 66: "writev", 82: "fsync", 83: "fdatasync"}
        | {35: "unlinkat", 38: "renameat", 56: "openat", 276: "renameat2"},
    ),
}
_OF_A_FILE: Final = ("write", "pwrite64", "writev", "fsync", "fdatasync", "close")
_PATH_AT: Final = {"rename": 0, "unlink": 0, "openat": 1, "unlinkat": 1}
_PATH_AT_ELSE = 1

_NO_NEW_PRIVILEGES, _SET_MODE_FILTER, _NEW_LISTENER = 38, 1, 1 << 3
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_ASKED, _ANSWER = 80, 24  # bytes of seccomp_notif and of seccomp_notif_resp
_RECEIVE, _SEND = ((3 << 30) | (size << 16) | (ord("!") << 8) for size in (_ASKED, _ANSWER))
_SEND |= 1
_GO_ON = 1


@dataclass(frozen=True)
class Call:
    """A system call on a file of a folder that is watched: its name, and the file's path."""

    name: str
    path: str


Answer = Callable[[Call, int], int | None]
"""What happens to a call, which is the so-manieth from 0: None lets it be, a number is the errno it
fails with, `KILL` ends the process before it."""

KILL: Final = -1


@dataclass
class Run:
    """What came of a process: its exit code, negative for a signal, and the calls that it made."""

    code: int
    calls: list[Call] = field(default_factory=list)
    said: str = ""


def is_possible() -> bool:
    """Whether this kernel can be asked, and this process may."""
    if platform.machine() not in _ARCHITECTURES or sys.platform != "linux":
        return False
    return run(lambda: None, [], lambda *_: None, Path(os.devnull)).code == 0


def run(work: Callable[[], None], folders: Sequence[Path], answer: Answer, output: Path) -> Run:
    """Does some work in a child of this process.

    Args:
        folders: calls on files below them are asked about.
        answer: what happens to each.
        output: where the child's standard output and error go.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _be_watched(work, theirs, output)
    theirs.close()
    with ours:
        _, passed, *_ = ours.recvmsg(1, socket.CMSG_SPACE(4))
        if not passed:  # the kernel refused
            return Run(_code(child))
        listener = array.array("i", passed[0][2])[0]
        try:
            done = _watched(child, listener, [str(folder) for folder in folders], answer)
        finally:
            os.close(listener)
    done.said = output.read_text(errors="replace") if output.is_file() else ""
    return done


def _code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _be_watched(work: Callable[[], None], theirs: socket.socket, output: Path) -> None:
    code = 70
    try:
        into = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(into, 1)
        os.dup2(into, 2)
        listener = _installed()
        theirs.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener))])
        os.close(listener)
        code = 0
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        code = 1
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _installed() -> int:
    """The descriptor at which the kernel asks from now on about calls of this thread and of all
    that it starts.
    """
    audited, seccomp, calls = _ARCHITECTURES[platform.machine()]
    asked = len(calls)
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 0, asked + 1, audited), (_LOAD, 0, 0, 0)]
    program += [(_EQUAL, asked - place, 0, number) for place, number in enumerate(calls)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ASK)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxQ", len(program), ctypes.addressof(filters))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    listener: int = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def _watched(child: int, listener: int, folders: list[str], answer: Answer) -> Run:
    calls: list[Call] = []
    names = _ARCHITECTURES[platform.machine()][2]
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    while True:
        (_, event), *_ = poller.poll()
        if not event & select.POLLIN:  # nobody is left who could ask
            return Run(_code(child), calls)
        asked = bytearray(_ASKED)
        try:
            fcntl.ioctl(listener, _RECEIVE, asked)
        except OSError:  # who asked has ended meanwhile
            continue
        token, thread, _, number, _, _, *arguments = struct.unpack("QIIiIQ6Q", asked)
        failure: int | None = None
        path = _path(thread, names[number], arguments)
        if path is not None and any(path.startswith(f"{folder}/") for folder in folders):
            call = Call(names[number], path)
            failure = answer(call, len(calls))
            calls.append(call)
        if failure == KILL:
            os.kill(child, signal.SIGKILL)
            return Run(_code(child), calls)
        said = (0, -failure, 0) if failure else (0, 0, _GO_ON)
        with suppress(OSError):  # as above
            fcntl.ioctl(listener, _SEND, bytearray(struct.pack("QqiI", token, *said)))


def _path(thread: int, name: str, arguments: list[int]) -> str | None:
    """The file that a call is about, as it is named there."""
    try:
        if name in _OF_A_FILE:
            path = Path(f"/proc/{thread}/fd/{arguments[0]}").readlink()
            return str(path).removesuffix(" (deleted)")
        at = arguments[_PATH_AT.get(name, _PATH_AT_ELSE)]
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
            memory.seek(at)
            return os.fsdecode(memory.read(4096).split(b"\0")[0])
    except OSError:
        return None
