"""A plate's own values brought to the network's view, on whatever device they are."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from rde_roto.values.input_transform import KNEE, MOST_LIGHT, InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

_STRIP_PX = 1 << 20
"""Worked out in one go: a whole plate at a time would go to and from memory dozens of times."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame of a plate: its pixels, float32 [H, W, 3], and what is left to do to them."""

    pixels: FloatArray
    input_transform: InputTransform | None = None

    @classmethod
    def of(cls, plate: Plate, frame: int) -> Picture:
        """Raises as ``plate.read`` does."""
        return cls(plate.read(frame), plate.input_transform)

    def within(self, part: tuple[slice, slice]) -> Picture:
        """Some of its rows and columns, as they are."""
        return Picture(self.pixels[part], self.input_transform)

    def to_network_view(self) -> Tensor:
        """What the network sees of it, on the CPU, as `apply_input_transform` makes it."""
        return apply_input_transform(torch.from_numpy(self.pixels), self.input_transform)


class Pictures:
    """A plate's frames, of which the last few that were read are kept: what is tracked is soon
    finished too. Threads may share it.

    Args:
        plate: their source.
        kept: how many.
    """

    def __init__(self, plate: Plate, kept: int) -> None:
        self._plate = plate
        self._kept = kept
        self._recent: OrderedDict[int, Picture] = OrderedDict()
        self._lock = Lock()

    def __call__(self, frame: int) -> Picture:
        """A frame. Raises as ``plate.read`` does."""
        with self._lock:
            picture = self._recent.get(frame)
        picture = picture or Picture.of(self._plate, frame)
        with self._lock:
            self._recent[frame] = picture
            self._recent.move_to_end(frame)
            while len(self._recent) > self._kept:
                self._recent.popitem(last=False)
        return picture


@torch.inference_mode()
def apply_input_transform(values: Tensor, input_transform: InputTransform | None) -> Tensor:
    """What the network sees of a plate's values, float32 [..., W, 3]: in 0..1, every value finite.

    Without a transform the values are the view already, and come back themselves. No pixel depends
    on another. The view is that of `images.color.to_network_view`.
    """
    if input_transform is None:
        return values
    curves = torch.from_numpy(input_transform.curves).to(values.device)
    view = torch.empty_like(values)
    rows, made_rows = values.flatten(0, -3), view.flatten(0, -3)
    strip = max(1, _STRIP_PX // values.shape[-2])
    for given, made in zip(rows.split(strip), made_rows.split(strip), strict=True):
        bent = [_bent(given[..., c], curve, input_transform) for c, curve in enumerate(curves)]
        for c, factors in enumerate(input_transform.matrix.tolist()):
            red, green, blue = (factor * one for factor, one in zip(factors, bent, strict=True))
            made[..., c] = _view(red + green + blue)
    return view


def _bent(channel: Tensor, curve: Tensor, input_transform: InputTransform) -> Tensor:
    steps = len(curve) - 1
    scale = steps / (input_transform.high - input_transform.low)
    place = (
        channel.nan_to_num(0).clamp(input_transform.low, input_transform.high) - input_transform.low
    ) * scale
    index = place.long().clamp(max=steps - 1)
    return torch.lerp(curve[index], curve[index + 1], place - index)


def _view(light: Tensor) -> Tensor:
    light = light.clamp(0, MOST_LIGHT)
    display = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    excess = (display - KNEE).clamp(min=0) / (1 - KNEE)
    return torch.where(display <= KNEE, display, KNEE + (1 - KNEE) * excess / (1 + excess))
