"""The engine's client. install.py puts it into this package: nothing of ours is importable by
others under a name of its own, as Blender asks of extensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rde_roto_client import (
        Client,
        EngineError,
        NoEngineError,
        Order,
        Watcher,
        WireError,
        follow,
        follow_lesson,
    )
else:
    from .rde_roto_client import (
        Client,
        EngineError,
        NoEngineError,
        Order,
        Watcher,
        WireError,
        follow,
        follow_lesson,
    )

__all__ = [
    "Client",
    "EngineError",
    "NoEngineError",
    "Order",
    "Watcher",
    "WireError",
    "follow",
    "follow_lesson",
]
