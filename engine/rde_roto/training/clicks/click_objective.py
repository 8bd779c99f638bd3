"""The training objective of the network that selects by clicks.

Clicks are simulated while it learns, on its own masks: iterative training, as in Sofiiuk et al.,
"Reviving Iterative Training with Mask Guidance for Interactive Segmentation" (ICIP 2022). Only the
mask after the last click counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rde_roto.net import ClickNet, EncodedFrames, draw_click
from rde_roto.net.clicks import CLICK_PLANES
from rde_roto.training.clicks.simulated_clicks import depth, next_click
from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.clips.sampler import Batch
from rde_roto.training.losses import cross_entropy, dice, hardest_share
from rde_roto.training.objective import Terms
from rde_roto.training.recipe import Recipe

_DEEP = 0.3
"""Where a first click usually goes: this deep or deeper, as a share of the object's depth."""
_ANYWHERE = 0.2
"""Probability that a first click goes anywhere inside."""


class ClickObjective:
    """Computes the loss of a batch under a recipe.

    Args: net, the network.
    """

    def __init__(self, net: ClickNet, recipe: Recipe) -> None:
        self._net, self._clicks, self._losses = net, recipe.clicks, recipe.losses

    def __call__(self, batch: Batch, iteration: int, generator: torch.Generator) -> Terms:
        """The terms of a batch: segmentation alone. All randomness comes from the generator."""
        random = RandomSource(generator)
        images, objects = self._objects(batch, random)
        frames = self._encode(images)
        planes = self._clicked(frames, objects, random)
        logits = self._net(frames, planes).float()
        scores = torch.stack([torch.zeros_like(logits), logits], dim=1)
        masks = objects[:, None].to(logits.dtype)
        present = masks.new_ones(len(masks), 1)
        hardest = hardest_share(self._losses, iteration)
        loss = cross_entropy(scores, masks, present, hardest)
        loss = loss + self._losses.dice * dice(scores, masks, present)
        nothing = loss.new_zeros(())
        return Terms(loss, nothing, nothing)

    def _objects(self, batch: Batch, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Pick an element of each frame: images [N, 3, S, S] and bool [N, S, S].

        Frames that show too little of it are left out, unless all do.
        """
        images, masks = batch.images.flatten(0, 1), batch.masks.flatten(0, 1) > 0.5
        picked = [random.integer(0, masks.shape[1] - 1) for _ in range(len(masks))]
        objects = torch.stack([each[place] for each, place in zip(masks, picked, strict=True)])
        shares = objects.flatten(1).float().mean(dim=1)
        usable = shares >= min(self._clicks.least_area, float(shares.max()))
        return images[usable], objects[usable]

    def _encode(self, images: Tensor) -> EncodedFrames:
        config = self._net.config
        mean, std = (images.new_tensor(each).view(3, 1, 1) for each in (config.mean, config.std))
        image = ((images - mean) / std).contiguous(memory_format=torch.channels_last)
        return self._net.encode_frames(image)

    @torch.no_grad()
    def _clicked(self, frames: EncodedFrames, objects: Tensor, random: RandomSource) -> Tensor:
        """Planes [N, 3, S, S] after a random number of clicks on each object."""
        planes = objects.new_zeros(
            len(objects), CLICK_PLANES, *objects.shape[1:], dtype=torch.float32
        )
        for each, mask in zip(planes, objects, strict=True):
            draw_click(each[0], *_first_click(mask, random))
        for _ in range(random.integer(0, self._clicks.most_rounds)):
            found = self._net(frames, planes).float().sigmoid()
            for each, shown, mask in zip(planes, found, objects, strict=True):
                self._click(each, shown > 0.5, mask, random)
            planes[:, 2] = 0 if random.chance(self._clicks.forgets) else found
        return planes

    def _click(self, planes: Tensor, found: Tensor, mask: Tensor, random: RandomSource) -> None:
        """Draw the next click, a little beside its place if that is still right."""
        click = next_click(found, mask)
        if click is None:
            return
        row, column, adds = click
        jitter, last = self._clicks.jitter_px, len(mask) - 1
        beside = [
            min(max(place + random.integer(-jitter, jitter), 0), last) for place in (row, column)
        ]
        if bool(mask[beside[0], beside[1]]) == adds:
            row, column = beside
        draw_click(planes[0 if adds else 1], row, column)


def _first_click(mask: Tensor, random: RandomSource) -> tuple[int, int]:
    """Draw a place inside a mask, deep ones more often; its middle pixel if it is empty."""
    depths = depth(mask).cpu().flatten().float()
    if not random.chance(_ANYWHERE):
        depths = depths * (depths >= _DEEP * depths.max())
    place = random.index(depths) if bool(depths.any()) else depths.numel() // 2
    return divmod(place, mask.shape[1])
