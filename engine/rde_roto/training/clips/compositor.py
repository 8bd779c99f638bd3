"""Clips of cut-out subjects over a moving background, with exact masks.

A stand-in for rendered clips such as BL30K: subjects cross, bend, are lit, hidden and lost from
sight, and others like them move beside them. A mask is what can be seen of its subject.
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
from rde_roto.training.footage.readers import FootageSet
from rde_roto.training.recipe import Compositing

_TWIN = 0.3
"""Probability that a distractor is the very cut-out of an element."""

_ENLARGED = 1.5
"""A cut-out is not shown larger than this: it would be soft."""

_EXPOSURES = 4
"""Moments that motion blur is the mean of."""

_BLUR_PX = 1.5
"""Longest way between two of them: a faster sheet has a shorter shutter, or it would multiply."""

_MOST_BEND = 2.5
"""Strongest bend of a subject, as a multiple of what photographs in motion are bent by."""

_JUMP = 3
"""Most frames between two of a subject that moves as it moved in its clip."""

_DEFOCUSED = 0.3
"""Probability that a sheet, and that everything, is out of focus."""


@dataclass(frozen=True)
class _Sheet:
    """A picture, colour multiplied by alpha, with its motion and bend.

    picture: [1, 3 or 4, h, w], or one for each frame where it changes by itself.
    bend: control points [P, 2] and their displacements [2, P, 2] in the first and the last frame.
    element: which element it shows, if any. grounded: it stands on the ground and casts a shadow.
    """

    picture: Tensor
    motion: Motion
    bend: tuple[Tensor, Tensor] | None = None
    element: int | None = None
    grounded: bool = True


@dataclass(frozen=True)
class _Shadow:
    """Cast by all subjects: sideways lean, length (below 0 towards the camera), depth 0..1."""

    lean: float
    length: float
    depth: float

    @classmethod
    def drawn(cls, draws: RandomSource) -> _Shadow:
        length = draws.between(0.25, 0.7)
        towards = draws.chance(0.5)
        return cls(
            draws.between(-1.2, 1.2), -length if towards else length, draws.between(0.25, 0.6)
        )

    def of(self, alpha: Tensor) -> Tensor:
        """Darkness [T, 1, S, S] of the ground round the lower end of each frame's alpha."""
        coarse = F.avg_pool2d(alpha, 4)  # soft, and cheap
        rows = torch.linspace(-1, 1, coarse.shape[2], device=alpha.device)
        foot = torch.where(coarse.amax(dim=3)[:, 0] > 0.5, rows, -1).amax(dim=1)
        matrix = torch.zeros(len(alpha), 2, 3, device=alpha.device)
        matrix[:, 0, 0], matrix[:, 1, 1] = 1, 1 / self.length
        matrix[:, 0, 1] = self.lean / self.length
        matrix[:, 0, 2] = -foot * self.lean / self.length
        matrix[:, 1, 2] = foot * (1 - 1 / self.length)
        grid = F.affine_grid(matrix, list(coarse.shape), align_corners=False)
        cast = F.grid_sample(coarse, grid, align_corners=False)
        soft = F.avg_pool2d(cast, 3, stride=1, padding=1)
        return self.depth * F.interpolate(soft, alpha.shape[2:], mode="bilinear")


class Compositor:
    """Makes clips of the subjects and backgrounds of a set of footage.

    Where there are no backgrounds they are made out of noise; without subjects it can make no clip.
    """

    def __init__(self, footage: FootageSet, settings: Compositing, device: torch.device) -> None:
        self._footage = footage
        self._settings = settings
        self._device = device

    def clip(self, frames: int, size_px: int, draws: RandomSource) -> tuple[Tensor, Tensor]:
        """Images float32 [T, 3, S, S] in 0..1 and masks float32 [T, k, S, S], 0 or 1, disjoint.

        An element may be hidden, even in the first frame.
        """
        sheets = self._sheets(frames, size_px, draws)
        shutter = draws.between(0.2, 0.6) if draws.chance(self._settings.blur) else 0.0
        shadow = _Shadow.drawn(draws) if draws.chance(self._settings.shadow) else None
        images = self._filmed(
            self._background(size_px, draws), frames, size_px, shutter, "reflection"
        )
        surround = images.mean()
        seen: dict[int, Tensor] = {}
        for sheet in sheets:
            layer = self._filmed(sheet, frames, size_px, shutter, "zeros")
            colour, alpha = layer[:, :3], layer[:, 3:]
            if shadow is not None and sheet.grounded:
                images = images * (1 - shadow.of(alpha))
            colour = colour * self._light(frames, draws) * _matching(layer, surround, draws)
            images = colour + images * (1 - alpha)
            seen = {element: part * (1 - alpha) for element, part in seen.items()}
            if sheet.element is not None:
                seen[sheet.element] = alpha
        masks = torch.cat([seen[element] for element in sorted(seen)], dim=1)
        images = (images * self._light(frames, draws)).clamp(0, 1)
        return _photographed(images, draws), (masks > 0.5).float()

    def _sheets(self, frames: int, size_px: int, draws: RandomSource) -> list[_Sheet]:
        """Elements and distractors in any order, then perhaps what passes in front of one."""
        settings = self._settings
        sheets = [
            replace(self._subject(frames, size_px, draws), element=element)
            for element in range(draws.integer(1, settings.most_elements))
        ]
        elements = tuple(sheets)
        for _ in range(draws.integer(0, settings.distractors)):
            twin = draws.pick(elements).picture if draws.chance(_TWIN) else None
            sheets.append(self._subject(frames, size_px, draws, twin))
        sheets = [sheets[i] for i in draws.order(len(sheets)).tolist()]
        if draws.chance(settings.occluder):
            sheets.append(self._occluder(draws.pick(elements), frames, size_px, draws))
        return sheets

    def _subject(
        self, frames: int, size_px: int, draws: RandomSource, twin: Tensor | None = None
    ) -> _Sheet:
        """A cut-out, or another's twin in its own light, somewhere in the frame."""
        settings = self._settings
        least, most = settings.size
        long = least * (most / least) ** draws.between(0, 1)  # of the frame, with its empty rim
        if twin is None:
            cutout = _perhaps_soft(self._cut_out(frames, long * size_px, draws), draws)
        else:
            tint = F.pad(draws.uniform(0.8, 1.2, 3), (0, 1), value=1)
            cutout = twin * tint.to(self._device)[:, None, None]
        half = _half(cutout, long, size_px)
        reach = max(0.25, 1 - max(half))
        place = (draws.between(-reach, reach), draws.between(-reach, reach))
        pace = Pace(settings.speed, settings.scale, math.radians(settings.turn_deg))
        motion = Motion.drawn(half, place, pace, draws)
        if draws.chance(settings.leave):
            motion = motion.leaving(frames, draws)
        bend = None
        if draws.chance(settings.thin_plate):
            points = control_points(draws)
            strength = draws.between(0.5, _MOST_BEND) * BEND
            bend = points, draws.normals(strength, 2, len(points), 2)
        return _Sheet(cutout, motion, bend)

    def _cut_out(self, frames: int, long_px: float, draws: RandomSource) -> Tensor:
        """A subject of a photograph, or of a clip and moving as it moved there."""
        videos = (*self._footage.videos, *self._footage.moving_cutouts)
        if videos and draws.chance(self._settings.moving):
            clip = draws.pick(draws.pick(videos, [video.weight for video in videos]).clips)
            indices = frame_indices(len(clip), frames, _JUMP, draws)
            moving = cutouts.moving_subject(clip, indices, long_px, self._device, draws)
            if moving is not None:
                return moving
        return cutouts.subject(self._footage.cutouts, long_px, self._device, draws)

    def _occluder(self, hidden: _Sheet, frames: int, size_px: int, draws: RandomSource) -> _Sheet:
        """Another cut-out, a board or a lump that passes before a sheet, clear of it at first."""
        size = min(1.2, max(hidden.motion.half) * draws.between(0.6, 1.4))
        subject = self._settings.occluder_subject
        shares = [subject, 0.6 * (1 - subject), 0.4 * (1 - subject)]
        kind = draws.pick(["subject", "board", "lump"], shares)
        if kind == "subject":
            sets = self._footage.cutouts
            cutout = cutouts.subject(sets, size * size_px, self._device, draws)
        elif kind == "board":
            size *= 2
            side = max(8, round(size * size_px))
            cutout = cutouts.board(self._surface(side, side // draws.integer(3, 8), draws))
        else:
            side = max(8, round(size * size_px))
            cutout = cutouts.lump(self._surface(side, side, draws), draws)
        half = _half(cutout, size, size_px)
        meeting = draws.between(0.4, 0.9) * (frames - 1)
        motion = hidden.motion.crossed(half, meeting, draws)
        return _Sheet(cutout, motion, grounded=False)

    def _background(self, size_px: int, draws: RandomSource) -> _Sheet:
        """A photograph of which a part is seen, sharp or not; noise where there is none."""
        shown = draws.between(0.5, 0.95)  # of its shorter side
        picture = self._photograph(draws)
        if picture is None:
            picture = cutouts.texture(size_px, size_px * 4 // 3, self._device, draws)
        height, width = picture.shape[1:]
        short = min(height, width)
        picture = reduced(picture[None], 1.25 * size_px / (shown * short))
        half = (width / short / shown, height / short / shown)
        place = [0.8 * (side - 1) * draws.between(-1, 1) for side in half]
        pace = Pace(self._settings.camera, growth=0.01, turn=math.radians(1))
        motion = Motion.drawn(half, (place[0], place[1]), pace, draws)
        return _Sheet(_perhaps_soft(picture, draws), motion)

    def _photograph(self, draws: RandomSource) -> Tensor | None:
        """RGB [3, H, W] of a background, if there are any."""
        if not self._footage.backgrounds:
            return None
        return cutouts.picked(self._footage.backgrounds, draws).frame(0).to(self._device) / 255

    def _surface(self, height: int, width: int, draws: RandomSource) -> Tensor:
        """RGB [3, height, width] of a thing: as often cut out of a photograph as made of noise."""
        picture = self._photograph(draws) if draws.chance(0.5) else None
        if picture is None or picture.shape[1] < height or picture.shape[2] < width:
            return cutouts.texture(height, width, self._device, draws)
        top = draws.integer(0, picture.shape[1] - height)
        left = draws.integer(0, picture.shape[2] - width)
        return picture[:, top : top + height, left : left + width]

    def _filmed(
        self, sheet: _Sheet, frames: int, size_px: int, shutter: float, beyond: str
    ) -> Tensor:
        """Frames [T, 3 or 4, S, S] of a sheet; ``beyond`` says what lies past its edge.

        Args:
            shutter: share of the time between two frames that each is exposed; 0 blurs nothing.
        """
        times = torch.arange(frames, dtype=torch.float32)[:, None]
        if shutter > 0:
            way_px = size_px / 2 * sheet.motion.at(times[:, 0])[:, :2].diff(dim=0).norm(dim=1).max()
            longest = _BLUR_PX * _EXPOSURES / float(way_px.clamp(min=1))
            times = times + min(shutter, longest) * torch.linspace(-0.5, 0.5, _EXPOSURES)
        moments = times.flatten()
        bend = None
        if sheet.bend is not None:
            points, (first, last) = sheet.bend
            part = (moments / (frames - 1))[:, None, None]
            bend = ThinPlate.through(points, first + part * (last - first))
        grid = grids(sheet.motion.matrices(moments), size_px, self._device, bend)
        planes = sheet.picture.repeat_interleave(len(grid) // len(sheet.picture), dim=0)
        seen = F.grid_sample(planes, grid, padding_mode=beyond, align_corners=False)
        return seen if shutter == 0 else seen.unflatten(0, times.shape).mean(dim=1)

    def _light(self, frames: int, draws: RandomSource) -> Tensor:
        """Gains [T, 3, 1, 1] that go from one light to another over the clip."""
        light = self._settings.light
        level = 1 + draws.uniform(-light, light, 2, 1) + draws.uniform(-light, light, 2, 3) / 3
        part = torch.linspace(0, 1, frames)[:, None]
        return torch.lerp(level[0], level[1], part)[:, :, None, None].to(self._device)


def _half(cutout: Tensor, long: float, size_px: int) -> tuple[float, float]:
    """Half the sides of a cut-out, in -1..1 of the frame, whose long side is this share of it."""
    height, width = cutout.shape[2:]
    scale = min(long / max(height, width), _ENLARGED / size_px)
    return width * scale, height * scale


def _perhaps_soft(picture: Tensor, draws: RandomSource) -> Tensor:
    """A picture [T, C, H, W], at times out of focus."""
    if not draws.chance(_DEFOCUSED):
        return picture
    coarse = reduced(picture, draws.between(0.25, 0.7))
    soft = F.interpolate(coarse, picture.shape[2:], mode="bicubic", align_corners=False)
    return soft.clamp(0, 1)


def _matching(layer: Tensor, surround: Tensor, draws: RandomSource) -> Tensor:
    """A gain that brings a layer's brightness nearer to its surround's."""
    own = layer[:, :3].mean() / layer[:, 3:].mean().clamp(min=1e-4)
    return (surround / own.clamp(min=0.02)).clamp(0.5, 2) ** draws.between(0, 0.7)


def _photographed(images: Tensor, draws: RandomSource) -> Tensor:
    """Frames as one camera takes them: perhaps softened, with grain."""
    if draws.chance(_DEFOCUSED):
        soft = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
        images = torch.lerp(images, soft, draws.between(0.2, 0.8))
    side = images.shape[2]
    grain = draws.normals(draws.between(0, 0.02), *images.shape[1:]).to(images.device)
    moved = [draws.integer(0, side - 1) for _ in images]
    rolled = torch.stack([grain.roll((by, 3 * by), (1, 2)) for by in moved])
    return (images + rolled).clamp(0, 1)
