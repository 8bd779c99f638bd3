"""Groups of options: declared once, and the same in every command that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from rde_roto.doors.commands.propagate import propagate
from rde_roto.doors.commands.shot import new
from rde_roto.doors.option_groups import expand_groups

PLATE = typer.Argument(help="The plate.")
SIZE = typer.Option("--size", min=1, help="The size.")


@dataclass(frozen=True)
class Group:
    """What two options say."""

    plate: Annotated[str, PLATE]
    size: Annotated[int, SIZE] = 3


def test_a_command_gets_its_group_as_a_value() -> None:
    app = typer.Typer()

    @app.command()
    @expand_groups
    def show(group: Group, out: Annotated[str, typer.Option()], loud: bool = False) -> None:
        """Show what came."""
        print(group, out, loud)

    runner = CliRunner()
    done = runner.invoke(app, ["hero", "--out", "x"])
    assert done.output.strip() == f"{Group('hero')} x False"
    done = runner.invoke(app, ["hero", "--size", "5", "--out", "x", "--loud"])
    assert done.output.strip() == f"{Group('hero', 5)} x True"
    assert runner.invoke(app, ["hero", "--size", "0", "--out", "x"]).exit_code == 2
    assert "Show what came." in runner.invoke(app, ["--help"]).output


def options_of(command: Callable[..., None]) -> dict[str, tuple[object, ...]]:
    """The options of a command: their flags, defaults and help."""
    app = typer.Typer()
    app.command()(command)
    found = typer.main.get_command(app)
    return {
        str(one.name): (tuple(one.opts), one.default, getattr(one, "help", None))
        for one in found.params
    }


def test_propagate_and_new_describe_a_shot_by_the_same_options() -> None:
    one, other = options_of(propagate), options_of(new)
    shared = {"plate", "keyframe", "frames", "preset", "set_", "model", "elements", "mask_as"}
    shared |= {"color_space", "view", "layer", "missing", "proxy", "first_frame"}
    assert shared <= one.keys() & other.keys()
    assert {name: one[name] for name in shared} == {name: other[name] for name in shared}
