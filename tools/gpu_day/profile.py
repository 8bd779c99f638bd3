"""The network's operations that take longest: ``python -m tools.gpu_day.profile NETWORK DEVICE
LINES``.

Prints a JSON line each for the top ten: calls and milliseconds a memory cycle, on the device.
"""

from __future__ import annotations

import json
import sys

import torch
from torch.profiler import ProfilerActivity, profile

from rde_roto.evaluation.speed import Case, NetworkBench
from rde_roto.model.devices import choose_device
from rde_roto.model.weight_files import CONFIGS
from rde_roto.values.preset import Tracking

_ROUNDS, _TOP = 5, 10


def main(model: str, device: str, lines: str) -> None:
    """Print the lines."""
    (config,) = (config for config in CONFIGS if config.name == model)
    where, height = choose_device(device), int(lines)
    tracking = Tracking(lines=height, crop=False, precision="mixed")
    bench = NetworkBench(Case(config, (height, round(height * 16 / 9)), 1, tracking), where)
    state = bench.begin()
    bench.frames(state)
    on_gpu = where.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as found:
        for _ in range(_ROUNDS):
            bench.frames(state)
        if on_gpu:
            torch.cuda.synchronize(where)
    times = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total, event)
        for event in found.key_averages()
    }
    whole_us = sum(taken for taken, _ in times.values())
    longest = sorted(times.items(), key=lambda item: item[1][0], reverse=True)[:_TOP]
    for name, (taken, event) in longest:
        figures = {
            "operation": name,
            "calls": event.count / _ROUNDS,
            "ms": taken / 1000 / _ROUNDS,
            "share": round(taken / whole_us, 3),
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
