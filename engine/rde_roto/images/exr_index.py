"""The offset table of an EXR, the index of its row blocks. Layout: "OpenEXR File Layout"."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rde_roto.values.errors import InputError
from rde_roto.values.plate import LARGEST_PX

_FIRST_ATTRIBUTE = 8  # after the magic number and the version
_HEADER_BYTES = 1 << 22
_BLOCK_HEADER_BYTES = 8
_LONG_NAMES: Final = 0x400
_OF_LINES: Final = 2  # the version of a file of one part that has scan lines and no other flag


def refuse_torn_index(path: Path) -> None:
    """Raise InputError for an EXR whose offset table is incomplete.

    The table is written last. OpenEXR can read a file without it, which hides that its end was
    lost; other programs cannot. For one part of scan lines.
    """
    with suppress(OSError, ValueError, IndexError):
        table = _offset_table(path)
        if table.size and (np.diff(table) > 0).all() and table[-1] < path.stat().st_size:
            return
    raise InputError(f"{path} is cut short: its index of rows is incomplete")


def last_block(path: Path) -> tuple[int, int] | None:
    """Return the first row of the last row block of an EXR and its length (bytes); None if that
    cannot be told, as for tiles and several parts.
    """
    with suppress(OSError, ValueError, IndexError), path.open("rb") as file:
        version = int.from_bytes(file.read(_FIRST_ATTRIBUTE)[4:6], "little")
        table = _offset_table(path)
        if version & ~_LONG_NAMES == _OF_LINES and table.size:
            file.seek(int(table.max()))
            row, length = np.frombuffer(file.read(_BLOCK_HEADER_BYTES), "<i4")
            return int(row), int(length)
    return None


def _offset_table(path: Path) -> NDArray[np.uint64]:
    """The offsets of all row blocks, top first; empty if incomplete.

    The table ends where the first block in the file begins, which is that of the last rows if the
    line order is decreasing.
    """
    with path.open("rb") as file:
        data = file.read(_HEADER_BYTES)
        start = _end_of_header(data)
        most = (int.from_bytes(data[start : start + 8], "little") - start) // 8
        file.seek(start)
        table = np.fromfile(file, "<u8", max(0, min(most, LARGEST_PX)))
    ends = start + 8 * np.arange(1, table.size + 1)
    whole = np.flatnonzero(ends >= np.minimum.accumulate(table)) if table.size else ends
    return table[: whole[0] + 1] if whole.size else table[:0]


def _end_of_header(data: bytes) -> int:
    """The offset where the attributes end; each has a name, a type, a length and its bytes."""
    place = _FIRST_ATTRIBUTE
    while data[place]:
        for _ in ("name", "type"):
            place = data.index(0, place) + 1
        place += 4 + int.from_bytes(data[place : place + 4], "little")
    return place + 1
