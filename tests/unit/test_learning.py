"""Learning a shot: what is studied, how, and that the same input gives the same weights."""

from __future__ import annotations

import copy
import dataclasses
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from disc_shots import GREEN, HEIGHT, WIDTH, DiscPlate, MadeLock, a_shot, disc, drawn, short_lessons

from rde_roto.model.forms import InferenceForms
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.weights import Model, with_learned
from rde_roto.net import RDENet
from rde_roto.training.learning.budget import Budget, Progress
from rde_roto.training.learning.cycles import FIRST_REACH, FULL_REACH_STEP, CycleSampler
from rde_roto.training.learning.lesson import Lesson, drawable_mixture
from rde_roto.training.learning.lesson_data import (
    MAX_CYCLE_PX,
    MAX_LOCKED_FRAMES,
    MAX_VISITED_FRAMES,
    LessonData,
    spread,
)
from rde_roto.training.learning.lesson_store import LessonStore, StoredLesson
from rde_roto.training.learning.prepared_lesson import LessonResult, PreparedLesson, study
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.training.learning.scores import Scores, best_share, rejection_reason
from rde_roto.training.learning.shot_footage import shot_footage
from rde_roto.training.recipe import Jitter, Mixture
from rde_roto.values.errors import CancelledError, OutputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

CPU = torch.device("cpu")
PRESET = Preset(name="test", tracking=Tracking(lines=96))


@pytest.fixture(autouse=True)
def _short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDE_ROTO_PRESETS", short_lessons(tmp_path / "presets"))


@pytest.fixture
def lesson_data(toy: RDENet) -> Callable[[Shot], LessonData]:
    return lambda shot: LessonData(shot, RDETracker(InferenceForms(toy), PRESET.tracking, CPU))


@pytest.fixture
def model(toy: RDENet) -> Model:
    return Model("toy", toy, "0" * 64, "CC0", "allowed")


def learned(model: Model, shot: Shot, budget: Budget) -> LessonResult:
    return study(shot, PRESET, model, CPU, budget)


# --- what is studied --------------------------------------------------------------------------


def test_keyframes_and_locked_frames_are_the_truth(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    shot = a_shot(drawn(1001), drawn(1006), locks=(MadeLock(FrameRange.parse("1006-1008")),))
    studied = lesson_data(shot)
    assert [truth.frame for truth in studied.truths] == [1001, 1006, 1007, 1008]
    assert studied.visited == (1002, 1003, 1004, 1005, 1009, 1010, 1011, 1012)
    assert len({truth.digest for truth in studied.truths}) == 4
    plate = shot.plate
    assert isinstance(plate, DiscPlate)
    assert not plate.read_frames  # opening costs no picture


def test_a_frame_with_an_element_that_nobody_drew_is_no_truth(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    plate = DiscPlate()
    two = np.stack([disc(1001), disc(1001)[:, ::-1]]).astype(np.float32)
    both, one = Keyframe(1001, two), Keyframe(1006, two[:1], ("left",))
    shot = Shot(plate, plate.range, elements_named("left", "right"), (both, one))
    assert [truth.frame for truth in lesson_data(shot).truths] == [1001]


def test_a_shot_that_shows_nothing_teaches_nothing(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    faint = Keyframe(1001, np.full((1, HEIGHT, WIDTH), 0.2, np.float32))
    with pytest.raises(UsageError, match=r"nothing to learn from in disc"):
        lesson_data(a_shot(faint))


def test_the_most_that_is_studied_is_bounded(lesson_data: Callable[[Shot], LessonData]) -> None:
    assert spread(range(1000), MAX_VISITED_FRAMES)[::31] == (0, 999)
    assert len(set(spread(range(1000), MAX_LOCKED_FRAMES))) == MAX_LOCKED_FRAMES
    assert spread((3, 4), 5) == (3, 4)
    wide = lesson_data(a_shot()).cycle_geometry(lesson_data(a_shot()).truths[0])
    assert wide.working[0] * wide.working[1] <= MAX_CYCLE_PX


def test_a_background_is_the_frame_without_its_element(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    made = shot_footage(lesson_data(a_shot()))
    ((subject,),) = (stills.stills for stills in made.footage.subjects)
    ((background,),) = (stills.stills for stills in made.footage.backgrounds)
    where = subject.labels(0) == 1
    greens = subject.frame(0)[:, where].float().mean(dim=1) / 255
    torch.testing.assert_close(greens, torch.tensor(GREEN), atol=0.01, rtol=0)
    left = background.frame(0).float() / 255
    assert bool((left[1] - left[0]).abs().max() < 0.1)  # grey all over
    assert made.size_px % 16 == 0
    assert not made.footage.videos


def test_two_truths_are_a_pair(lesson_data: Callable[[Shot], LessonData]) -> None:
    ((clip,),) = (
        v.clips for v in shot_footage(lesson_data(a_shot(drawn(1001), drawn(1009)))).footage.videos
    )
    assert len(clip) == 2
    assert (clip.labels(0) != clip.labels(1)).any()


def test_what_is_partly_hidden_is_not_studied_by_itself(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    half = disc(1006).astype(np.float32)
    half[:49] = 0  # less than half of the disc is left
    part = Keyframe(1006, half[None])
    studied = lesson_data(a_shot(drawn(1001), part))
    assert [truth.frame for truth in studied.truths] == [1001, 1006]
    assert [truth.frame for truth in studied.whole_truths] == [1001]
    made = shot_footage(studied).footage
    assert [still.name for stills in made.subjects for still in stills.stills] == ["frame 1001"]
    assert len(made.videos) == 1, "the pair is studied all the same"
    assert len(lesson_data(a_shot(part)).whole_truths) == 1


def test_stills_take_the_place_of_clips_that_cannot_be_made(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    recipe = lesson_recipe()

    def mixture(*frames: int) -> Mixture:
        footage = shot_footage(lesson_data(a_shot(*map(drawn, frames)))).footage
        return drawable_mixture(recipe, footage, recipe.curriculum[-1], lambda: None)

    assert mixture(1001, 1009) == recipe.mixture
    alone = mixture(1001)
    assert (alone.video, alone.composite) == (0, recipe.mixture.composite)
    assert alone.still == pytest.approx(recipe.mixture.still + recipe.mixture.video)


def test_a_crumb_and_a_wire_are_learned_too(model: Model) -> None:
    crumb, wire = np.zeros((2, 1, HEIGHT, WIDTH), np.float32)
    crumb[0, 40:43, 60:63] = 1
    wire[0, 48, 10:150] = 1
    for mask in (crumb, wire):
        shot = a_shot(Keyframe(1001, mask), Keyframe(1009, mask))
        assert learned(model, shot, Budget(steps=1)).card.steps == 1


# --- cycles -----------------------------------------------------------------------------------


def test_cycles_go_to_near_frames_first(lesson_data: Callable[[Shot], LessonData]) -> None:
    studied = lesson_data(a_shot())
    sampler = CycleSampler(studied, studied.visited, Jitter(), (0.5, 0.5, 0.5))
    pictures = {
        f: studied.picture(f, studied.cycle_geometry(studied.truths[0])) for f in studied.visited
    }

    def visited(step: int) -> set[int]:
        found = set()
        for seed in range(40):
            batch = sampler.draw(step, 1, torch.Generator().manual_seed(seed))
            there = batch.images[1, 0, :, :HEIGHT, :WIDTH]
            (frame,) = (f for f, p in pictures.items() if torch.allclose(p, there, atol=1e-6))
            found.add(frame)
        return found

    assert max(visited(0)) == 1001 + FIRST_REACH
    assert max(visited(FULL_REACH_STEP)) == 1012


def test_a_cycle_is_held_against_the_truth(lesson_data: Callable[[Shot], LessonData]) -> None:
    studied = lesson_data(a_shot())
    sampler = CycleSampler(studied, studied.visited, Jitter(mirror=1.0), (0.5, 0.5, 0.5))
    batch = sampler.draw(0, 2, torch.Generator().manual_seed(1))
    assert batch.images.shape == (2, 2, 3, HEIGHT, WIDTH)
    mirrored = torch.from_numpy(disc(1001)[:, ::-1].copy()).float()
    for clip in range(2):
        torch.testing.assert_close(batch.masks[0, clip, 0], mirrored)
    assert batch.present.tolist() == [[1.0], [1.0]]


# --- a lesson ---------------------------------------------------------------------------------


def test_the_same_lesson_gives_the_same_file_to_the_last_bit(model: Model) -> None:
    shot = a_shot(drawn(1001), drawn(1009))
    twice = [learned(model, shot, Budget(steps=2)).learned for _ in range(2)]
    assert twice[0].content == twice[1].content
    assert learned(model, shot, Budget(steps=3)).learned.sha256 != twice[0].sha256


@pytest.mark.parametrize("keyframes", [(1001,), (1001, 1009)])
def test_a_clock_ends_it_where_a_number_would(model: Model, keyframes: tuple[int, ...]) -> None:
    shot = a_shot(*map(drawn, keyframes))

    def ticking() -> Iterator[float]:
        yield from (float(second) for second in range(1000))

    ticks = ticking()
    timed = learned(model, shot, Budget(minutes=0.2, clock=lambda: next(ticks)))
    assert 2 < timed.card.steps < 12  # of its twelve seconds a step takes one, and so do checks
    counted = learned(model, shot, Budget(steps=timed.card.steps))
    assert counted.learned.content == timed.learned.content
    assert counted.card.after == timed.card.after


def test_what_is_frozen_and_the_given_model_stay(model: Model) -> None:
    before = copy.deepcopy(model.net.state_dict())
    taught = learned(model, a_shot(), Budget(steps=2))
    for name, weight in model.net.state_dict().items():
        torch.testing.assert_close(weight, before[name], rtol=0, atol=0)
    names = set(taught.learned.weights)
    assert names
    assert not any(name.startswith("mem_compress.") for name in names)
    trunk = {name for name in names if name.startswith("key_encoder.")}
    assert {name.split(".")[1] for name in trunk} == {"stage3", "stage4", "stage5"}
    assert not any("depthwise" in name for name in trunk)
    assert any((taught.learned.weights[name].float() != before[name]).any() for name in names)


def test_the_card_tells_what_was_done(model: Model) -> None:
    card = learned(model, a_shot(), Budget(steps=1)).card
    assert (card.base, card.base_sha256, card.from_sha256) == ("toy", "0" * 64, "0" * 64)
    assert (card.licence, card.commercial_use, card.steps) == ("CC0", "allowed", 1)
    assert list(card.studied) == [1001]
    assert card.share_kept == 0.6
    assert set(card.before) == set(card.after) == {"clips", "cycles"}
    assert "mem_compress." in card.recipe["optimiser"]["frozen"]
    assert (card.held_out, card.why) == (
        None,
        "learning did not raise the mean J enough (0.500 -> 0.500, 0.550 is needed), so it is not "
        "kept",
    )


def test_what_is_held_out_is_never_studied(
    toy: RDENet, lesson_data: Callable[[Shot], LessonData]
) -> None:
    studied = lesson_data(a_shot())
    lesson = Lesson(copy.deepcopy(toy), studied, lesson_recipe())
    assert lesson.cycle_frames
    assert lesson.check_frames
    assert not set(lesson.cycle_frames) & set(lesson.check_frames)
    assert sorted((*lesson.cycle_frames, *lesson.check_frames)) == list(studied.visited)


def test_learning_again_keeps_what_was_learned_before(model: Model) -> None:
    name = "mem_compress.compress_key.bias"  # which the recipe does not touch
    earlier = LearnedWeights.of({name: (model.net.state_dict()[name] + 1).half()}, model.sha256)
    before = with_learned(model, earlier)
    again = learned(before, a_shot(), Budget(steps=1))
    assert again.card.from_sha256 == earlier.sha256
    assert again.card.base_sha256 == model.sha256
    own = with_learned(model, again.learned).net.state_dict()
    torch.testing.assert_close(own[name], before.net.state_dict()[name], rtol=0, atol=0)


def test_a_shot_of_one_frame_is_learned_without_cycles(model: Model) -> None:
    plate = DiscPlate(FrameRange.parse("1001"))
    shot = Shot(plate, plate.range, elements_named("disc"), (drawn(1001),))
    card = learned(model, shot, Budget(steps=2)).card
    assert set(card.before) == {"clips"}


def test_cancelled_it_leaves_nothing_and_enough_keeps_what_there_is(model: Model) -> None:
    told: list[Progress] = []
    with pytest.raises(CancelledError, match="nothing has changed"):
        learned(model, a_shot(), Budget(steps=9, listen=told.append, cancel=lambda: len(told) == 2))
    assert [progress.steps for progress in told] == [1, 2]
    told.clear()
    ended = learned(
        model, a_shot(), Budget(steps=9, listen=told.append, finish_early=lambda: len(told) == 2)
    )
    assert ended.card.steps == 2


def test_progress_tells_how_long_it_still_takes(model: Model) -> None:
    told: list[Progress] = []
    learned(model, a_shot(), Budget(steps=4, listen=told.append))
    assert told[-1].seconds_left == 0
    assert told[-1].share == 1
    assert len(told) > 1
    assert all(0 < progress.share < 1 for progress in told[:-1])


def idle(self: Lesson) -> float:
    """A step that leads nowhere."""
    self.steps += 1
    return 0.0


# --- each lesson once -------------------------------------------------------------------------


def test_a_lesson_is_held_once(model: Model, tmp_path: Path) -> None:
    told: list[Progress] = []
    budget = Budget(steps=1, listen=told.append)
    first, again = (
        LessonStore(tmp_path).run_once(PreparedLesson(a_shot(), PRESET, model, CPU), model, budget)
        for _ in "12"
    )
    assert (first.is_new, again.is_new, len(told)) == (True, False, 1)
    assert again.card == first.card
    assert again.path == first.path
    assert again.model.sha256 == first.model.sha256
    LessonStore(tmp_path).run_once(
        PreparedLesson(a_shot(drawn(1002)), PRESET, model, CPU), model, budget
    )
    assert len(told) == 2  # another keyframe, another lesson


@pytest.mark.parametrize("refusal", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_files_cannot_be_locked_nobody_waits_for_ever(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    """As Lustre without `flock`, and NFS whose lock service does not answer, refuse a lock."""

    def refuse(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(fcntl, "flock", refuse)
    store = LessonStore(tmp_path / "learned", sleep=lambda _: pytest.fail("it waits"))
    with pytest.raises(OutputError, match=rf"cannot lock .*\.lock: {os.strerror(refusal)}"):
        store.run_once(PreparedLesson(a_shot(), PRESET, model, CPU), model, Budget(steps=1))


def test_everything_that_decides_it_names_a_lesson(model: Model) -> None:
    def name(shot: Shot, budget: Budget = Budget(), lines: int = 96, with_: Model = model) -> str:  # noqa: B008
        preset = Preset(name="other", tracking=Tracking(lines=lines))
        return PreparedLesson(shot, preset, with_, CPU).digest(budget)

    other = dataclasses.replace(model, sha256="1" * 64)
    lock = MadeLock(FrameRange.parse("1005"))
    names = [
        name(a_shot()),
        name(a_shot(drawn(1002))),
        name(a_shot(drawn(1001), drawn(1002))),
        name(a_shot(locks=(lock,))),
        name(a_shot(), Budget(steps=3)),
        name(a_shot(), Budget(minutes=3)),
        name(a_shot(), lines=97),
        name(a_shot(), with_=other),
    ]
    assert len(set(names)) == len(names)
    assert name(a_shot()) == names[0]


def test_of_two_at_once_one_holds_it_and_the_other_waits(model: Model, tmp_path: Path) -> None:
    lesson = PreparedLesson(a_shot(), PRESET, model, CPU)
    steps: list[Progress] = []
    waits = Event()

    def wait(_: float) -> None:
        waits.set()

    def hold(listen: Callable[[Progress], None], wait: Callable[[float], None]) -> StoredLesson:
        return LessonStore(tmp_path, wait).run_once(lesson, model, Budget(steps=1, listen=listen))

    with ThreadPoolExecutor(1) as pool:
        others: list[Future[StoredLesson]] = []

        def listen(progress: Progress) -> None:  # the first one is in the midst of it
            steps.append(progress)
            others.append(pool.submit(hold, steps.append, wait))
            assert waits.wait(60)

        first = hold(listen, wait)
        second = others[0].result()
    assert len(steps) == 1
    assert (first.is_new, second.is_new) == (True, False)
    assert second.card == first.card


def test_a_lesson_that_was_stopped_is_held_another_time(model: Model, tmp_path: Path) -> None:
    lesson = PreparedLesson(a_shot(), PRESET, model, CPU)
    told: list[Progress] = []
    budget = Budget(steps=3, listen=told.append, finish_early=lambda: len(told) == 1)
    stopped = LessonStore(tmp_path).run_once(lesson, model, budget)
    assert (stopped.card.steps, len(told)) == (1, 1)
    whole = LessonStore(tmp_path).run_once(lesson, model, Budget(steps=3))
    assert (whole.is_new, whole.card.steps) == (True, 3)


def test_what_somebody_has_deleted_is_learned_again(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rde_roto.training.learning.prepared_lesson.rejection_reason", lambda *_: ""
    )
    lesson = PreparedLesson(a_shot(), PRESET, model, CPU)
    first = LessonStore(tmp_path).run_once(lesson, model, Budget(steps=1))
    assert first.path is not None
    content = first.path.read_bytes()
    first.path.unlink()
    again = LessonStore(tmp_path).run_once(lesson, model, Budget(steps=1))
    assert (again.is_new, again.path) == (True, first.path)
    assert first.path.read_bytes() == content


def test_a_lesson_has_the_same_name_on_every_machine(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks on machines that compute other bits share what one of them has learned."""
    here = PreparedLesson(a_shot(), PRESET, model, CPU).digest(Budget())
    monkeypatch.setattr("rde_roto.model.rde_tracker.arithmetic_of", lambda _device: ("others",))
    assert PreparedLesson(a_shot(), PRESET, model, CPU).digest(Budget()) == here


def test_a_lesson_that_brought_nothing_is_remembered(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lesson, "step", idle)
    lesson = PreparedLesson(a_shot(), PRESET, model, CPU)
    for is_new in (True, False):
        held = LessonStore(tmp_path).run_once(lesson, model, Budget(steps=1))
        assert (held.path, held.model, held.is_new) == (None, model, is_new)
    assert not list(tmp_path.glob("*.safetensors"))


# --- never worse ------------------------------------------------------------------------------


def test_weights_that_are_no_better_are_not_kept() -> None:
    before = Scores(clips=0.8, cycles=0.6)
    assert not rejection_reason(before, Scores(0.85, 0.65))
    assert not rejection_reason(before, Scores(0.795, 0.67))
    for after in (Scores(0.81, 0.61), before, Scores(0.79, 0.6)):  # too little to be sure of
        assert "0.730 is needed), so it is not kept" in rejection_reason(before, after)
    assert not rejection_reason(Scores(0.5, None), Scores(0.6, None))
    assert not rejection_reason(Scores(0.93, 0.92), Scores(0.94, 0.95))  # a quarter of the error
    # a gain here does not pay for a loss there
    assert "held-out frames worse (0.600 -> 0.550)" in rejection_reason(before, Scores(0.95, 0.55))
    assert not rejection_reason(
        Scores(0.8, 0.6, 0.7), Scores(0.9, 0.9, 0.65)
    )  # one frame tells little
    assert "the held-out keyframe worse (0.700 -> 0.600)" in rejection_reason(
        Scores(0.8, 0.6, 0.7), Scores(0.9, 0.9, 0.6)
    )


def test_of_the_change_the_share_is_kept_that_is_best_where_held_out() -> None:
    before = Scores(clips=0.8, cycles=0.6)
    less, more, harmful = Scores(0.85, 0.8), Scores(0.84, 0.9), Scores(0.7, 0.99)
    assert best_share(before, {0.6: less, 0.9: more}) == 0.9
    assert best_share(before, {0.6: more, 0.9: less}) == 0.6
    assert best_share(before, {0.6: more, 0.9: more}) == 0.6
    assert harmful.mean_j > less.mean_j  # and yet
    assert best_share(before, {0.6: less, 0.9: harmful}) == 0.6
    assert best_share(before, {0.6: Scores(0.7, 0.6), 0.9: harmful}) == 0.9


def test_a_lesson_that_gains_nothing_changes_nothing(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lesson, "step", idle)
    taught = learned(model, a_shot(), Budget(steps=1))
    assert taught.model is model
    assert not taught.is_better
