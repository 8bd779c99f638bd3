from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import pytest
import torch
from made_footage import HEIGHT, WIDTH, Made, bright, made_set

from rde_roto.training.clips.sampler import Batch, ClipSampler
from rde_roto.training.footage.sets import FootageSet, VideoSet
from rde_roto.training.recipe import Augmentation, Jitter, Mixture, Perturbation, Phase, Recipe
from rde_roto.values.errors import InputError

CPU = torch.device("cpu")
SEVERAL = 3
"""A seed whose batches may have clips of more than one element."""
PHASE = Phase(until=1, frames=5, clips=3, size_px=64, max_jump=2)
Kind = Literal["video", "still", "composite"]
KINDS: list[Kind] = ["video", "still", "composite"]

WILD = Augmentation(
    on_element=1.0,
    clip=Jitter(mirror=0.5, brightness=0.05, saturation=0.1, thin_plate=0.5),
    frame=Jitter(turn_deg=15, shear_deg=10, scale=[0.9, 1.1], shift=0.02, thin_plate=0.3),
)
STILL = Augmentation(crop_area=[1.0, 1.0], crop_aspect=[WIDTH / HEIGHT, WIDTH / HEIGHT])


def recipe(kind: Kind | None, change: Augmentation = WILD) -> Recipe:
    shares = {name: float(kind in (None, name)) for name in KINDS}
    return Recipe(
        name="test", mixture=Mixture(**shares), video=change, still=change, curriculum=[PHASE]
    )


def drawn(
    kind: Kind | None,
    seed: int = 0,
    elements: int = 1,
    change: Augmentation = WILD,
    phase: Phase = PHASE,
) -> Batch:
    sampler = ClipSampler(made_set(elements), recipe(kind, change), CPU)
    return sampler.draw(phase, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_ranges(kind: Kind) -> None:
    batch = drawn(kind, elements=2)
    elements = batch.present.shape[1]
    assert batch.images.shape == (5, 3, 3, 64, 64)
    assert batch.masks.shape == (5, 3, elements, 64, 64)
    assert batch.first.shape == (3, elements, 64, 64)
    for part in (batch.images, batch.masks, batch.first, batch.present):
        assert part.dtype == torch.float32
    assert 0 <= float(batch.images.min()) < float(batch.images.max()) <= 1
    for masks in (batch.masks, batch.first[None]):
        assert set(masks.unique().tolist()) == {0.0, 1.0}
        assert float(masks.sum(dim=2).max()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_follows_from_the_generator_alone(kind: Kind) -> None:
    sampler = ClipSampler(made_set(2), recipe(kind), CPU)
    sampler.draw(PHASE, torch.Generator().manual_seed(9))  # nothing of this may be left
    first = sampler.draw(PHASE, torch.Generator().manual_seed(1))
    again = drawn(kind, seed=1, elements=2)
    other = drawn(kind, seed=2, elements=2)
    for name in ("images", "masks", "first", "present"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.images, other.images)


def test_the_generator_moves_on() -> None:
    sampler = ClipSampler(made_set(), recipe("video"), CPU)
    generator = torch.Generator().manual_seed(0)
    one, other = sampler.draw(PHASE, generator), sampler.draw(PHASE, generator)
    assert not torch.equal(one.images, other.images)


@pytest.mark.parametrize("kind", ["video", "still"])
def test_picture_and_mask_stay_registered(kind: Kind) -> None:
    # White squares at 0.98 on a ground of 0.16; beyond the picture 0.455, whatever the grade.
    batch = drawn(kind)
    white = batch.images.amin(dim=2) > 0.6
    assert float((white != (batch.masks[:, :, 0] > 0)).float().mean()) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_each_element_shows_in_the_first_frame(kind: Kind) -> None:
    for seed in range(3):
        batch = drawn(kind, seed, elements=2)
        shares = batch.masks[0].mean(dim=(2, 3))
        assert bool((shares[batch.present == 1] >= 0.01).all())
        assert not shares[batch.present == 0].any()


def test_two_labels_are_two_elements_in_either_order() -> None:
    whites = set()
    for seed in range(12):
        batch = drawn("video", seed, elements=2)
        if batch.present.shape[1] == 1:
            continue
        assert batch.present.tolist() == [[1, 1]] * 3
        for clip in range(3):
            red = batch.images[0, clip, 0]
            bright_red = [float(red[mask > 0].median()) > 0.6 for mask in batch.masks[0, clip]]
            assert sorted(bright_red) == [False, True]  # one is white, one green
            whites.add(bright_red.index(True))
    assert whites == {0, 1}


def test_absent_elements_are_empty_planes() -> None:
    footage = FootageSet(
        (VideoSet((bright("one", 6, 1), bright("two", 6, 2)), 1.0, 1.0),), (), (), ()
    )
    sampler = ClipSampler(footage, recipe("video"), CPU)
    phase = PHASE.model_copy(update={"clips": 8})
    batch = sampler.draw(phase, torch.Generator().manual_seed(SEVERAL))
    assert set(batch.present[:, 0].tolist()) == {1.0}
    assert set(batch.present[:, 1].tolist()) == {0.0, 1.0}
    absent = batch.present[:, 1] == 0
    assert not batch.masks[:, absent, 1].any()
    assert not batch.first[absent, 1].any()


# Which frames.


def numbered(length: int) -> Made:
    """Frame i has red i x 4 everywhere; the element is the left half."""
    red = torch.arange(length, dtype=torch.uint8)[:, None, None] * 4
    frames = torch.zeros((length, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    frames[:, 0] = red
    numbers = torch.zeros((length, HEIGHT, WIDTH), dtype=torch.uint8)
    numbers[:, :, : WIDTH // 2] = 1
    return Made("numbered", frames, numbers)


def indices(
    length: int, max_jump: int, jump_factor: float = 1.0, frames: int = 5
) -> list[list[int]]:
    """The frames of 24 clips, read off their colours."""
    footage = FootageSet((VideoSet((numbered(length),), 1.0, jump_factor),), (), (), ())
    sampler = ClipSampler(footage, recipe("video", STILL), CPU)
    phase = Phase(until=1, frames=frames, clips=24, size_px=32, max_jump=max_jump)
    batch = sampler.draw(phase, torch.Generator().manual_seed(0))
    numbers = (batch.images[:, :, 0, 16, 16] * 255 / 4).round().int()
    return [list(clip) for clip in numbers.T.tolist()]


def gaps(clip: list[int]) -> list[int]:
    return [b - a for a, b in pairwise(clip)]


def test_gaps_go_up_to_the_longest_jump_in_either_direction() -> None:
    found = indices(60, max_jump=3)
    for clip in found:
        forward = clip if clip[-1] > clip[0] else clip[::-1]
        assert all(1 <= gap <= 3 for gap in gaps(forward))
    assert {abs(gap) for clip in found for gap in gaps(clip)} == {1, 2, 3}
    assert {clip[-1] > clip[0] for clip in found} == {True, False}


def test_a_source_may_shorten_the_jumps() -> None:
    assert {abs(gap) for clip in indices(60, 5, jump_factor=0.2) for gap in gaps(clip)} == {1}


def test_jumps_fit_into_the_clip() -> None:
    found = indices(9, max_jump=25)
    assert {abs(gap) for clip in found for gap in gaps(clip)} == {1, 2}  # 4 gaps in 9 frames
    assert {frame for clip in found for frame in clip} == set(range(9))


def test_a_short_clip_is_held_at_its_last_frame() -> None:
    for clip in indices(3, max_jump=5):
        assert sorted(clip) == [0, 1, 2, 2, 2]


def test_sources_come_as_often_as_they_weigh() -> None:
    rare, often = numbered(2), bright("often", 6)
    footage = FootageSet((VideoSet((rare,), 1.0, 1.0), VideoSet((often,), 9.0, 1.0)), (), (), ())
    sampler = ClipSampler(footage, recipe("video", STILL), CPU)
    phase = Phase(until=1, frames=2, clips=100, size_px=32)
    batch = sampler.draw(phase, torch.Generator().manual_seed(0))
    from_rare = (batch.images[0].amax(dim=(1, 2, 3)) < 0.1).sum()
    assert 3 <= int(from_rare) <= 20


# Crops and kinds.


def test_a_crop_is_drawn_round_an_element() -> None:
    shares = []
    for on_element in (0.0, 1.0):
        change = Augmentation(crop_area=[0.1, 0.1], crop_aspect=[1.0, 1.0], on_element=on_element)
        phase = Phase(until=1, frames=2, clips=24, size_px=32)
        batch = drawn("video", change=change, phase=phase)
        shares.append(float(batch.masks[0].mean()))
    assert shares[1] > shares[0]


def test_a_still_moves_but_is_one_photograph() -> None:
    batch = drawn("still", change=STILL)
    assert bool((batch.images == batch.images[:1]).all())
    moved = drawn("still", change=WILD)
    assert all(not torch.equal(moved.images[t], moved.images[t + 1]) for t in range(4))


def test_shadows_darken_a_clip_and_move_through_it() -> None:
    plain = recipe("still", STILL)
    shaded = plain.model_copy(update={"shade": 1.0})
    light, dark = (
        ClipSampler(made_set(), each, CPU).draw(PHASE, torch.Generator().manual_seed(3))
        for each in (plain, shaded)
    )
    # Only the first clip: the shadows take draws from those that follow.
    kept = dark.images[:, 0] / light.images[:, 0]
    assert float(kept.max()) <= 1
    assert float(kept.min()) < 0.8
    assert all(not torch.equal(kept[t], kept[t + 1]) for t in range(4))
    assert torch.equal(light.masks[:, 0], dark.masks[:, 0])


def test_the_mixture_decides_the_kind_of_each_clip() -> None:
    sampler = ClipSampler(made_set(), recipe(None, STILL), CPU)
    kinds = []
    for seed in range(12):
        batch = sampler.draw(PHASE, torch.Generator().manual_seed(seed))
        # Without jitter a photograph stands still; footage and composites never do.
        kinds.append([bool((batch.images[:, b] == batch.images[:1, b]).all()) for b in range(3)])
    assert {still for batch in kinds for still in batch} == {True, False}
    assert any(len(set(batch)) == 2 for batch in kinds), "kinds meet in one batch"


def test_most_batches_have_one_element_a_clip() -> None:
    sampler = ClipSampler(made_set(elements=2), recipe("video"), CPU)
    counts = [
        sampler.draw(PHASE, torch.Generator().manual_seed(seed)).present.shape[1]
        for seed in range(30)
    ]
    assert set(counts) == {1, 2}
    assert counts.count(1) > counts.count(2)


def test_the_first_mask_is_spoilt_as_the_recipe_says() -> None:
    spoiling = Perturbation(iou=[0.8, 0.9])
    for update, low, high in [(spoiling, 0.75, 0.9), (Perturbation(iou=[1.0, 1.0]), 1.0, 1.01)]:
        rough = recipe("video").model_copy(update={"perturbation": update})
        batch = ClipSampler(made_set(), rough, CPU).draw(PHASE, torch.Generator().manual_seed(0))
        both, either = batch.first * batch.masks[0], (batch.first + batch.masks[0]) > 0
        iou = both.sum(dim=(2, 3)) / either.float().sum(dim=(2, 3))
        assert low - 1e-6 <= float(iou.min()) <= float(iou.max()) < high


# Errors.


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_footage_is_refused(kind: Kind) -> None:
    nothing = FootageSet((), (), (), ())
    with pytest.raises(InputError, match=f"mixture.{kind}"):
        ClipSampler(nothing, recipe(kind), CPU)


def _no_mask() -> Made:
    made = bright("empty", 6)
    assert made.numbers is not None
    return Made("empty", made.frames, torch.zeros_like(made.numbers))


def _crumb() -> Made:
    made = _no_mask()
    assert made.numbers is not None
    made.numbers[:, :2, :2] = 1
    return made


@pytest.mark.parametrize("make", [_no_mask, _crumb])
def test_footage_that_shows_nothing_is_refused(make: Callable[[], Made]) -> None:
    footage = FootageSet((VideoSet((make(),), 1.0, 1.0),), (), (), ())
    sampler = ClipSampler(footage, recipe("video"), CPU)
    with pytest.raises(InputError, match="none of 100 clips"):
        sampler.draw(PHASE, torch.Generator().manual_seed(0))
