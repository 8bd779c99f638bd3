from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from rde_roto.training.losses import (
    cross_entropy,
    dice,
    divergence,
    frame_weights,
    hardest_share,
)
from rde_roto.training.recipe import Losses

ONE = torch.ones(1, 1)


def test_the_loss_of_two_pixels_by_hand() -> None:
    # Left the element with probability 1/2, right the background with 3/4.
    logits = torch.tensor([[[[0.0, math.log(3)]], [[0.0, 0.0]]]])
    masks = torch.tensor([[[[1.0, 0.0]]]])
    left, right = math.log(2), math.log(4 / 3)
    for hardest, expected in [(1.0, (left + right) / 2), (0.5, left), (0.01, left)]:
        assert cross_entropy(logits, masks, ONE, hardest).item() == pytest.approx(expected)
    overlap, total = 0.5, 0.5 + 0.25 + 1
    expected = 1 - (2 * overlap + 1) / (total + 1)
    assert dice(logits, masks, ONE).item() == pytest.approx(expected)


def test_the_hardest_pixels_are_those_of_each_picture() -> None:
    # One picture is solved, the other undecided: half of the pixels of both, not the worse half.
    solved, undecided = torch.tensor([[20.0] * 4, [0.0] * 4]), torch.zeros(2, 4)
    logits = torch.stack([solved, undecided]).unflatten(2, (2, 2))
    loss = cross_entropy(logits, torch.zeros(2, 1, 2, 2), torch.ones(2, 1), hardest=0.5)
    assert loss.item() == pytest.approx(math.log(2) / 2, abs=1e-6)


def test_an_element_that_a_clip_lacks_costs_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 3, 4, 4, generator=random)
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, 0, :2] = 1
    present = torch.tensor([[1.0, 0.0]])
    alone = cross_entropy(logits[:, :2], masks[:, :1], ONE, 1.0)
    torch.testing.assert_close(cross_entropy(logits, masks, present, 1.0), alone)
    certain = logits.clone()
    certain[:, 2] = -40
    torch.testing.assert_close(
        dice(certain, masks, present), dice(logits[:, :2], masks[:, :1], ONE)
    )


def test_each_element_has_its_own_channel() -> None:
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, 0, :2] = masks[0, 1, 3] = 1
    background = 1 - masks.sum(dim=1, keepdim=True)
    right = 20 * torch.cat([background, masks], dim=1)
    swapped = right[:, [0, 2, 1]]
    both = torch.ones(1, 2)
    assert cross_entropy(right, masks, both, 1.0).item() < 1e-6
    assert cross_entropy(swapped, masks, both, 1.0).item() == pytest.approx(15, abs=1e-4)


def test_the_gradient_pulls_every_pixel_to_its_element() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=random).requires_grad_()
    labels = torch.randint(0, 3, (2, 8, 8), generator=random)
    masks = F.one_hot(labels, 3).permute(0, 3, 1, 2)[:, 1:].float()
    both = torch.ones(2, 2)
    (cross_entropy(logits, masks, both, 1.0) + dice(logits, masks, both)).backward()
    assert logits.grad is not None
    assert (logits.grad.gather(1, labels[:, None]) < 0).all()
    assert logits.grad.sum(dim=1).abs().max() < 1e-7


def test_divergence_is_kl_over_the_channels() -> None:
    # Student (1/2, 1/2), teacher (3/4, 1/4), at each of 4 places of 2 elements.
    student = torch.zeros(1, 2, 2, 2, 2)
    teacher = student.clone()
    teacher[:, :, 0] = math.log(3)
    kl = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert divergence(student, teacher).item() == pytest.approx(2 * kl / 2)  # elements / channels
    assert divergence(teacher, teacher).item() == 0


def test_later_frames_count_twice_as_much_as_published() -> None:
    assert frame_weights(Losses(), 5) == [1 / 16, 1 / 8, 1 / 4, 1 / 2]
    assert frame_weights(Losses(), 3) == [1 / 4, 1 / 2]
    assert frame_weights(Losses(frame_weights="equal"), 5) == [1 / 4] * 4


@pytest.mark.parametrize(("iteration", "share"), [(0, 1), (10, 1), (15, 0.6), (20, 0.2), (99, 0.2)])
def test_bootstrapping_closes_in_on_the_hardest(iteration: int, share: float) -> None:
    losses = Losses(bootstrap_start=10, bootstrap_end=20, hardest=0.2)
    assert hardest_share(losses, iteration) == pytest.approx(share)


def test_without_a_ramp_the_hardest_count_from_the_start() -> None:
    assert hardest_share(Losses(hardest=0.2), 0) == 0.2
