"""One device, many who ask: the engine (``engine.engine``) and its books (``engine.asks``)."""

from rde_roto.engine.asks import Node, Priority
from rde_roto.engine.engine import Engine

__all__ = ["Engine", "Node", "Priority"]
