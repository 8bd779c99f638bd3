"""Snapshots: states of a model's memory by their place in a span."""

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
    """States in RAM, as they were given, and some of them on disk. Safe from several threads.

    On disk a span's anchors are one file; every snapshot adds its moving half.
    """

    def __init__(self, ram_bytes: int, folder: CacheFolder | None = None) -> None:
        # Each state counts in full, though those of a span share their anchors while they are
        # live: once the others have gone, or when it comes from disk, it holds them alone.
        self._ram: RamCache[TrackState] = RamCache(ram_bytes)
        self._folder = folder

    def put(self, place: SnapshotKey, state: TrackState, durable: bool) -> None:
        """Keeps a state in RAM, and, when it is to be durable, on disk."""
        self._ram.put(place.digest, state, state.nbytes)
        if durable and self._folder is not None:
            self._folder.write(anchors_name(place.span), lambda: _saved(state.anchors()))
            self._folder.write(place.name, lambda: _saved(state.moving()))

    def newest(
        self, span: str, index: int, digest_at: Callable[[int], str], restore: Restore[State]
    ) -> tuple[int, State] | None:
        """The newest state of a span after at most ``index`` memory frames, and after how many.

        Args:
            span: the digest of the span's beginning.
            index: how many memory frames the state wanted has seen.
            digest_at: the digest that a state of the span must have now, by its index.
            restore: makes a state out of the two halves that are on disk; InputError is damage.
        """
        on_disk: frozenset[SnapshotKey] | None = None
        for at in range(index, -1, -1):  # no more turns than steps that it saves to find one
            digest = digest_at(at)
            state = cast("State | None", self._ram.get(digest))
            if state is not None:
                return at, state
            if on_disk is None:
                on_disk = frozenset() if self._folder is None else self._folder.places(span)
            place = SnapshotKey(span, at, digest)
            if self._folder is not None and place in on_disk:
                state = _loaded(self._folder, place, restore)
                if state is not None:
                    self._ram.put(digest, state, state.nbytes)
                    return at, state
        return None


def _loaded(folder: CacheFolder, place: SnapshotKey, restore: Restore[State]) -> State | None:
    from safetensors.torch import load

    names = anchors_name(place.span), place.name
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
