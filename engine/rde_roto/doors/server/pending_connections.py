"""Those who have connected and not yet said who they are."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from selectors import EVENT_READ, BaseSelector

from rde_roto_client.wire import Arriving, Object, WireError

MOST_STRANGERS = 16
_GREETS_WITHIN_S = 3.0
_MOST_HELLO_BYTES = 1 << 16


@dataclass
class _Stranger:
    connection: socket.socket
    hello: Arriving
    until_s: float


class Strangers:
    """A few, for a short time, without a thread and without a file that they send.

    Whoever comes when there are too many takes the place of the one that has been there longest: a
    client greets at once, so that no number of those who never do keeps it out.

    Args:
        selector: where they are registered, by their sockets.
        clock: seconds that only go up.
    """

    def __init__(self, selector: BaseSelector, clock: Callable[[], float]) -> None:
        self._selector = selector
        self._clock = clock
        self._there: dict[socket.socket, _Stranger] = {}  # oldest first

    def admit(self, connection: socket.socket) -> None:
        """Waits for a hello from here on."""
        while len(self._there) >= MOST_STRANGERS:
            self._send_away(next(iter(self._there)))
        connection.setblocking(False)
        until_s = self._clock() + _GREETS_WITHIN_S
        self._there[connection] = _Stranger(connection, Arriving(_MOST_HELLO_BYTES), until_s)
        self._selector.register(connection, EVENT_READ)

    def hear(self, connection: socket.socket) -> Object | None:
        """Its hello once that is whole; the connection is the caller's then, and blocks."""
        stranger = self._there.get(connection)
        if stranger is None:  # it was sent away this moment
            return None
        try:
            piece = connection.recv(stranger.hello.wants)  # without the files that came along
            hello = stranger.hello.take(piece) if piece else None
        except BlockingIOError:
            return None
        except (OSError, WireError):
            piece, hello = b"", None
        if hello is not None:
            self._forget(connection)
            connection.setblocking(True)
        elif not piece:
            self._send_away(connection)
        return hello

    def send_late_ones_away(self) -> None:
        """To be called some times a second."""
        now_s = self._clock()
        for stranger in list(self._there.values()):
            if stranger.until_s < now_s:
                self._send_away(stranger.connection)

    def close(self) -> None:
        """Sends all away."""
        for connection in list(self._there):
            self._send_away(connection)

    def _forget(self, connection: socket.socket) -> None:
        del self._there[connection]
        self._selector.unregister(connection)

    def _send_away(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()
