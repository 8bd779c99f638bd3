"""Views and layers of a file: which channels of which part make the picture that is asked for.

OpenEXR keeps views (left and right eyes) in two ways, and both are found. In a file of several
parts each says in its attribute `view` where it belongs. Where views share a part, its attribute
`multiView` lists them, the default view first; channels of the others bear the view's name before
their last component: `right.R`, `diffuse.right.R` ("Storing Multi-View Images in OpenEXR Files",
Industrial Light & Magic). A layer is what stands before a channel's last component, `diffuse` in
`diffuse.R`, or else the name of its part; the channels of a lone part are bare where nothing stands
before them.

Nothing is guessed. Where nobody names a layer, it is the one that programs write the picture into,
or the only one; of several others none is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from rde_roto.images.files import ImageHeader, refuse_unreadable
from rde_roto.values.errors import InputError

_COLOURS: Final = {"R": ("r", "red"), "G": ("g", "green"), "B": ("b", "blue")}
_NAME_A_LAYER: Final = "name one, with --layer or as the plate's layer in a shot document"
_SAVE_ONE: Final = "save the mask with one of them alone"
_ALPHA: Final = ("a", "alpha")
_GREY: Final = ("y", "l", "luma", "luminance", "grey", "gray", "bw")
_DEPTH: Final = ("z", "zback", "depth")

_MAIN: Final = {"": 0, "rgba": 1, "rgb": 1, "combined": 2, "beauty": 3, "c": 4}
"""The layers that a picture is written into, before all others, the likeliest first."""

# what is stored as three channels, often even named R, G and B, and is no picture
_DATA: Final = re.compile(
    r"n|p|st|uv|id|ids|z|depth|position|[pn]_?(world|ref|cam)|world_?position|"
    r"vectors?|velocity|mv|.*_mv|mv_.*|forward|backward|speed|"
    r".*(normal|motion|crypto).*|denoising_?depth",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Picture:
    """Where the colours of a picture lie: the header of their part, and their channels' names.

    `layer` is "" for bare channels. `of` is how many layers of the view have colours, `alpha` the
    layer's own channel of it.
    """

    header: ImageHeader
    channels: tuple[str, ...]
    view: str | None = None
    layer: str = ""
    of: int = 1
    alpha: str | None = None

    def again(self, path: Path, parts: Sequence[ImageHeader], first: Path) -> Picture:
        """The same view and layer in another file of the sequence that `first` belongs to.

        A grey layer is the same only where the first frame's was grey.

        Raises InputError, naming both files, where it has none, or several of that name in parts
        that are called otherwise.
        """
        layers = PictureName(self.view).layers(path, parts)
        same = [layer for layer in layers if layer.name == self.layer]
        # bare channels of a lone part bear their part's name
        same = same or [one for one in layers if not one.name and self.layer in one.names]
        same = [one for one in same if one.colours or self._is_again(one)]
        same = [one for one in same if one.part.part_name == self.header.part_name] or same
        if len(same) > 1:
            raise _several(path, same, f"none lies in the part that {first.name} was read from")
        for layer in same:
            refuse_unreadable(path, layer.part)
            return layer.picture(layer.colours or layer.grey or self.channels, self.of)
        read = f"layer '{self.layer}'" if self.layer else "red, green and blue outside of layers"
        there = ", ".join(name for layer in layers for name in layer.channels) or "nothing"
        raise InputError(
            f"{path} has no {read}, which is what {first.name} was read by: it has {there}"
        )

    def _is_again(self, layer: _Layer) -> bool:
        """Whether a layer without colours has the one channel that is read."""
        is_grey = len(self.channels) == 1 and _word(self.channels[0]) in _GREY
        return bool(is_grey and layer.grey) or layer.lone == self.channels

    @property
    def words(self) -> Iterator[str]:
        """What it is among the pictures of its file, as people say it."""
        if self.view is not None:
            yield f"view {self.view}"
        if self.layer:
            yield f"layer {self.layer}{f' of {self.of}' if self.of > 1 else ''}"
        elif self.of > 1:
            yield f"main picture of {self.of}"
        if self.header.part and self.header.part_name not in ("", self.layer):
            yield f"part {self.header.part_name}"
        yield " ".join(channel.rpartition(".")[2] for channel in self.channels)


@dataclass(frozen=True)
class PictureName:
    """Which of a file's pictures is meant; None leaves it to the file.

    Of several views that is then the default one. Of its layers it is the bare one; else rgba,
    Combined, beauty or C, in this order; else the only one that has colours and is no data, such
    as normals.
    """

    view: str | None = None
    layer: str | None = None

    def find(
        self, path: Path, parts: Sequence[ImageHeader], advice: str = _NAME_A_LAYER
    ) -> Picture:
        """The picture among the parts of the file at `path`.

        Raises InputError, listing those that are there, for a view or layer that is not, and, with
        the advice, where several may be meant; for a picture that is neither red, green and blue
        nor one grey channel, and for one that is deep.
        """
        layers = self.layers(path, parts)
        pictures = [layer for layer in layers if not layer.part.is_deep and layer.colours]
        if self.layer is None:
            found = _main([layer for layer in pictures if not layer.is_data])
            found = found or _main([layer for layer in layers if layer.grey and not layer.is_data])
        else:
            layers = self._named(path, layers)
            found = [layer for layer in layers if layer.colours or layer.grey or layer.lone]
        flat = [layer for layer in found if not layer.part.is_deep]
        if len(flat) > 1:
            raise _several(path, flat, advice)
        for layer in flat:
            refuse_unreadable(path, layer.part)
            channels = layer.colours or layer.grey or layer.lone
            return layer.picture(channels, max(1, len(pictures)))
        for layer in layers:
            refuse_unreadable(path, layer.part)
        raise _no_colours(path, layers)

    def find_mask(
        self, path: Path, parts: Sequence[ImageHeader], besides: Picture | None = None
    ) -> Picture:
        """The picture of a mask: of bare channels the alpha, the colours or the lone one; else of
        the layer that has an alpha; else as `find`. Data, such as ids, is none, nor are
        layers of the name and part of `besides`.

        Its `channels` may be none, where the layer has nothing but its alpha. A lone channel is
        a mask whatever it is called, but for a depth.
        """
        layers = [
            layer
            for layer in self.layers(path, parts)
            if not layer.part.is_deep and not (layer.name and layer.is_data)
            if besides is None or (layer.part, layer.name) != (besides.header, besides.layer)
        ]
        found = [layer for layer in layers if not layer.name and _mask_of(layer)]
        found = found or [layer for layer in layers if layer.alpha]
        if not found:
            found = [layer for layer in layers if _mask_of(layer)]
        found = _main(found)
        if len(found) == 1:
            return found[0].picture(_mask_colours(found[0]), 1)
        if found:
            raise _several(path, found, _SAVE_ONE)
        return self.find(path, parts, _SAVE_ONE)

    def layers(self, path: Path, parts: Sequence[ImageHeader]) -> list[_Layer]:
        """The layers of the view, and those that belong to none, in the order of the file."""
        views = _views(parts)
        if self.view is not None and self.view not in views:
            there = f"it has {', '.join(views)}" if views else "it has none: leave the view out"
            raise InputError(f"{path} has no view '{self.view}': {there}")
        view = self.view or (views[0] if views else None)
        layers = [layer for part in parts for layer in _layers(part, len(parts) > 1)]
        return [layer for layer in layers if layer.view in (view, None)]

    def _named(self, path: Path, layers: list[_Layer]) -> list[_Layer]:
        """The layers that go by the name; of these, the one whose usual name it is."""
        found = [layer for layer in layers if self.layer in layer.names]
        if not found:
            names = _once(layer.names[0] for layer in layers if layer.names)
            there = f"it has {', '.join(names)}" if names else "it has none: leave the layer out"
            raise InputError(f"{path} has no layer '{self.layer}': {there}")
        return [layer for layer in found if layer.name == self.layer] or found


FIRST_PICTURE = PictureName()


def view_within(view: str | None, parts: Sequence[ImageHeader]) -> str | None:
    """The view to ask a file for that is of one view by its place or its plate: none where the file
    tells no views apart.
    """
    return view if _views(parts) else None


@dataclass(frozen=True)
class _Layer:
    """Channels of one part that belong together.

    `name` is "" for bare channels, `names` are all that it goes by, the usual one first. Channels
    are by their full names, `ids` those that hold whole numbers of 32 bits.
    """

    part: ImageHeader
    view: str | None
    name: str
    names: tuple[str, ...]
    channels: tuple[str, ...]
    ids: tuple[str, ...] = ()

    def picture(self, channels: tuple[str, ...], of: int) -> Picture:
        return Picture(self.part, channels, self.view, self.name, of, self.alpha)

    @cached_property
    def colours(self) -> tuple[str, ...]:
        """The names of red, green and blue; none where one of them is lacking."""
        rgb = [self._called(color, *words) for color, words in _COLOURS.items()]
        found = tuple(channel for channel in rgb if channel is not None)
        return found if len(found) == len(rgb) else ()

    @property
    def alpha(self) -> str | None:
        return self._called("A", *_ALPHA)

    @property
    def lone(self) -> tuple[str, ...]:
        """The one channel besides alpha, whatever it is called; none where there are others."""
        found = tuple(channel for channel in self.channels if _word(channel) not in _ALPHA)
        return found if len(found) == 1 else ()

    @property
    def grey(self) -> tuple[str, ...]:
        """The one channel of brightness; none where there are others, alpha and depth apart."""
        beside = (*_ALPHA, *_DEPTH)
        found = tuple(channel for channel in self.channels if _word(channel) not in beside)
        return found if len(found) == 1 and _word(found[0]) in _GREY else ()

    @property
    def is_data(self) -> bool:
        """Whether the three channels are normals, a Cryptomatte's ids and the like."""
        said = self.part.cryptomatte
        ids = [text for key, text in said.items() if key.endswith("/name")]
        is_ids = any(re.fullmatch(re.escape(name) + r"\d\d", self.name) for name in ids)
        return is_ids or _DATA.fullmatch(_word(self.name)) is not None

    def _called(self, exact: str, *words: str) -> str | None:
        """The channel of that name, or else the only one that bears one of these."""
        found = [channel for channel in self.channels if _word(channel) in words]
        plain = [channel for channel in found if channel.rpartition(".")[2] == exact]
        found = plain or found
        return found[0] if len(found) == 1 else None


def _mask_colours(layer: _Layer) -> tuple[str, ...]:
    """The colours of a mask, or its lone channel, a depth being none."""
    channels = layer.colours or layer.lone
    return () if channels and _word(channels[0]) in _DEPTH else channels


def _mask_of(layer: _Layer) -> tuple[str, ...]:
    """The channels that a layer could be a mask by."""
    return _mask_colours(layer) or (() if layer.alpha is None else (layer.alpha,))


def _main(layers: list[_Layer]) -> list[_Layer]:
    """The layer that the picture is written into; where there is no such layer, all of them."""
    ranks = [_MAIN.get(_word(layer.name), len(_MAIN)) for layer in layers]
    least = min(ranks, default=0)
    return [layer for layer, rank in zip(layers, ranks, strict=True) if rank == least]


def _layers(part: ImageHeader, is_one_of_several: bool) -> list[_Layer]:
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
        goes_by = _once(filter(None, (prefix, named, part.part_name)))
        found.append(_Layer(part, view, layer, goes_by, channels, ids))
    return found


def _place(part: ImageHeader, channel: str) -> tuple[str | None, str]:
    """The view of a channel, and what its name says of its layer."""
    layer = channel.rpartition(".")[0]
    if part.view is not None:
        return part.view, _without_view(layer, part.view)
    if not part.views:
        return None, layer
    before, _, last = layer.rpartition(".")
    return (last, before) if last in part.views else (part.views[0], layer)


def _several(path: Path, layers: list[_Layer], advice: str) -> InputError:
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):  # of parts that name their layers alike
        names = [layer.part.part_name or str(layer.part.part) for layer in layers]
    return InputError(f"{path} has {len(layers)} pictures, {', '.join(names)}: {advice}")


def _no_colours(path: Path, layers: list[_Layer]) -> InputError:
    names = [channel for layer in layers for channel in (*layer.channels, *layer.ids)]
    ids = any(layer.ids for layer in layers)
    data = [layer.name for layer in layers if layer.colours]
    meant = f"; {data[0]} is data: name it with --layer if it is meant" if data else ""
    meant += "; whole numbers of 32 bits are ids" if ids else ""
    there = ", ".join(names) or "none"
    return InputError(f"{path} has no red, green and blue channels: it has {there}{meant}")


def _views(parts: Sequence[ImageHeader]) -> tuple[str, ...]:
    """All views of a file, the default one first."""
    return _once(view for part in parts for view in (*part.views, part.view) if view)


def _without_view(name: str, view: str) -> str:
    """`diffuse` of `diffuse.left` or `diffuse_left`; nothing of `left`."""
    for separator in "._":
        name = name.removesuffix(separator + view)
    return "" if name == view else name


def _word(name: str) -> str:
    """The last component of a name, in small letters."""
    return name.rpartition(".")[2].lower()


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
