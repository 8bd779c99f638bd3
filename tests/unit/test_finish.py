from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from peak import STATUS
from rde_roto.evaluation.alpha import gradient_error, mad
from rde_roto.images.color.transforms import input_transform_of
from rde_roto.matte import edges
from rde_roto.matte.edges import SOFT
from rde_roto.matte.finish import finish, finish_keyframe, needs_plate
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Finish

aten = torch.ops.aten

UNCLIPPED = Finish(clip_black=0, clip_white=1)


def matte(seed: int = 0, height: int = 17, width: int = 23, planes: int = 2) -> FloatArray:
    """Blocks and specks in steps of 1/256, whose sums and differences float32 holds exactly."""
    random = np.random.default_rng(seed)
    steps = random.integers(0, 257, (planes, height, width))
    steps[random.random(steps.shape) < 0.5] = 0
    steps[:, 3:9, 4:12] = 256
    return (steps / 256).astype(np.float32)


def grown_slowly(alpha: FloatArray, radius: int) -> FloatArray:
    """The largest value at most ``radius`` pixels away, Euclidean, inside the image."""
    height, width = alpha.shape[1:]
    rows, columns = np.indices((height, width))
    grown = np.empty_like(alpha)
    for row in range(height):
        for column in range(width):
            near = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
            grown[:, row, column] = alpha[:, near].max(axis=1)
    return grown


def finished(alpha: FloatArray, **settings: float) -> FloatArray:
    return finish_keyframe(alpha, Finish.model_validate(settings))


# Erode and dilate.


@pytest.mark.parametrize("radius", [1, 2, 3, 5])
def test_whole_radii_move_the_edge_by_a_disk(radius: int) -> None:
    alpha = matte(radius)
    dilated, eroded = grown_slowly(alpha, radius), 1 - grown_slowly(1 - alpha, radius)
    np.testing.assert_array_equal(finished(alpha, erode_px=-radius), dilated)
    np.testing.assert_array_equal(finished(alpha, erode_px=radius), eroded)


@pytest.mark.parametrize("radius", [0.25, 0.5, 1.75, 3.3])
def test_a_radius_between_is_the_mixture_of_its_neighbours(radius: float) -> None:
    alpha = matte(7)
    share = radius - math.floor(radius)
    near, far = (grown_slowly(alpha, n) for n in (math.floor(radius), math.ceil(radius)))
    expected = (1 - share) * near + share * far
    # two roundings of float32 near 1
    np.testing.assert_allclose(finished(alpha, erode_px=-radius), expected, rtol=0, atol=2e-7)
    eroded = 1 - finished(1 - alpha, erode_px=-radius)
    np.testing.assert_allclose(finished(alpha, erode_px=radius), eroded, rtol=0, atol=2e-7)


def test_a_disk_larger_than_the_image() -> None:
    alpha = np.zeros((1, 3, 5), np.float32)
    alpha[0, 1, 2] = 0.75
    np.testing.assert_array_equal(finished(alpha, erode_px=-64), np.full_like(alpha, 0.75))
    assert not finished(alpha, erode_px=64).any()


def test_nothing_is_eroded_from_the_border_of_the_image() -> None:
    full = np.ones((1, 9, 9), np.float32)
    np.testing.assert_array_equal(finished(full, erode_px=3), full)


# Feather.


@pytest.mark.parametrize("feather", [0.1, 1, 6, 64])
@pytest.mark.parametrize("shape", [(20, 30), (3, 40), (1, 1), (1, 9)])
def test_a_flat_matte_stays_flat(feather: float, shape: tuple[int, int]) -> None:
    flat = np.full((2, *shape), 0.3, np.float32)
    flat[1] = 1
    softened = finished(flat, feather_px=feather)
    # up to 193 weights of float32 sum to 1 within this, once a direction
    np.testing.assert_allclose(softened, flat, rtol=0, atol=2e-6)


@pytest.mark.parametrize("feather", [2, 5, 40])
def test_feather_knows_no_direction(feather: float) -> None:
    alpha = matte(3)
    softened = finished(alpha, feather_px=feather)
    for view in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        mirrored = finished(np.ascontiguousarray(alpha[view]), feather_px=feather)
        np.testing.assert_allclose(mirrored, softened[view], rtol=0, atol=1e-6)
    turned = finished(np.ascontiguousarray(alpha.transpose(0, 2, 1)), feather_px=feather)
    np.testing.assert_allclose(turned.transpose(0, 2, 1), softened, rtol=0, atol=1e-6)


def test_feather_keeps_the_sum_of_what_is_inside() -> None:
    point = np.zeros((1, 41, 41), np.float32)
    point[0, 20, 20] = 1
    softened = finished(point, feather_px=8)
    assert softened.sum() == pytest.approx(1, abs=1e-5)
    assert softened.max() == softened[0, 20, 20]
    assert softened[0, 20, 0] == 0, "cut at three sigma, 12 pixels"


def test_an_edge_is_soft_over_the_feather() -> None:
    # A step between columns 31 and 32 becomes the normal distribution function of sigma = 4,
    # 0.02 to 0.98 over 8 pixels either side. Cutting the tails at three sigma and standing for
    # each pixel by its centre changes it by less than 0.003.
    step = np.zeros((1, 8, 64), np.float32)
    step[..., 32:] = 1
    distance = np.arange(64) - 31.5
    expected = [0.5 * (1 + math.erf(x / (4 * math.sqrt(2)))) for x in distance]
    softened = finished(step, feather_px=8)
    np.testing.assert_allclose(softened[0], np.tile(expected, (8, 1)), rtol=0, atol=0.003)
    assert (np.diff(softened[0], axis=1) >= 0).all()


@pytest.mark.parametrize("shape", [(5, 7), (2, 50), (50, 2), (1, 1)])
def test_a_feather_larger_than_the_image(shape: tuple[int, int]) -> None:
    alpha = np.random.default_rng(5).random((3, *shape), dtype=np.float32)
    softened = finished(alpha, feather_px=64)
    assert softened.shape == alpha.shape
    assert softened.min() >= alpha.min() - 1e-6
    assert softened.max() <= alpha.max() + 1e-6


def test_a_thin_image_is_softened_as_far_as_a_thick_one() -> None:
    step = np.zeros((1, 40, 60), np.float32)
    step[..., 30:] = 1
    thick = finished(step, feather_px=12)[0, 20]
    thin = finished(np.ascontiguousarray(step[:, :3]), feather_px=12)[0, 1]
    np.testing.assert_allclose(thin, thick, rtol=0, atol=1e-6)


# Gain, order, and what rests.


def test_gain_is_held_within_0_and_1() -> None:
    alpha = np.array([[[0, 0.25, 0.4, 0.5, 0.75, 1]]], np.float32)
    assert finished(alpha, gain=2).tolist() == [[[0, 0.5, np.float32(0.8), 1, 1, 1]]]
    assert finished(alpha, gain=0.5)[0, 0, 5] == 0.5
    assert not finished(alpha, gain=0).any()


def test_gamma_bends_what_is_between_0_and_1() -> None:
    alpha = np.array([[[0, 0.25, 1]]], np.float32)
    assert finished(alpha, gamma=2).tolist() == [[[0, 0.5, 1]]]
    assert finished(alpha, gamma=0.5).tolist() == [[[0, 0.0625, 1]]]
    assert finished(alpha, gain=2, gamma=2)[0, 0, 1] == np.float32(0.5**0.5), "gain comes first"


def test_first_the_edge_moves_then_it_softens_then_gain() -> None:
    alpha = matte(11)
    softened = finished(finished(alpha, erode_px=2), feather_px=3)
    expected = np.minimum(softened * np.float32(1.5), 1)
    together = finished(alpha, erode_px=2, feather_px=3, gain=1.5)
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-6)
    other_order = finished(finished(alpha, feather_px=3), erode_px=2)
    assert np.abs(other_order - softened).max() > 0.05


def test_at_rest_the_artists_mask_comes_back_bit_for_bit() -> None:
    alpha = np.random.default_rng(2).random((3, 31, 18), dtype=np.float32)
    alpha[0, :2] = [[0], [1]]
    before = alpha.copy()
    untouched = finish_keyframe(alpha, Finish())
    assert untouched.dtype == np.float32
    assert untouched.tobytes() == before.tobytes()
    untouched[:] = 0
    np.testing.assert_array_equal(alpha, before, "the result is the keyframe's own memory")


# The network's matte.


@pytest.mark.parametrize(
    ("plate", "lines"), [((50, 70), 32), ((64, 96), 480), ((33, 47), 33), ((101, 20), 96)]
)
@pytest.mark.parametrize("settings", [Finish(), Finish(erode_px=1.5, feather_px=4, gain=3)])
def test_a_matte_comes_back_at_plate_size(
    plate: tuple[int, int], lines: int, settings: Finish
) -> None:
    geometry = Geometry.of(plate, lines)
    left, right, top, bottom = geometry.padding
    height, width = geometry.working
    blocks = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    logits = F.interpolate(5 * blocks, (top + height + bottom, left + width + right))[0]
    found = finish(RawMatte(logits.softmax(dim=0)[1:].numpy(), geometry), None, settings)
    assert found.shape == (2, *plate)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert found.std() > 0.1


def test_elements_come_without_the_padding() -> None:
    geometry = Geometry.of((20, 40), 480)  # padded to 32 x 48
    raw = np.zeros((2, 32, 48), np.float32)
    raw[:, 6:26, 4:44] = np.array([0.25, 0.75]).reshape(2, 1, 1)
    found = finish(RawMatte(raw, geometry), None, UNCLIPPED)
    assert (found[0] == 0.25).all()
    assert (found[1] == 0.75).all()


# What the network is nearly sure of.


def at_own_size(planes: list[list[float]], settings: Finish) -> FloatArray:
    """Elements [K][W] at the size of the plate, finished; [K, W]."""
    cells = np.array(planes, np.float32)[:, None].repeat(32, axis=1)
    geometry = Geometry(cells.shape[1:], cells.shape[1:])
    left, right, top, bottom = geometry.padding
    padded = np.pad(cells, ((0, 0), (top, bottom), (left, right)))
    found: FloatArray = finish(RawMatte(padded, geometry), None, settings)[:, 0]
    return found


def test_what_is_nearly_0_or_1_is_so_and_the_middle_stays() -> None:
    values = [0.0, 0.03, 0.05, 0.275, 0.5, 0.725, 0.95, 0.98, 1.0]
    (found,) = at_own_size([values], Finish())
    expected = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
    np.testing.assert_allclose(found, expected, atol=1e-6)  # a few roundings
    assert set(found[:3]) == {0}
    assert set(found[-2:]) == {1}
    (kept,) = at_own_size([values], UNCLIPPED)
    np.testing.assert_array_equal(kept, np.array(values, np.float32))


def test_elements_that_share_a_pixel_still_add_up_to_1() -> None:
    found = at_own_size([[0.95, 0.6, 0.3], [0.05, 0.4, 0.3]], Finish(clip_white=0.7))
    np.testing.assert_allclose(found.sum(axis=0)[:2], 1, atol=1e-6)  # a rounding a plane
    assert found[0, 0] == 1
    assert found[:, 2].sum() < 1


def test_a_keyframe_is_not_clipped() -> None:
    alpha = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 4, 6)
    np.testing.assert_array_equal(finish_keyframe(alpha, Finish()), alpha)


# Edges drawn after the plate.

CELLS = (96, 144)
SIZE = (216, 324)
GEOMETRY = Geometry(SIZE, CELLS)


def subject(width_px: float = 1.5) -> FloatArray:
    """[H, W]: the coverage of a disk and of a spoke out of it, whose edges are so wide."""
    rows, columns = np.indices(SIZE).astype(np.float32)
    disk = 60 - np.hypot(rows - 100.3, columns - 110.7)
    spoke = np.minimum(2 - np.abs(rows - 100 - 0.2 * (columns - 110)), columns - 110)
    inside = np.maximum(disk, np.minimum(spoke, 300 - columns))
    coverage: FloatArray = (inside / width_px + 0.5).clip(0, 1).astype(np.float32)
    return coverage


def filmed(alpha: FloatArray) -> FloatArray:
    """[H, W, 3]: an orange subject in front of a blue wall, both with a soft pattern."""
    rows, columns = np.indices(SIZE).astype(np.float32)
    pattern = 0.05 * np.sin(rows / 9)[..., None] * np.cos(columns / 7)[..., None]
    front = np.array([0.8, 0.5, 0.2], np.float32) + pattern
    back = np.array([0.2, 0.3, 0.6], np.float32) - pattern
    mixed: FloatArray = (back + (front - back) * alpha[..., None]).astype(np.float32)
    return mixed


def cells_of(alpha: FloatArray) -> FloatArray:
    """[K, H, W] at plate size -> the means over the network's cells, with its padding."""
    rows, columns = (edges._conversion(*pair)[0] for pair in zip(SIZE, CELLS, strict=True))
    cells = rows @ torch.from_numpy(alpha) @ columns.T
    # rounding may leave the last bit of 1
    padded: FloatArray = F.pad(cells.clamp(0, 1), GEOMETRY.padding).numpy()
    return padded


def both(raw: FloatArray, plate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The matte enlarged, and drawn after the plate."""
    bilinear = UNCLIPPED.model_copy(update={"edges": "bilinear"})
    enlarged = finish(RawMatte(raw, GEOMETRY), None, bilinear)
    return enlarged, finish(RawMatte(raw, GEOMETRY), Picture(plate), UNCLIPPED)


@pytest.mark.parametrize("width_px", [1, 2, 6])
def test_an_edge_gets_nearer_to_the_truth(width_px: float) -> None:
    truth = subject(width_px)
    enlarged, drawn = both(cells_of(truth[None]), filmed(truth))
    assert mad(truth, drawn[0]) <= 0.5 * mad(truth, enlarged[0])
    assert gradient_error(truth, drawn[0]) <= 0.5 * gradient_error(truth, enlarged[0])


SQUEEZED = Geometry.of((432, 400), 192, pixel_aspect=2.0)
"""An anamorphic plate, whose matte is 356 cells wide whatever the box."""


@pytest.mark.parametrize("share", [1, 0.84, 0.6, 0.5, 0.445])
def test_edges_of_an_anamorphic_plate_are_drawn_in_a_box_of_any_size(share: float) -> None:
    """As the tracked box shrinks it has fewer pixels across than the matte has cells: 178 at last.

    Drawn after the plate, an edge has less than a twentieth of the error in each of them.
    """
    height, width = SQUEEZED.plate
    high, wide = round(height * share), round(width * share)
    box = Window((width - wide) // 2, (height - high) // 2, wide, high)
    geometry = SQUEEZED.within(None if share == 1 else box)
    rows, columns = np.indices((height, width)).astype(np.float32)
    truth = ((50 - np.hypot(rows - 215.3, 2 * columns - 400.7)) / 1.5 + 0.5).clip(0, 1)
    pattern = 0.05 * np.sin(rows / 9)[..., None]
    plate = 0.2 + pattern + (0.6 - 2 * pattern) * truth[..., None] * np.ones(3, np.float32)
    sizes = zip(geometry.window.shape, geometry.working, strict=True)
    (down, _), (across, _) = (edges._conversion(*pair) for pair in sizes)
    cells = down @ torch.from_numpy(truth[geometry.part]) @ across.T
    raw = RawMatte(F.pad(cells[None].clamp(0, 1), geometry.padding).numpy(), geometry)
    assert needs_plate(geometry, UNCLIPPED)
    drawn = finish(raw, Picture(plate.astype(np.float32)), UNCLIPPED)[0]
    enlarged = finish(raw, None, UNCLIPPED)[0]
    assert mad(truth, drawn) <= 0.05 * mad(truth, enlarged)


@pytest.mark.parametrize("size", [(432, 400), (363, 336), (216, 200), (193, 179)])
def test_the_plate_decides_not_the_box(size: tuple[int, int]) -> None:
    box = Window(0, 0, size[1], size[0])
    assert needs_plate(SQUEEZED.within(box), Finish())
    too_wide = Geometry.of((432, 400), 230, pixel_aspect=2.0)  # 426 cells: no enlarging
    assert not needs_plate(too_wide.within(box), Finish())


def test_a_plate_that_tells_nothing_does_no_harm() -> None:
    truth = subject()
    enlarged, drawn = both(cells_of(truth[None]), np.full((*SIZE, 3), 0.3, np.float32))
    assert mad(truth, drawn[0]) < mad(truth, enlarged[0])


def test_made_small_again_it_is_the_networks_matte() -> None:
    raw = cells_of(subject()[None])
    enlarged, drawn = both(raw, filmed(subject()))
    missing = np.abs(cells_of(drawn) - raw).max()
    # ten rounds leave a few hundredths at the tightest corner, where alpha is held in 0..1
    assert missing < 0.25 * np.abs(cells_of(enlarged) - raw).max()


def test_where_the_matte_is_flat_no_bit_changes() -> None:
    truth = subject()
    raw = cells_of(np.stack([truth, np.zeros_like(truth)]))
    raw[raw == 0] = 1e-4  # a network is never quite sure
    noise = np.random.default_rng(1).random((*SIZE, 3), dtype=np.float32)
    enlarged, drawn = both(raw, noise)
    soft = torch.from_numpy((enlarged > SOFT) & (enlarged < 1 - SOFT)).float()
    flat = F.max_pool2d(soft, 5, stride=1, padding=2).numpy() == 0  # a cell is 2.25 pixels
    assert flat[0].mean() > 0.8
    assert flat[1].all()
    np.testing.assert_array_equal(drawn[flat], enlarged[flat])
    assert (drawn[~flat] != enlarged[~flat]).mean() > 0.9


def test_the_matte_stays_a_matte_whatever_the_plate() -> None:
    random = np.random.default_rng(4)
    planes = np.stack([subject(), 1 - subject()]) * random.uniform(0.9, 1, SIZE).astype(np.float32)
    raw, noise = cells_of(planes), random.random((*SIZE, 3), dtype=np.float32)
    _, drawn = both(raw, noise)
    assert drawn.dtype == np.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert drawn.sum(axis=0).max() <= 1 + 1e-6, "one rounding a plane"
    np.testing.assert_array_equal(both(raw, noise)[1], drawn)


def test_a_tile_with_an_edge_in_its_margin_alone_is_not_drawn() -> None:
    """Three tiles of 24 cells side by side; the edge lies eight cells into the second."""
    read: list[slice] = []

    class Noted(Picture):
        def within(self, part: tuple[slice, slice]) -> Picture:
            read.append(part[1])
            return super().within(part)

    cells = torch.zeros(1, 20, 72)
    cells[..., 32:] = 1
    alpha = F.interpolate(cells[None], scale_factor=2, mode="bilinear")[0]
    before = alpha.clone()
    plate = np.random.default_rng(0).random((40, 144, 3), dtype=np.float32)
    edges.redraw_edges(alpha, cells, Noted(plate))
    assert read == [slice(2 * (24 - 4), 2 * (48 + 4) + 1)]
    assert not torch.equal(alpha, before)
    assert torch.equal(alpha[..., :48], before[..., :48])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_matte_without_edges_reads_no_plate(value: float) -> None:
    class Unread(Picture):
        def within(self, part: tuple[slice, slice]) -> Picture:
            raise AssertionError(part)

    alpha = torch.full((1, 100, 140), value)
    edges.redraw_edges(
        alpha, torch.full((1, 50, 70), value), Unread(np.zeros((100, 140, 3), np.float32))
    )
    assert (alpha == value).all()


def test_no_seam_is_seen_between_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    raw, plate = cells_of(subject()[None]), filmed(subject())
    _, tiled = both(raw, plate)
    monkeypatch.setattr(edges, "_TILE", max(CELLS))
    _, whole = both(raw, plate)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1 / 512)


@pytest.mark.parametrize("lines", [119, 110, 100, 90])
def test_no_seam_is_seen_where_cells_are_hardly_larger_than_pixels(
    lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (lines, round(1.5 * lines))
    y, x = np.mgrid[: size[0], : size[1]] / lines
    disks = [0.3 - np.hypot(y - a, x - b) for a, b in ((0.3, 0.4), (0.6, 0.9), (0.9, 0.2))]
    cells = torch.from_numpy(np.stack(disks) * lines / 2 + 0.5).float().clamp(0, 1)
    cells /= cells.sum(dim=0).clamp(min=1)
    plate = Picture(np.random.default_rng(0).random((120, 180, 3), dtype=np.float32))
    tiled = F.interpolate(cells[None], (120, 180), mode="bilinear")[0]
    whole = tiled.clone()
    edges.redraw_edges(tiled, cells, plate)
    monkeypatch.setattr(edges, "_TILE", max(size))
    edges.redraw_edges(whole, cells, plate)
    assert (whole - tiled).abs().max() < 1 / 512


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices, as a GPU does: those that only copy or take
    places apart.
    """

    _EITHER = (aten.copy_, aten._to_copy, aten.index, aten.index_put_)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        leaves = tree_leaves((args, kwargs))
        found = {leaf.device for leaf in leaves if isinstance(leaf, Tensor) and leaf.dim()}
        assert len(found) <= 1 or function.overloadpacket in self._EITHER, (function, found)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("elements", [1, 3])
def test_edges_are_drawn_on_the_mattes_device(elements: int) -> None:
    """On the meta device, which has no numbers."""
    raw = np.repeat(cells_of(subject()[None]), elements, axis=0) / elements
    cells = GEOMETRY.unpadded(torch.from_numpy(raw))
    alpha = torch.empty((elements, *SIZE), device="meta")
    picture = Picture(filmed(subject()), input_transform_of("ARRI LogC4"))
    with OneDevice():  # type: ignore[no-untyped-call]
        edges.redraw_edges(alpha, cells, picture)
        with pytest.raises(AssertionError, match="meta"):
            alpha + torch.zeros(alpha.shape)


def test_larger_batches_of_tiles_draw_the_same_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another device takes them; sums of other sizes round otherwise."""
    raw, plate = cells_of(subject()[None]), filmed(subject())
    monkeypatch.setattr(edges, "_TILE", 8)
    found = []
    for at_once in (1, edges._PIXELS_AT_ONCE_ELSEWHERE):
        monkeypatch.setattr(edges, "_PIXELS_AT_ONCE", at_once)
        found.append(both(raw, plate)[1])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("lines", [96, 216, 480])
def test_the_plate_is_looked_at_only_where_the_matte_is_enlarged(lines: int) -> None:
    geometry = Geometry.of(SIZE, lines)
    assert needs_plate(geometry, Finish()) == (lines < 216)
    assert not needs_plate(geometry, Finish(edges="bilinear"))


@pytest.mark.parametrize("plate", [(500, 1), (1, 500), (3, 700), (131, 97)])
def test_thin_plates_are_finished(plate: tuple[int, int]) -> None:
    geometry = Geometry(plate, tuple(max(1, size // 3) for size in plate))  # type: ignore[arg-type]
    left, right, top, bottom = geometry.padding
    size = (geometry.working[0] + top + bottom, geometry.working[1] + left + right)
    raw = np.random.default_rng(3).random((1, *size), dtype=np.float32)
    view = np.random.default_rng(4).random((*plate, 3), dtype=np.float32)
    found = finish(RawMatte(raw, geometry), Picture(view), Finish())
    assert found.shape == (1, *plate)
    assert np.isfinite(found).all()


FINISH_4K = """
import numpy as np
import torch
from peak import peak_bytes
from rde_roto.matte.finish import finish
from rde_roto.model.geometry import Geometry
from rde_roto.matte.raw import RawMatte
from rde_roto.model.network_view import Picture
from rde_roto.values.preset import Finish

torch.set_num_threads(1)  # threads that wait for each other are slow beside other tests
geometry = Geometry.of((2160, 4096), 480)
left, right, top, bottom = geometry.padding
rows, columns = np.indices((480 + top + bottom, 910 + left + right)).astype(np.float32)
middles = np.linspace(100, 800, 5, dtype=np.float32)
circles = [80 - np.hypot(rows - 240, columns - middle) for middle in middles]
raw = (np.stack(circles) / 3 + 0.5).clip(0, 1).astype(np.float32)
view = Picture(np.random.default_rng(0).random((2160, 4096, 3), dtype=np.float32))
assert finish(RawMatte(raw, geometry), view, Finish()).shape == (5, 2160, 4096)
print(peak_bytes())
"""


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, where Linux tells of memory")
def test_five_elements_of_a_4k_plate_stay_in_memory() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    run = [sys.executable, "-c", FINISH_4K]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    peak = int(done.stdout)
    # torch and its libraries alone take about 0.4 GB, the plate 0.1, each copy of the mattes 0.18
    assert peak < 1.5 * 2**30
