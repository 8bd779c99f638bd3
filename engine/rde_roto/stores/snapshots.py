"""Snapshots: stored states of a model's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import SnapshotKey, anchors_name
from rde_roto.stores.ram import RamCache
from rde_roto.values.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from rde_roto.model.tracker import State, TrackState

    Restore: TypeAlias = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], State]


class SnapshotStore:
    """States in RAM, and some of them on disk too. Thread-safe.

    On disk a span's anchors are one file; each snapshot adds its moving half.
    """

    def __init__(self, ram_bytes: int, folder: CacheFolder | None = None) -> None:
        # Each state counts in full, though live states of a span share their anchors: the last one
        # left, or one read from disk, holds them alone.
        self._ram: RamCache[TrackState] = RamCache(ram_bytes)
        self._folder = folder

    def put(self, key: SnapshotKey, state: TrackState, durable: bool) -> None:
        """Store a state in RAM and, if ``durable``, on disk."""
        self._ram.put(key.digest, state, state.nbytes)
        if durable and self._folder is not None:
            self._folder.write(anchors_name(key.span), lambda: _saved(state.anchors()))
            self._folder.write(key.name, lambda: _saved(state.moving()))

    def newest(
        self, span: str, index: int, digest_at: Callable[[int], str], restore: Restore[State]
    ) -> tuple[int, State] | None:
        """Find the newest state of a span after at most ``index`` memory frames.

        Args:
            span: the digest of the span's first state.
            index: how many memory frames the wanted state has seen.
            digest_at: gives the digest that the span's state must have at an index.
            restore: builds a state from its two halves on disk; raises InputError for damage.

        Returns: the number of memory frames it has seen, and the state; None if nothing is stored.
        """
        on_disk: frozenset[SnapshotKey] | None = None
        for at in range(index, -1, -1):  # each round costs less than the step that a hit saves
            digest = digest_at(at)
            state = cast("State | None", self._ram.get(digest))
            if state is not None:
                return at, state
            if on_disk is None:
                on_disk = frozenset() if self._folder is None else self._folder.snapshot_keys(span)
            key = SnapshotKey(span, at, digest)
            if self._folder is not None and key in on_disk:
                state = _loaded(self._folder, key, restore)
                if state is not None:
                    self._ram.put(digest, state, state.nbytes)
                    return at, state
        return None


def _loaded(folder: CacheFolder, key: SnapshotKey, restore: Restore[State]) -> State | None:
    from safetensors.torch import load

    names = anchors_name(key.span), key.name
    anchors = folder.read(names[0])
    moving = None if anchors is None else folder.read(names[1])
    if anchors is None or moving is None:
        return None
    try:
        return restore(load(anchors), load(moving))
    except InputError:
        for name in names:
            folder.discard(name)
        return None


def _saved(tensors: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    # safetensors refuses tensors that share memory
    return save({name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()})
