"""Samples batches of training clips: real footage, moving photographs, and composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips import augment
from rde_roto.training.clips.compositor import Compositor
from rde_roto.training.clips.cutouts import pick_still
from rde_roto.training.clips.perturb import perturb
from rde_roto.training.clips.random_source import RandomSource, frame_indices
from rde_roto.training.clips.shade import Shade
from rde_roto.training.footage.sets import Footage, FootageSet
from rde_roto.training.recipe import Augmentation, Phase, Recipe
from rde_roto.values.errors import InputError

_MIN_SHARE = 0.0025
"""An element must cover this share of the first frame, else another clip is drawn."""

_MOST_ELEMENTS = 2
"""The most elements of a clip."""

_SEVERAL = 0.35
"""Probability that the clips of a batch may have several elements: the fullest sets the cost."""

_TRIES = 100
"""Rejected clips after which the footage counts as unsuitable."""

_Clip = tuple[Tensor, Tensor]
"""Images float32 [T, 3, S, S] and masks float32 [T, k, S, S], before they are batched."""


@dataclass(frozen=True)
class Batch:
    """B clips of T frames with up to K elements, all float32.

    images [T, B, 3, S, S] RGB 0..1; masks [T, B, K, S, S], 0 or 1, disjoint; first [B, K, S, S],
    the perturbed masks of frame 0; present [B, K], 1 if the clip has that element. An element may
    be out of sight in any frame but the first.
    """

    images: Tensor
    masks: Tensor
    first: Tensor
    present: Tensor


class ClipSampler:
    """Draws batches: a pure function of footage, recipe, phase and the generator's state.

    Pictures are decoded on the CPU; geometry, compositing and colour run on ``device``. Raises
    InputError when the recipe's mixture needs a kind of clip for which there is no footage.
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
        """Draw one batch; each of its clips is of any kind of the mixture.

        Args:
            generator: on the CPU; it is advanced.
        """
        random = RandomSource(generator)
        mixture = self._recipe.mixture
        makers: list[Callable[[Phase, RandomSource], _Clip | None]]
        makers = [self._video, self._still, self._composite]
        shares = [mixture.video, mixture.still, mixture.composite]
        most_elements = _MOST_ELEMENTS if random.chance(_SEVERAL) else 1
        kinds = [random.pick(makers, shares) for _ in range(phase.clips)]
        clips = [self._visible_clip(maker, phase, random) for maker in kinds]
        images, masks, present = _collate(
            [(images, masks[:, :most_elements]) for images, masks in clips]
        )
        perturbation = self._recipe.perturbation
        least, most = perturbation.iou
        first = perturb(masks[0], (least, most), perturbation.rounds, generator)
        return Batch(images, masks, first, present)

    def _visible_clip(
        self,
        maker: Callable[[Phase, RandomSource], _Clip | None],
        phase: Phase,
        random: RandomSource,
    ) -> _Clip:
        """Draw clips until the elements of one are visible in its first frame."""
        for _ in range(_TRIES):
            clip = maker(phase, random)
            if clip is not None and bool((clip[1][0].mean(dim=(1, 2)) >= _MIN_SHARE).all()):
                images, masks = clip
                shade = self._recipe.shade  # without it, no draw: clips are those of older recipes
                shaded = shade > 0 and random.chance(shade)
                return (Shade.sample(random).on(images) if shaded else images), masks
        raise InputError(
            f"recipe {self._recipe.name}: none of {_TRIES} clips shows its elements on "
            f"{_MIN_SHARE:.0%} of the first frame. Check the masks, or the crops."
        )

    def _video(self, phase: Phase, random: RandomSource) -> _Clip | None:
        sources = self._footage.videos
        source = random.pick(sources, [source.weight for source in sources])
        clip = random.pick(source.clips)
        jump = max(1, round(phase.max_jump * source.jump_factor))
        indices = frame_indices(len(clip), phase.frames, jump, random)
        return self._augment(clip, indices, self._recipe.video, phase.size_px, random)

    def _still(self, phase: Phase, random: RandomSource) -> _Clip | None:
        still = pick_still(self._footage.subjects, random)
        return self._augment(still, [0] * phase.frames, self._recipe.still, phase.size_px, random)

    def _composite(self, phase: Phase, random: RandomSource) -> _Clip:
        return self._compositor.clip(phase.frames, phase.size_px, random)

    def _augment(
        self,
        footage: Footage,
        indices: list[int],
        change: Augmentation,
        size_px: int,
        random: RandomSource,
    ) -> _Clip | None:
        """Crop and jitter some frames; None if the first of them shows no element."""
        first = footage.labels(indices[0])
        elements = _elements(first, random)
        if not elements:
            return None
        crop, enlarged = _crop(first, elements, change, size_px, random)
        matrices, bend = _jitter(change, len(indices), random)
        grid = crop.place(augment.grids(matrices, size_px, self._device, bend))
        grades = augment.Grades.sample(change.clip, 1, random).then(
            augment.Grades.sample(change.frame, len(indices), random)
        )
        places = {index: place for place, index in enumerate(sorted(set(indices)))}
        rows = torch.tensor([places[index] for index in indices], device=self._device)
        frames = torch.stack([footage.frame(i) for i in places]).to(self._device) / 255
        frames = augment.reduced(frames, 1.5 * enlarged)
        labels = torch.stack([footage.labels(i) for i in places]).to(self._device)
        images = grades.on(augment.pictures_at(grid, frames[rows]))
        found = augment.labels_at(grid, labels[rows])
        return images, torch.stack([found == label for label in elements], dim=1).float()


def _elements(labels: Tensor, random: RandomSource) -> list[int]:
    """Up to two labels of a mask, in random order; tiny ones are left out."""
    areas = torch.bincount(labels.flatten()).tolist()
    crumb = _MIN_SHARE / 3 * labels.numel()  # a tight crop triples a share
    large = [label for label, area in enumerate(areas) if label > 0 and area >= crumb]
    return [large[i] for i in random.order(len(large))[:_MOST_ELEMENTS].tolist()]


def _crop(
    labels: Tensor, elements: list[int], change: Augmentation, size_px: int, random: RandomSource
) -> tuple[augment.Window, float]:
    """Draw a window on the picture; returns it and the scale from picture to frame pixels."""
    height, width = labels.shape
    area = random.between(*_pair(change.crop_area)) * height * width
    narrow, wide = _pair(change.crop_aspect)
    aspect = math.exp(random.between(math.log(narrow), math.log(wide)))
    across, down = min(width, math.sqrt(area * aspect)), min(height, math.sqrt(area / aspect))
    if random.chance(change.on_element):
        where = (labels == random.pick(elements)).nonzero()
        y, x = (float(v) for v in where[random.integer(0, len(where) - 1)])
        x, y = x + random.normal(0.2 * across), y + random.normal(0.2 * down)
    else:
        x = random.between(across / 2, width - across / 2)
        y = random.between(down / 2, height - down / 2)
    x = min(max(x, across / 2), width - across / 2)
    y = min(max(y, down / 2), height - down / 2)
    crop = augment.Window(2 * x / width - 1, 2 * y / height - 1, across / width, down / height)
    return crop, size_px / max(across, down)


def _jitter(
    change: Augmentation, frames: int, random: RandomSource
) -> tuple[Tensor, augment.ThinPlate | None]:
    """Draw matrices [T, 3, 3] and bends for a clip and, on top, for each of its frames."""
    matrices = augment.warps(change.clip, 1, random) @ augment.warps(change.frame, frames, random)
    points = augment.control_points(random)
    displacements = augment.bends(change.clip, 1, random) + augment.bends(
        change.frame, frames, random
    )
    return matrices, augment.ThinPlate.through(points, displacements) if bool(
        displacements.any()
    ) else None


def _pair(pair: list[float]) -> tuple[float, float]:
    least, most = pair
    return least, most


def _collate(clips: list[_Clip]) -> tuple[Tensor, Tensor, Tensor]:
    """Batch clips: images, masks with empty planes for absent elements, and presence [B, K]."""
    counts = torch.tensor([masks.shape[1] for _, masks in clips])
    most = int(counts.max())
    padded = [F.pad(masks, (0, 0, 0, 0, 0, most - masks.shape[1])) for _, masks in clips]
    images = torch.stack([images for images, _ in clips], dim=1)
    present = (torch.arange(most) < counts[:, None]).float()
    return images, torch.stack(padded, dim=1), present.to(images.device)
