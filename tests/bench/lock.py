"""Which call holds Python's lock? ``python tests/bench/lock.py [--size 4096x2304]``.

While one thread holds the lock no other runs Python: the window stands still. Each call that the
window's threads make runs on a thread here, while this one takes the lock again and again.
`held_ms` is the largest processor time of the process between two of its turns, so that what else
runs on the machine hardly counts; a turn of the scheduler, some milliseconds, is its floor. The
best of five.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lines import report
from round_trip import make_shot

from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.transforms import to_network_view
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.matte.finish import finish
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.pictures.display_pixels import ViewExposure, matte_pixels, plate_pixels
from rde_roto.session.shown_mattes import drawn_pixels
from rde_roto.values.digest import digest_of
from rde_roto.values.preset import Finish

_ROUNDS = 5
_LINES = 480


def held_and_total(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of processor time: the longest that the lock was held, and all."""
    done = threading.Event()

    def work() -> None:
        call()
        done.set()

    thread = threading.Thread(target=work)
    longest, start = 0.0, time.process_time()
    last = start
    thread.start()
    while not done.is_set():
        now = time.process_time()
        longest, last = max(longest, now - last), now
        time.sleep(0)
    thread.join()
    return 1000 * longest, 1000 * (time.process_time() - start)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="4096x2304")
    width, height = map(int, parser.parse_args().size.split("x"))
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        make_shot(Path(folder), width, height)
        plate = open_plate(f"{folder}/plate")
        frame = plate.range.first
        pixels, rows = plate.read(frame), np.linspace(0, 1, height, dtype=np.float32)
        alpha = np.repeat((rows > 0.5)[:, None], width, axis=1).astype(np.float32)
        geometry = Geometry.of((height, width), _LINES)
        drawn = Plane.of(alpha)
        raw = RawMatte(
            geometry.to_network(torch.from_numpy(alpha)[None, None])[0].numpy(), geometry
        )
        calls: dict[str, Callable[[], object]] = {
            "read a plate": lambda: plate.read(frame),
            "convert to the view": lambda: to_network_view(pixels, LINEAR),
            "picture for the screen": lambda: plate_pixels(plate, frame, ViewExposure()),
            "matte for the screen": lambda: matte_pixels(alpha),
            "drawn matte for the screen": lambda: drawn_pixels(drawn),
            "hash a mask": lambda: digest_of(alpha),
            "store a mask in tiles": lambda: Plane.of(alpha),
            "grow a mask": lambda: drawn.grown(1),
            "finish without the plate": lambda: finish(raw, None, Finish()),
        }
        for name, call in calls.items():
            held_ms, total_ms = min(held_and_total(call) for _ in range(_ROUNDS))
            report(call=name, size=f"{width}x{height}", held_ms=held_ms, total_ms=total_ms)


if __name__ == "__main__":
    main()
