from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rde_roto.evaluation.alpha import edge_band, flicker
from rde_roto.matte.dechatter import Neighbour, dechattered
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry, resized
from rde_roto.model.network_view import Picture
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SIZE = (96, 144)
GEOMETRY = Geometry(SIZE, SIZE)  # a multiple of 16 each way: not padded


def pattern(seed: int, size: tuple[int, int] = SIZE) -> FloatArray:
    """[H, W, 3]: soft blots of some eight pixels, 0..1."""
    height, width = size
    coarse = np.random.default_rng(seed).random((1, 3, height // 8 + 1, width // 8 + 1))
    planes = resized(torch.from_numpy(coarse.astype(np.float32)), size)
    soft: FloatArray = np.ascontiguousarray(planes[0].permute(1, 2, 0).numpy())
    return soft


def grain(seed: int) -> FloatArray:
    """One of the 8-bit grains of a digital camera: two codes, standard deviation."""
    noise = np.random.default_rng(seed).normal(0, 2 / 255, (*SIZE, 3))
    return noise.astype(np.float32)


def disk(radius: float, soft_px: float = 2, middle: float = 70) -> FloatArray:
    """[1, H, W]."""
    rows, columns = np.indices(SIZE)
    inside = (radius - np.hypot(rows - 48, columns - middle)) / soft_px + 0.5
    alpha: FloatArray = inside.clip(0, 1)[None].astype(np.float32)
    return alpha


def all_steadied(
    mattes: list[FloatArray], views: list[FloatArray], strength: float = 1
) -> list[FloatArray]:
    """Of every frame but the first and the last."""
    found = []
    for at in range(1, len(mattes) - 1):
        neighbours = [
            Neighbour(RawMatte(mattes[n], GEOMETRY), Picture(views[n]), (True,) * len(mattes[n]))
            for n in (at - 1, at + 1)
        ]
        raw = dechattered(RawMatte(mattes[at], GEOMETRY), Picture(views[at]), neighbours, strength)
        assert raw.geometry == GEOMETRY
        found.append(raw.planes)
    return found


def flickers(mattes: list[FloatArray], truth: FloatArray) -> float:
    """Mean over the pairs, within eight pixels of the edge."""
    pairs = list(pairwise(mattes))
    region = edge_band(truth[0], 8)
    return float(np.mean([flicker((truth[0],) * 2, (a[0], b[0]), region) for a, b in pairs]))


def chattering(kind: str) -> list[FloatArray]:
    """Sixteen mattes of a disk that stands still."""
    random = np.random.default_rng(1)
    if kind == "pulses at random":
        return [disk(30 + random.normal()) for _ in range(16)]
    if kind == "pulses to and fro":
        return [disk(30 + at % 2) for at in range(16)]
    bites = [pattern(at)[None, ..., 0] > 0.7 for at in range(16)]
    return [np.where(bite, 0, disk(30)).astype(np.float32) for bite in bites]


# What is taken out.


@pytest.mark.parametrize("kind", ["pulses at random", "pulses to and fro", "is bitten"])
def test_a_matte_that_chatters_over_a_still_plate_flickers_half_as_much(kind: str) -> None:
    mattes = chattering(kind)
    views = [pattern(0) + grain(at) for at in range(len(mattes))]
    before = flickers(mattes[1:-1], disk(30))
    assert flickers(all_steadied(mattes, views), disk(30)) <= 0.5 * before


def test_chatter_is_taken_out_of_what_moves_with_the_plate() -> None:
    """A pan of 2.5 pixels a frame, so that bilinear interpolation is part of it."""
    wide = pattern(0, (96, 240))
    fine = resized(torch.from_numpy(wide).permute(2, 0, 1)[None], (96, 480))[0]
    panned = fine.permute(1, 2, 0).numpy()
    views = [np.ascontiguousarray(panned[:, 5 * at :: 2][:, :144]) for at in range(3)]

    def seen(at: int, radius: float) -> FloatArray:
        return disk(radius, soft_px=3, middle=70 - 2.5 * at)

    (found,) = all_steadied([seen(0, 30), seen(1, 31), seen(2, 30)], views)
    chatter = np.abs(seen(1, 31) - seen(1, 30.5)).mean()
    assert np.abs(found - seen(1, 30.5)).mean() < 0.35 * chatter


def test_a_part_of_the_strength_goes_a_part_of_the_way() -> None:
    mattes, views = chattering("pulses to and fro")[:3], [pattern(0)] * 3
    (whole,), (half,) = (all_steadied(mattes, views, strength) for strength in (1, 0.5))
    np.testing.assert_allclose(half, (mattes[1] + whole) / 2, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(all_steadied(mattes, views, 0)[0], mattes[1])


def test_one_whole_alternation_is_gone() -> None:
    """Half-way between two radii; 1e-3 is for looking up neighbours at a place in float32."""
    (found,) = all_steadied([disk(30), disk(31), disk(30)], [pattern(0)] * 3)
    np.testing.assert_allclose(found, (disk(30) + disk(31)) / 2, rtol=0, atol=1e-3)


# What stays.


def crossing(at: int, step: float) -> tuple[FloatArray, FloatArray]:
    """A patterned square over another pattern, and its matte [1, H, W]."""
    rows, columns = np.indices(SIZE)
    left = 30 + step * at
    across = np.minimum(columns + 1, left + 40) - np.maximum(columns, left)
    alpha = (across.clip(0, 1) * ((rows >= 28) & (rows < 68))).astype(np.float32)
    whole = int(np.floor(step * at))
    front = np.roll(1 - 0.5 * pattern(5), whole, axis=1)
    view = 0.6 * pattern(6) * (1 - alpha[..., None]) + front * alpha[..., None]
    return view.astype(np.float32), alpha[None]


@pytest.mark.parametrize("step", [1, 3, 7, 20])
def test_a_square_that_moves_leaves_no_trail(step: int) -> None:
    """Its mattes are right as they are. What is touched at all is within a cell of its edge, where
    the neighbours' were looked up between two cells.
    """
    views, mattes = zip(*(crossing(at, step) for at in range(3)), strict=True)
    (found,) = all_steadied(list(mattes), list(views))
    changed = np.abs(found - mattes[1])[0]
    assert changed[~edge_band(mattes[1][0], 2)].max() < 0.02
    assert changed.mean() < 0.02 * edge_band(mattes[1][0], 1).mean()


def test_what_changes_in_one_direction_keeps_its_every_bit() -> None:
    """An edge that passes by a place where the picture tells nothing."""
    mattes = [disk(radius) * 0.5 + 0.05 * at for at, radius in enumerate((28, 30, 32))]
    (found,) = all_steadied([m.astype(np.float32) for m in mattes], [np.ones((*SIZE, 3), "f")] * 3)
    np.testing.assert_array_equal(found, mattes[1].astype(np.float32))


@pytest.mark.parametrize("other", [0, 2])
def test_where_a_neighbours_picture_is_another_the_matte_stays(other: int) -> None:
    """A flash, before or behind: what weight is left is below the last bit."""
    views = [0.5 * pattern(0)] * 3
    views[other] = views[other] + np.float32(0.5)
    mattes = [disk(30), disk(33), disk(30)]
    (found,) = all_steadied(mattes, views)
    np.testing.assert_allclose(found, mattes[1], rtol=0, atol=1e-7)


def test_an_element_that_does_not_exist_beside_a_frame_keeps_its_every_bit() -> None:
    a, b = disk(20), disk(23)
    raws = [RawMatte(np.concatenate([x, 0.5 * (1 - x)]), GEOMETRY) for x in (a, b, a)]
    beside = [
        Neighbour(raws[0], Picture(pattern(0)), (True, False)),
        Neighbour(raws[2], Picture(pattern(0)), (True, True)),
    ]
    found = dechattered(raws[1], Picture(pattern(0)), beside, 1).planes
    assert np.abs(found[0] - raws[1].planes[0]).max() > 0.1
    np.testing.assert_array_equal(found[1], raws[1].planes[1])


# At all times.


@st.composite
def frames(draw: st.DrawFn) -> tuple[Geometry, list[RawMatte], list[FloatArray]]:
    """Three of any size and any pixels, each seen in a box of its own."""
    size = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    geometry = Geometry.of(size, draw(st.integers(1, 40)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    raws = []
    for _ in range(3):
        box = None
        if draw(st.booleans()):
            top, left = (draw(st.integers(0, side - 1)) for side in size)
            box = Window(left, top, size[1] - left, size[0] - top)
        there = geometry.within(box)
        shares = torch.from_numpy(random.random((1, 3, *size), dtype=np.float32))
        planes = there.to_network(shares / shares.sum(dim=1, keepdim=True))
        raws.append(RawMatte(planes[0, :2].numpy(), there))
    calm = draw(st.sampled_from([0, 0.1, 1]))
    noises = [random.random((*size, 3), dtype=np.float32) for _ in range(4)]
    views = [((1 - calm) * noises[3] + calm * noise).astype(np.float32) for noise in noises[:3]]
    return geometry, raws, views


@given(frames())
def test_time_has_no_direction_and_a_matte_stays_a_matte(
    drawn: tuple[Geometry, list[RawMatte], list[FloatArray]],
) -> None:
    _, raws, views = drawn
    copies = [raw.planes.copy() for raw in raws]
    beside = [Neighbour(raws[n], Picture(views[n]), (True, True)) for n in (0, 2)]
    found = dechattered(raws[1], Picture(views[1]), beside, 1)
    assert found.geometry == raws[1].geometry
    reversed_ = dechattered(raws[1], Picture(views[1]), beside[::-1], 1)
    np.testing.assert_array_equal(reversed_.planes, found.planes)
    # one rounding a plane
    assert found.planes.min() >= -1e-6
    assert found.planes.sum(axis=0).max() <= 1 + 1e-6
    for raw, copy in zip(raws, copies, strict=True):
        np.testing.assert_array_equal(raw.planes, copy)
