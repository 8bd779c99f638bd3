from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from rde_roto.evaluation.alpha import (
    GRADIENT_REACH_PX,
    GRADIENT_SIGMA_PX,
    MatteMeter,
    dtssd,
    edge_band,
    flicker,
    gradient,
    gradient_error,
    mad,
    mse,
)
from rde_roto.evaluation.metrics import BoolArray, boundary_accuracy
from rde_roto.values.errors import InputError

Alpha = NDArray[np.float32]
Measure = Callable[[Alpha, Alpha], float]

SIZE = (48, 64)


def flat(value: float) -> Alpha:
    return np.full(SIZE, value, np.float32)


def soft_disk(radius_px: float = 12, row: float = 24, column: float = 32, soft: float = 4) -> Alpha:
    rows, columns = np.indices(SIZE)
    away = np.hypot(rows - row, columns - column)
    alpha: Alpha = np.clip((radius_px - away) / soft + 0.5, 0, 1).astype(np.float32)
    return alpha


def noise(seed: int) -> Alpha:
    return np.random.default_rng(seed).random(SIZE, dtype=np.float32)


def left_half() -> BoolArray:
    region = np.zeros(SIZE, bool)
    region[:, : SIZE[1] // 2] = True
    return region


# One frame.


def test_differences_of_known_mattes() -> None:
    # 0.25 is exact in binary, so nothing is rounded.
    assert mad(flat(0.5), flat(0.25)) == 250
    assert mse(flat(0.5), flat(0.25)) == 62.5
    assert mad(flat(0.5).astype(np.float16), flat(0.25)) == 250


def test_halves_are_not_squared_in_half() -> None:
    truth = flat(1.0).astype(np.float16)
    matte = (flat(1.0) - 2**-10).astype(np.float16)
    assert mse(truth, matte) == 1000 * 2**-20


def test_only_the_region_counts() -> None:
    matte = np.where(left_half(), np.float32(0.5), np.float32(0.75))
    assert mad(flat(0.5), matte, left_half()) == 0
    assert mad(flat(0.5), matte, ~left_half()) == 250
    assert mse(flat(0.5), matte) == 62.5 / 2
    assert gradient_error(flat(0.5), matte, left_half()) > 0  # the kernel reaches over the border
    far_left = np.zeros(SIZE, bool)
    far_left[:, : SIZE[1] // 2 - GRADIENT_REACH_PX] = True
    # The sums of a flat picture's taps cancel but for float32 rounding of about 1e-7, squared.
    assert gradient_error(flat(0.5), matte, far_left) == pytest.approx(0, abs=1e-9)


def test_an_empty_region_is_nan() -> None:
    nothing = np.zeros(SIZE, bool)
    pair = noise(1), noise(2)
    for measure in (mad, mse, gradient_error):
        assert math.isnan(measure(*pair, nothing))
    assert math.isnan(dtssd(pair, pair, nothing))
    assert math.isnan(flicker(pair, pair, nothing))


@pytest.mark.parametrize("measure", [mad, mse, gradient_error])
def test_zero_for_the_truth_symmetric_and_growing_with_the_error(measure: Measure) -> None:
    truth, error = soft_disk(), noise(3) - np.float32(0.5)
    assert measure(truth, truth) == 0
    assert measure(truth, noise(4)) == measure(noise(4), truth)
    # The gradient of noise alone is linear in its amount; on a flat truth nothing hides that.
    worse = [measure(flat(0.5), flat(0.5) + amount * error) for amount in (0.1, 0.2, 0.4, 0.8)]
    assert worse == sorted(worse)
    assert worse[0] > 0


def test_the_gradient_of_a_ramp_is_its_slope_times_the_kernels_constant() -> None:
    at = np.arange(-GRADIENT_REACH_PX, GRADIENT_REACH_PX + 1)
    bell = np.exp(-(at**2) / (2 * GRADIENT_SIGMA_PX**2))
    kernel = np.outer(bell, at * bell)
    gain = (kernel * at).sum() / np.sqrt((kernel**2).sum())
    # An endless kernel has sigma² · sqrt(8 pi); the one cut off at 4 px lacks about 1.5 percent.
    assert gain == pytest.approx(GRADIENT_SIGMA_PX**2 * math.sqrt(8 * math.pi), rel=0.02)
    rows, columns = np.indices(SIZE)
    ramp = (0.003 * columns + 0.004 * rows).astype(np.float32)
    inside = (slice(GRADIENT_REACH_PX, -GRADIENT_REACH_PX),) * 2
    # float32 sums of 81 products below 1: 1e-5 of the value leaves room for their rounding.
    np.testing.assert_allclose(gradient(ramp)[inside], 0.005 * gain, rtol=1e-5)
    region = np.zeros(SIZE, bool)
    region[inside] = True
    expected = 1000 * (0.005 * gain) ** 2
    assert gradient_error(flat(0.5), ramp, region) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_sees_a_soft_edge_for_a_hard_one_only_at_the_edge() -> None:
    hard, soft = soft_disk(soft=1), soft_disk(soft=6)
    band = edge_band(soft, 2 * GRADIENT_REACH_PX)
    # Away from every edge both pictures are flat: rounding only, as above.
    assert gradient_error(hard, soft, ~band) == pytest.approx(0, abs=1e-9)
    assert gradient_error(hard, soft, band) > 1


# The band.


def test_the_band_of_a_hard_edge_and_of_a_soft_one() -> None:
    step = np.zeros((5, 12), np.float32)
    step[:, 6:] = 1
    assert np.flatnonzero(edge_band(step, 0)[0]).tolist() == [5]
    assert np.flatnonzero(edge_band(step, 2)[0]).tolist() == [3, 4, 5, 6, 7]
    step[:, 6:9] = (0.001, 0.4, 0.999)
    assert np.flatnonzero(edge_band(step, 0)[0]).tolist() == [6, 7, 8]
    assert not edge_band(np.zeros((5, 12), np.float32), 3).any()


# Over time.


def test_changes_that_follow_the_truth_cost_nothing() -> None:
    offset = np.float32(0.125)
    truths = soft_disk(), soft_disk(column=33)
    mattes = truths[0] / 2 + offset, truths[1] / 2 + offset
    assert dtssd(truths, truths) == 0
    assert dtssd((flat(0.0), flat(0.5)), (flat(0.25), flat(0.75))) == 0
    assert dtssd(truths, mattes) == pytest.approx(dtssd(truths, (flat(0), flat(0))) / 2, rel=1e-5)


def test_dtssd_of_a_known_change() -> None:
    still = flat(0.5), flat(0.5)
    assert dtssd(still, (flat(0.5), flat(0.75))) == 250
    # A quarter on one half of the picture: the root of the mean square is 0.25 / sqrt(2).
    half = np.where(left_half(), np.float32(0.75), np.float32(0.5))
    assert dtssd(still, (flat(0.5), half)) == pytest.approx(250 / math.sqrt(2))


def test_flicker_counts_where_the_truth_stands_still() -> None:
    moved = np.where(left_half(), np.float32(0.75), np.float32(0.5))
    truths, mattes = (flat(0.5), moved), (flat(0.25), flat(0.375))
    assert flicker(truths, mattes) == 125
    assert flicker(truths, truths) == 0
    assert math.isnan(flicker(truths, mattes, left_half()))
    # Just below one code of 8 bits stands still, one code and a bit does not.
    assert flicker((flat(0), flat(0.0039)), mattes) == 125
    assert math.isnan(flicker((flat(0), flat(0.004)), mattes))


# A shot.


def test_the_meter_averages_what_the_functions_measure() -> None:
    truths = [soft_disk(column=28 + 3 * i) for i in range(4)]
    mattes = [
        truth * np.float32(0.9) + np.float32(0.05) * noise(i) for i, truth in enumerate(truths)
    ]
    meter = MatteMeter()
    bands = [edge_band(truth, 3) for truth in truths]
    for truth, matte, band in zip(truths, mattes, bands, strict=True):
        meter.add(truth, matte, band)
    score = meter.score()
    frames = list(zip(truths, mattes, bands, strict=True))
    assert score.mad == pytest.approx(np.mean([mad(*frame) for frame in frames]))
    assert score.mse == pytest.approx(np.mean([mse(*frame) for frame in frames]))
    assert score.grad == pytest.approx(np.mean([gradient_error(*frame) for frame in frames]))
    contours = [boundary_accuracy(truth >= 0.5, matte >= 0.5) for truth, matte, _ in frames]
    assert score.boundary == pytest.approx(np.mean(contours))
    pairs = [
        ((truths[i], truths[i + 1]), (mattes[i], mattes[i + 1]), bands[i] | bands[i + 1])
        for i in range(3)
    ]
    assert score.dtssd == pytest.approx(np.mean([dtssd(*pair) for pair in pairs]))
    assert score.flicker == pytest.approx(np.mean([flicker(*pair) for pair in pairs]))


def test_the_truth_itself_is_perfect() -> None:
    meter = MatteMeter()
    for i in range(3):
        truth = soft_disk(column=28 + 2 * i)
        meter.add(truth, truth.copy())
    assert astuple(meter.score()) == (0, 0, 0, 0, 0, 1)


def test_a_matte_that_pulses_flickers_and_one_that_is_wrong_but_steady_does_not() -> None:
    pulsing, steady, truth = MatteMeter(), MatteMeter(), soft_disk()
    for i in range(4):
        pulsing.add(truth, truth * np.float32(1 - 0.25 * (i % 2)))
        steady.add(truth, truth * np.float32(0.75))
    assert pulsing.score().flicker == pytest.approx(250 * truth.mean())
    assert steady.score().flicker == steady.score().dtssd == 0
    assert steady.score().mad > pulsing.score().mad > 0


def test_frames_without_a_pixel_that_counts_are_left_out() -> None:
    meter = MatteMeter()
    assert all(math.isnan(value) for value in astuple(meter.score()))
    meter.add(flat(0), flat(0.5), edge_band(flat(0), 3))
    assert math.isnan(meter.score().mad)
    meter.add(soft_disk(), soft_disk(), edge_band(soft_disk(), 3))
    assert meter.score().mad == 0


def test_bad_input_is_told() -> None:
    with pytest.raises(InputError, match=r"floating \[H, W\], got bool \[48, 64\]"):
        mad(left_half(), flat(0))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"float32 \[48, 64\] and float32 \[48, 1\]"):
        MatteMeter().add(flat(0), flat(0)[:, :1])
    with pytest.raises(InputError, match=r"a region bool \[48, 64\].* got float32"):
        mse(flat(0), flat(0), flat(1))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"floating \[H, W\], got float32 \[48, 64, 1\]"):
        edge_band(flat(0)[..., None], 3)
    meter = MatteMeter()
    meter.add(flat(0), flat(0))
    with pytest.raises(InputError, match="of one size"):
        meter.add(flat(0)[1:], flat(0)[1:])
