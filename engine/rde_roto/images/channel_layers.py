"""The layers of a file: how its channels belong together.

OpenEXR stores views (left and right eye) in two ways, and both are supported. In a file with
several parts, each part names its view in the attribute `view`. Where views share a part, its
attribute `multiView` lists them, the default view first; channels of the other views have the
view's name before their last component: `right.R`, `diffuse.right.R` ("Storing Multi-View Images in
OpenEXR Files", Industrial Light & Magic). A layer is what precedes a channel's last component,
`diffuse` in `diffuse.R`, or else the name of its part; in a file with one part, channels without a
prefix belong to no layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from rde_roto.images.image_header import ImageHeader

_COLOURS: Final = {"R": ("r", "red"), "G": ("g", "green"), "B": ("b", "blue")}
_ALPHA: Final = ("a", "alpha")
GREY: Final = ("y", "l", "luma", "luminance", "grey", "gray", "bw")
DEPTH: Final = ("z", "zback", "depth")

# what is stored as three channels, often even named R, G and B, and is no picture
_DATA: Final = re.compile(
    r"n|p|st|uv|id|ids|z|depth|position|[pn]_?(world|ref|cam)|world_?position|"
    r"vectors?|velocity|mv|.*_mv|mv_.*|forward|backward|speed|"
    r".*(normal|motion|crypto).*|denoising_?depth",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layer:
    """Channels of one part that belong together.

    `name` is "" for channels without a layer; `names` are all names of the layer, the usual one
    first. `channels` are full names; `ids` are channels of 32-bit integers.
    """

    part: ImageHeader
    view: str | None
    name: str
    names: tuple[str, ...]
    channels: tuple[str, ...]
    ids: tuple[str, ...] = ()

    @cached_property
    def colours(self) -> tuple[str, ...]:
        """The names of red, green and blue; empty if one of them is missing."""
        rgb = [self._called(color, *words) for color, words in _COLOURS.items()]
        found = tuple(channel for channel in rgb if channel is not None)
        return found if len(found) == len(rgb) else ()

    @property
    def alpha(self) -> str | None:
        return self._called("A", *_ALPHA)

    @property
    def lone(self) -> tuple[str, ...]:
        """The only channel besides alpha, whatever its name; empty if there are several."""
        found = tuple(channel for channel in self.channels if last_component(channel) not in _ALPHA)
        return found if len(found) == 1 else ()

    @property
    def grey(self) -> tuple[str, ...]:
        """The only channel besides alpha and depth, if it is brightness; else empty."""
        beside = (*_ALPHA, *DEPTH)
        found = tuple(channel for channel in self.channels if last_component(channel) not in beside)
        return found if len(found) == 1 and last_component(found[0]) in GREY else ()

    @property
    def is_data(self) -> bool:
        """Whether the channels are data such as normals or a Cryptomatte's ids."""
        cryptomattes = self.part.cryptomatte
        ids = [text for key, text in cryptomattes.items() if key.endswith("/name")]
        is_ids = any(re.fullmatch(re.escape(name) + r"\d\d", self.name) for name in ids)
        return is_ids or _DATA.fullmatch(last_component(self.name)) is not None

    def _called(self, exact: str, *words: str) -> str | None:
        """The channel with that exact name, or else the only one with one of these names."""
        found = [channel for channel in self.channels if last_component(channel) in words]
        plain = [channel for channel in found if channel.rpartition(".")[2] == exact]
        found = plain or found
        return found[0] if len(found) == 1 else None


def layers_of(part: ImageHeader, is_one_of_several: bool) -> list[Layer]:
    places: dict[tuple[str | None, str], list[str]] = {}
    for name in part.channels:
        places.setdefault(_place(part, name), []).append(name)
    types = dict(zip(part.channels, part.channel_types, strict=True))
    found = []
    for (view, prefix), names in places.items():
        ids = tuple(name for name in names if part.kind == "openexr" and types[name] == "uint")
        channels = tuple(name for name in names if name not in ids)
        named = part.part_name if view is None else _without_view(part.part_name, view)
        layer = prefix or (named if is_one_of_several else "")
        goes_by = unique(filter(None, (prefix, named, part.part_name)))
        found.append(Layer(part, view, layer, goes_by, channels, ids))
    return found


def _place(part: ImageHeader, channel: str) -> tuple[str | None, str]:
    """The view of a channel, and the layer in its name."""
    layer = channel.rpartition(".")[0]
    if part.view is not None:
        return part.view, _without_view(layer, part.view)
    if not part.views:
        return None, layer
    before, _, last = layer.rpartition(".")
    return (last, before) if last in part.views else (part.views[0], layer)


def views_of(parts: Sequence[ImageHeader]) -> tuple[str, ...]:
    """Return all views of a file, the default first."""
    return unique(view for part in parts for view in (*part.views, part.view) if view)


def _without_view(name: str, view: str) -> str:
    """`diffuse` for `diffuse.left` or `diffuse_left`; empty for `left`."""
    for separator in "._":
        name = name.removesuffix(separator + view)
    return "" if name == view else name


def last_component(name: str) -> str:
    """Return the last component of a name, in lower case."""
    return name.rpartition(".")[2].lower()


def unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
