"""From the network's own matte to the one that is delivered."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.matte.edges import redraw_edges
from rde_roto.matte.raw import RawMatte
from rde_roto.model.devices import CPU, to_device
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.net.edge_net import EdgeNet
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Finish


def needs_plate(geometry: Geometry, settings: Finish) -> bool:
    """Return whether `finish` needs the plate: the matte is enlarged and its edges follow the
    plate.

    The size of the whole plate decides, so that a tracked box that grows or shrinks never changes
    how edges are drawn. In a small box of an anamorphic plate there may be more cells than pixels
    across.
    """
    cells, pixels = geometry.working, geometry.plate
    is_enlarged = cells != pixels and cells[0] <= pixels[0] and cells[1] <= pixels[1]
    return settings.edges != "bilinear" and is_enlarged and cells != geometry.window.shape


@torch.inference_mode()
def finish(
    raw: RawMatte,
    plate: Picture | None,
    settings: Finish,
    device: torch.device = CPU,
    learned: EdgeNet | None = None,
) -> FloatArray:
    """Finish the matte of one frame.

    Args:
        raw: the network's own matte.
        plate: the plate frame; used only if `needs_plate`.
        settings: the artist's settings.
        device: where it is done; the last bits depend on it.
        learned: on that device, what the model learned about the shot's edges; for `learned` edges,
            which without it are drawn as `plate` does.

    Returns: float32 [K, plate height, plate width] in 0..1.
    """
    geometry, planes = raw.geometry, clipped(torch.from_numpy(raw.planes), settings)
    alpha = geometry.to_plate(to_device(planes[None], device))
    if plate is not None and needs_plate(geometry, settings):
        rows, columns = geometry.part
        part = plate.within(geometry.part)
        own = learned if settings.edges == "learned" else None
        redraw_edges(alpha[0, :, rows, columns], geometry.unpadded(planes), part, own)
    return _adjust(alpha, settings)


@torch.inference_mode()
def finish_keyframe(alpha: FloatArray, settings: Finish) -> FloatArray:
    """Apply the artist's settings to the artist's mask [K, H, W]; defaults change nothing.

    This is done on the CPU wherever the network runs: the digest of a keyframe names no device.
    """
    return _adjust(torch.from_numpy(alpha[None].copy()), settings)


def clipped(planes: Tensor, settings: Finish) -> Tensor:
    """Stretch the network's own matte [K, h, w] between clip_black and clip_white.

    Elements that share a pixel still add up to at most 1.
    """
    black, white = settings.clip_black, settings.clip_white
    if (black, white) == (0, 1):
        return planes
    stretched = ((planes - black) / (white - black)).clamp(0, 1)
    return stretched / stretched.sum(dim=0).clamp(min=1)


def _adjust(alpha: Tensor, settings: Finish) -> FloatArray:
    """[1, K, H, W] at plate size, which is overwritten -> float32 [K, H, W]."""
    if settings.erode_px > 0:
        alpha = 1 - _dilate(1 - alpha, settings.erode_px)
    elif settings.erode_px < 0:
        alpha = _dilate(alpha, -settings.erode_px)
    if settings.feather_px > 0:
        alpha = _blur(alpha, sigma_px=settings.feather_px / 2)
    if settings.gain != 1:
        alpha = alpha * settings.gain
    alpha = alpha.clamp_(0, 1)
    if settings.gamma != 1:
        alpha = alpha ** (1 / settings.gamma)
    adjusted: FloatArray = alpha.squeeze(0).cpu().numpy()
    return adjusted


def _dilate(alpha: Tensor, radius_px: float) -> Tensor:
    """Grey dilation by a disk; a fractional radius interpolates between two whole ones."""
    whole = math.floor(radius_px)
    share = radius_px - whole
    grown = _dilate_whole(alpha, whole)
    return torch.lerp(grown, _dilate_whole(alpha, whole + 1), share) if share > 0 else grown


def _dilate_whole(alpha: Tensor, radius: int) -> Tensor:
    """The maximum over the disk x^2 + y^2 <= radius^2, as a stack of rows.

    From the outermost row inwards the rows only widen, so ``wide``, the maximum along the picture's
    rows, is widened in place and used for all of them.
    """
    height = alpha.shape[2]
    grown, wide, reach = alpha.clone(), alpha.clone(), 0
    for down in range(radius, -1, -1):
        while reach < math.isqrt(radius * radius - down * down):
            reach += 1
            _max_(wide[..., reach:], alpha[..., :-reach])
            _max_(wide[..., :-reach], alpha[..., reach:])
        if down < height:
            _max_(grown[:, :, down:], wide[:, :, : height - down])
            _max_(grown[:, :, : height - down], wide[:, :, down:])
    return grown


def _max_(target: Tensor, other: Tensor) -> None:
    torch.maximum(target, other, out=target)


def _blur(alpha: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur, cut off at three sigma, with the border repeated."""
    reach = math.ceil(3 * sigma_px)
    offsets = torch.arange(-reach, reach + 1, device=alpha.device, dtype=alpha.dtype)
    weights = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    weights = weights / weights.sum()
    planes = F.pad(alpha, (reach, reach, reach, reach), mode="replicate").transpose(0, 1)
    planes = F.conv2d(F.conv2d(planes, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
    return planes.transpose(0, 1)
