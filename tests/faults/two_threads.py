"""The same render again and again in two threads, and what of it has other bits than at first.

python two_threads.py NETWORK TIMES
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import rendering
import torch

from rde_roto.model.devices import choose_device
from rde_roto.stores import Stores
from rde_roto.values.digest import digest_of

FRAMES = 7


class Watched:
    """A tracker that tells the digest of all that each of its steps has given."""

    def __init__(self, tracker: Any, told: list[tuple[str, str]]) -> None:
        self._tracker = tracker
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)

    def read(self, *arguments: Any) -> Any:
        made = self._tracker.read(*arguments)
        self._told.append(("read", digest_of(made.numpy())))
        return made

    def absorb(self, *arguments: Any) -> Any:
        made = self._tracker.absorb(*arguments)
        moving = [tensor.float().numpy() for tensor in made.moving().values()]
        self._told.append(("absorb", digest_of(*moving)))
        return made


def rendered(network: str) -> list[tuple[str, str]]:
    """The digests of a render's steps, in their order, and then of its mattes.

    Mattes are finished while the network goes on, so what comes first among both varies.
    """
    steps: list[tuple[str, str]] = []
    node = rendering.node(network, FRAMES, Stores.in_ram())
    node.walker.tracker = Watched(node.walker.tracker, steps)
    mattes = [
        (f"matte {matte.frame}", digest_of(np.ascontiguousarray(matte.alpha)))
        for matte in node.render()
    ]
    return [*steps, *mattes]


def main(network: str, times: str) -> None:
    choose_device("cpu")
    first, others = rendered(network), []
    for _ in range(int(times)):
        pairs = zip(first, rendered(network), strict=True)
        others += [name for (name, one), (_, two) in pairs if one != two][:1]
    said = {
        "threads": torch.get_num_threads(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "libraries": [
            line.strip() for line in torch.__config__.show().splitlines() if "Intel(R)" in line
        ],
        "others": others,
    }
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
