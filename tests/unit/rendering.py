"""A render in a process of its own, told of as it goes, which may be killed at any moment.

Each line of its standard output is an event: ``read``, a step of the network; ``frame N``, a matte
that is in place; ``end``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from toy_shots import MemoryPlate, a_shot, mask

from rde_roto.delivery import FrameReporter, deliver
from rde_roto.doors.commands.demo import demo_shot
from rde_roto.evaluation.playing import BackAndForth, PlayedPlate
from rde_roto.images.files import read_channels
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.tracker import Tracker
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.values.bank import Bank
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.preset import Output, Preset, Running, Tracking
from rde_roto.values.shot import Shot
from toy_tracker import ToyTracker

SNAPSHOT_EVERY = 4


class Unread(list[int]):
    """Forgets: what a test does not ask for must not be what grows with the shot."""

    def append(self, _: int) -> None:
        pass


def toy_shot(count: int) -> Shot:
    """Keyframes at the first frame and two thirds on, so that both kinds of stretch are walked."""
    frames = FrameRange.of(range(1, 1 + count))
    plate = MemoryPlate(frames, read_frames=Unread(), hashed=Unread())
    return a_shot(mask(1), mask(1 + 2 * count // 3), plate=plate)


def demo_played(count: int) -> Shot:
    """The shipped shot to and fro from its first keyframe."""
    folder = demo_shot()
    plate = open_plate(str(folder / "plate"))
    alpha = read_channels(folder / "truth/demo.1001.exr", ["A"])[None, ..., 0]
    order = BackAndForth(tuple(plate.range), count)
    return Shot(PlayedPlate(plate, order), order.range, elements_named("a"), (Keyframe(0, alpha),))


def node(network: str, count: int, stores: Stores | None = None) -> RotoNode:
    """The shot of that many frames, tracked by ``toy`` or by a shipped network at 240 lines."""
    running = Running(snapshot_every=SNAPSHOT_EVERY)
    preset = Preset(
        name="test", tracking=Tracking(lines=240, bank=Bank.parse("2F+L+RDE")), running=running
    )
    if network == "toy":
        return RotoNode(toy_shot(count), preset, _telling(ToyTracker), stores)
    load = tracker_of(load_model(network), torch.device("cpu"))
    return RotoNode(demo_played(count), preset, _telling(load), stores)


def _telling(load: Any) -> Any:
    """The same trackers, which say of each read that they did it."""

    def telling(tracking: Tracking) -> Tracker[Any, Any]:
        tracker = load(tracking)
        read = tracker.read

        def told(*arguments: Any) -> Any:
            print("read", flush=True)
            return read(*arguments)

        tracker.read = told
        return tracker  # type: ignore[no-any-return]

    return telling


def main(network: str, count: str, folder: str, out: str, ram_bytes: str = "10000000") -> None:
    torch.set_num_threads(1)
    settings = CacheSettings(Path(folder), disk_bytes=5 * 10**7, ram_bytes=int(ram_bytes))
    rendered = node(network, int(count), open_stores(settings))
    shot = rendered.shot
    writer = open_matte_writer(
        f"{out}/m.####.exr", Origin(shot.plate.format), shot.names, Output(), {}
    )
    told = FrameReporter(lambda frame, _: print(f"frame {frame}", flush=True))
    deliver(rendered, shot.range, writer, told)
    print("end", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
