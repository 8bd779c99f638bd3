"""How far elements have drifted, from what is stored: no step of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from toy_shots import MemoryPlate, ToyNode, a_shot, mask

from rde_roto.drift import StoredDrift, stored_drift
from rde_roto.explanation import drifts
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.values.bank import Bank
from rde_roto.values.errors import CancelledError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.preset import Preset, Tracking

FRAMES = FrameRange.parse("1001-1014")
PLATE = MemoryPlate(FRAMES, height=48, width=64)
BOTH = ("a", "b")
Make = Callable[..., RotoNode]


@pytest.fixture
def make(toy: RDENet) -> Make:
    """Makes a node that tracks two elements with the small network."""

    def make(*keyframes: int, stores: Stores | None = None, **tracking: Any) -> RotoNode:
        shot = a_shot(
            *(mask(frame, BOTH, plate=PLATE) for frame in keyframes),
            plate=PLATE,
            elements=elements_named(*BOTH),
        )
        bank = Bank.parse("2F+L+RDE")
        preset = Preset(name="toy", tracking=Tracking(lines=96, bank=bank, **tracking))
        device = torch.device("cpu")
        return RotoNode(
            shot, preset, lambda tracking: RDETracker(InferenceForms(toy), tracking, device), stores
        )

    return make


def rendered(node: RotoNode) -> RotoNode:
    for _ in node.render():
        pass
    return node


def test_the_distances_are_those_of_an_explanation(make: Make) -> None:
    node = rendered(make(1001))
    (expected,) = drifts(node, 1002)
    found = stored_drift(node, FRAMES, StoredDrift())
    assert tuple(found.distances) == expected.frames == (1004, 1007, 1010, 1013)
    for row, by_element in zip(expected.distance, found.distances.values(), strict=True):
        seen = {name: value for name, value in zip(BOTH, row, strict=True) if not np.isnan(value)}
        assert by_element == pytest.approx(seen)


def test_between_two_keyframes_the_nearer_one_counts(make: Make) -> None:
    node = rendered(make(1001, 1014))
    forwards, backwards = drifts(node, 1002)
    found = stored_drift(node, FRAMES, StoredDrift()).distances
    assert sorted(found) == [1004, 1007, 1008, 1011]
    assert found[1004]["a"] == pytest.approx(float(forwards.distance[0, 0]))
    assert found[1011]["a"] == pytest.approx(float(backwards.distance[0, 0]))


def test_nothing_is_measured_that_is_not_stored_and_nothing_twice(make: Make) -> None:
    stores = Stores.in_ram()
    fresh = make(1001, stores=stores)
    assert stored_drift(fresh, FRAMES, StoredDrift()).distances == {}
    before = stored_drift(rendered(fresh), FRAMES, StoredDrift())
    elsewhere = make(1001)  # whose stores have nothing
    after = stored_drift(elsewhere, FRAMES, before)
    assert after.distances == before.distances
    assert stored_drift(elsewhere, FrameRange.parse("1004"), before).measured.keys() < set(
        before.measured
    )


def test_it_can_be_cancelled_and_is_empty_for_another_model(make: Make) -> None:
    with pytest.raises(CancelledError):
        stored_drift(rendered(make(1001)), FRAMES, StoredDrift(), cancel=lambda: True)
    toy = ToyNode(a_shot(mask(1001)))
    assert stored_drift(toy, FRAMES, StoredDrift()).distances == {}
