"""Stores: what has been computed, kept under the digest of what it was computed from.

Everything here can be computed again, and nothing is ever out of date: a changed input has another
digest. torch is imported only when a state is written or read.
"""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import SnapshotKey, pushed_name
from rde_roto.stores.mattes import MatteStore, StoredPlanes
from rde_roto.stores.ram import RamCache
from rde_roto.stores.snapshots import SnapshotStore
from rde_roto.values.arguments import require
from rde_roto.values.cache_settings import CacheSettings

__all__ = [
    "CacheFolder",
    "CacheSettings",
    "MatteStore",
    "SnapshotKey",
    "SnapshotStore",
    "StoredPlanes",
    "Stores",
    "open_stores",
]


@dataclass(frozen=True)
class Stores:
    """The four stores of a node.

    snapshots: states of the model's memory. raws: the network's own mattes, uint16 [K, H, W], in
    RAM, then on disk. mattes: finished mattes, float32 [K, H, W]; they are large and quick to
    finish again, so they stay in RAM. pushed: plate frames that a host has pushed, float32
    [H, W, 3], in RAM, then on disk.
    """

    snapshots: SnapshotStore
    raws: MatteStore
    mattes: MatteStore
    pushed: MatteStore

    @classmethod
    def in_ram(cls, ram_bytes: int = 10**9) -> Stores:
        """Create stores that keep nothing on disk."""
        return _stores(ram_bytes, None)


def open_stores(settings: CacheSettings) -> Stores:
    """Open stores in RAM, then on disk. The folder is created by the first write."""
    require(settings, CacheSettings, "CacheSettings, such as CacheSettings.from_environment()")
    return _stores(settings.ram_bytes, CacheFolder(settings.folder, settings.disk_bytes))


def _stores(ram_bytes: int, folder: CacheFolder | None) -> Stores:
    # Half for states, which take longest to compute again: a stream of mattes cannot evict them.
    quarter = ram_bytes // 4
    shared: RamCache[StoredPlanes] = RamCache(quarter)
    return Stores(
        SnapshotStore(2 * quarter, folder),
        raws=MatteStore(shared, folder),
        mattes=MatteStore(RamCache(quarter)),
        pushed=MatteStore(shared, folder, pushed_name),
    )
