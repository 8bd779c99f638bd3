"""A reader of Cryptomattes, after the specification (version 1.2.0) and nothing of the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from image_files import read_image
from numpy.typing import NDArray

MASK = 0xFFFFFFFF


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32 (Austin Appleby, public domain)."""

    def mixed(block: int) -> int:
        block = block * 0xCC9E2D51 & MASK
        block = (block << 15 | block >> 17) & MASK
        return block * 0x1B873593 & MASK

    whole = len(data) - len(data) % 4
    state = seed
    for start in range(0, whole, 4):
        state ^= mixed(int.from_bytes(data[start : start + 4], "little"))
        state = (state << 13 | state >> 19) & MASK
        state = (state * 5 + 0xE6546B64) & MASK
    if data[whole:]:
        state ^= mixed(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = (state ^ state >> shift) * factor & MASK
    return state ^ state >> 16


@dataclass(frozen=True)
class ReadCryptomatte:
    """What a file says: the layer, its manifest, and ranks of ids (as bits) and coverages."""

    layer: str
    manifest: dict[str, int]
    ranks: list[tuple[NDArray[np.uint32], NDArray[np.float32]]]

    def matte(self, name: str) -> NDArray[np.float32]:
        """The coverage of one object, [H, W]."""
        found = [np.where(ids == self.manifest[name], cover, 0) for ids, cover in self.ranks]
        matte: NDArray[np.float32] = np.sum(found, axis=0, dtype=np.float32)
        return matte


def read_cryptomatte(path: Path) -> ReadCryptomatte:
    """The only Cryptomatte of a file."""
    spec, pixels = read_image(path)
    said = {attribute.name: str(attribute.value) for attribute in spec.extra_attribs}
    (key,) = (name for name in said if name.startswith("cryptomatte/") and name.endswith("/name"))
    stem = key.removesuffix("name")
    layer = said[key]
    assert stem == f"cryptomatte/{murmur3_32(layer.encode()):08x}"[:19] + "/"
    assert said[f"{stem}hash"] == "MurmurHash3_32"
    assert said[f"{stem}conversion"] == "uint32_to_float32"
    manifest = {name: int(bits, 16) for name, bits in json.loads(said[f"{stem}manifest"]).items()}
    ranks = list(_ranks(layer, spec.channelnames, pixels))
    return ReadCryptomatte(layer, manifest, ranks)


def _ranks(
    layer: str, channels: tuple[str, ...], pixels: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.float32]]]:
    for number in range(len(channels) // 4):
        for id_channel, cover_channel in ("RG", "BA"):
            names = (f"{layer}{number:02}.{id_channel}", f"{layer}{number:02}.{cover_channel}")
            ids, cover = (np.ascontiguousarray(pixels[..., channels.index(n)]) for n in names)
            yield ids.view(np.uint32), cover
