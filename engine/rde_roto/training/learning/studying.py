"""A model and a shot in, a model that knows the shot out; the same one where nothing is gained."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from rde_roto.documents.learned_card import LearnedCard
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model, with_learned
from rde_roto.training.learning.lesson import Lesson, Skill
from rde_roto.training.learning.material import Material
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.training.learning.view import Onlooker, Sight, View
from rde_roto.training.recipe import Recipe
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

REVISION = 2
"""Raised with every change of the code that changes what is learned."""

_GAIN = 0.03
"""Mean J that has to be gained on what was held out. Where the model knows the shot already there
is little to gain there, and what is lost elsewhere goes unseen."""

_HARM = 0.01
"""J that one kind of check may lose all the same: no more than the draws decide."""


@dataclass(frozen=True)
class Progress:
    """How far a lesson is. steps: those done; share: 0..1 of all; seconds_left: at this pace."""

    steps: int
    share: float
    seconds_left: float


def _nobody(_: Progress) -> None:
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
    listen: Callable[[Progress], None] = _nobody
    show: Callable[[View], None] | None = None
    cancel: Cancel = never
    enough: Cancel = never
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, eq=False)
class Taught:
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


class Study:
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
        looking = tracker.for_plate(plate.format.pixel_aspect, plate.input_transform)
        self._material = Material(shot, looking)

    def digest(self, budget: Budget) -> str:
        """Names all that is studied, and how, but for a clock's pace and the machine.

        Machines of a farm learn different bits, so the one that is first learns for all of them:
        else their chunks would not fit together.

        Raises InputError for a plate that cannot be read.
        """
        material = self._material
        return digest_of(
            "lesson",
            REVISION,
            self._model.sha256,
            self._preset.tracking.digest,
            self._shot.plate.format.pixel_aspect,
            self._recipe.model_dump_json(),
            budget.steps,
            budget.minutes,
            *(truth.digest for truth in material.truths),
            *(self._shot.plate.digest(frame) for frame in material.visited),
        )

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames of the plate that are looked at."""
        return (*(truth.frame for truth in self._material.truths), *self._material.visited)

    def hold(self, budget: Budget) -> Taught:
        """Has the model study the shot's keyframes and locked frames.

        After equally many steps the weights are the same, bit for bit, for the same shot, tracking,
        model, recipe, threads, device and version of torch.

        Raises InputError for plates that cannot be read; CancelledError.
        """
        began, model = budget.clock(), self._model
        recipe, material = self._recipe, self._material
        lesson = Lesson(copy.deepcopy(model.net).to(self._device), material, recipe, recipe.seed)
        _go_on(budget)
        before = lesson.skill()
        is_whole = _run(lesson, recipe, self._watched(lesson, budget), began)
        _go_on(budget)
        after = lesson.skill()
        _go_on(budget)
        better = is_better(before, after)
        already = model.learned.weights if model.learned else {}
        learned = LearnedWeights.of({**already, **lesson.learned}, model.base_sha256)
        card = LearnedCard(
            kept=better,
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
            studied={truth.frame: truth.digest for truth in material.truths},
            visited=material.visited,
            seed=recipe.seed,
            threads=torch.get_num_threads(),
            device=str(self._device),
            torch=torch.__version__,
            recipe=recipe.model_dump(mode="json", exclude_defaults=True),
            lesson=self.digest(budget),
        )
        best = with_learned(model, learned) if better else model
        return Taught(best, learned, card, is_whole)

    def _watched(self, lesson: Lesson, budget: Budget) -> Budget:
        """The budget, whose listener also shows a frame that is not studied, where there is one."""
        if budget.show is None or not lesson.kept:
            return budget
        frame = lesson.kept[len(lesson.kept) // 2]
        sight = Sight(self._material, self._shot.plate, frame, self._preset.tracking)
        onlooker = Onlooker(sight, lesson, self._model, budget.show, budget.clock)

        def listen(progress: Progress) -> None:
            budget.listen(progress)
            onlooker.look()

        return replace(budget, listen=listen)


def study(shot: Shot, preset: Preset, model: Model, device: torch.device, budget: Budget) -> Taught:
    """Has a model study a shot, and writes nothing. Raises as `Study` and its ``hold`` do."""
    return Study(shot, preset, model, device).hold(budget)


def is_better(before: Skill, after: Skill) -> bool:
    """Whether learned weights are worth keeping: better on the whole, and at no kind worse."""
    pairs = [(before.figures[kind], after.figures[kind]) for kind in before.figures]
    return after.mean - before.mean >= _GAIN and all(new >= old - _HARM for old, new in pairs)


def _go_on(budget: Budget) -> None:
    if budget.cancel():
        raise CancelledError("learning was cancelled: nothing has changed")


def _run(lesson: Lesson, recipe: Recipe, budget: Budget, began: float) -> bool:
    """Steps until the budget is used up; time is left for a check as long as the one before.

    False when somebody had enough before.
    """
    most = budget.steps or (recipe.iterations if budget.minutes is None else None)
    start = budget.clock()
    ends = float("inf") if budget.minutes is None else 60 * budget.minutes + began
    ends -= start - began  # what the check before took, and opening the shot, which bounds it
    while most is None or lesson.steps < most:
        _go_on(budget)
        now = budget.clock()
        pace = (now - start) / lesson.steps if lesson.steps else 0.0
        if lesson.steps and now + pace > ends:
            return True
        if lesson.steps and budget.enough():
            return False
        lesson.step()
        budget.listen(_progress(lesson.steps, most, budget.clock(), start, ends))
    return True


def _progress(steps: int, most: int | None, now: float, start: float, ends: float) -> Progress:
    left = ends - now
    if most is not None:
        left = min(left, (most - steps) * (now - start) / steps)
    left = max(0.0, left)
    passed = now - start
    return Progress(steps, passed / (passed + left) if passed + left > 0 else 1.0, left)
