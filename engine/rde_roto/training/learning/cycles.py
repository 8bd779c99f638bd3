"""Train on cycles: track from a known frame to one without a matte, and back again.

The loss compares the result with the known matte, so frames without a matte contribute to training
too (Bertrand et al., "Test-Time Training for Matching-Based Video Object Segmentation", NeurIPS
2023).
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.model.state import MemoryState
from rde_roto.net import EncodedFrames, MemoryFrame
from rde_roto.training.clips.augment import Grades
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.clips.sampler import Batch
from rde_roto.training.learning.lesson_data import LessonData, Truth
from rde_roto.training.losses import hardest_share
from rde_roto.training.objective import Objective, Terms
from rde_roto.training.recipe import Jitter
from rde_roto.values.bank import Bank

FIRST_REACH = 4
"""Largest distance in frames from a truth at the first step."""

FULL_REACH_STEP = 80
"""From this step on, cycles reach the ends of the shot."""

MIN_FOUND_SHARE = 0.3
"""Least area of an element's predicted matte on the visited frame, as a share of its true area.
Below it, the element counts as hidden there and is left out: training on it would teach the network
to mark whatever hides the element."""

_ALONE = Bank.parse("F")
_THRESHOLD = 0.5


class CycleSampler:
    """Draw cycles from a shot. The result depends only on the step and the generator.

    Args:
        data: the shot.
        frames: the frames without a matte that cycles visit; not empty.
        jitter: chance of mirroring, drawn for each cycle, and grading, drawn for each frame.
        fill: RGB beyond the edge of a picture: the mean that the network subtracts.
    """

    def __init__(
        self,
        data: LessonData,
        frames: tuple[int, ...],
        jitter: Jitter,
        fill: tuple[float, float, float],
    ) -> None:
        self._data = data
        self._frames = frames
        self._jitter = jitter
        self._fill = torch.tensor(fill).view(3, 1, 1)

    def draw(self, step: int, clips: int, generator: torch.Generator) -> Batch:
        """Draw cycles that start from one truth.

        Returns: images [2, B, 3, H, W], the truth's frame and the visited one; masks
        [1, B, K, H, W], the truth, 0 or 1; first [B, K, H, W], its matte with soft edges.
        """
        draws = RandomSource(generator)
        truth = draws.pick(self._data.whole_truths)
        geometry = self._data.cycle_geometry(truth)
        padding = geometry.padding
        matte = F.pad(self._data.planes(truth, geometry), padding)
        images, mattes = [], []
        for _ in range(clips):
            frame = draws.pick(self._within_reach(truth, step))
            pair = torch.stack([self._data.picture(f, geometry) for f in (truth.frame, frame)])
            graded = Grades.sample(self._jitter, 2, draws).on(pair)
            padded = F.pad(graded - self._fill, padding) + self._fill
            mirrored = draws.chance(self._jitter.mirror)
            images.append(padded.flip(3) if mirrored else padded)
            mattes.append(matte.flip(2) if mirrored else matte)
        first = torch.stack(mattes)
        hard = (first >= _THRESHOLD) & (first == first.amax(dim=1, keepdim=True))
        present = (matte.flatten(1).amax(dim=1) >= _THRESHOLD).float().expand(clips, -1)
        return Batch(torch.stack(images, dim=1), hard.float()[None], first, present)

    def _within_reach(self, truth: Truth, step: int) -> list[int]:
        """Return the frames within reach: far ones help once near ones come back well."""
        distances = {frame: abs(frame - truth.frame) for frame in self._frames}
        farthest = max(distances.values())
        reach = FIRST_REACH + (farthest - FIRST_REACH) * min(1.0, step / FULL_REACH_STEP)
        reach = max(reach, min(distances.values()))
        return [frame for frame, distance in distances.items() if distance <= reach]


class CycleObjective(Objective):
    """Compute the loss of what comes back from frames without a known matte."""

    def __call__(self, batch: Batch, iteration: int, generator: torch.Generator) -> Terms:
        """Return the loss terms of a batch of a ``CycleSampler``; all but the first are 0."""
        here, there = self._encode(batch.images)
        reached = self._read_from(here, batch.first, there, batch.present)
        mattes = reached.softmax(dim=1)[:, 1:]
        batch = _where_found(batch, mattes)
        back = self._read_from(there, mattes, here, batch.present)
        hardest = hardest_share(self._losses, iteration)
        nothing = batch.images.new_zeros(())
        return Terms(self._fit(back, batch, 0, hardest), nothing, nothing)

    def _read_from(
        self, frame: EncodedFrames, mattes: Tensor, other: EncodedFrames, present: Tensor
    ) -> Tensor:
        """Return the logits of ``other``, read from a memory of ``frame`` and its mattes alone."""
        memory_frame = MemoryFrame(frame.key, self.net.encode_masks(frame, mattes))
        state = MemoryState(memory_frame, recurrent=memory_frame, latest=None)
        return self._segment(self._readout(state, _ALONE, other), other, present)


def _where_found(batch: Batch, mattes: Tensor) -> Batch:
    """Return the batch without the elements whose mattes on the visited frame are too small."""
    area = (mattes.detach() > _THRESHOLD).sum(dim=(2, 3))
    found = (area >= MIN_FOUND_SHARE * batch.masks[0].sum(dim=(2, 3))).float()
    return replace(
        batch, masks=batch.masks * found[None, :, :, None, None], present=batch.present * found
    )
