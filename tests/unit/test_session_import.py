"""Masks that are imported in the window: which element each of their planes is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH
from PIL import Image
from session_bench import Bench, working_on

from rde_roto.images.masks import Mask
from rde_roto.images.mattes import davis_palette
from rde_roto.session.document.mask_numbers import element_numbers
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")


def labels(path: Path, *numbers: int) -> Path:
    """An indexed PNG with a column of its own for each number: number 2 begins at x = 20."""
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in numbers:
        indices[10:30, 10 * number : 10 * number + 8] = number
    image = Image.fromarray(indices)
    image.putpalette(davis_palette().tobytes())
    image.save(path)
    return path


def columns(bench: Bench, frame: int) -> dict[str, int]:
    """The column where each element begins, of those that are drawn at a frame."""
    planes = bench.session.draft.drawings.get(frame, {})
    return {key: int(np.flatnonzero(plane.pixels.any(axis=0))[0]) for key, plane in planes.items()}


def test_labels_go_to_the_elements_of_their_numbers(document: Path, tmp_path: Path) -> None:
    """Labels 2 and 3 drew the first two of three elements, in silence."""
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_mask(labels(tmp_path / "a.png", 1, 2, 3))
        assert columns(bench, 1001) == {"hero": 10, "element2": 20, "element3": 30}
        session.go_to(1004)
        session.paint.import_mask(labels(tmp_path / "b.png", 2, 3))
        assert columns(bench, 1004) == {"element2": 20, "element3": 30}
        session.go_to(1007)
        session.paint.import_mask(labels(tmp_path / "c.png", 3))
        assert columns(bench, 1007) == {"element3": 30}
        session.go_to(1010)
        session.paint.import_mask(labels(tmp_path / "d.png", 3, 4))
        assert columns(bench, 1010) == {"element3": 30, "element4": 40}


def test_one_mask_without_a_number_is_of_the_chosen_element(document: Path, tmp_path: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_mask(labels(tmp_path / "a.png", 1, 2))
        for frame, number in ((1004, 1), (1007, 7)):  # a mask of one element has any label
            session.go_to(frame)
            session.paint.element = "element2"
            session.paint.import_mask(labels(tmp_path / "b.png", number))
            assert columns(bench, frame) == {"element2": 10 * number}


def test_labels_that_are_no_numbers_of_elements_are_not_guessed(
    document: Path, tmp_path: Path
) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_mask(labels(tmp_path / "a.png", 3, 5, 7))
        expected = {"hero": 30, "element2": 50, "element3": 70}
        assert columns(bench, 1001) == expected
        session.go_to(1004)
        session.paint.import_mask(labels(tmp_path / "a.png", 3, 5, 7))
        assert columns(bench, 1004) == expected
        session.go_to(1007)
        with pytest.raises(UsageError, match=r"b\.png: it has label 5, label 7, .* 3 elements"):
            session.paint.import_mask(labels(tmp_path / "b.png", 5, 7))
        assert columns(bench, 1007) == {}


@pytest.mark.parametrize(
    ("marks", "count", "is_drawn", "numbers"),
    [
        ("label 1,label 2", 1, False, [1, 2]),
        ("label 2,label 3", 1, False, [1, 2]),  # as a document with this mask alone
        ("label 2,label 3", 2, False, [1, 2]),
        ("label 1,label 3", 3, False, [1, 3]),
        ("label 2,label 3", 2, True, [2, 3]),
        ("label 1,label 3", 3, True, [1, 3]),
        ("colour #ff0000,colour #00ff00", 2, True, [1, 2]),
        ("colour #ff0000,colour #00ff00", 1, True, [1, 2]),
        ("colour #ff0000,colour #00ff00", 3, True, None),
    ],
)
def test_of_which_elements_planes_are(
    marks: str, count: int, is_drawn: bool, numbers: list[int] | None
) -> None:
    mask = Mask(np.zeros((2, 1, 1), np.float32), ("a", "b"), tuple(marks.split(",")))
    if numbers is None:
        with pytest.raises(UsageError, match="import a file for each"):
            element_numbers(mask, count, is_drawn)
    else:
        assert list(element_numbers(mask, count, is_drawn)) == numbers
