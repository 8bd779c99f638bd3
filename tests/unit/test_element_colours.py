"""The colours that elements are shown in: chosen by the plate under their first mask, and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from seeing_tracker import SeeingToys, write_shot
from session_bench import Bench, set_points, working_on

from rde_roto.session.document.opening import open_draft
from rde_roto.session.pictures.element_colours import (
    PALETTE,
    colour_of,
    first_colour,
    following_colour,
    rgb,
)
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.keyframe import Element

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")

RED, GREEN = PALETTE[:2]
CORNERS = ((5.0, 5.0), (60.0, 5.0), (60.0, 40.0), (5.0, 40.0))


def pixels(*colours: str) -> Bytes:
    return np.array([rgb(colour) for colour in colours], np.uint8)


def test_the_next_colour_is_not_one_that_the_plate_has() -> None:
    assert following_colour(RED, pixels(GREEN)) != GREEN
    assert following_colour(RED, None) == GREEN
    assert following_colour("#123456", None) == RED


def test_a_quarter_of_the_plate_in_a_colour_is_enough() -> None:
    """A mean of it all would be grey."""
    grey, some = pixels(*["#808080"] * 13), pixels(*[GREEN] * 7)
    assert following_colour(RED, np.concatenate([grey, some])) != GREEN


def test_a_first_colour_is_that_of_the_place_or_a_free_one_that_stands_out() -> None:
    elements = (Element("a", "a"), Element("b", "b"))
    assert first_colour("a", elements, pixels("#10204a")) == RED
    other = first_colour("a", elements, pixels(RED))
    assert other not in (RED, colour_of("b", elements))
    own = (Element("a", "a", color="#ff4d4d"), *elements[1:])
    assert first_colour("a", own, pixels(RED)) == "#ff4d4d"


def drawn(bench: Bench) -> str:
    """Draws an element over the corner of the picture, which is shown; its colour then."""
    bench.until(lambda: bench.session.navigation.picture() is not None)
    set_points(bench, CORNERS)
    return colour_of("body", bench.session.draft.elements)


def test_the_first_mask_brings_the_colour_and_it_stays(tmp_path: Path) -> None:
    path = write_shot(tmp_path)
    with working_on(path, SeeingToys()) as bench:
        picture = bench.session.navigation
        bench.until(lambda: picture.picture() is not None)
        seen = picture.picture()
        assert seen is not None
        seen[..., :3] = rgb(RED)[::-1]  # what is on screen under the mask
        first = drawn(bench)
        assert first != RED
        assert bench.session.draft.element("body").color == first
        seen[..., :3] = rgb(first)[::-1]
        set_points(bench, [(x + 40, y) for x, y in CORNERS])
        assert colour_of("body", bench.session.draft.elements) == first
        bench.session.undo()
        bench.session.undo()
        assert bench.session.draft.element("body").color is None  # the same step as the mask
        bench.session.redo()
    assert open_draft(str(path)).draft.element("body").color == first


def test_a_colour_that_stands_out_is_left_to_the_place(tmp_path: Path) -> None:
    with working_on(write_shot(tmp_path), SeeingToys()) as bench:
        assert drawn(bench) == RED  # the plate is black there
        assert bench.session.draft.element("body").color is None
