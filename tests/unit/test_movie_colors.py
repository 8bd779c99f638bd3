"""Movies are seen, and cut out, in the colours that their tags say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from movie_files import av, write_codes, write_yuv
from numpy.typing import NDArray
from OpenImageIO import ImageBuf, ImageBufAlgo

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.spaces import SRGB
from rde_roto.images.color.transforms import (
    input_transform_of,
    linear_space,
    to_linear,
    to_network_view,
)
from rde_roto.images.color.video import VIDEO_SPACES
from rde_roto.images.plates.sequence_plate import DiskPlate, open_plate
from rde_roto.model.network_view import Picture
from rde_roto.values.errors import InputError

BT709, BT2020, P3_DCI, P3_D65 = 1, 9, 11, 12  # ITU-T H.273
LINEAR_LIGHT, PQ, HLG = 8, 16, 18
CONFIG = "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
WHITE_NITS = 203


def a_movie(path: Path, code: float = 0.5, **tags: int) -> DiskPlate:
    codes = np.full((48, 64, 3), round(code * 1023), np.uint16)
    return open_plate(str(write_codes(path, codes, **tags)))


def by_ocio(codes: NDArray[np.float32], space: str) -> NDArray[np.float32]:
    """Linear Rec.709 by the configuration's own spaces of displays, whose 1 is 100 nits in HDR."""
    buffer = ImageBuf(codes.copy())
    converted = ImageBufAlgo.colorconvert(buffer, space, LINEAR, False, "", "", CONFIG)
    pixels = converted.get_pixels(OpenImageIO.FLOAT)
    assert pixels is not None, converted.geterror()
    return pixels.astype(np.float32)


@pytest.mark.parametrize(
    ("own", "of_ocio", "scale"),
    [
        ("PQ BT.2020", "Rec.2100-PQ - Display", 100 / WHITE_NITS),
        ("PQ P3-D65", "ST2084-P3-D65 - Display", 100 / WHITE_NITS),
        ("HLG BT.2020", "Rec.2100-HLG - Display", 100 / WHITE_NITS),
        ("SDR P3-D65", "Display P3 - Display", 1),
        ("Linear BT.2020", "Linear Rec.2020", 1),
    ],
)
def test_the_formulas_agree_with_opencolorio(own: str, of_ocio: str, scale: float) -> None:
    codes = np.random.default_rng(0).random((1, 5000, 3), np.float32)
    expected = by_ocio(codes, of_ocio) * np.float32(scale)
    # OpenColorIO reckons in float32, and inverts curves through tables of half floats
    np.testing.assert_allclose(VIDEO_SPACES[own](codes), expected, rtol=5e-4, atol=5e-5)


def test_dci_white_is_white() -> None:
    white = np.ones((1, 1, 3), np.float32)
    np.testing.assert_allclose(VIDEO_SPACES["SDR P3-DCI"](white), white, atol=1e-6)


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"color_primaries": BT2020, "color_trc": PQ}, "PQ BT.2020"),
        ({"color_primaries": P3_D65, "color_trc": PQ}, "PQ P3-D65"),
        ({"color_primaries": BT2020, "color_trc": HLG}, "HLG BT.2020"),
        ({"color_primaries": BT2020, "color_trc": 14}, "SDR BT.2020"),
        ({"color_primaries": P3_D65, "color_trc": BT709}, "SDR P3-D65"),
        ({"color_primaries": P3_DCI}, "SDR P3-DCI"),
        ({"color_trc": LINEAR_LIGHT}, LINEAR),
        ({"color_trc": PQ}, "PQ Rec.709"),
        ({"color_primaries": BT709, "color_trc": BT709}, SRGB),
        ({"color_primaries": 6, "color_trc": 6}, SRGB),
        ({}, SRGB),
    ],
)
def test_tags_say_the_space(tmp_path: Path, tags: dict[str, int], name: str) -> None:
    space = a_movie(tmp_path / "a.mkv", **tags).space
    assert (space.name, space.source) == (name, "its format" if name == SRGB else "the file")


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.5807), (HLG, 0.75)])
def test_diffuse_white_of_hdr_is_the_light_of_1(
    tmp_path: Path, transfer: int, white: float
) -> None:
    """ITU-R BT.2408: 203 nits, which is 58 % of PQ and 75 % of HLG."""
    plate = a_movie(tmp_path / "a.mkv", white, color_primaries=BT2020, color_trc=transfer)
    assert plate.linear_space == LINEAR
    # half a code of ten bits is 0.3 % of the light there
    np.testing.assert_allclose(plate.linear(1), 1, rtol=5e-3)
    seen = Picture.of(plate, 1).to_network_view().numpy()
    np.testing.assert_allclose(seen, 0.9, atol=1e-3)  # light 1 in docs/colour.md


@pytest.mark.parametrize("space", VIDEO_SPACES)
def test_every_tagged_space_has_a_finite_view_that_rises(space: str) -> None:
    greys = np.repeat(np.linspace(-1, 2, 301, dtype=np.float32)[None, :, None], 3, axis=2)
    seen = to_network_view(greys, space)
    assert np.isfinite(to_linear(greys, space)).all()
    assert (np.diff(seen[0, :, 1]) >= -1e-6).all()
    assert (seen.min(), seen.max() > 0.85) == (0, True)
    assert linear_space(space) == LINEAR


def test_what_the_device_does_is_the_same_picture(tmp_path: Path) -> None:
    """PQ is a curve and a matrix; HLG, whose light hangs on all three, goes through numpy."""
    assert input_transform_of("PQ BT.2020") is not None
    assert input_transform_of("HLG BT.2020") is None
    assert input_transform_of("Linear BT.2020") is None  # light has no end that a table could have
    codes = np.random.default_rng(0).integers(0, 1024, (48, 64, 3), dtype=np.uint16)
    tags = {"color_primaries": BT2020, "color_trc": PQ}
    plate = open_plate(str(write_codes(tmp_path / "a.mkv", codes, **tags)))
    seen = Picture.of(plate, 1).to_network_view().numpy()
    expected = to_network_view(codes.astype(np.float32) / np.float32(1023), "PQ BT.2020")
    # of a thousand random colours one may be off by 1e-3 (`look_of`)
    assert np.quantile(np.abs(seen - expected), 0.999) < 1e-3


def test_you_before_the_tags_before_the_preset(tmp_path: Path) -> None:
    codes = np.full((48, 64, 3), 500, np.uint16)
    path = write_codes(tmp_path / "a_ACEScct.mkv", codes, color_primaries=BT2020, color_trc=PQ)
    tagged = open_plate(str(path), fallback_space="ARRI LogC4").space
    assert (tagged.name, tagged.source) == ("PQ BT.2020", "the file")
    assert open_plate(str(path), "hlg bt.2020").space.name == "HLG BT.2020"
    ordinary = write_codes(tmp_path / "b_ACEScct.mkv", codes, color_trc=BT709)
    assert open_plate(str(ordinary), fallback_space="ARRI LogC4").space.name == "ACEScct"


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"color_trc": 9}, "transfer 9"),  # logarithmic
        ({"color_trc": 17}, "transfer 17"),  # of the cinema
        ({"color_primaries": 8}, "primaries 8"),  # film
        ({"color_primaries": 10}, "primaries 10"),  # CIE XYZ
    ],
)
def test_unknown_tags_are_refused_until_you_say(
    tmp_path: Path, tags: dict[str, int], says: str
) -> None:
    with pytest.raises(InputError, match=rf"a\.mkv is tagged with {says} .* choose"):
        a_movie(tmp_path / "a.mkv", **tags)
    assert open_plate(str(tmp_path / "a.mkv"), "ACEScct").space.name == "ACEScct"


@pytest.mark.parametrize("matrix", [8, 10])  # YCgCo, BT.2020 with constant luminance
def test_an_unknown_matrix_is_refused(tmp_path: Path, matrix: int) -> None:
    plate = open_plate(
        str(write_yuv(tmp_path / "a.mkv", (1280, 720), (120, 100, 160), colorspace=matrix))
    )
    with pytest.raises(InputError, match=rf"matrix {matrix} of ITU-T H\.273"):
        plate.read(1)


@pytest.mark.parametrize(("bits", "black", "white"), [(10, 64, 940), (12, 256, 3760)])
def test_rgb_is_limited_in_range_where_it_says_so(
    tmp_path: Path, bits: int, black: int, white: int
) -> None:
    codes = np.linspace(black, white, 64).round().astype(np.uint16)
    picture = np.repeat(np.tile(codes, (48, 1))[..., None], 3, axis=2)
    limited = open_plate(str(write_codes(tmp_path / "a.mkv", picture, bits, color_range=1)))
    # half a code, and the 16 bits that swscale makes of them
    np.testing.assert_allclose(limited.read(1)[0, :, 0], np.linspace(0, 1, 64), atol=1e-3)
    full = open_plate(str(write_codes(tmp_path / "b.mkv", picture, bits, color_range=2)))
    np.testing.assert_allclose(full.read(1)[0, :, 0], codes / (2**bits - 1), atol=1e-4)


def test_tags_that_change_in_mid_shot_are_an_error(tmp_path: Path) -> None:
    """MPEG-2 says its colours anew at every key frame."""
    path = tmp_path / "a.avi"
    shots = [{"color_primaries": BT709, "color_trc": BT709}]
    shots += [{"color_primaries": BT2020, "color_trc": PQ}]
    with av.open(str(path), "w") as container:
        joined = container.add_stream("mpeg2video", rate=24)
        joined.width, joined.height, joined.pix_fmt = 64, 48, "yuv420p"
        for shot, tags in enumerate(shots):
            for place, packet in enumerate(mpeg2(tmp_path / "one.avi", tags)):
                packet.pts = packet.dts = 2 * shot + place
                packet.stream = joined
                container.mux(packet)
    plate = open_plate(str(path))
    assert np.array_equal(plate.read(1), plate.read(2))
    with pytest.raises(InputError, match=r"a\.avi changes its colours at frame 3"):
        plate.read(3)


def mpeg2(path: Path, tags: dict[str, int]) -> list[av.Packet]:
    """The packets of two key frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 1
        for tag, value in tags.items():
            setattr(stream.codec_context, tag, value)
        packets: list[av.Packet] = []
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), "rgb24")
            frame.pts = index
            packets += stream.encode(frame)
        packets += stream.encode(None)
        container.mux(packets)
    return packets
