"""How many files the engine may have open, and how many connections that allows."""

from __future__ import annotations

import sys

from rde_roto.doors.server.pending_connections import MOST_STRANGERS
from rde_roto_client.wire import MOST_DESCRIPTORS

_WANTED = 4096
_MOST_CONNECTIONS, _LEAST_CONNECTIONS = 64, 4
_FOR_THE_ENGINE = 128
"""The network's libraries, the cache, and the plates that it reads."""
_EACH = 1 + MOST_DESCRIPTORS + 3
"""A connection, what comes along with a message, an answer's pixels, and an image that is read."""


def most_connections() -> int:
    """As many as there may be at once without too many open files; allows itself more of those
    where the system lets it.
    """
    if sys.platform == "win32":
        return _MOST_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _WANTED:
        wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    room = (soft - _FOR_THE_ENGINE - MOST_STRANGERS) // _EACH
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, room))
