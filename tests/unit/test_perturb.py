from __future__ import annotations

import torch
from torch import Tensor

from rde_roto.training.clips.perturb import perturb

SIZE = 96
ROUNDS = 250


def discs(count: int) -> Tensor:
    """Two discs that touch, in ``count`` clips: [count, 2, S, S]."""
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    upper = (y - 34) ** 2 + (x - 48) ** 2 < 22**2
    lower = ((y - 64) ** 2 + (x - 48) ** 2 < 22**2) & ~upper
    return torch.stack([upper, lower]).float().repeat(count, 1, 1, 1)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def iou(left: Tensor, right: Tensor) -> Tensor:
    """[B, K]"""
    return (left * right).sum(dim=(2, 3)) / ((left + right) > 0).float().sum(dim=(2, 3))


def test_masks_fall_just_below_the_target() -> None:
    masks = discs(20)
    reached = iou(perturb(masks, (0.9, 0.9), ROUNDS, seeded(0)), masks)
    # Below the target, and no edit that leads 0.05 lower is kept.
    assert float(reached.max()) < 0.9
    assert float(reached.min()) >= 0.85 - 1e-6
    assert float(reached.mean()) > 0.87


def test_targets_are_drawn_from_the_whole_range() -> None:
    masks = discs(40)
    reached = iou(perturb(masks, (0.7, 1.0), ROUNDS, seeded(1)), masks)
    assert float(reached.min()) < 0.78
    assert float(reached.max()) > 0.95


def test_elements_of_a_clip_share_their_target() -> None:
    masks = discs(20)
    reached = iou(perturb(masks, (0.6, 1.0), ROUNDS, seeded(2)), masks)
    apart = (reached[:, 0] - reached[:, 1]).abs()
    assert float(apart.max()) < 0.06  # each is at most 0.05 below the target, plus one pixel's edit


def test_elements_stay_apart_and_are_still_masks() -> None:
    masks = discs(20)
    spoilt = perturb(masks, (0.7, 0.9), ROUNDS, seeded(3))
    assert spoilt.shape == masks.shape
    assert spoilt.dtype == torch.float32
    assert set(spoilt.unique().tolist()) == {0.0, 1.0}
    assert float(spoilt.sum(dim=1).max()) == 1


def test_a_clean_target_changes_nothing() -> None:
    masks = discs(2)
    assert torch.equal(perturb(masks, (1.0, 1.0), ROUNDS, seeded(4)), masks)


def test_an_absent_element_stays_empty() -> None:
    masks = discs(3)
    masks[:, 1] = 0
    spoilt = perturb(masks, (0.8, 0.9), ROUNDS, seeded(5))
    assert not spoilt[:, 1].any()
    assert float(iou(spoilt, masks)[:, 0].max()) < 0.9


def test_no_rounds_leave_the_masks_alone() -> None:
    masks = discs(1)
    assert torch.equal(perturb(masks, (0.5, 0.5), 0, seeded(6)), masks)


def test_the_generator_decides_and_the_input_is_kept() -> None:
    masks = discs(2)
    kept = masks.clone()
    first = perturb(masks, (0.8, 0.9), ROUNDS, seeded(7))
    assert torch.equal(first, perturb(masks, (0.8, 0.9), ROUNDS, seeded(7)))
    assert not torch.equal(first, perturb(masks, (0.8, 0.9), ROUNDS, seeded(8)))
    assert torch.equal(masks, kept)


def test_a_rectangle_moves_its_edges_in_and_out() -> None:
    # Many draws on one mask: pixels are lost inside it and won outside.
    masks = discs(30)[:, :1]
    spoilt = perturb(masks, (0.85, 0.85), ROUNDS, seeded(9))
    assert bool(((spoilt == 0) & (masks == 1)).any())
    assert bool(((spoilt == 1) & (masks == 0)).any())
