"""Log and display spaces as curves and a matrix on the device, beside the colour configuration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
import torch
from image_files import write_image
from OpenImageIO import ImageBuf, ImageBufAlgo
from toy_shots import MemoryPlate, a_shot, mask

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.spaces import CINEON, SRGB
from rde_roto.images.color.transforms import input_transform_of, to_network_view, transform_name
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.forms import InferenceForms
from rde_roto.model.network_view import Picture, apply_input_transform
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Finish, Preset, Tracking

LOGS = ("ARRI LogC3 (EI800)", "ARRI LogC4", "S-Log3 S-Gamut3", "ACEScct", "Log3G10 REDWideGamutRGB")
DISPLAYS = ("Rec.1886 Rec.709 - Display", "Rec.2100-PQ - Display", "Gamma 2.2 Encoded AdobeRGB")


def the_look(space: str) -> InputTransform:
    input_transform = input_transform_of(space)
    assert input_transform is not None
    return input_transform


def through(input_transform: InputTransform | None, values: FloatArray) -> FloatArray:
    view: FloatArray = apply_input_transform(torch.from_numpy(values), input_transform).numpy()
    return view


def encoded_in(space: str, light: FloatArray) -> FloatArray:
    """Linear light as a camera or a display of that space would have stored it."""
    config = transform_name(space).partition("@")[2]
    stored = ImageBufAlgo.colorconvert(
        ImageBuf(np.ascontiguousarray(light)), "lin_rec709", space, False, "", "", config
    )
    codes: FloatArray | None = stored.get_pixels(OpenImageIO.FLOAT)
    assert codes is not None
    return codes


@pytest.mark.parametrize("space", LOGS + DISPLAYS)
def test_of_a_picture_a_look_is_off_by_less_than_a_twentieth_of_an_8_bit_step(space: str) -> None:
    """From an eighth to eight times the exposure; the reference itself rounds light to halves,
    which is 1e-4 of the view."""
    path = demo_shot() / "plate/demo.1010.exr"
    light = read_channels(path, ["R", "G", "B"])
    codes = encoded_in(space, np.concatenate([light / 8, light, light * 8]))
    error = np.abs(through(the_look(space), codes) - to_network_view(codes, space))
    assert error.max() < 2e-4
    assert error.mean() < 1e-5


@pytest.mark.parametrize("space", [*LOGS, *DISPLAYS, CINEON])
def test_colours_that_no_camera_sees_are_close_too(space: str) -> None:
    """Where bright channels cancel each other, floats have few digits left."""
    codes = np.random.default_rng(1).uniform(-0.2, 1.2, (64, 4096, 3)).astype(np.float32)
    error = np.abs(through(the_look(space), codes) - to_network_view(codes, space))
    assert np.quantile(error, 0.9999) < 1e-3
    assert error.max() < 0.02


@pytest.mark.parametrize("space", [SRGB, LINEAR, "ACEScg"])
def test_where_there_is_little_to_do_the_plate_does_it(space: str) -> None:
    assert input_transform_of(space) is None


def test_what_is_no_curves_and_a_matrix_is_left_to_the_configuration(tmp_path: Path) -> None:
    """Hybrid log-gamma scales a colour by its luminance; film densities cross over."""
    assert input_transform_of("Rec.2100-HLG - Display") is None
    assert input_transform_of("ADX10") is None
    codes = np.random.default_rng(2).random((6, 8, 3), dtype=np.float32)
    write_image(tmp_path / "hlg.1.exr", codes, "float")
    plate = open_plate(str(tmp_path / "hlg.#.exr"), "Rec.2100-HLG - Display")
    assert plate.input_transform is None
    np.testing.assert_array_equal(plate.read(1), to_network_view(codes, plate.space.name))


@pytest.mark.parametrize("space", ["ACEScct", CINEON])
def test_what_is_no_number_becomes_one(space: str) -> None:
    values = np.full((2, 3, 3), 0.25, np.float32)
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    values[1, 0], values[1, 1] = 1e30, -5
    view = through(the_look(space), values)
    np.testing.assert_allclose(view, to_network_view(values, space), atol=1e-3)
    assert view.min() >= 0
    assert view.max() <= 1
    assert np.isfinite(view).all()


def test_a_pixel_is_the_same_wherever_it_stands() -> None:
    """In a part of the picture, among several pictures, in another strip: so a box and any order
    of frames change no bit."""
    values = np.random.default_rng(3).random((2, 700, 1600, 3), dtype=np.float32)
    input_transform = the_look("ARRI LogC4")
    whole = through(input_transform, values)
    for part in (np.s_[:1], np.s_[1], np.s_[:, 3:5, 7:8], np.s_[1, 650:, 1:]):
        found = through(input_transform, np.ascontiguousarray(values[part]))
        np.testing.assert_array_equal(found, whole[part])


def test_a_look_has_a_name_of_its_own_in_a_plates_digest() -> None:
    assert transform_name("ACEScct").startswith("look-")
    assert transform_name("ACEScg").startswith("view-")
    assert transform_name(CINEON).startswith("look-")


def test_a_plate_with_a_look_gives_the_mattes_of_what_is_seen_through_it(lite: RDENet) -> None:
    """Tracking, edges and de-chatter all see it; only what the network is given last differs, by
    the order of the same sums."""
    log = MemoryPlate(height=150, width=180, input_transform=the_look("ARRI LogC3 (EI800)"))

    class Shown(MemoryPlate):
        def read(self, frame: int) -> FloatArray:
            view: FloatArray = Picture.of(log, frame).to_network_view().numpy()
            return view

    shown = Shown(height=150, width=180)
    finish = Finish(dechatter=1)
    preset = Preset(name="test", tracking=Tracking(lines=96, crop=False), finish=finish)
    found = []
    for plate in (log, shown):
        shot = a_shot(mask(1001, plate=plate), plate=plate, frames="1001-1006")
        node = RotoNode(
            shot,
            preset,
            lambda tracking: RDETracker(InferenceForms(lite), tracking, torch.device("cpu")),
        )
        found.append({matte.frame: matte.alpha for matte in node.render()})
    for frame, alpha in found[0].items():
        np.testing.assert_allclose(alpha, found[1][frame], atol=1e-6)
    assert np.ptp(found[0][1004]) > 0.1
