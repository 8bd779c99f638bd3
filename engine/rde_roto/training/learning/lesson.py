"""A network that studies a shot, step after step, and how well it does on what it has not studied.

Every draw of a step comes from a generator that is seeded by the seed and the step alone, and no
setting depends on how many steps there will be: after so many steps the weights are the same,
whether a clock stopped them there or a number did.
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
from rde_roto.net import RDENet
from rde_roto.training.checkpoint import freeze
from rde_roto.training.clips.sampler import Batch, ClipSampler
from rde_roto.training.footage.sets import FootageSet
from rde_roto.training.learning.cycles import CycleObjective, CycleSampler
from rde_roto.training.learning.lesson_data import LessonData, Truth
from rde_roto.training.learning.scores import Scores
from rde_roto.training.learning.shot_footage import shot_footage
from rde_roto.training.objective import Objective
from rde_roto.training.recipe import Mixture, Phase, Recipe
from rde_roto.training.start import halved
from rde_roto.values.errors import InputError, UsageError

CHECK_EVERY = 4
"""One of so many of the frames that cycles could pass through is kept for the check,"""

_CHECKS = 3
"""and so many batches of either kind, drawn with other seeds than any step."""

_TRUNK = "key_encoder."
"""What the names of the pretrained trunk's parameters begin with: it has a rate of its own."""

_SHARE_KEPT = 0.6
"""The share of each weight's change that is kept. Between the model and weights that know
the keyframe by heart, most of what was learned is there, and so is what the model knew: to find an
element again after an occlusion, for one (Wortsman et al., "Robust Fine-Tuning of Zero-Shot
Models", CVPR 2022)."""

_LAST_STEP = 1 << 30
"""The step at which cycles of the check are drawn: all frames are within reach."""


_FIRST_PART = 3
"""One of so many of the recipe's steps are held before the held-out truth is studied too."""


@dataclass(frozen=True)
class _Samplers:
    """What clips and cycles are drawn from."""

    clips: ClipSampler
    cycles: CycleSampler | None


class Lesson:
    """A network and the shot it studies.

    Args:
        net: what learns, in place, on its device.
        recipe: as `recipe_file.lesson_recipe` gives it; its seed decides every draw.
        held_out: a truth that is not studied in the first part of the lesson.
        check_cancelled: called between two parts of the work, here and in ``skill``; what it raises ends it.

    `studied` and `kept` are the frames that cycles pass through, and those kept for the check.
    `first_part_steps` is how many steps are held without the held-out truth; 0 where all is studied from
    the start, also because there would be nothing else to learn from.
    """

    def __init__(
        self,
        net: RDENet,
        data: LessonData,
        recipe: Recipe,
        held_out: Truth | None = None,
        check_cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self.net = net.channels_last()
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
        self._whole = self._samplers(data, made.footage, self._recipe)
        self._check_cycles = self._cycles_through(self.check_frames, data)
        self.first_part_steps, self._first = 0, self._whole
        if held_out is not None:
            with suppress(UsageError):
                less = data.without(held_out)
                footage = shot_footage(less, check_cancelled).footage
                self._first = self._samplers(less, footage, self._drawable(footage))
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
        """One step of Adam, on clips and on cycles in turn; its loss."""
        subject = self._first if self.steps < self.first_part_steps else self._whole
        by_cycle = subject.cycles is not None and self.steps % 2 == 1
        source = subject.cycles if by_cycle else None
        batch = self._draw_batch(source or subject.clips, self.steps, self.steps, stream=0)
        objective = self._cycle_objective if by_cycle else self._objective
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_short):
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
        """What was learned, by name, as models are kept: the weights at the start of the lesson,
        moved towards the running means by ``_SHARE_KEPT``."""
        moved = {
            name: start.lerp(self._average[name], _SHARE_KEPT)
            for name, start in self._start.items()
        }
        return {name: weight.cpu() for name, weight in halved(moved).items()}

    def learned_weights(self, model: Model) -> LearnedWeights:
        """The same on top of what the model has learned before."""
        already = model.learned.weights if model.learned else {}
        return LearnedWeights.of({**already, **self.learned}, model.base_sha256)

    @torch.no_grad()
    def scores(self) -> Scores:
        """How well the network does, as it would be kept, on clips and cycles that it never
        studies."""
        with self._with_kept_weights():
            clips = self._mean_j(self._whole.clips, CheckObjective(self.net, self._recipe))
            if self._check_cycles is None:
                return Scores(clips, None)
            checks = CycleCheckObjective(self.net, self._recipe)
            return Scores(clips, self._mean_j(self._check_cycles, checks))

    def _mean_j(self, source: ClipSampler | CycleSampler, check: Objective) -> float:
        misses = []
        for number in range(_CHECKS):
            self._check_cancelled()
            batch = self._draw_batch(source, _LAST_STEP, number, stream=2)
            terms = check(batch, _LAST_STEP, self._generator(number, stream=3))
            misses.append(float(terms.segmentation))
        return 1 - sum(misses) / len(misses)

    def _draw_batch(
        self, source: ClipSampler | CycleSampler, step: int, number: int, stream: int
    ) -> Batch:
        """A batch of clips or of cycles, on the network's device."""
        generator = self._generator(number, stream)
        if isinstance(source, ClipSampler):
            return source.draw(self._phase, generator)
        batch = source.draw(step, self._phase.clips, generator)
        parts = (batch.images, batch.masks, batch.first, batch.present)
        return Batch(*(part.to(self.device) for part in parts))

    def _generator(self, number: int, stream: int) -> torch.Generator:
        """Studying and checking, and their clips and banks, have streams of their own."""
        seed = (self._recipe.seed * 1_000_003 + number) * 4 + stream
        return torch.Generator().manual_seed(seed % (1 << 63))

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self._recipe.optimiser.ema, (1 + self.steps) / (10 + self.steps))
        for name, mean in self._average.items():
            mean.lerp_(self._weights[name], 1 - decay)

    @contextmanager
    def _with_kept_weights(self) -> Iterator[None]:
        """The network with the weights of ``learned`` for a while."""
        studying = {name: weight.detach().clone() for name, weight in self._weights.items()}
        _set_weights(self._weights, self.learned)
        try:
            yield
        finally:
            _set_weights(self._weights, studying)


class CheckObjective(Objective):
    """Mean 1 - J in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return mean_miss(logits, batch, t)


class CycleCheckObjective(CycleObjective):
    """Mean 1 - J of what comes back, in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return mean_miss(logits, batch, t)


def mean_miss(logits: Tensor, batch: Batch, t: int) -> Tensor:
    """1 - J of a frame, the mean over its elements; of one that is rightly not seen it is 0."""
    found = logits.softmax(dim=1)[:, 1:] > 0.5
    truth = batch.masks[t] > 0.5
    both = (found & truth).sum(dim=(2, 3))
    either = (found | truth).sum(dim=(2, 3))
    j = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    return ((1 - j) * batch.present).sum() / batch.present.sum().clamp(min=1)


def drawable_mixture(
    recipe: Recipe, footage: FootageSet, phase: Phase, check_cancelled: Callable[[], None]
) -> Mixture:
    """The recipe's mixture, with stills in place of those kinds that this footage cannot give.

    There are no pairs where there is one truth, and a wire cannot be cut out. Raises UsageError
    when nothing is left.
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
            "there is nothing to learn from: what was drawn is too small, or too thin, to make "
            "clips of it. Draw a frame in which the element is larger"
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
