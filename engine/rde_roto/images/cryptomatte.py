"""Cryptomatte: soft mattes of named elements, packed into pairs of an id and its coverage.

After "Cryptomatte Specification", version 1.2.0 (Psyop, 2018), with one thing of ours: a layer has
as many ranks as there are elements, up to `_MOST_RANKS`, so that every file of a sequence has the
same channels and no coverage is lost.
"""

from __future__ import annotations

import json
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
