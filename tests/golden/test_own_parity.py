from __future__ import annotations

import numpy as np
import pytest
from make_own_parity import STORED, TOP_K, propagate

from rde_roto.net import RDE_R50, RDENet
from rde_roto.values.matte import FloatArray
from seeded import seeded_network

# Other float32 arithmetic (a second thread, convolutions without oneDNN) moves these probabilities
# by 7e-6 at most. The smallest deliberate mistake tried costs 1.5e-3 (SAM's widest dilation 8 for
# 6); batch norm's eps, SAM's order of moments, average for maximum and a bank of other copies cost
# 3e-3 and more.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def r50() -> RDENet:
    return seeded_network(RDE_R50)


def assert_unchanged(net: RDENet, name: str) -> None:
    with np.load(STORED) as stored:
        expected: FloatArray = stored[f"{net.config.name}_{name}"]
    actual = propagate(net, TOP_K[name])
    assert actual.shape == expected.shape
    assert abs(actual - expected).max() < TOLERANCE


@pytest.mark.parametrize("name", TOP_K)
def test_the_pixels_of_rde_lite(lite: RDENet, name: str) -> None:
    assert_unchanged(lite, name)


@pytest.mark.parametrize("name", TOP_K)
def test_the_pixels_of_rde_r50(r50: RDENet, name: str) -> None:
    assert_unchanged(r50, name)


def test_the_fixture_is_small_and_tells_full_from_top_k() -> None:
    assert STORED.stat().st_size <= 300_000
    with np.load(STORED) as stored:
        assert sorted(stored) == [
            "rde-lite_full",
            "rde-lite_top10",
            "rde-r50_full",
            "rde-r50_top10",
        ]
        for size in ("rde-lite", "rde-r50"):
            difference = abs(stored[f"{size}_full"] - stored[f"{size}_top10"])
            assert difference.max() > 100 * TOLERANCE
