"""Masks that are imported in the window: which element each of their planes is of."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH
from PIL import Image
from session_bench import Bench, not_asked, working_on

from rde_roto.images.masks import Mask
from rde_roto.images.mattes import davis_palette
from rde_roto.session.document.mask_elements import element_numbers, mask_elements
from rde_roto.values.errors import UsageError
from rde_roto.values.keyframe import Element
from rde_roto.values.matte import MaskMode, MaskModeError

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
        bench.import_file(labels(tmp_path / "a.png", 1, 2, 3))
        assert columns(bench, 1001) == {"hero": 10, "element2": 20, "element3": 30}
        session.go_to(1004)
        bench.import_file(labels(tmp_path / "b.png", 2, 3))
        assert columns(bench, 1004) == {"element2": 20, "element3": 30}
        session.go_to(1007)
        bench.import_file(labels(tmp_path / "c.png", 3))
        assert columns(bench, 1007) == {"element3": 30}
        session.go_to(1010)
        bench.import_file(labels(tmp_path / "d.png", 3, 4))
        assert columns(bench, 1010) == {"element3": 30, "element4": 40}


def test_one_mask_without_a_number_is_of_the_chosen_element(document: Path, tmp_path: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        bench.import_file(labels(tmp_path / "a.png", 1, 2))
        for frame, number in ((1004, 1), (1007, 7)):  # a mask of one element has any label
            session.go_to(frame)
            session.paint.element = "element2"
            bench.import_file(labels(tmp_path / "b.png", number))
            assert columns(bench, frame) == {"element2": 10 * number}


def test_labels_that_are_no_numbers_of_elements_are_not_guessed(
    document: Path, tmp_path: Path
) -> None:
    with working_on(document) as bench:
        session = bench.session
        bench.import_file(labels(tmp_path / "a.png", 3, 5, 7))
        expected = {"hero": 30, "element2": 50, "element3": 70}
        assert columns(bench, 1001) == expected
        session.go_to(1004)
        bench.import_file(labels(tmp_path / "a.png", 3, 5, 7))
        assert columns(bench, 1004) == expected
        session.go_to(1007)
        bench.import_file(labels(tmp_path / "b.png", 5, 7))
        assert re.match(r"b\.png: it has label 5, label 7, .* 3 elements", bench.log.sentences[-1])
        assert columns(bench, 1007) == {}


@pytest.mark.parametrize(
    ("marks", "elements", "is_drawn", "found"),
    [
        ("label 1,label 2", "a", False, "a,+element2"),
        ("label 2,label 3", "a", False, "a,+element2"),  # as a document with this mask alone
        ("label 2,label 3", "a,b", False, "a,b"),
        ("label 1,label 3", "a,b,c", False, "a,c"),
        ("label 2,label 3", "a,b", True, "b,+element3"),
        ("label 1,label 3", "a,b,c", True, "a,c"),
        ("label 1,label 2,label 3", "element3", False, "+element1,+element2,element3"),
        ("label 2,label 3", "element3", True, "+element2,element3"),
        ("label 1,label 2", "element1,element3", True, "element1,+element2"),
        ("label 1,label 2", "element2,element1", True, "element1,element2"),
        ("label 1,label 2", "a,element1", True, "element1,a"),
        ("label 2", "element1,element3", True, "element1"),
        ("label 3", "element1,element3", True, "element3"),
        ("colour #ff0000,colour #00ff00", "a,b", True, "a,b"),
        ("colour #ff0000,colour #00ff00", "element3,element1", True, "element3,element1"),
        ("colour #ff0000,colour #00ff00", "a", True, "a,+element2"),
        ("colour #ff0000,colour #00ff00", "element2", True, "element2,+element1"),
        ("colour #ff0000,colour #00ff00", "a,b,c", True, None),
    ],
)
def test_of_which_elements_planes_are(
    marks: str, elements: str, is_drawn: bool, found: str | None
) -> None:
    """The first element is chosen; a new one has a plus before its name."""
    known = [Element(name, name) for name in elements.split(",")]
    planes = np.zeros((marks.count(",") + 1, 1, 1), np.float32)
    mask = Mask(planes, ("a", "b", "c")[: len(planes)], tuple(marks.split(",")))
    if found is None:
        with pytest.raises(UsageError, match="import a file for each"):
            mask_elements(mask, known, known[0].id, is_drawn)
    else:
        planes_of = mask_elements(mask, known, known[0].id, is_drawn)
        assert ",".join(key or f"+{name}" for key, name in planes_of) == found


def test_a_renamed_element_keeps_its_number() -> None:
    """The second of three was renamed, and the first deleted: label 2 drew the third."""
    known = [Element("element2", "car"), Element("element3", "element3")]
    assert element_numbers(known) == {2: "element2", 3: "element3"}
    named = [Element("element3", "car"), Element("element1", "element3")]  # what one reads counts
    assert element_numbers(named) == {3: "element1", 1: "element3"}


def test_labels_into_a_shot_whose_only_element_is_named_after_one_of_them(
    document: Path, tmp_path: Path
) -> None:
    """Label 1 was for element3, and label 3 refused, as that name was taken."""
    with working_on(document) as bench:
        session = bench.session
        session.rename("hero", "element3")
        bench.import_file(labels(tmp_path / "a.png", 1, 2, 3))
        assert columns(bench, 1001) == {"element1": 10, "element2": 20, "hero": 30}
        session.remove_element("element2")
        session.go_to(1004)
        bench.import_file(labels(tmp_path / "b.png", 1, 2))
        assert columns(bench, 1004) == {"element1": 10, "element2": 20}


def test_a_file_is_read_beside_the_window_and_drawn_where_it_was_asked_for(
    document: Path, tmp_path: Path
) -> None:
    """It held the window up while it was read. Another frame may be shown meanwhile."""
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_file(labels(tmp_path / "a.png", 1), not_asked)
        session.paint.import_file(labels(tmp_path / "b.png", 1), not_asked)
        assert session.paint.notice == "reading a.png…   Esc: stop"
        session.go_to(1004)
        session.paint.import_file(labels(tmp_path / "c.png", 4), not_asked)
        assert not session.draft.drawings
        bench.until(lambda: 1004 in session.draft.drawings)
        assert columns(bench, 1001) == {"hero": 10}
        assert columns(bench, 1004) == {"hero": 40}
        assert "import a.png at frame 1001" in bench.log.sentences
        assert bench.log.sentences[-1] == "import c.png"
        assert not session.paint.notice
        session.undo()
        session.undo()
        assert session.editor.undo_label == "import a.png"


def test_what_is_drawn_while_a_file_is_read_is_not_lost_in_silence(
    document: Path, tmp_path: Path
) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_file(labels(tmp_path / "a.png", 1), not_asked)
        bench.stroke((50.0, 20.0), (70.0, 20.0))
        bench.done_with("rde-roto-aside")
        assert columns(bench, 1001) == {"hero": 10}
        assert bench.log.sentences[-1].endswith(
            "it replaces what was drawn meanwhile, which undo brings back"
        )
        session.undo()
        assert session.paint.pixels()[20, 60] > 0
        # its element may be gone when it is there
        session.add_element("car")
        session.paint.import_file(labels(tmp_path / "a.png", 1), not_asked)
        session.remove_element("car")
        bench.done_with("rde-roto-aside")
        assert bench.log.sentences[-1] == "import a.png is dropped: its element was deleted"


def test_only_what_was_drawn_meanwhile_is_said_to_be_replaced(
    document: Path, tmp_path: Path
) -> None:
    """It was said of an element that another one of the same file had taken pixels from, and of one
    that had been cleared.
    """
    with working_on(document) as bench:
        session = bench.session
        bench.import_file(labels(tmp_path / "a.png", 1, 2))
        swapped = tmp_path / "b.png"
        with Image.open(tmp_path / "a.png") as image:
            palette = image.getpalette()
            turned = Image.fromarray(np.asarray([0, 2, 1], np.uint8)[np.asarray(image)])
        assert palette is not None
        turned.putpalette(palette)
        turned.save(swapped)
        bench.import_file(swapped)
        assert columns(bench, 1001) == {"hero": 20, "element2": 10}
        assert "took" in bench.log.sentences[-1]
        assert "meanwhile" not in bench.log.sentences[-1]
        session.paint.import_file(swapped, not_asked)
        session.paint.clear_frame()
        bench.done_with("rde-roto-aside")
        assert columns(bench, 1001) == {"hero": 20, "element2": 10}
        assert "meanwhile" not in bench.log.sentences[-1]


def test_what_undo_drops_is_said(document: Path, tmp_path: Path) -> None:
    """Undo of a stroke on another frame dropped a file that was being read, in silence."""
    with working_on(document) as bench:
        session = bench.session
        session.paint.import_file(labels(tmp_path / "a.png", 1), not_asked)
        session.undo()
        dropped = "; what was still being made is dropped"
        assert bench.log.sentences[-1] == f"nothing to undo{dropped}"
        bench.done_with("rde-roto-aside")
        assert not session.draft.drawings
        session.undo()
        assert bench.log.sentences[-1] == "nothing to undo"


def test_nothing_is_said_of_a_file_that_is_stopped(document: Path, tmp_path: Path) -> None:
    """Its error came after Esc, and in the window of the shot that was opened next."""
    with working_on(document) as bench:
        bench.session.paint.import_file(tmp_path / "none.png", not_asked)
        bench.session.escape()
        bench.done_with("rde-roto-aside")
        assert not any("none.png" in said for said in bench.log.sentences)
        bench.import_file(tmp_path / "none.png")
        assert "none.png" in bench.log.sentences[-1]


def test_a_mask_is_read_as_the_artist_chooses_at_the_frame_where_it_was_asked_for(
    document: Path, tmp_path: Path
) -> None:
    """Another frame may be shown by the time that the file is read, and the question comes."""
    grey = tmp_path / "grey.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 2, np.uint8)).save(grey)
    with working_on(document) as bench:
        asked: list[tuple[str, ...]] = []

        def ask(error: MaskModeError, choose: Callable[[MaskMode], None]) -> None:
            asked.append(error.modes)
            choose("labels")

        bench.session.paint.import_file(grey, ask)
        bench.session.go_to(1004)
        bench.until(lambda: bool(bench.session.draft.drawings))
        assert asked == [("labels", "matte")]
        assert columns(bench, 1001) == {"hero": 0}
        assert not columns(bench, 1004)
