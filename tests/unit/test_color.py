from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from numpy.typing import NDArray
from OpenImageIO import ImageBuf, ImageBufAlgo

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.spaces import CINEON, SRGB, canonical_space
from rde_roto.images.color.transforms import input_transform_of, to_network_view, transform_name
from rde_roto.values.errors import UsageError


def view(values: NDArray[np.floating] | list[float], space: str = LINEAR) -> NDArray[np.float32]:
    """The view of grey pixels with these values."""
    grey = np.repeat(np.asarray(values, dtype=np.float32)[None, :, None], 3, axis=2)
    return to_network_view(grey, space)[0, :, 0]


def srgb_curve(light: NDArray[np.floating]) -> NDArray[np.float64]:
    light = light.astype(np.float64)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_srgb_passes_unchanged() -> None:
    pixels = (np.arange(256, dtype=np.float32) / np.float32(255)).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(to_network_view(pixels, SRGB), pixels)


def test_below_the_knee_light_follows_the_srgb_curve_exactly() -> None:
    light = np.linspace(0, 0.6, 4001).astype(np.float16)
    expected = srgb_curve(light)
    below = expected <= 0.8
    # light is half float already, so all that is left is the rounding of the result to float32
    assert np.abs(view(light)[below] - expected[below]).max() < 1e-7
    assert below.sum() > 3000


def test_light_finer_than_half_is_off_by_less_than_a_twentieth_of_an_8_bit_step() -> None:
    light = np.random.default_rng(0).random(20_000).astype(np.float32) * 0.6
    expected = srgb_curve(light)
    below = expected <= 0.8
    assert np.abs(view(light)[below] - expected[below]).max() < 2e-4


def test_half_floats_have_the_view_of_the_same_floats() -> None:
    # all half floats, NaN and infinity too, and of more than one strip
    halves = np.arange(3 << 16).astype(np.uint16).view(np.float16).reshape(256, 256, 3)
    with np.errstate(invalid="ignore"):
        wide = halves.astype(np.float32)
    seen = to_network_view(halves, LINEAR)
    assert np.array_equal(seen, to_network_view(wide, LINEAR))
    assert np.array_equal(seen[::-1, 7:], to_network_view(wide[::-1, 7:], LINEAR))
    assert len(np.unique(seen)) > 10_000
    acescg = canonical_space("ACEScg")
    assert np.array_equal(to_network_view(halves, acescg), to_network_view(wide, acescg))


def test_the_view_rises_with_every_half_float_and_stays_below_one() -> None:
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16)  # 0 to 65504, all of them
    seen = view(halves)
    assert (np.diff(seen) >= 0).all()
    assert seen[0] == 0
    assert seen[-1] < 1
    bright = seen[(halves >= 1) & (halves <= 64)]
    assert (np.diff(bright) > 0).all()  # no highlight is flat


def test_the_shoulder_joins_the_curve_without_a_kink() -> None:
    light = np.linspace(0.58, 0.64, 61).astype(np.float16)  # the knee, 0.8, lies at 0.604
    slope = np.diff(view(light)) / np.diff(light.astype(np.float32))
    # the curve's own slope falls by 6 % over this stretch; a kink would stand out of that
    assert np.abs(np.diff(slope)).max() < 0.03 * slope.mean()


@pytest.mark.parametrize(("light", "seen"), [(1.0, 0.9), (16.0, 0.98515), (0.18, 0.46135)])
def test_the_figures_of_the_docstring(light: float, seen: float) -> None:
    assert view([light])[0] == pytest.approx(seen, abs=2e-4)


@pytest.mark.parametrize("space", [SRGB, LINEAR, CINEON, "ACEScg", "ACEScct"])
def test_what_is_no_number_becomes_one(space: str) -> None:
    pixels = np.full((2, 3, 3), 0.25, np.float32)
    pixels[0, 0] = np.nan
    pixels[0, 1] = np.inf
    pixels[0, 2] = -np.inf
    pixels[1, 0] = 1e30
    pixels[1, 1] = -5
    seen = to_network_view(pixels, space)
    assert np.isfinite(seen).all()
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert seen[0, 1, 1] > 0.99
    assert seen[1, 1].max() == 0
    assert np.array_equal(seen[1, 2], to_network_view(pixels[1:, 2:], space)[0, 0])


def test_the_argument_is_left_alone() -> None:
    for space in (SRGB, LINEAR, CINEON, "ACEScg", "ACEScct"):
        pixels = np.random.default_rng(1).random((5, 7, 3), dtype=np.float32)
        before = pixels.copy()
        to_network_view(pixels, space)
        assert np.array_equal(pixels, before)


def test_cineon_code_values() -> None:
    codes = np.array([0, 95, 470, 685, 1023], dtype=np.float32) / np.float32(1023)
    seen = view(codes, CINEON)
    assert seen[0] == 0
    assert seen[1] == pytest.approx(0, abs=1e-4)
    grey = (10 ** ((470 - 685) / 300) - 10 ** (-590 / 300)) / (1 - 10 ** (-590 / 300))
    assert seen[2] == pytest.approx(srgb_curve(np.array(grey)), abs=2e-4)
    assert seen[3] == pytest.approx(0.9, abs=2e-4)  # white, as linear 1
    assert seen[4] > seen[3]


@pytest.mark.parametrize("space", ["ACEScg", "ACEScct", "ARRI LogC3 (EI800)"])
def test_other_spaces_go_through_the_colour_configuration(space: str) -> None:
    pixels = np.random.default_rng(2).random((8, 8, 3), dtype=np.float32)
    config = transform_name(space).partition("@")[2]
    converted = ImageBufAlgo.colorconvert(
        ImageBuf(pixels), space, "lin_rec709", False, "", "", config
    )
    linear = converted.get_pixels(OpenImageIO.FLOAT)
    assert linear is not None
    # a value may fall to the neighbouring half float, 2^-11 of it: 2e-4 in display
    assert np.abs(to_network_view(pixels, space) - to_network_view(linear, LINEAR)).max() < 4e-4
    assert np.abs(to_network_view(pixels, space) - to_network_view(pixels, LINEAR)).max() > 0.01


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("srgb", SRGB),
        ("srgb_rec709_scene", SRGB),
        ("lin_rec709_scene", LINEAR),
        ("lin_srgb", LINEAR),
        ("kodaklog", CINEON),
        ("lin_ap1_scene", "lin_ap1_scene"),
    ],
)
def test_canonical_names(name: str, canonical: str) -> None:
    assert canonical_space(name) == canonical


def test_an_unknown_space_names_those_that_are_spelt_alike() -> None:
    with pytest.raises(UsageError, match=r"unknown colour space 'ACEScgx': did you mean ACEScg"):
        canonical_space("ACEScgx")
    with pytest.raises(UsageError, match=r"'arri logc5': did you mean ARRI LogC4"):
        canonical_space("arri logc5")
    with pytest.raises(UsageError, match=r"'qqqqqqqqqq': .* has \d+ others"):
        canonical_space("qqqqqqqqqq")


def test_a_missing_configuration_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "/nowhere/config.ocio")
    with pytest.raises(UsageError, match=r"/nowhere/config\.ocio"):
        canonical_space("ACEScg")
    assert canonical_space("lin_rec709") == LINEAR  # needs none


def test_the_configuration_counts_in_the_name_of_the_transform(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ "Through OCIO: $OCIO, else a builtin config" (conventions, Image); ours is pinned."""
    plain, configured = transform_name(LINEAR), transform_name("ACEScg")
    monkeypatch.setenv("OCIO", "ocio://cg-config-v1.0.0_aces-v1.3_ocio-v2.1")
    assert transform_name(LINEAR) == plain
    assert transform_name("ACEScg") != configured


CONFIG = """ocio_profile_version: 2
environment: {{}}
search_path: luts
roles: {{default: lin_rec709, scene_linear: lin_rec709}}
file_rules: [!<Rule> {{name: Default, colorspace: lin_rec709}}]
displays: {{sRGB: [!<View> {{name: Raw, colorspace: lin_rec709}}]}}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace> {{name: lin_rec709, encoding: scene-linear, isdata: false}}
  - !<ColorSpace>
    name: house_log
    encoding: log
    isdata: false
    to_scene_reference: !<GroupTransform>
      children:
        - !<ExponentTransform> {{value: [{gamma}, {gamma}, {gamma}, 1]}}
"""


def test_an_edit_to_the_configurations_file_gives_plates_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.ocio"
    config.write_text(CONFIG.format(gamma=2.0))
    monkeypatch.setenv("OCIO", str(config))
    assert canonical_space("house_log") == "house_log"
    before = transform_name("house_log")
    assert view([0.5], "house_log")[0] == pytest.approx(srgb_curve(np.array(0.25)), abs=2e-4)
    config.write_text(CONFIG.format(gamma=2.25))
    assert transform_name("house_log") != before
    look = input_transform_of("house_log")
    assert look is not None
    middle = look.matrix @ look.curves[:, look.curves.shape[1] // 2]  # of code values -1 to 2
    assert middle[0] == pytest.approx(0.5**2.25, rel=1e-3), "a service that runs for months sees it"
    assert transform_name(LINEAR) == f"view-1:{LINEAR}", "that needs no configuration"
