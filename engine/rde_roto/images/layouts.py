"""The layouts of mattes in an EXR: channels and header attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from rde_roto.images.cryptomatte import Cryptomatte
from rde_roto.images.origin import Light, Origin
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Output


class Layout(Protocol):
    """The channels of each frame of a sequence, and their header attributes."""

    @property
    def pixel_type(self) -> Literal["half", "float"]:
        """The stored type of the values."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """The attributes of every header."""

    def planes(self, matte: Matte) -> Mapping[str, FloatArray]:
        """Return the channels of a frame by name, float32 [H, W], the plate's data window."""


def exr_layout(origin: Origin, elements: tuple[str, ...], output: Output) -> Layout:
    """Choose the layout for these settings. Raises UsageError for settings that contradict each
    other and for a plate that cannot be cut out.
    """
    if output.format == "cryptomatte":
        if output.compression in ("dwaa", "dwab"):
            raise UsageError(
                f"output.compression={output.compression} loses the ids of a Cryptomatte: "
                "choose zip, zips, piz, rle or none"
            )
        return _Ids(Cryptomatte(elements))
    layers = _layers(elements, output.layer_prefix)
    if output.format == "alpha":
        return _Alpha(layers)
    if origin.light is None:
        raise UsageError("output.format=rgba cuts out the plate, but this plate has no files")
    return _Foreground(layers, origin.light)


def _layers(elements: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    """The prefix of each element's channels; empty for a single element."""
    return ("",) if len(elements) == 1 else tuple(f"{prefix}{element}." for element in elements)


@dataclass(frozen=True)
class _Alpha:
    """`A` for one element, `hero.A` for each of several."""

    layers: tuple[str, ...]
    pixel_type: Literal["half"] = "half"

    @property
    def attributes(self) -> Mapping[str, str]:
        return {}

    def planes(self, matte: Matte) -> Mapping[str, FloatArray]:
        return {f"{layer}A": plane for layer, plane in zip(self.layers, matte.alpha, strict=True)}


@dataclass(frozen=True)
class _Ids:
    """A Cryptomatte."""

    cryptomatte: Cryptomatte
    pixel_type: Literal["float"] = "float"

    @property
    def attributes(self) -> Mapping[str, str]:
        return self.cryptomatte.attributes

    def planes(self, matte: Matte) -> Mapping[str, FloatArray]:
        return self.cryptomatte.planes(matte.alpha)


@dataclass(frozen=True)
class _Foreground:
    """The plate's light times alpha: `R G B A` for one element, `hero.R` and so on for several.

    Where alpha is 0 the light is 0; NaN counts as 0.
    """

    layers: tuple[str, ...]
    light: Light
    pixel_type: Literal["half"] = "half"

    @property
    def attributes(self) -> Mapping[str, str]:
        return {"oiio:ColorSpace": self.light.color_space}

    def planes(self, matte: Matte) -> Mapping[str, FloatArray]:
        light = np.nan_to_num(self.light.read(matte.frame))
        planes: dict[str, FloatArray] = {}
        for layer, alpha in zip(self.layers, matte.alpha, strict=True):
            for place, color in enumerate("RGB"):
                planes[f"{layer}{color}"] = light[..., place] * alpha
            planes[f"{layer}A"] = alpha
        return planes
