"""Mattes by digest, and what else is planes of a picture."""

from __future__ import annotations

from collections.abc import Callable
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


class StoredPlanes(NamedTuple):
    """Planes [K, H, W], and the part of the plate that they show; None for the whole.

    Of a pushed frame [H, W, 3].
    """

    planes: NDArray[Any]
    box: Window | None = None


class MatteStore:
    """Mattes by digest, in RAM and then, where there is a folder, on disk.

    Safe to use from several threads.

    Args:
        ram: which other stores may use too.
        folder: the cache's.
        name: of the entry of a digest, in that folder.
    """

    def __init__(
        self,
        ram: RamCache[StoredPlanes],
        folder: CacheFolder | None = None,
        name: Callable[[str], str] = raw_name,
    ) -> None:
        self._ram = ram
        self._folder = folder
        self._name = name

    @property
    def room_bytes(self) -> int:
        """About how much it holds at least, beside all else."""
        disk_bytes = 0 if self._folder is None else self._folder.budget_bytes // 2
        return max(self._ram.budget_bytes // 2, disk_bytes)

    def has(self, digest: str) -> bool:
        """Whether something was put under this digest and is here; it counts as used."""
        if self._ram.get(digest) is not None:
            return True
        return self._folder is not None and self._folder.mark_used(self._name(digest))

    def __contains__(self, digest: str) -> bool:
        """Whether ``get`` will find it, unless its file is damaged; nothing is read."""
        on_disk = self._folder is not None and self._folder.holds(self._name(digest))
        return digest in self._ram or on_disk

    def get(self, digest: str) -> StoredPlanes | None:
        """What was put under this digest, read-only; None when it is not here."""
        kept = self._ram.get(digest)
        if kept is None and self._folder is not None:
            data = self._folder.read(self._name(digest))
            if data is not None:
                tensors = load(data)
                box = Window(*tensors[_BOX].tolist()) if _BOX in tensors else None
                kept = self._kept(digest, tensors[_PLANES], box)
        return kept

    def put(self, digest: str, planes: NDArray[Any], box: Window | None = None) -> None:
        """Keeps planes, which must not change from now on."""
        kept = self._kept(digest, planes, box)
        if self._folder is not None:
            self._folder.write(self._name(digest), lambda: _saved(kept))

    def _kept(self, digest: str, planes: NDArray[Any], box: Window | None) -> StoredPlanes:
        # a view would keep the whole array it looks into, which may be that of many frames
        own: NDArray[Any] = planes.view() if planes.base is None else planes.copy()
        own.flags.writeable = False
        kept = StoredPlanes(own, box)
        self._ram.put(digest, kept, own.nbytes)
        return kept


def _saved(kept: StoredPlanes) -> bytes:
    tensors = {_PLANES: kept.planes}
    if kept.box is not None:
        tensors[_BOX] = np.array(astuple(kept.box))
    return save(tensors)
