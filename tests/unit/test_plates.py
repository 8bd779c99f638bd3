from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import cut_short, ramp, write_image

from rde_roto.images.color.transforms import to_network_view
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.sequence_plate import SequencePlate, open_plate
from rde_roto.model.network_view import Picture
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import PlateFormat, Window

PICTURE = ramp()


def open_sequence(path: Path, color_space: str | None = None) -> SequencePlate:
    plate = open_plate(str(path), color_space)
    assert isinstance(plate, SequencePlate)
    return plate


@pytest.mark.parametrize(
    ("suffix", "pixel_type", "attributes", "space", "error"),
    [
        # error: half a step of the file's own precision, or what JPEG loses at this quality
        ("exr", "half", {"compression": "zip"}, "lin_rec709", 3e-4),
        ("exr", "float", {"compression": "zips"}, "lin_rec709", 3e-4),
        ("exr", "half", {"compression": "dwab"}, "lin_rec709", 0.05),
        # near black the matrix leaves a small difference of halves, on the curve's steep end
        ("exr", "half", {"oiio__ColorSpace": "ACEScg"}, "lin_ap1_scene", 4e-3),
        ("png", "uint8", {}, "sRGB", 0.5 / 255 + 1e-6),
        ("png", "uint16", {}, "sRGB", 0.5 / 65535 + 1e-6),
        ("jpg", "uint8", {"CompressionQuality": 100, "jpeg__subsampling": "4:4:4"}, "sRGB", 0.02),
        ("tif", "uint8", {}, "sRGB", 0.5 / 255 + 1e-6),
        ("tif", "uint16", {}, "sRGB", 0.5 / 65535 + 1e-6),
        ("tif", "float", {}, "lin_rec709", 3e-4),
        ("dpx", "uint8", {}, "sRGB", 0.5 / 255 + 1e-6),
        # half a code of 10 bits is 0.4 % of the light, 0.2 % of the display value
        ("dpx", "uint16", {"oiio__BitsPerSample": 10}, "KodakLog", 3e-3),
        ("dpx", "uint16", {"oiio__BitsPerSample": 12}, "KodakLog", 1e-3),
        # here both sides round their light to half floats, which moves each by < 2e-4
        ("dpx", "uint16", {"oiio__BitsPerSample": 16}, "KodakLog", 5e-4),
        (
            "dpx",
            "uint16",
            {"oiio__BitsPerSample": 10, "dpx__Transfer": "Linear"},
            "lin_rec709",
            0.02,  # the darkest linear codes are far apart in display
        ),
    ],
)
def test_every_format_comes_as_the_network_sees_it(
    tmp_path: Path,
    suffix: str,
    pixel_type: str,
    attributes: dict[str, Any],
    space: str,
    error: float,
) -> None:
    write_image(tmp_path / f"a.1001.{suffix}", PICTURE, pixel_type, **attributes)
    plate = open_sequence(tmp_path)
    pixels = Picture.of(plate, 1001).to_network_view().numpy()
    assert plate.space.name == space
    assert pixels.dtype == np.float32
    assert pixels.shape == (36, 64, 3)
    assert np.abs(pixels - to_network_view(PICTURE, space)).max() <= error


def test_8_bit_values_arrive_as_they_are(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.float32).repeat(3).reshape(16, 16, 3) / np.float32(255)
    write_image(tmp_path / "a.1.png", values, "uint8")
    assert np.abs(open_plate(str(tmp_path)).read(1) - values).max() < 1e-7


def test_an_explicit_colour_space_wins(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, oiio__ColorSpace="ACEScg")
    plate = open_sequence(tmp_path, "srgb")
    assert plate.space.name == "sRGB"
    assert np.abs(plate.read(1) - PICTURE).max() < 3e-4  # what half float rounds off
    with pytest.raises(UsageError, match="unknown colour space 'nonsense'"):
        open_plate(str(tmp_path), "nonsense")


def test_a_space_nobody_knows_is_passed_over(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, oiio__ColorSpace="studio special")
    assert open_sequence(tmp_path).space.name == "lin_rec709"


@pytest.mark.parametrize("suffix", ["exr", "png", "tif"])
def test_grey_becomes_three_channels(tmp_path: Path, suffix: str) -> None:
    write_image(
        tmp_path / f"a.1.{suffix}", PICTURE[..., :1], "half" if suffix == "exr" else "uint8"
    )
    pixels = open_plate(str(tmp_path)).read(1)
    assert pixels.shape == (36, 64, 3)
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("suffix", ["exr", "png", "tif"])
def test_alpha_is_ignored(tmp_path: Path, suffix: str) -> None:
    pixel_type = "half" if suffix == "exr" else "uint8"
    alpha = np.full((36, 64, 1), 0.25, np.float32)
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    rgba = np.concatenate([PICTURE, alpha], axis=2)
    write_image(tmp_path / f"with/a.1.{suffix}", rgba, pixel_type, oiio__UnassociatedAlpha=1)
    write_image(tmp_path / f"without/a.1.{suffix}", PICTURE, pixel_type)
    with_alpha, without = (open_plate(str(tmp_path / name)).read(1) for name in ("with", "without"))
    assert np.abs(with_alpha - without).max() < 1e-6


def test_channels_are_found_by_name(tmp_path: Path) -> None:
    odd = np.concatenate([PICTURE[..., ::-1], PICTURE[..., :1] + 5], axis=2)
    write_image(tmp_path / "a.1.exr", odd, channels=("B", "G", "R", "Z"))
    write_image(tmp_path / "b.1.exr", odd, channels=("rgb.B", "rgb.G", "rgb.R", "depth.Z"))
    expected = to_network_view(PICTURE, "lin_rec709")
    for name in ("a.#.exr", "b.#.exr"):
        assert np.abs(open_plate(str(tmp_path / name)).read(1) - expected).max() < 3e-4


def test_a_file_without_colours_is_an_input_error(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE[..., :2], channels=("N.x", "N.y"))
    with pytest.raises(InputError, match=r"a\.1\.exr has no red, green and blue.*N\.x"):
        open_plate(str(tmp_path)).read(1)


def test_the_data_window_is_read_and_reported(tmp_path: Path) -> None:
    """ "displayWindow and dataWindow in, negative origins, overscan" (conventions, Image)."""
    path = tmp_path / "a.1.exr"
    write_image(path, PICTURE, PixelAspectRatio=2.0, origin=(-3, 5), display=(0, 0, 60, 40))
    plate = open_plate(str(tmp_path))
    assert plate.format == PlateFormat(Window(-3, 5, 64, 36), Window(0, 0, 60, 40), 2.0)
    expected = to_network_view(PICTURE, "lin_rec709")
    assert np.abs(plate.read(1) - expected).max() < 3e-4  # row 0 on top, nothing shifted


@pytest.mark.parametrize(("said", "taken"), [(2.0, 2.0), (0.5, 0.5), (0.01, 1.0), (1000.0, 1.0)])
def test_a_pixel_aspect_that_nothing_has_is_taken_as_1(
    tmp_path: Path, said: float, taken: float
) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, PixelAspectRatio=said)
    assert open_plate(str(tmp_path)).format.pixel_aspect == taken


def test_values_that_are_no_numbers_do_not_reach_the_network(tmp_path: Path) -> None:
    picture = PICTURE.copy()
    picture[0, 0], picture[0, 1], picture[0, 2] = np.nan, np.inf, -np.inf
    write_image(tmp_path / "a.1.exr", picture)
    pixels = open_plate(str(tmp_path)).read(1)
    assert np.isfinite(pixels).all()
    assert pixels[0, 0].max() == 0
    assert pixels[0, 1].min() > 0.99


def test_name_and_range(tmp_path: Path) -> None:
    for frame in (-1, 0, 1, 4):
        write_image(tmp_path / f"hero.{frame:04d}.png", PICTURE, "uint8")
    plate = open_plate(str(tmp_path / "hero.####.png"))
    assert plate.name == "hero.####.png"
    assert plate.range == FrameRange.parse("-1-1,4")


@pytest.mark.parametrize(
    ("suffix", "attributes"),
    [
        ("exr", {"compression": "zip"}),
        ("exr", {"compression": "dwab"}),
        ("exr", {"compression": "none"}),
        ("png", {}),
        ("jpg", {}),
        ("tif", {}),
        ("dpx", {}),
    ],
)
@pytest.mark.parametrize("part", [0.9, 0.5, 0.0])
def test_a_file_cut_short_is_an_input_error_that_names_it(
    tmp_path: Path, suffix: str, attributes: dict[str, Any], part: float
) -> None:
    pixel_type = "half" if suffix == "exr" else "uint8"
    picture = ramp(360, 640)
    for frame in (1, 2):
        write_image(tmp_path / f"a.{frame}.{suffix}", picture, pixel_type, **attributes)
    cut_short(tmp_path / f"a.2.{suffix}", part)
    plate = open_plate(str(tmp_path))
    with pytest.raises(InputError, match=rf"a\.2\.{suffix}") as caught:
        plate.read(2)
    assert caught.value.exit_code == 4
    assert plate.read(1).shape == picture.shape


def test_a_file_of_something_else_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.1.exr").write_text("not an image")
    with pytest.raises(InputError, match=r"cannot read .*a\.1\.exr"):
        open_plate(str(tmp_path))


def test_a_missing_frame_is_an_input_error_that_names_it(tmp_path: Path) -> None:
    for frame in (1001, 1002):
        write_image(tmp_path / f"a.{frame}.png", PICTURE, "uint8")
    plate = open_plate(str(tmp_path))
    for ask in (plate.read, plate.digest):
        with pytest.raises(InputError, match="has no frame 1003"):
            ask(1003)
    (tmp_path / "a.1002.png").unlink()  # after the plate was opened
    for ask in (plate.read, plate.digest):
        with pytest.raises(InputError, match=r"a\.1002\.png"):
            ask(1002)


@pytest.mark.parametrize(
    ("picture", "attributes", "says"),
    [
        (ramp(18, 32), {}, "expected 64x36, got 32x18"),
        (PICTURE, {"display": (0, 0, 80, 36)}, "a display window of 64x36, got one of 80x36"),
        (PICTURE, {"PixelAspectRatio": 2.0}, "pixel aspect 1, got 2"),
    ],
)
def test_a_plate_that_changes_size_is_an_input_error(
    tmp_path: Path, picture: Any, attributes: dict[str, Any], says: str
) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE)
    write_image(tmp_path / "a.2.exr", picture, **attributes)
    plate = open_plate(str(tmp_path))
    with pytest.raises(InputError, match=rf"plate a\.#\.exr changes size at frame 2: .*{says}"):
        plate.read(2)


def test_a_digest_follows_content_and_colour_space(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.png", PICTURE, "uint8")
    write_image(tmp_path / "a.2.png", PICTURE, "uint8")
    write_image(tmp_path / "a.3.png", ramp(seed=1), "uint8")
    plate = open_plate(str(tmp_path))
    assert plate.digest(1) == plate.digest(2)
    assert plate.digest(1) != plate.digest(3)
    assert plate.digest(1) == open_plate(str(tmp_path), "sRGB").digest(1)
    assert plate.digest(1) != open_plate(str(tmp_path), "lin_rec709").digest(1)


def test_a_digest_decodes_no_pixel(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.png", PICTURE, "uint8")
    (tmp_path / "a.2.png").write_bytes(b"no image at all")
    assert len(open_plate(str(tmp_path)).digest(2)) == 32


def test_a_plate_replaced_by_one_of_another_size_is_said_to_be_replaced(tmp_path: Path) -> None:
    """Not that one of its frames has another size: so whoever holds it open opens it again."""
    pixels = ramp(seed=1)
    for frame in (1, 2):
        write_image(tmp_path / f"a.{frame}.png", pixels, "uint16")
    plate = open_plate(str(tmp_path))
    write_image(tmp_path / "a.2.png", pixels[1:], "uint16")
    with pytest.raises(InputError, match="changes size at frame 2"):
        plate.read(2)
    assert not plate.contents.have_changed
    write_image(tmp_path / "a.1.png", pixels[1:], "uint16")
    with pytest.raises(InputError, match=r"a\.1\.png was replaced after the shot"):
        plate.read(2)
    assert plate.contents.have_changed


@pytest.mark.parametrize("with_memo", [False, True])
def test_a_frame_that_was_replaced_has_no_pixels_under_its_old_digest(
    tmp_path: Path, with_memo: bool
) -> None:
    """Its digest is told first, and the file replaced before it is read, or while it is."""
    (tmp_path / "plate").mkdir()
    for frame in (1, 2):
        write_image(tmp_path / f"plate/a.{frame}.png", ramp(seed=frame), "uint16")
        os.utime(tmp_path / f"plate/a.{frame}.png", (frame, frame))
    with PlateMemo(tmp_path / "cache", now_ns=lambda: time.time_ns() + 10**10) as memo:
        plate = open_plate(str(tmp_path / "plate"), memo=memo if with_memo else None)
        before = {frame: plate.digest(frame) for frame in (1, 2)}
        first = plate.read(1)
        write_image(tmp_path / "plate/a.1.png", ramp(seed=3), "uint16")
        for ask in (plate.read, plate.digest, plate.linear):
            with pytest.raises(InputError, match=r"a\.1\.png was replaced after the shot"):
                ask(1)
        assert plate.contents.have_changed
        assert plate.digest(2) == before[2]
        assert plate.read(2).shape == first.shape, "the others are as they were"
        again = open_plate(str(tmp_path / "plate"), memo=memo if with_memo else None)
        assert again.digest(1) != before[1]
        assert not np.array_equal(again.read(1), first)
        os.utime(tmp_path / "plate/a.2.png", (9, 9))
        assert again.digest(2) == before[2], "another time alone is no other picture"
