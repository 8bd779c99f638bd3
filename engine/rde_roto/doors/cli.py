"""The command line: ``rde-roto COMMAND``. Exit codes are those of ``values.errors``.

A command's module is imported only when that command is run. So help appears at once, and a farm
task does not wait for the libraries of the window.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, Final

import typer

from rde_roto import __version__
from rde_roto.doors.command_table import COMMANDS, EXAMPLES, WHERE_TO_BEGIN
from rde_roto.doors.console import (
    print_error,
    print_line,
    print_lines,
    print_message,
    robust_output,
)
from rde_roto.values.errors import UnexpectedError, UsageError, shown_error

_PROGRAM: Final = "rde-roto"
_LEAST_COLUMNS: Final = 72
"""Help for fewer columns would cut off names of options; a narrower terminal wraps its lines."""
_BadCommandLine: Final[Any] = typer.BadParameter.__base__
"""The class of all errors in a command line; typer exports only subclasses of it."""


def command_object(name: str) -> Any:
    """Return a command's function, or the app of its subcommands."""
    module, attribute = COMMANDS[name].door.split(".")
    return getattr(import_module(f"rde_roto.doors.commands.{module}"), attribute)


def command_line(words: Sequence[str]) -> Any:
    """Return the command line with the command that these words name. Of the other commands it has
    only names and help.
    """
    app = typer.Typer(
        pretty_exceptions_enable=False,
        help="Rotoscoping by recurrent dynamic embedding: one mask in, a matte for every frame "
        "out.",
    )
    app.callback(invoke_without_command=True)(_root)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        panel = command.panel
        if name != asked:
            app.command(name, help=command.summary, rich_help_panel=panel)(_not_asked_for)
        elif isinstance(command_object(name), typer.Typer):
            app.add_typer(command_object(name), name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(command_object(name))
    made = typer.main.get_command(app)
    _complete_help(made, ())
    return made


def _complete_help(command: Any, names: tuple[str, ...]) -> None:
    """Add the examples, and show arguments in capitals and flags without a type."""
    examples = EXAMPLES.get(" ".join(names), ())
    if examples:
        command.epilog = "\n".join(["Example:" if len(examples) == 1 else "Examples:", *examples])
    help_option = command.get_help_option(command.context_class(command))
    for parameter in (*command.params, help_option):
        if parameter.metavar is None and parameter.param_type_name == "argument":
            parameter.metavar = parameter.name.upper()
        elif getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for name, inner in getattr(command, "commands", {}).items():
        _complete_help(inner, (*names, name))


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print_line(f"{_PROGRAM} {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print_lines(WHERE_TO_BEGIN)


def _not_asked_for() -> None:
    raise AssertionError("only the command that the command line names can run")


@robust_output()
def main() -> None:
    """Run a command, and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_stop)
    if sys.platform != "win32":  # some hosts ignore it, and it would hide how our processes ended
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if shutil.get_terminal_size().columns < _LEAST_COLUMNS:
        os.environ.setdefault("TERMINAL_WIDTH", str(_LEAST_COLUMNS))  # typer's own, for its help
    try:
        _check_folder()
        _check_words(sys.argv[1:])
        command = command_line(_words())
        code = command.main(sys.argv[1:], _PROGRAM, standalone_mode=False) or 0
    except _BadCommandLine as error:
        _print_bad_command_line(error)
        code = error.exit_code
    except Exception as error:
        code = _told(error)
    # not while an error is handled: it would keep all modules alive, of which OpenImageIO complains
    sys.exit(code)


def _told(error: Exception) -> int:
    """Print the sentence of an error; return its exit code. Raises what is a bug."""
    shown = shown_error(error)
    if isinstance(shown, UnexpectedError):
        raise error
    print_error(shown)
    return shown.exit_code


def _check_folder() -> None:
    try:
        os.getcwd()  # noqa: PTH109  (pathlib's asks the same)
    except FileNotFoundError as error:  # torch's libraries end a process that is there
        raise UsageError(
            "the current folder has been deleted: change to one that exists"
        ) from error


def _check_words(words: Sequence[str]) -> None:
    """Refuse what an unset variable of a script leaves: as a path it is the current folder."""
    for number, word in enumerate(words, start=1):
        if not word or re.fullmatch(r"--[a-z-]+=", word):
            shown = word or f"argument {number}"
            raise UsageError(f"{shown} is empty: is a variable of a script not set?")


def _words() -> list[str]:
    """Return the words of the command line, or of the one that a shell wants completed."""
    if "_RDE_ROTO_COMPLETE" in os.environ:
        line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
        return line.split()[1:]
    return sys.argv[1:]


def _print_bad_command_line(error: Any) -> None:
    """Print a bad command line's error in the style of all others, as one sentence."""
    sentence = " ".join(error.format_message().split()).rstrip(".")
    sentence = sentence.replace(": Value error, ", ": ")  # a word of pydantic, which parses choices
    if sentence:  # else it has shown its help, for lack of a subcommand
        path = error.ctx.command_path if error.ctx else _PROGRAM
        print_message(f"{sentence[0].lower()}{sentence[1:]}; see {path} --help")


def _on_stop(number: int, _frame: FrameType | None) -> None:
    """Exit. Frames that are being written are finished on the way out."""
    print_message("cancelled; what was finished is kept")
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
