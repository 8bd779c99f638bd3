"""What takes long runs in a thread of its own, with a progress bar; its end in Nuke's main thread.

A node may be touched in the main thread alone. From there executeInMainThreadWithResult would wait
for itself, so nothing here ever waits for the main thread: it is told, and that is all.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

import nuke

from rde_roto_nuke.sentences import SENTENCES, UnfitError, say, told
from rde_roto_nuke.task import CancelledError, Task

# by the node that has it done; a button's script ends long before its work, and Cancel is another
_running: dict[str, threading.Event] = {}


def start(
    name: str,
    work: Callable[[Task], Any],
    done: Callable[[Any], None],
    ended: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Runs some work, with a bar when Nuke has a window.

    Args:
        name: the node's.
        work: what to do; it may raise CancelledError and what has a sentence. It touches no node.
        done: takes what it gave, in the main thread.
        ended: takes the sentence when it did not come to its end, in the main thread.

    Raises UnfitError when something runs for that node already.
    """
    if name in _running:
        raise UnfitError(f"{name} is at work already: press Cancel first, or wait")
    if not nuke.GUI:
        done(work(Task(None, threading.Event())))
        return
    stopped = _running[name] = threading.Event()

    def run() -> None:
        try:
            given = work(Task(nuke.ProgressTask(f"rde-roto: {name}"), stopped))
        except CancelledError:
            _tell(name, ended, "cancelled")
        except SENTENCES as error:
            _tell(name, _both(ended), str(error))
        except Exception as error:  # a bug of ours: the artist is told, the terminal has the rest
            traceback.print_exc()
            _tell(name, _both(ended), f"{type(error).__name__}: {error}")
        else:
            _tell(name, done, given)

    threading.Thread(target=run, name=f"rde-roto {name}", daemon=True).start()


def stop(name: str) -> None:
    """Asks what runs for a node to end."""
    if name not in _running:
        raise UnfitError(f"{name} has nothing to cancel")
    _running[name].set()


def _both(ended: Callable[[str], None]) -> Callable[[str], None]:
    def both(sentence: str) -> None:
        ended(sentence)
        say(sentence)

    return both


def _tell(name: str, hear: Callable[[Any], None], what: Any) -> None:
    def in_main_thread() -> None:
        _running.pop(name, None)
        told(hear)(what)

    nuke.executeInMainThread(in_main_thread)
