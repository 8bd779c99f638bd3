"""The latest memory frame is held while an element is hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rde_roto.model.forms import InferenceForms
from rde_roto.model.geometry import Geometry
from rde_roto.model.hold import covered_areas
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import RDE_LITE, RDE_R50, RDENet
from rde_roto.values.bank import Bank
from rde_roto.values.plate import Window
from rde_roto.values.preset import Tracking
from seeded import seeded_network, seeded_shot

VIEWS, ALPHA = seeded_shot(8, 64, 96)
WHOLE, TWO_THIRDS, LITTLE = 30, 20, 10  # columns


def make(net: RDENet, **tracking: Any) -> RDETracker:
    values: dict[str, Any] = {"bank": Bank.parse("2F+L"), **tracking}
    return RDETracker(InferenceForms(net), Tracking(**values), torch.device("cpu"))


def seen(*columns: int) -> Tensor:
    """Probabilities [1, K + 1, 64, 96] of elements below each other, so many columns wide each."""
    planes = torch.zeros(1, len(columns) + 1, 64, 96)
    for place, width in enumerate(columns):
        planes[0, place + 1, 10 + 20 * place : 25 + 20 * place, 30 : 30 + width] = 1
    planes[0, 0] = 1 - planes[0, 1:].sum(dim=0)
    return planes


class Walk:
    """What a tracker remembers of one frame after the other, of which somebody else says where the
    elements are.
    """

    def __init__(self, tracker: RDETracker, elements: int = 1) -> None:
        self.tracker = tracker
        alpha = seen(*[WHOLE] * elements)[0, 1:].numpy()
        self.state = tracker.begin([(tracker.encode(VIEWS[:1]), alpha)])
        self._next = 0

    def absorb(self, *columns: int) -> MemoryState:
        self._next += 1
        frame = self.tracker.encode([VIEWS[self._next % len(VIEWS)]])
        self.state = self.tracker.absorb(self.state, frame, seen(*columns))
        return self.state


@pytest.mark.parametrize("bank", ["2F+L", "2F+L+RDE", "STM"])
def test_a_remnant_is_not_remembered(toy: RDENet, bank: str) -> None:
    walk = Walk(make(toy, bank=Bank.parse(bank)))
    whole = walk.absorb(WHOLE)
    for count in (1, 2):
        behind = walk.absorb(LITTLE)
        assert behind.held == count
        assert behind.latest is whole.latest
        assert behind.recurrent is whole.recurrent
        assert behind.history is whole.history
    out = walk.absorb(TWO_THIRDS)
    assert out.held == 0
    assert out.latest is not whole.latest
    assert out.areas == (15 * TWO_THIRDS,)


def test_after_six_memory_frames_it_is_not_hidden_but_gone(toy: RDENet) -> None:
    walk = Walk(make(toy))
    whole = walk.absorb(WHOLE)
    states = [walk.absorb(0) for _ in range(7)]
    assert [state.held for state in states] == [1, 2, 3, 4, 5, 6, 0]
    assert [state.latest is whole.latest for state in states] == [True] * 6 + [False]
    assert walk.absorb(0).held == 0  # nothing is less than nothing


def test_what_shrinks_slowly_is_remembered(toy: RDENet) -> None:
    walk = Walk(make(toy))
    assert [walk.absorb(width).held for width in (30, 22, 16, 12, 9, 7)] == [0] * 6


def test_one_hidden_element_of_several_is_enough(toy: RDENet) -> None:
    walk = Walk(make(toy), elements=2)
    walk.absorb(WHOLE, WHOLE)
    assert walk.absorb(WHOLE, LITTLE).held == 1
    assert walk.absorb(WHOLE, WHOLE).held == 0


def test_before_a_first_memory_frame_there_is_nothing_to_hold(toy: RDENet) -> None:
    after = Walk(make(toy)).absorb(LITTLE)
    assert after.held == 0
    assert after.latest is not None


def test_a_state_that_holds_goes_on_alike_when_it_was_stored(toy: RDENet) -> None:
    walk = Walk(make(toy))
    walk.absorb(WHOLE)
    for _ in range(5):
        walk.absorb(LITTLE)
    live = walk.state
    walk.state = walk.tracker.restore(live.anchors(), live.moving())
    assert (walk.state.areas, walk.state.held) == (live.areas, 5)
    assert [walk.absorb(LITTLE).held for _ in range(2)] == [6, 0]


def test_the_paper_s_network_remembers_every_memory_frame() -> None:
    walk = Walk(make(seeded_network(RDE_R50).eval().requires_grad_(False)))
    whole, little = walk.absorb(WHOLE), walk.absorb(LITTLE)
    assert (RDE_LITE.holds_memory, RDE_R50.holds_memory) == (True, False)
    assert (little.held, little.areas) == (0, ())
    assert little.latest is not whole.latest


def test_areas_are_those_on_the_plate_whatever_part_is_seen() -> None:
    """By the rounding of an outline to the working size, a pixel a side."""
    alpha = torch.zeros(1, 2, 300, 400)
    alpha[0, 0, 100:200, 120:220] = 1
    alpha[0, 1, 150:190, 250:330] = 1
    geometry = Geometry.of((300, 400), 100)
    for box in (None, Window(100, 80, 240, 180), Window(110, 95, 227, 170)):
        there = geometry.within(box)
        areas = covered_areas(there.to_network(alpha)[0], there)
        for found, (height, width) in zip(areas, ((100, 100), (40, 80)), strict=True):
            assert np.isclose(found, height * width, atol=3 * 2 * (height + width))
