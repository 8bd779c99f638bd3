"""A network that studies a shot, step after step, and how well it does on what it has not studied.

Every draw of a step comes from a generator that is seeded by the seed and the step alone, and no
setting depends on how many steps there will be: after so many steps the weights are the same,
whether a clock stopped them there or a number did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rde_roto.model.devices import short_dtype
from rde_roto.net import RDENet
from rde_roto.training.checkpoint import freeze
from rde_roto.training.clips.sampler import Batch, ClipSampler
from rde_roto.training.footage.readers import FootageSet
from rde_roto.training.learning.cycles import CycleObjective, CycleSampler
from rde_roto.training.learning.footage import scenery
from rde_roto.training.learning.material import Material
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


@dataclass(frozen=True)
class Skill:
    """Mean J, 0..1, on what is not studied: clips in motion, and cycles (None without frames)."""

    clips: float
    cycles: float | None

    @property
    def figures(self) -> dict[str, float]:
        """By kind of check, rounded as people read them."""
        found = {"clips": self.clips, "cycles": self.cycles}
        return {kind: round(j, 3) for kind, j in found.items() if j is not None}

    @property
    def mean(self) -> float:
        """Of both."""
        return self.clips if self.cycles is None else (self.clips + self.cycles) / 2


class Lesson:
    """A network and the shot it studies.

    Args:
        net: what learns, in place, on its device.
        recipe: as `recipe_file.lesson_recipe` gives it. seed: decides every draw.

    `studied` and `kept` are the frames that cycles pass through, and those kept for the check.
    """

    def __init__(self, net: RDENet, material: Material, recipe: Recipe, seed: int) -> None:
        self.net = net.channels_last()
        self.steps = 0
        self._recipe = recipe
        self._seed = seed
        self._device = next(net.parameters()).device
        asked = recipe.precision == "bfloat16"
        self._is_short = asked and short_dtype(self._device) == torch.bfloat16
        self._weights = freeze(net, recipe.optimiser.frozen)
        self._start = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._average = {name: weight.clone() for name, weight in self._start.items()}
        self._optimizer = _optimizer(self._weights, recipe)
        made = scenery(material)
        self._phase = recipe.curriculum[-1].model_copy(update={"size_px": made.size_px})
        mixture = _drawable(recipe, made.footage, self._phase)
        recipe = recipe.model_copy(update={"mixture": mixture})
        self._clips = ClipSampler(made.footage, recipe, self._device)
        self._objective = Objective(net, recipe)
        self._cycle_objective = CycleObjective(net, recipe)
        self.kept = material.visited[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]
        self.studied = tuple(frame for frame in material.visited if frame not in self.kept)

        def cycles(frames: tuple[int, ...]) -> CycleSampler | None:
            jitter, mean = recipe.still.clip, net.config.mean
            return CycleSampler(material, frames, jitter, mean) if frames else None

        self._cycles, self._kept_cycles = cycles(self.studied), cycles(self.kept)

    def step(self) -> float:
        """One step of Adam, on clips and on cycles in turn; its loss."""
        by_cycle = self._cycles is not None and self.steps % 2 == 1
        cycles = self._cycles if by_cycle else None
        batch = self._drawn(cycles, self.steps, self.steps, stream=0)
        objective = self._cycle_objective if by_cycle else self._objective
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_short):
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

    @torch.no_grad()
    def skill(self) -> Skill:
        """How well the network does, as it would be kept, on what it never studies."""
        with self._as_kept():
            clips = self._checked(None, Check(self.net, self._recipe))
            if self._kept_cycles is None:
                return Skill(clips, None)
            checks = CycleCheck(self.net, self._recipe)
            return Skill(clips, self._checked(self._kept_cycles, checks))

    def _checked(self, cycles: CycleSampler | None, check: Objective) -> float:
        is_cut_off = [
            float(check(batch, _LAST_STEP, self._generator(number, stream=3)).segmentation)
            for number in range(_CHECKS)
            for batch in [self._drawn(cycles, _LAST_STEP, number, stream=2)]
        ]
        return 1 - sum(is_cut_off) / len(is_cut_off)

    def _drawn(self, cycles: CycleSampler | None, step: int, number: int, stream: int) -> Batch:
        """A batch of cycles, or of clips without a sampler of them, on the network's device."""
        generator = self._generator(number, stream)
        if cycles is None:
            return self._clips.draw(self._phase, generator)
        batch = cycles.draw(step, self._phase.clips, generator)
        parts = (batch.images, batch.masks, batch.first, batch.present)
        return Batch(*(part.to(self._device) for part in parts))

    def _generator(self, number: int, stream: int) -> torch.Generator:
        """Studying and checking, and their clips and banks, have streams of their own."""
        seed = (self._seed * 1_000_003 + number) * 4 + stream
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


def _drawable(recipe: Recipe, footage: FootageSet, phase: Phase) -> Mixture:
    """The recipe's mixture without those kinds of clips that this footage cannot give.

    There are no pairs where there is one truth, and a wire cannot be cut out. Raises UsageError
    when nothing is left.
    """
    shares = recipe.mixture.model_dump()
    for kind in [kind for kind, share in shares.items() if share > 0]:
        alone = Mixture(**{**dict.fromkeys(shares, 0.0), kind: 1.0})
        one = recipe.model_copy(update={"mixture": alone})
        try:
            sampler = ClipSampler(footage, one, torch.device("cpu"))
            sampler.draw(phase, torch.Generator().manual_seed(recipe.seed))
        except InputError:
            shares[kind] = 0.0
    if not any(shares.values()):
        raise UsageError(
            "there is nothing to learn from: what was drawn is too small, or too thin, to make "
            "clips of it. Draw a frame in which the element is larger"
        )
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
