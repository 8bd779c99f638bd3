"""The command line: ``rde-roto COMMAND``. Exit codes are those of ``values.errors``.

A command's module is imported when the command is asked for: help comes at once, and a task of a
farm does not wait for the window's libraries.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, Final

import typer

from rde_roto import __version__
from rde_roto.doors.saying import say_aside
from rde_roto.values.errors import RotoError

COMMANDS: Final = {
    "propagate": (
        "propagate.propagate",
        "Carries the masks of one or more keyframes through the plate, forwards and backwards.",
    ),
    "explain": (
        "explain.explain",
        "Shows where attention went, what the memory holds, and where the track drifts.",
    ),
    "view": (
        "view.view",
        "Opens a window: paint, propagate, correct, approve. Everything is saved as you go.",
    ),
    "look": (
        "look.look",
        "Writes what the network sees of a frame, before it is scaled to tracking.lines.",
    ),
    "submit": (
        "submit.submit",
        "Writes a shot's job for a render farm: chunks whose seams cannot be seen.",
    ),
    "validate": (
        "validate.validate",
        "Checks mattes against their plate and the rules of film: exit code 7 when any is broken.",
    ),
    "serve": (
        "serve.serve",
        "Answers compositors and scripts on this machine; one a user and device.",
    ),
    "watch": (
        "watch.watch",
        "Makes the mattes of jobs that are dropped into FOLDER/inbox, one after the other.",
    ),
    "jobs": (
        "jobs.jobs",
        "Shows the jobs of a hot folder; on a terminal until you press Ctrl-C.",
    ),
    "eval": (
        "evaluate.evaluate",
        "Tracks each sequence from its first mask and scores it; first and last frame left out.",
    ),
    "doctor": (
        "doctor.doctor",
        "Versions, devices, memory, models and their licences, and a self-test on two frames.",
    ),
    "demo": (
        "demo.demo",
        "Rotoscopes the shipped shot from its first mask and compares with its true matte.",
    ),
    "shot": ("shot.app", "Shots kept in documents, NAME.shot.yaml, and their mattes."),
    "preset": ("presets.app", "Presets: list, show, check, schema."),
    "model": ("models.app", "Models: list, card, install, export."),
    "train": ("train.app", "Training: rde-roto train RECIPE --out DIR; list, pack."),
    "cache": ("cache.app", "The cache of memory states and raw mattes: info, prune, verify."),
    "bench": ("bench.app", "What a frame costs on this machine."),
}
"""Name of a command: where it is under ``doors``, and what the list of commands says of it."""


def door(name: str) -> Any:
    """A command's function, or the app of its own commands."""
    module, attribute = COMMANDS[name][0].split(".")
    return getattr(import_module(f"rde_roto.doors.{module}"), attribute)


def app_for(words: Sequence[str]) -> typer.Typer:
    """The app with the command that these words ask for; of the others it has names and help."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Rotoscoping by recurrent dynamic embedding: one mask in, a matte for every frame "
        "out.",
    )
    app.callback(invoke_without_command=True)(_root)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (_, says) in COMMANDS.items():
        if name != asked:
            app.command(name, help=says)(_not_asked_for)
        elif isinstance(door(name), typer.Typer):
            app.add_typer(door(name), name=name)
        else:
            app.command(name)(door(name))
    return app


def _root(
    version: Annotated[bool, typer.Option("--version", help="Says the version and ends.")] = False,
) -> None:
    if version:
        print(f"rde-roto {__version__}")
        raise typer.Exit


def _not_asked_for() -> None:
    raise AssertionError("a command was run that the command line does not name first")


def main() -> None:
    """Runs a command; ends the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_stop)
    try:
        app_for(sys.argv[1:])()
    except RotoError as error:
        say_aside(str(error))
        sys.exit(error.exit_code)


def _on_stop(number: int, _frame: FrameType | None) -> None:
    """Frames being written are finished on the way out, so nothing half-done is left."""
    say_aside("cancelled; finished frames are kept")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
