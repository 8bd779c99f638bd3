"""The pieces of the day: commands that print JSON lines, run one after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from rde_roto.atomic import write_text

_ROOT = Path(__file__).parents[2]
_MODULE = (sys.executable, "-m")
_BENCH = (*_MODULE, "rde_roto", "bench")


@dataclass(frozen=True)
class Piece:
    """A command, and what it needs in its environment beside ours."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How a piece ended: its exit status, None if its time was up, and the JSON that it printed."""

    name: str
    command: tuple[str, ...]
    status: int | None
    seconds: float
    figures: list[dict[str, Any]]

    @property
    def succeeded(self) -> bool:
        """Whether the piece need not be run again."""
        return self.status == 0


def pieces_of(device: str, tiny: bool, out: Path) -> list[Piece]:
    """Return the pieces for a device; ``tiny`` is a rehearsal of each kind."""
    on = ("--device", device)
    tests = Piece(
        "tests",
        (*_MODULE, "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", str(_ROOT / "tests")),
        {} if device.startswith("cuda") else {"RDE_ROTO_GPU_TESTS_ON": device},
    )
    profiles = [
        Piece(f"profile-{model}", (*_MODULE, "tools.gpu_day.profile", model, device, size))
        for model, size in (
            [("rde-lite", "96")] if tiny else [("rde-lite", "480"), ("rde-r50", "480")]
        )
    ]
    pipelines = [
        Piece(
            f"pipeline-{precision}",
            (*_BENCH, "pipeline", *on, "--set", f"tracking.precision={precision}")
            + (("--rounds", "1", "--set", "tracking.lines=96") if tiny else ()),
        )
        for precision in (("float32",) if tiny else ("float32", "mixed"))
    ]
    frames = "30" if tiny else "3000"
    length = Piece("length", (*_BENCH, "length", *on, "--frames", frames, "--growing", frames))
    trainings = [
        Piece(
            f"training-{precision}",
            (*_MODULE, "tools.gpu_day.training", str(out / "training"), device, precision)
            + (("--tiny",) if tiny else ()),
        )
        for precision in (("float32",) if tiny else ("float32", "bfloat16"))
    ]
    return [tests, *_networks(on, tiny), *profiles, *pipelines, length, *trainings]


def _networks(on: tuple[str, ...], tiny: bool) -> Iterator[Piece]:
    if tiny:
        yield Piece("network-tiny", (*_BENCH, *on, "--rounds", "1"))
        return
    kinds = (("float32", ()), ("float32-tf32", ("--tf32",)), ("mixed", ()))
    for model, (kind, more), size in product(
        ("rde-lite", "rde-r50"), kinds, ("480", "720", "1080", "4k")
    ):
        words = ("--model", model, "--size", size, "--precision", kind.partition("-")[0], *more)
        yield Piece(f"network-{model}-{kind}-{size}", (*_BENCH, *on, *words, "--elements", "1,3,5"))


def run_pieces(pieces: Sequence[Piece], out: Path, limit_s: float) -> list[Result]:
    """Run the pieces that have not succeeded yet; returns the results of all of them."""
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for number, piece in enumerate(pieces, start=1):
        result = _read(out, piece)
        if result is None or not result.succeeded:
            print(f"{number}/{len(pieces)} {piece.name}", flush=True)
            result = _run(piece, out, limit_s)
            _write(out, result)
        results.append(result)
    return results


def _run(piece: Piece, out: Path, limit_s: float) -> Result:
    environment = {**os.environ, **piece.environment}
    started, status = time.monotonic(), None
    log = out / f"{piece.name}.log"
    with log.open("wb") as file:
        try:
            status = subprocess.run(
                piece.command,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=_ROOT,
                timeout=limit_s,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"  {piece.name}: its time was up after {limit_s:.0f} s")
    seconds = time.monotonic() - started
    return Result(piece.name, piece.command, status, seconds, list(_figures(log)))


def _figures(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text("utf-8", "replace").splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _read(out: Path, piece: Piece) -> Result | None:
    path = out / f"{piece.name}.json"
    if not path.exists():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    result = Result(**{**fields, "command": tuple(fields["command"])})
    return result if result.command == piece.command else None


def _write(out: Path, result: Result) -> None:
    write_text(out / f"{result.name}.json", json.dumps(asdict(result), indent=1) + "\n")
