"""Mattes by digest."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load, save

from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import raw_name
from rde_roto.stores.ram import RamCache

_PLANES = "planes"


class MatteStore:
    """Arrays [K, H, W] by digest, in RAM and then, where there is a folder, on disk.

    Safe to use from several threads.
    """

    def __init__(self, ram_bytes: int, folder: CacheFolder | None = None) -> None:
        self._ram: RamCache[NDArray[Any]] = RamCache(ram_bytes)
        self._folder = folder

    def get(self, digest: str) -> NDArray[Any] | None:
        """The planes that were put under this digest, read-only; None when they are not here."""
        planes = self._ram.get(digest)
        if planes is None and self._folder is not None:
            data = self._folder.read(raw_name(digest))
            if data is not None:
                planes = self._kept(digest, load(data)[_PLANES])
        return planes

    def put(self, digest: str, planes: NDArray[Any]) -> None:
        """Keeps planes, which must not change from now on."""
        kept = self._kept(digest, planes)
        if self._folder is not None:
            self._folder.write(raw_name(digest), lambda: save({_PLANES: kept}))

    def _kept(self, digest: str, planes: NDArray[Any]) -> NDArray[Any]:
        # a view would keep the whole array it looks into, which may be that of many frames
        kept: NDArray[Any] = planes.view() if planes.base is None else planes.copy()
        kept.flags.writeable = False
        self._ram.put(digest, kept, kept.nbytes)
        return kept
