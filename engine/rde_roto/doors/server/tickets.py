"""Wait for the mattes that hosts ask for, until they cancel or go away."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock

from rde_roto.values.errors import CancelledError
from rde_roto.values.matte import Matte

_CHECKS_HOST_EVERY_S = 0.1


@dataclass
class Host:
    """The process that sends requests, and whether its connection is still open."""

    process: Hashable
    is_there: Callable[[], bool]


@dataclass
class Tickets:
    """The mattes that hosts wait for, by the ticket that cancels each. Thread-safe."""

    _futures: dict[str, Future[Matte]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, future: Future[Matte], host: Host, ticket: str | None) -> Matte:
        """Wait for a matte. Raises what making it raised, and CancelledError when the ticket was
        cancelled or the host is gone.
        """
        if ticket is not None:
            with self._lock:
                self._futures[ticket] = future
        try:
            while True:
                try:
                    return future.result(_CHECKS_HOST_EVERY_S)
                except concurrent.futures.TimeoutError:
                    if not host.is_there():
                        future.cancel()
        except concurrent.futures.CancelledError as error:
            raise CancelledError("cancelled: nobody waits for this matte any more") from error
        finally:
            if ticket is not None:
                with self._lock:
                    self._futures.pop(ticket, None)

    def cancel(self, ticket: str) -> None:
        """Cancel the matte of a ticket, unless it was answered already."""
        with self._lock:
            future = self._futures.get(ticket)
        if future is not None:
            future.cancel()
