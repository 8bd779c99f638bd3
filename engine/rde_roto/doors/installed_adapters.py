"""The adapters that install.py has put into hosts, compared with this installation.

install.py notes every file that it writes into a host, with its digest. The client inside a host
must be that of the engine; other files must be as they were written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import rde_roto_client
from rde_roto.values.plain_text import counted
from rde_roto_client.places import launch_file


@dataclass(frozen=True)
class Adapter:
    """An adapter in a host, how it is, and what to do if that is wrong."""

    host: str
    state: str
    to_do: str | None = None


def installed_adapters() -> Iterator[Adapter]:
    """Yield the adapters that are noted in the user's configuration folder."""
    for path in sorted((launch_file().parent / "hosts").glob("*.json")):
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(files, dict) and files:
            yield _adapter(path.stem, files)


def _adapter(host: str, files: Mapping[str, str]) -> Adapter:
    again = f"run install.py {host} again, and restart the host"
    try:
        return _compared(host, files, again)
    except OSError as error:
        state = f"cannot read {error.filename}: {error.strerror}"
        return Adapter(host, state, f"{host}: {state}: make it readable, or {again}")


def _compared(host: str, files: Mapping[str, str], again: str) -> Adapter:
    gone = [name for name in files if not Path(name).exists()]
    if gone:
        state = f"{counted(len(gone), 'file')} of {len(files)} gone, such as {gone[0]}"
        return Adapter(host, state, f"{host}: {state}: {again}")
    other = [name for name in files if _is_another_client(Path(name))]
    if other:
        state = "its client is of another version than this engine"
        return Adapter(host, state, f"{host}: {state}: {again}")
    changed = [name for name, digest in files.items() if _is_changed(Path(name), digest)]
    if changed:
        state = f"{counted(len(changed), 'file')} changed since, such as {changed[0]}"
        return Adapter(host, state, f"{host}: {state}: move it away, then {again}")
    return Adapter(host, f"installed, {counted(len(files), 'file')}")


def _is_another_client(path: Path) -> bool:
    """Whether a file is one of the client's modules, but not as this installation has it."""
    if path.parent.name != rde_roto_client.__name__:
        return False
    ours = Path(rde_roto_client.__file__).with_name(path.name)
    return not ours.is_file() or ours.read_bytes() != path.read_bytes()


def _is_changed(path: Path, digest: str) -> bool:
    """Whether a file is not as it was written. A link, for development, may point to any."""
    return not path.is_symlink() and hashlib.sha256(path.read_bytes()).hexdigest() != digest
