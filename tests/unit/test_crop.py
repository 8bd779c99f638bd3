"""The tracked crop: a box that follows the elements, holds them, and misses nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toy_shots import MemoryPlate, a_shot

from rde_roto.matte.raw import RawMatte
from rde_roto.model.crop import is_cut_off, next_box
from rde_roto.model.geometry import Geometry
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Preset, Running, Tracking
from toy_tracker import ToyFrames, ToyState, ToyTracker

HEIGHT, WIDTH = 384, 576
WHOLE = Geometry.of((HEIGHT, WIDTH), 96)
PRESET = Preset(name="crop", tracking=Tracking(lines=96), running=Running(snapshot_every=1))
SIDES = st.tuples(*(st.integers(1, side - 1) for side in (HEIGHT, WIDTH, HEIGHT, WIDTH)))


def filled(*boxes: tuple[int, int, int, int]) -> FloatArray:
    """[K, H, W] at plate size: each element fills a box of (top, left, height, width)."""
    planes = np.zeros((len(boxes), HEIGHT, WIDTH), np.float32)
    for plane, (top, left, height, width) in zip(planes, boxes, strict=True):
        plane[top : top + height, left : left + width] = 1
    return planes


def followed(planes: FloatArray, geometry: Geometry = WHOLE) -> Window | None:
    return next_box(geometry.to_network(torch.from_numpy(planes)[None])[0], geometry)


# The box.


@given(SIDES)
def test_a_box_holds_the_element_lies_in_the_plate_and_enlarges_nothing(
    sides: tuple[int, int, int, int],
) -> None:
    top, left, height, width = sides
    height, width = max(12, min(height, HEIGHT - top)), max(12, min(width, WIDTH - left))
    top, left = min(top, HEIGHT - height), min(left, WIDTH - width)
    planes = filled((top, left, height, width))
    box = followed(planes)
    if box is None:  # with its margins it is larger than the largest box, to a network pixel a side
        margins = 2 * 0.3 * max(height, width) + 2 * HEIGHT / WHOLE.working[0]
        largest = 2**-0.25
        assert height + margins > HEIGHT * largest or width + margins > WIDTH * largest
        return
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= WIDTH
    assert box.y + box.height <= HEIGHT
    assert box.height >= WHOLE.working[0]
    assert box.width >= WHOLE.working[1]
    rows, columns = WHOLE.within(box).part
    inside = planes[:, rows, columns]
    assert inside.sum() == planes.sum()


def test_a_small_element_is_seen_at_full_resolution() -> None:
    box = followed(filled((100, 200, 40, 40)))
    assert box is not None
    assert box.shape == WHOLE.working


def test_the_box_has_the_shape_of_the_plate_and_is_centred_on_the_elements() -> None:
    box = followed(filled((100, 200, 60, 20), (150, 240, 40, 40)))
    assert box is not None
    assert box.width / box.height == pytest.approx(WIDTH / HEIGHT, rel=0.01)
    # to within a pixel of the network, which is four of the plate
    assert box.x + box.width / 2 == pytest.approx(240, abs=4)
    assert box.y + box.height / 2 == pytest.approx(145, abs=4)


@pytest.mark.parametrize(
    "planes",
    [filled((10, 10, 300, 500)), filled((100, 200, 40, 40), (0, 0, 0, 0)), filled((0, 0, 0, 0))],
    ids=["large", "one of two out of sight", "out of sight"],
)
def test_otherwise_the_whole_plate_is_looked_at(planes: FloatArray) -> None:
    assert followed(planes) is None


def test_a_box_stays_while_the_element_stays_well_inside() -> None:
    box = followed(filled((100, 200, 100, 100)))
    there = WHOLE.within(box)
    assert followed(filled((104, 206, 100, 100)), there) == box
    assert followed(filled((100, 200, 106, 94)), there) == box
    moved = followed(filled((100, 280, 100, 100)), there)
    assert moved not in (box, None)
    smaller = followed(filled((120, 220, 24, 24)), there)
    assert smaller is not None
    assert box is not None
    assert smaller.height < box.height


def test_a_plate_of_the_network_s_own_size_has_no_smaller_box() -> None:
    geometry = Geometry.of((96, 144), 96)
    planes = torch.zeros(1, 96, 144)
    planes[:, 40:50, 40:50] = 1
    assert next_box(geometry.to_network(planes[None])[0], geometry) is None


def test_a_box_misses_what_goes_on_behind_its_sides_and_what_is_not_in_it() -> None:
    there = WHOLE.within(Window(100, 100, 240, 160))

    def missed(*boxes: tuple[int, int, int, int]) -> bool:
        return is_cut_off(there.to_network(torch.from_numpy(filled(*boxes))[None])[0], there)

    assert not missed((150, 150, 40, 40))
    assert missed((150, 80, 40, 60))
    assert missed((220, 150, 60, 40))
    assert missed((150, 150, 40, 40), (10, 10, 20, 20))
    at_the_corner = WHOLE.within(Window(0, 0, 240, 160))
    planes = at_the_corner.to_network(torch.from_numpy(filled((0, 0, 60, 60)))[None])[0]
    assert not is_cut_off(planes, at_the_corner)


# Raw mattes of different boxes.


def test_outside_the_box_there_is_nothing() -> None:
    geometry = WHOLE.within(Window(100, 60, 240, 160))
    at_plate = RawMatte(np.ones((1, 96, 144), np.float32), geometry).at_plate()
    np.testing.assert_array_equal(at_plate, filled((60, 100, 160, 240)))


def test_two_raw_mattes_are_brought_to_one_part_of_the_plate() -> None:
    boxes = Window(96, 96, 288, 192), Window(120, 100, 144, 96), Window(300, 200, 144, 96)
    planes = filled((120, 140, 60, 80))
    outer, inner, elsewhere = (
        RawMatte(there.to_network(torch.from_numpy(planes)[None])[0].numpy(), there)
        for there in map(WHOLE.within, boxes)
    )
    one, two = inner.aligned_with(outer)
    assert one.geometry == two.geometry == outer.geometry
    assert two is outer
    # the element's edge alone differs, by less than a pixel of the network
    assert np.abs(one.planes - two.planes).mean() < 0.01
    both = inner.aligned_with(elsewhere)
    assert {raw.geometry for raw in both} == {WHOLE}
    assert inner.aligned_with(inner) == (inner, inner)


# A shot.


@dataclass(eq=False)
class Moving(MemoryPlate):
    """A bright disk that crosses the plate, jumps to the other side, and comes back."""

    height: int = HEIGHT
    width: int = WIDTH
    radius: int = 30

    def disk(self, frame: int) -> FloatArray:
        """float32 [H, W], 1 on the disk."""
        along = frame - self.range.first
        x = 80 + 12 * along if along < 12 else 520 - 40 * (along - 12)
        rows, columns = np.mgrid[: self.height, : self.width]
        distance: FloatArray = np.hypot(rows - 100 - 10 * along, columns - x)
        return (distance <= self.radius).astype(np.float32)

    def read(self, frame: int) -> FloatArray:
        self.read_frames.append(frame)
        return np.repeat(self.disk(frame)[..., None], 3, axis=2)


class Seer(ToyTracker):
    """Sees what is bright, where it looks: what it misses, the box has missed."""

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        self.steps["read"] += 1
        alpha = 0.98 * encoded.pixels[:, :1]
        return torch.cat([1 - alpha, alpha], dim=1)


def moving_node(stores: Stores | None = None, preset: Preset = PRESET) -> RotoNode:
    plate = Moving(FrameRange.parse("1001-1020"))
    first, last = (
        Keyframe(frame, plate.disk(frame)[None]) for frame in (plate.range.first, plate.range.last)
    )
    shot = a_shot(first, last, plate=plate, elements=elements_named("a"))
    return RotoNode(shot, preset, Seer, stores)


def boxes(node: RotoNode) -> list[Window | None]:
    span = node.shot.stretches[0].spans[0]
    return [state.box for state in node.walker.states(span, range(6))]


def test_the_box_follows_and_never_cuts_the_subject() -> None:
    node = moving_node()
    plate = node.shot.plate
    assert isinstance(plate, Moving)
    for frame in range(1002, 1020):
        for span in node.shot.stretches[0].spans:
            found = node.walker.raw(span, frame).at_plate()[0]
            # an edge is soft by a pixel of the network, four of the plate, around 190 pixels
            assert np.abs(found - plate.disk(frame)).sum() < 0.35 * plate.disk(frame).sum()
    assert len(set(boxes(node))) > 3
    assert any(box is not None and box.shape == WHOLE.working for box in boxes(node))


def test_any_order_gives_the_pixels_of_the_straight_run_from_ram_and_from_disk(
    tmp_path: Path,
) -> None:
    straight = {matte.frame: matte.alpha for matte in moving_node().render()}
    for seed, stores in enumerate(
        (Stores.in_ram(), open_stores(CacheSettings(tmp_path, 10**8, ram_bytes=0)))
    ):
        frames = list(straight)
        random.Random(seed).shuffle(frames)
        for frame in frames:
            # another node each time: what is not in the stores is forgotten
            np.testing.assert_array_equal(moving_node(stores).matte(frame).alpha, straight[frame])


def test_it_can_be_switched_off_and_has_a_digest_of_its_own() -> None:
    off = PRESET.model_copy(update={"tracking": Tracking(lines=96, crop=False)})
    without = moving_node(preset=off)
    assert set(boxes(without)) == {None}
    assert without.digest(1010) != moving_node().digest(1010)
