"""Cryptomatte: soft mattes of named elements, packed into pairs of an id and its coverage.

After "Cryptomatte Specification", version 1.2.0 (Psyop, 2018). One choice is ours: a layer has as
many ranks as elements, up to `_MOST_RANKS`, so that every file of a sequence has the same channels
and no coverage is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import mmh3
import numpy as np
from numpy.typing import NDArray

from rde_roto.values.matte import FloatArray

LAYER = "CryptoElement"

_MOST_RANKS = 16
_EXPONENT_BITS, _EXPONENT_SHIFT, _ALL_ONES = 0xFF, 23, 255


def element_id(name: str) -> int:
    """Return the 32-bit id of a name: MurmurHash3_32 of its UTF-8, adjusted to be a valid float.

    An exponent of all zeros or all ones would mean a denormal, infinity or NaN, which programs may
    alter, so its lowest bit is flipped.
    """
    bits = mmh3.hash(name, signed=False)
    if bits >> _EXPONENT_SHIFT & _EXPONENT_BITS in (0, _ALL_ONES):
        bits ^= 1 << _EXPONENT_SHIFT
    return bits


@dataclass(frozen=True)
class Cryptomatte:
    """The Cryptomatte layer of some elements: its header attributes and its channels."""

    elements: tuple[str, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """The header attributes, including the manifest of names and ids."""
        manifest = {name: f"{element_id(name):08x}" for name in self.elements}
        key = f"cryptomatte/{element_id(LAYER):08x}"[: len("cryptomatte/") + 7]
        return {
            f"{key}/name": LAYER,
            f"{key}/hash": "MurmurHash3_32",
            f"{key}/conversion": "uint32_to_float32",
            f"{key}/manifest": json.dumps(manifest, ensure_ascii=False, separators=(",", ":")),
        }

    def planes(self, alpha: FloatArray) -> dict[str, FloatArray]:
        """Pack alpha [K, H, W] into channels float32 [H, W]: `CryptoElement00.R` and so on.

        R and B hold ids as the bits of a float, G and A their coverages, the largest first; without
        coverage the id is 0 too. Ties are broken by the order of the elements.
        """
        ranks = min(len(self.elements), _MOST_RANKS)
        order = np.argsort(-alpha, axis=0, kind="stable")[:ranks]
        coverage = np.take_along_axis(alpha, order, axis=0)
        ids = np.where(coverage > 0, self._ids[order], np.float32(0))
        planes: dict[str, FloatArray] = {}
        nothing = np.zeros(alpha.shape[1:], np.float32)
        for rank in range(ranks + ranks % 2):
            first, second = "RG" if rank % 2 == 0 else "BA"
            there = rank < ranks
            layer = f"{LAYER}{rank // 2:02}"
            planes[f"{layer}.{first}"] = ids[rank] if there else nothing
            planes[f"{layer}.{second}"] = coverage[rank] if there else nothing
        return planes

    @property
    def _ids(self) -> NDArray[np.float32]:
        bits = np.array([element_id(name) for name in self.elements], np.uint32)
        return bits.view(np.float32)


@dataclass(frozen=True)
class ReadLayer:
    """A Cryptomatte of a file: its channels, and its ids if the header has a manifest.

    `id_channels` and `coverages` correspond, the largest coverage first; `troubles` are problems
    that keep other programs from reading it.
    """

    name: str
    id_channels: tuple[str, ...]
    coverages: tuple[str, ...]
    ids: frozenset[int] | None
    troubles: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """All its channels."""
        return self.id_channels + self.coverages


def read_layers(attributes: Mapping[str, str], channels: Sequence[str]) -> tuple[ReadLayer, ...]:
    """Find the Cryptomattes of a file in the attributes and channels of its header."""
    return tuple(
        _read_layer(key.removesuffix("/name"), name, attributes, channels)
        for key, name in sorted(attributes.items())
        if key.endswith("/name")
    )


def _read_layer(
    stem: str, name: str, attributes: Mapping[str, str], channels: Sequence[str]
) -> ReadLayer:
    fields = {key: attributes.get(f"{stem}/{key}") for key in ("hash", "conversion", "manifest")}
    ranked = re.compile(re.escape(name) + r"\d\d\.([RGBA]|red|green|blue|alpha)")
    found = sorted(channel for channel in channels if ranked.fullmatch(channel))
    places = {channel: channel.rpartition(".")[2][0].upper() for channel in found}
    layers = sorted({channel.rpartition(".")[0] for channel in found})
    by_place = {(channel.rpartition(".")[0], place): channel for channel, place in places.items()}
    whole = [layer for layer in layers if all((layer, place) in by_place for place in "RGBA")]
    ids = _ids_of(fields["manifest"])
    troubles = _troubles(fields, whole == layers and bool(layers), ids)
    if f"{stem}/manif_file" in attributes:
        troubles = (trouble for trouble in troubles if "manifest" not in trouble)
    return ReadLayer(
        name,
        tuple(by_place[layer, place] for layer in whole for place in "RB"),
        tuple(by_place[layer, place] for layer in whole for place in "GA"),
        ids,
        tuple(troubles),
    )


def _troubles(
    fields: Mapping[str, str | None], is_whole: bool, ids: frozenset[int] | None
) -> Iterator[str]:
    if fields["hash"] != "MurmurHash3_32":
        yield f"has the hash {fields['hash']}: expected MurmurHash3_32"
    if fields["conversion"] != "uint32_to_float32":
        yield f"has the conversion {fields['conversion']}: expected uint32_to_float32"
    if not is_whole:
        yield "lacks some of the channels R, G, B and A of its ranks"
    if ids is None:
        yield "has no readable manifest: elements cannot be picked by name"


def _ids_of(manifest: str | None) -> frozenset[int] | None:
    with suppress(ValueError, TypeError, AttributeError, RecursionError):
        return frozenset(int(bits, 16) for bits in json.loads(manifest or "").values())
    return None
