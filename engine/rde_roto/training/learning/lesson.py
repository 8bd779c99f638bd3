"""Train a network on a shot step by step, and measure it on held-out material.

Each step draws from a generator seeded by the recipe's seed and the step alone, and no setting
depends on the number of steps to come. So the weights after N steps are the same, whether a clock
or a step count ended the lesson.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rde_roto.model.devices import short_dtype
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.weights import Model
from rde_roto.net import RDENet, channels_last
from rde_roto.training.checkpoint import freeze
from rde_roto.training.clips.sampler import Batch, ClipSampler
from rde_roto.training.footage.sets import FootageSet
from rde_roto.training.learning.cycles import CycleObjective, CycleSampler
from rde_roto.training.learning.lesson_data import LessonData, Truth
from rde_roto.training.learning.scores import Scores, best_share
from rde_roto.training.learning.shot_footage import shot_footage
from rde_roto.training.objective import Objective
from rde_roto.training.recipe import Mixture, Phase, Recipe
from rde_roto.training.start import halved
from rde_roto.values.errors import InputError, UsageError

CHECK_EVERY = 4
"""One in this many frames without a matte is held out of training, to measure cycles."""

_CHECKS = 3
"""Batches of each kind that are measured, drawn with seeds that no step uses."""

_TRUNK = "key_encoder."
"""Prefix of the pretrained trunk's parameters, which have their own learning rate."""

_SHARES = 0.6, 0.9
"""Shares of each weight's change to choose from, after one truth only the first. A mixture of the
base model and weights overfitted to the keyframe has most of what was learned, and keeps what the
model knew, such as how to find an element again after an occlusion (Wortsman et al., "Robust
Fine-Tuning of Zero-Shot Models", CVPR 2022)."""

_LAST_STEP = 1 << 30
"""Step number for drawing the cycles that are measured: every frame is within reach."""

_FIRST_PART = 3
"""The first part of a lesson is one in this many of the recipe's steps."""


@dataclass(frozen=True)
class _Samplers:
    """The sources of clips and cycles."""

    clips: ClipSampler
    cycles: CycleSampler | None


class Lesson:
    """A network in training on a shot.

    Args:
        net: the network to train, in place, on its device.
        data: the shot.
        recipe: as returned by `recipe_file.lesson_recipe`; its seed decides every draw.
        held_out: a truth that the first part of the lesson does not study.
        check_cancelled: called between pieces of work, here and in ``scores``; raises to stop.

    Cycles visit `cycle_frames` in training and `check_frames` in measuring. `first_part_steps` is
    the number of steps without the held-out truth. It is 0 if there is no such truth, or if nothing
    could be learned without it. `learned` keeps `share_kept` of each weight's change, which
    `choose_share` chooses from `shares`.

    Raises UsageError if the elements are too small or thin; InputError for unreadable plates.
    """

    def __init__(
        self,
        net: RDENet,
        data: LessonData,
        recipe: Recipe,
        held_out: Truth | None = None,
        check_cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self.net = channels_last(net)
        self.steps = 0
        self._recipe = recipe
        self._check_cancelled = check_cancelled
        self.device = next(net.parameters()).device
        asked = recipe.precision == "bfloat16"
        self._is_short = asked and short_dtype(self.device) == torch.bfloat16
        self._weights = freeze(net, recipe.optimiser.frozen)
        self._start = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._average = {name: weight.clone() for name, weight in self._start.items()}
        self._optimizer = _optimizer(self._weights, recipe)
        self._objective = Objective(net, recipe)
        self._cycle_objective = CycleObjective(net, recipe)
        self.check_frames = data.visited[CHECK_EVERY // 2 :: CHECK_EVERY]
        self.cycle_frames = tuple(frame for frame in data.visited if frame not in self.check_frames)
        made = shot_footage(data, check_cancelled)
        self._phase = recipe.curriculum[-1].model_copy(update={"size_px": made.size_px})
        self._recipe = self._drawable(made.footage)
        self._all_samplers = self._samplers(data, made.footage, self._recipe)
        self._check_cycles = self._cycles_through(self.check_frames, data)
        self.first_part_steps, self._first_samplers = 0, self._all_samplers
        self.shares = _SHARES if len(data.truths) > 1 else _SHARES[:1]
        self.share_kept = self.shares[0]
        if held_out is not None:
            with suppress(UsageError):
                less = data.without(held_out)
                footage = shot_footage(less, check_cancelled).footage
                self._first_samplers = self._samplers(less, footage, self._drawable(footage))
                self.first_part_steps = max(1, recipe.iterations // _FIRST_PART)

    def _drawable(self, footage: FootageSet) -> Recipe:
        mixture = drawable_mixture(self._recipe, footage, self._phase, self._check_cancelled)
        return self._recipe.model_copy(update={"mixture": mixture})

    def _samplers(self, data: LessonData, footage: FootageSet, recipe: Recipe) -> _Samplers:
        clips = ClipSampler(footage, recipe, self.device)
        return _Samplers(clips, self._cycles_through(self.cycle_frames, data))

    def _cycles_through(self, frames: tuple[int, ...], data: LessonData) -> CycleSampler | None:
        jitter, mean = self._recipe.still.clip, self.net.config.mean
        return CycleSampler(data, frames, jitter, mean) if frames else None

    def step(self) -> float:
        """Take one step of Adam, on clips and on cycles in turn. Return its loss."""
        samplers = (
            self._first_samplers if self.steps < self.first_part_steps else self._all_samplers
        )
        by_cycle = samplers.cycles is not None and self.steps % 2 == 1
        source = samplers.cycles if by_cycle else None
        batch = self._draw_batch(source or samplers.clips, self.steps, self.steps, stream=0)
        objective = self._cycle_objective if by_cycle else self._objective
        with self._precision():
            terms = objective(batch, self.steps, self._generator(self.steps, stream=1))
        self._optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        clip = self._recipe.optimiser.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), clip or torch.inf)
        if bool(norm.isfinite()):
            self._optimizer.step()
            self._update_average()
        self.steps += 1
        return float(terms.total.detach())

    @property
    def learned(self) -> dict[str, Tensor]:
        """The learned weights by name, in the precision of model files: the weights at the start,
        moved towards the running average by ``share_kept``."""
        moved = {
            name: start.lerp(self._average[name], self.share_kept)
            for name, start in self._start.items()
        }
        return {name: weight.cpu() for name, weight in halved(moved).items()}

    def learned_weights(self, model: Model) -> LearnedWeights:
        """Return the learned weights, merged with what the model has learned before."""
        already = model.learned.weights if model.learned else {}
        return LearnedWeights.of({**already, **self.learned}, model.base_sha256)

    @torch.no_grad()
    def scores(self) -> Scores:
        """Measure the learned weights on clips and cycles that no step draws."""
        with self._with_kept_weights():
            clips = self._mean_j(self._all_samplers.clips, CheckObjective(self.net, self._recipe))
            if self._check_cycles is None:
                return Scores(clips, None)
            checks = CycleCheckObjective(self.net, self._recipe)
            return Scores(clips, self._mean_j(self._check_cycles, checks))

    def choose_share(self, before: Scores) -> Scores:
        """Choose `share_kept` by the scores, given those at the start, and return its own. While a
        truth is held out it stays the first, which the exam is of."""
        after = {}
        for share in self.shares if self.steps > self.first_part_steps else self.shares[:1]:
            self.share_kept = share
            after[share] = self.scores()
        self.share_kept = best_share(before, after)
        return after[self.share_kept]

    def _mean_j(self, source: ClipSampler | CycleSampler, check: Objective) -> float:
        misses = []
        for number in range(_CHECKS):
            self._check_cancelled()
            batch = self._draw_batch(source, _LAST_STEP, number, stream=2)
            with self._precision():
                terms = check(batch, _LAST_STEP, self._generator(number, stream=3))
            misses.append(float(terms.segmentation))
        return 1 - sum(misses) / len(misses)

    def _precision(self) -> torch.autocast:
        """Return a context in which the network calculates as the recipe and the device allow."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_short)

    def _draw_batch(
        self, source: ClipSampler | CycleSampler, step: int, number: int, stream: int
    ) -> Batch:
        """Draw a batch of clips or of cycles, on the network's device."""
        generator = self._generator(number, stream)
        if isinstance(source, ClipSampler):
            return source.draw(self._phase, generator)
        batch = source.draw(step, self._phase.clips, generator)
        parts = (batch.images, batch.masks, batch.first, batch.present)
        return Batch(*(part.to(self.device) for part in parts))

    def _generator(self, number: int, stream: int) -> torch.Generator:
        """Return a generator: training and measuring, clips and banks use separate streams."""
        seed = (self._recipe.seed * 1_000_003 + number) * 4 + stream
        return torch.Generator().manual_seed(seed % (1 << 63))

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self._recipe.optimiser.ema, (1 + self.steps) / (10 + self.steps))
        for name, mean in self._average.items():
            mean.lerp_(self._weights[name], 1 - decay)

    @contextmanager
    def _with_kept_weights(self) -> Iterator[None]:
        """Load the weights of ``learned`` into the network for a while."""
        training = {name: weight.detach().clone() for name, weight in self._weights.items()}
        _set_weights(self._weights, self.learned)
        try:
            yield
        finally:
            _set_weights(self._weights, training)


class CheckObjective(Objective):
    """Compute the mean of 1 - J in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return mean_miss(logits, batch, t)


class CycleCheckObjective(CycleObjective):
    """Compute the mean of 1 - J of what comes back, in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return mean_miss(logits, batch, t)


def mean_miss(logits: Tensor, batch: Batch, t: int) -> Tensor:
    """Return 1 - J of frame ``t``, the mean over its elements. An element that is absent from both
    mattes counts as 0."""
    found = logits.softmax(dim=1)[:, 1:] > 0.5
    truth = batch.masks[t] > 0.5
    both = (found & truth).sum(dim=(2, 3))
    either = (found | truth).sum(dim=(2, 3))
    j = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    return ((1 - j) * batch.present).sum() / batch.present.sum().clamp(min=1)


def drawable_mixture(
    recipe: Recipe, footage: FootageSet, phase: Phase, check_cancelled: Callable[[], None]
) -> Mixture:
    """Return the recipe's mixture, with stills in place of the kinds of clip that cannot be drawn.

    A single truth makes no pairs, for instance, and a wire cannot be cut out. Raises UsageError
    if no kind can be drawn.
    """
    shares = recipe.mixture.model_dump()
    missing = 0.0
    for kind in [kind for kind, share in shares.items() if share > 0]:
        check_cancelled()
        alone = Mixture(**{**dict.fromkeys(shares, 0.0), kind: 1.0})
        one = recipe.model_copy(update={"mixture": alone})
        try:
            sampler = ClipSampler(footage, one, torch.device("cpu"))
            sampler.draw(phase, torch.Generator().manual_seed(recipe.seed))
        except InputError:
            missing += shares[kind]
            shares[kind] = 0.0
    if not any(shares.values()):
        raise UsageError(
            "there is nothing to learn from: the drawn elements are too small or too thin to make "
            "clips. Draw a frame in which they are larger"
        )
    if shares["still"] > 0:
        shares["still"] += missing
    return Mixture(**shares)


def _optimizer(weights: Mapping[str, nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    settings = recipe.optimiser
    groups = [
        {"params": [w for name, w in weights.items() if name.startswith(_TRUNK) == trunk], "lr": lr}
        for trunk, lr in ((False, settings.lr), (True, settings.trunk_lr))
    ]
    return torch.optim.Adam(groups, weight_decay=settings.weight_decay)


@torch.no_grad()
def _set_weights(weights: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])
