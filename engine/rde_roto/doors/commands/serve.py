"""``rde-roto serve``: run the engine that compositors use. Hosts start it by themselves."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rde_roto.atomic import write_text
from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption, plate_memo
from rde_roto.doors.this_installation import local_client, serve_command
from rde_roto.values.errors import EngineEndedError, UsageError
from rde_roto_client import Client, NoEngineError, StuckEngineError
from rde_roto_client.places import endpoint_file, launch_file, read_endpoint, run_folder

IDLE_S = 900.0


def serve(
    device: DeviceOption = "auto",
    idle: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Exit after this many idle seconds.")
    ] = IDLE_S,
    tcp: Annotated[
        bool, typer.Option("--tcp", help="Listen on loopback TCP instead of a Unix socket.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the running engine.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the engine in the background and return.")
    ] = False,
    register: Annotated[
        bool, typer.Option("--register", help="Register this engine: your hosts will start it.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Undo --register.")] = False,
) -> None:
    """Run the engine that compositors and scripts on this machine use; one per user and device."""
    if register:
        _register()
        return
    if forget:
        launch_file().unlink(missing_ok=True)
        print_line(f"rde-roto: {launch_file()} was removed: hosts no longer start this engine")
        return
    _check_run_folder()
    if stop:
        _stop(device)
    elif detach:
        _detach(device, idle, tcp)
    else:
        _serve(device, idle, tcp)


def _check_run_folder() -> None:
    """Raise UsageError if the run folder cannot be used."""
    try:
        run_folder()
    except NoEngineError as error:
        raise UsageError(f"{error}: name another one in RDE_ROTO_RUN") from error


def _serve(device: str, idle: float, tcp: bool) -> None:
    from rde_roto.doors.server.endpoint import LockTakenError, listen

    try:
        with listen(device, tcp) as (listener, token), plate_memo() as memo:
            from rde_roto.doors.hosts.shots import Shots
            from rde_roto.doors.server.endpoint import Log
            from rde_roto.doors.server.jobs import Jobs
            from rde_roto.doors.server.requests import Requests
            from rde_roto.doors.server.socket_server import Server
            from rde_roto.engine import Engine
            from rde_roto.model.devices import choose_device

            chosen = choose_device(device)
            log = Log(endpoint_file(device).with_suffix(".log"))
            server = Server(token, str(chosen), idle, log)
            with Engine() as engine, Jobs(engine) as jobs:
                requests = Requests(engine, Shots(chosen, memo), jobs, server.stop)
                print_line(f"rde-roto: listening, on {chosen}")
                server.serve(listener, requests)
    except LockTakenError:
        print_line("rde-roto: an engine is running already")


def _detach(device: str, idle: float, tcp: bool) -> None:
    """Start an engine and return when it answers. Its output goes to a file in the run folder."""
    options = ["--idle", str(idle), *(["--tcp"] if tcp else [])]
    try:
        with local_client("rde-roto serve --detach", device, *options) as client:
            hello = client.hello()
    except NoEngineError as error:
        raise UsageError(f"{error} ({run_folder()})") from error
    print_line(f"rde-roto: an engine is listening on {hello['device']}, process {hello['pid']}")


def _register() -> None:
    """Write the command that starts this installation's engine to where clients look for it."""
    path = launch_file()
    command = serve_command()
    write_text(path, json.dumps({"command": command}) + "\n")
    print_line(f"rde-roto: {path} has hosts start {command[0]}")


def _stop(device: str) -> None:
    try:
        with Client("rde-roto serve --stop", device, starts=False) as client:
            client.stop()
    except StuckEngineError as error:
        from rde_roto.doors.server.endpoint import forget_ended, kill_engine

        if kill_engine(device):
            print_line("rde-roto: the engine no longer answered and was killed")
        elif not forget_ended(device):
            pid = (read_endpoint(device) or {}).get("pid")
            raise EngineEndedError(
                f"the engine does not answer and could not be killed: end process {pid} by hand "
                "if it is rde-roto serve"
            ) from error
        else:
            print_line("rde-roto: the engine no longer answered and has ended")
    except NoEngineError:
        print_line("rde-roto: no engine is running")
