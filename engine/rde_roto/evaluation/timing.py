"""Timing: steps and commands measured in turn, the device's peak, and facts about the machine."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

from rde_roto.values.errors import UsageError

T = TypeVar("T")

_SIDE = 2048
_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def timed(step: Callable[[], T], device: torch.device) -> tuple[float, T]:
    """Run a step; returns the seconds until the device has finished, and the result."""
    _wait_for(device)
    started = time.perf_counter()
    made = step()
    _wait_for(device)
    return time.perf_counter() - started, made


def in_turn(
    steps: Mapping[str, Callable[[], object]], rounds: int, device: torch.device
) -> dict[str, list[float]]:
    """Time each step in each round; a round runs all steps one after the other.

    So a machine that slows down slows them all, and their ratio within a round remains valid.
    """
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            taken[name].append(timed(step, device)[0])
    return taken


def ratios(slow: Sequence[float], fast: Sequence[float]) -> tuple[float, ...]:
    """Return the ratio of each pair of the same round."""
    return tuple(one / other for one, other in zip(slow, fast, strict=True))


def peak_flops(dtype: torch.dtype, device: torch.device) -> float:
    """FLOPs per second of a product of two 2048 x 2048 matrices: the best of five."""
    square = torch.ones(_SIDE, _SIDE, dtype=dtype, device=device)
    times = [timed(lambda: square @ square, device)[0] for _ in range(6)]
    return 2 * _SIDE**3 / min(times[1:])


def forget_peak_bytes(device: torch.device) -> None:
    """Make ``peak_bytes`` count from here on, if the system supports that."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _CLEAR.exists():
        _CLEAR.write_text("5")


def peak_bytes(device: torch.device) -> int | None:
    """Return the peak memory: torch's on a CUDA device, else of this process; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _of_process("VmHWM")


def held_bytes(device: torch.device) -> int | None:
    """As ``peak_bytes``, but the current memory."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else _of_process("VmRSS")


def _of_process(name: str) -> int | None:
    if not _STATUS.exists():
        return None
    (line,) = (text for text in _STATUS.read_text().splitlines() if text.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def machine(device: torch.device) -> dict[str, object]:
    """Return the facts needed to compare figures: code, torch, device and threads.

    `commit` is "" outside a clone.
    """
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        commit = done.stdout.strip()
    except OSError:  # no git
        commit = ""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "commit": commit,
        "device": name,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def step_of(text: str) -> Callable[[], object]:
    """Return a step that runs a command, or calls ``package.module:function`` in this process.

    The function has been called once, so that one-time work is not timed. Raises UsageError for an
    empty text and for what cannot be imported; the step raises it when its command fails.
    """
    words = shlex.split(text)
    if not words:
        raise UsageError("expected two commands, such as 'rde-roto --help'; one is empty")
    if not _CALLABLE.fullmatch(text):
        return partial(_run, words)
    module, name = text.split(":")
    try:
        function: Callable[[], object] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot call {text}: {error}") from error
    function()
    return function


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise UsageError(f"{command[0]} ended with {done.returncode}: {last[0]}")


def middle(taken: Sequence[float]) -> float:
    """Return the median, in milliseconds."""
    return 1000 * median(taken)


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
