"""Which channels of a file are mattes, and whether compositors can find them by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rde_roto.images.cryptomatte import ReadLayer, read_layers
from rde_roto.images.image_header import ImageHeader, lone_channel
from rde_roto.images.validation.findings import Fault

_PICTURE = {"R", "G", "B", "A", "Z"}
_SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOSSY = {"dwaa", "dwab", "b44", "b44a", "pxr24"}


@dataclass(frozen=True)
class MatteChannels:
    """The channels of one part of a file: soft mattes and Cryptomatte layers."""

    header: ImageHeader
    mattes: tuple[str, ...]
    layers: tuple[ReadLayer, ...]

    @classmethod
    def of(cls, header: ImageHeader) -> MatteChannels:
        """A matte is `A`, `<element>.A` or, except in EXRs, the only grey channel."""
        layers = read_layers(header.cryptomatte, header.channels)
        ids = {channel for layer in layers for channel in layer.channels}
        free = tuple(channel for channel in header.channels if channel not in ids)
        mattes = tuple(channel for channel in free if channel.rpartition(".")[2] == "A")
        grey = lone_channel(free)
        if not mattes and grey is not None and header.kind != "openexr":
            mattes = (grey,)
        return cls(header, mattes, layers)

    def faults(self) -> Iterator[Fault]:
        """Check bit depths, names and the Cryptomatte attributes of the header."""
        yield from self._depths()
        yield from self._names()
        for layer in self.layers:
            for trouble in layer.troubles:
                yield "names", f"the Cryptomatte {layer.name} {trouble}"

    def _depths(self) -> Iterator[Fault]:
        types = dict(zip(self.header.channels, self.header.channel_types, strict=True))
        own = {types[matte] for matte in self.mattes}
        if own & {"uint8", "int8"}:
            yield "depth", "expected half floats or 16 bits, got 8 bits: soft edges have steps"
        strange = sorted(own - {"uint8", "int8", "uint16", "half", "float", "double"})
        if strange:
            yield (
                "depth",
                f"expected half floats, got {strange[0]}, which compositors do not read",
            )
        packed = self.header.compression.partition(":")[0].lower()
        for layer in self.layers:
            narrow = sorted({types[channel] for channel in layer.channels} - {"float"})
            if narrow:
                yield "depth", f"expected a Cryptomatte of 32-bit floats, got {narrow[0]}"
            if packed in _LOSSY:
                yield "depth", f"{packed} compression destroys a Cryptomatte's ids: use zip or zips"

    def _names(self) -> Iterator[Fault]:
        if not self.mattes and not self.layers:
            got = ", ".join(self.header.channels)
            yield "names", f"expected A, or an element's layer such as hero.A, got {got}"
        ids = {channel for layer in self.layers for channel in layer.channels}
        for channel in self.header.channels:
            layer, _, last = channel.rpartition(".")
            if channel in ids:
                continue
            if not layer and self.mattes and channel not in (*_PICTURE, *self.mattes):
                yield "names", f"the channel {channel} has no layer: call it {channel}.A"
            elif layer and layer.replace(".", "").isdigit():
                yield "names", f"the layer of {channel} is only a number: give the element a name"
            elif layer and not all(map(_SAFE.fullmatch, [*layer.split("."), last])):
                yield "names", f"{channel} is not a safe name: use letters a-z, digits and _"
