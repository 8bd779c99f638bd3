"""Milliseconds per frame of both networks: ``python tests/bench/ms_per_frame.py [--device cuda]``.

Prints one JSON line for each network and number of elements, at 480x854, weights random (time does
not depend on them). A frame is what the recurrence asks of it on average at theta 3: one of three
is a memory frame, read alone and absorbed; the other two are read together. Compare lines of one
run only: machines differ and drift.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time

import numpy as np
import torch

from rde_roto.devices import choose_device
from rde_roto.net import RDE_LITE, RDE_R50, NetConfig, RDENet
from rde_roto.propagator import Propagator
from rde_roto.values.preset import Tracking

HEIGHT, WIDTH = 480, 854


def milliseconds(config: NetConfig, elements: int, device: torch.device, rounds: int) -> float:
    """Median milliseconds a frame over groups of three frames, the first group left out."""
    torch.manual_seed(0)
    propagator = Propagator(RDENet(config), Tracking(), device)
    rng = np.random.default_rng(0)
    views = [rng.random((HEIGHT, WIDTH, 3), dtype=np.float32) for _ in range(3)]
    alpha = np.zeros((elements, HEIGHT, WIDTH), dtype=np.float32)
    for k in range(elements):
        alpha[k, 100:300, 100 + 200 * k : 250 + 200 * k] = 1
    state = propagator.begin([(propagator.encode(views[:1]), alpha)])
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        propagator.read(state, propagator.encode(views[:2]))
        memory_frame = propagator.encode(views[2:])
        probabilities = propagator.read(state, memory_frame)
        state = propagator.absorb(state, memory_frame, probabilities)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(1000 * (time.perf_counter() - started) / 3)
    return statistics.median(times[1:])


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    for config in (RDE_LITE, RDE_R50):
        for elements in (1, 3):
            figures = {
                "network": config.name,
                "elements": elements,
                "size": f"{WIDTH}x{HEIGHT}",
                "ms_per_frame": round(milliseconds(config, elements, device, arguments.rounds), 1),
                "device": str(device),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "commit": commit,
            }
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
