"""How long a shot takes to open: ``python tests/bench/hashing.py [--plates 1000,10000]``.

A line for each number of plates, which are copies of one small EXR and no two alike. ``first``
hashes them all and remembers them, ``second`` is another opening of the same shot with that memo.
The files have just been written, so they come from the system's memory: a first opening from a disk
or a network folder takes as long as that takes to read them, the second does not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from lines import report

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.sequence_plate import open_plate


def later() -> int:
    """A clock for which these files are not new: those are not remembered."""
    return time.time_ns() + 60 * 10**9


def seconds_to_open(folder: Path) -> float:
    """The time until every plate of a folder has its digest."""
    started = time.perf_counter()
    with PlateMemo(folder / "cache", later) as memo:
        plate = open_plate(str(folder / "plate"), memo=memo)
        for frame in plate.range:
            plate.digest(frame)
    return time.perf_counter() - started


def measure(count: int, folder: Path) -> None:
    """One line: a shot of so many plates."""
    picture = (demo_shot() / "plate/demo.1001.exr").read_bytes()
    (folder / "plate").mkdir()
    for frame in range(count):
        path = folder / f"plate/p.{frame:06}.exr"
        path.write_bytes(picture + np.int64(frame).tobytes())
    total_mb = count * (len(picture) + 8) / 1e6
    first, second = seconds_to_open(folder), seconds_to_open(folder)
    report(
        bench="hashing",
        plates=count,
        plate_mb=total_mb / count,
        first_s=first,
        first_files_per_s=count / first,
        first_mb_per_s=total_mb / first,
        second_s=second,
        second_files_per_s=count / second,
    )


def main() -> None:
    """Prints the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plates", default="1000,10000")
    for count in parser.parse_args().plates.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measure(int(count), Path(folder))


if __name__ == "__main__":
    main()
