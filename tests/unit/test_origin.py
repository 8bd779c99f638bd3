""" "Timecode, framesPerSecond, camera and owner metadata passed through" (conventions, Image)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import ramp, read_image, write_image
from numpy.typing import NDArray
from OpenImageIO import ImageSpec, TypeDesc

from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.origin import Footage, Origin, Typed
from rde_roto.images.plates.missing_frames import FilledPlate
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Output

PICTURE = ramp()
HEIGHT, WIDTH = PICTURE.shape[:2]
RGBA, ALPHA = Output(format="rgba"), Output()
SAID: dict[str, Any] = {
    "smpte__TimeCode": Typed(TypeDesc("timecode"), (0x01020304, 0)),
    "FramesPerSecond": Typed(TypeDesc("rational"), (24000, 1001)),
    "Copyright": "© the owner",
    "Make": "ARRI",
    "ExposureTime": 0.5,
    "com.arri.camera.SensorState": "S35",
    "worldToCamera": Typed(TypeDesc("matrix"), tuple(float(n) for n in range(16))),
    "DateTime": "2026:01:02 03:04:05",
}
NOT_TRUE_OF_A_MATTE: dict[str, Any] = {
    "compression": "piz",
    "oiio__ColorSpace": "ACEScg",
    "chromaticities": Typed(TypeDesc("float[8]"), (0.7, 0.3, 0.0, 1.0, 0.1, 0.0, 0.3, 0.3)),
    "cryptomatte/1234567/name": "CryptoObject",
    "rde-roto__digest": "of another render",
    "view": "left",
}


def alpha_of(count: int) -> FloatArray:
    alpha = np.zeros((count, HEIGHT, WIDTH), np.float32)
    for index in range(count):
        alpha[index, 4 + 8 * index : 12 + 8 * index, 10:30] = 0.25 + 0.5 * index
    return alpha


def written(
    plate: Footage, output: Output = ALPHA, elements: tuple[str, ...] = ("hero",), frame: int = 1
) -> tuple[ImageSpec, dict[str, NDArray[np.float32]]]:
    """The header and the channels of a matte of the plate, written beside it."""
    mattes = writer(plate, output, elements)
    mattes.write(Matte(frame, alpha_of(len(elements)), elements, "d1"))
    spec, pixels = read_image(mattes.path(frame))
    return spec, {name: pixels[..., place] for place, name in enumerate(spec.channelnames)}


def writer(plate: Footage, output: Output, elements: tuple[str, ...]) -> MatteWriter:
    folder = Path(plate.name).parent / "mattes"
    return open_matte_writer(str(folder / "m.####.exr"), Origin.of(plate), elements, output, {})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_a_plate_says_of_the_shot_is_passed_on(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, **SAID, **NOT_TRUE_OF_A_MATTE)
    spec, _ = written(open_plate(str(tmp_path / "a.#.exr")))
    found = {attribute.name: (attribute.type, attribute.value) for attribute in spec.extra_attribs}
    plate, _ = read_image(tmp_path / "a.1.exr")
    for key in SAID:
        name = key.replace("__", ":")
        assert found[name][1] == plate.getattribute(name), name
    assert str(found["smpte:TimeCode"][0]) == "timecode"
    assert found["FramesPerSecond"] == (TypeDesc("rational"), (24000, 1001))


def test_what_a_plate_says_of_its_pixels_is_not(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, **SAID, **NOT_TRUE_OF_A_MATTE)
    spec, _ = written(open_plate(str(tmp_path / "a.#.exr")))
    assert spec.getattribute("compression") == "zip"
    assert spec.getattribute("rde-roto:digest") == "d1"
    for name in ("oiio:ColorSpace", "colorInteropID", "chromaticities", "view"):
        assert spec.getattribute(name) is None
    assert not any(attribute.name.startswith("cryptomatte") for attribute in spec.extra_attribs)


@pytest.mark.parametrize("space", ["ACEScct", "ACEScg", "sRGB"])
def test_a_matte_is_data_whatever_its_plates_colours_are(tmp_path: Path, space: str) -> None:
    """ "Mattes are data: never colour-managed on write" (conventions, Image)."""
    write_image(tmp_path / "a.1.exr", PICTURE)
    spec, planes = written(open_plate(str(tmp_path / "a.#.exr"), space))
    assert np.array_equal(planes["A"], alpha_of(1)[0])
    for key in ("oiio:ColorSpace", "colorInteropID", "chromaticities"):
        assert spec.getattribute(key) is None


def test_a_frame_has_its_own_timecode(tmp_path: Path) -> None:
    for frame in (1, 2):
        time = Typed(TypeDesc("timecode"), (0x01000000 + frame, 0))
        write_image(tmp_path / f"a.{frame}.exr", PICTURE, smpte__TimeCode=time)
    plate = open_plate(str(tmp_path / "a.#.exr"))
    for frame in (2, 1):
        spec, _ = written(plate, frame=frame)
        assert spec.getattribute("smpte:TimeCode") == (0x01000000 + frame, 0)


def test_a_dpx_gives_its_timecode_and_rate(tmp_path: Path) -> None:
    attributes: dict[str, Any] = {
        "dpx__TimeCode": "01:02:03:04",
        "dpx__FrameRate": 23.976024627685547,
    }
    write_image(tmp_path / "a.1.dpx", PICTURE, "uint16", oiio__BitsPerSample=10, **attributes)
    passed_on = open_plate(str(tmp_path / "a.#.dpx")).attributes(1)
    assert passed_on["FramesPerSecond"] == Typed(TypeDesc("rational"), (24000, 1001))
    time = passed_on["smpte:TimeCode"]
    assert isinstance(time, Typed)
    assert time.value[0] == 0x01020304


def test_a_held_frame_says_what_the_one_it_holds_says_and_black_nothing(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE, Make="ARRI")
    source = open_plate(str(tmp_path / "a.#.exr"))
    frames = FrameRange.parse("1-3")
    held, black = (FilledPlate(source, frames, fill) for fill in ("hold", "black"))
    assert held.attributes(3) == source.attributes(1)
    assert black.attributes(3) == {}
    assert np.array_equal(held.linear(3), source.linear(1))
    assert black.linear(3).max() == 0
    assert black.linear_space == source.linear_space


def test_rgba_is_the_plate_times_alpha(tmp_path: Path) -> None:
    """Scene-linear and premultiplied; light is the plate's own, below 0 and above 1 too."""
    light = 8 * PICTURE - 1
    write_image(tmp_path / "a.1.exr", light, oiio__ColorSpace="ACEScg")
    spec, channels = written(open_plate(str(tmp_path / "a.#.exr")), RGBA)
    assert set(channels) == set("RGBA")
    assert str(spec.format) == "half"
    assert spec.getattribute("oiio:ColorSpace") == "lin_ap1_scene"
    alpha = alpha_of(1)[0]
    assert np.array_equal(channels["A"], alpha)
    stored = light.astype(np.float16).astype(np.float32)
    for place, color in enumerate("RGB"):
        # a quarter of a half float is one too
        assert np.array_equal(channels[color], stored[..., place] * alpha)


def test_rgba_of_several_elements_is_a_layer_each(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE)
    output = Output(format="rgba", layer_prefix="matte_")
    _, channels = written(open_plate(str(tmp_path / "a.#.exr")), output, ("hero", "car"))
    assert set(channels) == {f"matte_{e}.{c}" for e in ("hero", "car") for c in "RGBA"}
    assert channels["matte_car.A"].max() == 0.75
    assert channels["matte_car.G"][13, 20] == np.float16(0.75 * np.float16(PICTURE[13, 20, 1]))


def test_rgba_has_no_light_where_there_is_no_alpha(tmp_path: Path) -> None:
    light = PICTURE.copy()
    light[0, 0], light[5, 15], light[6, 16] = np.nan, np.inf, np.nan
    write_image(tmp_path / "a.1.exr", light)
    _, channels = written(open_plate(str(tmp_path / "a.#.exr")), RGBA)
    assert channels["R"][0, 0] == 0
    assert channels["R"][5, 15] == 65504  # the largest half
    assert channels["R"][6, 16] == 0


@pytest.mark.parametrize(
    ("suffix", "pixel_type", "space", "code", "light"),
    [
        ("png", "uint16", "sRGB", 0.5, 0.21404114),  # IEC 61966-2-1
        ("dpx", "uint16", None, 685 / 1023, 1.0),  # Cineon's white
        # LogC4 Logarithmic Color Space Specification (ARRI, 2022): middle grey
        ("exr", "half", "ARRI LogC4", 0.2783958365, 0.18),
    ],
)
def test_rgba_of_a_display_or_log_plate_is_linear_rec709(
    tmp_path: Path,
    suffix: str,
    pixel_type: str,
    space: str | None,
    code: float,
    light: float,
) -> None:
    grey = np.full((HEIGHT, WIDTH, 3), code, np.float32)
    write_image(tmp_path / f"a.1.{suffix}", grey, pixel_type)
    spec, channels = written(open_plate(str(tmp_path / f"a.#.{suffix}"), space), RGBA)
    assert spec.getattribute("oiio:ColorSpace") == "lin_rec709_scene"
    for color in "RGB":  # half floats have 11 bits, of the code and of the light
        assert channels[color][6, 20] == pytest.approx(0.25 * light, rel=5e-3)


def test_a_grey_plate_is_cut_out_in_three_channels(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", PICTURE[..., :1], channels=("Y",))
    _, channels = written(open_plate(str(tmp_path / "a.#.exr")), RGBA)
    assert np.array_equal(channels["R"], channels["B"])
    assert channels["R"].max() > 0
