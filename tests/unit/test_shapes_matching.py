from __future__ import annotations

import numpy as np
import pytest
from moving_shapes import WINDOW, blob, matte

from rde_roto.shapes.matching import Samples, follow
from rde_roto.shapes.outlines import outlines


@pytest.mark.parametrize(("breathes", "most_px"), [(0, 0.5), (6, 2)])
def test_samples_move_as_the_outline_does(breathes: float, most_px: float) -> None:
    """A stiff body, and one whose form changes while it moves, through 24 frames."""
    (first,) = outlines(matte(blob(0, breathes)), WINDOW, 2)
    samples = Samples.spread(first, 120, 2.0)
    apart = np.hypot(*np.moveaxis(samples.points[:, None] - blob(0, breathes), -1, 0))
    same, velocity, off = apart.argmin(axis=1), np.zeros(2), []
    for frame in range(1, 24):
        (outline,) = outlines(matte(blob(frame, breathes)), WINDOW, 2)
        before, samples = samples, follow(samples, outline, velocity, 2.0)
        velocity = (samples.points - before.points).mean(axis=0)
        off.append(np.hypot(*(samples.points - blob(frame, breathes)[same]).T).mean())
    assert np.mean(off) <= most_px
