"""Client of the rde-roto engine for use inside hosts: standard library only, Python >= 3.7."""

from rde_roto_client.client import Client, Matte
from rde_roto_client.following import Order, Watcher, follow, follow_lesson
from rde_roto_client.handshake import EngineError
from rde_roto_client.places import NoEngineError
from rde_roto_client.watchdog import StuckEngineError
from rde_roto_client.wire import WireError

__all__ = [
    "Client",
    "EngineError",
    "Matte",
    "NoEngineError",
    "Order",
    "StuckEngineError",
    "Watcher",
    "WireError",
    "follow",
    "follow_lesson",
]
