"""One device, many who ask: the engine (``engine.engine``) and its books (``engine.asks``)."""

from rde_roto.engine.engine import Engine
from rde_roto.engine.requests import Node, Priority

__all__ = ["Engine", "Node", "Priority"]
