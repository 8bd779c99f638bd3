"""A worker of a hot folder that tracks with the toy: in the test's process, or in one of its own.

    python toy_worker.py FOLDER CACHE [--once]

A job whose name begins with `killer` ends its worker at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from image_files import write_image

from rde_roto.doors.commands.watch import WatchOptions, run_worker
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.job_run import PreparedNode, PrepareNode
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.cancel import Cancel
from rde_roto.values.preset import Preset
from toy_tracker import ToyTracker

HEIGHT, WIDTH = 12, 16


def toy_make(stores: Stores) -> PrepareNode:
    """Makes nodes that track with the toy; a document called `killer…` ends the process."""

    def said_of(_: Preset) -> Mapping[str, str]:
        return {"rde-roto:model": "toy"}

    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        if opened.document is not None and opened.document.name.startswith("killer"):
            os.kill(os.getpid(), signal.SIGKILL)
        node = RotoNode(opened.shot, opened.preset, ToyTracker, stores)
        return PreparedNode(node, said_of, "toy: none")

    return make


def write_plate(folder: Path, count: int, seed: int = 0) -> Path:
    """A plate of 12 x 16 pixels from frame 1001 on; its pattern."""
    generator = torch.Generator().manual_seed(seed)
    for frame in range(1001, 1001 + count):
        pixels = torch.rand(HEIGHT, WIDTH, 3, generator=generator).numpy()
        folder.mkdir(parents=True, exist_ok=True)
        write_image(folder / f"plate.{frame}.png", pixels, "uint16")
    return folder / "plate.####.png"


def write_mask(path: Path, left: int = 3) -> Path:
    """A mask of one box, 16 bits."""
    alpha = torch.zeros(HEIGHT, WIDTH, 1)
    alpha[3:9, left : left + 6] = 1
    return write_image(path, alpha.numpy(), "uint16")


def job_text(plate: Path, mask: Path, frames: str = "1001-1006", more: str = "") -> str:
    """A job document of a shot with one keyframe."""
    return (
        "schema: rde-roto.job/1\n"
        f"shot: {{plate: {{path: '{plate}'}}, keyframes: [{{frame: 1001, mask: '{mask}'}}]}}\n"
        f"frames: {frames}\n{more}"
    )


def main(folder: str, cache: str, *options: str) -> None:
    torch.set_num_threads(1)
    stores = open_stores(CacheSettings(Path(cache), disk_bytes=10**9, ram_bytes=10**7))
    how = WatchOptions(poll_s=0.05, once="--once" in options)
    sys.exit(run_worker(HotFolder.create(Path(folder)), lambda: toy_make(stores), how))


if __name__ == "__main__":
    main(*sys.argv[1:])
