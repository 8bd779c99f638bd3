"""Engines that are forked from a process which has read torch already: what takes most of the time
that an engine takes to start is taken once. In all else they are what `rde-roto serve` is.

    python warm_engines.py PLACE                 forks engines for those who ask at PLACE, until its
                                                 standard input ends
    python warm_engines.py PLACE serve OPTION…   asks for one, which has this one's environment,
                                                 folder and output
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

_READ_ONCE = (
    "rde_roto.doors.cli",
    "rde_roto.doors.commands.serve",
    "rde_roto.doors.server.endpoint",
    "rde_roto.doors.server.requests",
    "rde_roto.doors.server.socket_server",
)


def ask(place: str, arguments: list[str]) -> None:
    """Returns when there is an engine, or will be."""
    wanted = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(place)
        socket.send_fds(asking, [b"."], [1, 2])
        asking.sendall(json.dumps(wanted).encode())
        asking.shutdown(socket.SHUT_WR)
        asking.recv(1)


def keep(place: str) -> None:
    """Forks engines until nobody holds this process' standard input any more."""
    for name in _READ_ONCE:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # of those that end nothing is left
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(place)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        print("ready", flush=True)
        while all(key.fileobj is listener for key, _ in selector.select()):
            connection, _ = listener.accept()
            with connection:
                _, outputs, *_ = socket.recv_fds(connection, 1, 2)
                with connection.makefile("rb") as asked:
                    wanted = json.loads(asked.read())
                if os.fork() == 0:
                    listener.close()
                    connection.close()
                    _be(wanted["arguments"], wanted["environment"], wanted["folder"], outputs)
                for descriptor in outputs:
                    os.close(descriptor)


def _be(
    arguments: list[str], environment: dict[str, str], folder: str, outputs: list[int]
) -> NoReturn:
    """Is an engine from here on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, own in zip(outputs, (1, 2), strict=True):
        os.dup2(descriptor, own)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    if threads := environment.get("OMP_NUM_THREADS"):
        import_module("torch").set_num_threads(int(threads))  # which has read its own already
    if system := environment.get("RDE_ROTO_TESTS_SYSTEM"):
        import_module("other_system").pretend(import_module("pytest").MonkeyPatch(), system)
    os.chdir(folder)
    sys.argv = ["rde-roto", *arguments]
    code = 1
    try:
        import_module("rde_roto.doors.cli").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        ask(sys.argv[1], sys.argv[2:])
    else:
        keep(sys.argv[1])
