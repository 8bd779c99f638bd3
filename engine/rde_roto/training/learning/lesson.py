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
from rde_roto.training.learning.footage import scenery
from rde_roto.training.learning.material import Material, Truth
from rde_roto.training.learning.skill import Skill
from rde_roto.training.objective import Objective
from rde_roto.training.recipe import Mixture, Phase, Recipe
from rde_roto.training.start import halved
from rde_roto.values.errors import InputError, UsageError

HELD_OUT_EVERY = 4
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
class _Subject:
    """What clips and cycles are drawn from."""

    clips: ClipSampler
    cycles: CycleSampler | None


class Lesson:
    """A network and the shot it studies.

    Args:
        net: what learns, in place, on its device.
        recipe: as `recipe_file.lesson_recipe` gives it; its seed decides every draw.
        held_out: a truth that is not studied in the first part of the lesson.
        go_on: called between two parts of the work, here and in ``skill``; what it raises ends it.

    `studied` and `kept` are the frames that cycles pass through, and those kept for the check.
    `first_part` is how many steps are held without the held-out truth; 0 where all is studied from
    the start, also because there would be nothing else to learn from.
    """

    def __init__(
        self,
        net: RDENet,
        material: Material,
        recipe: Recipe,
        held_out: Truth | None = None,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        self.net = net.channels_last()
        self.steps = 0
        self._recipe = recipe
        self._go_on = go_on
        self.device = next(net.parameters()).device
        asked = recipe.precision == "bfloat16"
        self._is_short = asked and short_dtype(self.device) == torch.bfloat16
        self._weights = freeze(net, recipe.optimiser.frozen)
        self._start = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._average = {name: weight.clone() for name, weight in self._start.items()}
        self._optimizer = _optimizer(self._weights, recipe)
        self._objective = Objective(net, recipe)
        self._cycle_objective = CycleObjective(net, recipe)
        self.kept = material.visited[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]
        self.studied = tuple(frame for frame in material.visited if frame not in self.kept)
        made = scenery(material, go_on)
        self._phase = recipe.curriculum[-1].model_copy(update={"size_px": made.size_px})
        self._recipe = self._drawable(made.footage)
        self._whole = self._subject(material, made.footage, self._recipe)
        self._kept_cycles = self._cycles_through(self.kept, material)
        self.first_part, self._first = 0, self._whole
        if held_out is not None:
            with suppress(UsageError):
                less = material.without(held_out)
                footage = scenery(less, go_on).footage
                self._first = self._subject(less, footage, self._drawable(footage))
                self.first_part = max(1, recipe.iterations // _FIRST_PART)

    def _drawable(self, footage: FootageSet) -> Recipe:
        mixture = drawable_mixture(self._recipe, footage, self._phase, self._go_on)
        return self._recipe.model_copy(update={"mixture": mixture})

    def _subject(self, material: Material, footage: FootageSet, recipe: Recipe) -> _Subject:
        clips = ClipSampler(footage, recipe, self.device)
        return _Subject(clips, self._cycles_through(self.studied, material))

    def _cycles_through(self, frames: tuple[int, ...], material: Material) -> CycleSampler | None:
        jitter, mean = self._recipe.still.clip, self.net.config.mean
        return CycleSampler(material, frames, jitter, mean) if frames else None

    def step(self) -> float:
        """One step of Adam, on clips and on cycles in turn; its loss."""
        subject = self._first if self.steps < self.first_part else self._whole
        by_cycle = subject.cycles is not None and self.steps % 2 == 1
        source = subject.cycles if by_cycle else None
        batch = self._drawn(source or subject.clips, self.steps, self.steps, stream=0)
        objective = self._cycle_objective if by_cycle else self._objective
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._is_short):
            terms = objective(batch, self.steps, self._generator(self.steps, stream=1))
        self._optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        clip = self._recipe.optimiser.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(self._weights.values(), clip or torch.inf)
        if bool(norm.isfinite()):
            self._optimizer.step()
            self._average_in()
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

    def learned_by(self, model: Model) -> LearnedWeights:
        """The same on top of what the model has learned before."""
        already = model.learned.weights if model.learned else {}
        return LearnedWeights.of({**already, **self.learned}, model.base_sha256)

    @torch.no_grad()
    def skill(self) -> Skill:
        """How well the network does, as it would be kept, on clips and cycles that it never
        studies."""
        with self._as_kept():
            clips = self._checked(self._whole.clips, Check(self.net, self._recipe))
            if self._kept_cycles is None:
                return Skill(clips, None)
            checks = CycleCheck(self.net, self._recipe)
            return Skill(clips, self._checked(self._kept_cycles, checks))

    def _checked(self, source: ClipSampler | CycleSampler, check: Objective) -> float:
        misses = []
        for number in range(_CHECKS):
            self._go_on()
            batch = self._drawn(source, _LAST_STEP, number, stream=2)
            terms = check(batch, _LAST_STEP, self._generator(number, stream=3))
            misses.append(float(terms.segmentation))
        return 1 - sum(misses) / len(misses)

    def _drawn(
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
    def _average_in(self) -> None:
        decay = min(self._recipe.optimiser.ema, (1 + self.steps) / (10 + self.steps))
        for name, mean in self._average.items():
            mean.lerp_(self._weights[name], 1 - decay)

    @contextmanager
    def _as_kept(self) -> Iterator[None]:
        """The network with the weights of ``learned`` for a while."""
        studying = {name: weight.detach().clone() for name, weight in self._weights.items()}
        _put(self._weights, self.learned)
        try:
            yield
        finally:
            _put(self._weights, studying)


class Check(Objective):
    """Mean 1 - J in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return missed(logits, batch, t)


class CycleCheck(CycleObjective):
    """Mean 1 - J of what comes back, in place of the loss."""

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        return missed(logits, batch, t)


def missed(logits: Tensor, batch: Batch, t: int) -> Tensor:
    """1 - J of a frame, the mean over its elements; of one that is rightly not seen it is 0."""
    found = logits.softmax(dim=1)[:, 1:] > 0.5
    truth = batch.masks[t] > 0.5
    both = (found & truth).sum(dim=(2, 3))
    either = (found | truth).sum(dim=(2, 3))
    j = torch.where(either > 0, both / either.clamp(min=1), 1.0)
    return ((1 - j) * batch.present).sum() / batch.present.sum().clamp(min=1)


def drawable_mixture(
    recipe: Recipe, footage: FootageSet, phase: Phase, go_on: Callable[[], None]
) -> Mixture:
    """The recipe's mixture, with stills in place of those kinds that this footage cannot give.

    There are no pairs where there is one truth, and a wire cannot be cut out. Raises UsageError
    when nothing is left.
    """
    shares = recipe.mixture.model_dump()
    missing = 0.0
    for kind in [kind for kind, share in shares.items() if share > 0]:
        go_on()
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
def _put(weights: Mapping[str, nn.Parameter], values: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])
