"""From the network's own matte to the one that is delivered."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.matte.edges import redraw_edges
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Finish


def looks_at_plate(geometry: Geometry, settings: Finish) -> bool:
    """Whether `finish` needs the plate: where the matte is enlarged, and edges are to follow it.

    The whole plate decides, so that a tracked box that grows or shrinks never changes how edges are
    drawn. In a small box of an anamorphic plate the matte may have more cells across than pixels.
    """
    cells, pixels = geometry.working, geometry.plate
    is_enlarged = cells != pixels and cells[0] <= pixels[0] and cells[1] <= pixels[1]
    return settings.edges == "plate" and is_enlarged and cells != geometry.window.shape


@torch.inference_mode()
def finish(raw: RawMatte, plate: Picture | None, settings: Finish) -> FloatArray:
    """The deliverable matte of one frame.

    Args:
        raw: the network's own matte.
        plate: the frame; not looked at unless `looks_at_plate`.
        settings: the artist's knobs.

    Returns: float32 [K, plate height, plate width] in 0..1.
    """
    geometry, planes = raw.geometry, _clipped(torch.from_numpy(raw.planes), settings)
    alpha = geometry.to_plate(planes[None])
    if plate is not None and looks_at_plate(geometry, settings):
        rows, columns = geometry.part
        part = plate.within(geometry.part)
        redraw_edges(alpha[0, :, rows, columns], geometry.unpadded(planes), part)
    return _adjusted(alpha, settings)


@torch.inference_mode()
def finish_keyframe(alpha: FloatArray, settings: Finish) -> FloatArray:
    """The artist's mask [K, H, W] under the artist's own knobs; untouched while they rest."""
    return _adjusted(torch.from_numpy(alpha[None].copy()), settings)


def _clipped(planes: Tensor, settings: Finish) -> Tensor:
    """The network's own matte, [K, h, w], drawn out from its black to its white.

    Elements that share a place add up to 1 at most, as they did before.
    """
    black, white = settings.clip_black, settings.clip_white
    if (black, white) == (0, 1):
        return planes
    clipped = ((planes - black) / (white - black)).clamp(0, 1)
    return clipped / clipped.sum(dim=0).clamp(min=1)


def _adjusted(alpha: Tensor, settings: Finish) -> FloatArray:
    """[1, K, H, W] at plate size -> float32 [K, H, W]."""
    if settings.erode_px > 0:
        alpha = 1 - _grown(1 - alpha, settings.erode_px)
    elif settings.erode_px < 0:
        alpha = _grown(alpha, -settings.erode_px)
    if settings.feather_px > 0:
        alpha = _blurred(alpha, sigma_px=settings.feather_px / 2)
    if settings.gain != 1:
        alpha = alpha * settings.gain
    alpha = alpha.clamp(0, 1)
    if settings.gamma != 1:
        alpha = alpha ** (1 / settings.gamma)
    adjusted: FloatArray = alpha.squeeze(0).cpu().numpy()
    return adjusted


def _grown(alpha: Tensor, radius_px: float) -> Tensor:
    """Grey dilation by a disk; between two whole radii, their mixture."""
    whole = math.floor(radius_px)
    share = radius_px - whole
    grown = _dilated(alpha, whole)
    return torch.lerp(grown, _dilated(alpha, whole + 1), share) if share > 0 else grown


def _dilated(alpha: Tensor, radius: int) -> Tensor:
    """Maximum over the disk x^2 + y^2 <= radius^2, a stack of rows.

    From the outermost row inwards these only widen, so ``wide``, the maximum along the rows of the
    picture, is widened in place and serves for all of them.
    """
    height = alpha.shape[2]
    grown, wide, reach = alpha.clone(), alpha.clone(), 0
    for down in range(radius, -1, -1):
        while reach < math.isqrt(radius * radius - down * down):
            reach += 1
            _raise(wide[..., reach:], alpha[..., :-reach])
            _raise(wide[..., :-reach], alpha[..., reach:])
        if down < height:
            _raise(grown[:, :, down:], wide[:, :, : height - down])
            _raise(grown[:, :, : height - down], wide[:, :, down:])
    return grown


def _raise(target: Tensor, other: Tensor) -> None:
    torch.maximum(target, other, out=target)


def _blurred(alpha: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur, the border repeated, cut at three sigma."""
    reach = math.ceil(3 * sigma_px)
    offsets = torch.arange(-reach, reach + 1, device=alpha.device, dtype=alpha.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    weights = weights / weights.sum()
    planes = F.pad(alpha, (reach, reach, reach, reach), mode="replicate").transpose(0, 1)
    planes = F.conv2d(F.conv2d(planes, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
    return planes.transpose(0, 1)
