"""The engine of rde-roto, asked from inside a host: the standard library alone, Python >= 3.7."""

from rde_roto_client.client import Client, Matte
from rde_roto_client.following import Order, Watcher, follow, follow_lesson
from rde_roto_client.meeting import EngineError
from rde_roto_client.patience import StuckEngineError
from rde_roto_client.places import NoEngineError
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
