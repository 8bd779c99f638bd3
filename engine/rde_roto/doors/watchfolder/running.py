"""The life of what takes jobs: it looks into the inbox, takes what is there, and waits."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from threading import Event
from typing import Protocol

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

    `pause` waits for so many seconds, or less when something came, and says whether it did. A
    folder that cannot be listed or changed is told of, and tried again at the next look; with
    `once` it raises UsageError.
    """
    trouble = ""
    found: deque[str] = deque()
    look_at, looked = clock(), False
    while not stop.is_set():
        try:
            if clock() >= look_at:
                began = clock()
                found, looked = deque(taker.look()), True
                took = clock() - began
                look_at = began + took + max(poll_s, 0.0 if found else _IDLE_SHARE * took)
            if found:
                looked = False
                taker.take(found.popleft(), stop)
            elif once and looked and not taker.waits:
                return
            elif pause(max(0.0, look_at - clock())):
                look_at = clock()
            trouble = ""
        except OSError as error:
            sentence = f"the hot folder cannot be used: {error}"
            if once:
                raise UsageError(sentence) from error
            if sentence != trouble:
                print(f"rde-roto: {sentence}; trying on", file=sys.stderr, flush=True)
            trouble = sentence
            found.clear()
            pause(poll_s)
