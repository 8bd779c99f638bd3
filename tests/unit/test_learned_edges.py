"""Learned edges: what a small network makes of a shot's own soft keyframe."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from disc_shots import short_lessons
from safetensors.torch import save

from rde_roto.matte import edges
from rde_roto.matte.finish import finish
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.model.learned import LearnedWeights, learned_name, read_learned
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.model.network_view import Picture
from rde_roto.model.weights import Model, with_learned
from rde_roto.net import RDENet
from rde_roto.net.edge_net import EdgeNet
from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.training.learning import edge_study, prepared_lesson
from rde_roto.training.learning.budget import Budget, StepLoop
from rde_roto.training.learning.edge_study import EdgeStudy, Reading, StudyLimits, study_edges
from rde_roto.training.learning.lesson_data import Truth
from rde_roto.training.learning.lesson_store import LessonStore
from rde_roto.training.learning.prepared_lesson import PreparedLesson
from rde_roto.training.learning.soft_masks import is_soft
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError, WeightsError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Finish, Preset, Tracking
from rde_roto.values.shot import Shot
from toy_tracker import ToyTracker

CPU = torch.device("cpu")
HEIGHT, WIDTH = 216, 288
LINES = 96
LEARNED = Finish(edges="learned")


def strands(seed: int = 5, count: int = 150) -> FloatArray:
    """Soft strands around a solid head, float32 [H, W], drawn at four times the size."""
    random, size = np.random.default_rng(seed), 4
    fine = np.zeros((HEIGHT * size, WIDTH * size), np.float32)
    y, x = np.mgrid[: HEIGHT * size, : WIDTH * size]
    fine[np.hypot(y / size - HEIGHT / 2, x / size - WIDTH / 2) < 40] = 1
    for turn, length, bend in random.random((count, 3)):
        along = np.linspace(35, 55 + 35 * length, 600)
        angle = 2 * np.pi * turn + (bend - 0.5) * (along - 35) / 60
        down = HEIGHT / 2 + along * np.sin(angle)
        across = WIDTH / 2 + along * np.cos(angle)
        for shift in range(4):
            fine[
                (size * down).astype(int) + shift // 2, (size * across).astype(int) + shift % 2
            ] = 1
    found: FloatArray = fine.reshape(HEIGHT, size, WIDTH, size).mean(axis=(1, 3))
    return found


def picture(alpha: FloatArray) -> FloatArray:
    """Dark strands over a lighter, uneven ground, [H, W, 3]."""
    rough = np.random.default_rng(1).random((HEIGHT // 12, WIDTH // 12, 3), np.float32)
    ground = 0.5 + 0.3 * rough.repeat(12, 0).repeat(12, 1)
    own = np.array([0.25, 0.15, 0.1], np.float32)
    mixed: FloatArray = alpha[..., None] * own + (1 - alpha[..., None]) * ground
    return mixed.astype(np.float32)


def tracked(alpha: FloatArray, box: Window | None = None) -> RawMatte:
    """What a tracker might give: the strands at its size, smeared."""
    geometry = Geometry.of(alpha.shape, LINES).within(box)
    planes = geometry.to_network(torch.from_numpy(alpha)[None, None])
    smeared = torch.nn.functional.avg_pool2d(planes, 3, stride=1, padding=1)
    return RawMatte(smeared[0].numpy(), geometry)


def reading(seed: int = 5) -> Reading:
    alpha = strands(seed)
    truth = Truth(1001, alpha[None], None, "made")
    return Reading(truth, tracked(alpha), Picture(picture(alpha)))


@pytest.fixture(scope="module")
def studied() -> EdgeStudy:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_study, "ITERATIONS", 32)
        return study_edges([reading()], Finish(), 7, CPU)


@pytest.fixture(scope="module")
def net(studied: EdgeStudy) -> EdgeNet:
    assert studied.edges is not None
    return studied.edges.network(CPU)


def some_edges(by: float = 0.25) -> LearnedEdges:
    """Edges that make every soft pixel a little more opaque."""
    weights = EdgeNet().state_dict()
    weights = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    return LearnedEdges.of({**weights, "last.bias": torch.tensor([by])})


# --- the study --------------------------------------------------------------------------------


def test_edges_are_better_than_after_the_plate_also_on_another_frame(
    studied: EdgeStudy, net: EdgeNet
) -> None:
    card = studied.card
    assert card.kept
    assert card.studied == (1001,)
    assert card.iterations == 32
    assert card.after["mad"] < 0.95 * card.before["mad"]
    other = reading(seed=6)
    plain, own = (
        np.abs(finish(other.raw, other.picture, LEARNED, CPU, each) - other.truth.alpha).mean()
        for each in (None, net)
    )
    assert own < 0.95 * plain


def test_the_same_keyframe_teaches_the_same_bits(
    studied: EdgeStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_study, "ITERATIONS", 2)
    monkeypatch.setattr(edge_study, "_GAIN", -10.0)
    torch.manual_seed(1)
    first = study_edges([reading()], Finish(), 7, CPU)
    state = torch.random.get_rng_state()
    again = study_edges([reading()], Finish(), 7, CPU)
    assert torch.equal(torch.random.get_rng_state(), state)  # the caller's numbers stay his
    assert first.edges is not None
    assert again.edges is not None
    assert first.edges.digest == again.edges.digest
    other = study_edges([reading()], Finish(), 8, CPU)
    assert other.edges is not None
    assert other.edges.digest != first.edges.digest


def test_edges_that_are_no_better_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_study, "ITERATIONS", 0)  # a new network changes nothing
    study = study_edges([reading()], Finish(), 7, CPU)
    assert study.edges is None
    assert not study.card.kept
    assert study.card.after == study.card.before
    assert "learned edges were not better where held out (mad" in study.card.why
    worse = {"mad": 90.0, "mse": 21.0}
    assert "mse 20.0 -> 21.0" in edge_study._rejection({"mad": 100.0, "mse": 20.0}, worse)
    assert edge_study._rejection({"mad": 1.0, "mse": 1.0}, {"mad": np.nan, "mse": 0.0})


def test_only_soft_masks_are_studied() -> None:
    assert is_soft(reading().truth)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(y - 100, x - 140)
    for hard in (distance < 60, np.clip(60.5 - distance, 0, 1)):  # as drawn, and anti-aliased
        truth = Truth(1001, hard[None].astype(np.float32), None, "made")
        assert not is_soft(truth)
    blurred = np.clip((64 - distance) / 8, 0, 1)[None].astype(np.float32)
    assert is_soft(Truth(1001, blurred, None, "made"))


def test_a_plate_that_the_network_sees_whole_has_no_edges_to_learn() -> None:
    seen = reading()
    whole = dataclasses.replace(seen, raw=RawMatte.from_mask(seen.truth.alpha))
    study = study_edges([whole], Finish(), 7, CPU)
    assert study.card.why == "the network sees every pixel of the plate"


def test_it_stops_at_once() -> None:
    calls = iter([None, None])

    def cancel() -> None:
        if next(calls, CancelledError) is not None:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        study_edges([reading()], Finish(), 7, CPU, StudyLimits(cancel))


def test_it_ends_in_time_and_fits_its_iterations_to_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_study, "_GAIN", -10.0)
    seconds = itertools.count()  # each look at the clock takes one
    limits = StudyLimits(ends=10.0, clock=lambda: float(next(seconds)))
    assert 2 <= study_edges([reading()], Finish(), 7, CPU, limits).card.iterations <= 8
    late = study_edges([reading()], Finish(), 7, CPU, StudyLimits(ends=0.0))
    assert late.card.iterations == 0
    assert late.card.after == late.card.before


def test_what_is_held_out_is_not_studied() -> None:
    parts = list(edge_study._parts(reading(), LEARNED, CPU))
    assert sum(int(part.held_out.sum()) for part in parts) > 1000
    assert not any(bool((part.held_out & part.studied).any()) for part in parts)


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = list(edge_study._parts(reading(), LEARNED, CPU))
    size = parts[0].drawn.numel()
    monkeypatch.setattr(edge_study, "_MOST_PX", 5 * size)
    kept = edge_study._thinned(iter(parts))
    assert 2 <= len(kept) <= 5
    assert kept[0] is parts[0]


# --- drawing ----------------------------------------------------------------------------------


def test_flat_areas_keep_every_bit_and_the_rest_is_a_matte(net: EdgeNet) -> None:
    seen = reading()
    enlarged = finish(seen.raw, None, LEARNED)
    drawn = finish(seen.raw, seen.picture, LEARNED, CPU, net)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    flat = (enlarged == 0) | (enlarged == 1)
    near = edges._near_soft(torch.from_numpy(enlarged), reach=4).numpy()
    assert (flat & ~near).mean() > 0.5
    np.testing.assert_array_equal(drawn[~near], enlarged[~near])
    assert (drawn != enlarged)[near].mean() > 0.5


def test_solid_and_empty_areas_are_never_corrected() -> None:
    seen, strong = reading(), some_edges().network(CPU)
    plain = finish(seen.raw, seen.picture, Finish(edges="plate"))
    drawn = finish(seen.raw, seen.picture, LEARNED, CPU, strong)
    flat = torch.from_numpy(((plain == 0) | (plain == 1)).astype(np.float32))
    inner = -torch.nn.functional.max_pool2d(-flat, 3, stride=1, padding=1) > 0
    assert inner.float().mean() > 0.3
    np.testing.assert_array_equal(drawn[inner.numpy()], plain[inner.numpy()])
    middle = (plain > 0.15) & (plain < 0.7)
    np.testing.assert_allclose(drawn[middle], plain[middle] + 0.25, rtol=0, atol=1e-3)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_how_many_tiles_are_drawn_together_changes_only_rounding(
    net: EdgeNet, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = reading()
    usual = finish(seen.raw, seen.picture, LEARNED, CPU, net)
    pixels = 100 * 100
    monkeypatch.setattr(edges, "_PIXELS_AT_ONCE", at_once * pixels)
    again = finish(seen.raw, seen.picture, LEARNED, CPU, net)
    np.testing.assert_allclose(again, usual, rtol=0, atol=1e-5)


def test_tiles_have_no_seams(net: EdgeNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = reading()
    usual = finish(seen.raw, seen.picture, LEARNED, CPU, net)
    monkeypatch.setattr(edges, "_TILE", 1000)  # all in one
    whole = finish(seen.raw, seen.picture, LEARNED, CPU, net)
    assert np.abs(whole - usual).max() < 0.01
    assert np.abs(whole - usual).mean() < 1e-5


def test_elements_still_add_up_to_one_at_most(net: EdgeNet) -> None:
    seen = reading()
    planes = np.concatenate([seen.raw.planes, 1 - seen.raw.planes])
    drawn = finish(RawMatte(planes, seen.raw.geometry), seen.picture, LEARNED, CPU, net)
    assert drawn.sum(axis=0).max() <= 1 + 1e-6


def test_without_learned_edges_they_are_drawn_after_the_plate() -> None:
    seen = reading()
    plain = finish(seen.raw, seen.picture, Finish(edges="plate"))
    np.testing.assert_array_equal(finish(seen.raw, seen.picture, LEARNED), plain)
    strong = some_edges().network(CPU)  # and they change nothing unless they are asked for
    np.testing.assert_array_equal(finish(seen.raw, seen.picture, Finish(), CPU, strong), plain)
    assert (finish(seen.raw, seen.picture, LEARNED, CPU, strong) != plain).any()


# --- files and digests ------------------------------------------------------------------------


@pytest.fixture
def model(toy: RDENet) -> Model:
    return Model("toy", toy, "0" * 64, "CC0", "allowed")


def test_edges_lie_in_the_file_of_the_shot_and_track_nothing_again(
    model: Model, tmp_path: Path
) -> None:
    name = next(iter(model.net.state_dict()))
    own = {name: model.net.state_dict()[name] + 1}
    plain = LearnedWeights.of(own, model.sha256)
    both = LearnedWeights.of(own, model.sha256, some_edges())
    found = read_learned(both.write(tmp_path))
    assert found.edges is not None
    assert found.edges.digest == some_edges().digest
    assert list(found.weights) == [name]
    assert found.content == LearnedWeights.of(own, model.sha256, some_edges()).content
    assert with_learned(model, found).sha256 == with_learned(model, plain).sha256 == plain.sha256
    alone = read_learned(LearnedWeights.of({}, model.sha256, some_edges()).write(tmp_path))
    taught = with_learned(model, alone)
    assert taught.sha256 == model.sha256
    assert taught.edges is not None


def test_edges_of_another_network_are_refused(tmp_path: Path) -> None:
    content = save({"edges.first.weight": torch.zeros(3)}, {"base": "0" * 64})
    path = tmp_path / learned_name(hashlib.sha256(content).hexdigest())
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="learned edges do not fit"):
        read_learned(path)


class StrandPlate:
    """The strands, in three frames."""

    range = FrameRange.parse("1001-1003")
    name = "strands.####.exr"
    input_transform = None
    format = PlateFormat(Window(0, 0, WIDTH, HEIGHT), Window(0, 0, WIDTH, HEIGHT))

    def digest(self, frame: int) -> str:
        return digest_of("strands", frame)

    def read(self, frame: int) -> FloatArray:
        return picture(strands(frame))


def a_node(stores: Stores, edges: LearnedEdges | None, how: str = "learned") -> RotoNode:
    plate, alpha = StrandPlate(), strands(1001)[None]
    shot = Shot(plate, plate.range, elements_named("hair"), (Keyframe(1001, alpha),))
    preset = Preset(name="test")
    preset = preset.model_copy(
        update={
            "tracking": preset.tracking.model_copy(update={"lines": LINES}),
            "finish": Finish.model_validate({"edges": how}),
        }
    )

    def load(tracking: Tracking) -> ToyTracker:
        return ToyTracker(tracking, edges=edges)

    return RotoNode(shot, preset, load, stores)


def test_learned_edges_enter_the_digests_of_mattes_alone() -> None:
    stores = Stores.in_ram()
    none, some, others = (a_node(stores, each) for each in (None, some_edges(), some_edges(by=0.5)))
    assert len({node.digest(1002) for node in (none, some, others)}) == 3
    first = some.matte(1003).alpha
    tracker = others.walker.tracker
    assert isinstance(tracker, ToyTracker)
    assert (others.matte(1003).alpha != first).any()
    assert tracker.steps["read"] == tracker.steps["absorb"] == 0  # nothing is tracked again
    again = a_node(Stores.in_ram(), some_edges())  # another order, nothing stored
    again.matte(1002)
    np.testing.assert_array_equal(again.matte(1003).alpha, first)
    asked_for_less = [a_node(stores, each, "plate").digest(1002) for each in (None, some_edges())]
    assert asked_for_less[0] == asked_for_less[1]


# --- as a part of learning the shot -----------------------------------------------------------


@pytest.fixture
def lesson(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PreparedLesson:
    """A lesson in which hardly anything is learned, and all of it counts as better."""
    monkeypatch.setenv("RDE_ROTO_PRESETS", short_lessons(tmp_path / "presets"))
    monkeypatch.setattr(edge_study, "ITERATIONS", 1)
    monkeypatch.setattr(edge_study, "_GAIN", -10.0)
    return a_lesson(model, strands(1001))


def a_lesson(model: Model, alpha: FloatArray, finish: Finish = LEARNED) -> PreparedLesson:
    plate = StrandPlate()
    shot = Shot(plate, plate.range, elements_named("hair"), (Keyframe(1001, alpha[None]),))
    preset = Preset(name="test", tracking=Tracking(lines=LINES), finish=finish)
    return PreparedLesson(shot, preset, model, CPU)


def test_a_lesson_studies_edges_too_and_the_file_has_them(
    lesson: PreparedLesson, model: Model, tmp_path: Path
) -> None:
    stored = LessonStore(tmp_path / "a").run_once(lesson, model, Budget(steps=1))
    assert stored.card.has_edges
    assert not stored.card.kept  # one step is no gain: it tracks as before
    assert stored.model.sha256 == model.sha256
    assert stored.path is not None
    found = read_learned(stored.path)
    assert found.edges is not None
    assert stored.card.edges is not None
    assert found.edges.digest == stored.card.edges.digest
    assert "edges learned" in stored.card.edges_sentence
    known = LessonStore(tmp_path / "a").run_once(lesson, model, Budget(steps=1))
    assert (known.is_new, known.path) == (False, stored.path)
    again = LessonStore(tmp_path / "b").run_once(lesson, model, Budget(steps=1))
    assert again.path is not None
    assert again.path.read_bytes() == stored.path.read_bytes()


def test_edges_that_are_refused_leave_no_file(
    lesson: PreparedLesson, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_study, "_GAIN", 1.1)
    stored = LessonStore(tmp_path / "a").run_once(lesson, model, Budget(steps=1))
    assert stored.path is None
    assert stored.model is model
    assert not list((tmp_path / "a").glob("*.safetensors"))
    assert "edges are not learned: learned edges were not better" in stored.card.edges_sentence


@pytest.mark.usefixtures("lesson")
def test_a_hard_mask_is_not_studied(model: Model) -> None:
    hard = a_lesson(model, (strands(1001) > 0.5).astype(np.float32))
    card = hard.run(Budget(steps=1)).card
    assert card.edges is not None
    assert card.edges.why == "no studied keyframe or locked frame has soft edges"


def test_edges_are_studied_only_if_the_shot_asks_for_them(
    lesson: PreparedLesson, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_lesson, "study_edges", None)  # nobody calls it
    plain = a_lesson(model, strands(1001), Finish(edges="plate"))
    card = plain.run(Budget(steps=1)).card
    assert card.edges is None
    assert not card.edges_sentence
    assert plain.digest(Budget(steps=1)) != lesson.digest(Budget(steps=1))
    softer = a_lesson(model, strands(1001), Finish(edges="plate", clip_black=0.1))
    assert plain.digest(Budget(steps=1)) == softer.digest(Budget(steps=1))


def test_edges_are_studied_within_the_minutes_of_the_lesson(
    lesson: PreparedLesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, asked = [], []

    def stepping(*args: Any) -> StepLoop:
        ends.append(args[3])
        return StepLoop(*args)

    def studying(*args: Any) -> EdgeStudy:
        asked.append(args[4].ends)
        return study_edges(*args)

    monkeypatch.setattr(prepared_lesson, "StepLoop", stepping)
    monkeypatch.setattr(prepared_lesson, "study_edges", studying)
    lesson.run(Budget(steps=1, minutes=10, clock=lambda: 100.0))
    assert ends == [100 + 0.75 * 600]
    assert asked == [100 + 600]


def test_stopped_while_edges_are_studied_it_leaves_nothing(
    lesson: PreparedLesson, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Event()

    def study(*_: object) -> EdgeStudy:
        asked.set()
        raise CancelledError("stopped")

    monkeypatch.setattr(prepared_lesson, "study_edges", study)
    with pytest.raises(CancelledError):
        LessonStore(tmp_path / "a").run_once(lesson, model, Budget(steps=1))
    assert asked.is_set()
    left = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix != ".lock"] == []
