from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from rde_roto.models import Model
from rde_roto.net import RDE_LITE, RDENet
from rde_roto.node import RotoNode
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, OutOfMemoryError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Finish, Preset, Tracking
from rde_roto.values.shot import Keyframe, Shot

CPU = torch.device("cpu")
HEIGHT, WIDTH = 64, 96
PRESET = Preset(name="test", tracking=Tracking(lines=96))


class MemoryPlate:
    """Pixels made from the frame number; counts what is read."""

    name = "memory"
    format = PlateFormat(Window(0, 0, WIDTH, HEIGHT), Window(0, 0, WIDTH, HEIGHT))

    def __init__(self, frames: FrameRange, edited: frozenset[int] = frozenset()) -> None:
        self.range = frames
        self.read_frames: list[int] = []
        self._edited = edited

    def digest(self, frame: int) -> str:
        return digest_of(self._pixels(frame))

    def read(self, frame: int) -> FloatArray:
        if frame not in self.range:
            raise InputError(f"frame {frame} is missing")
        self.read_frames.append(frame)
        return self._pixels(frame)

    def _pixels(self, frame: int) -> FloatArray:
        seed = frame + (1000 if frame in self._edited else 0)
        return np.random.default_rng(seed).random((HEIGHT, WIDTH, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(1)
    return Model("random", RDENet(RDE_LITE), "no file", "none")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def a_shot(
    frames: str = "1001-1012", keyframe: int = 1005, plate: MemoryPlate | None = None
) -> Shot:
    alpha = np.zeros((2, HEIGHT, WIDTH), dtype=np.float32)
    alpha[0, 8:40, 8:40] = 1
    alpha[1, 20:60, 60:90] = 0.7
    plate = plate or MemoryPlate(FrameRange.parse("1001-1012"))
    return Shot(plate, FrameRange.parse(frames), ("a", "b"), (Keyframe(keyframe, alpha),))


def rendered(shot: Shot, model: Model, preset: Preset = PRESET) -> dict[int, Matte]:
    return {matte.frame: matte for matte in RotoNode(shot, preset, model, CPU).render()}


def test_every_frame_of_the_range_comes_once_keyframe_first(model: Model) -> None:
    order = [matte.frame for matte in RotoNode(a_shot(), PRESET, model, CPU).render()]
    assert order == [1005, *range(1006, 1013), *range(1004, 1000, -1)]


def test_the_keyframe_comes_back_untouched(model: Model) -> None:
    shot = a_shot()
    np.testing.assert_array_equal(rendered(shot, model)[1005].alpha, shot.keyframes[0].alpha)


def test_mattes_are_plate_sized_float_in_range(model: Model) -> None:
    for matte in rendered(a_shot(), model).values():
        assert matte.alpha.shape == (2, HEIGHT, WIDTH)
        assert matte.alpha.dtype == np.float32
        assert 0 <= matte.alpha.min() <= matte.alpha.max() <= 1


@pytest.mark.parametrize("frames", ["1003-1008", "1001-1012x2", "1005-1006", "1002,1005,1012"])
def test_the_range_changes_no_pixel_and_no_digest(model: Model, frames: str) -> None:
    whole = rendered(a_shot(), model)
    part = rendered(a_shot(frames), model)
    assert sorted(part) == list(FrameRange.parse(frames))
    for frame, matte in part.items():
        assert matte.digest == whole[frame].digest
        np.testing.assert_array_equal(matte.alpha, whole[frame].alpha)


def test_the_recurrence_is_begin_read_absorb_counted_from_the_keyframe(model: Model) -> None:
    """The walk against the recurrence written out: memory frames 1004 and 1007 of keyframe 1001."""
    shot = a_shot("1001-1009", keyframe=1001)
    node = RotoNode(shot, PRESET, model, CPU)
    propagator, plate = node._propagator, shot.plate
    encoded = {f: propagator.encode([plate.read(f)]) for f in (1001, 1004, 1007)}
    state = propagator.begin(encoded[1001], shot.keyframes[0].alpha)
    for frame in (1004, 1007):
        state = propagator.absorb(state, encoded[frame], propagator.read(state, encoded[frame]))
    probabilities = propagator.read(state, propagator.encode([plate.read(1008), plate.read(1009)]))
    geometry = propagator.geometry((HEIGHT, WIDTH))
    expected = geometry.to_plate(probabilities)[:, 1:].numpy()
    mattes = rendered(shot, model)
    np.testing.assert_array_equal(mattes[1008].alpha, expected[0])
    np.testing.assert_array_equal(mattes[1009].alpha, expected[1])


def test_only_what_is_not_kept_is_made_and_read(model: Model) -> None:
    whole = rendered(a_shot(), model)
    plate = MemoryPlate(FrameRange.parse("1001-1012"))
    node = RotoNode(a_shot(plate=plate), PRESET, model, CPU)

    def is_kept(frame: int, digest: str) -> bool:
        assert digest == whole[frame].digest
        return frame != 1010

    (made,) = node.render(is_kept)
    np.testing.assert_array_equal(made.alpha, whole[1010].alpha)
    # the anchor, the one memory frame before 1010 (1008), and 1010 itself
    assert sorted(plate.read_frames) == [1005, 1008, 1010]


def test_a_shot_that_is_all_there_costs_no_plate_and_no_step(model: Model) -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1012"))
    assert list(RotoNode(a_shot(plate=plate), PRESET, model, CPU).render(lambda *_: True)) == []
    assert plate.read_frames == []


def test_digests_name_what_the_pixels_depend_on_and_no_more(model: Model) -> None:
    before = rendered(a_shot(), model)
    edited = MemoryPlate(FrameRange.parse("1001-1012"), edited=frozenset({1008, 1002}))
    after = rendered(a_shot(plate=edited), model)
    changed = {frame for frame in before if before[frame].digest != after[frame].digest}
    # 1008 is a memory frame, so everything behind it changes; nothing stands behind 1002 but 1001
    assert changed == {1008, 1009, 1010, 1011, 1012, 1002, 1001}


def test_a_memory_frame_going_backwards_is_counted_backwards(model: Model) -> None:
    before = rendered(a_shot(keyframe=1012), model)
    edited = MemoryPlate(FrameRange.parse("1001-1012"), edited=frozenset({1010}))
    after = rendered(a_shot(keyframe=1012, plate=edited), model)
    changed = {frame for frame in before if before[frame].digest != after[frame].digest}
    assert changed == {1010}  # 1009 is the memory frame, 1010 stands between


@pytest.mark.parametrize(
    "other",
    [
        PRESET.model_copy(update={"tracking": Tracking(lines=96, memory_every=4)}),
        PRESET.model_copy(update={"tracking": Tracking(lines=96, top_k=None)}),
        PRESET.model_copy(update={"finish": Finish(feather_px=2)}),
    ],
)
def test_every_setting_enters_the_digest(model: Model, other: Preset) -> None:
    shot = a_shot("1005-1008")
    before, after = rendered(shot, model), rendered(shot, model, other)
    assert all(before[frame].digest != after[frame].digest for frame in (1006, 1007, 1008))


def test_weights_and_elements_enter_the_digest(model: Model) -> None:
    shot = a_shot("1005-1006")
    before = rendered(shot, model)[1006].digest
    retrained = dataclasses.replace(model, sha256="other")
    assert rendered(shot, retrained)[1006].digest != before
    renamed = dataclasses.replace(shot, elements=("a", "c"))
    assert rendered(renamed, model)[1006].digest != before


def test_mattes_before_an_unreadable_plate_are_handed_out(model: Model) -> None:
    class Broken(MemoryPlate):
        def read(self, frame: int) -> FloatArray:
            if frame == 1009:
                raise InputError("frame 1009 is damaged")
            return super().read(frame)

    shot = a_shot(plate=Broken(FrameRange.parse("1001-1012")))
    mattes = RotoNode(shot, PRESET, model, CPU).render()
    assert [next(mattes).frame for _ in range(4)] == [1005, 1006, 1007, 1008]
    with pytest.raises(InputError, match="1009"):
        next(mattes)


def test_running_out_of_memory_names_the_setting(model: Model) -> None:
    class Hungry(MemoryPlate):
        def read(self, frame: int) -> FloatArray:
            raise MemoryError

    shot = a_shot(plate=Hungry(FrameRange.parse("1001-1012")))
    with pytest.raises(OutOfMemoryError, match=r"tracking\.lines=96"):
        rendered(shot, model)


def test_one_keyframe_a_run(model: Model) -> None:
    shot = a_shot()
    second = Keyframe(1009, shot.keyframes[0].alpha)
    with pytest.raises(UsageError, match="one keyframe"):
        RotoNode(dataclasses.replace(shot, keyframes=(*shot.keyframes, second)), PRESET, model, CPU)


def test_memory_every_frame_leaves_nothing_between(model: Model) -> None:
    preset = PRESET.model_copy(update={"tracking": Tracking(lines=96, memory_every=1)})
    assert len(rendered(a_shot(), model, preset)) == 12


def test_a_missing_memory_frame_is_named_before_anything_is_made(model: Model) -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1007,1009-1012"))
    with pytest.raises(InputError, match="1008"):
        RotoNode(a_shot("1005-1007,1009-1012", plate=plate), PRESET, model, CPU)
