"""The engine of this very installation, for the commands that start one or have it work."""

from __future__ import annotations

import sys
from pathlib import Path

from rde_roto_client import Client


def program() -> str:
    """The command ``rde-roto`` of this installation."""
    return str(Path(sys.executable).with_name("rde-roto"))


def serve_command(*options: str) -> list[str]:
    """What starts an engine of this installation, with some options.

    By its Python, which says what is wrong when the installation was moved; a script that was moved
    along names a Python that is gone.
    """
    return [sys.executable, "-m", "rde_roto", "serve", *options]


def own_client(name: str, device: str, *options: str) -> Client:
    """A client that starts an engine of this installation, with some options, where none runs."""
    return Client(name, device, command=serve_command(*options))
