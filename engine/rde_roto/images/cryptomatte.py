"""Cryptomatte: soft mattes of named elements, packed into pairs of an id and its coverage.

After "Cryptomatte Specification", version 1.2.0 (Psyop, 2018), with one thing of ours: a layer has
as many ranks as there are elements, up to `_MOST_RANKS`, so that every file of a sequence has the
same channels and no coverage is lost.
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
    """The 32 bits by which a name is known: MurmurHash3_32 of its UTF-8, made fit to be a float.

    An exponent of only zeros or only ones would be a denormal, infinite or no number at all, which
    programs may change: its lowest bit is turned.
    """
    bits = mmh3.hash(name, signed=False)
    if bits >> _EXPONENT_SHIFT & _EXPONENT_BITS in (0, _ALL_ONES):
        bits ^= 1 << _EXPONENT_SHIFT
    return bits


@dataclass(frozen=True)
class Cryptomatte:
    """The layer of some elements; what it says in every header, and what it is at a frame."""

    elements: tuple[str, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """What the header says, the manifest of names and ids among it."""
        manifest = {name: f"{element_id(name):08x}" for name in self.elements}
        key = f"cryptomatte/{element_id(LAYER):08x}"[: len("cryptomatte/") + 7]
        return {
            f"{key}/name": LAYER,
            f"{key}/hash": "MurmurHash3_32",
            f"{key}/conversion": "uint32_to_float32",
            f"{key}/manifest": json.dumps(manifest, ensure_ascii=False, separators=(",", ":")),
        }

    def planes(self, alpha: FloatArray) -> dict[str, FloatArray]:
        """Alpha [K, H, W] as channels float32 [H, W]: `CryptoElement00.R` and on.

        R and B hold ids as the bits of a float, G and A the coverages that belong to them, the
        largest first; where an element covers nothing its id is 0 too. Of equals, the element that
        comes first.
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
    """A Cryptomatte as a file has it: its channels, and its ids where the header has a manifest.

    `id_channels` and `coverages` belong together, the largest coverage first; `troubles` are what
    keeps other programs from reading it.
    """

    name: str
    id_channels: tuple[str, ...]
    coverages: tuple[str, ...]
    ids: frozenset[int] | None
    troubles: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """All of them."""
        return self.id_channels + self.coverages


def read_layers(attributes: Mapping[str, str], channels: Sequence[str]) -> tuple[ReadLayer, ...]:
    """The Cryptomattes of a file, by the attributes and the channels of its header."""
    return tuple(
        _read_layer(key.removesuffix("/name"), name, attributes, channels)
        for key, name in sorted(attributes.items())
        if key.endswith("/name")
    )


def _read_layer(
    stem: str, name: str, attributes: Mapping[str, str], channels: Sequence[str]
) -> ReadLayer:
    said = {key: attributes.get(f"{stem}/{key}") for key in ("hash", "conversion", "manifest")}
    ranked = re.compile(re.escape(name) + r"\d\d\.([RGBA]|red|green|blue|alpha)")
    found = sorted(channel for channel in channels if ranked.fullmatch(channel))
    places = {channel: channel.rpartition(".")[2][0].upper() for channel in found}
    layers = sorted({channel.rpartition(".")[0] for channel in found})
    by_place = {(channel.rpartition(".")[0], place): channel for channel, place in places.items()}
    whole = [layer for layer in layers if all((layer, place) in by_place for place in "RGBA")]
    ids = _ids_of(said["manifest"])
    troubles = _troubles(said, whole == layers and bool(layers), ids)
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
    said: Mapping[str, str | None], is_whole: bool, ids: frozenset[int] | None
) -> Iterator[str]:
    if said["hash"] != "MurmurHash3_32":
        yield f"has the hash {said['hash']}: expected MurmurHash3_32"
    if said["conversion"] != "uint32_to_float32":
        yield f"has the conversion {said['conversion']}: expected uint32_to_float32"
    if not is_whole:
        yield "lacks some of the channels R, G, B and A of its ranks"
    if ids is None:
        yield "has no manifest that can be read: nobody can pick an element by its name"


def _ids_of(manifest: str | None) -> frozenset[int] | None:
    with suppress(ValueError, TypeError, AttributeError, RecursionError):
        return frozenset(int(bits, 16) for bits in json.loads(manifest or "").values())
    return None
