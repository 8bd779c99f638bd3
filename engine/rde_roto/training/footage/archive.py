"""The files of a data set: in a folder, or packed into one zip."""

from __future__ import annotations

import io
import threading
import zlib
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from zipfile import BadZipFile, ZipFile

from rde_roto.values.errors import InputError


class FileTree(Protocol):
    """Files below a root, by relative path. Thread-safe."""

    def names(self, folder: PurePosixPath) -> list[str]:
        """Return the visible names in a folder, sorted; empty if there is no such folder."""

    def open(self, path: PurePosixPath) -> BinaryIO:
        """Open a file for reading. Raises InputError when it cannot be read."""

    def where(self, path: PurePosixPath) -> Path:
        """Return the full path, for messages."""


def open_tree(root: Path) -> FileTree:
    """Open a folder or a zip. Raises InputError when ``root`` is neither."""
    if root.is_dir():
        return _Folder(root)
    if not root.exists():
        raise InputError(f"there is no {root}: expected a folder of training data or a packed .zip")
    try:
        return _Packed(root)
    except (BadZipFile, OSError) as error:
        raise InputError(f"{root} is neither a folder nor a whole .zip: {error}") from error


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: PurePosixPath) -> list[str]:
        place = self._root / folder
        if not place.is_dir():
            return []
        return sorted(path.name for path in place.iterdir() if not path.name.startswith("."))

    def open(self, path: PurePosixPath) -> BinaryIO:
        try:
            return (self._root / path).open("rb")
        except OSError as error:
            raise InputError(f"cannot read {self.where(path)}: {error.strerror}") from error

    def where(self, path: PurePosixPath) -> Path:
        return self._root / path


class _Packed:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = ZipFile(path)
        self._lock = threading.Lock()  # ZipFile itself is not thread-safe
        found: defaultdict[PurePosixPath, set[str]] = defaultdict(set)
        for name in self._zip.namelist():
            entry = PurePosixPath(name)
            while entry.name and entry.name not in found[entry.parent]:
                found[entry.parent].add(entry.name)
                entry = entry.parent
        self._names = dict(found)

    def names(self, folder: PurePosixPath) -> list[str]:
        return sorted(name for name in self._names.get(folder, ()) if not name.startswith("."))

    def open(self, path: PurePosixPath) -> BinaryIO:
        try:
            with self._lock:
                return io.BytesIO(self._zip.read(str(path)))
        except (KeyError, BadZipFile, OSError, zlib.error) as error:
            raise InputError(f"cannot read {self.where(path)}: {error}") from error

    def where(self, path: PurePosixPath) -> Path:
        return self._path / path
