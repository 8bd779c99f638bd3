"""Runs jobs of the engine to their end, for every host.

An engine that dies is started again and continues, since what is written stays. The files that it
reports as written are checked before the job counts as done.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Iterable, NamedTuple

from .client import Client
from .handshake import EngineError
from .places import NoEngineError
from .watchdog import StuckEngineError, Watchdog
from .wire import Object, WireError

_MAX_ENGINES = 3
_MAX_NAMED = 8
_PART = re.compile(r"(-?[0-9]+)(?:-(-?[0-9]+)(?:[x:]([0-9]+))?)?")
_TOKEN = re.compile(r"#+|@+|%(?:0([1-9][0-9]*))?d")

Files = Callable[[int], Iterable[Path]]


class Order(NamedTuple):
    """Mattes to write: `frames` as a range, `out` the pattern of their files."""

    shot: Object
    frames: str
    out: str


class Watcher:
    """Watches a job; a host overrides the methods it needs."""

    def on_status(self, status: Object) -> None:
        """Get the job's status (docs/protocol.md, `progress`) several times a second."""

    def should_continue(self) -> bool:
        """Whether the job should go on; False cancels it."""
        return True

    def pause(self) -> None:
        """Wait between two looks at the status."""
        time.sleep(0.2)


def follow(client: Client, order: Order, watcher: Watcher, files: Files | None = None) -> Object:
    """Have mattes written; return the job's last status, whose `state` is done or cancelled.

    `files` returns the files of a frame (default: the one of `order.out`). Raises EngineError if
    the job fails, with kind `output` and the frames if reported files are missing, and with kind
    `ended` if the engine dies again and again. Any other exception, from the client's `waiting`
    for instance, cancels the job before it is raised.
    """
    status = _followed(client, lambda: client.render(*order), watcher)
    if status["state"] == "done":
        _check_files(order, files or _files_of(order.out))
    return status


def follow_lesson(client: Client, shot: Object, watcher: Watcher) -> Object:
    """Have a shot learned; return the job's last status, whose `state` is done or cancelled.

    `learned` is the path to set in the shot, None if the result is no better; `sentence` is for
    the artist. Raises as `follow` does.
    """
    return _followed(client, lambda: client.learn(shot), watcher)


def _followed(client: Client, begin: Callable[[], str], watcher: Watcher) -> Object:
    """Run a job to its end; start it again if its engine dies."""
    for _ in range(_MAX_ENGINES):
        try:
            status = _ended(client, begin(), watcher)
        except WireError:
            continue
        if status is None:
            if watcher.should_continue():
                continue
            return {"state": "cancelled"}
        if status["state"] == "failed":
            raise _error(status["error"])
        return status
    raise EngineError(
        f"the engine has ended {_MAX_ENGINES} times at this shot: see engine-*.log in the run "
        "folder, and run it again; what is written stays",
        "ended",
        8,
    )


def frames_of(text: str) -> list[int]:
    """The frames of a range such as `1001-1100x2,1120`. Raises ValueError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"'{text}' is no range of frames")
        first, last, step = match.groups()
        found += range(int(first), int(last or first) + 1, int(step or 1))
    return found


def _ended(client: Client, job: str, watcher: Watcher) -> Object | None:
    """The job's last status; None if its engine died."""
    engine, is_cancelled = _engine_of(client), False
    watchdog = Watchdog(engine[0], _nothing)
    try:
        while True:
            try:
                status = client.progress(job)
            except EngineError as error:
                if error.kind != "usage":  # usage: a new engine, which does not know the job
                    raise
                return None
            if _engine_of(client) != engine:  # older engines number their jobs from 1
                return None
            watcher.on_status(status)
            if status["state"] != "running":
                return status
            watchdog.feed({"sign": (status.get("steps"), status["done"])})
            if not is_cancelled and not watcher.should_continue():
                is_cancelled = True
                _cancel(client, job)
                # and waits on: the frame being written is finished
            watcher.pause()
    except (StuckEngineError, WireError):
        raise
    except BaseException:
        _cancel(client, job)
        raise


def _engine_of(client: Client) -> tuple[object, object]:
    """Which engine answers: its process id, and when the process was started."""
    hello = client.hello()
    return hello.get("pid"), hello.get("started")


def _cancel(client: Client, job: str) -> None:
    with suppress(EngineError, NoEngineError, WireError):  # the engine may have died
        client.cancel(job=job)


def _nothing() -> None:
    pass


def _error(error: Object) -> EngineError:
    sentence, kind, frames = str(error["sentence"]), str(error["kind"]), error.get("frames", ())
    return EngineError(sentence, kind, int(error["code"]), frames)


def _check_files(order: Order, files: Files) -> None:
    missing = [frame for frame in frames_of(order.frames) if not all(map(_is_there, files(frame)))]
    if missing:
        named = ", ".join(map(str, missing[:_MAX_NAMED]))
        more = ", …" if len(missing) > _MAX_NAMED else ""
        raise EngineError(
            f"not all mattes that the engine has written are in {order.out} (missing: {named}"
            f"{more}): somebody moved them, or the disk lost them; run it again",
            "output",
            7,
            missing,
        )


def _is_there(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _files_of(pattern: str) -> Files:
    path = Path(pattern)
    token = _TOKEN.search(path.name)
    if token is None:
        return lambda _frame: (path,)
    width = int(token.group(1) or 1) if token.group().startswith("%") else len(token.group())
    before, behind = path.name[: token.start()], path.name[token.end() :]
    return lambda frame: (path.with_name(f"{before}{frame:0{width}d}{behind}"),)
