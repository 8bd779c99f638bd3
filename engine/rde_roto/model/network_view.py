"""Converts a plate's own values to the network's view, on any device."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from rde_roto.model.devices import CPU, to_device
from rde_roto.values.input_transform import KNEE, MOST_LIGHT, InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

_STRIP_PX = 1 << 20
"""Pixels per pass: intermediate results of a whole plate would not fit into the CPU's cache."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame of a plate: its pixels, float32 [H, W, 3], and the input transform still to apply."""

    pixels: FloatArray
    input_transform: InputTransform | None = None

    @classmethod
    def of(cls, plate: Plate, frame: int) -> Picture:
        """Read a frame. Raises as ``plate.read``."""
        return cls(plate.read(frame), plate.input_transform)

    def within(self, part: tuple[slice, slice]) -> Picture:
        """Some rows and columns of the picture, not yet transformed."""
        return Picture(self.pixels[part], self.input_transform)

    def to_network_view(self, device: torch.device = CPU) -> Tensor:
        """Return the picture as the network sees it, on a device; see `apply_input_transform`."""
        pixels = to_device(torch.from_numpy(self.pixels), device)
        return apply_input_transform(pixels, self.input_transform)


class Pictures:
    """A plate's frames, with a small cache: a frame is read once for tracking and again for the
    finish. Thread-safe.

    Args: plate, the source.
    """

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._limit = 1
        self._recent: OrderedDict[int, Picture] = OrderedDict()
        self._lock = Lock()

    def keep(self, frames: int) -> None:
        """Keep so many frames, or more if somebody else has asked for more."""
        self._limit = max(self._limit, frames)

    def __call__(self, frame: int) -> Picture:
        """A frame. Raises as ``plate.read``."""
        with self._lock:
            picture = self._recent.get(frame)
        picture = picture or Picture.of(self._plate, frame)
        with self._lock:
            self._recent[frame] = picture
            self._recent.move_to_end(frame)
            while len(self._recent) > self._limit:
                self._recent.popitem(last=False)
        return picture


@torch.inference_mode()
def apply_input_transform(values: Tensor, input_transform: InputTransform | None) -> Tensor:
    """Convert a plate's values, float32 [..., W, 3], to the network's view: 0..1, all finite.

    Without a transform the values are the view already and are returned unchanged. Each pixel is
    independent of the others. The view is that of `images.color.transforms.to_network_view`.
    """
    if input_transform is None:
        return values
    curves = to_device(torch.from_numpy(input_transform.curves), values.device)
    view = torch.empty_like(values)
    rows, target_rows = values.flatten(0, -3), view.flatten(0, -3)
    strip = max(1, _STRIP_PX // values.shape[-2])
    for source, target in zip(rows.split(strip), target_rows.split(strip), strict=True):
        linearised = [
            _apply_curve(source[..., c], curve, input_transform) for c, curve in enumerate(curves)
        ]
        for c, factors in enumerate(input_transform.matrix.tolist()):
            red, green, blue = (
                factor * one for factor, one in zip(factors, linearised, strict=True)
            )
            target[..., c] = _to_display_view(red + green + blue)
    return view


def _apply_curve(channel: Tensor, curve: Tensor, input_transform: InputTransform) -> Tensor:
    steps = len(curve) - 1
    scale = steps / (input_transform.high - input_transform.low)
    place = (
        channel.nan_to_num(0).clamp(input_transform.low, input_transform.high) - input_transform.low
    ) * scale
    index = place.long().clamp(max=steps - 1)
    return torch.lerp(curve[index], curve[index + 1], place - index)


def _to_display_view(light: Tensor) -> Tensor:
    light = light.clamp(0, MOST_LIGHT)
    display = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    excess = (display - KNEE).clamp(min=0) / (1 - KNEE)
    return torch.where(display <= KNEE, display, KNEE + (1 - KNEE) * excess / (1 + excess))
