"""Many clients on one device: the engine and its queue of requests (``engine.requests``)."""

from rde_roto.engine.engine import Engine
from rde_roto.engine.requests import Node, Priority

__all__ = ["Engine", "Node", "Priority"]
