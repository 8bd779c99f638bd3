"""Batches of training clips: real footage, photographs set in motion, and composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips import augment
from rde_roto.training.clips.compositor import Compositor
from rde_roto.training.clips.cutouts import picked
from rde_roto.training.clips.perturb import perturb
from rde_roto.training.clips.random_source import RandomSource, frame_indices
from rde_roto.training.footage.readers import Footage, FootageSet
from rde_roto.training.recipe import Augmentation, Phase, Recipe
from rde_roto.values.errors import InputError

_MIN_SHARE = 0.0025
"""An element must cover this share of the first frame, or another clip is drawn."""

_MOST_ELEMENTS = 2
"""Elements of a clip."""

_SEVERAL = 0.35
"""Probability that the clips of a batch may have more than one: it costs what its fullest does."""

_TRIES = 100
"""Clips drawn in vain before the footage is held to be unfit."""

_Clip = tuple[Tensor, Tensor]
"""Images float32 [T, 3, S, S] and masks float32 [T, k, S, S], before they are batched."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames with up to K elements, all float32.

    images [T, B, 3, S, S] RGB 0..1; masks [T, B, K, S, S], 0 or 1, disjoint; first [B, K, S, S],
    the masks of frame 0 as a hurried artist would draw them; present [B, K], 1 where the clip has
    that element. An element may be out of sight in any frame but the first.
    """

    images: Tensor
    masks: Tensor
    first: Tensor
    present: Tensor


class ClipSampler:
    """Draws batches: a pure function of footage, recipe, phase and the generator's state.

    Pictures are decoded on the CPU; geometry, compositing and colour run on ``device``.
    Raises InputError when the recipe's mixture asks for a kind that the footage cannot give.
    """

    def __init__(self, footage: FootageSet, recipe: Recipe, device: torch.device) -> None:
        self._footage = footage
        self._recipe = recipe
        self._device = device
        self._compositor = Compositor(footage, recipe.composite, device)
        mixture = recipe.mixture
        for kind, share, source in [
            ("video", mixture.video, footage.videos),
            ("still", mixture.still, footage.subjects),
            ("composite", mixture.composite, footage.cutouts),
        ]:
            if share > 0 and not source:
                raise InputError(
                    f"recipe {recipe.name}: mixture.{kind} is {share:g}, but there is no footage "
                    f"with masks for it. Add some to data, or set the share to 0."
                )

    def draw(self, phase: Phase, generator: torch.Generator) -> Batch:
        """One batch, each of its clips of any kind of the mixture.

        Args:
            generator: on the CPU; it is moved on.
        """
        draws = RandomSource(generator)
        mixture = self._recipe.mixture
        makers: list[Callable[[Phase, RandomSource], _Clip | None]]
        makers = [self._video, self._still, self._composite]
        shares = [mixture.video, mixture.still, mixture.composite]
        most_elements = _MOST_ELEMENTS if draws.chance(_SEVERAL) else 1
        kinds = [draws.pick(makers, shares) for _ in range(phase.clips)]
        clips = [self._seen(maker, phase, draws) for maker in kinds]
        images, masks, present = _batched(
            [(images, masks[:, :most_elements]) for images, masks in clips]
        )
        spoiling = self._recipe.perturbation
        least, most = spoiling.iou
        first = perturb(masks[0], (least, most), spoiling.rounds, generator)
        return Batch(images, masks, first, present)

    def _seen(
        self,
        maker: Callable[[Phase, RandomSource], _Clip | None],
        phase: Phase,
        draws: RandomSource,
    ) -> _Clip:
        """The first clip drawn whose elements can be seen in its first frame."""
        for _ in range(_TRIES):
            clip = maker(phase, draws)
            if clip is not None and bool((clip[1][0].mean(dim=(1, 2)) >= _MIN_SHARE).all()):
                return clip
        raise InputError(
            f"recipe {self._recipe.name}: none of {_TRIES} clips shows its elements on "
            f"{_MIN_SHARE:.0%} of the first frame. Check the masks, or the crops."
        )

    def _video(self, phase: Phase, draws: RandomSource) -> _Clip | None:
        sources = self._footage.videos
        source = draws.pick(sources, [source.weight for source in sources])
        clip = draws.pick(source.clips)
        jump = max(1, round(phase.max_jump * source.jump_factor))
        indices = frame_indices(len(clip), phase.frames, jump, draws)
        return self._changed(clip, indices, self._recipe.video, phase.size_px, draws)

    def _still(self, phase: Phase, draws: RandomSource) -> _Clip | None:
        still = picked(self._footage.subjects, draws)
        return self._changed(still, [0] * phase.frames, self._recipe.still, phase.size_px, draws)

    def _composite(self, phase: Phase, draws: RandomSource) -> _Clip:
        return self._compositor.clip(phase.frames, phase.size_px, draws)

    def _changed(
        self,
        footage: Footage,
        indices: list[int],
        change: Augmentation,
        size_px: int,
        draws: RandomSource,
    ) -> _Clip | None:
        """Some frames in one crop, jittered; None where the first of them shows no element."""
        first = footage.labels(indices[0])
        elements = _elements(first, draws)
        if not elements:
            return None
        crop, enlarged = _crop(first, elements, change, size_px, draws)
        matrices, bend = _jitter(change, len(indices), draws)
        grid = crop.place(augment.grids(matrices, size_px, self._device, bend))
        grades = augment.Grades.drawn(change.clip, 1, draws).then(
            augment.Grades.drawn(change.frame, len(indices), draws)
        )
        places = {index: place for place, index in enumerate(sorted(set(indices)))}
        rows = torch.tensor([places[index] for index in indices], device=self._device)
        frames = torch.stack([footage.frame(i) for i in places]).to(self._device) / 255
        frames = augment.reduced(frames, 1.5 * enlarged)
        labels = torch.stack([footage.labels(i) for i in places]).to(self._device)
        images = grades.on(augment.pictures_at(grid, frames[rows]))
        found = augment.labels_at(grid, labels[rows])
        return images, torch.stack([found == label for label in elements], dim=1).float()


def _elements(labels: Tensor, draws: RandomSource) -> list[int]:
    """Up to two labels of a mask, in a drawn order; crumbs are left out."""
    areas = torch.bincount(labels.flatten()).tolist()
    crumb = _MIN_SHARE / 3 * labels.numel()  # a tight crop triples a share
    large = [label for label, area in enumerate(areas) if label > 0 and area >= crumb]
    return [large[i] for i in draws.order(len(large))[:_MOST_ELEMENTS].tolist()]


def _crop(
    labels: Tensor, elements: list[int], change: Augmentation, size_px: int, draws: RandomSource
) -> tuple[augment.Window, float]:
    """A window on the picture, and how many pixels of the frame show one of its."""
    height, width = labels.shape
    area = draws.between(*_ends(change.crop_area)) * height * width
    narrow, wide = _ends(change.crop_aspect)
    aspect = math.exp(draws.between(math.log(narrow), math.log(wide)))
    across, down = min(width, math.sqrt(area * aspect)), min(height, math.sqrt(area / aspect))
    if draws.chance(change.on_element):
        where = (labels == draws.pick(elements)).nonzero()
        y, x = (float(v) for v in where[draws.integer(0, len(where) - 1)])
        x, y = x + draws.normal(0.2 * across), y + draws.normal(0.2 * down)
    else:
        x = draws.between(across / 2, width - across / 2)
        y = draws.between(down / 2, height - down / 2)
    x = min(max(x, across / 2), width - across / 2)
    y = min(max(y, down / 2), height - down / 2)
    crop = augment.Window(2 * x / width - 1, 2 * y / height - 1, across / width, down / height)
    return crop, size_px / max(across, down)


def _jitter(
    change: Augmentation, frames: int, draws: RandomSource
) -> tuple[Tensor, augment.ThinPlate | None]:
    """Matrices [T, 3, 3] and bend of a clip, and of each of its frames on top."""
    matrices = augment.warps(change.clip, 1, draws) @ augment.warps(change.frame, frames, draws)
    points = augment.control_points(draws)
    bent = augment.bends(change.clip, 1, draws) + augment.bends(change.frame, frames, draws)
    return matrices, augment.ThinPlate.through(points, bent) if bool(bent.any()) else None


def _ends(pair: list[float]) -> tuple[float, float]:
    least, most = pair
    return least, most


def _batched(clips: list[_Clip]) -> tuple[Tensor, Tensor, Tensor]:
    """Images, masks with empty planes for absent elements, and which are present [B, K]."""
    counts = torch.tensor([masks.shape[1] for _, masks in clips])
    most = int(counts.max())
    padded = [F.pad(masks, (0, 0, 0, 0, 0, most - masks.shape[1])) for _, masks in clips]
    images = torch.stack([images for images, _ in clips], dim=1)
    present = (torch.arange(most) < counts[:, None]).float()
    return images, torch.stack(padded, dim=1), present.to(images.device)
