"""Views and layers of an EXR: which channels of which part make the picture that is asked for.

OpenEXR keeps views (left and right eyes) in two ways, and both are found. In a file of several
parts each says in its attribute `view` where it belongs. Where views share a part, its attribute
`multiView` lists them, the default view first; channels of the others bear the view's name before
their last component: `right.R`, `diffuse.right.R` ("Storing Multi-View Images in OpenEXR Files",
Industrial Light & Magic). A layer is what stands before a channel's last component, `diffuse` in
`diffuse.R`, or else the name of its part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rde_roto.images.files import ImageHeader, lone_channel, no_colors, rgb_channels
from rde_roto.values.errors import InputError


@dataclass(frozen=True)
class Picture:
    """Where the colours of a picture lie: the header of their part, and their channels' names."""

    header: ImageHeader
    channels: tuple[str, ...]


@dataclass(frozen=True)
class PictureName:
    """Which of a file's pictures is meant; None leaves it to the file.

    Of several views that is the default one, of several parts the first with colours, and of its
    layers the one with the shortest name.
    """

    view: str | None = None
    layer: str | None = None

    def find(self, path: Path, parts: Sequence[ImageHeader]) -> Picture:
        """The picture among the parts of the file at `path`.

        Raises InputError, listing those that are there, for a view or layer that is not; and for
        a picture that is neither red, green and blue nor one grey channel.
        """
        channels = [_Channel.of(part, name) for part in parts for name in part.channels]
        channels = self._of_view(path, channels, _views(parts))
        if self.layer is not None:
            channels = self._of_layer(path, channels)
        for part in parts:
            rgb = rgb_channels([channel.name for channel in channels if channel.part is part])
            if rgb is not None:
                return Picture(part, rgb)
        names = [channel.name for channel in channels]
        grey = lone_channel(names)
        if grey is None:
            raise no_colors(path, names)
        return Picture(channels[names.index(grey)].part, (grey,))

    def _of_view(
        self, path: Path, channels: list[_Channel], views: tuple[str, ...]
    ) -> list[_Channel]:
        """The channels of the view, and those that belong to none."""
        if self.view is not None and self.view not in views:
            there = f"it has {', '.join(views)}" if views else "it has none: leave the view out"
            raise InputError(f"{path} has no view '{self.view}': {there}")
        view = self.view or (views[0] if views else None)
        return [channel for channel in channels if channel.view in (view, None)]

    def _of_layer(self, path: Path, channels: list[_Channel]) -> list[_Channel]:
        found = [channel for channel in channels if self.layer in channel.layers]
        if not found:
            layers = _once(channel.layers[0] for channel in channels if channel.layers)
            there = f"it has {', '.join(layers)}" if layers else "it has none: leave the layer out"
            raise InputError(f"{path} has no layer '{self.layer}': {there}")
        return found


FIRST_PICTURE = PictureName()


@dataclass(frozen=True)
class _Channel:
    """A channel, the view it belongs to, and the names its layer goes by, the usual one first."""

    part: ImageHeader
    name: str
    view: str | None
    layers: tuple[str, ...]

    @classmethod
    def of(cls, part: ImageHeader, name: str) -> _Channel:
        layer = name.rpartition(".")[0]
        view = part.view
        if view is None and part.views:
            before, _, last = layer.rpartition(".")
            view, layer = (last, before) if last in part.views else (part.views[0], layer)
        elif view is not None:
            layer = _without_view(layer, view)
        named = part.part_name if view is None else _without_view(part.part_name, view)
        return cls(part, name, view, _once(filter(None, (layer, named, part.part_name))))


def _views(parts: Sequence[ImageHeader]) -> tuple[str, ...]:
    """All views of a file, the default one first."""
    return _once(view for part in parts for view in (*part.views, part.view) if view)


def _without_view(name: str, view: str) -> str:
    """`diffuse` of `diffuse.left` or `diffuse_left`; nothing of `left`."""
    for separator in "._":
        name = name.removesuffix(separator + view)
    return "" if name == view else name


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
