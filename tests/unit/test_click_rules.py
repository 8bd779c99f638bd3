"""What clicks may change, whatever the network answers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rde_roto.session.clicks.rules import Cells, added, boxed, joined, removed
from rde_roto.session.drawing.selection import Change
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SHAPE = (12, 16)
MASKS = arrays(np.float32, SHAPE, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
PLACES = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))


def dot(place: tuple[int, int]) -> Cells:
    dots = np.zeros(SHAPE, bool)
    dots[place] = True
    return dots


def square(top: int, left: int, side: int = 4) -> FloatArray:
    mask = np.zeros(SHAPE, np.float32)
    mask[top : top + side, left : left + side] = 1
    return mask


@settings(max_examples=60, deadline=None)
@given(answer=MASKS, before=MASKS, place=PLACES, drawn=MASKS)
def test_an_adding_click_lowers_no_pixel_and_a_subtracting_one_raises_none(
    answer: FloatArray, before: FloatArray, place: tuple[int, int], drawn: FloatArray
) -> None:
    """Also on what was painted while it was made."""
    box = Window(0, 0, SHAPE[1], SHAPE[0])
    more, less = added(answer, before, dot(place)), removed(answer, before, dot(place))
    if more is not None:
        after = Change("adds", box, more.mask, more.share).over(drawn)
        assert (after >= drawn).all()
        assert after[place] == 1 or before[place] >= 0.5
    else:
        assert before[place] >= 0.5
    if less is not None:
        after = Change("subtracts", box, less.mask, less.share).over(drawn)
        assert (after <= drawn).all()
        assert after[place] == 0
    else:
        assert before[place] < 0.5


def test_a_click_adds_its_own_object_and_no_other() -> None:
    answer = square(1, 1) + square(7, 11)
    more = added(answer, np.zeros(SHAPE, np.float32), dot((2, 2)))
    assert more is not None
    np.testing.assert_array_equal(more.mask * (more.share == 1), square(1, 1))


def test_a_click_takes_away_its_own_piece_and_no_other() -> None:
    before = square(1, 1) + square(7, 11)
    less = removed(np.zeros(SHAPE, np.float32), before, dot((2, 2)))
    assert less is not None
    assert less.share[2, 2] == 1
    assert not less.share[8:11, 12:15].any()


def test_an_edge_does_not_creep_where_the_click_is_far() -> None:
    before, wider = square(2, 2, 6), square(1, 1, 8)
    wider[4:6, 9:14] = 1  # an arm, and a seam of a pixel all around
    more = added(wider, before, dot((4, 12)))
    assert more is not None
    assert more.share[4, 12] == 1
    assert not more.share[:, :5].any()


def test_what_is_right_already_does_not_change() -> None:
    whole = square(1, 1)
    assert added(whole, whole, dot((2, 2))) is None
    assert removed(whole, whole, dot((10, 10))) is None


def test_a_box_selects_only_inside_of_it() -> None:
    inside = square(1, 1, 6) > 0
    found = boxed(square(3, 3, 8), inside)
    assert found is not None
    np.testing.assert_array_equal(found.mask, square(3, 3, 4))
    assert boxed(square(8, 12), inside) is None


def test_pieces_join_along_edges_alone() -> None:
    cells = (square(0, 0) + square(4, 4)) > 0
    np.testing.assert_array_equal(joined(cells, dot((1, 1))), square(0, 0) > 0)
    assert not joined(cells, dot((11, 15))).any()
