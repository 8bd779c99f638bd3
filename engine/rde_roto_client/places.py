"""Where the user's engine listens, and how it is started."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

AUTO = "auto"

_MOST_LOG_BYTES = 1 << 20
_KEPT_LOG_BYTES = 1 << 16

# of the host's own Python and libraries, which would break the engine
_HOST_VARIABLES = ("PYTHON", "LD_", "DYLD_", "QT_")


class NoEngineError(Exception):
    """No engine runs and none could be started; the sentence says what to do."""


def run_folder() -> Path:
    """The folder of the engine's socket and logs; only this user can enter it.

    Raises NoEngineError if it cannot be made or others can use it.
    """
    chosen, runtime = os.environ.get("RDE_ROTO_RUN"), os.environ.get("XDG_RUNTIME_DIR")
    if chosen:
        folder = Path(chosen)
    elif runtime and Path(runtime).is_dir():
        folder = Path(runtime) / "rde-roto"
    else:
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        folder = Path(tempfile.gettempdir()) / f"rde-roto-{user}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise NoEngineError(f"cannot make the folder {folder}: {error.strerror}") from error
    is_own = stat.S_ISDIR(found.st_mode)
    if hasattr(os, "getuid"):
        is_own = is_own and found.st_uid == os.getuid() and not found.st_mode & 0o077
    if not is_own:
        raise NoEngineError(
            f"{folder} can be used by others: expected a folder of your own that nobody else can "
            "enter (chmod 700)"
        )
    return folder


def endpoint_file(device: str = AUTO) -> Path:
    """The file that says where the engine of a device listens."""
    return run_folder() / f"engine-{device.replace(':', '-')}.json"


def read_endpoint(device: str = AUTO) -> dict[str, Any] | None:
    """The content of that file; None if there is none. Its engine may have been killed."""
    try:
        found = json.loads(endpoint_file(device).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def launch_file() -> Path:
    """The file with the command that starts the engine, written by install.py."""
    variable = "APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME"
    folder = os.environ.get(variable) or Path.home() / ".config"
    return Path(folder) / "rde-roto" / "engine.json"


def launch_command() -> list[str]:
    """The command that starts the engine. Raises NoEngineError if none is registered."""
    path = launch_file()
    try:
        command = json.loads(path.read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        command = None
    if (
        not command
        or not isinstance(command, list)
        or not all(isinstance(part, str) for part in command)
    ):
        raise NoEngineError(
            f"there is no engine on this machine for this user: {path} does not say how to start "
            "it; run install.py where rde-roto was unpacked"
        )
    if not Path(command[0]).exists():
        raise NoEngineError(
            f"the engine is gone: {path} names {command[0]}, which is not there; run install.py "
            "again"
        )
    return command


def start(device: str = AUTO, command: list[str] | None = None) -> subprocess.Popen[bytes]:
    """Start the engine, which outlives this process. Raises NoEngineError.

    A given `command` runs in the unchanged environment. The default, which install.py has
    registered, runs without the variables of the host's own Python.
    """
    environment = dict(os.environ)
    if command is None:
        command = launch_command()
        environment = {
            name: value
            for name, value in environment.items()
            if not name.startswith(_HOST_VARIABLES)
        }
    command = [*command, "--device", device]
    log = endpoint_file(device).with_suffix(".log")
    try:
        with log.open("ab") as output:
            shorten_log(output.fileno(), log)  # engines that end at once cannot do it
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=Path.home().anchor,  # the root folder: no Python modules there
                **_detached(),
            )
    except OSError as error:
        raise NoEngineError(f"cannot start {' '.join(command)}: {error.strerror}") from error


def _detached() -> dict[str, Any]:
    """The arguments of Popen for a process that outlives this one, and the terminal of both."""
    if sys.platform == "win32":
        # DETACHED_PROCESS instead would open a window for every process that the engine starts
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def shorten_log(output: int, log: Path) -> None:
    """Drop all but the end of a log once it is long.

    Args:
        output: a descriptor that is open for appending.
        log: the file's path. Nothing happens if `output` is another file, or none.
    """
    with suppress(OSError):  # a missing log must not stop an engine
        there, found = log.stat(), os.fstat(output)
        is_log = (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)
        if not is_log or not stat.S_ISREG(found.st_mode) or found.st_size <= _MOST_LOG_BYTES:
            return
        with log.open("rb") as file:
            file.seek(-_KEPT_LOG_BYTES, os.SEEK_END)
            end = file.read().partition(b"\n")[2]
        os.ftruncate(output, 0)
        os.lseek(output, 0, os.SEEK_SET)  # Windows does not append by itself
        os.write(output, b"rde-roto: what was here before is forgotten\n" + end)
