"""Jobs of the engine, followed to their end. No Nuke here."""

from __future__ import annotations

from typing import Any

import rde_roto_client
from rde_roto_client import Client
from rde_roto_nuke.shots import RenderRequest
from rde_roto_nuke.task import CancelledError, Task


def learn(client: Client, shot: dict[str, Any], task: Task) -> dict[str, Any]:
    """Have the model learn the shot; return the job's last status with `learned`, a path or None,
    and `sentence`. Raises as `render` does.
    """
    client.open(shot, fresh=True)
    status = rde_roto_client.follow_lesson(client, shot, task)
    if status["state"] == "cancelled":
        raise CancelledError
    return status


def render(client: Client, request: RenderRequest, task: Task) -> str:
    """Have the engine write the mattes; return their frames as a range.

    Raises CancelledError, and what `rde_roto_client.follow` raises.
    """
    # fresh: the plate may have changed on disk
    plate = client.open(request.shot, fresh=True)["range"]
    frames = request.frames or str(plate)
    order = rde_roto_client.Order(request.shot, frames, request.out)
    status = rde_roto_client.follow(client, order, task)
    if status["state"] == "cancelled":
        raise CancelledError
    return frames
