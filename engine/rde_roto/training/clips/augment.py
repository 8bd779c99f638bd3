"""Random geometry and colour of training clips, as a ``Jitter`` describes, batched over frames.

Coordinates are those of ``grid_sample`` without aligned corners: (x, y), -1..1 from edge to edge.
A matrix [3, 3] maps from the new frame back to the source picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.training.clips.random_source import RandomSource
from rde_roto.training.recipe import Jitter

_CONTROL_POINTS = 12
BEND = 0.04
"""Standard deviation of a control point's displacement: 0.02 of the picture, as published."""

_LATTICE = 33
"""A grid is computed at so many points per side and interpolated, since bends are smooth."""

_FILL = (124 / 255, 116 / 255, 104 / 255)
"""The mean colour of ImageNet, shown outside the picture."""

_LUMA = (0.299, 0.587, 0.114)
_YIQ = (_LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


@dataclass(frozen=True)
class ThinPlate:
    """Thin-plate splines, one per frame, with the same control points.

    points float32 [P, 2]; weights float32 [N, P + 3, 2], of which the last three are affine.
    """

    points: Tensor
    weights: Tensor

    @classmethod
    def through(cls, points: Tensor, displacements: Tensor) -> ThinPlate:
        """Return the splines that move points [P, 2] by [N, P, 2] with least bending (Bookstein
        1989).
        """
        count = len(points)
        edge = torch.cat([torch.ones(count, 1), points], dim=1)
        system = torch.zeros(count + 3, count + 3)
        system[:count, :count] = _kernel(torch.cdist(points, points).square())
        system[:count, count:], system[count:, :count] = edge, edge.T
        return cls(points, torch.linalg.solve(system, F.pad(displacements, (0, 0, 0, 3))))

    def __call__(self, places: Tensor) -> Tensor:
        """Map places [N, M, 2] by the splines."""
        points, weights = self.points.to(places.device), self.weights.to(places.device)
        radial = _kernel((places[:, :, None] - points).square().sum(dim=3))
        affine = torch.cat([torch.ones_like(places[:, :, :1]), places], dim=2)
        return places + torch.cat([radial, affine], dim=2) @ weights


def _kernel(square: Tensor) -> Tensor:
    """r^2 log r^2, 0 at 0."""
    return square * square.clamp(min=1e-12).log()


def control_points(random: RandomSource) -> Tensor:
    """Random control points [12, 2], no two in the same row or column of a 12 x 12 grid, so never
    all on one line.
    """
    cells = torch.stack([random.order(_CONTROL_POINTS), random.order(_CONTROL_POINTS)], dim=1)
    return (cells + random.uniform(0.1, 0.9, _CONTROL_POINTS, 2)) * 2 / _CONTROL_POINTS - 1


def bends(jitter: Jitter, count: int, random: RandomSource) -> Tensor:
    """Random displacements [count, 12, 2] of the control points; zeros for unbent frames."""
    moved = random.normals(BEND, count, _CONTROL_POINTS, 2)
    return moved * (random.uniform(0, 1, count, 1, 1) < jitter.thin_plate)


def warps(jitter: Jitter, count: int, random: RandomSource) -> Tensor:
    """Random matrices [count, 3, 3]: rotation, shear, scale, shift and mirroring."""
    turn = random.uniform(-1, 1, count) * math.radians(jitter.turn_deg)
    shear = (random.uniform(-1, 1, count) * math.radians(jitter.shear_deg)).tan()
    least, most = jitter.scale
    scale = random.uniform(least, most, count)
    shift = random.uniform(-2, 2, count, 2) * jitter.shift
    sign = 1 - 2 * (random.uniform(0, 1, count) < jitter.mirror).float()
    cos, sin = turn.cos() / scale, turn.sin() / scale
    matrices = torch.eye(3).repeat(count, 1, 1)
    matrices[:, 0, 0], matrices[:, 0, 1] = sign * cos, sign * (shear * cos - sin)
    matrices[:, 1, 0], matrices[:, 1, 1] = sin, shear * sin + cos
    matrices[:, :2, 2] = shift
    return matrices


def grids(
    matrices: Tensor, size_px: int, device: torch.device, bend: ThinPlate | None = None
) -> Tensor:
    """Return the sampling grids of N square frames: [N, S, S, 2] for ``grid_sample``.

    A place is mapped by the matrices [N, 3, 3] first, then by the bend.
    """
    reach = 1 - 1 / size_px  # centres of the outermost pixels
    line = torch.linspace(-reach, reach, _LATTICE, device=device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    lattice = torch.stack([x, y, torch.ones_like(x)], dim=2).reshape(1, -1, 3)
    places = (lattice @ matrices.to(device).transpose(1, 2))[:, :, :2]
    if bend is not None:
        places = bend(places)
    coarse = places.transpose(1, 2).contiguous().unflatten(2, (_LATTICE, _LATTICE))
    fine = F.interpolate(coarse, (size_px, size_px), mode="bilinear", align_corners=True)
    return fine.permute(0, 2, 3, 1)


@dataclass(frozen=True)
class Window:
    """A part of a picture: its centre and half its sides, in -1..1."""

    x: float
    y: float
    half_width: float
    half_height: float

    def place(self, grid: Tensor) -> Tensor:
        """Convert a grid [N, S, S, 2] within the window to one within the whole picture."""
        half = torch.tensor([self.half_width, self.half_height], device=grid.device)
        return grid * half + torch.tensor([self.x, self.y], device=grid.device)


def pictures_at(grid: Tensor, pictures: Tensor) -> Tensor:
    """Sample RGB [N, 3, H, W] at [N, S, S, 2] with interpolation; a mean colour outside."""
    fill = torch.tensor(_FILL, device=pictures.device).view(3, 1, 1)
    return F.grid_sample(pictures - fill, grid, align_corners=False) + fill


def labels_at(grid: Tensor, labels: Tensor) -> Tensor:
    """Sample labels [N, H, W] at [N, S, S, 2]: float32 [N, S, S]; 0 outside."""
    planes = labels[:, None].float()
    return F.grid_sample(planes, grid, mode="nearest", align_corners=False)[:, 0]


def reduced(pictures: Tensor, factor: float) -> Tensor:
    """Scale pictures [N, C, H, W] down without aliasing; unchanged for a factor of 1 or more."""
    if factor >= 1:
        return pictures
    height, width = (max(1, round(side * factor)) for side in pictures.shape[2:])
    return F.interpolate(pictures, (height, width), mode="bilinear", antialias=True)


@dataclass(frozen=True)
class Grades:
    """Colour changes of N frames, each float32 [N]: three factors, and hue in turns."""

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor

    @classmethod
    def sample(cls, jitter: Jitter, count: int, random: RandomSource) -> Grades:
        """Draw one grade for each frame."""
        reach = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        drawn = random.uniform(-1, 1, 4, count) * torch.tensor(reach)[:, None]
        coloured = (random.uniform(0, 1, count) >= jitter.grey).float()
        brightness, contrast, saturation = (1 + drawn[:3]).clamp(min=0)
        return cls(brightness, contrast, saturation * coloured, drawn[3])

    def then(self, other: Grades) -> Grades:
        """Combine two grades, one after the other; either may have a single frame."""
        return Grades(
            self.brightness * other.brightness,
            self.contrast * other.contrast,
            self.saturation * other.saturation,
            self.hue + other.hue,
        )

    def on(self, images: Tensor) -> Tensor:
        """Grade RGB [N, 3, H, W], clamped to 0..1; contrast is around each frame's mean grey."""
        factor = (self.brightness * self.contrast)[:, None, None]
        colour = (factor * self._hue_and_saturation()).to(images)
        mean = images.mean(dim=(2, 3)) @ torch.tensor(_LUMA).to(images)
        lift = mean * (self.brightness * (1 - self.contrast)).to(images)
        coloured = torch.einsum("nij,njhw->nihw", colour, images)
        return (coloured + lift.view(-1, 1, 1, 1)).clamp(0, 1)

    def _hue_and_saturation(self) -> Tensor:
        """Matrices [N, 3, 3] for RGB: rotate and scale chroma in YIQ, keep luma."""
        angle = 2 * math.pi * self.hue
        chroma = torch.zeros(len(angle), 3, 3)
        chroma[:, 0, 0] = 1
        chroma[:, 1, 1] = chroma[:, 2, 2] = self.saturation * angle.cos()
        chroma[:, 2, 1] = self.saturation * angle.sin()
        chroma[:, 1, 2] = -chroma[:, 2, 1]
        yiq = torch.tensor(_YIQ)
        back: Tensor = torch.linalg.inv(yiq)
        return back @ chroma @ yiq
