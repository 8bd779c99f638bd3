"""Stores: what has been computed, kept under the digest of what it was computed from.

Everything here can be made again, and nothing is ever out of date: another input has another
digest. torch is imported only when a state is written or read.
"""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import SnapshotKey, pushed_name
from rde_roto.stores.mattes import MatteStore, StoredPlanes
from rde_roto.stores.ram import RamCache
from rde_roto.stores.snapshots import SnapshotStore
from rde_roto.values.cache_settings import CacheSettings

__all__ = [
    "CacheFolder",
    "CacheSettings",
    "MatteStore",
    "SnapshotKey",
    "SnapshotStore",
    "StoredPlanes",
    "Stores",
]
__all__ += ["open_stores"]


@dataclass(frozen=True)
class Stores:
    """What a node keeps.

    snapshots: states of the model's memory. raws: the network's own mattes, uint16 [K, H, W]; RAM,
    then disk. mattes: finished ones, float32 [K, H, W], which are large and quick to finish again,
    so in RAM alone. pushed: frames of plates that a host has pushed, float32 [H, W, 3]; as raws.
    """

    snapshots: SnapshotStore
    raws: MatteStore
    mattes: MatteStore
    pushed: MatteStore

    @classmethod
    def in_ram(cls, ram_bytes: int = 10**9) -> Stores:
        """Stores with nothing on disk."""
        return _stores(ram_bytes, None)


def open_stores(settings: CacheSettings) -> Stores:
    """Stores in RAM, then on disk. The folder is made when something is first written to it."""
    return _stores(settings.ram_bytes, CacheFolder(settings.folder, settings.disk_bytes))


def _stores(ram_bytes: int, folder: CacheFolder | None) -> Stores:
    # Half for states, which take longest to make again; a stream of mattes cannot push them out.
    quarter = ram_bytes // 4
    as_they_came: RamCache[StoredPlanes] = RamCache(quarter)
    return Stores(
        SnapshotStore(2 * quarter, folder),
        raws=MatteStore(as_they_came, folder),
        mattes=MatteStore(RamCache(quarter)),
        pushed=MatteStore(as_they_came, folder, pushed_name),
    )
