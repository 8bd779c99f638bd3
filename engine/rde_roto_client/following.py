"""Mattes written by the engine, followed to their end: the one way for every host.

An engine that dies on the way is started again and goes on, for what is written stays. What it says
it has written is looked for before anybody is told.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Iterable, NamedTuple

from rde_roto_client.client import Client
from rde_roto_client.meeting import EngineError
from rde_roto_client.patience import Patience, StuckEngineError
from rde_roto_client.places import NoEngineError
from rde_roto_client.wire import Object, WireError

_MOST_ENGINES = 3
_MOST_NAMED = 8
_PART = re.compile(r"(-?[0-9]+)(?:-(-?[0-9]+)(?:[x:]([0-9]+))?)?")
_TOKEN = re.compile(r"#+|@+|%(?:0([1-9][0-9]*))?d")

Files = Callable[[int], Iterable[Path]]


class Order(NamedTuple):
    """Mattes to be written: `frames` as a range, `out` the pattern of their files."""

    shot: Object
    frames: str
    out: str


class Watcher:
    """Who waits for an order; a host overrides what it has use for."""

    def heard(self, said: Object) -> None:
        """Takes what is said of the job (docs/protocol.md, `progress`), some times a second."""

    def wants(self) -> bool:
        """Whether it shall go on."""
        return True

    def pause(self) -> None:
        """Until it is worth while to look again."""
        time.sleep(0.2)


def follow(client: Client, order: Order, watcher: Watcher, files: Files | None = None) -> Object:
    """Has mattes written; what is said of the job at its end, `state` being done or cancelled.

    `files` gives those of a frame; without it each has the one that `order.out` names. Raises
    EngineError when the job fails, with kind `output` and the frames when files are not there that
    were said to be, and with kind `ended` when the engine ends again and again. Whatever else is
    raised on the way, by the client's `waiting` for instance, cancels the job first.
    """
    said = _followed(client, lambda: client.render(*order), watcher)
    if said["state"] == "done":
        _look_for(order, files or _files_of(order.out))
    return said


def follow_lesson(client: Client, shot: Object, watcher: Watcher) -> Object:
    """Has a shot learned; what is said of it at its end, `state` being done or cancelled.

    `learned` is then the path that goes into the shot, None where nothing was gained, and
    `sentence` is for the artist. Raises as `follow` does.
    """
    return _followed(client, lambda: client.learn(shot), watcher)


def _followed(client: Client, begin: Callable[[], str], watcher: Watcher) -> Object:
    """A job followed to its end, begun again where its engine ends before."""
    for _ in range(_MOST_ENGINES):
        try:
            said = _ended(client, begin(), watcher)
        except WireError:
            continue
        if said is None:
            if watcher.wants():
                continue
            return {"state": "cancelled"}
        if said["state"] == "failed":
            raise _error(said["error"])
        return said
    raise EngineError(
        f"the engine has ended {_MOST_ENGINES} times at this shot: see engine-*.log in the run "
        "folder, and run it again; what is written stays",
        "ended",
        8,
    )


def frames_of(text: str) -> list[int]:
    """The frames of a range such as `1001-1100x2,1120`. Raises ValueError for what is none."""
    found: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"'{text}' is no range of frames")
        first, last, step = match.groups()
        found += range(int(first), int(last or first) + 1, int(step or 1))
    return found


def _ended(client: Client, job: str, watcher: Watcher) -> Object | None:
    """What is said of a job when it has ended; None when its engine has."""
    engine, is_cancelled = client.hello().get("pid"), False
    patience = Patience(engine, _nothing)
    try:
        while True:
            try:
                said = client.progress(job)
            except EngineError as error:
                if error.kind != "usage":  # usage: this engine knows of no such job
                    raise
                return None
            if client.hello().get("pid") != engine:  # engines of before numbered their jobs
                return None
            watcher.heard(said)
            if said["state"] != "running":
                return said
            patience.heard({"sign": (said.get("steps"), said["done"])})
            if not is_cancelled and not watcher.wants():
                is_cancelled = True
                _cancel(client, job)
                # and looks on, for a frame that is being written is finished
            watcher.pause()
    except (StuckEngineError, WireError):
        raise
    except BaseException:
        _cancel(client, job)
        raise


def _cancel(client: Client, job: str) -> None:
    with suppress(EngineError, NoEngineError, WireError):  # the engine may be what has ended
        client.cancel(job=job)


def _nothing() -> None:
    pass


def _error(said: Object) -> EngineError:
    frames = said.get("frames", ())
    return EngineError(str(said["sentence"]), str(said["kind"]), int(said["code"]), frames)


def _look_for(order: Order, files: Files) -> None:
    missing = [frame for frame in frames_of(order.frames) if not all(map(_is_there, files(frame)))]
    if missing:
        named = ", ".join(map(str, missing[:_MOST_NAMED]))
        more = ", …" if len(missing) > _MOST_NAMED else ""
        raise EngineError(
            f"{len(missing)} mattes that the engine has written are not in {order.out} ({named}"
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
