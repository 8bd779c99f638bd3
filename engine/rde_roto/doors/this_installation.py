"""The commands and the engine of this installation."""

from __future__ import annotations

import sys
from pathlib import Path

from rde_roto_client import Client


def installed_program() -> str:
    """Return the path of this installation's ``rde-roto`` command."""
    suffix = ".exe" if sys.platform == "win32" else ""
    return str(Path(sys.executable).with_name(f"rde-roto{suffix}"))


def serve_command(*options: str) -> list[str]:
    """Return the command that starts an engine of this installation, with some options.

    It runs this Python rather than the ``rde-roto`` script: if the installation was moved, Python
    says what is wrong, while the script would name a Python that is gone.
    """
    return [sys.executable, "-m", "rde_roto", "serve", *options]


def local_client(name: str, device: str, *options: str) -> Client:
    """Return a client that starts an engine of this installation if none runs."""
    return Client(name, device, command=serve_command(*options))
