from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_shots import MemoryPlate, ToyNode, a_shot, mask

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.explanation import _at_plate, _Axes, drifts, explain
from rde_roto.images.files import read_channels
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker, tracker_of
from rde_roto.model.state import MemoryState
from rde_roto.model.weights import load_model
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.values.bank import Bank
from rde_roto.values.errors import CancelledError, UsageError
from rde_roto.values.explanation import Drift, Explanation
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

BANK = Bank.parse("2F+L+RDE")
"""All that can be explained is read."""

CPU = torch.device("cpu")
PLATE = MemoryPlate(FrameRange.parse("1001-1014"), height=48, width=64)
BOTH = ("a", "b")

# Float32: sums of up to a few hundred products near 1.
TOLERANCE = 1e-5

Make = Callable[..., RotoNode]


@pytest.fixture
def make(toy: RDENet) -> Make:
    """Makes a node that tracks two elements with the small network."""

    def make(
        *keyframes: int, plate: MemoryPlate = PLATE, stores: Stores | None = None, **tracking: Any
    ) -> RotoNode:
        shot = a_shot(
            *(mask(frame, BOTH, plate=plate) for frame in keyframes or (1001,)),
            plate=plate,
            elements=elements_named(*BOTH),
        )
        preset = Preset(name="toy", tracking=Tracking(**{"lines": 96, "bank": BANK, **tracking}))
        return RotoNode(
            shot, preset, lambda tracking: RDETracker(InferenceForms(toy), tracking, CPU), stores
        )

    return make


# Shares of attention.


def walked(propagator: RDETracker, frames: int) -> tuple[MemoryState, list[Tensor]]:
    """The state after some frames, all of them absorbed, and every frame's key."""
    views = [PLATE.read(1001 + index) for index in range(frames + 1)]
    encoded = [propagator.encode([view]) for view in views]
    state = propagator.begin([(encoded[0], mask(1001, BOTH, plate=PLATE).alpha)])
    for frame in encoded[1:]:
        state = propagator.absorb(state, frame, propagator.read(state, frame))
    return state, [frame.frames.key for frame in encoded]


def test_a_frame_that_looks_like_a_moment_is_read_from_it(toy: RDENet) -> None:
    tracking = Tracking(lines=96, top_k=1, state_dtype="float32", bank=BANK)
    propagator = RDETracker(InferenceForms(toy), tracking, CPU)
    state, keys = walked(propagator, 2)
    for source, key in ((0, keys[0]), (1, keys[2]), (2, state.recurrent.key)):
        shares = propagator.shares(state, key, propagator.geometry((48, 64)))
        assert shares.shape == (2, 3, 3, 4)
        assert (shares[:, source] == 1).all()
        assert (shares.sum(dim=1) == 1).all()


def test_a_moment_that_is_not_in_the_bank_has_no_share(toy: RDENet) -> None:
    propagator = RDETracker(
        InferenceForms(toy), Tracking.model_validate({"lines": 96, "bank": "F+L"}), CPU
    )
    state, keys = walked(propagator, 2)
    shares = propagator.shares(state, keys[1], propagator.geometry((48, 64)))
    assert (shares[:, 2] == 0).all()
    assert (shares[:, :2].amax(dim=(0, 2, 3)) > 0).all()


# Explaining a frame.


@pytest.mark.parametrize("frame", [1002, 1009, 1014])
def test_shares_lie_over_the_plate_and_sum_to_one(make: Make, frame: int) -> None:
    (reading,) = explain(make(), frame).readings
    assert reading.keyframe == 1001
    assert reading.elements == BOTH
    assert reading.sources == ("keyframe", "latest", "embedding")
    assert reading.shares.shape == (2, 3, 48, 64)
    assert reading.shares.dtype == np.float32
    assert reading.shares.min() >= 0
    np.testing.assert_allclose(reading.shares.sum(axis=1), 1, atol=TOLERANCE)


def test_before_the_first_memory_frame_there_is_the_keyframe_alone(make: Make) -> None:
    (reading,) = explain(make(), 1003).readings
    assert reading.latest is None
    assert (reading.shares[:, 1:] == 0).all()
    np.testing.assert_array_equal(reading.embedding, reading.at_keyframe)


def test_later_every_moment_has_its_share(make: Make) -> None:
    (reading,) = explain(make(), 1009).readings
    assert reading.latest == 1007
    assert (reading.shares.mean(axis=(0, 2, 3)) > 0.001).all()
    assert np.abs(reading.embedding - reading.at_keyframe).mean() > 0.01


def test_between_two_keyframes_both_walks_are_explained(make: Make) -> None:
    forwards, backwards = explain(make(1001, 1014), 1009).readings
    ends = [(one.keyframe, one.far, one.latest) for one in (forwards, backwards)]
    assert ends == [(1001, 1014, 1007), (1014, 1001, 1011)]
    for reading in (forwards, backwards):
        assert reading.sources == ("keyframe", "latest", "embedding", "far")
        np.testing.assert_allclose(reading.shares.sum(axis=1), 1, atol=TOLERANCE)
        assert (reading.shares.mean(axis=(0, 2, 3)) > 0.001).all()


def test_colours_mean_the_same_at_every_frame_of_a_walk(make: Make) -> None:
    """Their axes and their scale are the keyframe's, whatever was explained before."""
    node = make()
    maps = [explain(node, frame).readings[0].at_keyframe for frame in (1014, 1002, 1008)]
    maps.append(explain(make(), 1005).readings[0].at_keyframe)
    for one in maps:
        np.testing.assert_array_equal(one, maps[0])
    assert maps[0].shape == (3, 48, 64)
    assert maps[0].dtype == np.float32
    assert (maps[0].std(axis=(1, 2)) > 0.05).all()
    assert ((maps[0] > 0) & (maps[0] < 1)).mean() > 0.9


def assert_same(found: Explanation, expected: Explanation) -> None:
    for one, other in zip(found.readings, expected.readings, strict=True):
        np.testing.assert_array_equal(one.shares, other.shares)
        np.testing.assert_array_equal(one.embedding, other.embedding)


def test_an_explanation_is_the_same_from_stored_states_and_changes_no_matte(make: Make) -> None:
    fresh, used = make(1001, 1014), make(1001, 1014)
    expected = {frame: used.matte(frame).alpha for frame in range(1002, 1014)}
    assert_same(explain(used, 1009), explain(fresh, 1009))
    for frame, alpha in expected.items():
        np.testing.assert_array_equal(fresh.matte(frame).alpha, alpha)


def test_a_bank_without_the_embedding_is_explained_with_it(make: Make) -> None:
    """Rendering makes none; explaining does, with the same bits whatever was rendered before."""
    stores = Stores.in_ram()
    rendered = make(bank="2F+L", stores=stores)
    expected = {matte.frame: matte.alpha for matte in rendered.render()}
    found, fresh = explain(rendered, 1009), explain(make(bank="2F+L"), 1009)
    assert_same(found, fresh)
    assert np.abs(found.readings[0].embedding - found.readings[0].at_keyframe).mean() > 0.01
    assert (found.readings[0].shares[:, 2] == 0).all()
    (drift,), (again,) = drifts(rendered, 1002), drifts(make(bank="2F+L"), 1002)
    assert_equal(drift, again)
    assert (drift.change[1:] > 0).all()
    for frame, alpha in expected.items():
        np.testing.assert_array_equal(rendered.matte(frame).alpha, alpha)


def test_its_embedding_is_that_of_every_update(make: Make, toy: RDENet) -> None:
    """As when rendering made it: each memory frame, unrounded, absorbed into the one before."""
    node = make(bank="F+L", memory_every=1)
    assert isinstance(node.walker.tracker, RDETracker)
    tracker = node.walker.tracker.with_embedding()
    expected, _ = walked(tracker, 5)
    (reading,) = explain(node, 1007).readings
    assert reading.latest == 1006
    axes = _Axes.of(tracker.as_embedding(expected.anchor))
    there = node.walker.geometry
    colours = _at_plate(axes.colours(expected.recurrent)[None], there)[0]
    np.testing.assert_array_equal(reading.embedding, colours)


def test_what_cannot_be_explained_is_refused_in_a_sentence(make: Make) -> None:
    with pytest.raises(UsageError, match="frame 1001 is a keyframe"):
        explain(make(), 1001)
    with pytest.raises(UsageError, match="frame 7 is not in the shot's range"):
        explain(make(), 7)
    with pytest.raises(UsageError, match="STM reads no embedding"):
        explain(make(bank="STM"), 1009)
    with pytest.raises(UsageError, match="ToyTracker cannot be explained"):
        drifts(ToyNode(a_shot(mask(1001))), 1009)


def test_explaining_can_be_cancelled(make: Make) -> None:
    with pytest.raises(CancelledError):
        drifts(make(), 1009, cancel=lambda: True)


# Drift.


def assert_equal(found: Drift, expected: Drift) -> None:
    assert found.frames == expected.frames
    for name in ("change", "shares", "distance"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_drift_has_a_point_for_each_memory_frame_of_the_span(make: Make) -> None:
    (drift,) = drifts(make(), 1002)
    assert drift.frames == (1004, 1007, 1010, 1013)
    assert drift.shares.shape == (4, 2, 3)
    assert drift.change.shape == drift.distance.shape == (4, 2)
    assert np.isnan(drift.change[0]).all()
    assert (drift.change[1:] > 0).all()
    np.testing.assert_allclose(drift.shares.sum(axis=2), 1, atol=TOLERANCE)
    # at first all attention goes to the keyframe; CPUs round its sum each their way
    np.testing.assert_allclose(drift.shares[0, :, 0], 1, atol=TOLERANCE)
    assert ((drift.distance >= 0) & (drift.distance <= 2)).all()


def test_drift_is_told_of_both_walks_between_two_keyframes(make: Make) -> None:
    forwards, backwards = drifts(make(1001, 1014), 1002)
    assert (forwards.keyframe, forwards.frames) == (1001, (1004, 1007, 1010, 1013))
    assert (backwards.keyframe, backwards.frames) == (1014, (1011, 1008, 1005, 1002))
    assert forwards.shares.shape == backwards.shares.shape == (4, 2, 4)


def test_a_short_walk_has_no_drift(make: Make) -> None:
    node = make(1001, 1003)
    found = drifts(node, 1002)
    assert len(found) == 2
    for drift in found:
        assert drift.frames == ()
        assert drift.shares.shape == (0, 2, 4)
        assert drift.farthest("a") is None


def test_stored_states_are_not_walked_again_and_give_the_same_drift(make: Make) -> None:
    stores = Stores.in_ram()
    plate = MemoryPlate(PLATE.range, height=48, width=64)
    (first,) = drifts(make(plate=plate, stores=stores), 1002)
    plate.read_frames.clear()
    (again,) = drifts(make(plate=plate, stores=stores), 1002)
    assert plate.read_frames == []
    assert_equal(again, first)


def test_drift_is_the_same_after_a_render(make: Make) -> None:
    rendered = make()
    for _ in rendered.render():
        pass
    (found,), (expected,) = drifts(rendered, 1002), drifts(make(), 1002)
    assert_equal(found, expected)


def test_a_memory_frame_that_the_plate_lacks_is_no_point(make: Make) -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1006,1008-1014"), height=48, width=64)
    node = make(plate=plate)
    (drift,) = drifts(node, 1002)
    assert drift.frames == (1004, 1010, 1013)
    assert np.isnan(drift.change[0]).all()
    assert np.isfinite(drift.change[1:]).all()
    assert explain(node, 1009).readings[0].latest == 1004


def test_an_element_that_is_not_in_the_picture_at_the_keyframe_has_no_distance(
    toy: RDENet,
) -> None:
    absent, there = (mask(frame, BOTH, plate=PLATE) for frame in (1001, 1014))
    absent = Keyframe(1001, absent.alpha * np.array([1, 0], np.float32)[:, None, None], BOTH)
    shot = a_shot(absent, there, plate=PLATE, elements=elements_named(*BOTH))
    preset = Preset(name="toy", tracking=Tracking(lines=96, bank=BANK))
    node = RotoNode(shot, preset, lambda tracking: RDETracker(InferenceForms(toy), tracking, CPU))
    forwards, backwards = drifts(node, 1009)
    assert np.isnan(forwards.distance[:, 1]).all()
    assert np.isfinite(forwards.distance[:, 0]).any()
    assert np.isfinite(backwards.distance[:, 1]).any()


def test_the_demo_drifts_farthest_while_the_robot_is_behind_the_post() -> None:
    folder = demo_shot()
    plate, frames = open_plate(str(folder / "plate")), FrameRange.parse("1019-1047")
    alpha = np.moveaxis(read_channels(folder / "truth/demo.1019.exr", ["A"]), 2, 0)
    shot = Shot(plate, frames, elements_named("hero"), (Keyframe(1019, alpha),))
    preset = Preset(name="small", tracking=Tracking(lines=240, bank=BANK))
    (drift,) = drifts(RotoNode(shot, preset, tracker_of(load_model("rde-lite"), CPU)), 1020)
    farthest = drift.farthest("hero")
    assert farthest in (1031, 1034, 1037)  # more than half of it is hidden at these
    place = drift.frames.index(farthest)
    assert drift.distance[place] > 5 * np.median(drift.distance)
    embedding = drift.shares[:, 0, 2]
    assert embedding[place] > 2 * np.median(embedding)


def test_the_farthest_frame_is_one_at_which_the_element_is_seen() -> None:
    distance = np.array([[0.1, np.nan], [np.nan, np.nan], [0.3, np.nan], [0.2, np.nan]], np.float32)
    shares = np.zeros((4, 2, 3), np.float32)
    drift = Drift(1001, BOTH, (1004, 1007, 1010, 1013), distance, shares, distance)
    assert drift.farthest("a") == 1010
    assert drift.farthest("b") is None
