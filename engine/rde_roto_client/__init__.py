"""Client of the rde-roto engine for use inside hosts: standard library only, Python >= 3.7."""

from .client import Client, Matte
from .following import Order, Watcher, follow, follow_lesson
from .handshake import EngineError
from .places import NoEngineError
from .watchdog import StuckEngineError
from .wire import WireError

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
