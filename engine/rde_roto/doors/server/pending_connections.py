"""Connections that have not sent their hello yet."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from selectors import EVENT_READ, BaseSelector

from rde_roto_client.wire import Arriving, Object, WireError

MOST_PENDING = 16
_GREETS_WITHIN_S = 3.0
_MOST_HELLO_BYTES = 1 << 16


@dataclass
class _Pending:
    connection: socket.socket
    hello: Arriving
    until_s: float


class PendingConnections:
    """Wait for the hello of a few connections, without a thread and without accepting descriptors.

    When there are too many, a new connection replaces the oldest one. Clients send their hello at
    once, so connections that never do cannot keep them out.

    Args:
        selector: where the sockets are registered.
        clock: seconds that only go up.
    """

    def __init__(self, selector: BaseSelector, clock: Callable[[], float]) -> None:
        self._selector = selector
        self._clock = clock
        self._there: dict[socket.socket, _Pending] = {}  # oldest first

    def add(self, connection: socket.socket) -> None:
        """Wait for the hello of a connection."""
        while len(self._there) >= MOST_PENDING:
            self._drop(next(iter(self._there)))
        connection.setblocking(False)
        until_s = self._clock() + _GREETS_WITHIN_S
        self._there[connection] = _Pending(connection, Arriving(_MOST_HELLO_BYTES), until_s)
        self._selector.register(connection, EVENT_READ)

    def receive_hello(self, connection: socket.socket) -> Object | None:
        """Return a connection's hello once it is complete; the caller then owns the socket, which
        blocks.
        """
        one = self._there.get(connection)
        if one is None:  # it was dropped just now
            return None
        try:
            piece = connection.recv(one.hello.wants)  # without descriptors that were sent along
            hello = one.hello.take(piece) if piece else None
        except BlockingIOError:
            return None
        except (OSError, WireError):
            piece, hello = b"", None
        if hello is not None:
            self._forget(connection)
            connection.setblocking(True)
        elif not piece:
            self._drop(connection)
        return hello

    def drop_late(self) -> None:
        """Close connections that are too slow. Call this several times a second."""
        now_s = self._clock()
        for one in list(self._there.values()):
            if one.until_s < now_s:
                self._drop(one.connection)

    def close(self) -> None:
        """Close all pending connections."""
        for connection in list(self._there):
            self._drop(connection)

    def _forget(self, connection: socket.socket) -> None:
        del self._there[connection]
        self._selector.unregister(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()
