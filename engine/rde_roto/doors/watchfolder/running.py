"""The life of what takes jobs: it looks into the inbox, takes what is there, and waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from rde_roto.doors.console import say_aside
from rde_roto.values.errors import UsageError

_IDLE_SHARE = 50
"""Looking takes at most a 50th of the time while there is nothing to do."""


class Taker(Protocol):
    """What takes jobs: a worker, or what hands them to others."""

    def look(self) -> Iterable[str]:
        """The jobs to take, the next one first."""

    def take(self, entry: str, stop: Event) -> None:
        """Does one."""

    @property
    def waits(self) -> bool:
        """Whether anything lies in the inbox."""


def run(
    taker: Taker,
    stop: Event,
    pause: Callable[[float], bool],
    clock: Callable[[], float],
    poll_s: float,
    once: bool = False,
) -> None:
    """Works until `stop` is set; with `once` until the inbox is empty.

    `pause` waits for so many seconds, or less when something came, and says whether it did. An
    entry that cannot be taken is told of, left until the next look, and keeps no other one waiting;
    so is a folder that cannot be listed. With `once` UsageError is raised when only such are left.
    """
    tried = _Round(deque())
    look_at = clock()
    while not stop.is_set():
        if clock() >= look_at:
            began = clock()
            tried = _looked(taker, tried.troubles)
            took = clock() - began
            look_at = began + took + max(poll_s, 0.0 if tried.found else _IDLE_SHARE * took)
        if tried.found:
            _take_next(taker, tried, stop)
        elif once and (tried.is_stuck or (tried.is_fresh and not taker.waits)):
            break
        elif pause(max(0.0, look_at - clock())):
            look_at = clock()
    if once and tried.is_stuck:
        raise UsageError(f"the hot folder cannot be used: {tried.trouble}")


@dataclass
class _Round:
    """What a look found and has not been tried yet, and how it went with the rest.

    `told` are the troubles of the look before, `troubles` those of this one.
    """

    found: deque[str]
    told: frozenset[str] = frozenset()
    is_fresh: bool = True
    took: bool = False
    trouble: OSError | None = None
    troubles: set[str] = field(default_factory=set)

    @property
    def is_stuck(self) -> bool:
        """Whether all that is left was tried, and none of it could be taken."""
        return not self.found and not self.took and self.trouble is not None

    def failed(self, error: OSError) -> None:
        """Tells of a trouble, unless it is an old one."""
        self.trouble = error
        sentence = f"the hot folder cannot be used: {error}"
        if sentence not in self.told | self.troubles:
            say_aside(f"{sentence}; trying on")
        self.troubles.add(sentence)


def _looked(taker: Taker, told: set[str]) -> _Round:
    tried = _Round(deque(), frozenset(told))
    try:
        tried.found.extend(taker.look())
    except OSError as error:
        tried.failed(error)
    return tried


def _take_next(taker: Taker, tried: _Round, stop: Event) -> None:
    tried.is_fresh = False
    try:
        taker.take(tried.found.popleft(), stop)
        tried.took = True
    except OSError as error:
        tried.failed(error)
