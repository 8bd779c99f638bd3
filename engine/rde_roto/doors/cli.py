"""The command line: ``rde-roto COMMAND``. Exit codes are those of ``values.errors``.

A command's module is imported only when that command is run. So help appears at once, and a farm
task does not wait for the libraries of the window.
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
from rde_roto.doors.console import print_message
from rde_roto.values.errors import RotoError

COMMANDS: Final = {
    "propagate": (
        "propagate.propagate",
        "Propagate the masks of one or more keyframes through the plate, in both directions.",
    ),
    "explain": (
        "explain.explain",
        "Show where attention went, what the memory holds, and where the track drifts.",
    ),
    "view": (
        "view.view",
        "Open a window: paint, propagate, correct, approve. Everything is saved as you go.",
    ),
    "look": (
        "look.look",
        "Write what the network sees of a frame, before it is scaled to tracking.lines.",
    ),
    "shapes": (
        "shapes.shapes",
        "Make editable, animated splines of a shot's mattes; draw splines as mattes again.",
    ),
    "submit": (
        "submit.submit",
        "Write a shot's job for a render farm: chunks without visible seams.",
    ),
    "validate": (
        "validate.validate",
        "Check mattes against their plate and delivery rules: exit code 7 when a rule is broken.",
    ),
    "serve": (
        "serve.serve",
        "Run the engine that compositors and scripts on this machine use; one per user and device.",
    ),
    "watch": (
        "watch.watch",
        "Process the jobs that are dropped into FOLDER/inbox, one after the other.",
    ),
    "jobs": (
        "jobs.jobs",
        "Show the jobs of a hot folder; on a terminal until you press Ctrl-C.",
    ),
    "eval": (
        "evaluate.evaluate",
        "Track each sequence from its first mask and score it, without its first and last frame.",
    ),
    "doctor": (
        "doctor.doctor",
        "Show versions, devices, memory, models and their licences, and run a self-test.",
    ),
    "demo": (
        "demo.demo",
        "Rotoscope the demo shot from its first mask and compare it with its true matte.",
    ),
    "shot": ("shot.app", "Work with shot documents (NAME.shot.yaml) and their mattes."),
    "preset": ("presets.app", "Presets: list, show, check, schema."),
    "model": ("models.app", "Models: list, card, install, export."),
    "train": ("train.app", "Training: rde-roto train RECIPE --out DIR; list, average, pack."),
    "cache": (
        "cache.app",
        "Manage the cache of memory states and raw mattes: info, prune, verify.",
    ),
    "bench": ("bench.app", "Measure what a frame costs on this machine."),
}
"""For each command: its function or app under ``doors``, and its line in the list of commands."""


def command_object(name: str) -> Any:
    """Return a command's function, or the app of its subcommands."""
    module, attribute = COMMANDS[name][0].split(".")
    return getattr(import_module(f"rde_roto.doors.{module}"), attribute)


def app_for(words: Sequence[str]) -> typer.Typer:
    """Return the app with the command that these words name. Of the other commands it has only
    names and help.
    """
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Rotoscoping by recurrent dynamic embedding: one mask in, a matte for every frame "
        "out.",
    )
    app.callback(invoke_without_command=True)(_root)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (_, summary) in COMMANDS.items():
        if name != asked:
            app.command(name, help=summary)(_not_asked_for)
        elif isinstance(command_object(name), typer.Typer):
            app.add_typer(command_object(name), name=name)
        else:
            app.command(name)(command_object(name))
    return app


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"rde-roto {__version__}")
        raise typer.Exit


def _not_asked_for() -> None:
    raise AssertionError("only the command that the command line names can run")


def main() -> None:
    """Run a command, and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_stop)
    try:
        app_for(sys.argv[1:])()
    except RotoError as error:
        print_message(str(error))
        sys.exit(error.exit_code)


def _on_stop(number: int, _frame: FrameType | None) -> None:
    """Exit. Frames that are being written are finished on the way out."""
    print_message("cancelled; what was finished is kept")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
