"""What the tests of the stores put into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rde_roto.model.state import MemoryState
from rde_roto.net import MemoryFrame
from rde_roto.stores import CacheSettings, MatteStore, SnapshotKey, Stores, open_stores
from rde_roto.values.digest import digest_of

SPAN = digest_of("a span")
DISK_BYTES = 10**8


def digest_at(index: int) -> str:
    return SPAN if index == 0 else digest_of("state", index)


def snapshot_key(index: int, digest: str | None = None) -> SnapshotKey:
    return SnapshotKey(SPAN, index, digest or digest_at(index))


def moment(seed: int, dtype: torch.dtype = torch.float16) -> MemoryFrame:
    generator = torch.Generator().manual_seed(seed)
    shapes = (1, 4, 3, 5), (1, 2, 6, 3, 5)
    return MemoryFrame(*(torch.randn(shape, generator=generator).to(dtype) for shape in shapes))


def state(index: int, dtype: torch.dtype = torch.float16) -> MemoryState:
    anchor = moment(0, dtype)
    if index == 0:
        return MemoryState(anchor, recurrent=anchor, latest=None)
    return MemoryState(anchor, moment(index, dtype), moment(-index, dtype))


def stores(folder: Path, ram_bytes: int = 10**8) -> Stores:
    return open_stores(CacheSettings(folder, DISK_BYTES, ram_bytes))


def newest(opened: Stores, index: int) -> tuple[int, MemoryState] | None:
    indices = range(index, -1, -1)
    return opened.snapshots.newest(SPAN, indices, digest_at, MemoryState.restored)


def assert_same(found: MemoryState, expected: MemoryState) -> None:
    for halves in (found.anchors(), expected.anchors()), (found.moving(), expected.moving()):
        assert halves[0].keys() == halves[1].keys()
        for name, tensor in halves[0].items():
            assert tensor.dtype == halves[1][name].dtype
            assert torch.equal(tensor, halves[1][name])


def planes(seed: int) -> NDArray[np.uint16]:
    """A raw matte of two elements."""
    return np.random.default_rng(seed).integers(0, 65536, (2, 6, 9), dtype=np.uint16)


def kept(store: MatteStore, digest: str) -> NDArray[Any]:
    """The planes that are there under a digest."""
    found = store.get(digest)
    assert found is not None
    return found.planes
