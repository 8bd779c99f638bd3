"""Digests: hashes that identify exact content."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xxhash
from numpy.typing import NDArray

from rde_roto.values.errors import InputError
from rde_roto.values.regular_files import MOVIE_BYTES, open_regular

DigestPart: TypeAlias = "str | int | float | bytes | NDArray[Any] | None"

_BUFFER_BYTES = 1 << 20
_DIGEST_BYTES = 16
_BLOCK = 256
"""Digests per block of memory."""


class DigestTable:
    """Digests by integer, 16 bytes each: a long shot has tens of thousands."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._others: dict[int, str] = {}  # texts that are not digests, such as MISSING

    def get(self, number: int) -> str | None:
        """Return the digest of a number; None if there is none."""
        if number in self._others:
            return self._others[number]
        block, offset = divmod(number, _BLOCK)
        stored = self._blocks.get(block, b"")[offset * _DIGEST_BYTES : (offset + 1) * _DIGEST_BYTES]
        return stored.hex() if any(stored) else None

    def put(self, number: int, digest: str) -> None:
        """Store the digest of a number."""
        try:
            stored = bytes.fromhex(digest)
        except ValueError:
            stored = b""
        if stored.hex() != digest or len(stored) != _DIGEST_BYTES or not any(stored):
            self._others[number] = digest
            return
        block, offset = divmod(number, _BLOCK)
        block_bytes = self._blocks.get(block)
        if block_bytes is None:
            block_bytes = self._blocks.setdefault(block, bytearray(_BLOCK * _DIGEST_BYTES))
        # a single assignment, so that another thread reads all of it or nothing
        block_bytes[offset * _DIGEST_BYTES : (offset + 1) * _DIGEST_BYTES] = stored


def digest_of(*parts: DigestPart) -> str:
    """Hash the parts in order: xxh3_128, as 32 hex digits.

    Each part enters with a type tag, its length and its bytes, so `("ab", "c")` and `("a", "bc")`
    differ, as do `1`, `1.0`, `"1"` and `True`. An array enters with its dtype and shape; its memory
    layout does not matter. Raises TypeError for any other type.
    """
    state = xxhash.xxh3_128()
    for part in parts:
        for piece in _encode(part):
            state.update(piece)
    return state.hexdigest()


def digest_file(path: Path) -> str:
    """Hash a file's bytes: xxh3_128, as 32 hex digits. The file is read in small blocks.

    Raises InputError when the file is missing or cannot be read.
    """
    state = xxhash.xxh3_128()
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    try:
        with open_regular(path, MOVIE_BYTES) as file:
            while count := file.readinto(buffer):
                state.update(buffer[:count])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return state.hexdigest()


def _encode(part: DigestPart) -> tuple[bytes | memoryview, ...]:
    if isinstance(part, np.ndarray):
        if part.dtype.hasobject:
            raise TypeError("an array of Python objects has no digest")
        head = f"{part.dtype.str}{list(part.shape)}".encode()
        # not its `tobytes`: a copy of a mask would hold Python's lock while it is made
        return *_tagged(b"a", head), np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    if part is None:
        return _tagged(b"n", b"")
    if isinstance(part, bool):
        return _tagged(b"t", b"1" if part else b"0")
    if isinstance(part, str):
        return _tagged(b"s", part.encode("utf-8", "surrogateescape"))
    if isinstance(part, int):
        return _tagged(b"i", str(part).encode())
    if isinstance(part, float):
        return _tagged(b"f", struct.pack("<d", part))
    if isinstance(part, bytes):
        return _tagged(b"b", part)
    raise TypeError(f"a {type(part).__name__} has no digest")


def _tagged(tag: bytes, content: bytes) -> tuple[bytes, bytes]:
    return tag + struct.pack("<Q", len(content)), content
