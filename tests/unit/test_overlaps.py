"""Elements exclude each other: overlaps are found, refused, and never squeezed in silence."""

from __future__ import annotations

import numpy as np
import pytest
from toy_shots import HEIGHT, TEN, WIDTH, MemoryPlate, ToyNode

from rde_roto.stores import Stores
from rde_roto.values.errors import InputError
from rde_roto.values.keyframe import Element, Keyframe
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import Overlap, beside, overlaps
from rde_roto.values.shot import Shot

ELEMENTS = (Element("a", "actor"), Element("b", "car"))


def planes(*boxes: tuple[slice, slice], alpha: float = 1.0) -> FloatArray:
    drawn = np.zeros((len(boxes), HEIGHT, WIDTH), np.float32)
    for plane, box in zip(drawn, boxes, strict=True):
        plane[box] = alpha
    return drawn


LEFT, RIGHT = np.s_[1:7, 0:7], np.s_[1:7, 4:12]


def test_pixels_that_two_elements_claim_are_counted() -> None:
    assert overlaps(planes(LEFT, RIGHT)) == (Overlap(0, 1, 6 * 3),)
    assert overlaps(planes(LEFT, np.s_[0:0, 0:0], RIGHT)) == (Overlap(0, 2, 6 * 3),)
    assert overlaps(planes(LEFT)) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LEFT, np.s_[1:7, 7:12]),  # they touch
        (LEFT, np.s_[1:7, 5:12]),  # a seam of two pixels
    ],
)
def test_neighbours_do_not_overlap(one: tuple[slice, slice], other: tuple[slice, slice]) -> None:
    assert overlaps(planes(one, other)) == ()


def test_soft_edges_that_share_pixels_do_not_overlap() -> None:
    """Halves in 8 bits are 128/255."""
    assert overlaps(planes(LEFT, RIGHT, alpha=128 / 255)) == ()
    assert overlaps(planes(LEFT, RIGHT, alpha=0.55)) != ()


def test_a_keyframe_with_an_overlap_is_refused_by_name_and_number() -> None:
    keyframe = Keyframe(1003, planes(LEFT, RIGHT))
    with pytest.raises(InputError) as refused:
        Shot(MemoryPlate(), TEN, ELEMENTS, (keyframe,))
    assert str(refused.value).startswith(
        "elements overlap in the keyframe at frame 1003: 'actor' and 'car' by 18 pixels"
    )


def test_what_is_drawn_takes_from_what_is_carried() -> None:
    """At 1011 the car alone is drawn, over what was tracked of the actor."""
    both = Keyframe(1001, planes(np.s_[0:8, 0:8], np.s_[0:8, 8:12]))
    car = Keyframe(1011, planes(np.s_[0:8, 4:12]), ("b",))
    node = ToyNode(Shot(MemoryPlate(), TEN, ELEMENTS, (both, car)), stores=Stores.in_ram())
    alone = node.walker.mask(car, ("a",))
    beside_car = node.walker.mask(car, ("a", "b"))
    assert alone[0, :, 4:].max() > 0.1  # something of the actor was tracked there
    np.testing.assert_array_equal(beside_car[0], beside(alone[0], beside_car[1:]))
    delivered = node.matte(1011).alpha
    assert delivered[0, :, 4:].max() == 0
    assert delivered[1, :, 4:].min() == 1
