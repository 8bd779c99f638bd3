"""Files of full size whose end was never written, as copies that reserve their room first leave
them: robocopy, rsync --preallocate, copies to a share that were cut off.

Their end reads as zeros. Most readers notice: PNG and most compressions have checksums. Those that
do not would make black or grey blocks of it, and that is what is recognised here. Only a file that
ends in zeros is looked into.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import (
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILEOFFSETS,
    ImageFileDirectory_v2,
)

from rde_roto.images.exr_index import last_block
from rde_roto.images.image_header import ImageHeader
from rde_roto.values.errors import InputError
from rde_roto.values.matte import HalfOrFloatArray

_ZEROS: Final = 64
"""As many zeros as no compressed picture ends in."""
_PAGE_BYTES: Final = 4096  # every file system writes whole pages
_BLOCK_BYTES: Final = 1 << 20
_MOST_ZEROS_BEFORE: Final = 8  # of a last value before the hole: two pixels of 32 bits
_ROWS_OF_A_BLOCK: Final = {
    **{"rle": 1, "zips": 1, "zip": 16, "pxr24": 16, "piz": 32, "b44": 32, "b44a": 32},
    **{"dwaa": 32, "dwab": 256},
}
_STRIPS: Final = STRIPOFFSETS, STRIPBYTECOUNTS
_TILES: Final = TILEOFFSETS, TILEBYTECOUNTS
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_BARE_MARKERS: Final = (0x01, *range(0xD0, 0xD9))  # without a length: ITU-T T.81, table B.1


def refuse_unfinished(path: Path, header: ImageHeader, pixels: HalfOrFloatArray) -> None:
    """Raise InputError for a picture whose end was never written.

    `pixels` is [H, W, C] as stored. An uncompressed picture may end in black rows, that is, in
    zeros: it counts as unfinished only where the file system says that these were never written,
    and where they begin in the middle of a row. So what is lost of one on a share that cannot say
    so goes unnoticed.
    """
    kind = header.kind
    if kind not in ("openexr", "jpeg", "tiff", "dpx"):
        return
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _ZEROS))
        end = file.read()
        zeros = len(end) - len(end.rstrip(b"\0"))
        if kind == "jpeg":
            is_unfinished = zeros >= len(_END_OF_IMAGE) and not _has_its_end(file)
        elif zeros < _ZEROS:
            return
        elif not _is_packed(path, header):
            is_unfinished = _ends_in_a_hole(file, size) and not _ends_with_a_row(
                pixels[_rows_as_stored(path, header)]
            )
        else:
            is_unfinished = kind == "openexr" or _end_of_strips(file) > size - _ZEROS
    if is_unfinished:
        raise InputError(
            f"{path} is incomplete: its end was never written, as in a copy that was cut off or is "
            "still in progress; wait for it, or copy the file again"
        )


def _is_packed(path: Path, header: ImageHeader) -> bool:
    """Whether the last pixels of a file are compressed.

    B44 stores channels that are not half as they are, and any compression of EXR a block of rows
    that it cannot make smaller.
    """
    compression, data = header.compression, header.format.data
    if header.kind != "openexr":
        return compression not in ("", "none")
    block = last_block(path)
    is_b44_of_others = compression.startswith("b44") and set(header.channel_types) != {"half"}
    if block is None or compression not in _ROWS_OF_A_BLOCK or is_b44_of_others:
        return False
    row, length = block
    rows = min(_ROWS_OF_A_BLOCK[compression], data.y + data.height - row)
    pixel_bytes = sum(2 if kind == "half" else 4 for kind in header.channel_types)
    return length < rows * data.width * pixel_bytes


def _rows_as_stored(path: Path, header: ImageHeader) -> NDArray[np.intp]:
    """The rows of a picture in the order of the file; an EXR may begin with its last block."""
    data = header.format.data
    rows = np.arange(data.height)
    block = last_block(path) if header.kind == "openexr" else None
    if block is None or block[0] != data.y:
        return rows
    return np.lexsort((rows, -(rows // _ROWS_OF_A_BLOCK.get(header.compression, 1))))


def _has_its_end(file: BinaryIO) -> bool:
    """Whether a JPEG's marker for its end comes after its first scan.

    There it cannot be anything else; before, it may be that of a thumbnail.
    """
    file.seek(0)
    data, place = file.read(), 2
    with suppress(struct.error, IndexError):
        while data[place + 1] != _START_OF_SCAN:
            is_bare = data[place + 1] in _BARE_MARKERS
            place += 2 if is_bare else 2 + struct.unpack_from(">H", data, place + 2)[0]
        return data.find(_END_OF_IMAGE, place) >= 0
    return True  # not as the standard has it, and yet it was read


def _end_of_strips(file: BinaryIO) -> int:
    """The offset where the last strip or tile of a TIFF's first picture ends; 0 if unknown."""
    file.seek(0)
    magic = file.read(8)
    magic += file.read(8) if magic[2:4] in (b"+\0", b"\0+") else b""  # BigTIFF
    with suppress(OSError, SyntaxError, ValueError, KeyError, struct.error):
        tags = ImageFileDirectory_v2(magic)
        file.seek(tags.next)
        tags.load(file)
        at, sizes = _TILES if _TILES[0] in tags else _STRIPS
        return max(map(sum, zip(tags[at], tags[sizes], strict=True)), default=0)
    return 0


def _ends_in_a_hole(file: BinaryIO, size: int) -> bool:
    """Whether data go on up to a page from which the file system has none."""
    if not hasattr(os, "SEEK_DATA"):  # Windows
        return False
    written = _end_of_data(file, size)
    hole = -(-written // _PAGE_BYTES) * _PAGE_BYTES
    if hole - written >= _MOST_ZEROS_BEFORE or hole >= size:
        return False
    try:
        os.lseek(file.fileno(), hole, os.SEEK_DATA)
    except OSError:  # ENXIO: there are no data
        return True
    return False


def _end_of_data(file: BinaryIO, size: int) -> int:
    """The offset behind the last byte that is not zero."""
    for start in reversed(range(0, size, _BLOCK_BYTES)):
        file.seek(start)
        data = file.read(min(_BLOCK_BYTES, size - start)).rstrip(b"\0")
        if data:
            return start + len(data)
    return 0


def _ends_with_a_row(pixels: HalfOrFloatArray) -> bool:
    """Whether the last row that is not black goes to its right edge, as above a black bar, or all
    rows are black. `pixels` has the rows in the order of the file.
    """
    rows = np.flatnonzero(pixels.any(axis=(1, 2)))
    return not rows.size or bool(pixels[rows[-1], -1].all())
