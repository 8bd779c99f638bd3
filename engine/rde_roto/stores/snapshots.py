"""Snapshots: stored states of a model's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rde_roto.background import Later, at_once
from rde_roto.stores.folder import CacheFolder
from rde_roto.stores.layout import SnapshotKey, anchors_name
from rde_roto.stores.ram import RamCache
from rde_roto.values.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from rde_roto.model.tracker import State, TrackState

    Restore: TypeAlias = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], State]


class _Halves(NamedTuple):
    """A state's two halves, on the CPU."""

    anchors: Mapping[str, Tensor]
    moving: Mapping[str, Tensor]


class SnapshotStore:
    """States in RAM, and some of them on disk too. Thread-safe.

    On disk a span's anchors are one file; each snapshot adds its moving half. In RAM states lie on
    the CPU, wherever the model runs: they take none of a GPU's memory.
    """

    def __init__(self, ram_bytes: int, folder: CacheFolder | None = None) -> None:
        # Each state counts in full, though live states of a span share their anchors: the last one
        # left, or one read from disk, holds them alone.
        self._ram: RamCache[_Halves] = RamCache(ram_bytes)
        self._folder = folder
        self._last_anchors: tuple[str, Mapping[str, Tensor]] = "", {}

    def put(
        self, key: SnapshotKey, state: TrackState, durable: bool, later: Later = at_once
    ) -> None:
        """Store a state, in RAM now and, if ``durable``, on disk ``later``."""
        halves = _Halves(self._anchors(key.span, state), _on_cpu(state.moving()))
        self._ram.put(key.digest, halves, state.nbytes)
        folder = self._folder
        if durable and folder is not None:
            later(lambda: _write(folder, key, halves))

    def newest(
        self, span: str, indices: range, digest_at: Callable[[int], str], restore: Restore[State]
    ) -> tuple[int, State] | None:
        """Find the newest state of a span.

        Args:
            span: the digest of the span's first state.
            indices: how many memory frames the state may have seen, the most first.
            digest_at: gives the digest that the span's state must have at an index.
            restore: builds a state from its two halves, which are on the CPU; raises InputError
                for damage.

        Returns: the number of memory frames it has seen, and the state; None if nothing is stored.
        """
        on_disk: frozenset[SnapshotKey] | None = None
        for at in indices:  # each round costs less than the step that a hit saves
            digest = digest_at(at)
            held = self._ram.get(digest)
            if held is not None:
                return at, restore(*held)
            if on_disk is None:
                on_disk = frozenset() if self._folder is None else self._folder.snapshot_keys(span)
            key = SnapshotKey(span, at, digest)
            if self._folder is not None and key in on_disk:
                state = _loaded(self._folder, key, restore)
                if state is not None:
                    self.put(key, state, durable=False)
                    return at, state
        return None

    def each(
        self,
        span: str,
        indices: Iterable[int],
        digest_at: Callable[[int], str],
        restore: Restore[State],
    ) -> Iterator[tuple[int, State]]:
        """Yield the states of a span that are stored. Those on disk are not kept in RAM.

        Args and what is yielded: as ``newest``.
        """
        folder = self._folder
        on_disk = frozenset() if folder is None else folder.snapshot_keys(span)
        for at in indices:
            key = SnapshotKey(span, at, digest_at(at))
            held, state = self._ram.get(key.digest), None
            if held is not None:
                state = restore(*held)
            elif folder is not None and key in on_disk:
                state = _loaded(folder, key, restore)
            if state is not None:
                yield at, state

    def _anchors(self, span: str, state: TrackState) -> Mapping[str, Tensor]:
        """A span's anchors, which all its states share: copied from the device once a span."""
        known, anchors = self._last_anchors
        if known != span:
            anchors = _on_cpu(state.anchors())
            self._last_anchors = span, anchors
        return anchors


def _write(folder: CacheFolder, key: SnapshotKey, halves: _Halves) -> None:
    folder.write(anchors_name(key.span), lambda: _saved(halves.anchors))
    folder.write(key.name, lambda: _saved(halves.moving))


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


def _on_cpu(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {name: tensor.cpu() for name, tensor in tensors.items()}


def _saved(tensors: Mapping[str, Tensor]) -> bytes:
    from safetensors.torch import save

    # safetensors refuses tensors that share memory
    return save({name: tensor.contiguous().clone() for name, tensor in tensors.items()})
