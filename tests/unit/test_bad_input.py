"""Odd and damaged plates through the command line: a right answer or a clear error, each on files.

Views and layers that are not there are in test_layers.py, damaged headers in test_fuzz.py.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, Run, mattes, refused
from image_files import ramp, read_image, write_image
from numpy.typing import NDArray

from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError, PathTooLongError, UnexpectedError, shown_error

pytest_plugins = ("command_line_fixtures",)


@pytest.fixture
def propagate(run: Run, weights: Path, tmp_path: Path) -> Run:
    """``rde-roto propagate PLATE MASK`` from 1001 into ``mattes``."""

    def propagate(plate: object, mask: object, *more: object) -> int:
        options = ["--keyframe", f"1001:hero={mask}", "--out", tmp_path / "mattes/hero.####.exr"]
        options += ["--model", weights, "--set", "tracking.lines=96"]
        return run("propagate", plate, *options, *more)

    return propagate


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("roto.mov", "is a movie: save one frame of it as a picture"),
        ("roto.####.exr", "is a pattern, but a mask is one file: name that of the keyframe"),
        ("roto_%V.exr", "contains %V, a view's name: choose one, such as left (--view"),
    ],
)
def test_a_mask_is_one_picture(
    propagate: Run,
    plate: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    says: str,
) -> None:
    (tmp_path / "roto.mov").write_bytes(b"moov")
    assert propagate(plate, tmp_path / name) == (2 if "%V" in name else 4)
    assert says in refused(capsys)
    assert mattes(tmp_path) == []


def test_a_mask_may_be_named_by_its_view(propagate: Run, plate: Path, tmp_path: Path) -> None:
    drawn(tmp_path / "roto_left.png", np.ones((HEIGHT, WIDTH), np.float32))
    name = str(plate).replace("hero.", "%V.")
    for file in plate.parent.iterdir():
        file.rename(file.with_name(file.name.replace("hero.", "left.")))
    options = ("--view", "left", "--frames", "1001-1002")
    assert propagate(name, tmp_path / "roto_%V.png", *options) == 0
    assert mattes(tmp_path) == ["hero.1001.exr", "hero.1002.exr"]


def test_a_shot_without_a_keyframe_says_so(
    run: Run, shot_document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shot_document.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("elements", "keyframes"))]
    shot_document.write_text("\n".join([*kept, "keyframes: []"]))
    assert run("shot", "render", shot_document) == 3
    assert "hero.####.exr has no keyframe: paint a mask of one frame" in refused(capsys)


def sequence(folder: Path, height: int, width: int, aspect: float = 1.0, count: int = 4) -> Path:
    """Half EXRs from 1001 on; the folder that they lie in."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(1001, 1001 + count):
        picture = ramp(height, width, seed=frame)
        write_image(folder / f"hero.{frame}.exr", picture, PixelAspectRatio=aspect)
    return folder


def drawn(path: Path, alpha: NDArray[np.float32]) -> Path:
    return write_image(path, alpha[..., None], "uint16")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 64), (64, 1), (8, 16384), (300, 2)])
def test_plates_of_odd_sizes_come_back_at_their_size(
    propagate: Run, tmp_path: Path, height: int, width: int
) -> None:
    plate = sequence(tmp_path / "plate", height, width)
    mask = drawn(tmp_path / "mask.png", np.ones((height, width), np.float32))
    assert propagate(plate, mask) == 0
    for frame in range(1001, 1005):
        spec, alpha = read_image(tmp_path / f"mattes/hero.{frame}.exr")
        assert (spec.full_width, spec.full_height) == (width, height)
        assert alpha.size > 0
        assert np.isfinite(alpha).all()
    assert read_image(tmp_path / "mattes/hero.1001.exr")[1].min() == 1  # as it was painted


def test_overscan_comes_back_where_it_was(propagate: Run, tmp_path: Path) -> None:
    """ "displayWindow and dataWindow in and out, negative origins" (conventions, Image)."""
    height, width = HEIGHT + 8, WIDTH + 16
    for frame in range(1001, 1004):
        picture = ramp(height, width, seed=frame)
        path, display = tmp_path / f"hero.{frame}.exr", (0, 0, WIDTH, HEIGHT)
        write_image(path, picture, origin=(-8, -4), display=display)
    alpha = np.zeros((height, width), np.float32)
    alpha[:6, :9] = 1  # reaches 2 rows and 1 column into what is displayed
    mask = drawn(tmp_path / "mask.png", alpha)
    assert propagate(tmp_path / "hero.####.exr", mask) == 0
    for frame in range(1001, 1004):
        spec, matte = read_image(tmp_path / f"mattes/hero.{frame}.exr")
        assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == display
        assert spec.x >= -8
        assert spec.y >= -4
        if frame == 1001:
            placed = np.zeros((height, width), np.float32)
            left, top = spec.x + 8, spec.y + 4
            placed[top : top + spec.height, left : left + spec.width] = matte[..., 0]
            np.testing.assert_array_equal(placed, alpha)


def test_a_squeezed_plate_comes_back_squeezed(propagate: Run, mask: Path, tmp_path: Path) -> None:
    """ "Pixel aspect ratio is copied through" (conventions, Image)."""
    plate = sequence(tmp_path / "plate", HEIGHT, WIDTH, aspect=2.0)
    assert propagate(plate, mask) == 0
    spec, _ = read_image(tmp_path / "mattes/hero.1003.exr")
    assert (spec.full_width, spec.full_height) == (WIDTH, HEIGHT)
    assert spec.getattribute("PixelAspectRatio") == 2.0
    seen = read_image(tmp_path / "mattes/hero.1003.exr")[1]
    square = sequence(tmp_path / "square", HEIGHT, WIDTH)
    assert propagate(square, mask, "--out", tmp_path / "square/mattes/hero.####.exr") == 0
    assert not np.array_equal(read_image(tmp_path / "square/mattes/hero.1003.exr")[1], seen)


def test_pixels_that_are_no_numbers_spoil_no_matte(
    propagate: Run, plate: Path, mask: Path, tmp_path: Path
) -> None:
    picture = ramp(HEIGHT, WIDTH, seed=1002)
    picture[:20, :20], picture[20:30], picture[30:40] = np.nan, np.inf, -np.inf
    write_image(plate.parent / "hero.1002.exr", picture)
    assert propagate(plate, mask) == 0
    for frame in range(1001, 1007):
        assert np.isfinite(read_image(tmp_path / f"mattes/hero.{frame}.exr")[1]).all()


@pytest.mark.parametrize(
    ("size", "windows", "says"),
    [
        ((24, 40), {}, "expected 80x48, got 40x24"),
        ((48, 80), {"display": (0, 0, 96, 54)}, "a display window of 80x48, got one of 96x54"),
    ],
)
def test_a_plate_of_mixed_sizes_keeps_what_was_made_before(
    propagate: Run,
    plate: Path,
    mask: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int],
    windows: dict[str, Any],
    says: str,
) -> None:
    write_image(plate.parent / "hero.1005.exr", ramp(*size), **windows)
    assert propagate(plate, mask) == 4
    sentence = refused(capsys)
    assert "hero.####.exr changes size at frame 1005" in sentence
    assert says in sentence
    assert "hero.1001.exr" in mattes(tmp_path)
    assert "hero.1005.exr" not in mattes(tmp_path)


def with_window(path: Path, name: bytes, corners: tuple[int, int, int, int]) -> Path:
    """An EXR with other corners (both included) in its header."""
    content = bytearray(write_image(path, ramp(6, 8)).read_bytes())
    place = content.index(name + b"\0box2i\0") + len(name) + len(b"\0box2i\0") + 4
    content[place : place + 16] = struct.pack("<4i", *corners)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", [b"dataWindow", b"displayWindow"])
@pytest.mark.parametrize(
    "corners",
    [
        (0, 0, -1, -1),  # a window of no pixel
        (0, 0, -1, 5),
        (0, 0, 7, -1),
        (7, 5, 0, 0),
        (0, 0, 2**31 - 1, 2**31 - 1),
        (-(2**31), -(2**31), 2**31 - 1, 2**31 - 1),
    ],
)
def test_a_window_of_nothing_or_too_much_is_an_input_error(
    tmp_path: Path, name: bytes, corners: tuple[int, int, int, int]
) -> None:
    with_window(tmp_path / "a.1.exr", name, corners)
    with pytest.raises(InputError, match=r"cannot read .*a\.1\.exr: .*[Ii]nvalid \w+ window"):
        open_plate(str(tmp_path))


@pytest.mark.parametrize("corners", [(0, 0, 16383, 16383), (0, 0, 199_999, 5), (0, 0, 7, 6)])
def test_a_window_that_the_file_does_not_fill_is_an_input_error(
    tmp_path: Path, corners: tuple[int, int, int, int]
) -> None:
    path = with_window(tmp_path / "a.1.exr", b"dataWindow", corners)
    with pytest.raises(InputError, match=r"a\.1\.exr"):
        open_plate(str(path)).read(1)


def test_a_png_of_no_pixel_is_an_input_error(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.1.png", ramp(6, 8), "uint8")
    content = bytearray(path.read_bytes())
    content[16:20] = bytes(4)  # the width, first in the chunk IHDR, which has its own checksum
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*a\.1\.png"):
        open_plate(str(tmp_path))


@pytest.mark.parametrize("folder", ["a b/ç é", "影 像", "#1 'quoted' & more", "-dash"])
def test_names_with_spaces_and_letters_of_all_kinds(
    propagate: Run, mask: Path, tmp_path: Path, folder: str
) -> None:
    """ "Unicode, spaces and long paths work; inputs are read-only" (conventions, Frames)."""
    plate = sequence(tmp_path / folder, HEIGHT, WIDTH)
    for path in sorted(plate.iterdir()):
        path.rename(plate / path.name.replace("hero", "le héros № 1"))
    own_mask = mask.rename(plate / "Maske ä.png")
    inputs = {path: path.read_bytes() for path in plate.iterdir()}
    out = tmp_path / folder / "mattes ß/le héros № 1.####.exr"
    assert propagate(plate / "le héros № 1.####.exr", own_mask, "--out", out) == 0
    assert sorted(path.name for path in out.parent.iterdir()) == [
        f"le héros № 1.{frame}.exr" for frame in range(1001, 1005)
    ]
    assert {path: path.read_bytes() for path in plate.iterdir() if path.is_file()} == inputs


def test_a_name_of_250_bytes(propagate: Run, mask: Path, tmp_path: Path) -> None:
    """ "Long paths work" (conventions, Frames)."""
    plate = sequence(tmp_path / "plate", HEIGHT, WIDTH)
    long = "x" * 240
    for path in sorted(plate.iterdir()):
        path.rename(plate / path.name.replace("hero", long))
    assert propagate(plate, mask) == 0
    assert len(mattes(tmp_path)) == 4


@pytest.mark.parametrize("where", ["plate", "mask", "out"])
@pytest.mark.parametrize("name", ["x" * 300, "/".join(["y" * 200] * 25)], ids=["name", "path"])
def test_a_path_that_is_too_long_is_one_sentence(
    propagate: Run,
    plate: Path,
    mask: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    where: str,
    name: str,
) -> None:
    long = tmp_path / f"{name}.1001.exr"
    if where == "out":
        long = tmp_path / f"{name}.####.exr"
    files = {"plate": plate, "mask": mask, "out": tmp_path / "m.####.exr"} | {where: long}
    code = propagate(files["plate"], files["mask"], "--out", files["out"])
    sentence = refused(capsys)
    assert code == 2
    assert not mattes(tmp_path), "it is found before a frame is tracked"
    assert "too long" in sentence
    assert "Errno" not in sentence


def test_what_is_said_of_a_path_that_is_too_long() -> None:
    path = "/shots/" + "é" * 150 + ".exr"
    error = shown_error(OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path))
    assert (type(error), error.exit_code) == (PathTooLongError, 2)
    assert str(error).startswith("/shots/ééé")
    assert "…ééé" in str(error)
    assert "it has 311 bytes, its longest name 304, where most allow 4,095 and 255" in str(error)
    unnamed = shown_error(OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)))
    assert str(unnamed).startswith("a path is too long")


def test_another_error_is_a_bug() -> None:
    for error in (OSError(errno.EIO, "Input/output error"), ZeroDivisionError("division by zero")):
        assert isinstance(shown_error(error), UnexpectedError)
        assert shown_error(error).exit_code == 1
    for_people = InputError("a sentence")
    assert shown_error(for_people) is for_people
