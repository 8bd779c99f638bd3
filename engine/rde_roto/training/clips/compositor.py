"""Clips of cut-out subjects over a moving background, with exact masks.

A substitute for rendered clips such as BL30K: subjects cross, deform, change in light, are occluded
and leave the picture, and similar ones move beside them. A mask is the visible part of its subject.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips import cutouts
from rde_roto.training.clips.augment import BEND, ThinPlate, control_points, grids, reduced
from rde_roto.training.clips.motion import Motion, Pace
from rde_roto.training.clips.random_source import RandomSource, frame_indices
from rde_roto.training.clips.shadow import Shadow
from rde_roto.training.footage.sets import FootageSet
from rde_roto.training.recipe import Compositing

_TWIN = 0.3
"""Probability that a further subject, beside an element or in front, has the same cut-out."""

_ENLARGED = 1.5
"""A cut-out is not enlarged more than this, or it would be soft."""

_EXPOSURES = 4
"""Exposures per frame, of which motion blur is the mean."""

_BLUR_PX = 1.5
"""Longest motion between two exposures: a faster layer gets a shorter shutter, to avoid ghosts."""

_MOST_BEND = 2.5
"""Strongest bend of a subject, as a multiple of ``BEND``."""

_JUMP = 3
"""Most frames between two frames of a subject with the motion of its clip."""

_DEFOCUSED = 0.3
"""Probability that a layer is out of focus, and that the whole picture is."""


@dataclass(frozen=True)
class _Layer:
    """A premultiplied picture with its motion and bend.

    picture: [1, 3 or 4, h, w], or one for each frame if it changes by itself.
    bend: control points [P, 2] and their displacements [2, P, 2] in the first and the last frame.
    element: which element it shows, if any. grounded: it stands on the ground and casts a shadow.
    """

    picture: Tensor
    motion: Motion
    bend: tuple[Tensor, Tensor] | None = None
    element: int | None = None
    grounded: bool = True


class Compositor:
    """Makes clips from the subjects and backgrounds of a set of footage.

    Missing backgrounds are replaced by noise; at least one subject is needed.
    """

    def __init__(self, footage: FootageSet, settings: Compositing, device: torch.device) -> None:
        self._footage = footage
        self._settings = settings
        self._device = device

    def clip(self, frames: int, size_px: int, random: RandomSource) -> tuple[Tensor, Tensor]:
        """Make a clip: images float32 [T, 3, S, S] in 0..1, and disjoint masks float32
        [T, k, S, S], 0 or 1.

        An element may be hidden, even in the first frame.
        """
        layers = self._layers(frames, size_px, random)
        shutter = random.between(0.2, 0.6) if random.chance(self._settings.blur) else 0.0
        shadow = Shadow.sample(random) if random.chance(self._settings.shadow) else None
        images = self._render(
            self._background(size_px, random), frames, size_px, shutter, "reflection"
        )
        surround = images.mean()
        seen: dict[int, Tensor] = {}
        for layer in layers:
            rendered = self._render(layer, frames, size_px, shutter, "zeros")
            colour, alpha = rendered[:, :3], rendered[:, 3:]
            if shadow is not None and layer.grounded:
                images = images * (1 - shadow.of(alpha))
            colour = (
                colour * self._light(frames, random) * _match_brightness(rendered, surround, random)
            )
            images = colour + images * (1 - alpha)
            seen = {element: part * (1 - alpha) for element, part in seen.items()}
            if layer.element is not None:
                seen[layer.element] = alpha
        masks = torch.cat([seen[element] for element in sorted(seen)], dim=1)
        images = (images * self._light(frames, random)).clamp(0, 1)
        return _add_camera_look(images, random), (masks > 0.5).float()

    def _layers(self, frames: int, size_px: int, random: RandomSource) -> list[_Layer]:
        """Elements and distractors in random order, then perhaps an occluder."""
        settings = self._settings
        layers = [
            replace(self._subject(frames, size_px, random), element=element)
            for element in range(random.integer(1, settings.most_elements))
        ]
        elements = tuple(layers)
        for _ in range(random.integer(0, settings.distractors)):
            twin = random.pick(elements).picture if random.chance(_TWIN) else None
            layers.append(self._subject(frames, size_px, random, twin))
        layers = [layers[i] for i in random.order(len(layers)).tolist()]
        if random.chance(settings.occluder):
            layers.append(self._occluder(random.pick(elements), frames, size_px, random))
        return layers

    def _subject(
        self, frames: int, size_px: int, random: RandomSource, twin: Tensor | None = None
    ) -> _Layer:
        """A subject somewhere in the frame: a new cut-out, or ``twin`` with another tint."""
        settings = self._settings
        least, most = settings.size
        long = least * (most / least) ** random.between(0, 1)  # of the frame, with its empty rim
        if twin is None:
            cutout = _maybe_defocus(self._cut_out(frames, long * size_px, random), random)
        else:
            cutout = self._tinted(twin, random)
        half = _half(cutout, long, size_px)
        reach = max(0.25, 1 - max(half))
        place = (random.between(-reach, reach), random.between(-reach, reach))
        pace = Pace(settings.speed, settings.scale, math.radians(settings.turn_deg))
        motion = Motion.sample(half, place, pace, random)
        if random.chance(settings.leave):
            motion = motion.with_excursion(frames, random)
        bend = None
        if random.chance(settings.thin_plate):
            points = control_points(random)
            strength = random.between(0.5, _MOST_BEND) * BEND
            bend = points, random.normals(strength, 2, len(points), 2)
        return _Layer(cutout, motion, bend)

    def _tinted(self, cutout: Tensor, random: RandomSource) -> Tensor:
        tint = F.pad(random.uniform(0.8, 1.2, 3), (0, 1), value=1)
        return cutout * tint.to(self._device)[:, None, None]

    def _cut_out(self, frames: int, long_px: float, random: RandomSource) -> Tensor:
        """Cut out a subject from a photograph, or from a clip with its motion."""
        videos = (*self._footage.videos, *self._footage.moving_cutouts)
        if videos and random.chance(self._settings.moving):
            clip = random.pick(random.pick(videos, [video.weight for video in videos]).clips)
            indices = frame_indices(len(clip), frames, _JUMP, random)
            moving = cutouts.moving_subject(clip, indices, long_px, self._device, random)
            if moving is not None:
                return moving
        return cutouts.subject(self._footage.cutouts, long_px, self._device, random)

    def _occluder(self, hidden: _Layer, frames: int, size_px: int, random: RandomSource) -> _Layer:
        """A cut-out, a board or a lump that passes in front of a layer, clear of it at first. The
        cut-out may be the layer's own.
        """
        size = min(1.2, max(hidden.motion.half) * random.between(0.6, 1.4))
        subject = self._settings.occluder_subject
        shares = [subject, 0.6 * (1 - subject), 0.4 * (1 - subject)]
        kind = random.pick(["subject", "board", "lump"], shares)
        if kind == "subject" and random.chance(_TWIN):
            cutout = self._tinted(hidden.picture, random)
        elif kind == "subject":
            sets = self._footage.cutouts
            cutout = cutouts.subject(sets, size * size_px, self._device, random)
        elif kind == "board":
            size *= 2
            side = max(8, round(size * size_px))
            cutout = cutouts.board(self._surface(side, side // random.integer(3, 8), random))
        else:
            side = max(8, round(size * size_px))
            cutout = cutouts.lump(self._surface(side, side, random), random)
        half = _half(cutout, size, size_px)
        crossing_time = random.between(0.4, 0.9) * (frames - 1)
        motion = hidden.motion.crossing(half, crossing_time, random)
        return _Layer(cutout, motion, grounded=False)

    def _background(self, size_px: int, random: RandomSource) -> _Layer:
        """A part of a photograph, perhaps out of focus; noise if there are no photographs."""
        shown = random.between(0.5, 0.95)  # of its shorter side
        picture = self._photograph(random)
        if picture is None:
            picture = cutouts.texture(size_px, size_px * 4 // 3, self._device, random)
        height, width = picture.shape[1:]
        short = min(height, width)
        picture = reduced(picture[None], 1.25 * size_px / (shown * short))
        half = (width / short / shown, height / short / shown)
        place = [0.8 * (side - 1) * random.between(-1, 1) for side in half]
        pace = Pace(self._settings.camera, growth=0.01, turn=math.radians(1))
        motion = Motion.sample(half, (place[0], place[1]), pace, random)
        return _Layer(_maybe_defocus(picture, random), motion)

    def _photograph(self, random: RandomSource) -> Tensor | None:
        """A random background, RGB [3, H, W]; None if there are none."""
        if not self._footage.backgrounds:
            return None
        return cutouts.pick_still(self._footage.backgrounds, random).frame(0).to(self._device) / 255

    def _surface(self, height: int, width: int, random: RandomSource) -> Tensor:
        """A surface, RGB [3, height, width]: a part of a photograph or noise, equally often."""
        picture = self._photograph(random) if random.chance(0.5) else None
        if picture is None or picture.shape[1] < height or picture.shape[2] < width:
            return cutouts.texture(height, width, self._device, random)
        top = random.integer(0, picture.shape[1] - height)
        left = random.integer(0, picture.shape[2] - width)
        return picture[:, top : top + height, left : left + width]

    def _render(
        self, layer: _Layer, frames: int, size_px: int, shutter: float, padding_mode: str
    ) -> Tensor:
        """Render a layer: frames [T, 3 or 4, S, S]; ``padding_mode`` applies beyond its edge.

        Args:
            shutter: share of the time between two frames that each is exposed; 0 blurs nothing.
        """
        times = torch.arange(frames, dtype=torch.float32)[:, None]
        if shutter > 0:
            path_px = (
                size_px / 2 * layer.motion.at(times[:, 0])[:, :2].diff(dim=0).norm(dim=1).max()
            )
            longest = _BLUR_PX * _EXPOSURES / float(path_px.clamp(min=1))
            times = times + min(shutter, longest) * torch.linspace(-0.5, 0.5, _EXPOSURES)
        exposures = times.flatten()
        bend = None
        if layer.bend is not None:
            points, (first, last) = layer.bend
            part = (exposures / (frames - 1))[:, None, None]
            bend = ThinPlate.through(points, first + part * (last - first))
        grid = grids(layer.motion.matrices(exposures), size_px, self._device, bend)
        planes = layer.picture.repeat_interleave(len(grid) // len(layer.picture), dim=0)
        seen = F.grid_sample(planes, grid, padding_mode=padding_mode, align_corners=False)
        return seen if shutter == 0 else seen.unflatten(0, times.shape).mean(dim=1)

    def _light(self, frames: int, random: RandomSource) -> Tensor:
        """Gains [T, 3, 1, 1] that change from one light to another over the clip."""
        light = self._settings.light
        level = 1 + random.uniform(-light, light, 2, 1) + random.uniform(-light, light, 2, 3) / 3
        part = torch.linspace(0, 1, frames)[:, None]
        return torch.lerp(level[0], level[1], part)[:, :, None, None].to(self._device)


def _half(cutout: Tensor, long: float, size_px: int) -> tuple[float, float]:
    """Half the sides of a cut-out in frame coordinates, -1..1; its long side is ``long`` frames."""
    height, width = cutout.shape[2:]
    scale = min(long / max(height, width), _ENLARGED / size_px)
    return width * scale, height * scale


def _maybe_defocus(picture: Tensor, random: RandomSource) -> Tensor:
    """Sometimes put a picture [T, C, H, W] out of focus."""
    if not random.chance(_DEFOCUSED):
        return picture
    coarse = reduced(picture, random.between(0.25, 0.7))
    soft = F.interpolate(coarse, picture.shape[2:], mode="bicubic", align_corners=False)
    return soft.clamp(0, 1)


def _match_brightness(layer: Tensor, surround: Tensor, random: RandomSource) -> Tensor:
    """A gain that brings a layer's brightness closer to that of its surroundings."""
    own = layer[:, :3].mean() / layer[:, 3:].mean().clamp(min=1e-4)
    return (surround / own.clamp(min=0.02)).clamp(0.5, 2) ** random.between(0, 0.7)


def _add_camera_look(images: Tensor, random: RandomSource) -> Tensor:
    """Add the look of one camera to all frames: grain, and sometimes softness."""
    if random.chance(_DEFOCUSED):
        soft = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
        images = torch.lerp(images, soft, random.between(0.2, 0.8))
    side = images.shape[2]
    grain = random.normals(random.between(0, 0.02), *images.shape[1:]).to(images.device)
    moved = [random.integer(0, side - 1) for _ in images]
    rolled = torch.stack([grain.roll((by, 3 * by), (1, 2)) for by in moved])
    return (images + rolled).clamp(0, 1)
