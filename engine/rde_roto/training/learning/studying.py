"""A model and a shot in, a model that knows the shot out; the same one where nothing is gained."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from rde_roto.learned import Learned
from rde_roto.models import Model, with_learned
from rde_roto.propagator import tracker_of
from rde_roto.training.learning.lesson import Lesson, Skill
from rde_roto.training.learning.material import Material
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.training.recipe import Recipe
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import CancelledError
from rde_roto.values.learned_card import LearnedCard
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

_HARM = 0.01
"""J that one kind of check may lose while the mean of both gains: no more than the draws decide."""


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
    the clock, checks and all. listen: told after every step. cancel: ends it with CancelledError,
    and nothing is kept; enough: ends it early, and what was learned by then is. clock: seconds.
    """

    steps: int | None = None
    minutes: float | None = None
    listen: Callable[[Progress], None] = _nobody
    cancel: Cancel = never
    enough: Cancel = never
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, eq=False)
class Taught:
    """What came of a lesson.

    model: what to track with: the learned one, or the given one where that is no better
    (``is_better``). card: what is known of what was learned.
    """

    model: Model
    learned: Learned
    card: LearnedCard
    is_better: bool


def study(shot: Shot, preset: Preset, model: Model, device: torch.device, budget: Budget) -> Taught:
    """Has a model study a shot's keyframes and locked frames; the given one is left as it is.

    After equally many steps the weights are the same, bit for bit, for the same shot, tracking,
    model, recipe, threads, device and version of torch.

    Args:
        preset: its tracking says how the shot is looked at.
        model: where it begins: one that has learned already goes on from there.

    Raises UsageError when there is nothing to learn from; InputError for plates and locked mattes
    that cannot be read; CancelledError.
    """
    recipe, began = lesson_recipe(), budget.clock()
    plate = shot.plate
    tracker = tracker_of(model, device)(preset.tracking)
    material = Material(shot, tracker.for_plate(plate.format.pixel_aspect, plate.look))
    lesson = Lesson(copy.deepcopy(model.net).to(device), material, recipe, recipe.seed)
    before = lesson.skill()
    _run(lesson, recipe, budget, began)
    after = lesson.skill()
    learned = Learned.of(lesson.learned, model.base_sha256)
    card = LearnedCard(
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
        device=str(device),
        torch=torch.__version__,
        recipe=recipe.model_dump(mode="json", exclude_defaults=True),
    )
    better = is_better(before, after)
    return Taught(with_learned(model, learned) if better else model, learned, card, better)


def is_better(before: Skill, after: Skill) -> bool:
    """Whether learned weights are worth keeping: better on the whole, and on no part worse."""
    pairs = [(before.figures[kind], after.figures[kind]) for kind in before.figures]
    return after.mean > before.mean and all(new >= old - _HARM for old, new in pairs)


def _run(lesson: Lesson, recipe: Recipe, budget: Budget, began: float) -> None:
    """Steps until the budget is used up; time is left for a check as long as the one before."""
    most = budget.steps or (recipe.iterations if budget.minutes is None else None)
    start = budget.clock()
    ends = float("inf") if budget.minutes is None else 60 * budget.minutes + began
    ends -= start - began  # what the check before took, and opening the shot, which bounds it
    while most is None or lesson.steps < most:
        if budget.cancel():
            raise CancelledError("learning was cancelled: nothing has changed")
        now = budget.clock()
        pace = (now - start) / lesson.steps if lesson.steps else 0.0
        if lesson.steps and (now + pace > ends or budget.enough()):
            return
        lesson.step()
        budget.listen(_progress(lesson.steps, most, budget.clock(), start, ends))


def _progress(steps: int, most: int | None, now: float, start: float, ends: float) -> Progress:
    left = ends - now
    if most is not None:
        left = min(left, (most - steps) * (now - start) / steps)
    left = max(0.0, left)
    passed = now - start
    return Progress(steps, passed / (passed + left) if passed + left > 0 else 1.0, left)
