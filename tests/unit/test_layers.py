"""Multi-view and multi-layer EXRs: "one view at a time, named" (conventions, Image)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import ramp, write_image, write_parts

from rde_roto.images.color.transforms import to_network_view
from rde_roto.images.files import read_headers
from rde_roto.images.layers import PictureName
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

RGB = ("R", "G", "B")
LEFT, RIGHT, DIFFUSE = ramp(seed=1), ramp(seed=2), ramp(seed=3)


def opened(path: Path, view: str | None = None, layer: str | None = None) -> Plate:
    return open_plate(str(path), picture=PictureName(view, layer))


def shows(plate: Plate, picture: FloatArray) -> bool:
    """Whether that is the picture: seeds differ by up to 0.1, half floats by 3e-4 at most."""
    return bool(np.abs(plate.read(1) - to_network_view(picture, "lin_rec709")).max() < 3e-4)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two views and layers in parts, a part of the left view with another name and no colours."""
    path = tmp_path / "a.1.exr"
    depth = LEFT[..., :1]
    return write_parts(
        path,
        ("depth.left", "left", ("Z",), depth),
        ("rgb.left", "left", RGB, LEFT),
        ("rgb.right", "right", RGB, RIGHT),
        ("diffuse_left", "left", RGB, DIFFUSE),
        ("light", "right", ("spec.R", "spec.G", "spec.B"), DIFFUSE),
    )


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Two views in one part, and a layer in each."""
    channels = (*RGB, *(f"{layer}.{color}" for layer in ("right", "key.right") for color in RGB))
    pixels = np.concatenate([LEFT, RIGHT, DIFFUSE], axis=2)
    views = ("left", "right")
    return write_image(tmp_path / "a.1.exr", pixels, channels=channels, multiView=views)


def test_a_view_that_is_a_part(parts: Path) -> None:
    assert shows(opened(parts, "left"), LEFT)
    assert shows(opened(parts, "right"), RIGHT)


def test_a_view_that_is_a_prefix_of_channels(shared: Path) -> None:
    assert read_headers(shared)[0].views == ("left", "right")
    assert shows(opened(shared, "left"), LEFT)
    assert shows(opened(shared, "right"), RIGHT)
    assert shows(opened(shared, "right", "key"), DIFFUSE)


def test_without_a_name_the_default_view_is_taken(parts: Path) -> None:
    assert shows(opened(parts), LEFT)


def test_without_a_name_the_default_view_is_the_first_that_is_listed(shared: Path) -> None:
    assert shows(opened(shared), LEFT)


def test_a_layer_that_only_its_part_names(parts: Path) -> None:
    assert shows(opened(parts, layer="diffuse"), DIFFUSE)
    assert shows(opened(parts, layer="diffuse_left"), DIFFUSE)
    assert shows(opened(parts, "right", "rgb"), RIGHT)


def test_a_layer_that_its_channels_name(parts: Path) -> None:
    assert shows(opened(parts, "right", "spec"), DIFFUSE)
    assert shows(opened(parts, "right", "light"), DIFFUSE)


def test_a_layer_of_a_file_without_views(tmp_path: Path) -> None:
    channels = (*RGB, "a.b.R", "a.b.G", "a.b.B", "mask.Y")
    pixels = np.concatenate([LEFT, DIFFUSE, RIGHT[..., :1]], axis=2)
    path = write_image(tmp_path / "a.1.exr", pixels, channels=channels)
    assert shows(opened(path), LEFT)
    assert shows(opened(path, layer="a.b"), DIFFUSE)
    assert shows(opened(path, layer="mask"), RIGHT[..., :1].repeat(3, axis=2))
    with pytest.raises(InputError, match=r"a\.1\.exr has no layer 'c': it has a\.b, mask$"):
        opened(path, layer="c")
    with pytest.raises(InputError, match="has no view 'left': it has none"):
        opened(path, "left")


def test_what_is_not_there_is_said_with_what_is(parts: Path) -> None:
    with pytest.raises(InputError, match=r"has no view 'middle': it has left, right$"):
        opened(parts, "middle")
    with pytest.raises(InputError, match=r"has no layer 'spec': it has depth, rgb, diffuse$"):
        opened(parts, "left", "spec")
    with pytest.raises(InputError, match=r"has no layer 'diffuse': it has rgb, spec$"):
        opened(parts, "right", "diffuse")


def test_a_file_without_layers_says_so(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", LEFT)
    with pytest.raises(InputError, match="has no layer 'diffuse': it has none"):
        opened(tmp_path, layer="diffuse")
    write_image(tmp_path / "b.1.png", LEFT, "uint8")
    with pytest.raises(InputError, match="has no layer 'diffuse': it has none"):
        opened(tmp_path / "b.#.png", layer="diffuse")


def test_a_layer_without_colours_is_an_input_error(tmp_path: Path) -> None:
    pixels = np.concatenate([LEFT, RIGHT[..., :2]], axis=2)
    write_image(tmp_path / "a.1.exr", pixels, channels=(*RGB, "N.x", "N.y"))
    with pytest.raises(InputError, match=r"has no red, green and blue channels: it has N\.x, N\.y"):
        opened(tmp_path, layer="N")


def test_colours_scattered_over_parts_are_no_picture(tmp_path: Path) -> None:
    plane = LEFT[..., :1]
    path = tmp_path / "a.1.exr"
    write_parts(path, *((f"part {color}", None, (color,), plane) for color in "RGB"))
    with pytest.raises(InputError, match="has no red, green and blue channels: it has R, G, B"):
        opened(path)


def test_a_view_that_a_later_frame_lacks(parts: Path) -> None:
    write_parts(parts.with_name("a.2.exr"), ("rgb.left", "left", RGB, LEFT))
    assert opened(parts).read(2).shape == LEFT.shape
    with pytest.raises(InputError, match=r"a\.2\.exr has no view 'right': it has left"):
        opened(parts, "right").read(2)


def test_view_and_layer_are_part_of_a_digest(parts: Path) -> None:
    digests = [opened(parts, *ask).digest(1) for ask in [(None, None), ("right", None)]]
    digests += [opened(parts, layer="diffuse").digest(1), opened(parts, "right", "spec").digest(1)]
    assert len(set(digests)) == len(digests)
    # however it is asked for, a picture is the same
    for ask in [("left", None), (None, "rgb"), ("left", "rgb")]:
        assert opened(parts, *ask).digest(1) == digests[0]


def test_a_part_has_windows_of_its_own(tmp_path: Path) -> None:
    small = ramp(18, 32)
    path = tmp_path / "a.1.exr"
    write_parts(path, ("rgb", None, RGB, LEFT), ("half", None, RGB, small))
    assert opened(path, layer="half").format.data.shape == (18, 32)
    assert shows(opened(path, layer="half"), small)


def test_a_movie_has_no_views(tmp_path: Path) -> None:
    for picture in (PictureName("left"), PictureName(layer="diffuse")):
        with pytest.raises(UsageError, match="is a movie and has no views or layers"):
            open_plate(str(tmp_path / "a.mov"), picture=picture)
