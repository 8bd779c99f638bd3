"""Mattes that lose or gain a part on their way into memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.damage import damage

CLIPS = 200


def draws(seed: int = 1) -> RandomSource:
    return RandomSource(torch.Generator().manual_seed(seed))


@pytest.fixture
def alpha() -> Tensor:
    """Two soft elements beside each other in every clip."""
    planes = torch.zeros(CLIPS, 2, 48, 64)
    planes[:, 0, 10:40, 10:30] = 0.9
    planes[:, 1, 10:40, 30:50] = 0.6
    planes[:, 1, 10:40, 29] = 0.1
    return planes


def test_mattes_stay_mattes(alpha: Tensor) -> None:
    damaged = damage(alpha, 1.0, draws())
    assert damaged.shape == alpha.shape
    assert damaged.min() >= 0
    assert damaged.sum(dim=1).max() <= 1 + 1e-6  # float32, a sum of three


def test_a_clip_loses_a_part_or_gains_one_and_only_where_nothing_is(alpha: Tensor) -> None:
    difference = damage(alpha, 1.0, draws()) - alpha
    loses, gains = ((sign * difference).amax(dim=(1, 2, 3)) > 1e-6 for sign in (-1, 1))
    assert not (loses & gains).any()
    assert 0.5 < loses.float().mean() < 0.75  # 0.65, less where the lost part is no element's
    assert 0.15 < gains.float().mean() < 0.45  # 0.35, of 200: a deviation of 0.03
    lost = -difference[loses].sum(dim=(1, 2, 3)) / alpha[loses].sum(dim=(1, 2, 3))
    assert 0.2 < lost.quantile(0.25) < lost.quantile(0.75) < 0.8
    free = 1 - alpha.sum(dim=1)
    assert (difference.sum(dim=1) <= free + 1e-6).all()


def test_the_share_is_that_of_the_clips_and_draws_decide_alone(alpha: Tensor) -> None:
    damaged = damage(alpha, 0.3, draws())
    changed = (damaged != alpha).flatten(1).any(dim=1)
    assert 0.15 < changed.float().mean() < 0.4
    assert torch.equal(damage(alpha, 0.3, draws()), damaged)
    assert not torch.equal(damage(alpha, 0.3, draws(2)), damaged)
    assert torch.equal(damage(alpha, 0.0, draws()), alpha)


def test_gradients_flow_through_what_is_left(alpha: Tensor) -> None:
    soft = alpha.requires_grad_()
    damaged = damage(soft, 1.0, draws())
    damaged.sum().backward()
    assert soft.grad is not None
    assert torch.isfinite(soft.grad).all()
    assert (soft.grad != 0).any()
