"""The command line: ``rde-roto COMMAND``. Exit codes are those of ``values.errors``."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from rde_roto import __version__
from rde_roto.doors import (
    advise,
    bench,
    cache,
    demo,
    doctor,
    evaluate,
    explain,
    jobs,
    look,
    models,
    presets,
    propagate,
    report,
    serve,
    shot,
    submit,
    train,
    validate,
    view,
    watch,
)
from rde_roto.values.errors import RotoError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Rotoscoping by recurrent dynamic embedding: one mask in, a matte for every frame out.",
)
app.command("propagate")(propagate.propagate)
shot.app.command("advise")(advise.advise)
shot.app.command("report")(report.report)
app.add_typer(shot.app, name="shot")
app.command("explain")(explain.explain)
app.command("view")(view.view)
app.command("look")(look.look)
app.command("submit")(submit.submit)
app.command("validate")(validate.validate)
app.command("serve")(serve.serve)
app.command("watch")(watch.watch)
app.command("jobs")(jobs.jobs)
app.command("eval")(evaluate.evaluate)
app.add_typer(presets.app, name="preset")
app.add_typer(models.app, name="model")
app.add_typer(train.app, name="train")
app.add_typer(cache.app, name="cache")
app.add_typer(bench.app, name="bench")
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Says the version and ends.")] = False,
) -> None:
    if version:
        print(f"rde-roto {__version__}")
        raise typer.Exit


def main() -> None:
    """Runs a command; ends the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_stop)
    try:
        app()
    except RotoError as error:
        print(f"rde-roto: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)


def _on_stop(number: int, _frame: FrameType | None) -> None:
    """Frames being written are finished on the way out, so nothing half-done is left."""
    print("rde-roto: cancelled; finished frames are kept", file=sys.stderr, flush=True)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
