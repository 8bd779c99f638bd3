"""Mattes and pushed plate frames by digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from rde_roto.background import Later, at_once
from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import raw_name
from rde_roto.stores.ram import RamCache
from rde_roto.values.plate import Window

_PLANES, _BOX = "planes", "box"


class StoredPlanes(NamedTuple):
    """Planes [K, H, W], or a pushed frame [H, W, 3]; ``box`` is the part of the plate that they
    show, None for the whole.
    """

    planes: NDArray[Any]
    box: Window | None = None


class MatteStore:
    """Mattes by digest, in RAM and then, if there is a folder, on disk. Thread-safe.

    Args:
        ram: the RAM cache; other stores may share it.
        folder: the cache folder.
        name: gives the name of a digest's entry in that folder.
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
        """Roughly how much this store can hold at least."""
        disk_bytes = 0 if self._folder is None else self._folder.budget_bytes // 2
        return max(self._ram.budget_bytes // 2, disk_bytes)

    def touch(self, digest: str) -> bool:
        """Mark what is stored under a digest as used; returns whether it exists."""
        if self._ram.get(digest) is not None:
            return True
        return self._folder is not None and self._folder.mark_used(self._name(digest))

    def __contains__(self, digest: str) -> bool:
        """Whether ``get`` finds it, unless its file is damaged; reads nothing and marks nothing."""
        on_disk = self._folder is not None and self._folder.holds(self._name(digest))
        return digest in self._ram or on_disk

    def lister(self) -> Callable[[str], bool]:
        """Return ``__contains__`` for many digests: the disk is listed once, not asked for each."""
        if self._folder is None:
            return self._ram.__contains__
        ram, name, is_on_disk = self._ram, self._name, self._folder.lister()
        return lambda digest: digest in ram or is_on_disk(name(digest))

    def get(self, digest: str) -> StoredPlanes | None:
        """Return what is stored under this digest, read-only; None if there is nothing."""
        stored = self._ram.get(digest)
        if stored is None and self._folder is not None:
            data = self._folder.read(self._name(digest))
            if data is not None:
                tensors = load(data)
                box = Window(*tensors[_BOX].tolist()) if _BOX in tensors else None
                stored = self._remember(digest, tensors[_PLANES], box)
        return stored

    def put(
        self,
        digest: str,
        planes: NDArray[Any],
        box: Window | None = None,
        later: Later = at_once,
    ) -> None:
        """Store planes, in RAM now and on disk ``later``; the array must not change from now on."""
        stored, folder = self._remember(digest, planes, box), self._folder
        if folder is not None:
            later(lambda: folder.write(self._name(digest), lambda: _saved(stored)))

    def _remember(self, digest: str, planes: NDArray[Any], box: Window | None) -> StoredPlanes:
        # a view would keep its whole base array alive, which may hold many frames
        own: NDArray[Any] = planes.view() if planes.base is None else planes.copy()
        own.flags.writeable = False
        stored = StoredPlanes(own, box)
        self._ram.put(digest, stored, own.nbytes)
        return stored


def _saved(stored: StoredPlanes) -> bytes:
    tensors = {_PLANES: stored.planes}
    if stored.box is not None:
        tensors[_BOX] = np.array(astuple(stored.box))
    return save(tensors)
