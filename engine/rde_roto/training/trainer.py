"""The trainer: runs a recipe, step by step.

All randomness of an iteration comes from a generator seeded by the run's seed, the process and the
iteration. Weights and Adam's moments are the only state, so a resumed run continues exactly like
one that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from rde_roto.net import ClickNet, RDENet, channels_last
from rde_roto.training.checkpoint import RunState, freeze, save_checkpoint
from rde_roto.training.clicks.click_objective import ClickObjective
from rde_roto.training.clips.sampler import Batch, ClipSampler
from rde_roto.training.objective import Objective, Terms
from rde_roto.training.processes import average, rank
from rde_roto.training.recipe import Optimiser, Recipe
from rde_roto.training.runlog import LogRow, RunLog
from rde_roto.values.errors import UsageError

_AHEAD = 3
"""Batches prepared while the device works on one."""

_MOST_SKIPPED = 20
"""Consecutive steps without a finite gradient after which a run is aborted."""

Score = Callable[[RunState], float]


@dataclass(frozen=True)
class Report:
    """The progress of a run after an iteration.

    pace: recent seconds per iteration; waiting: the share of them, 0..1, spent waiting for a batch;
    score: 0..1, if the run was just evaluated.
    """

    row: LogRow
    iterations: int
    pace: float
    waiting: float
    score: float | None = None

    @property
    def seconds_left(self) -> float:
        """The remaining seconds at the recent pace."""
        return self.pace * (self.iterations - self.row.iteration)


def rate(optimiser: Optimiser, share: float) -> float:
    """Return the factor of the learning rate at a share 0..1 of the run."""
    rise = min(1.0, (share + 1e-4) / optimiser.warm_up) if optimiser.warm_up else 1.0
    if optimiser.schedule == "cosine":
        return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
    return rise * 0.1 ** sum(share >= step for step in optimiser.steps)


class Trainer:
    """Runs a recipe, starting from a state.

    Args:
        net: the network; it gets the state's weights. sampler: the source of clips.
        score: evaluates a state, 0..1, or None. clock: gives seconds, for pace and time limit.
    """

    def __init__(
        self,
        net: RDENet | ClickNet,
        state: RunState,
        recipe: Recipe,
        sampler: ClipSampler,
        score: Score | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.recipe, self.state = recipe, state
        self._sampler, self._score, self._clock = sampler, score, clock
        self._objective = _objective(net, recipe)
        self._device = next(net.parameters()).device
        net.load_state_dict(state.weights)
        state.weights = dict(channels_last(net).state_dict())  # the live tensors from here on
        state.average = {name: mean.to(self._device) for name, mean in state.average.items()}
        self._learning = freeze(net, recipe.optimiser.frozen)
        self._optimizer = self._make_optimizer()
        self._waited = self._pace = self._waiting = 0.0
        self._skipped = 0

    def run(
        self, out: Path, minutes: float | None = None, listen: Callable[[Report], None] = print
    ) -> bool:
        """Train to the end of the recipe, or for `minutes`; returns whether the end was reached.

        Writes the checkpoint, the log and its curve to `out`. Training stops only where the recipe
        saves, so that the time limit does not affect the result. Raises UsageError when the run
        diverges.
        """
        leads, began = rank() == 0, self._clock()
        log = RunLog(out, self.state.iteration) if leads else None
        saved_at = 0.0
        for batch in self._batches():
            report = self._iterate(batch)
            done = self.state.iteration
            ends = done == self.recipe.iterations
            if done % self.recipe.scoring.every == 0 or ends:
                report = self._scored(report)
            if log is not None:
                log.add(report.row)
                listen(report)
            if ends or done % self.recipe.save_every == 0:
                if log is not None:
                    log.flush()  # first: extra rows are dropped on resuming, missing ones are lost
                self.save(out)
                elapsed = self._elapsed(began)
                if minutes is not None and 2 * elapsed - saved_at > 60 * minutes:
                    return ends  # another interval as long as the last would exceed the limit
                saved_at = elapsed
        return True

    def save(self, out: Path) -> None:
        """Write the checkpoint; every process rounds its state to the stored precision."""
        if rank() == 0:
            save_checkpoint(out, self.state, self.recipe)
        else:
            self.state.round_to_stored()

    def _elapsed(self, began: float) -> float:
        """The seconds since `began`, the same in all processes, so that they stop together."""
        seconds = torch.tensor(self._clock() - began, dtype=torch.float32, device=self._device)
        average([seconds])
        return float(seconds)

    def _iterate(self, batch: Batch) -> Report:
        began, iteration = self._clock(), self.state.iteration
        factor = rate(self.recipe.optimiser, iteration / self.recipe.iterations)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        terms, norm = self._step(batch, iteration)
        seconds = self._clock() - began + self._waited
        self._pace = _smoothed(self._pace, seconds)
        self._waiting = _smoothed(self._waiting, self._waited)
        self.state.iteration += 1
        self.state.seconds += seconds
        frames, done = len(batch.images), self.state.iteration
        row = LogRow(
            done,
            self.state.seconds,
            self._waited,
            frames,
            segmentation=terms[0],
            guidance=terms[1],
            consistency=terms[2],
            gradient_norm=norm,
            rate=factor,
        )
        waiting = self._waiting / self._pace if self._pace else 0.0
        return Report(row, self.recipe.iterations, self._pace, waiting)

    def _step(self, batch: Batch, iteration: int) -> tuple[list[float], float]:
        """Do one step of Adam; returns the terms of the loss and the norm of the gradient, averaged
        over processes.
        """
        generator = self._generator(iteration, stream=1)
        bf16 = self.recipe.precision == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=bf16):
            terms = self._objective(batch, iteration, generator)
        self._optimizer.zero_grad(set_to_none=True)
        terms.total.backward()
        parts = [terms.segmentation, terms.guidance, terms.consistency]
        values = self._average_gradients(torch.stack(parts).detach().float())
        clip = self.recipe.optimiser.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._learning.values(), clip)
        if bool(norm.isfinite()):
            self._optimizer.step()
            self.state.steps += 1
            self._average_in()
            self._skipped = 0
        else:
            self._skip(iteration)
        return [float(v) for v in values], float(norm)

    def _skip(self, iteration: int) -> None:
        """Count a skipped step. Raises UsageError when the run has diverged."""
        self._skipped += 1
        if self._skipped == _MOST_SKIPPED:
            raise UsageError(
                f"the run has diverged: no finite gradient in {_MOST_SKIPPED} steps, up to "
                f"iteration {iteration}. Its last checkpoint may be usable: start another run from "
                "it with a lower optimiser.lr, or with optimiser.clip_norm"
            )

    def _average_gradients(self, values: Tensor) -> Tensor:
        """Average gradients and `values` over processes in one message; missing gradients count as
        zeros.
        """
        gradients = []
        for parameter in self._learning.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        average([values, *gradients])
        return values

    @torch.no_grad()
    def _average_in(self) -> None:
        decay = min(self.recipe.optimiser.ema, (1 + self.state.steps) / (10 + self.state.steps))
        for name, mean in self.state.average.items():
            mean.lerp_(self.state.weights[name], 1 - decay)

    def _scored(self, report: Report) -> Report:
        if self._score is None or rank() != 0:
            return report
        return replace(report, score=self._score(self.state))

    def _batches(self) -> Iterator[Batch]:
        """Yield batches to the end of the recipe, some prepared ahead; measures waiting time."""
        with ThreadPoolExecutor(_AHEAD) as pool:
            ahead: list[Future[Batch]] = []
            for iteration in range(self.state.iteration, self.recipe.iterations):
                while len(ahead) < _AHEAD:
                    ahead.append(pool.submit(self._draw, iteration + len(ahead)))
                began = self._clock()
                batch = ahead.pop(0).result()
                self._waited = self._clock() - began
                yield batch

    def _draw(self, iteration: int) -> Batch:
        generator = self._generator(iteration, stream=0)
        return self._sampler.draw(self.recipe.phase(iteration), generator)

    def _generator(self, iteration: int, stream: int) -> torch.Generator:
        """Clips and banks have separate streams, so that the kind of clip does not determine its
        bank.
        """
        seed = ((self.recipe.seed * 1_000_003 + iteration) * 1_009 + rank()) * 2 + stream
        return torch.Generator().manual_seed(seed % (1 << 63))

    def _make_optimizer(self) -> torch.optim.Optimizer:
        settings = self.recipe.optimiser
        groups = [
            {
                "params": [p for name, p in self._learning.items() if _is_trunk(name) == trunk],
                "peak": lr,
            }
            for trunk, lr in ((False, settings.lr), (True, settings.trunk_lr))
        ]
        kind = torch.optim.AdamW if settings.decoupled else torch.optim.Adam
        optimizer = kind(groups, lr=0.0, weight_decay=settings.weight_decay)
        for name, parameter in self._learning.items():
            optimizer.state[parameter] = {
                "step": torch.tensor(float(self.state.steps)),
                "exp_avg": _aligned_moment(self.state.first, name, parameter),
                "exp_avg_sq": _aligned_moment(self.state.second, name, parameter),
            }
        return optimizer


def _objective(
    net: RDENet | ClickNet, recipe: Recipe
) -> Callable[[Batch, int, torch.Generator], Terms]:
    """Return what computes the loss of a batch at an iteration."""
    if isinstance(net, ClickNet):
        return ClickObjective(net, recipe)
    return Objective(net, recipe)


def _is_trunk(name: str) -> bool:
    """Whether a parameter belongs to the pretrained trunk."""
    return name.startswith("key_encoder.")


def _smoothed(mean: float, value: float) -> float:
    """An exponential running mean that starts at the first value."""
    return value if mean == 0 else 0.95 * mean + 0.05 * value


def _aligned_moment(moments: dict[str, Tensor], name: str, parameter: Tensor) -> Tensor:
    """Bring Adam's moment of a parameter into the parameter's memory layout; zeros at first.

    The result replaces the moment in ``moments``.
    """
    moment = torch.zeros_like(parameter)
    if name in moments:
        moment.copy_(moments[name])
    moments[name] = moment
    return moment
