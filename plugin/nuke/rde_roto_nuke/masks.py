"""Renders a frame of the Mask input to a file that is kept.

Reading pixels through Nuke's Python is far too slow, so a Write node writes them. It exists for
that frame only: one that stayed would be rendered with the script's other Writes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nuke

from rde_roto_nuke.errors import NodeError
from rde_roto_nuke.node import MASK

_CHUNK_BYTES = 1 << 20


def keep_alpha(group: Any, frame: int) -> str:
    """Render the Mask input's alpha at a frame; return the path of its file. Raises NodeError."""
    if group.input(1) is None:
        raise NodeError("nothing is connected to Mask: connect a roto, or anything with an alpha")
    with tempfile.TemporaryDirectory(prefix="rde-roto") as folder:
        written = Path(folder) / "mask.exr"
        try:
            _write(group, frame, written)
        except RuntimeError as error:  # also raised when the artist interrupts
            raise NodeError(f"Mask cannot be rendered at {frame}: {error}") from error
        if not written.is_file():
            raise NodeError(f"Mask cannot be rendered at {frame}: nothing was written")
        return str(keep(written))


def keep(written: Path) -> Path:
    """Copy a file to the user's data folder, named by its digest; equal files are kept once.

    Raises NodeError if it cannot be written.
    """
    folder = data_folder() / "keyframes"
    try:
        digest = _sha256(written)
        kept = folder / f"{digest}.exr"
        if not kept.is_file() or _sha256(kept) != digest:
            folder.mkdir(parents=True, exist_ok=True)
            # renamed when complete: it is never there in part
            descriptor, beside = tempfile.mkstemp(dir=str(folder), suffix=".part")
            os.close(descriptor)
            try:
                shutil.copyfile(str(written), beside)
                Path(beside).replace(kept)
            except BaseException:
                Path(beside).unlink()
                raise
    except OSError as error:
        raise NodeError(f"the mask cannot be kept in {folder}: {error.strerror}") from error
    return kept


def data_folder() -> Path:
    """The user's data folder, in which the engine keeps masks too."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "rde-roto"


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(_CHUNK_BYTES), b""):
            found.update(piece)
    return found.hexdigest()


def _write(group: Any, frame: int, path: Path) -> None:
    with _unnoticed(), group:
        write = nuke.nodes.Write(file=path.as_posix(), file_type="exr", channels="alpha")
        try:
            write.setInput(0, nuke.toNode(MASK))
            write["raw"].setValue(True)  # an alpha has no colour space
            write["datatype"].setValue("32 bit float")
            nuke.execute(write, frame, frame, 1, nuke.views()[:1])
        finally:
            nuke.delete(write)


@contextmanager
def _unnoticed() -> Iterator[None]:
    """Turn proxies and undo off, and restore both: the artist notices nothing."""
    proxy = nuke.root()["proxy"]
    was = proxy.value()
    nuke.Undo.disable()
    try:
        if was:
            proxy.setValue(False)
        yield
    finally:
        if was:
            proxy.setValue(True)
        nuke.Undo.enable()
