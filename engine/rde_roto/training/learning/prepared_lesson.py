"""A model and a shot in, a model that knows the shot out; the same one where nothing is gained."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from rde_roto.documents.learned_card import LearnedCard
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, with_learned
from rde_roto.training.learning.exam import Exam
from rde_roto.training.learning.lesson import Lesson
from rde_roto.training.learning.lesson_data import LessonData
from rde_roto.training.learning.preview import Preview, PreviewTracker, PreviewUpdater
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.training.learning.scores import is_worse, rejection_reason
from rde_roto.training.recipe import Recipe
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

REVISION = 3
"""Raised with every change of the code that changes what is learned."""


@dataclass(frozen=True)
class Progress:
    """How far a lesson is. steps: those done; share: 0..1 of all; seconds_left: at this pace."""

    steps: int
    share: float
    seconds_left: float


def _ignore(_: Progress) -> None:
    return None


@dataclass(frozen=True)
class Budget:
    """How long a shot is studied, and who is told.

    steps: so many at most; without it, and without minutes, as many as the recipe says. minutes: by
    the clock, checks and all. listen: told after every step; show: now and then, what it comes to,
    which takes a tenth of the time. cancel: ends it with CancelledError, and nothing is kept;
    enough: ends it early, and what was learned by then is kept if it is better. clock: seconds.
    """

    steps: int | None = None
    minutes: float | None = None
    listen: Callable[[Progress], None] = _ignore
    show: Callable[[Preview], None] | None = None
    cancel: Cancel = never
    finish_early: Cancel = never
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, eq=False)
class LessonResult:
    """What came of a lesson.

    model: what to track with: the learned one, or the given one where that is no better. learned:
    the weights, kept or not. card: what is known of them. is_whole: whether it went on to its end,
    and was not stopped by ``Budget.enough``.
    """

    model: Model
    learned: LearnedWeights
    card: LearnedCard
    is_whole: bool = True

    @property
    def is_better(self) -> bool:
        """Whether ``model`` is the learned one."""
        return self.card.kept


class PreparedLesson:
    """A lesson that is yet to be held. Making it reads masks and locks, but no plate.

    Args:
        shot: what is studied. preset: its tracking says how the shot is looked at.
        model: where it begins, left as it is; one that has learned already goes on from there.
        device: where it learns.

    Raises UsageError when there is nothing to learn from; InputError for locked mattes that cannot
    be read; DocumentError for a recipe that is wrong.
    """

    def __init__(self, shot: Shot, preset: Preset, model: Model, device: torch.device) -> None:
        plate = shot.plate
        self._shot, self._preset = shot, preset
        self._model, self._device = model, device
        self._recipe = lesson_recipe()
        tracker = tracker_of(model, device)(preset.tracking)
        tracker = tracker.for_plate(plate.format.pixel_aspect, plate.input_transform)
        self._data = LessonData(shot, tracker)
        every = preset.tracking.memory_every
        self._exam = Exam.of(self._data.truths, shot.range, every)

    def digest(self, budget: Budget) -> str:
        """Names all that is studied, and how, but for a clock's pace and the machine.

        Machines of a farm learn different bits, so the one that is first learns for all of them:
        else their chunks would not fit together.

        Raises InputError for a plate that cannot be read; CancelledError between two of its frames.
        """
        data, plate = self._data, self._shot.plate

        def named(frame: int) -> str:
            _raise_if_cancelled(budget)
            return plate.digest(frame)

        return digest_of(
            "lesson",
            REVISION,
            self._model.sha256,
            self._preset.tracking.digest,
            plate.format.pixel_aspect,
            self._recipe.model_dump_json(),
            budget.steps,
            budget.minutes,
            *(truth.digest for truth in data.truths),
            *map(named, self._frames_without_truth),
        )

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames of the plate that are looked at."""
        return (*(truth.frame for truth in self._data.truths), *self._frames_without_truth)

    @property
    def _frames_without_truth(self) -> tuple[int, ...]:
        """Those without a truth, each once: for cycles and on the between of the exam."""
        between = self._exam.frames_between if self._exam else ()
        return tuple(dict.fromkeys((*self._data.visited, *between)))

    def run(self, budget: Budget) -> LessonResult:
        """Has the model study the shot's keyframes and locked frames.

        After equally many steps the weights are the same, bit for bit, for the same shot, tracking,
        model, recipe, threads, device and version of torch.

        Raises InputError for plates that cannot be read; CancelledError.
        """
        began, check_cancelled = budget.clock(), partial(_raise_if_cancelled, budget)
        model, recipe, data = self._model, self._recipe, self._data
        net = copy.deepcopy(model.net).to(self._device)
        held_out = self._exam.held_out if self._exam else None
        lesson = Lesson(net, data, recipe, held_out, check_cancelled)
        opened = budget.clock()
        keyframe = self._exam_score(lesson, model, check_cancelled)
        examined = budget.clock()
        before = replace(lesson.scores(), keyframe=keyframe)
        checked = budget.clock()
        run = _StepLoop(lesson, recipe, self._with_preview(lesson, budget), began)
        is_whole = run.run_until(lesson.first_part_steps, checked - opened)
        if keyframe is not None:
            taught = with_learned(model, lesson.learned_weights(model))
            keyframe = self._exam_score(lesson, taught, check_cancelled)
        # a clock that ends the first part ends the lesson: its exam is that of so many steps
        lost = is_worse("keyframe", before.keyframe, keyframe)
        if lesson.steps >= lesson.first_part_steps and not lost:
            is_whole = run.run_until(None, checked - examined)
        after = replace(lesson.scores(), keyframe=keyframe)
        check_cancelled()
        why = rejection_reason(before, after)
        learned = lesson.learned_weights(model)
        card = LearnedCard(
            kept=not why,
            why=why,
            sha256=learned.sha256,
            base=model.name,
            base_sha256=model.base_sha256,
            from_sha256=model.sha256,
            licence=model.licence,
            commercial_use=model.commercial_use,
            steps=lesson.steps,
            seconds=round(budget.clock() - began, 1),
            before=before.figures,
            after=after.figures,
            studied={truth.frame: truth.digest for truth in data.truths},
            held_out=held_out.frame if held_out and lesson.first_part_steps else None,
            visited=data.visited,
            seed=recipe.seed,
            threads=torch.get_num_threads(),
            device=str(self._device),
            torch=torch.__version__,
            recipe=recipe.model_dump(mode="json", exclude_defaults=True),
            lesson=self.digest(budget),
        )
        best = model if why else with_learned(model, learned)
        return LessonResult(best, learned, card, is_whole)

    def _exam_score(
        self, lesson: Lesson, model: Model, check_cancelled: Callable[[], None]
    ) -> float | None:
        """J of the truth that the lesson does not study at first; None where it studies all."""
        if self._exam is None or not lesson.first_part_steps:
            return None
        plate = self._shot.plate
        tracker = tracker_of(model, self._device)(self._preset.tracking)
        tracker = tracker.for_plate(plate.format.pixel_aspect, plate.input_transform)
        return self._exam.run(tracker, plate, check_cancelled)

    def _with_preview(self, lesson: Lesson, budget: Budget) -> Budget:
        """The budget, whose listener also shows a frame that is not studied, where there is one."""
        if budget.show is None or not lesson.check_frames:
            return budget
        frame = lesson.check_frames[len(lesson.check_frames) // 2]
        sight = PreviewTracker(self._data, self._shot.plate, frame, self._preset.tracking)
        updater = PreviewUpdater(sight, lesson, self._model, budget.show, budget.clock)

        def listen(progress: Progress) -> None:
            budget.listen(progress)
            updater.update()

        return replace(budget, listen=listen)


def study(
    shot: Shot, preset: Preset, model: Model, device: torch.device, budget: Budget
) -> LessonResult:
    """Has a model study a shot, and writes nothing. Raises as `PreparedLesson` and its ``hold`` do."""
    return PreparedLesson(shot, preset, model, device).run(budget)


def _raise_if_cancelled(budget: Budget) -> None:
    if budget.cancel():
        raise CancelledError("learning was cancelled: nothing has changed")


class _StepLoop:
    """The steps of a lesson, in parts, until its budget is used up.

    Args: began, when the lesson did, by the budget's clock.
    """

    def __init__(self, lesson: Lesson, recipe: Recipe, budget: Budget, began: float) -> None:
        self._lesson, self._budget = lesson, budget
        self._most = budget.steps or (recipe.iterations if budget.minutes is None else None)
        self._ends = float("inf") if budget.minutes is None else began + 60 * budget.minutes
        self._spent = 0.0

    def run_until(self, steps: int | None, reserve_s: float) -> bool:
        """Steps until there are so many, or as many as the budget has.

        Args: reserve_s, what the checks that come after will take. Returns: False when somebody
        had enough before.
        """
        lesson, budget = self._lesson, self._budget
        most = min((n for n in (steps, self._most) if n is not None), default=None)
        now, ends = budget.clock(), self._ends - reserve_s
        while most is None or lesson.steps < most:
            _raise_if_cancelled(budget)
            pace = self._spent / lesson.steps if lesson.steps else 0.0
            if lesson.steps and now + pace > ends:
                return True
            if lesson.steps and budget.finish_early():
                return False
            lesson.step()
            now, before = budget.clock(), now
            self._spent += now - before
            budget.listen(self._progress(ends - now))
        return True

    def _progress(self, left: float) -> Progress:
        """Args: left, seconds until the budget's end."""
        steps, passed = self._lesson.steps, self._spent
        if self._most is not None:
            left = min(left, (self._most - steps) * passed / steps)
        left = max(0.0, left)
        return Progress(steps, passed / (passed + left) if passed + left > 0 else 1.0, left)
