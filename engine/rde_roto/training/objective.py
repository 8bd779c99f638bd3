"""The training objective: runs a clip through the recurrence and computes the loss.

The paper trains with two kinds of memory (section 3; the order is from its code): frames are read
alternately from a growing bank of all memory frames, as in STM, and from the recurrent embedding
alone. When the embedding is read, the growing bank guides it (unbiased guidance). A recipe may pick
random banks instead, so that the embedding learns to work alone as well as with the keyframe, over
clips longer than the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rde_roto.model.state import MemoryState
from rde_roto.net import EncodedFrames, MemoryFrame, RDENet, aggregate, read_memory
from rde_roto.training.clips.sampler import Batch
from rde_roto.training.losses import cross_entropy, dice, divergence, frame_weights, hardest_share
from rde_roto.training.recipe import Recipe
from rde_roto.values.bank import Bank

GROWING = Bank.parse("STM")


@dataclass(frozen=True)
class Terms:
    """The terms of the loss, already weighted; scalars."""

    segmentation: Tensor
    guidance: Tensor
    consistency: Tensor

    @property
    def total(self) -> Tensor:
        """The loss to minimise."""
        total: Tensor = self.segmentation + self.guidance + self.consistency
        return total


class Objective:
    """Computes the loss of a batch under a recipe.

    Args:
        net: the network; it stays in evaluation mode, so that batch normalisation keeps its
            statistics, as published.
    """

    def __init__(self, net: RDENet, recipe: Recipe) -> None:
        self.net = net
        self._reads = recipe.reads
        self._losses = recipe.losses
        self._recurs = any(bank.recurrent for bank in recipe.reads.banks)

    def __call__(self, batch: Batch, iteration: int, generator: torch.Generator) -> Terms:
        """The terms of a batch. All randomness (banks, repeats) comes from the generator."""
        frames = self._encode(batch.images)
        anchor, consistency = self._begin(frames[0], batch)
        state = MemoryState(anchor, recurrent=anchor, latest=None)
        hardest = hardest_share(self._losses, iteration)
        segmentation = guidance = batch.images.new_zeros(())
        for t, weight in enumerate(frame_weights(self._losses, len(frames)), start=1):
            bank = self._bank(t, generator)
            readout = self._readout(state, bank, frames[t])
            logits = self._segment(readout, frames[t], batch.present)
            segmentation = segmentation + weight * self._fit(logits, batch, t, hardest)
            guided = bank.recurrent > 0 and self._losses.guidance > 0
            led = not bank.growing and self._reads.memory_from == "STM" and t + 1 < len(frames)
            if guided or led:
                guide = self._readout(state, GROWING, frames[t])
                if guided:
                    share = weight if self._losses.frame_weights == "equal" else 1.0
                    guidance = guidance + share * self._divergence(readout, guide, frames[t])
                if led:
                    logits = self._segment(guide, frames[t], batch.present)
            if t + 1 < len(frames):
                state = self._absorb(state, frames[t], logits, generator)
        return Terms(segmentation, self._losses.guidance * guidance, consistency)

    def _encode(self, images: Tensor) -> list[EncodedFrames]:
        """Encode all frames at once, since encoding does not depend on memory."""
        count, clips = images.shape[:2]
        mean = images.new_tensor(self.net.config.mean).view(3, 1, 1)
        std = images.new_tensor(self.net.config.std).view(3, 1, 1)
        flat = ((images - mean) / std).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        encoded = [part.split(clips) for part in self.net.encode_frames(flat)]
        return [EncodedFrames(*(part[t] for part in encoded)) for t in range(count)]

    def _begin(self, frame: EncodedFrames, batch: Batch) -> tuple[MemoryFrame, Tensor]:
        """The keyframe's memory frame, from the perturbed masks, and L_MC, the divergence of its
        value from that of the clean masks.
        """
        value = self.net.encode_masks(frame, batch.first)
        if self._losses.consistency == 0:
            return MemoryFrame(frame.key, value), batch.images.new_zeros(())
        clean = self.net.encode_masks(frame, batch.masks[0])
        return MemoryFrame(frame.key, value), self._losses.consistency * divergence(value, clean)

    def _bank(self, t: int, generator: torch.Generator) -> Bank:
        banks = self._reads.banks
        if self._reads.order == "cycle":
            return banks[(t - 1) % len(banks)]
        return banks[int(torch.randint(len(banks), (), generator=generator))]

    def _readout(self, state: MemoryState, bank: Bank, frame: EncodedFrames) -> Tensor:
        with torch.autocast(frame.key.device.type, enabled=False):  # affinities are differences
            readout = read_memory(state.bank(bank), frame.key.flatten(2), top_k=None)
        grid: Tensor = readout.unflatten(3, tuple(frame.key.shape[2:]))
        return grid

    def _segment(self, readout: Tensor, frame: EncodedFrames, present: Tensor) -> Tensor:
        """Aggregated logits [B, K + 1, H, W]; elements that a clip lacks stay absent."""
        alpha = self.net.decode(readout, frame).sigmoid()
        return aggregate(alpha * present[:, :, None, None])

    def _fit(self, logits: Tensor, batch: Batch, t: int, hardest: float) -> Tensor:
        loss = cross_entropy(logits, batch.masks[t], batch.present, hardest)
        if self._losses.dice == 0:
            return loss
        return loss + self._losses.dice * dice(logits, batch.masks[t], batch.present)

    @staticmethod
    def _divergence(readout: Tensor, guide: Tensor, frame: EncodedFrames) -> Tensor:
        """The divergence between the decoder's inputs from the embedding and the growing bank."""
        thin = frame.thin.unsqueeze(1).expand_as(readout)
        return divergence(torch.cat([readout, thin], dim=2), torch.cat([guide, thin], dim=2))

    def _absorb(
        self, state: MemoryState, frame: EncodedFrames, logits: Tensor, generator: torch.Generator
    ) -> MemoryState:
        alpha = logits.softmax(dim=1)[:, 1:]
        newest = MemoryFrame(frame.key, self.net.encode_masks(frame, alpha))
        recurrent = state.recurrent
        if self._recurs:
            for _ in range(self._times(generator)):
                recurrent = self.net.update(recurrent, newest)
        return MemoryState(state.anchor, recurrent, newest, (*state.history, newest))

    def _times(self, generator: torch.Generator) -> int:
        """How often to update: usually once; in a quarter of cases up to ``repeats`` times, as with
        a held frame.
        """
        most = self._reads.repeats
        if most == 1 or float(torch.rand((), generator=generator)) < 0.75:
            return 1
        return int(torch.randint(1, most + 1, (), generator=generator))
