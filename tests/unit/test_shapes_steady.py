"""Motion that is taken out of an outline, and samples that slide along it."""

from __future__ import annotations

import numpy as np
import pytest
from moving_shapes import Polygon, blob, disk

from rde_roto.shapes.steady import steadied
from rde_roto.shapes.stretch import Stretch


def followed(polygons: list[Polygon]) -> Stretch:
    """A stretch of polygons whose corners are the same ones in all frames, from frame 1001."""
    points = np.stack(polygons)
    run = np.roll(points, -1, axis=1) - np.roll(points, 1, axis=1)
    normals = np.stack([run[..., 1], -run[..., 0]], axis=2)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    frames = np.arange(1001, 1001 + len(points))
    return Stretch.of(frames, points, normals, np.ones(points.shape[:2]), np.zeros_like(points))


def test_a_shake_is_taken_out_and_a_form_that_changes_stays() -> None:
    random = np.random.default_rng(5)
    shakes = random.normal(0, 3, (12, 2))
    polygons = [blob(frame)[::9] + shake for frame, shake in enumerate(shakes)]
    for polygon in polygons[6:]:
        polygon[10:18, 1] -= 20  # an arm goes up
    motion, stretch = steadied(followed(polygons), 1.0)
    assert motion is not None
    still = np.r_[0:10, 18:100]
    off = stretch.points[:, still] - stretch.points[0, still]
    assert np.abs(off).max() < 0.4  # of which a quarter of the tolerance is allowed
    assert np.abs(stretch.points[6:, 10:18] - stretch.points[0, 10:18]).mean() > 5
    for index in (0, 5, 11):
        back = motion.moved(stretch.points[index], 1001 + index)
        np.testing.assert_allclose(back, polygons[index], atol=1e-9)


def test_a_body_that_drifts_evenly_has_two_keys_of_its_motion() -> None:
    motion, _ = steadied(followed([disk(50 + 2 * frame, 80, 30)[::9] for frame in range(9)]), 1.0)
    assert motion is not None
    assert motion.frames == (1001, 1009)
    assert motion.at(1005)[0] == pytest.approx((8, 0), abs=0.1)
    short = motion.during(1003, 1006)
    assert short.frames == (1003, 1006)
    assert short.at(1005)[0] == pytest.approx(motion.at(1005)[0])


def test_what_stands_still_has_no_motion() -> None:
    stretch = followed([disk(50, 80, 30)[::9]] * 4)
    assert steadied(stretch, 1.0) == (None, stretch)


def test_samples_slide_along_their_outline_and_keep_their_order() -> None:
    stretch = followed([disk(50, 80, 30)[::9]] * 2)
    spacing = 2 * np.pi * 30 / 100
    turn = 1.5 * spacing / 30  # by one and a half samples
    run = stretch.points - (50, 80)
    cos, sin = np.cos(turn), np.sin(turn)
    ahead = run @ np.array([[cos, sin], [-sin, cos]]) + (50, 80)
    # across the outline they do not move; a chord is 0.03 px inside the circle
    np.testing.assert_allclose(
        stretch.slid_to(ahead + 4 * stretch.normals).points[:, 5:95], ahead[:, 5:95], atol=0.5
    )
    knotted = stretch.slid_to(ahead[:, ::-1]).points
    angle = np.unwrap(np.arctan2(*np.moveaxis(knotted - (50, 80), -1, 0)[::-1]), axis=1)
    assert (np.diff(angle, axis=1) > 0).all()
