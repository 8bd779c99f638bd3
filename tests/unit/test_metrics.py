from __future__ import annotations

import itertools

import numpy as np
import pytest

from rde_roto.evaluation.metrics import (
    BoolArray,
    SequenceScore,
    boundary,
    boundary_accuracy,
    dilate,
    region_similarity,
)
from rde_roto.values.errors import InputError

NOTHING = np.zeros((100, 100), bool)
EVERYTHING = np.ones((100, 100), bool)


def square(row: int, column: int, side: int = 10, size: int = 100) -> BoolArray:
    mask = np.zeros((size, size), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def scribble(seed: int, height: int = 60, width: int = 80) -> BoolArray:
    """A few random rectangles, xored: blobs with holes that also touch the image's border."""
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), bool)
    for _ in range(4):
        top, bottom = sorted(random.integers(0, height + 1, 2))
        left, right = sorted(random.integers(0, width + 1, 2))
        mask[top:bottom, left:right] ^= True
    return mask


def dilate_slowly(mask: BoolArray, radius_px: int) -> BoolArray:
    rows, columns = np.indices(mask.shape)
    grown = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        grown |= (rows - row) ** 2 + (columns - column) ** 2 <= radius_px**2
    return grown


# Region similarity.


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (0, 1.0),
        (1, 90 / 110),
        (5, 50 / 150),
        (10, 0.0),
    ],
)
def test_region_similarity_of_a_shifted_square(shift: int, expected: float) -> None:
    assert region_similarity(square(40, 40), square(40, 40 + shift)) == expected


def test_region_similarity_of_empty_masks() -> None:
    assert region_similarity(NOTHING, NOTHING) == 1.0
    assert region_similarity(NOTHING, square(40, 40)) == 0.0
    assert region_similarity(square(40, 40), NOTHING) == 0.0
    assert region_similarity(EVERYTHING, NOTHING) == 0.0


# Boundaries and their dilation.


def test_boundary_of_a_square_is_a_ring_half_outside() -> None:
    # The ring runs through the row above and the column left of the square, and through its own
    # last row and column: the outline of a square of side 4, 12 pixels.
    expected = square(1, 1, side=4, size=8) & ~square(2, 2, side=2, size=8)
    np.testing.assert_array_equal(boundary(square(2, 2, side=3, size=8)), expected)


def test_boundary_at_the_border_of_the_image() -> None:
    upper_left = np.zeros((8, 8), bool)
    upper_left[2, :3] = upper_left[:3, 2] = True
    np.testing.assert_array_equal(boundary(square(0, 0, side=3, size=8)), upper_left)
    lower_right = np.zeros((8, 8), bool)
    lower_right[4, 4:] = lower_right[4:, 4] = True
    np.testing.assert_array_equal(boundary(square(5, 5, side=3, size=8)), lower_right)


def test_the_last_corner_is_no_boundary() -> None:
    corner = np.zeros((3, 3), bool)
    corner[2, 2] = True
    expected = np.zeros((3, 3), bool)
    expected[1, 1] = expected[1, 2] = expected[2, 1] = True
    np.testing.assert_array_equal(boundary(corner), expected)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 13])
def test_dilation_of_a_point_is_the_disk(radius: int) -> None:
    point = np.zeros((31, 31), bool)
    point[15, 15] = True
    rows, columns = np.indices(point.shape)
    disk = (rows - 15) ** 2 + (columns - 15) ** 2 <= radius**2
    np.testing.assert_array_equal(dilate(point, radius), disk)


@pytest.mark.parametrize(
    ("seed", "shape", "radius"),
    [
        *((seed, (23, 31), radius) for seed, radius in itertools.product(range(4), range(7))),
        (4, (1, 40), 3),
        (5, (40, 1), 3),
        (6, (3, 4), 9),
        (7, (1, 1), 2),
    ],
)
def test_dilation_agrees_with_brute_force(seed: int, shape: tuple[int, int], radius: int) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.03
    mask[0, 0] = True
    before = mask.copy()
    np.testing.assert_array_equal(dilate(mask, radius), dilate_slowly(mask, radius))
    np.testing.assert_array_equal(mask, before)


# Boundary accuracy. In an image of 100 x 100 the tolerance is ceil(0.008 · 141.4) = 2 pixels.


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_shift_within_the_tolerance_is_perfect(shift: int) -> None:
    assert boundary_accuracy(square(40, 40), square(40, 40 + shift)) == 1.0


def test_a_shift_of_one_pixel_more_than_the_tolerance() -> None:
    # Both boundaries are rings of 40 pixels, columns 0..10 and 3..13 of rows 0..10. Of the shifted
    # one, the top and bottom rows match in columns 3..12 (20 pixels), its left side only where
    # top and bottom are near, in rows 1, 2, 8 and 9; its right side not at all: 24 of 40. The
    # other ring is its mirror image, so recall = precision = F = 24 / 40.
    assert boundary_accuracy(square(40, 40), square(40, 43)) == pytest.approx(0.6, abs=1e-12)


def test_the_tolerance_is_a_disk_not_a_square() -> None:
    # Single pixels: each has a boundary of 2 x 2, so a diagonal shift by (2, 2) leaves the near
    # corners at distance (1, 1) and every other pair farther than 2 apart: 1 of 4 matches ...
    near = square(52, 52, side=1)
    assert boundary_accuracy(square(50, 50, side=1), near) == pytest.approx(0.25, abs=1e-12)
    # ... and a shift by (3, 3) leaves the near corners at (2, 2), farther than 2.
    assert boundary_accuracy(square(50, 50, side=1), square(53, 53, side=1)) == 0.0


def test_the_tolerance_grows_with_the_image() -> None:
    # 480 x 854: ceil(0.008 · 979.7) = 8 pixels.
    truth, near, far = np.zeros((3, 480, 854), bool)
    truth[100:200, 100] = near[100:200, 108] = far[100:200, 112] = True
    assert boundary_accuracy(truth, near) == 1.0
    assert boundary_accuracy(truth, far) == 0.0


def test_half_of_the_boundaries_found() -> None:
    # Precision 1, recall 1/2: F = 2/3.
    both = square(10, 10) | square(70, 70)
    assert boundary_accuracy(both, square(10, 10)) == pytest.approx(2 / 3, abs=1e-12)
    assert boundary_accuracy(square(10, 10), both) == pytest.approx(2 / 3, abs=1e-12)


def test_boundary_accuracy_of_empty_masks() -> None:
    assert boundary_accuracy(NOTHING, NOTHING) == 1.0
    assert boundary_accuracy(NOTHING, square(40, 40)) == 0.0
    assert boundary_accuracy(square(40, 40), NOTHING) == 0.0
    assert boundary_accuracy(EVERYTHING, NOTHING) == 1.0


def test_far_boundaries_do_not_match() -> None:
    assert boundary_accuracy(square(10, 10), square(70, 70)) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_properties(seed: int) -> None:
    truth, mask = scribble(seed), scribble(seed + 1000)
    for score in (region_similarity, boundary_accuracy):
        assert 0.0 <= score(truth, mask) <= 1.0
        assert score(truth, mask) == score(mask, truth)
        assert score(truth, truth) == 1.0
    assert region_similarity(truth.T, mask.T) == region_similarity(truth, mask)


@pytest.mark.parametrize("seed", range(5))
def test_boundary_accuracy_agrees_with_its_definition(seed: int) -> None:
    truth = scribble(seed)
    mask = truth ^ scribble(seed + 1000)
    wanted, found = (np.argwhere(boundary(each)) for each in (truth, mask))
    squared = ((wanted[:, None] - found[None]) ** 2).sum(axis=2)
    near = squared <= 1  # ceil(0.008 · hypot(60, 80)) = 1
    precision, recall = near.any(axis=0).mean(), near.any(axis=1).mean()
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_accuracy(truth, mask) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((100, 99), bool), np.zeros((100, 100), np.uint8), np.zeros((1, 100, 100), bool)],
)
def test_masks_that_cannot_be_compared(mask: BoolArray) -> None:
    for score in (region_similarity, boundary_accuracy):
        with pytest.raises(InputError, match="one size, bool"):
            score(NOTHING, mask)


# Sequences.


def test_a_sequence_leaves_out_its_first_and_last_frame() -> None:
    truth = square(40, 40)
    lost = (truth, NOTHING)
    score = SequenceScore.of(iter([lost, (truth, truth), (truth, square(40, 43)), lost]))
    np.testing.assert_allclose(score.region, [1.0, 70 / 130], rtol=0, atol=1e-12)
    np.testing.assert_allclose(score.boundary, [1.0, 0.6], rtol=0, atol=1e-12)
    assert score.mean_j == pytest.approx(100 / 130, abs=1e-12)
    assert score.mean_f == pytest.approx(0.8, abs=1e-12)
    assert score.j_and_f == pytest.approx((100 / 130 + 0.8) / 2, abs=1e-12)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_sequence_too_short_to_score(count: int) -> None:
    with pytest.raises(InputError, match=f"at least 3 frames to be scored, this one has {count}"):
        SequenceScore.of([(NOTHING, NOTHING)] * count)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ([0.5], (0.5, 0.5, 0.5, 0.5)),
        ([1.0, 0.8, 0.6, 0.4, 0.2], (0.9, 0.7, 0.5, 0.3)),
        # Eight frames are cut at indices 0, 2, 4, 5, 7.
        ([1.0, 1.0, 1.0, 0.4, 0.7, 0.3, 0.0, 0.0], (1.0, 0.7, 0.5, 0.1)),
        # Eleven frames: every tenth is two of them, sharing one with the next.
        ([i / 10 for i in range(11)], tuple(i / 10 + 0.05 for i in range(10))),
    ],
)
def test_parts_of_a_sequence(region: list[float], expected: tuple[float, ...]) -> None:
    score = SequenceScore(np.array(region), np.array(region))
    assert score.j_by_part(len(expected)) == pytest.approx(expected, abs=1e-12)


def test_more_parts_than_frames() -> None:
    region = np.array([0.2, 0.8])
    assert SequenceScore(region, region).j_by_part(10) == (0.2,) * 4 + (0.5,) + (0.8,) * 5


def test_a_collapse_shows_in_the_last_quarter() -> None:
    region = np.r_[np.full(60, 0.9), np.zeros(20)]
    first, *_, last = SequenceScore(region, region).j_by_part(4)
    assert first == pytest.approx(0.9, abs=1e-12)
    assert last < 0.8 * first
