"""A first trainer: clips through the recurrence, one random bank per frame.

Every frame after the first is a memory frame, as in the paper's training. At each of them the
bank is drawn at random, so the embedding has to carry the elements alone as well as beside the
keyframe; and now and then the embedding is updated several times by the same moment, as a held
frame would, so that it learns to rest. Both are for stability over hundreds of updates.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from rde_roto.net import EncodedFrames, Moment, RDENet, aggregate, read_memory
from rde_roto.state import MemoryState
from rde_roto.training.clips import Batch, ClipSampler
from rde_roto.training.losses import segmentation_loss
from rde_roto.values.preset import Bank

BANKS = tuple(Bank.parse(text) for text in ("RDE", "F+RDE", "2F+L+RDE", "F+L"))
"""The banks that training draws from, all as likely."""


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum: ``until`` is the share of the budget at which it ends."""

    until: float
    frames: int
    clips: int
    max_jump: int


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run. The schedule follows the clock: a budget is kept
    on any machine, and a faster one sees more clips.

    Attributes:
        minutes: budget of training time. size_px: side of the square crops.
        stages: the curriculum; its clips are per process.
        head_lr, trunk_lr: peak learning rates of the new layers and of the pretrained trunk.
        warm_up: share of the budget over which the rates rise.
        hardest: share of pixels in the bootstrapped cross entropy.
        composites: share of batches made of stills in motion.
        repeats: most updates of the embedding by one moment. ema: decay of the averaged weights.
    """

    minutes: float = 60.0
    size_px: int = 256
    head_lr: float = 4e-4
    trunk_lr: float = 4e-5
    weight_decay: float = 1e-4
    warm_up: float = 0.02
    hardest: float = 0.2
    composites: float = 0.4
    repeats: int = 3
    ema: float = 0.995
    seed: int = 14159265
    stages: tuple[Stage, ...] = (
        Stage(until=0.30, frames=3, clips=4, max_jump=5),
        Stage(until=0.60, frames=4, clips=3, max_jump=12),
        Stage(until=1.00, frames=6, clips=2, max_jump=10),
    )


class Trainer:
    """Trains a network and keeps an average of its weights (the one that is shipped).

    Under torchrun every process draws its own clips and the gradients are averaged. On a CPU,
    processes of one thread each beat one process of many: they meet once a step, not once a layer.
    """

    def __init__(self, net: RDENet, sampler: ClipSampler, config: TrainingConfig) -> None:
        self.net = net.train().channels_last()
        self.config = config
        self._sampler = sampler
        self._draws = torch.Generator().manual_seed(config.seed)
        self._kinds = torch.Generator().manual_seed(config.seed)  # the reading thread's own
        trunk, heads = _trainable(net)
        groups = [
            {"params": heads, "peak": config.head_lr},
            {"params": trunk, "peak": config.trunk_lr},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=config.weight_decay)
        self.average = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        self.iteration = 0
        self.seconds = 0.0
        self._leads = not dist.is_initialized() or dist.get_rank() == 0

    @property
    def progress(self) -> float:
        """Share of the budget that is used, 0..1."""
        return min(1.0, self.seconds / (60 * self.config.minutes))

    def run(self, out: Path, save_every: int = 100) -> None:
        """Trains until the budget is used; ``out`` gets checkpoints, a log and the weights."""
        out.mkdir(parents=True, exist_ok=True)
        checkpoint = out / "checkpoint.pt"
        if checkpoint.exists():
            self.restore(checkpoint)
        with (out / "log.csv").open("a", newline="") as file:
            log = csv.writer(file)
            for batch in self._batches():
                started = time.monotonic()
                loss = self._step(batch)
                self.seconds += float(_mean_of_all(torch.tensor(time.monotonic() - started)))
                self.iteration += 1
                frames, clips = batch.images.shape[:2]
                if not self._leads:
                    continue
                log.writerow([self.iteration, f"{self.seconds:.1f}", frames, clips, f"{loss:.4f}"])
                if self.iteration % 20 == 0:
                    file.flush()
                if self.iteration % save_every == 0:
                    self.save(checkpoint)
        if self._leads:
            self.save(checkpoint)

    def save(self, path: Path) -> None:
        """Writes the whole run, under its final name only when it is complete."""
        state = {
            "net": self.net.state_dict(),
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "config": asdict(self.config),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """Continues a saved run; clips are drawn afresh from there on."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        self.iteration, self.seconds = state["iteration"], state["seconds"]

    def _batches(self) -> Iterator[Batch]:
        """Batches of the stage at hand until the budget is used; the next one is made ahead."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            ahead = pool.submit(self._draw)
            while self.progress < 1.0:
                batch = ahead.result()
                ahead = pool.submit(self._draw)
                yield batch

    def _draw(self) -> Batch:
        stage = next(s for s in self.config.stages if self.progress <= s.until)
        if float(torch.rand((), generator=self._kinds)) < self.config.composites:
            return self._sampler.composite(max(1, stage.clips - 1), stage.frames)
        return self._sampler.video(stage.clips, stage.frames, stage.max_jump)

    def _step(self, batch: Batch) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * self._rate()
        loss = self._loss(batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._average_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        if bool(norm.isfinite()):
            self._optimizer.step()
            self._average_in()
        return float(loss.detach())

    def _average_gradients(self) -> None:
        if not dist.is_initialized():
            return
        learning = [p for group in self._optimizer.param_groups for p in group["params"]]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        averaged = _mean_of_all(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = averaged.split([p.numel() for p in learning])
        for parameter, part in zip(learning, parts, strict=True):
            parameter.grad = part.view(parameter.shape)

    def _rate(self) -> float:
        """Linear warm-up, then half a cosine down to 2 %."""
        rise = min(1.0, (self.progress + 1e-4) / self.config.warm_up)
        return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.progress)))

    def _average_in(self) -> None:
        decay = min(self.config.ema, (1 + self.iteration) / (10 + self.iteration))
        for name, tensor in self.net.state_dict().items():
            self.average[name].lerp_(tensor, 1 - decay)

    def _loss(self, batch: Batch) -> Tensor:
        frames, clips = batch.images.shape[:2]
        mean = torch.tensor(self.net.config.mean).view(3, 1, 1)
        std = torch.tensor(self.net.config.std).view(3, 1, 1)
        images = ((batch.images - mean) / std).flatten(0, 1)
        encoded = self.net.encode_frames(images.contiguous(memory_format=torch.channels_last))

        def at(t: int) -> EncodedFrames:
            return EncodedFrames(*(x[t * clips : (t + 1) * clips] for x in encoded))

        first = aggregate(batch.masks[0]).softmax(dim=1)[:, 1:]
        anchor = Moment(at(0).key, self.net.encode_masks(at(0), first))
        state = MemoryState(anchor, recurrent=anchor, latest=None)
        losses = []
        for t in range(1, frames):
            bank = BANKS[int(torch.randint(len(BANKS), (), generator=self._draws))]
            logits = self._segment(state.bank(bank), at(t), batch.present)
            losses.append(segmentation_loss(logits, batch.masks[t], self.config.hardest))
            if t < frames - 1:
                alpha = logits.softmax(dim=1)[:, 1:]
                newest = Moment(at(t).key, self.net.encode_masks(at(t), alpha))
                recurrent = state.recurrent
                for _ in range(self._repeats()):
                    recurrent = self.net.update(recurrent, newest)
                state = MemoryState(anchor, recurrent, newest)
        return torch.stack(losses).mean()

    def _segment(self, bank: list[Moment], frame: EncodedFrames, present: Tensor) -> Tensor:
        """Aggregated logits [B, K + 1, H, W]; an element that a clip lacks stays absent."""
        readout = read_memory(bank, frame.key.flatten(2), top_k=None)
        readout = readout.unflatten(3, tuple(frame.key.shape[2:]))
        alpha = self.net.decode(readout, frame).sigmoid()
        return aggregate(alpha * present[:, :, None, None])

    def _repeats(self) -> int:
        """Once mostly; one time in four, up to ``repeats`` times."""
        if float(torch.rand((), generator=self._draws)) < 0.75:
            return 1
        return int(torch.randint(1, self.config.repeats + 1, (), generator=self._draws))


def _mean_of_all(tensor: Tensor) -> Tensor:
    """The mean over all processes, the same bits in each."""
    if dist.is_initialized():
        dist.all_reduce(tensor)
        tensor /= dist.get_world_size()
    return tensor


def _trainable(net: RDENet) -> tuple[list[Tensor], list[Tensor]]:
    """(trunk, heads) to learn. The trunk's layers above stride 16 stay as ImageNet left them:

    their features are generic, and backward through wide depthwise layers is most of a CPU's time.
    """
    trunk: list[Tensor] = []
    heads: list[Tensor] = []
    for name, parameter in net.named_parameters():
        if name.startswith(("key_encoder.stage4.", "key_encoder.stage5.")):
            trunk.append(parameter)
        elif name.startswith("key_encoder."):
            parameter.requires_grad_(False)
        else:
            heads.append(parameter)
    return trunk, heads
