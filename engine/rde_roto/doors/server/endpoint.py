"""The files by which an engine is found, one set for each user and device: socket, lock and log."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rde_roto.atomic import write_text
from rde_roto.process_lock import LockTakenError, process_lock
from rde_roto.values.errors import OutputError
from rde_roto.values.processes import Start, kill, start_of, started_at
from rde_roto_client.places import endpoint_file, read_endpoint, shorten_log
from rde_roto_client.wire import PROTOCOL

_LONGEST_SOCKET_PATH = 100  # systems allow 104 or 108 bytes
_BACKLOG = 128
_LOOK_S = 0.5  # by far more than a look at the lock takes: `is_running`, `forget_ended`
_START_TOLERANCE_S = 1.0  # Linux tells the time of its own start in whole seconds

__all__ = ["LockTakenError", "listen"]


@contextmanager
def listen(device: str, tcp: bool = False) -> Iterator[tuple[socket.socket, str]]:
    """Yield a listening socket, and the token that a TCP client must send; "" for a Unix socket.

    The endpoint file is written for clients, and removed at the end. The socket is a Unix socket
    where the system has them, else loopback TCP, or always with `tcp`. Raises LockTakenError if
    another engine of this user and device runs already, OutputError where the file system of the
    run folder has no locks or sockets.
    """
    place = Path(endpoint_file(device))
    path = place.with_suffix(".sock")
    with ExitStack() as held:
        try:
            held.enter_context(process_lock(place.with_suffix(".lock"), _LOOK_S))
            listener, entry, token = _bound(path, tcp)
            held.enter_context(listener)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise OutputError(
                f"cannot listen in the run folder {place.parent}: {error.strerror}; an engine "
                "needs a folder whose file system has locks and sockets: name one on a local disk "
                "in RDE_ROTO_RUN"
            ) from error
        write_text(place, json.dumps(_own_process() | entry), mode=0o600)
        try:
            yield listener, token
        finally:
            for file in (place, path):
                with suppress(OSError):
                    file.unlink()


def _bound(path: Path, tcp: bool) -> tuple[socket.socket, dict[str, object], str]:
    """A bound socket, what the endpoint file says of it, and the token, which only TCP has. Raises
    OSError.
    """
    is_short = len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH
    if sys.platform != "win32" and is_short and not tcp:
        with suppress(FileNotFoundError):  # left by an engine that was killed
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(0o600)
        return listener, {"unix": str(path)}, ""
    listener, token = socket.socket(socket.AF_INET, socket.SOCK_STREAM), secrets.token_hex(32)
    listener.bind(("127.0.0.1", 0))
    return listener, {"tcp": listener.getsockname()[1], "token": token}, token


def _own_process() -> dict[str, object]:
    """What the endpoint file says of the engine's process."""
    entry: dict[str, object] = {"protocol": PROTOCOL, "pid": os.getpid()}
    start = start_of(os.getpid())
    if start is not None:
        entry |= {"started": start.since_1970_s, "started_since_boot": start.since_boot_s}
    return entry


def is_running(device: str) -> bool:
    """Return whether an engine of this user and device runs, whether it answers or not."""
    try:
        with process_lock(endpoint_file(device).with_suffix(".lock")):
            return False
    except (LockTakenError, OSError):  # a file system without locks cannot tell
        return True


def forget_ended(device: str) -> bool:
    """Remove the file of an engine that has ended: its port may be another program's by now. Return
    false, and leave it, if an engine runs.
    """
    place = Path(endpoint_file(device))
    try:
        with process_lock(place.with_suffix(".lock")):
            place.unlink(missing_ok=True)
            return True
    except (LockTakenError, OSError):
        return False


def kill_engine(device: str) -> bool:
    """Kill the engine of this user and device at once, without asking it; return whether it was
    killed. If not, it may still run.

    Mattes in progress are lost; finished ones are not. An engine is known by its process id and the
    time its process was started: after its end the id may be another program's.
    """
    if not is_running(device):
        return False
    endpoint = read_endpoint(device) or {}
    pid, started = endpoint.get("pid"), endpoint.get("started")
    since_boot = endpoint.get("started_since_boot")
    if not isinstance(pid, int):
        return False
    if not isinstance(started, float):
        started = _started_before_its_file(pid, device)
    if started is None:
        return False
    return kill(pid, Start(started, since_boot if isinstance(since_boot, float) else None))


def _started_before_its_file(pid: int, device: str) -> float | None:
    """When the process of an older engine was started, whose file does not say so; None if this
    process is younger than the file, and so another program.
    """
    started = started_at(pid)
    try:
        written = endpoint_file(device).stat().st_mtime
    except OSError:
        return None
    is_older = started is not None and started <= written + _START_TOLERANCE_S
    return started if is_older else None


class Log:
    """The engine's output, if a client that started it has redirected that to `path`.

    Other outputs, such as a terminal or a file of the user's own, are left alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def truncate(self) -> None:
        """Drop all but the end of the log once it is long. Call this from time to time."""
        shorten_log(1, self._path)
