"""Run a lesson within a budget: a model and a shot in, a model that has learned the shot out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from rde_roto.documents.learned_card import EdgesCard, LearnedCard
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.network_view import Picture
from rde_roto.model.rde_tracker import RDETracker, tracker_of
from rde_roto.model.weights import Model, with_learned
from rde_roto.training.learning.budget import Budget, Progress, StepLoop
from rde_roto.training.learning.edge_study import (
    NO_SOFT_EDGE,
    EdgeStudy,
    Reading,
    StudyLimits,
    skipped,
    study_edges,
)
from rde_roto.training.learning.edge_study import REVISION as EDGES_REVISION
from rde_roto.training.learning.exam import Exam, track_from
from rde_roto.training.learning.lesson import Lesson
from rde_roto.training.learning.lesson_data import LessonData, Truth
from rde_roto.training.learning.preview import PreviewTracker, PreviewUpdater
from rde_roto.training.learning.recipe_file import lesson_recipe
from rde_roto.training.learning.scores import Scores, is_worse, rejection_reason
from rde_roto.training.learning.soft_masks import is_soft
from rde_roto.values.arguments import require
from rde_roto.values.digest import digest_of
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

REVISION = 5
"""Part of every lesson's digest: raise it whenever the code learns different weights."""

_SHARE_OF_EDGES = 0.25
"""A study takes a fifth of the time of the default steps on one core."""


@dataclass(frozen=True, eq=False)
class LessonResult:
    """The result of a lesson.

    model: the model to track with: the learned one, or the given one if there was no gain. learned:
    the learned weights, kept or not. card: their history. is_whole: False if
    ``Budget.finish_early`` stopped the lesson.
    """

    model: Model
    learned: LearnedWeights
    card: LearnedCard
    is_whole: bool = True

    @property
    def is_better(self) -> bool:
        """Whether ``model`` is the learned one, or has learned the shot's edges."""
        return self.card.has_file


@dataclass(frozen=True)
class _Figures:
    """The outcome: scores before and after, why it is not kept, edges if studied, seconds."""

    before: Scores
    after: Scores
    why: str
    edges: EdgesCard | None
    seconds: float


class PreparedLesson:
    """A lesson that is ready to run. Preparing it reads masks and locks, but no plate.

    Args:
        shot: the shot to learn.
        preset: its tracking settings decide size and crop; its clip enters the study of edges.
        model: the model to start from, unchanged; may have learned already.
        device: the device to train on.

    Raises UsageError if there is nothing to learn from; InputError for locked mattes that cannot
    be read; DocumentError for an invalid recipe.
    """

    def __init__(self, shot: Shot, preset: Preset, model: Model, device: torch.device) -> None:
        require(shot, Shot, "a Shot, such as open_shot('hero.shot.yaml').shot")
        require(preset, Preset, "a Preset, such as load_preset('standard')")
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
        """Return the digest of all that decides the result, except a clock's pace and the machine.

        Machines of a farm compute different bits. The first one learns for all of them, or their
        chunks would not match.

        Raises InputError for a plate that cannot be read; CancelledError between two of its frames.
        """
        data, plate = self._data, self._shot.plate

        def plate_digest(frame: int) -> str:
            budget.check_cancelled()
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
            *map(plate_digest, self._frames_without_truth),
            *self._edge_parts,
        )

    @property
    def _wants_edges(self) -> bool:
        return self._preset.finish.edges == "learned"

    @cached_property
    def _soft_truths(self) -> tuple[Truth, ...]:
        """The truths whose edges are studied."""
        return tuple(filter(is_soft, self._data.truths)) if self._wants_edges else ()

    @property
    def _edge_parts(self) -> tuple[int | float, ...]:
        """What decides the study of edges besides the rest, if the shot asks for one."""
        finish = self._preset.finish
        parts = (EDGES_REVISION, finish.clip_black, finish.clip_white)
        return parts if self._wants_edges else ()

    @property
    def _share_of_edges(self) -> float:
        """The share of a time limit that is left for the study of edges."""
        return _SHARE_OF_EDGES if self._soft_truths else 0.0

    @property
    def frames(self) -> tuple[int, ...]:
        """The plate frames that the lesson reads."""
        return (*(truth.frame for truth in self._data.truths), *self._frames_without_truth)

    @property
    def _frames_without_truth(self) -> tuple[int, ...]:
        """The frames that cycles visit or the exam crosses, each once."""
        between = self._exam.frames_between if self._exam else ()
        return tuple(dict.fromkeys((*self._data.visited, *between)))

    def run(self, budget: Budget) -> LessonResult:
        """Train the model on the shot's keyframes and locked frames.

        The same number of steps gives the same weights, bit for bit, for the same shot, tracking,
        model, recipe, threads, device and version of torch.

        Raises InputError for plates that cannot be read; CancelledError.
        """
        require(budget, Budget, "a Budget, such as Budget(minutes=1)")
        began, check_cancelled = budget.clock(), budget.check_cancelled
        model, recipe, data = self._model, self._recipe, self._data
        net = copy.deepcopy(model.net).to(self._device)
        held_out = self._exam.held_out if self._exam else None
        lesson = Lesson(net, data, recipe, held_out, check_cancelled)
        opened = budget.clock()
        keyframe = self._exam_score(lesson, model, check_cancelled)
        examined = budget.clock()
        start = lesson.scores()
        before = replace(start, keyframe=keyframe)
        check_s = len(lesson.shares) * (budget.clock() - examined)
        ends = began + budget.seconds * (1 - self._share_of_edges)
        loop = StepLoop(lesson, recipe, self._with_preview(lesson, budget), ends)
        is_whole = loop.run_until(lesson.first_part_steps, examined - opened + check_s)
        if keyframe is not None:
            taught = with_learned(model, lesson.learned_weights(model))
            keyframe = self._exam_score(lesson, taught, check_cancelled)
        # a clock that ends the first part ends the lesson, so the exam matches the step count
        lost = is_worse("keyframe", before.keyframe, keyframe)
        if lesson.steps >= lesson.first_part_steps and not lost:
            is_whole = loop.run_until(None, check_s)
        after = replace(lesson.choose_share(start), keyframe=keyframe)
        check_cancelled()
        learned, why = lesson.learned_weights(model), rejection_reason(before, after)
        best = model if why else with_learned(model, learned)
        study = self._study_edges(best, budget, began)
        edges = study.edges if study else None
        if edges is not None or not why:
            weights = best.learned.weights if best.learned else {}
            learned = LearnedWeights.of(weights, model.base_sha256, edges)
            best = with_learned(model, learned)
        card_of_edges = study.card if study else None
        figures = _Figures(before, after, why, card_of_edges, budget.clock() - began)
        card = self._card(lesson, learned, figures, budget)
        return LessonResult(best, learned, card, is_whole)

    def _study_edges(self, model: Model, budget: Budget, began: float) -> EdgeStudy | None:
        """Study the soft edges of the shot, from the mattes that the model tracks, in the time that
        is left; None if the shot does not ask for it.
        """
        if not self._wants_edges:
            return None
        soft, plate = self._soft_truths, self._shot.plate
        if not soft:
            return skipped(NO_SOFT_EDGE)
        tracker = self._tracker(model)
        readings = (
            Reading(
                truth,
                track_from(tracker, plate, truth, (truth.frame,), budget.check_cancelled),
                Picture.of(plate, truth.frame),
            )
            for truth in soft
        )
        settings, seed = self._preset.finish, self._recipe.seed
        limits = StudyLimits(budget.check_cancelled, began + budget.seconds, budget.clock)
        return study_edges(readings, settings, seed, self._device, limits)

    def _card(
        self,
        lesson: Lesson,
        learned: LearnedWeights,
        figures: _Figures,
        budget: Budget,
    ) -> LearnedCard:
        """Return the history of the weights, with the decision whether to keep them."""
        model, recipe, data = self._model, self._recipe, self._data
        return LearnedCard(
            kept=not figures.why,
            why=figures.why,
            sha256=learned.sha256,
            base=model.name,
            base_sha256=model.base_sha256,
            from_sha256=model.sha256,
            licence=model.licence,
            commercial_use=model.commercial_use,
            steps=lesson.steps,
            share_kept=lesson.share_kept,
            seconds=round(figures.seconds, 1),
            before=figures.before.figures,
            after=figures.after.figures,
            studied={truth.frame: truth.digest for truth in data.truths},
            held_out=self._exam.held_out.frame if self._exam and lesson.first_part_steps else None,
            visited=data.visited,
            seed=recipe.seed,
            threads=torch.get_num_threads(),
            device=str(self._device),
            torch=torch.__version__,
            recipe=recipe.model_dump(mode="json", exclude_defaults=True),
            lesson=self.digest(budget),
            edges=figures.edges,
        )

    def _exam_score(
        self, lesson: Lesson, model: Model, check_cancelled: Callable[[], None]
    ) -> float | None:
        """Return J of the held-out truth; None if the lesson holds none out."""
        if self._exam is None or not lesson.first_part_steps:
            return None
        return self._exam.run(self._tracker(model), self._shot.plate, check_cancelled)

    def _tracker(self, model: Model) -> RDETracker:
        plate = self._shot.plate
        tracker = tracker_of(model, self._device)(self._preset.tracking)
        return tracker.for_plate(plate.format.pixel_aspect, plate.input_transform)

    def _with_preview(self, lesson: Lesson, budget: Budget) -> Budget:
        """Return the budget with a listener that also shows a held-out frame, if there is one."""
        if budget.show is None or not lesson.check_frames:
            return budget
        frame = lesson.check_frames[len(lesson.check_frames) // 2]
        tracker = PreviewTracker(self._data, self._shot.plate, frame, self._preset.tracking)
        updater = PreviewUpdater(tracker, lesson, self._model, budget.show, budget.clock)

        def listen(progress: Progress) -> None:
            budget.listen(progress)
            updater.update()

        return replace(budget, listen=listen)


def study(
    shot: Shot, preset: Preset, model: Model, device: torch.device, budget: Budget
) -> LessonResult:
    """Train a model on a shot, and write nothing. Raises as `PreparedLesson` and its ``run`` do."""
    return PreparedLesson(shot, preset, model, device).run(budget)
