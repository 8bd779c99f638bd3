"""What a second worker gains: ``python tests/bench/workers.py [--lines 240] [--times 2]``.

The shipped shot with a true mask at its first frame and three more, so of four spans, cut by
``rde-roto submit``. A worker is what a farm's session is: an engine of one thread and
``rde-roto shot render --engine`` for one chunk after the other. The cache, fresh each time, is
shared. Seconds are those from the first chunk to the last matte, the engines being there; of
several ``--times`` the least. ``machine_allows`` is what two workers gain that have nothing to do
with each other, each with the whole shot for itself.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

from lines import report

from rde_roto.doors.commands.demo import demo_shot

PROGRAM = str(Path(sys.executable).with_name("rde-roto"))
SPANS = 4


def rde_roto(environment: dict[str, str], *arguments: object) -> None:
    """Runs a command, quietly; an error of its own ends the benchmark."""
    command = [PROGRAM, *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})


def new_shot(folder: Path, lines: int) -> tuple[Path, int]:
    """The document of a shot of four spans of about the same length; its number of frames."""
    source = demo_shot()
    masks = sorted((source / "truth").glob("*.exr"))
    chosen = [masks[len(masks) * span // SPANS] for span in range(SPANS)]
    keyframes = [f"{path.name.split('.')[1]}:hero={path}" for path in chosen]
    options = [part for keyframe in keyframes for part in ("--keyframe", keyframe)]
    document = folder / "demo.shot.yaml"
    settings = ("--set", f"tracking.lines={lines}", "--mask-as", "matte", "--out", document)
    rde_roto({}, "shot", "new", source / "plate", *options, *settings)
    return document, len(masks)


@contextmanager
def worker(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a worker, whose engine runs."""
    folder.mkdir(mode=0o700)
    own = {"RDE_ROTO_RUN": str(folder), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    own["RDE_ROTO_CACHE"] = str(folder.parent / "cache")
    rde_roto(own, "serve", "--detach", "--device", "cpu")
    try:
        yield own
    finally:
        rde_roto(own, "serve", "--stop", "--device", "cpu")


def rendered(document: Path, chunks: list[str], workers: int) -> tuple[float, str]:
    """Seconds of so many workers, and the digest of what they made."""
    with tempfile.TemporaryDirectory(prefix="rde") as text, ExitStack() as stack:
        folder = Path(text)
        there = [stack.enter_context(worker(folder / str(place))) for place in range(workers)]
        due: SimpleQueue[str] = SimpleQueue()
        for chunk in chunks:
            due.put(chunk)

        def work(own: dict[str, str]) -> None:
            while True:
                try:
                    chunk = due.get_nowait()
                except Empty:
                    return
                asked = ("--frames", chunk, "--out", folder / "mattes/demo.####.exr")
                rde_roto(own, "shot", "render", document, *asked, "--device", "cpu", "--engine")

        started = time.perf_counter()
        with ThreadPoolExecutor(workers) as threads:
            list(threads.map(work, there))
        seconds = time.perf_counter() - started
        digest = hashlib.sha256()
        for path in sorted((folder / "mattes").iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return seconds, digest.hexdigest()


def one_worker(document: Path, chunks: list[str]) -> tuple[float, str]:
    return rendered(document, chunks, 1)


def two_workers(document: Path, chunks: list[str]) -> tuple[float, str]:
    return rendered(document, chunks, 2)


def apart(document: Path, chunks: list[str]) -> tuple[float, str]:
    """Two of one worker at a time, each in a folder of its own; those of the slower."""
    with ThreadPoolExecutor(2) as threads:
        return max(threads.map(lambda _: one_worker(document, chunks), range(2)))


def main() -> None:
    """Prints the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=240)
    parser.add_argument("--times", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        document, frames = new_shot(folder, arguments.lines)
        rde_roto({}, "submit", document, "--deadline", folder / "job")
        chunks = (folder / "job/chunks.txt").read_text(encoding="utf-8").splitlines()
        runs = {
            kind: [render(document, chunks) for _ in range(arguments.times)]
            for kind, render in (("one", one_worker), ("two", two_workers), ("apart", apart))
        }
    one, two, alone = (min(seconds for seconds, _ in runs[kind]) for kind in runs)
    report(
        bench="workers",
        frames=frames,
        chunks=chunks,
        lines=arguments.lines,
        threads_each=1,
        one_worker_s=one,
        two_workers_s=two,
        speed_up=one / two,
        machine_allows=2 * one / alone,
        same_files=len({digest for kind in runs.values() for _, digest in kind}) == 1,
    )


if __name__ == "__main__":
    main()
