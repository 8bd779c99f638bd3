"""Windows or macOS as far as code can tell from Python: names, constants and what is missing.

What a system does with what it is told, only the system itself can show. Engines of warm_engines.py
are on the one that VARIABLE names.
"""

from __future__ import annotations

import fcntl
import ntpath
import os
import socket
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

VARIABLE = "RDE_ROTO_TESTS_SYSTEM"

_MISSING: dict[str, dict[ModuleType, tuple[str, ...]]] = {
    "win32": {
        os: (
            *("getuid", "geteuid", "getgid", "fork", "setsid", "getpgid", "killpg", "uname"),
            *("memfd_create", "MFD_CLOEXEC", "pread", "mkfifo", "chown", "fchmod"),
            *("O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "sched_getaffinity", "posix_fadvise"),
        ),
        socket: (
            *("AF_UNIX", "SCM_RIGHTS", "CMSG_SPACE", "CMSG_LEN", "SO_PEERCRED"),
            *("MSG_DONTWAIT", "MSG_CMSG_CLOEXEC", "send_fds", "recv_fds"),
        ),
    },
    "darwin": {
        os: ("memfd_create", "MFD_CLOEXEC", "sched_getaffinity", "posix_fadvise"),
        socket: ("SO_PEERCRED", "MSG_CMSG_CLOEXEC", "SOCK_CLOEXEC", "SOCK_NONBLOCK"),
    },
}
_NO_MODULES = {"win32": ("fcntl", "resource", "pwd", "grp", "termios"), "darwin": ()}


class WindowsPopen(subprocess.Popen[Any]):
    """Takes what Windows takes."""

    def __init__(self, *arguments: Any, creationflags: int = 0, **options: Any) -> None:
        assert "start_new_session" not in options
        self.creationflags = creationflags
        super().__init__(*arguments, start_new_session=creationflags != 0, **options)


def pretend(patch: pytest.MonkeyPatch, system: str) -> None:
    """Make this process one on another system, until the patch is undone."""
    patch.setattr(sys, "platform", system)
    for module, names in _MISSING[system].items():
        for name in names:
            patch.delattr(module, name, raising=False)
    for name in _NO_MODULES[system]:
        patch.setitem(sys.modules, name, None)
    if system == "win32":
        patch.setitem(sys.modules, "msvcrt", _msvcrt())
        patch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
        patch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
        patch.setattr(subprocess, "Popen", WindowsPopen)
        patch.setattr(os.path, "expandvars", ntpath.expandvars)


def _msvcrt() -> ModuleType:
    module: Any = ModuleType("msvcrt")
    module.LK_NBLCK = 2

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (module.LK_NBLCK, 1)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    module.locking = locking
    return module  # type: ignore[no-any-return]
