from __future__ import annotations

import pytest
import torch
from made_footage import bright, made_set, still_set
from torch import Tensor

from rde_roto.training.clips import cutouts
from rde_roto.training.clips.compositor import Compositor
from rde_roto.training.clips.motion import Motion, Pace
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.footage.sets import FootageSet, VideoSet
from rde_roto.training.recipe import Compositing

CPU = torch.device("cpu")
SIZE = 64
FRAMES = 6

PLAIN = Compositing(
    most_elements=1,
    distractors=0,
    thin_plate=0,
    occluder=0,
    shadow=0,
    blur=0,
    light=0,
    leave=0,
)
"""One white subject over a dark background, and nothing else."""


def clips(settings: Compositing, count: int = 8, elements: int = 1) -> list[tuple[Tensor, Tensor]]:
    compositor = Compositor(made_set(elements), settings, CPU)
    draws = RandomSource(torch.Generator().manual_seed(0))
    return [compositor.clip(FRAMES, SIZE, draws) for _ in range(count)]


def seeded(settings: Compositing, seed: int) -> tuple[Tensor, Tensor]:
    draws = RandomSource(torch.Generator().manual_seed(seed))
    return Compositor(made_set(), settings, CPU).clip(FRAMES, SIZE, draws)


def test_everything_at_once_keeps_shape_and_range() -> None:
    busy = Compositing(
        most_elements=3,
        distractors=2,
        occluder=1,
        shadow=1,
        blur=1,
        thin_plate=1,
        light=0.5,
        leave=0.5,
    )
    counts = set()
    for images, masks in clips(busy):
        counts.add(masks.shape[1])
        assert images.shape == (FRAMES, 3, SIZE, SIZE)
        assert masks.shape[2:] == (SIZE, SIZE)
        assert images.dtype == masks.dtype == torch.float32
        assert 0 <= float(images.min()) <= float(images.max()) <= 1
        assert set(masks.unique().tolist()) <= {0.0, 1.0}
        assert float(masks.sum(dim=1).max()) <= 1
    assert counts == {1, 2, 3}


@pytest.mark.parametrize(
    "changes", [{}, {"thin_plate": 1.0}, {"shadow": 1.0}, {"light": 0.1}, {"leave": 1.0}]
)
def test_the_mask_is_what_can_be_seen(changes: dict[str, float]) -> None:
    # The subject is at least twice as bright as the background, and the blur at its edge is 2 px.
    for images, masks in clips(PLAIN.model_copy(update=changes)):
        mask = masks[:, 0]
        grey = images.mean(dim=1)
        inside = -torch.nn.functional.max_pool2d(-mask, 5, 1, 2) > 0
        outside = torch.nn.functional.max_pool2d(mask, 5, 1, 2) == 0
        assert float(grey[inside].quantile(0.01)) > float(grey[outside].quantile(0.99))


@pytest.mark.parametrize("subjects", [0.0, 1.0])
def test_what_passes_in_front_takes_from_the_mask(subjects: float) -> None:
    """Also where it is the element's own cut-out."""
    settings = PLAIN.model_copy(update={"occluder": 1.0, "occluder_subject": subjects})
    # The same draws up to there, so the same subject: now and then nearly all of it is hidden.
    hidden = []
    for seed in range(12):
        _, free = seeded(PLAIN, seed)
        _, covered = seeded(settings, seed)
        assert free.any()
        assert bool((covered <= free).all())
        hidden.append(1 - covered.sum(dim=(2, 3)) / free.sum(dim=(2, 3)).clamp(min=1))
    shares = torch.stack(hidden)[:, :, 0]
    assert float(shares[:, 0].mean()) < 0.05  # clear of it at first
    assert float(shares.amax(dim=1).mean()) > 0.5


def test_a_subject_leaves_and_returns() -> None:
    gone = 0
    for _, masks in clips(PLAIN.model_copy(update={"leave": 1.0, "speed": 0.0}), count=12):
        areas = masks[:, 0].sum(dim=(1, 2))
        gone += int(areas[0] > 0 and areas.min() == 0 and areas[-1] > 0)
    assert gone >= 6


def test_an_element_may_be_hidden_for_a_while_but_keeps_its_number() -> None:
    # Element 0 is drawn first: with two labels each keeps one texture over the clip.
    compared = 0
    for images, masks in clips(PLAIN.model_copy(update={"most_elements": 2}), elements=2):
        for element in range(masks.shape[1]):
            seen = [
                images[t][:, mask > 0].median(dim=1).values
                for t, mask in enumerate(masks[:, element])
                if mask.sum() > 60
            ]
            for colour in seen[1:]:
                torch.testing.assert_close(colour, seen[0], atol=0.15, rtol=0)
            compared += len(seen[1:])
    assert compared > FRAMES  # elements of more than one clip


def test_distractors_are_in_no_mask() -> None:
    settings = PLAIN.model_copy(update={"distractors": 3})
    brighter = 0
    for images, masks in clips(settings, count=12):
        outside = images.mean(dim=1)[masks[:, 0] == 0]
        brighter += int(float(outside.quantile(0.995)) > 0.4)  # a background stays below 0.3
    assert brighter >= 4


def test_motion_blur_softens_the_edges_of_what_moves() -> None:
    # Half way between the ground, below 0.3, and the subject only edges lie.
    edges = []
    for blur in (0.0, 1.0):
        settings = PLAIN.model_copy(update={"blur": blur, "speed": 0.2})
        shares = []
        for seed in range(10):
            images, masks = seeded(settings, seed)
            first = images[0].mean(dim=0)
            height = (first - 0.3) / (first[masks[0, 0] > 0].median() - 0.3)
            shares.append(((height > 0.25) & (height < 0.75)).float().mean())
        edges.append(float(torch.stack(shares).mean()))
    assert edges[1] > 1.3 * edges[0]


def test_without_backgrounds_they_are_made() -> None:
    cut_out = still_set(bright("a", 1))
    subjects = FootageSet(videos=(), subjects=cut_out, cutouts=cut_out, backgrounds=())
    draws = RandomSource(torch.Generator().manual_seed(0))
    images, masks = Compositor(subjects, PLAIN, CPU).clip(FRAMES, SIZE, draws)
    behind = images[0][:, masks[0, 0] == 0]
    assert float(behind.std()) > 0.01
    assert bool(masks[0].any())


def test_moving_subjects_come_from_clips_that_are_cut_out_too() -> None:
    still = still_set(bright("a", 1))
    actors = (VideoSet((bright("walk", FRAMES),), weight=1.0, jump_factor=1.0),)
    settings = PLAIN.model_copy(
        update={"moving": 1.0, "speed": 0.0, "scale": 0.0, "turn_deg": 0.0, "camera": 0.0}
    )
    moved = []
    for footage in (FootageSet((), still, still, (), actors), FootageSet((), still, still, ())):
        draws = RandomSource(torch.Generator().manual_seed(0))
        _, masks = Compositor(footage, settings, CPU).clip(FRAMES, SIZE, draws)
        moved.append(bool((masks != masks[:1]).any()))
    assert moved == [True, False]


def test_the_generator_decides() -> None:
    first, again, other = (seeded(Compositing(), seed) for seed in (5, 5, 6))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


# Cut-outs.


def test_a_cutout_holds_its_subject_alone() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    (cutout,) = cutouts.subject(still_set(bright("a", 1)), 200, CPU, draws)
    colour, alpha = cutout[:3], cutout[3]
    solid = alpha == 1
    assert int(solid.sum()) == 26 * 28  # 28 x 30, drawn in by a pixel
    assert float(colour[:, solid].min()) == pytest.approx(250 / 255)
    assert not colour[:, alpha == 0].any()
    assert alpha[0].sum() == alpha[-1].sum() == 0


def test_a_cutout_is_no_larger_than_it_is_shown() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    small = cutouts.subject(still_set(bright("a", 1)), 8, CPU, draws)
    assert max(small.shape[2:]) <= 8 * 1.25 * 1.3 + 3


def test_a_subject_of_a_clip_moves_as_it_moved_there() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    moving = cutouts.moving_subject(bright("walk", 6), [0, 1, 3], 200, CPU, draws)
    assert moving is not None
    lefts = [int((alpha == 1).any(dim=0).nonzero()[0]) for alpha in moving[:, 3]]
    assert [left - lefts[0] for left in lefts] == [0, 3, 9]  # 3 px a frame
    assert not moving[:, :3][moving[:, 3:].expand(-1, 3, -1, -1) == 0].any()


def test_a_clip_that_shows_nothing_first_lends_no_subject() -> None:
    hidden = bright("walk", 6)
    assert hidden.numbers is not None
    hidden.numbers[0] = 0
    draws = RandomSource(torch.Generator().manual_seed(0))
    assert cutouts.moving_subject(hidden, [0, 1], 200, CPU, draws) is None


def test_small_subjects_are_passed_over() -> None:
    crumb = bright("crumb", 1)
    assert crumb.numbers is not None
    crumb.numbers[0, :, :] = 0
    crumb.numbers[0, :2, :2] = 1
    draws = RandomSource(torch.Generator().manual_seed(0))
    for _ in range(5):
        (cutout,) = cutouts.subject(still_set(crumb, bright("a", 1)), 64, CPU, draws)
        assert int((cutout[3] == 1).sum()) > 100


def test_surfaces_of_occluders() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    surface = cutouts.texture(40, 40, CPU, draws)
    assert 0 <= float(surface.min()) < float(surface.max()) <= 1
    assert cutouts.board(surface)[0, 3].sum() == 40 * 40
    (lump,) = cutouts.lump(surface, draws)
    assert lump[3, 20, 20] == 1
    assert lump[3, 0, 0] == 0


# Motion.


def test_a_motion_without_pace_stands_still() -> None:
    motion = Motion.sample((0.5, 0.25), (0.2, -0.1), Pace(0.0), RandomSource(torch.Generator()))
    matrices = motion.matrices(torch.arange(4.0))
    assert bool((matrices == matrices[0]).all())
    corner = matrices[0] @ torch.tensor([0.2 + 0.5, -0.1 + 0.25, 1.0])
    assert corner.abs().tolist() == pytest.approx([1, 1, 1])


def test_steps_are_as_long_as_the_pace() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    steps = [
        Motion.sample((0.5, 0.5), (0, 0), Pace(0.05), draws)
        .at(torch.arange(3.0))[:, :2]
        .diff(dim=0)
        for _ in range(200)
    ]
    # Sides of the frame are 2 long here; the shake adds little.
    assert float(torch.stack(steps).std()) == pytest.approx(0.1, rel=0.15)


def test_what_crosses_meets_it_in_time() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    below = Motion.sample((0.3, 0.4), (0.1, 0.2), Pace(0.05), draws)
    above = below.crossing((0.2, 0.5), 3.0, draws)
    times = torch.tensor([0.0, 3.0])
    first, meeting = (above.at(times) - below.at(times))[:, :2].norm(dim=1).tolist()
    assert meeting == pytest.approx(0, abs=1e-5)
    assert first > 0.5 + 0.5


def test_an_excursion_ends_where_it_began() -> None:
    draws = RandomSource(torch.Generator().manual_seed(0))
    staying = Motion.sample((0.3, 0.3), (0.0, 0.0), Pace(0.0), draws)
    excursion = staying.with_excursion(9, draws)
    begin, end = excursion.away_times
    times = torch.tensor([begin, (begin + end) / 2, end])
    away = (excursion.at(times) - staying.at(times))[:, :2].norm(dim=1).tolist()
    assert away[::2] == pytest.approx([0, 0], abs=1e-5)
    assert away[1] > 1.2 + 0.3
