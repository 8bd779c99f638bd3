"""What a request costs besides the network: ``python tests/bench/node_overhead.py [--rounds N]``.

One line for each way that requests go, one after the other: ``node_made``, the node makes the next
frame of a shot with the toy of the tests, whose own steps (a dozen operations of torch on 8x12
pixels) are in the figure; ``node_ram``, the node has the matte in RAM; ``engine_ram``, the same,
asked of the engine; ``engine_device``, asked of the engine, which has it made on the device's
thread by a node that needs no time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from lines import p50_p95, report

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "unit")]

from toy_shots import MemoryPlate, ToyNode, a_shot, mask

from rde_roto.engine import Engine
from rde_roto.engine.requests import OnSecond, Priority
from rde_roto.propagation.walker import tell_nobody
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte


class ReadyNode(ToyNode):
    """Has no matte in RAM, and makes each in no time."""

    def stored(self, frame: int) -> Matte | None:
        return None

    def matte(self, frame: int, cancel: Cancel = never, on_second: OnSecond = tell_nobody) -> Matte:
        return Matte(frame, np.zeros((1, 1, 1), np.float32), self.shot.names, self.digest(frame))


def seconds(answer: Callable[[int], Matte], frames: Iterable[int]) -> list[float]:
    """How long each frame's matte takes, asked for when the one before is there."""
    times = []
    for frame in frames:
        started = time.perf_counter()
        answer(frame)
        times.append(time.perf_counter() - started)
    return times


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)  # planes this small are not shared out
    frames = range(2, 2 + rounds)
    shot = a_shot(mask(1), plate=MemoryPlate(FrameRange.of(range(1, 2 + rounds))))
    node, ready = ToyNode(shot), ReadyNode(shot)
    for known in (node, ready):
        known.digest(frames[-1])  # so that the hashing of plates is not timed
    with Engine(neighbours=0) as engine:

        def asked(of: ToyNode) -> Callable[[int], Matte]:
            return lambda frame: engine.submit(of, frame, Priority.INTERACTIVE).result()

        ways = (
            ("node_made", node.matte),
            ("node_ram", node.matte),
            ("engine_ram", asked(node)),
            ("engine_device", asked(ready)),
        )
        for way, answer in ways:
            report(bench="node_overhead", way=way, **p50_p95("request", seconds(answer, frames)))


if __name__ == "__main__":
    main()
