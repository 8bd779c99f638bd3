"""Chooses the picture to read from a file: its view, its layer and their channels.

`channel_layers` finds the layers of a file. Nothing is guessed: by default the layer is the one in
which programs write the main picture, or the only one; among several others there is no default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.images.channel_layers import (
    DEPTH,
    GREY,
    Layer,
    last_component,
    layers_of,
    unique,
    views_of,
)
from rde_roto.images.files import refuse_unreadable
from rde_roto.images.image_header import ImageHeader
from rde_roto.values.errors import InputError

_SAVE_ONE: Final = "save the mask with one of them alone"
_MAIN: Final = {"": 0, "rgba": 1, "rgb": 1, "combined": 2, "beauty": 3, "c": 4}
"""The layers that a picture is written into, before all others, the likeliest first."""


class LayerError(InputError):
    """A plate's file with several pictures: `layers` names them."""

    def __init__(self, sentence: str, layers: tuple[str, ...]) -> None:
        super().__init__(sentence, keys=("plate.layer",))
        self.layers = layers


@dataclass(frozen=True)
class PictureSource:
    """Where the colours of a picture are: the header of their part and the names of their channels.

    `layer` is "" for channels without a layer. `layer_count` is how many layers of the view have
    colours; `alpha` is the layer's own alpha channel.
    """

    header: ImageHeader
    channels: tuple[str, ...]
    view: str | None = None
    layer: str = ""
    layer_count: int = 1
    alpha: str | None = None

    def same_in(self, path: Path, parts: Sequence[ImageHeader], first: Path) -> PictureSource:
        """Find the same view and layer in another file of the sequence that begins with `first`.

        A grey layer matches only if the first frame's layer is grey.

        Raises InputError, naming both files, if the file has no such layer, or several in parts
        with other names.
        """
        layers = PictureName(self.view).layers(path, parts)
        same = [layer for layer in layers if layer.name == self.layer]
        # in a file with one part, channels without a layer also match by the part's name
        same = same or [one for one in layers if not one.name and self.layer in one.names]
        same = [one for one in same if one.colours or self._matches(one)]
        same = [one for one in same if one.part.part_name == self.header.part_name] or same
        if len(same) > 1:
            advice = f"none is in the part that {first.name} was read from"
            raise InputError(_several(path, _names(same), advice))
        for layer in same:
            refuse_unreadable(path, layer.part)
            return _picture(layer, layer.colours or layer.grey or self.channels, self.layer_count)
        read = f"layer '{self.layer}'" if self.layer else "red, green and blue outside of layers"
        there = ", ".join(name for layer in layers for name in layer.channels) or "nothing"
        raise InputError(f"{path} has no {read}, as {first.name} has: it has {there}")

    def _matches(self, layer: Layer) -> bool:
        """Whether a layer without colours has the single channel that is read."""
        is_grey = len(self.channels) == 1 and last_component(self.channels[0]) in GREY
        return bool(is_grey and layer.grey) or layer.lone == self.channels

    @property
    def words(self) -> Iterator[str]:
        """Describe which picture of its file this is."""
        if self.view is not None:
            yield f"view {self.view}"
        if self.layer:
            yield f"layer {self.layer}{f' of {self.layer_count}' if self.layer_count > 1 else ''}"
        elif self.layer_count > 1:
            yield f"main picture of {self.layer_count}"
        if self.header.part and self.header.part_name not in ("", self.layer):
            yield f"part {self.header.part_name}"
        yield " ".join(channel.rpartition(".")[2] for channel in self.channels)


@dataclass(frozen=True)
class PictureName:
    """Which picture of a file to read; None chooses the default.

    That is the default view. Of its layers it is the one without a name; else rgba, Combined,
    beauty or C, in this order; else the only one that has colours and is not data, such as normals.
    """

    view: str | None = None
    layer: str | None = None

    def find(
        self, path: Path, parts: Sequence[ImageHeader], advice: str | None = None
    ) -> PictureSource:
        """Find the picture among the parts of the file at `path`.

        Raises InputError for an unknown view or layer, listing those in the file; for a picture
        that is neither red, green and blue nor one grey channel; and for a deep one. Raises
        LayerError for an ambiguous choice, or with other `advice` InputError.
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
            names = _names(flat)
            sentence = _several(path, names, advice or "name one")
            raise LayerError(sentence, names) if advice is None else InputError(sentence)
        for layer in flat:
            refuse_unreadable(path, layer.part)
            channels = layer.colours or layer.grey or layer.lone
            return _picture(layer, channels, max(1, len(pictures)))
        for layer in layers:
            refuse_unreadable(path, layer.part)
        raise _no_colours(path, layers)

    def find_mask(
        self, path: Path, parts: Sequence[ImageHeader], besides: PictureSource | None = None
    ) -> PictureSource:
        """Find the picture of a mask.

        Among channels without a layer that is the alpha, the colours or the only channel; else it
        is the layer that has an alpha; else as `find`. Data, such as ids, and the layer of
        `besides` are ignored. `channels` may be empty if the layer has only an alpha. A single
        channel is a mask whatever its name, except a depth.
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
            return _picture(found[0], _mask_colours(found[0]), 1)
        if found:
            raise InputError(_several(path, _names(found), _SAVE_ONE))
        return self.find(path, parts, _SAVE_ONE)

    def layers(self, path: Path, parts: Sequence[ImageHeader]) -> list[Layer]:
        """Return the layers of the view and those without a view, in the order of the file."""
        views = views_of(parts)
        if self.view is not None and self.view not in views:
            there = f"it has {', '.join(views)}" if views else "it has none: leave the view out"
            raise InputError(f"{path} has no view '{self.view}': {there}")
        view = self.view or (views[0] if views else None)
        layers = [layer for part in parts for layer in layers_of(part, len(parts) > 1)]
        return [layer for layer in layers if layer.view in (view, None)]

    def _named(self, path: Path, layers: list[Layer]) -> list[Layer]:
        """The layers with that name; if it is the usual name of some, only those."""
        found = [layer for layer in layers if self.layer in layer.names]
        if not found:
            names = unique(layer.names[0] for layer in layers if layer.names)
            there = f"it has {', '.join(names)}" if names else "it has none: leave the layer out"
            raise InputError(f"{path} has no layer '{self.layer}': {there}")
        return [layer for layer in found if layer.name == self.layer] or found


FIRST_PICTURE = PictureName()


def view_within(view: str | None, parts: Sequence[ImageHeader]) -> str | None:
    """Return the view to read from a file that belongs to `view`: None if the file has no views."""
    return view if views_of(parts) else None


def _picture(layer: Layer, channels: tuple[str, ...], layer_count: int) -> PictureSource:
    return PictureSource(layer.part, channels, layer.view, layer.name, layer_count, layer.alpha)


def _mask_colours(layer: Layer) -> tuple[str, ...]:
    """The colours of a mask, or its only channel unless that is a depth."""
    channels = layer.colours or layer.lone
    return () if channels and last_component(channels[0]) in DEPTH else channels


def _mask_of(layer: Layer) -> tuple[str, ...]:
    """The channels by which a layer could be a mask."""
    return _mask_colours(layer) or (() if layer.alpha is None else (layer.alpha,))


def _main(layers: list[Layer]) -> list[Layer]:
    """The layer with a usual name for the main picture; all layers if there is none."""
    ranks = [_MAIN.get(last_component(layer.name), len(_MAIN)) for layer in layers]
    least = min(ranks, default=0)
    return [layer for layer, rank in zip(layers, ranks, strict=True) if rank == least]


def _names(layers: list[Layer]) -> tuple[str, ...]:
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):  # parts whose layers have the same names
        names = [layer.part.part_name or str(layer.part.part) for layer in layers]
    return tuple(names)


def _several(path: Path, names: tuple[str, ...], advice: str) -> str:
    return f"{path} has {len(names)} pictures, {', '.join(names)}: {advice}"


def _no_colours(path: Path, layers: list[Layer]) -> InputError:
    names = [channel for layer in layers for channel in (*layer.channels, *layer.ids)]
    ids = any(layer.ids for layer in layers)
    data = [layer.name for layer in layers if layer.colours]
    meant = f"; {data[0]} is data: name it as the layer if it is meant" if data else ""
    meant += "; 32-bit integers are ids" if ids else ""
    there = ", ".join(names) or "none"
    keys = ("plate.layer",) if data else ()
    return InputError(
        f"{path} has no red, green and blue channels: it has {there}{meant}", keys=keys
    )
