"""``rde-roto serve``: the engine that compositors ask. They start it by themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rde_roto.doors.options import DeviceOption, plate_memo
from rde_roto.tensors import replacing
from rde_roto_client import Client, NoEngineError
from rde_roto_client.places import launch_file

IDLE_S = 900.0


def serve(
    device: DeviceOption = "auto",
    idle: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Ends when nobody asks for so long.")
    ] = IDLE_S,
    tcp: Annotated[bool, typer.Option("--tcp", help="Loopback TCP instead of a socket.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Ends the engine that runs.")] = False,
    register: Annotated[
        bool, typer.Option("--register", help="Tells your hosts that they start this engine.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Takes --register back.")] = False,
) -> None:
    """Answers compositors and scripts on this machine; one a user and device."""
    if stop:
        _stop(device)
    elif register:
        _register()
    elif forget:
        launch_file().unlink(missing_ok=True)
        print(f"rde-roto: {launch_file()} is gone: hosts start no engine any more")
    else:
        _serve(device, idle, tcp)


def _serve(device: str, idle: float, tcp: bool) -> None:
    from rde_roto.doors.server.listening import TakenError, listening

    try:
        with listening(device, tcp) as (listener, token), plate_memo() as memo:
            from rde_roto.devices import choose_device
            from rde_roto.doors.server.jobs import Jobs
            from rde_roto.doors.server.requests import Requests
            from rde_roto.doors.server.serving import Server
            from rde_roto.doors.server.shots import Shots
            from rde_roto.engine import Engine

            chosen = choose_device(device)
            server = Server(token, str(chosen), idle)
            with Engine() as engine:
                requests = Requests(engine, Shots(chosen, memo), Jobs(engine), server.stop)
                print(f"rde-roto: listening, on {chosen}", flush=True)
                server.serve(listener, requests)
    except TakenError:
        print("rde-roto: an engine is running already", flush=True)


def _register() -> None:
    """Leaves the command of this very program where clients look."""
    path = launch_file()
    command = [str(Path(sys.executable).with_name("rde-roto")), "serve"]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"command": command}) + "\n", encoding="utf-8")
    print(f"rde-roto: hosts start {command[0]}, says {path}")


def _stop(device: str) -> None:
    try:
        with Client("rde-roto serve --stop", device, starts=False) as client:
            client.stop()
    except NoEngineError:
        print("rde-roto: no engine is running", flush=True)
