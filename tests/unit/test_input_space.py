"""Whose word counts about a plate's colours, and what the network then sees of camera logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run, refused
from image_files import read_image, write_image
from numpy.typing import NDArray
from OpenImageIO import TypeDesc

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.transforms import to_network_view
from rde_roto.images.origin import Typed
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.network_view import Picture
from rde_roto.values.errors import InputError, UsageError

pytest_plugins = ("command_line_fixtures",)

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def a_plate(folder: Path, name: str = "hero", value: float = 0.18) -> str:
    write_image(folder / f"{name}.1001.exr", np.full((4, 6, 3), value), "float")
    return str(folder / f"{name}.####.exr")


# Whose word counts.


def test_the_artist_before_the_file_rules_before_the_preset_before_the_format(
    tmp_path: Path,
) -> None:
    """ "File metadata may suggest, the artist's choice wins" (conventions, Image)."""
    named = a_plate(tmp_path, "hero_ACEScct")
    plain = a_plate(tmp_path, "hero")
    artist = open_plate(named, "ACEScg", fallback_space="ARRI LogC4").space
    assert (artist.name, artist.source) == ("ACEScg", "you")
    ruled = open_plate(named, fallback_space="ARRI LogC4").space
    assert (ruled.name, ruled.source) == (
        "ACEScct",
        "the colour configuration's file rules ('ACEScct' in its name)",
    )
    preset = open_plate(plain, fallback_space="ARRI LogC4").space
    assert (preset.name, preset.source) == ("ARRI LogC4", "the preset")
    meant = open_plate(plain).space
    assert (meant.name, meant.source) == (LINEAR, "its format")


def test_the_file_before_the_file_rules_and_eight_bits_before_the_file(tmp_path: Path) -> None:
    grey = np.full((4, 6, 3), 0.5)
    write_image(tmp_path / "a_ACEScct.1.exr", grey, "half", oiio__ColorSpace="ACEScg")
    write_image(tmp_path / "b_ACEScct.1.png", grey, "uint8", oiio__ColorSpace="ACEScg")
    space = open_plate(str(tmp_path / "a_ACEScct.#.exr"), fallback_space="ARRI LogC4").space
    assert (space.name, space.source) == ("lin_ap1_scene", "the file")
    space = open_plate(str(tmp_path / "b_ACEScct.#.png"), fallback_space="ARRI LogC4").space
    assert (space.name, space.source) == ("sRGB", "its 8 bits")


@pytest.mark.parametrize(
    ("said", "space"),
    [("pq_rec2020_display", "PQ BT.2020"), ("srgb_p3d65_display", "SDR P3-D65")],
)
def test_names_of_display_spaces_are_known(tmp_path: Path, said: str, space: str) -> None:
    write_image(tmp_path / "a.1.exr", np.ones((4, 6, 3)), "half", oiio__ColorSpace=said)
    assert open_plate(str(tmp_path)).space.words == f"{space} from the file"


@pytest.mark.parametrize("said", ["ACEScct", "ACEScc", "Gamma 2.4 Encoded Rec.709"])
def test_names_of_encoded_scene_spaces_are_known(tmp_path: Path, said: str) -> None:
    """OpenImageIO writes `ocio:acescct_ap1_scene`, which was unknown: logs were seen as linear."""
    write_image(tmp_path / "a.1.exr", np.ones((4, 6, 3)), "half", oiio__ColorSpace=said)
    assert open_plate(str(tmp_path)).space.words == f"{said} from the file"


def test_a_name_in_the_file_that_nobody_knows_is_said(tmp_path: Path) -> None:
    write_image(
        tmp_path / "a.1.exr", np.ones((4, 6, 3)), "half", oiio__ColorSpace="g24_rec709_display"
    )
    said = "from its format (the file's 'g24_rec709_display' is unknown here)"
    assert said in open_plate(str(tmp_path)).reading


CHROMATICITIES = {
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.3217, 0.3377),
    "Linear BT.2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "Linear P3-D65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    LINEAR: (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "a camera's": (0.684, 0.313, 0.221, 0.848, 0.0861, -0.102, 0.3127, 0.329),
}


def with_chromaticities(folder: Path, name: str, space: str, **attributes: Any) -> Path:
    """A float EXR of grey with the chromaticities of a space."""
    typed = Typed(TypeDesc("float[8]"), CHROMATICITIES[space])
    grey = np.full((4, 6, 3), 0.5)
    return write_image(folder / name, grey, "half", chromaticities=typed, **attributes)


@pytest.mark.parametrize("space", list(CHROMATICITIES)[:4])
def test_an_exr_is_linear_with_its_own_chromaticities(tmp_path: Path, space: str) -> None:
    """They were passed over: ACES and wide-gamut renders were seen as Rec.709."""
    path = with_chromaticities(tmp_path, "a.1.exr", space)
    said = open_plate(str(path), fallback_space="ARRI LogC4")
    assert said.space.words == f"{space} from the file's chromaticities"
    chosen = open_plate(str(path), space)
    assert said.linear_space == chosen.linear_space
    np.testing.assert_array_equal(said.linear(1), chosen.linear(1))


def test_what_comes_before_chromaticities(tmp_path: Path) -> None:
    aces = "lin_ap0_scene"
    named = with_chromaticities(tmp_path, "a.1.exr", aces, oiio__ColorSpace="ACEScct")
    assert open_plate(str(named)).space.words == "ACEScct from the file"
    ruled = with_chromaticities(tmp_path, "b_ACEScct.1.exr", aces)
    assert open_plate(str(ruled)).space.words.startswith("ACEScct from the colour configuration's")
    ordinary = with_chromaticities(tmp_path, "c.1.exr", LINEAR)
    assert open_plate(str(ordinary)).space.words == f"{LINEAR} from its format"
    assert open_plate(str(ordinary), fallback_space="ACEScg").space.source == "the preset"


def test_chromaticities_that_nobody_knows_are_said(tmp_path: Path) -> None:
    path = with_chromaticities(tmp_path, "a.1.exr", "a camera's")
    said = f"{LINEAR} from its format (no space here has the file's chromaticities)"
    assert open_plate(str(path)).space.words == said


def test_chromaticities_that_change_in_mid_shot_are_refused(tmp_path: Path) -> None:
    for frame, space in ((1, LINEAR), (2, "lin_ap1_scene")):
        with_chromaticities(tmp_path, f"a.{frame}.exr", space)
    plate = open_plate(str(tmp_path))
    plate.read(1)
    with pytest.raises(
        InputError, match=r"float of no named colour space, a\.2\.exr float of ACEScg"
    ):
        plate.read(2)


@pytest.mark.parametrize("transfer", [4, 5, 7, 8])
def test_a_dpx_of_video_is_srgb(tmp_path: Path, transfer: int) -> None:
    path = write_image(tmp_path / "a.1.dpx", np.ones((4, 6, 3)), "uint16")
    content = bytearray(path.read_bytes())
    content[801] = transfer  # SMPTE ST 268, image element 1
    path.write_bytes(content)
    assert open_plate(str(path)).space.words == "sRGB from the file"


def test_colours_that_change_in_mid_shot_are_refused(tmp_path: Path) -> None:
    grey = np.full((4, 6, 3), 0.5)
    for frame, space in ((1, "ACEScg"), (2, "ACEScg"), (3, "ACEScct")):
        write_image(tmp_path / f"a.{frame}.exr", grey, "half", oiio__ColorSpace=space)
    plate = open_plate(str(tmp_path / "a.#.exr"))
    assert np.array_equal(plate.read(1), plate.read(2))
    with pytest.raises(InputError, match=r"at frame 3: a\.1\.exr has float .* a\.3\.exr float"):
        plate.read(3)
    assert open_plate(str(tmp_path / "a.#.exr"), "ACEScg").read(3).shape == (4, 6, 3)
    for frame, kind in ((1, "uint16"), (2, "float")):
        write_image(tmp_path / f"b.{frame}.tif", grey, kind)
    with pytest.raises(InputError, match=r"b\.1\.tif has integer of .*, b\.2\.tif float of"):
        open_plate(str(tmp_path / "b.#.tif")).read(2)


def test_a_space_of_the_preset_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean ACEScg"):
        open_plate(a_plate(tmp_path), fallback_space="ACEScgg")


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("faces/hero", LINEAR),
        ("straw/hero", LINEAR),
        ("ACEScct/hero", LINEAR),
        ("faces/hero_acescct", "ACEScct"),
        ("aces/ACEScct-faces", "ACEScct"),
        ("x/hero_raw", LINEAR),
        ("x/hero_ARRI LogC4", "ARRI LogC4"),
        ("x/ACEScg_ACEScct", "ACEScct"),
    ],
)
def test_a_space_is_a_word_of_the_files_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, space: str
) -> None:
    (tmp_path / name).parent.mkdir()
    whole = Path(a_plate(tmp_path, name))
    monkeypatch.chdir(whole.parent)
    for typed in (whole, Path(whole.name), Path("..", whole.parent.name, whole.name)):
        assert open_plate(str(typed)).space.name == space


def test_patterns_of_a_studio_are_asked_about_the_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.ocio"
    config.write_text(
        """ocio_profile_version: 2
roles: {default: lin_rec709, scene_linear: lin_rec709}
file_rules:
  - !<Rule> {name: scans, colorspace: scan, pattern: "*/scan*/*", extension: "*"}
  - !<Rule> {name: ColorSpaceNamePathSearch}
  - !<Rule> {name: Default, colorspace: default}
displays: {one: [!<View> {name: one, colorspace: lin_rec709}]}
colorspaces:
  - !<ColorSpace> {name: lin_rec709}
  - !<ColorSpace> {name: scan, to_scene_reference: !<ExponentTransform> {value: 2.4}}
  - !<ColorSpace> {name: cam, to_scene_reference: !<ExponentTransform> {value: 2.2}}
"""
    )
    monkeypatch.setenv("OCIO", str(config))
    for folder, name, space in [
        ("scanned", "hero", "scan"),
        ("camera", "hero", LINEAR),
        ("camera", "hero_cam", "cam"),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        pattern = a_plate(tmp_path / folder, name)
        monkeypatch.chdir(tmp_path / folder)
        assert open_plate(pattern).space.name == space
        assert open_plate(Path(pattern).name).space.name == space


# Camera logs, each against the curve that its maker publishes.


def logc3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARRI, ALEXA LogC curve: usage in VFX (2017), EI 800."""
    linear_part = (x - 0.092809) / 5.367655
    return np.where(
        x > 0.149658, (10 ** ((x - 0.385537) / 0.247190) - 0.052272) / 5.555556, linear_part
    )


def logc4(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARRI LogC4 logarithmic color space specification (2022)."""
    a, b, c = (2**18 - 16) / 117.45, (1023 - 95) / 1023, 95 / 1023
    s = 7 * np.log(2) * 2 ** (7 - 14 * c / b) / (a * b)
    t = (2 ** (14 * (-c / b) + 6) - 64) / a
    return np.where(x >= 0, (2 ** (14 * (x - c) / b + 6) - 64) / a, x * s + t)


def slog3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sony, technical summary for S-Gamut3.Cine/S-Log3 and S-Gamut3/S-Log3."""
    low = (x * 1023 - 95) * 0.01125 / (171.2102946929 - 95)
    return np.where(x >= 171.2102946929 / 1023, 10 ** ((x * 1023 - 420) / 261.5) * 0.19 - 0.01, low)


def acescct(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Academy S-2016-001."""
    return np.where(
        x > 0.155251141552511, 2 ** (x * 17.52 - 9.72), (x - 0.0729055341958355) / 10.5402377416545
    )


@pytest.mark.parametrize(
    ("space", "curve"),
    [
        ("ARRI LogC3 (EI800)", logc3),
        ("ARRI LogC4", logc4),
        ("S-Log3 S-Gamut3", slog3),
        ("ACEScct", acescct),
    ],
)
def test_greys_of_camera_logs_are_seen_by_their_makers_curve(
    tmp_path: Path, space: str, curve: Curve
) -> None:
    codes = np.linspace(0.0, 1.0, 64)
    pixels = np.repeat(codes[None, :, None], 3, axis=2)
    write_image(tmp_path / "log.1.exr", pixels, "float")
    plate = open_plate(str(tmp_path / "log.#.exr"), space)
    seen = Picture.of(plate, 1).to_network_view().numpy()[0]
    light = np.repeat(curve(codes)[None, :, None], 3, axis=2).astype(np.float32)
    expected = to_network_view(light, LINEAR)[0]
    # Grey stays grey in every gamut. Light is rounded to half, 2^-11 of it, 2e-4 in display; where
    # the curve is steep the tables of the configuration add as much.
    assert np.abs(seen - expected).max() < 2e-3
    assert (np.diff(seen[:, 1]) >= 0).all()


def test_highlights_keep_their_shape_and_darkness_is_black(tmp_path: Path) -> None:
    """ "Values below 0 and above 1 are handled by a view, not by a clip" (conventions, Image)."""
    light = np.array([[[-0.5] * 3, [0.0] * 3, [1.0] * 3, [4.0] * 3, [16.0] * 3, [60000.0] * 3]])
    write_image(tmp_path / "hdr.1.exr", light, "half")
    seen = open_plate(str(tmp_path / "hdr.#.exr"), "ACEScg").read(1)[0, :, 0]
    assert seen[0] == seen[1] == 0
    assert (np.diff(seen[1:]) > 0.01).all()
    assert seen[-1] < 1


# rde-roto look.


def test_look_writes_exactly_what_the_network_sees(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = a_plate(tmp_path, "hero_ACEScct", 0.4)
    out = tmp_path / "seen.png"
    assert run("look", pattern, "--frame", "1001", "--out", str(out)) == 0
    said = capsys.readouterr().out
    assert "ACEScct from the colour configuration's file rules" in said
    expected = Picture.of(open_plate(pattern), 1001).to_network_view().numpy()
    np.testing.assert_allclose(read_image(out)[1], np.rint(expected * 255) / 255, atol=1e-6)


def test_look_refuses_what_it_cannot_do(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("p.1.png", "p.3.png"):
        write_image(tmp_path / name, np.zeros((4, 6, 3)), "uint8")
    plate, own = str(tmp_path / "p.#.png"), str(tmp_path / "p.3.png")
    assert run("look", plate, "--frame", "1", "--out", own) == 2
    assert "overwrite its own input" in refused(capsys)
    assert run("look", plate, "--frame", "1", "--out", str(tmp_path / "x.jpg")) == 2
    assert run("look", plate, "--frame", "2", "--out", str(tmp_path / "x.png")) == 4
