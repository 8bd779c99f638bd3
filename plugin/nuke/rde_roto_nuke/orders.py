"""An order given to the engine and followed to its end. Knows nothing of Nuke."""

from __future__ import annotations

from typing import Any

import rde_roto_client
from rde_roto_client import Client
from rde_roto_nuke.shots import Order
from rde_roto_nuke.task import CancelledError, Task


def learn(client: Client, shot: dict[str, Any], task: Task) -> dict[str, Any]:
    """Has the shot learned; what is said at its end: `learned`, a path or None, and `sentence`.

    Raises as `follow` does.
    """
    client.open(shot, fresh=True)
    said = rde_roto_client.follow_lesson(client, shot, task)
    if said["state"] == "cancelled":
        raise CancelledError
    return said


def follow(client: Client, order: Order, task: Task) -> str:
    """Has the mattes written, and returns their frames as a range.

    Raises CancelledError, and what `rde_roto_client.follow` raises.
    """
    # fresh: the artist may have mended the plate since it was last looked at
    plate = client.open(order.shot, fresh=True)["range"]
    frames = order.frames or str(plate)
    said = rde_roto_client.follow(
        client, rde_roto_client.Order(order.shot, frames, order.out), task
    )
    if said["state"] == "cancelled":
        raise CancelledError
    return frames
