"""What other processes do to a cache folder: ``python stores_work.py FUNCTION ARGUMENTS``."""

from __future__ import annotations

import itertools
import logging
import random
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rde_roto.stores import CacheSettings, MatteStore, open_stores
from rde_roto.values.digest import digest_of

KEYS = 60
NO_RAM = 0


def planes(key: int) -> NDArray[np.uint16]:
    """What belongs under a key; up to 20 kB."""
    draw = np.random.default_rng(key)
    return draw.integers(0, 65536, (1, 1 + key % 10, 1000), dtype=np.uint16)


def raws(folder: str, disk_bytes: int, ram_bytes: int = NO_RAM) -> MatteStore:
    return open_stores(CacheSettings(Path(folder), disk_bytes, ram_bytes)).raws


def put_and_get(folder: str, disk_bytes: str, seed: str) -> None:
    """Says how many reads found something; every one must be right."""
    store, draw, hits = raws(folder, int(disk_bytes)), random.Random(int(seed)), 0
    for _ in range(400):
        key = draw.randrange(KEYS)
        digest = digest_of(key)
        if draw.random() < 0.5:
            store.put(digest, planes(key))
        found = store.get(digest)
        if found is not None:
            hits += 1
            np.testing.assert_array_equal(found.planes, planes(key))
    print(hits)


def put_for_ever(folder: str, run: str) -> None:
    """Says so after each entry of some 16 MB."""
    store = raws(folder, 10**9)
    large = np.zeros((1, 2000, 4000), np.uint16)
    for number in itertools.count():
        store.put(digest_of(run, number), large + number)
        print("put", flush=True)


def put_on_a_full_disk(folder: str) -> None:
    """A file may have 1,000 bytes: what is larger fails as on a full disk."""
    import resource

    warnings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("rde_roto.stores").addHandler(handler)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    store = raws(folder, 10**9, ram_bytes=10**9)
    for key in range(8):
        store.put(digest_of(key), planes(key))
    print(f"{len(warnings)} warning")
    held = [store.get(digest_of(key)) is not None for key in range(8)]
    print(f"{sum(held)} of {len(held)} in memory")


if __name__ == "__main__":
    work = {f.__name__: f for f in (put_and_get, put_for_ever, put_on_a_full_disk)}
    work[sys.argv[1]](*sys.argv[2:])
