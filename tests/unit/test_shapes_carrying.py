"""Points that are carried by outlines, against bodies that move in a known way."""

from __future__ import annotations

import numpy as np
import pytest
from moving_shapes import WINDOW, Polygon, blob, disk, matte, placed

from rde_roto.shapes.carrying import Carrier, found_outlines


def away_px(found: Polygon | None, truth: Polygon) -> Polygon:
    """How far each point is from where it should be, [P]."""
    assert found is not None
    away: Polygon = np.hypot(*(found - truth).T)
    return away


@pytest.mark.parametrize(("breathes", "most_px"), [(0.0, 1.0), (6.0, 4.0)])
def test_points_stay_where_they_are_on_a_body(breathes: float, most_px: float) -> None:
    """On its outline, through 40 frames in which it goes 100 pixels and turns by 46 degrees."""
    few = slice(None, None, 60)
    carrier = Carrier(blob(0, breathes)[few], found_outlines(matte(blob(0, breathes))), WINDOW)
    for frame in range(1, 41):
        truth = blob(frame, breathes)
        carried = carrier.add(found_outlines(matte(truth)))
    assert away_px(carried, truth[few]).mean() <= most_px
    assert carried is not None
    # across the outline, which is what counts for a mask, less than a pixel
    nearest = np.hypot(*np.moveaxis(carried[:, None] - truth, -1, 0)).min(axis=1)
    assert nearest.max() <= 1.0


def test_points_inside_and_beside_a_body_go_with_it() -> None:
    x, y = np.array([0.0, 20.0, -15.0, 90.0]), np.array([0.0, 10.0, -20.0, 10.0])
    carrier = Carrier(placed(x, y, 0), found_outlines(matte(blob(0))), WINDOW)
    for frame in range(1, 31):
        carried = carrier.add(found_outlines(matte(blob(frame))))
    assert away_px(carried, placed(x, y, 30)).max() <= 2.0


def test_points_go_on_with_what_is_left_of_the_outlines() -> None:
    """One of two parts leaves; then the other one too, for long."""
    corners = disk(60, 60, 20)[::225]
    both = [disk(60 + 2 * step, 60, 20) for step in range(6)]
    carrier = Carrier(corners, found_outlines(matte(both[0], disk(200, 120, 30))), WINDOW)
    for step in range(1, 6):
        parts = (both[step], disk(200 + step, 120, 30)) if step < 3 else (both[step],)
        carried = carrier.add(found_outlines(matte(*parts)))
        assert away_px(carried, corners + np.array([2 * step, 0])).max() <= 1.5
    apart = found_outlines(matte(disk(60, 60, 9), disk(80, 60, 9)))
    passed = carrier.add(apart)  # for a frame the matte falls apart
    assert away_px(passed, corners + np.array([12, 0])).max() <= 1.5
    carried = carrier.add(found_outlines(matte(both[5] + np.array([4, 0]))))
    assert away_px(carried, corners + np.array([14, 0])).max() <= 1.5
    nothing = found_outlines(np.zeros(WINDOW.shape, np.float32))
    assert [carrier.add(nothing) is None for _ in range(5)] == [False, False, False, True, True]
    assert carrier.add(found_outlines(matte(both[5]))) is None
