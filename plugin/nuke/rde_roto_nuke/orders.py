"""An order given to the engine and followed to its end. Knows nothing of Nuke."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rde_roto_client import Client, EngineError
from rde_roto_nuke.shots import Order
from rde_roto_nuke.task import CancelledError, Task

_MOST_ENGINES = 3


def follow(client: Client, order: Order, task: Task) -> str:
    """Has the mattes written, and returns their frames as a range.

    When the engine dies on the way the next one goes on: what is written stays. An engine that dies
    again and again is not asked for ever.

    Raises CancelledError, EngineError, NoEngineError, WireError.
    """
    # fresh: the artist may have mended the plate since it was last looked at
    plate = client.open(order.shot, fresh=True)["range"]
    frames = order.frames or str(plate)
    for _ in range(_MOST_ENGINES):
        job = client.render(order.shot, frames, order.out)
        said = _ended(client, job, task)
        if said is None and not task.wants():
            raise CancelledError
        if said is None:
            continue
        if said["state"] == "cancelled":
            raise CancelledError
        if said["state"] == "failed":
            error = said["error"]
            raise EngineError(error["sentence"], error["kind"], error["code"])
        return frames
    raise EngineError(
        f"the engine has ended {_MOST_ENGINES} times at this shot: see engine-*.log in the run "
        "folder",
        "internal",
        1,
    )


def _ended(client: Client, job: str, task: Task) -> dict[str, Any] | None:
    """What is said of a job when it has ended; None when its engine has."""
    engine = client.hello()["pid"]
    is_cancelled = False
    while True:
        try:
            said = client.progress(job)
        except EngineError:
            if client.hello()["pid"] == engine:
                raise
            return None
        if client.hello()["pid"] != engine:  # a job of that number is another host's
            return None
        task.heard(said["done"], said["total"])
        if said["state"] != "running":
            return said
        if not is_cancelled and not task.wants():
            is_cancelled = True
            with suppress(EngineError):  # of an engine that has no such job any more
                client.cancel(job=job)
            # and looks on, for a frame that is being written is finished
        task.pause()
