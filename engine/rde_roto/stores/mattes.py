"""Mattes by digest."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import raw_name
from rde_roto.stores.ram import RamCache
from rde_roto.values.plate import Window

_PLANES, _BOX = "planes", "box"


class Kept(NamedTuple):
    """Planes [K, H, W], and the part of the plate that they show; None for the whole."""

    planes: NDArray[Any]
    box: Window | None = None


class MatteStore:
    """Mattes by digest, in RAM and then, where there is a folder, on disk.

    Safe to use from several threads.
    """

    def __init__(self, ram_bytes: int, folder: CacheFolder | None = None) -> None:
        self._ram: RamCache[Kept] = RamCache(ram_bytes)
        self._folder = folder

    def get(self, digest: str) -> Kept | None:
        """What was put under this digest, read-only; None when it is not here."""
        kept = self._ram.get(digest)
        if kept is None and self._folder is not None:
            data = self._folder.read(raw_name(digest))
            if data is not None:
                tensors = load(data)
                box = Window(*tensors[_BOX].tolist()) if _BOX in tensors else None
                kept = self._kept(digest, tensors[_PLANES], box)
        return kept

    def put(self, digest: str, planes: NDArray[Any], box: Window | None = None) -> None:
        """Keeps planes, which must not change from now on."""
        kept = self._kept(digest, planes, box)
        if self._folder is not None:
            self._folder.write(raw_name(digest), lambda: _saved(kept))

    def _kept(self, digest: str, planes: NDArray[Any], box: Window | None) -> Kept:
        # a view would keep the whole array it looks into, which may be that of many frames
        own: NDArray[Any] = planes.view() if planes.base is None else planes.copy()
        own.flags.writeable = False
        kept = Kept(own, box)
        self._ram.put(digest, kept, own.nbytes)
        return kept


def _saved(kept: Kept) -> bytes:
    tensors = {_PLANES: kept.planes}
    if kept.box is not None:
        tensors[_BOX] = np.array(astuple(kept.box))
    return save(tensors)
