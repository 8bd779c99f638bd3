"""Small files that hold giant pictures are refused before they are unpacked."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import pytest
from command_line import Run, mattes, refused

from rde_roto.images.masks import read_labels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError

pytest_plugins = ("command_line_fixtures",)

INDEXED, RGB, GREY = 3, 2, 0
SIDE = 30_000


def write_png(path: Path, side: int, kind: int) -> Path:
    """A square PNG of zeros, 8 bits a channel, of which 64 rows are there; and 4 MB of nothing,
    since a file that is far too small for its picture is refused by OpenImageIO.
    """
    row = bytes(1 + side * (3 if kind == RGB else 1))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(64)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, kind, 0, 0, 0))]
    chunks += [(b"PLTE", bytes(range(6)))] if kind == INDEXED else []
    chunks += [(b"noTh", bytes(4 << 20)), (b"IDAT", packed), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        sum_ = struct.pack(">I", zlib.crc32(name + body))
        content += struct.pack(">I", len(body)) + name + body + sum_
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", [INDEXED, RGB, GREY], ids=["indexed", "rgb", "grey"])
def test_a_mask_far_larger_than_its_plate(
    run: Run,
    weights: Path,
    plate: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: int,
) -> None:
    bomb = write_png(tmp_path / "mask.png", SIDE, kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    options = ("--keyframe", f"1001={bomb}", "--out", tmp_path / "mattes/m.####.exr")
    assert run("propagate", plate, *options, "--model", weights) == 4
    sentence = refused(capsys)
    assert f"{bomb} is 30000x30000, the plate 80x48: it was made for another size" in sentence
    assert mattes(tmp_path) == []
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 300_000, "its pixels alone would be a gigabyte and more"


@pytest.mark.parametrize("kind", [INDEXED, RGB, GREY], ids=["indexed", "rgb", "grey"])
def test_a_plate_with_sides_that_no_picture_has(tmp_path: Path, kind: int) -> None:
    plate = open_plate(str(write_png(tmp_path / "p.1.png", SIDE, kind)))
    with pytest.raises(InputError, match=r"30000x30000: .* may be at most 16384"):
        plate.read(1)


@pytest.mark.parametrize("kind", [INDEXED, GREY], ids=["indexed", "grey"])
def test_labels_of_a_giant_picture(tmp_path: Path, kind: int) -> None:
    with pytest.raises(InputError, match=r"too large|up to 16384 pixels a side"):
        read_labels(write_png(tmp_path / "labels.png", SIDE, kind))
