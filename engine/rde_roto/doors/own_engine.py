"""The engine of this very installation, for the commands that start one or have it work."""

from __future__ import annotations

import sys
from pathlib import Path

from rde_roto_client import Client


def program() -> str:
    """The command ``rde-roto`` of this installation."""
    return str(Path(sys.executable).with_name("rde-roto"))


def own_client(name: str, device: str, *options: str) -> Client:
    """A client that starts an engine of this installation, with some options, where none runs."""
    return Client(name, device, command=[program(), "serve", *options])
