from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import cut_short, write_image
from numpy.typing import NDArray
from PIL import Image

from rde_roto.images.masks import element_names, read_mask
from rde_roto.images.mattes import davis_palette
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import MaskMode, MaskModeError
from rde_roto.values.plate import PlateFormat, Window

PLATE = PlateFormat(Window(0, 0, 8, 6), Window(0, 0, 8, 6))


def labels(*rows: str) -> NDArray[np.uint8]:
    """An image [6, 8] whose first rows are these digits, the rest 0."""
    image = np.zeros((6, 8), np.uint8)
    for index, row in enumerate(rows):
        image[index, : len(row)] = [int(digit) for digit in row]
    return image


def save(path: Path, pixels: NDArray[np.generic], palette: bool = False) -> Path:
    image = Image.fromarray(pixels)
    if palette:
        image.putpalette(davis_palette().tobytes())
    image.save(path)
    return path


def test_the_indices_of_an_indexed_png_are_labels(tmp_path: Path) -> None:
    picture = labels("0133", "1130")
    path = save(tmp_path / "a.png", picture, palette=True)
    planes, names = read_mask(path, PLATE)
    assert names == ("element1", "element2")
    assert planes.dtype == np.float32
    assert np.array_equal(planes[0], picture == 1)
    assert np.array_equal(planes[1], picture == 3)


def test_label_255_is_an_element_like_any_other(tmp_path: Path) -> None:
    picture = labels("01") * np.uint8(255)
    planes, _ = read_mask(save(tmp_path / "a.png", picture, palette=True), PLATE)
    assert planes.shape == (1, 6, 8)
    assert planes.sum() == 1


def test_a_bilevel_or_grey_mask_of_0_and_255_is_one_element(tmp_path: Path) -> None:
    picture = labels("0011", "0110") == 1
    save(tmp_path / "one_bit.png", picture)  # as DAVIS 2016 keeps its masks
    save(tmp_path / "grey.png", picture.astype(np.uint8) * 255)
    save(tmp_path / "rgb.png", np.repeat(picture[..., None].astype(np.uint8) * 255, 3, axis=2))
    save(tmp_path / "indexed.png", picture.astype(np.uint8) * 255, palette=True)
    for path in sorted(tmp_path.iterdir()):
        planes, names = read_mask(path, PLATE)
        assert names == ("element1",)
        assert np.array_equal(planes[0], picture)


def test_a_soft_grey_mask_saved_as_rgb_is_a_matte(tmp_path: Path) -> None:
    soft = np.arange(48, dtype=np.uint8).reshape(6, 8, 1) * 5
    path = save(tmp_path / "a.png", soft.repeat(3, axis=2))
    planes, _ = read_mask(path, PLATE)
    assert np.abs(planes - soft[None, ..., 0] / 255).max() < 1e-6
    assert len(read_mask(path, PLATE, "colours")[0]) == 47


def test_each_colour_is_an_element_in_the_order_of_the_palette(tmp_path: Path) -> None:
    picture = labels("7654321", "1111111")
    in_colours = davis_palette()[picture]
    planes, _ = read_mask(save(tmp_path / "a.png", in_colours), PLATE)
    assert np.array_equal(planes, [picture == label for label in range(1, 8)])


def test_colours_are_ordered_by_blue_then_green_then_red(tmp_path: Path) -> None:
    picture = np.zeros((6, 8, 3), np.uint8)
    for x, color in enumerate([(255, 255, 255), (0, 0, 255), (0, 255, 0), (255, 0, 0)]):
        picture[0, x] = color
    planes, _ = read_mask(save(tmp_path / "a.png", picture), PLATE)
    assert [int(plane[0].argmax()) for plane in planes] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("name", "pixel_type", "step"),
    [
        ("a.png", "uint16", 1 / 65535),
        ("a.tif", "uint16", 1 / 65535),
        ("a.exr", "half", 2**-11),
        ("a.exr", "float", 2**-24),
    ],
)
def test_a_soft_matte_keeps_the_precision_of_its_file(
    tmp_path: Path, name: str, pixel_type: str, step: float
) -> None:
    soft = np.random.default_rng(0).random((6, 8, 1)).astype(np.float32)
    planes, names = read_mask(write_image(tmp_path / name, soft, pixel_type), PLATE)
    assert names == ("element1",)
    assert np.abs(planes[0] - soft[..., 0]).max() <= step


def test_alpha_is_the_matte_of_an_image_that_has_it(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 4), dtype=np.uint8)
    planes, _ = read_mask(save(tmp_path / "a.png", pixels), PLATE)
    assert np.abs(planes[0] - pixels[..., 3] / 255).max() < 1e-6
    exr = write_image(tmp_path / "a.exr", pixels / 255, channels=("R", "G", "B", "A"))
    assert np.abs(read_mask(exr, PLATE)[0][0] - pixels[..., 3] / 255).max() <= 2**-11
    only = write_image(tmp_path / "b.exr", pixels[..., 3:] / 255, channels=("A",))
    assert np.array_equal(read_mask(only, PLATE)[0], read_mask(exr, PLATE)[0])
    layer = write_image(tmp_path / "c.exr", pixels[..., 3:] / 255, channels=("hero.A",))
    assert np.array_equal(read_mask(layer, PLATE)[0], read_mask(exr, PLATE)[0])


def test_an_alpha_that_is_1_everywhere_is_passed_over(tmp_path: Path) -> None:
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, 0, 0] = pixels[0, 1, 1] = 255
    path = save(tmp_path / "a.png", pixels)
    assert len(read_mask(path, PLATE)[0]) == 2
    assert read_mask(path, PLATE, "matte")[0].sum() == 2
    names = ("A", *(f"{layer}.{channel}" for layer in ("left", "right") for channel in "RGB"))
    full = write_image(tmp_path / "a.exr", np.ones((6, 8, 7)), channels=names)
    with pytest.raises(MaskModeError, match=r"is 1 everywhere.*read it as a matte") as caught:
        read_mask(full, PLATE)
    assert caught.value.modes == ("matte",)
    assert read_mask(full, PLATE, "matte")[0].min() == 1


def test_an_alpha_that_is_all_a_file_has_may_be_1_everywhere(tmp_path: Path) -> None:
    full = write_image(tmp_path / "a.exr", np.ones((6, 8, 1)), channels=("A",))
    assert read_mask(full, PLATE)[0].min() == 1


def test_a_roto_in_a_layer_beside_an_alpha_of_1(tmp_path: Path) -> None:
    pixels = np.ones((6, 8, 2))
    pixels[..., 1] = labels("01")
    path = write_image(tmp_path / "a.exr", pixels, channels=("A", "hero.A"))
    assert np.array_equal(read_mask(path, PLATE)[0][0], labels("01"))


def test_an_empty_alpha_beside_colours_asks_what_is_meant(tmp_path: Path) -> None:
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[1, 2, :3] = 255
    path = save(tmp_path / "a.png", pixels)
    with pytest.raises(MaskModeError, match="its alpha is empty, its colours are not: read it as"):
        read_mask(path, PLATE)
    assert read_mask(path, PLATE, "matte")[0].sum() == 0
    assert read_mask(path, PLATE, "colours")[0].sum() == 1


def test_a_palette_with_black_elsewhere_asks_what_is_meant(tmp_path: Path) -> None:
    image = Image.fromarray(labels("01"))
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "a.png")
    with pytest.raises(MaskModeError, match="colour at index 0 and black at another: read it as"):
        read_mask(tmp_path / "a.png", PLATE)
    assert read_mask(tmp_path / "a.png", PLATE, "labels")[0].sum() == 1
    assert read_mask(tmp_path / "a.png", PLATE, "colours")[0].sum() == 47


@pytest.mark.parametrize(
    ("mode", "count", "largest"), [("labels", 2, 1.0), ("colours", 2, 1.0), ("matte", 1, 2 / 255)]
)
def test_modes_override_what_a_grey_image_is(
    tmp_path: Path, mode: MaskMode, count: int, largest: float
) -> None:
    path = save(tmp_path / "a.png", labels("012"))
    planes, _ = read_mask(path, PLATE, mode)
    assert len(planes) == count
    assert planes.max() == pytest.approx(largest)


def test_modes_override_what_an_indexed_image_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", labels("0312"), palette=True)
    assert len(read_mask(path, PLATE, "colours")[0]) == 3
    planes, _ = read_mask(path, PLATE, "matte")
    assert planes.shape == (1, 6, 8)
    assert planes[0, 0, 1] == pytest.approx(128 / 255)  # the largest of its colour


def test_16_bit_labels(tmp_path: Path) -> None:
    picture = labels("012").astype(np.uint16) * 300
    planes, _ = read_mask(save(tmp_path / "a.png", picture), PLATE, "labels")
    assert np.array_equal(planes, [picture == 300, picture == 600])


def test_faint_8_bit_grey_asks_what_it_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", labels("012"))
    with pytest.raises(MaskModeError, match="above 2 of 255: read it as labels") as caught:
        read_mask(path, PLATE)
    assert caught.value.modes == ("labels", "matte")


LABEL_TYPES = ("uint8", "int8", "uint16", "int16", "uint", "int", "half", "float")


@pytest.mark.parametrize("pixel_type", LABEL_TYPES)
def test_label_numbers_of_any_type_ask_what_they_are(tmp_path: Path, pixel_type: str) -> None:
    """They were read as one faint matte, or as one element where they were floats."""
    picture = labels("0123", "0123")
    largest = {"half": 1, "float": 1, "uint": 2**32 - 1, "int": 2**31 - 1}.get(pixel_type)
    largest = largest or np.iinfo(pixel_type).max
    path = write_image(tmp_path / "a.tif", picture[..., None] / largest, pixel_type)
    with pytest.raises(MaskModeError, match="as labels if these are label numbers"):
        read_mask(path, PLATE)
    planes, _ = read_mask(path, PLATE, "labels")
    assert np.array_equal(planes, [picture == number for number in (1, 2, 3)])
    assert len(read_mask(path, PLATE, "matte")[0]) == 1


def test_a_faint_alpha_asks_what_it_is_and_an_overshoot_does_not(tmp_path: Path) -> None:
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[2, 3] = 9, 9, 9, 1
    with pytest.raises(InputError, match="above 1 of 255"):
        read_mask(save(tmp_path / "a.png", pixels), PLATE)
    sharpened = write_image(tmp_path / "a.exr", np.full((6, 8, 1), 1.125), channels=("A",))
    assert (read_mask(sharpened, PLATE)[0] == 1).all()


@pytest.mark.parametrize(
    ("origin", "expected_x", "expected_y"),
    [((0, 0), 2, 1), ((3, 2), 5, 3), ((-2, -1), 0, 0), ((7, 5), 9, 6)],
)
def test_an_exr_is_placed_by_its_windows(
    tmp_path: Path, origin: tuple[int, int], expected_x: int, expected_y: int
) -> None:
    plate = PlateFormat(Window(-2, -1, 12, 8), Window(0, 0, 8, 6))
    soft = np.full((2, 3, 1), 0.5, np.float32)
    soft[0, 0] = 1
    path = write_image(tmp_path / "a.exr", soft, origin=origin, display=(0, 0, 8, 6))
    planes, _ = read_mask(path, plate)
    expected = np.zeros((9 + 8, 12 + 12), np.float32)
    expected[expected_y : expected_y + 2, expected_x : expected_x + 3] = soft[..., 0]
    assert np.array_equal(planes[0], expected[:8, :12])


def test_an_exr_reaching_over_the_upper_left_edge_is_cropped(tmp_path: Path) -> None:
    soft = np.arange(1, 13, dtype=np.float32).reshape(3, 4, 1) / 16
    path = write_image(tmp_path / "a.exr", soft, origin=(-1, -2), display=(0, 0, 8, 6))
    planes, _ = read_mask(path, PLATE)
    expected = np.zeros((6, 8), np.float32)
    expected[0, :3] = soft[2, 1:, 0]
    assert np.array_equal(planes[0], expected)


def test_a_mask_of_another_size_is_an_input_error(tmp_path: Path) -> None:
    small = np.full((3, 4), 255, np.uint8)
    for path in (
        save(tmp_path / "grey.png", small),
        save(tmp_path / "indexed.png", small, palette=True),
    ):
        with pytest.raises(InputError, match="is 4x3, the plate's data window is 8x6"):
            read_mask(path, PLATE)
    proxy = write_image(tmp_path / "a.exr", np.ones((3, 4, 1)))
    with pytest.raises(InputError, match="display window of 4x3, the plate one of 8x6"):
        read_mask(proxy, PLATE)


def test_a_mask_without_a_label_or_colour_is_an_input_error(tmp_path: Path) -> None:
    indexed = save(tmp_path / "indexed.png", np.zeros((6, 8), np.uint8), palette=True)
    rgb = save(tmp_path / "rgb.png", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"indexed.png is empty"):
        read_mask(indexed, PLATE)
    with pytest.raises(InputError, match=r"rgb.png is empty"):
        read_mask(rgb, PLATE, "colours")


def test_an_empty_matte_is_an_element_that_is_not_in_the_picture(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "grey.png", np.zeros((6, 8), np.uint8)),
        write_image(tmp_path / "a.exr", np.full((6, 8, 1), -1.0)),
        write_image(tmp_path / "nan.exr", np.full((6, 8, 1), np.nan)),
        write_image(tmp_path / "out.exr", np.ones((6, 8, 1)), origin=(8, 0), display=(0, 0, 8, 6)),
    ]
    for path in paths:
        planes, names = read_mask(path, PLATE, elements=("car",))
        assert names == ("car",)
        assert planes.shape == (1, 6, 8)
        assert not planes.any()


@pytest.mark.parametrize("mode", ["auto", "colours"])
def test_soft_edges_in_colours_are_an_input_error(tmp_path: Path, mode: MaskMode) -> None:
    plate = PlateFormat(Window(0, 0, 64, 64), Window(0, 0, 64, 64))
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with pytest.raises(MaskModeError, match=r"different colours or labels.*as a matte"):
        read_mask(save(tmp_path / "a.png", pixels), plate, mode)


def test_labels_are_whole_numbers(tmp_path: Path) -> None:
    soft = write_image(tmp_path / "a.exr", np.full((6, 8, 1), 0.5))
    colours = save(
        tmp_path / "a.png", np.eye(6, 8, dtype=np.uint8)[..., None] * np.array([9, 0, 0], np.uint8)
    )
    for path in (soft, colours):
        with pytest.raises(InputError, match="holds no label numbers"):
            read_mask(path, PLATE, "labels")


def test_missing_and_damaged_masks_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        read_mask(tmp_path / "gone.png", PLATE)
    plate = PlateFormat(Window(0, 0, 320, 240), Window(0, 0, 320, 240))
    noise = np.random.default_rng(0).integers(0, 40, (240, 320), dtype=np.uint8)
    paths = [
        save(tmp_path / "grey.png", noise),
        save(tmp_path / "indexed.png", noise, palette=True),
        write_image(tmp_path / "a.exr", noise[..., None] / 40),
    ]
    for path in paths:
        cut_short(path)
        with pytest.raises(InputError, match=f"{path.name} is damaged"):
            read_mask(path, plate)


def test_names_are_given_to_planes_in_order(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", labels("012"), palette=True)
    assert read_mask(path, PLATE, elements=("le héros", "car"))[1] == ("le_heros", "car")
    with pytest.raises(UsageError, match="holds 2 elements, expected 1: hero"):
        read_mask(path, PLATE, elements=("hero",))


@pytest.mark.parametrize(
    ("names", "clean"),
    [
        (("hero", "car_2"), ("hero", "car_2")),
        (("1", "2nd"), ("_1", "_2nd")),
        ((" left hand.A ",), ("left_hand_A",)),
        (("Zoë",), ("Zoe",)),
    ],
)
def test_names_become_fit_for_layers(names: tuple[str, ...], clean: tuple[str, ...]) -> None:
    """ "Names are sanitised and stable; never only a number" (conventions, Image)."""
    assert element_names(names) == clean


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("a b", "a_b"), "would be named 'a_b'"),
        (("",), "'' cannot name an element"),
        (("主役",), "cannot name an element"),
        (("x" * 201,), "too long for an element: it has 201 characters, at most 200"),
    ],
)
def test_names_that_cannot_be_are_usage_errors(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        element_names(names)
