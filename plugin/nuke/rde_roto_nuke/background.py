"""Runs long work in a thread with a progress bar, and handles its result in Nuke's main thread.

Only the main thread may touch a node. Nothing here waits for the main thread: there,
executeInMainThreadWithResult would wait for itself. Results are posted to it instead.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import nuke

from rde_roto_nuke.errors import USER_ERRORS, NodeError, errors_shown, show_error
from rde_roto_nuke.task import CancelledError, Task

# Stop flags of running work by the node's id; the Cancel button is a script of its own.
_running: dict[str, threading.Event] = {}


class Worker(NamedTuple):
    """A node at work: its id, and the name it had when the work began."""

    id: str
    name: str


def start(
    worker: Worker,
    work: Callable[[Task], Any],
    done: Callable[[Any], None],
    ended: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Run work in the background with a progress bar; without a GUI, run it now.

    Args:
        worker: the node.
        work: runs in the thread and touches no node; may raise CancelledError and USER_ERRORS.
        done: gets the result of the work, in the main thread.
        ended: gets a sentence if the work was cancelled or failed, in the main thread.

    Raises NodeError if work for that node runs already.
    """
    if worker.id in _running:
        raise NodeError(f"{worker.name} is at work already: press Cancel first, or wait")
    if not nuke.GUI:
        done(work(Task(None, threading.Event())))
        return
    stopped = _running[worker.id] = threading.Event()

    def run() -> None:
        try:
            result = work(Task(nuke.ProgressTask(f"rde-roto: {worker.name}"), stopped))
        except CancelledError:
            _post(worker, ended, "cancelled")
        except USER_ERRORS as error:
            _post(worker, _then_show(ended), str(error))
        except Exception as error:  # a bug: the terminal has the traceback
            traceback.print_exc()
            _post(worker, _then_show(ended), f"{type(error).__name__}: {error}")
        else:
            _post(worker, done, result)

    threading.Thread(target=run, name=f"rde-roto {worker.name}", daemon=True).start()


def is_running(worker: Worker) -> bool:
    """Whether work for a node runs, or its result is yet to be handled."""
    return worker.id in _running


def stop(worker: Worker) -> None:
    """Ask the running work of a node to end. Raises NodeError if there is none."""
    if worker.id not in _running:
        raise NodeError(f"{worker.name} has nothing to cancel")
    _running[worker.id].set()


def _then_show(ended: Callable[[str], None]) -> Callable[[str], None]:
    def both(sentence: str) -> None:
        ended(sentence)
        show_error(sentence)

    return both


def _post(worker: Worker, handle: Callable[[Any], None], value: Any) -> None:
    def in_main_thread() -> None:
        _running.pop(worker.id, None)
        errors_shown(handle)(value)

    nuke.executeInMainThread(in_main_thread)
