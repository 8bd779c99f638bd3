from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from image_files import cut_short, read_image, write_image
from PIL import Image

from rde_roto.images.files import read_header
from rde_roto.images.mattes import (
    DIGEST_KEY,
    ELEMENTS_KEY,
    LABELS,
    OUTPUT_KEY,
    MatteWriter,
    davis_palette,
    open_matte_writer,
)
from rde_roto.images.origin import Origin
from rde_roto.images.sequences import find_sequence
from rde_roto.values.errors import OutputError, UsageError
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Compression, Output

FORMAT = PlateFormat(Window(-2, 1, 16, 9), Window(0, 0, 12, 12), 2.0)
PROVENANCE = {"rde-roto:version": "0.1.0", "rde-roto:plate": "héros.####.exr"}
SOFT: FloatArray = np.random.default_rng(0).random((2, 9, 16)).astype(np.float32)


ALPHA, CRYPTOMATTE = Output(), Output(format="cryptomatte")


KINDS = [("exr", ALPHA), ("exr", CRYPTOMATTE), ("png", ALPHA), ("tif", ALPHA), ("png", LABELS)]


def writer(out: Path, elements: tuple[str, ...] = ("hero",), output: Output = ALPHA) -> MatteWriter:
    return open_matte_writer(str(out), Origin(FORMAT), elements, output, PROVENANCE)


def said(digest: str, *elements: str, output: Output = ALPHA) -> dict[str, str]:
    """What a header says of its making."""
    laid_out = {OUTPUT_KEY: output.model_dump_json(), ELEMENTS_KEY: ",".join(elements)}
    return {**PROVENANCE, **laid_out, DIGEST_KEY: digest}


def matte(frame: int = 1001, count: int = 1, digest: str = "d1") -> Matte:
    return Matte(frame, SOFT[:count], ("hero", "car")[:count], digest)


def names_in(folder: Path) -> list[str]:
    """Every file of a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_one_element_is_the_alpha_of_an_exr(tmp_path: Path) -> None:
    """ "One element: A. EXR half by default; ZIP" (conventions, Image)."""
    mattes = writer(tmp_path / "hero.####.exr")
    mattes.write(matte())
    path = tmp_path / "hero.1001.exr"
    assert mattes.path(1001) == path
    spec, pixels = read_image(path)
    assert spec.channelnames == ("A",)
    assert str(spec.format) == "half"
    assert spec.getattribute("compression") == "zip"
    assert np.array_equal(pixels[..., 0], SOFT[0].astype(np.float16))  # rounded, nothing else


def test_an_exr_does_not_tell_the_hour(tmp_path: Path) -> None:
    """Equal mattes are equal files, whenever they were written."""
    mattes = writer(tmp_path / "hero.####.exr")
    mattes.write(matte())
    spec, _ = read_image(mattes.path(1001))
    assert spec.getattribute("DateTime") is None
    assert b"capDate" not in mattes.path(1001).read_bytes()


def test_an_exr_bears_windows_aspect_and_provenance(tmp_path: Path) -> None:
    """ "displayWindow equals the plate's; provenance keys in every header" (conventions, Image)."""
    mattes = writer(tmp_path / "hero.####.exr")
    mattes.write(matte())
    spec, _ = read_image(mattes.path(1001))
    assert (spec.x, spec.y, spec.width, spec.height) == (-2, 1, 16, 9)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 12, 12)
    assert spec.getattribute("PixelAspectRatio") == 2.0
    assert spec.getattribute("oiio:ColorSpace") is None
    for key, value in said("d1", "hero").items():
        assert spec.getattribute(key) == value


def test_several_elements_are_layers_of_an_exr(tmp_path: Path) -> None:
    """ "Several: one layer per element, <element>.A" (conventions, Image)."""
    mattes = writer(tmp_path / "m.####.exr", ("hero", "car"))
    mattes.write(matte(count=2))
    spec, pixels = read_image(mattes.path(1001))
    assert set(spec.channelnames) == {"hero.A", "car.A"}
    for index, name in enumerate(("hero.A", "car.A")):
        found = pixels[..., spec.channelnames.index(name)]
        assert np.array_equal(found, SOFT[index].astype(np.float16))


def test_a_png_is_16_bit_grey(tmp_path: Path) -> None:
    """ "Soft edge kept, no 8-bit step anywhere on the way" (conventions, Image)."""
    mattes = writer(tmp_path / "hero.%04d.png")
    mattes.write(matte())
    with Image.open(tmp_path / "hero.1001.png") as image:
        assert image.mode == "I;16"
        assert image.text == said("d1", "hero")
        codes = np.asarray(image)
    assert np.array_equal(codes, np.rint(SOFT[0].astype(np.float64) * 65535))


def test_files_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    """On other systems' disks they would be one file, and the last element would be in it. An EXR
    tells its layers apart.
    """
    elements = ("hero", "Car", "car")
    with pytest.raises(UsageError, match=r"elements Car and car would differ in .* rename one"):
        writer(tmp_path / "m.####.png", elements)
    assert writer(tmp_path / "m.####.exr", elements).files(1001) == (tmp_path / "m.1001.exr",)
    assert writer(tmp_path / "m.####.png", elements, output=LABELS).path(1001).name == "m.1001.png"


@pytest.mark.parametrize(
    ("out", "names"),
    [
        ("m.####.png", ["m.hero.1001.png", "m.car.1001.png"]),
        ("m_####.png", ["m_hero_1001.png", "m_car_1001.png"]),
        ("m####.png", ["m.hero.1001.png", "m.car.1001.png"]),
        ("####.png", ["hero.1001.png", "car.1001.png"]),
    ],
)
def test_several_elements_are_pngs_of_their_own(tmp_path: Path, out: str, names: list[str]) -> None:
    mattes = writer(tmp_path / out, ("hero", "car"))
    mattes.write(matte(count=2))
    assert mattes.path(1001).name == names[0]
    assert names_in(tmp_path) == sorted(names)
    for index, name in enumerate(names):
        _, pixels = read_image(tmp_path / name)
        assert np.abs(pixels[..., 0] - SOFT[index]).max() <= 0.5 / 65535 + 1e-7
    assert mattes.is_written(1001, "d1")
    (tmp_path / names[1]).unlink()
    assert not mattes.is_written(1001, "d1")


def test_labels_are_the_largest_alpha_of_half_or_more(tmp_path: Path) -> None:
    alpha = np.zeros((2, 9, 16), np.float32)
    alpha[:, 0, :5] = [[0.49, 0.5, 0.5, 0.6, 0.9], [0.0, 0.4, 0.5, 0.7, 0.8]]
    mattes = writer(tmp_path / "m.####.png", ("hero", "car"), output=LABELS)
    mattes.write(Matte(1001, alpha, ("hero", "car"), "d1"))
    with Image.open(mattes.path(1001)) as image:
        assert image.mode == "P"
        assert image.getpalette() == davis_palette().ravel().tolist()
        assert image.text[DIGEST_KEY] == "d1"
        found = np.asarray(image)
    assert found[0, :5].tolist() == [0, 1, 1, 2, 1]
    assert found[1:].max() == 0


def test_the_davis_palette() -> None:
    assert davis_palette()[:9].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 0, 128],
        [128, 0, 128],
        [0, 128, 128],
        [128, 128, 128],
        [64, 0, 0],
    ]
    assert davis_palette()[[64, 255]].tolist() == [[32, 0, 0], [224, 224, 192]]
    assert len(np.unique(davis_palette(), axis=0)) == 256


@pytest.mark.parametrize(("suffix", "output"), KINDS)
@pytest.mark.parametrize("count", [1, 2])
def test_a_written_frame_is_known_by_its_digest(
    tmp_path: Path, suffix: str, output: Output, count: int
) -> None:
    names = ("hero", "car")[:count]
    mattes = writer(tmp_path / f"m.####.{suffix}", names, output)
    assert not mattes.is_written(1001, "d1")
    mattes.write(matte(count=count))
    assert mattes.is_written(1001, "d1")
    assert not mattes.is_written(1001, "d2")
    assert not mattes.is_written(1002, "d1")
    mattes.write(matte(count=count, digest="d2"))
    assert not mattes.is_written(1001, "d1")
    assert mattes.is_written(1001, "d2")


def test_a_frame_of_another_kind_is_not_taken_for_written(tmp_path: Path) -> None:
    writer(tmp_path / "m.####.png").write(matte())
    assert not writer(tmp_path / "m.####.png", output=LABELS).is_written(1001, "d1")
    writer(tmp_path / "m.####.png", output=LABELS).write(matte())
    assert not writer(tmp_path / "m.####.png").is_written(1001, "d1")
    writer(tmp_path / "m.####.exr", ("hero", "car")).write(matte(count=2))
    assert not writer(tmp_path / "m.####.exr", ("hero", "bus")).is_written(1001, "d1")
    other = Output(compression="rle")
    assert not writer(tmp_path / "m.####.exr", ("hero", "car"), other).is_written(1001, "d1")


@pytest.mark.parametrize("compression", get_args(Compression))
def test_an_exr_is_packed_as_asked_for(tmp_path: Path, compression: Compression) -> None:
    """ "ZIP for hard mattes (ZIPS, DWAA by option)" (conventions, Image): alpha keeps its bits."""
    names = ("hero", "car")
    mattes = writer(tmp_path / "m.####.exr", names, Output(compression=compression))
    mattes.write(matte(count=2))
    spec, pixels = read_image(mattes.path(1001))
    assert spec.getattribute("compression") == compression
    for index, name in enumerate(("hero.A", "car.A")):
        found = pixels[..., spec.channelnames.index(name)]
        assert np.array_equal(found, SOFT[index].astype(np.float16))


def test_layers_are_named_with_the_prefix(tmp_path: Path) -> None:
    """ "By option, matte_<element>.A; never a bare channel" (conventions, Image)."""
    output = Output(layer_prefix="matte_")
    for names, channels in (
        (("hero", "car"), {"matte_hero.A", "matte_car.A"}),
        (("hero",), {"A"}),
    ):
        mattes = writer(tmp_path / "m.####.exr", names, output)
        mattes.write(matte(count=len(names)))
        assert set(read_image(mattes.path(1001))[0].channelnames) == channels


def test_a_data_window_shrinks_to_what_is_not_0(tmp_path: Path) -> None:
    """ "A matte's dataWindow may shrink to what is not zero" (conventions, Image)."""
    alpha = np.zeros((2, 9, 16), np.float32)
    alpha[0, 2:5, 3:7], alpha[1, 4, 9] = 0.5, 1e-3
    mattes = writer(tmp_path / "m.####.exr", ("hero", "car"), Output(data_window="fit"))
    mattes.write(Matte(1001, alpha, ("hero", "car"), "d1"))
    spec, pixels = read_image(mattes.path(1001))
    assert (spec.x, spec.y, spec.width, spec.height) == (-2 + 3, 1 + 2, 7, 3)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 12, 12)
    hero = pixels[..., spec.channelnames.index("hero.A")]
    assert np.array_equal(hero, alpha[0, 2:5, 3:10])
    assert mattes.is_written(1001, "d1")


def test_a_data_window_of_nothing_is_one_pixel(tmp_path: Path) -> None:
    mattes = writer(tmp_path / "m.####.exr", output=Output(data_window="fit"))
    mattes.write(Matte(1001, np.zeros((1, 9, 16), np.float32), ("hero",), "d1"))
    spec, pixels = read_image(mattes.path(1001))
    assert (spec.x, spec.y, pixels.shape) == (-2, 1, (1, 1, 1))
    assert pixels.max() == 0


def test_a_tiff_is_16_bit_grey(tmp_path: Path) -> None:
    mattes = writer(tmp_path / "hero.####.tif")
    mattes.write(matte())
    spec, pixels = read_image(mattes.path(1001))
    assert (str(spec.format), spec.nchannels) == ("uint16", 1)
    assert np.abs(pixels[..., 0] - SOFT[0]).max() <= 0.5 / 65535 + 1e-7
    assert read_header(mattes.path(1001)).provenance == said("d1", "hero")


@pytest.mark.parametrize("suffix", ["exr", "png", "tif"])
def test_foreign_and_damaged_files_bear_no_digest(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.1001.{suffix}"
    assert not writer(tmp_path / f"m.####.{suffix}").is_written(1001, "d1")
    write_image(path, SOFT[0, ..., None], "half" if suffix == "exr" else "uint16")
    assert not writer(tmp_path / f"m.####.{suffix}").is_written(1001, "d1")
    mattes = writer(tmp_path / f"m.####.{suffix}")
    mattes.write(matte())
    cut_short(path, 0.05)
    assert not mattes.is_written(1001, "d1")


def test_frame_numbers_are_the_plates(tmp_path: Path) -> None:
    """ "Output frame number = plate frame number, always" (conventions, Frames)."""
    mattes = writer(tmp_path / "m.####.exr")
    for frame in (-1, 0, 9999, 10000):
        mattes.write(matte(frame))
    assert names_in(tmp_path) == ["m.-001.exr", "m.0000.exr", "m.10000.exr", "m.9999.exr"]
    assert str(find_sequence(str(tmp_path)).range) == "-1-0,9999-10000"


def test_folders_are_made(tmp_path: Path) -> None:
    mattes = writer(tmp_path / "new" / "é folder" / "m.####.exr")
    mattes.write(matte())
    assert mattes.path(1001).is_file()


@pytest.mark.parametrize(
    ("out", "output", "says"),
    [
        ("m.exr", ALPHA, "no frame number: put ####"),
        ("m.####.jpg", ALPHA, "must end in .exr, .png, .tif or .tiff for the format alpha"),
        ("m.####", ALPHA, "must end in .exr, .png"),
        ("m.####.exr", LABELS, "must end in .png for the format labels"),
        ("m.####.png", CRYPTOMATTE, "must end in .exr for the format cryptomatte"),
        ("m.####.tif", Output(format="rgba"), "must end in .exr for the format rgba"),
        ("m.####.exr", Output(format="rgba"), "this plate has no files"),
        ("m.##.##.exr", ALPHA, "2 frame tokens"),
        *(
            ("m.####.exr", Output(format="cryptomatte", compression=lossy), "loses the ids")
            for lossy in ("dwaa", "dwab")
        ),
    ],
)
def test_an_output_that_cannot_be_is_a_usage_error(
    tmp_path: Path, out: str, output: Output, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        writer(tmp_path / out, output=output)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("file", "file is a file"),
        ("loop", "loop is a broken link"),
        ("link", "link is a file"),
        ("file/new", "cannot write into the .*file/new: Not a directory"),
    ],
)
def test_a_folder_that_cannot_be_made_is_a_usage_error(
    tmp_path: Path, folder: str, says: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(UsageError, match=says):
        writer(tmp_path / folder / "m.####.exr")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody can write into")
def test_a_folder_that_cannot_be_written_into_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="cannot write into the output folder /proc"):
        writer(Path("/proc/self/m.####.exr"))


def test_a_failed_write_keeps_what_was_there_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Temp file in the same directory, then rename; a half-written file never bears its final
    name" (conventions, Frames)."""
    mattes = writer(tmp_path / "m.####.exr")
    mattes.write(matte())

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=r"cannot write .*m\.1001\.exr: Input/output error"):
        mattes.write(matte(digest="d2"))
    assert names_in(tmp_path) == ["m.1001.exr"]
    assert mattes.is_written(1001, "d1")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a tiny file system takes root on Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("suffix", "output"), KINDS)
def test_a_full_disk_is_an_output_error_and_leaves_no_part(
    tiny_disk: Path, suffix: str, output: Output
) -> None:
    window = Window(0, 0, 640, 360)
    names = tuple(f"e{index}" for index in range(40)) if output == LABELS else ("hero",)
    alpha = np.random.default_rng(0).random((len(names), 360, 640)).astype(np.float32)
    mattes = open_matte_writer(
        str(tiny_disk / f"m.####.{suffix}"), Origin(PlateFormat(window, window)), names, output, {}
    )
    with pytest.raises(OutputError, match=r"cannot write .*m\.1001.*0\.[01] MB left") as caught:
        mattes.write(Matte(1001, alpha, names, "d1"))
    assert caught.value.exit_code == 7
    assert names_in(tiny_disk) == []
    flat = np.zeros_like(alpha)  # compresses to next to nothing: there is room for it
    mattes.write(Matte(1002, flat, names, "d2"))
    assert mattes.is_written(1002, "d2")
