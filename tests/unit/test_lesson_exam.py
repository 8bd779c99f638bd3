"""The exam of a lesson: a drawn frame is held out at first, and tracked before and after."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from disc_shots import DiscPlate, MadeLock, a_shot, disc, drawn, short_lessons

from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.weights import Model
from rde_roto.net import RDENet
from rde_roto.training.learning.budget import Budget, Progress
from rde_roto.training.learning.exam import MAX_FRAMES_BETWEEN, Exam
from rde_roto.training.learning.lesson import Lesson
from rde_roto.training.learning.lesson_data import LessonData, Truth
from rde_roto.training.learning.prepared_lesson import LessonResult, PreparedLesson, study
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.values.errors import CancelledError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

CPU = torch.device("cpu")
PRESET = Preset(name="test", tracking=Tracking(lines=96))
FIRST_PART = 2


@pytest.fixture(autouse=True)
def _short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = short_lessons(tmp_path / "presets", f"iterations: {3 * FIRST_PART}")
    monkeypatch.setenv("RDE_ROTO_PRESETS", folder)


@pytest.fixture
def model(toy: RDENet) -> Model:
    return Model("toy", toy, "0" * 64, "CC0", "allowed")


@pytest.fixture
def lesson_data(toy: RDENet) -> Callable[[Shot], LessonData]:
    return lambda shot: LessonData(shot, RDETracker(InferenceForms(toy), PRESET.tracking, CPU))


def learned(model: Model, shot: Shot, budget: Budget) -> LessonResult:
    return study(shot, PRESET, model, CPU, budget)


def truth(frame: int, *shown: bool) -> Truth:
    alpha: FloatArray = np.zeros((len(shown), 4, 4), np.float32)
    alpha[list(shown)] = 1
    return Truth(frame, alpha, None, str(frame))


# --- which frame is held out ------------------------------------------------------------------


def test_the_truth_farthest_from_the_others_is_held_out() -> None:
    frames = FrameRange.parse("1001-1100")
    truths = [truth(frame, True) for frame in (1001, 1010, 1100)]
    exam = Exam.of(truths, frames, memory_every=3)
    assert exam is not None
    assert (exam.start.frame, exam.held_out.frame) == (1010, 1100)
    assert (exam.frames_between[0], exam.frames_between[-1], len(exam.frames_between)) == (
        1013,
        1097,
        MAX_FRAMES_BETWEEN,
    )
    assert {frame % 3 for frame in exam.frames_between} == {1013 % 3}
    backwards = Exam.of([truth(1001, True), *truths[2:], truth(1098, True)], frames, 3)
    assert backwards is not None
    assert (backwards.start.frame, backwards.frames_between[0]) == (1098, 1095)


def test_an_exam_needs_two_truths_with_an_element_in_common() -> None:
    frames = FrameRange.parse("1001-1100")
    assert Exam.of([truth(1001, True)], frames, 3) is None
    one, other = truth(1001, True, False), truth(1009, False, True)
    assert Exam.of([one, other], frames, 3) is None
    exam = Exam.of([one, other, truth(1100, True, True)], frames, 3)
    assert exam is not None
    assert (exam.start.frame, exam.held_out.frame, exam.elements) == (1009, 1100, (1,))


def test_neighbouring_truths_are_tracked_in_one_step() -> None:
    exam = Exam.of([truth(1001, True), truth(1002, True)], FrameRange.parse("1001-1002"), 3)
    assert exam is not None
    assert exam.frames_between == ()


# --- what is held out is not studied ----------------------------------------------------------


def test_a_held_out_truth_decides_nothing_of_the_first_part(
    toy: RDENet, lesson_data: Callable[[Shot], LessonData]
) -> None:
    lessons = []
    for moved in (0, 10):
        keyframe = Keyframe(1009, np.roll(drawn(1009).alpha, moved, axis=1))
        studied = lesson_data(a_shot(drawn(1001), keyframe))
        held_out = studied.truths[1]
        lessons.append(Lesson(copy.deepcopy(toy), studied, lesson_recipe(), held_out))

    def same_after(steps: int) -> bool:
        for lesson in lessons:
            while lesson.steps < steps:
                lesson.step()
        one, other = (lesson.learned for lesson in lessons)
        return all(torch.equal(one[name], other[name]) for name in one)

    assert [lesson.first_part_steps for lesson in lessons] == [FIRST_PART] * 2
    assert same_after(FIRST_PART)
    assert not same_after(FIRST_PART + 2)


def test_the_share_of_a_change_is_chosen_once_several_truths_were_studied(
    toy: RDENet, lesson_data: Callable[[Shot], LessonData], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(  # or the toy's scores would decide
        "rde_roto.training.learning.lesson.best_share", lambda _, after: list(after)[-1]
    )

    def kept(*frames: int, steps: int = FIRST_PART + 1) -> float:
        studied = lesson_data(a_shot(*map(drawn, frames)))
        held_out = studied.truths[-1] if len(frames) > 1 else None
        lesson = Lesson(copy.deepcopy(toy), studied, lesson_recipe(), held_out)
        before = lesson.scores()
        while lesson.steps < steps:
            lesson.step()
        assert lesson.choose_share(before) == lesson.scores()
        return lesson.share_kept

    alone = kept(1001)
    assert kept(1001, 1009, steps=FIRST_PART) == alone
    assert kept(1001, 1009) > alone


def test_no_cycle_passes_through_a_held_out_frame(
    lesson_data: Callable[[Shot], LessonData],
) -> None:
    studied = lesson_data(a_shot(drawn(1001), drawn(1009)))
    less = studied.without(studied.truths[1])
    assert [truth.frame for truth in less.truths] == [1001]
    assert less.visited == studied.visited
    assert 1009 not in less.visited


def test_what_alone_can_be_studied_is_not_held_out(
    toy: RDENet, lesson_data: Callable[[Shot], LessonData], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: LessonData, held_out: Truth) -> LessonData:
        raise UsageError("what was drawn is too small")

    monkeypatch.setattr(LessonData, "without", refused)
    studied = lesson_data(a_shot(drawn(1001), drawn(1009)))
    lesson = Lesson(copy.deepcopy(toy), studied, lesson_recipe(), studied.truths[1])
    assert lesson.first_part_steps == 0


# --- what comes of it -------------------------------------------------------------------------


def test_the_card_tells_of_the_exam(model: Model) -> None:
    locked = a_shot(drawn(1001), locks=(MadeLock(FrameRange.parse("1011-1012")),))
    card = learned(model, locked, Budget(steps=1)).card
    assert card.held_out == 1001  # tracked from 1011
    assert set(card.before) == set(card.after) == {"clips", "cycles", "keyframe"}
    assert learned(model, a_shot(), Budget(steps=1)).card.held_out is None


def test_the_exam_sees_the_held_out_frame_as_tracking_does(
    toy: RDENet, lesson_data: Callable[[Shot], LessonData]
) -> None:
    """A tracker that gives back what it began with finds the disc where it was."""
    studied = lesson_data(a_shot(drawn(1001), drawn(1003)))
    exam = Exam.of(studied.truths, FrameRange.parse("1001-1012"), 1)
    assert exam is not None
    assert (exam.start.frame, exam.frames_between) == (1003, (1002,))
    j = exam.run(
        FirstMatteTracker(InferenceForms(toy), PRESET.tracking, CPU), DiscPlate(), lambda: None
    )
    one, two = disc(1001), disc(1003)
    expected = (one & two).sum() / (one | two).sum()
    assert j == pytest.approx(float(expected), abs=0.02)  # the network's grid is the plate's here


class FirstMatteTracker(RDETracker):
    """A tracker that always returns the first matte."""

    def begin(self, anchors):  # type: ignore[no-untyped-def]
        state = super().begin(anchors)
        self.matte = torch.from_numpy(anchors[0][1])[None]
        return dataclasses.replace(state, box=None)

    def absorb(self, state, frame, probabilities):  # type: ignore[no-untyped-def]
        return dataclasses.replace(super().absorb(state, frame, probabilities), box=None)

    def read(self, state, encoded):  # type: ignore[no-untyped-def]
        return torch.cat([1 - self.matte, self.matte], dim=1)


def test_the_frames_of_an_exam_are_a_part_of_the_lesson(model: Model) -> None:
    frames = FrameRange.parse("1001-1200")
    plate, last = DiscPlate(frames), Keyframe(1200, drawn(1001).alpha)
    shot = Shot(plate, frames, elements_named("disc"), (drawn(1001), last))
    lesson = PreparedLesson(shot, PRESET, model, CPU)
    assert len(set(lesson.frames)) == len(lesson.frames)
    exam = Exam.of(
        LessonData(shot, RDETracker(model.forms, PRESET.tracking, CPU)).truths, frames, 3
    )
    assert exam is not None
    assert set(exam.frames_between) < set(lesson.frames)


def test_harm_ends_a_lesson_and_the_base_stays(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = iter([0.7, 0.6])
    monkeypatch.setattr(Exam, "run", lambda *_: next(before))
    told: list[Progress] = []
    taught = learned(model, a_shot(drawn(1001), drawn(1009)), Budget(listen=told.append))
    assert taught.model is model
    assert (taught.card.steps, len(told)) == (FIRST_PART, FIRST_PART)
    assert taught.card.why == (
        "learning made the held-out keyframe worse (0.700 -> 0.600), so it is not kept"
    )


def test_a_short_lesson_is_examined_too(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([0.7, 0.9])
    monkeypatch.setattr(Exam, "run", lambda *_: next(figures))
    shot = a_shot(drawn(1001), drawn(1009))
    card = learned(model, shot, Budget(steps=1)).card
    assert (card.before["keyframe"], card.after["keyframe"]) == (0.7, 0.9)


def test_it_can_be_cancelled_between_any_two_parts_of_the_work(model: Model) -> None:
    shot = a_shot(drawn(1001), drawn(1009))
    asked: list[str] = []

    def cancelled_at(number: int) -> list[Progress]:
        told: list[Progress] = []
        asked.clear()

        def cancel() -> bool:
            asked.append("whether to go on")
            return len(asked) == number

        budget = Budget(steps=1, listen=told.append, cancel=cancel)
        if number == 0:
            learned(model, shot, budget)
            return told
        with pytest.raises(CancelledError, match="nothing has changed"):
            learned(model, shot, budget)
        return told

    assert len(cancelled_at(0)) == 1
    whole = len(asked)
    assert whole > 20  # truths, kinds of clips, frames of exams, batches of checks
    assert [len(cancelled_at(number)) for number in (1, 4, 10, whole)] == [0, 0, 0, 1]
    with pytest.raises(CancelledError):
        PreparedLesson(shot, PRESET, model, CPU).digest(Budget(cancel=lambda: True))
