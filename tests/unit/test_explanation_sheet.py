from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import ramp, read_image
from numpy.typing import NDArray
from PIL import Image

from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.pictures.explanation import explanation_layers, explanation_sheet
from rde_roto.values.errors import OutputError
from rde_roto.values.explanation import Drift, Explanation, Reading
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window

HEIGHT, WIDTH = 90, 160
PLATE = np.full((HEIGHT, WIDTH, 3), 1, np.float32)
KEYFRAME, LATEST, EMBEDDING = (255, 176, 46), (58, 150, 255), (255, 60, 140)
# Cells lie as on a contact sheet: 18 from the edge, 416 wide, 6 apart. Below them is a caption,
# then the curve, whose bars leave 196 free on the left and 20 on the right.
CELLS = (18, 440, 862)
CELL_HEIGHT = 234
TOP = 44
CAPTION = 22 + 6


def reading(elements: tuple[str, ...] = ("hero",), far: int | None = None) -> Reading:
    """Left half of the keyframe, right half of the latest frame; red now, blue at the keyframe."""
    shares = np.zeros((len(elements), 4 if far else 3, HEIGHT, WIDTH), np.float32)
    shares[:, 0, :, : WIDTH // 2] = 1
    shares[:, 1, :, WIDTH // 2 :] = 1
    red, blue = (np.zeros((3, HEIGHT, WIDTH), np.float32) for _ in range(2))
    red[0], blue[2] = 1.5, 1
    return Reading(1001, far, 1007, elements, shares, red, blue)


def drift(elements: tuple[str, ...] = ("hero",), sources: int = 3) -> Drift:
    """Four memory frames: keyframe, half of the latest, not seen, all of the embedding."""
    shares = np.zeros((4, len(elements), sources), np.float32)
    shares[0, :, 0] = 1
    shares[1, :, :2] = 0.5
    shares[2] = np.nan
    shares[3, :, 2] = 1
    distance = np.array([0, 0.5, np.nan, 1], np.float32)[:, None].repeat(len(elements), axis=1)
    change = np.array([np.nan, 0.2, 0.4, 0.2], np.float32)[:, None].repeat(len(elements), axis=1)
    return Drift(1001, elements, (1004, 1007, 1010, 1013), change, shares, distance)


def matte(elements: tuple[str, ...] = ("hero",)) -> Matte:
    """Everything but the upper half is the element's, or shared by them."""
    alpha = np.zeros((len(elements), HEIGHT, WIDTH), np.float32)
    alpha[:, HEIGHT // 2 :] = 1 / len(elements)
    return Matte(1009, alpha, elements, "digest")


def draw(
    path: Path, readings: tuple[Reading, ...], drifts: list[Drift], plate: FloatArray = PLATE
) -> NDArray[np.int64]:
    made = matte(readings[0].elements)
    explanation_sheet(path, plate, made, Explanation(1009, readings), drifts)
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image).astype(int)


def test_a_pixel_has_the_colour_of_the_source_that_it_was_read_from(tmp_path: Path) -> None:
    sheet = draw(tmp_path / "s.png", (reading(),), [drift()])
    cell = sheet[TOP : TOP + CELL_HEIGHT, CELLS[1] : CELLS[1] + 416]
    for column, colour in ((100, KEYFRAME), (300, LATEST)):
        np.testing.assert_allclose(cell[200, column], colour, atol=2)
        assert cell[40, column].sum() < 0.7 * sum(colour)  # faint outside the element
        assert cell[40, column].argmax() == np.argmax(colour)


def test_the_embedding_is_shown_as_it_is_and_as_it_was(tmp_path: Path) -> None:
    sheet = draw(tmp_path / "s.png", (reading(),), [drift()])
    cell = sheet[TOP : TOP + CELL_HEIGHT, CELLS[2] : CELLS[2] + 416]
    assert cell[40, 300].tolist() == [255, 0, 0]
    assert cell[CELL_HEIGHT - 60, 60].tolist() == [0, 0, 255]


def bars(sheet: NDArray[np.int64], row: int) -> NDArray[np.int64]:
    """A pixel row of the first curve, its middle column of each of the five memory frames."""
    first, last = 18 + 196, 18 + 1260 - 20
    columns = [round(first + (last - first) * (place + 0.5) / 5) for place in range(5)]
    return sheet[TOP + CELL_HEIGHT + 6 + CAPTION + row, columns]


def test_the_curve_has_a_bar_for_each_memory_frame_and_none_where_nothing_is_seen(
    tmp_path: Path,
) -> None:
    sheet = draw(tmp_path / "s.png", (reading(),), [drift()])
    nothing = (36, 36, 40)
    high, low = bars(sheet, 12 + 20), bars(sheet, 12 + 64)
    assert [tuple(pixel) for pixel in high] == [nothing, KEYFRAME, LATEST, nothing, EMBEDDING]
    assert [tuple(pixel) for pixel in low] == [nothing, KEYFRAME, KEYFRAME, nothing, EMBEDDING]
    distance = bars(sheet, 12 + 84 + 8 + 40)
    assert (distance[4] > distance[2]).all()  # the farthest is bright
    assert (distance[2] > distance[1]).all()
    assert tuple(distance[3]) == nothing
    change = bars(sheet, 12 + 84 + 8 + 46 + 8 + 10)
    assert [bool((pixel > 100).all()) for pixel in change] == [False, False, False, True, False]


def test_the_frame_asked_for_is_marked(tmp_path: Path) -> None:
    sheet = draw(tmp_path / "s.png", (reading(),), [drift()])
    first, last = 18 + 196, 18 + 1260 - 20
    column = round(first + (last - first) * (1009 - 1001 + 1.5) / 15)
    rows = slice(TOP + CELL_HEIGHT + 6 + CAPTION + 12, None)
    white = (sheet[rows] == 255).all(axis=2)
    assert white[:84, column - 1 : column + 2].any(axis=1).all()


def test_each_element_and_each_walk_has_its_own_rows(tmp_path: Path) -> None:
    one = draw(tmp_path / "a.png", (reading(),), [drift()])
    pair = ("hero", "car")
    two = draw(tmp_path / "b.png", (reading(pair),), [drift(pair)])
    both = draw(tmp_path / "c.png", (reading(far=1014),) * 2, [drift(sources=4)] * 2)
    curve = 12 + 84 + 2 * (8 + 46) + 24 + 6
    assert one.shape[1] == two.shape[1] == both.shape[1] == 1296
    assert len(two) - len(one) == CAPTION + curve
    assert len(both) - len(one) == CELL_HEIGHT + 6 + CAPTION + curve


def test_a_walk_without_memory_frames_can_be_drawn(tmp_path: Path) -> None:
    none = np.zeros((0, 1), np.float32)
    empty = Drift(1001, ("hero",), (), none, np.zeros((0, 1, 3), np.float32), none)
    sheet = draw(tmp_path / "s.png", (reading(),), [empty], plate=ramp(HEIGHT, WIDTH))
    assert sheet.std() > 0


def test_a_sheet_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*s\.png"):
        draw(tmp_path / "file" / "s.png", (reading(),), [drift()])


def test_layers_are_shares_and_colours_of_full_precision(tmp_path: Path) -> None:
    layers = explanation_layers(Explanation(1009, (reading(("hero", "car")),)))
    window = Window(3, 5, WIDTH, HEIGHT)
    write_planes(tmp_path / "x.exr", layers, PlateFormat(window, window), {}, FLOAT)
    spec, pixels = read_image(tmp_path / "x.exr")
    found = {name: pixels[..., place] for place, name in enumerate(spec.channelnames)}
    assert set(found) == {
        *(f"{name}.{source}" for name in ("hero", "car") for source in ("keyframe", "latest")),
        *("hero.embedding", "car.embedding", "embedding.R", "embedding.G", "embedding.B"),
    }
    assert str(spec.format) == "float"
    assert (spec.x, spec.y) == (3, 5)
    shares = sum(found[f"car.{source}"] for source in ("keyframe", "latest", "embedding"))
    np.testing.assert_array_equal(shares, 1)
    assert (found["embedding.R"] == 1.5).all()


def test_between_two_keyframes_the_layers_say_which_walk() -> None:
    layers = explanation_layers(Explanation(1009, (reading(far=1014), reading(far=1001))))
    assert len(layers) == 2 * (4 + 3)
    assert {"forwards.hero.far", "backwards.hero.far", "backwards.embedding.B"} <= set(layers)
