"""What an OpenFX host and its plug-ins hand each other: property sets and images.

Rectangles are x1, y1, x2, y2, y upwards. Regions are in canonical coordinates, which are square
pixels at render scale 1; bounds and windows are in an image's own pixels.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS: dict[str, Any] = {
    "OfxBitDepthByte": np.uint8,
    "OfxBitDepthShort": np.uint16,
    "OfxBitDepthHalf": np.float16,
    "OfxBitDepthFloat": np.float32,
}
COMPONENTS = {"OfxImageComponentRGBA": 4, "OfxImageComponentAlpha": 1}
PREMULTIPLIED, STRAIGHT, OPAQUE = (
    "OfxImageAlphaPremultiplied",
    "OfxImageAlphaUnPremultiplied",
    "OfxImageOpaque",
)
UNTOUCHED = 77  # what is behind the rows of an image

Array = NDArray[Any]
Region = tuple[float, float, float, float]

_NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("ofx_properties.json").read_text())


def is_property(kind: str, name: str) -> bool:
    """Whether the standard knows a property of a kind of set, see ofx_properties.json."""
    found: list[str] = _NAMES["sets"].get(kind, [])
    return any(
        is_in_group(part[1:], name) if part.startswith("@") else fnmatchcase(name, part)
        for part in found
    )


def is_in_group(group: str, name: str) -> bool:
    return name in _NAMES["groups"][group]


class Properties(dict[str, list[Any]]):
    """A property set: a name's values, in their order. Its kind says which names it may have."""

    def __init__(self, kind: str = "", /, **values: list[Any]) -> None:
        super().__init__(values)
        self.kind = kind
        unknown = [name for name in values if not is_property(kind, name)]
        assert not unknown, f"this host gives {unknown} to a {kind or 'set of no kind'}"

    def first(self, name: str) -> Any:
        """Its first value; raises KeyError where there is none."""
        return self[name][0]


@dataclass
class Image:
    """Pixels [height, width, channels], row 0 the lowest, with its corner at x, y."""

    pixels: Array
    x: int = 0
    y: int = 0
    premultiplication: str = PREMULTIPLIED
    scale: float = 1.0
    aspect: float = 1.0  # of a pixel
    top_first: bool = False  # in memory, which makes the bytes of a row negative
    padding_bytes: int = 0  # behind each row

    def __post_init__(self) -> None:
        height, width, channels = self.pixels.shape
        row = width * channels * self.pixels.itemsize
        self.pitch = row + self.padding_bytes
        self._memory = np.full((height, self.pitch), UNTOUCHED, np.uint8)
        rows = self._memory[:, :row].reshape(height, row)
        self._rows = rows[::-1] if self.top_first else rows
        self._rows[:] = np.ascontiguousarray(self.pixels).view(np.uint8).reshape(height, row)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        height, width = self.pixels.shape[:2]
        return self.x, self.y, self.x + width, self.y + height

    @property
    def region(self) -> Region:
        """Where it is, in canonical coordinates."""
        x1, y1, x2, y2 = self.bounds
        across, upwards = self.aspect / self.scale, 1 / self.scale
        return x1 * across, y1 * upwards, x2 * across, y2 * upwards

    def at_scale(self, scale: float) -> Image:
        """What a host makes of it for a proxy: every pixel's nearest, the size rounded down."""
        if scale == self.scale or self.scale != 1:  # a test has made a proxy of its own
            return self
        x1, y1, x2, y2 = (math.floor(side * scale) for side in self.bounds)
        x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        across = np.floor((np.arange(x1, x2) + 0.5) / scale).astype(int) - self.x
        upwards = np.floor((np.arange(y1, y2) + 0.5) / scale).astype(int) - self.y
        height, width = self.pixels.shape[:2]
        rows, columns = upwards.clip(0, height - 1), across.clip(0, width - 1)
        return replace(self, pixels=self.pixels[rows][:, columns], x=x1, y=y1, scale=scale)

    def within(self, region: Region) -> Image | None:
        """Exactly its pixels that a region touches; None if there are none."""
        across, upwards = self.scale / self.aspect, self.scale
        x1, x2 = math.floor(region[0] * across + 1e-6), math.ceil(region[2] * across - 1e-6)
        y1, y2 = math.floor(region[1] * upwards + 1e-6), math.ceil(region[3] * upwards - 1e-6)
        left, bottom, right, top = self.bounds
        x1, y1, x2, y2 = max(x1, left), max(y1, bottom), min(x2, right), min(y2, top)
        if x1 >= x2 or y1 >= y2:
            return None
        pixels = self.pixels[y1 - bottom : y2 - bottom, x1 - left : x2 - left]
        return replace(self, pixels=pixels, x=x1, y=y1)

    def read(self) -> Array:
        """The pixels as they are now."""
        return np.ascontiguousarray(self._rows).view(self.pixels.dtype).reshape(self.pixels.shape)

    def padding_is_whole(self) -> bool:
        """Whether nobody wrote behind a row."""
        width = self.pitch - self.padding_bytes
        return bool((self._memory[:, width:] == UNTOUCHED).all())

    def properties(self) -> Properties:
        height, _, channels = self.pixels.shape
        depth = next(n for n, kind in DEPTHS.items() if np.dtype(kind) == self.pixels.dtype)
        first = (height - 1) * self.pitch if self.top_first else 0
        return Properties(
            "Image",
            OfxPropType=["OfxTypeImage"],
            OfxImagePropData=[self._memory.ctypes.data + first],
            OfxImagePropBounds=list(self.bounds),
            OfxImagePropRowBytes=[-self.pitch if self.top_first else self.pitch],
            OfxImagePropPixelAspectRatio=[self.aspect],
            OfxImageEffectPropPixelDepth=[depth],
            OfxImageEffectPropComponents=[next(n for n, c in COMPONENTS.items() if c == channels)],
            OfxImageEffectPropPreMultiplication=[self.premultiplication],
            OfxImageEffectPropRenderScale=[self.scale, self.scale],
        )


def common(one: Region, other: Region) -> Region:
    """What two regions share."""
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def is_in(inner: Region, outer: Region) -> bool:
    """Whether a region lies in another one, but for the arithmetic of a millionth."""
    shared = common(inner, outer)
    empty = inner[0] >= inner[2] or inner[1] >= inner[3]
    return empty or all(abs(a - b) < 1e-6 for a, b in zip(shared, inner, strict=True))
