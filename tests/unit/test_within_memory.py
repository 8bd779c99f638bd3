"""What happens when memory runs out in the middle of a shot."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import torch
from image_files import read_image
from torch import Tensor
from toy_shots import MemoryPlate, a_shot, mask

from rde_roto.doors.progress import RunReport, frame_steps
from rde_roto.doors.rendering import deliver_within_memory
from rde_roto.engine.engine import Engine
from rde_roto.engine.requests import Priority
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.node import RotoNode
from rde_roto.values.errors import OutOfMemoryError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Output, Preset, Running, Tracking
from toy_tracker import ToyFrames, ToyState, ToyTracker

FRAMES = FrameRange.parse("1001-1012")


@dataclass
class Greedy(ToyTracker):
    """Runs out of memory after a few frames, unless the picture is small enough."""

    most_lines: int = 0

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        if self.tracking.lines > self.most_lines and self.steps["read"] >= 4:
            raise MemoryError
        return super().read(state, encoded)


def deliver(folder: Path, lines: int, running: Running, most_lines: int = 300) -> list[str]:
    """Delivers a shot; the tracking that each matte's header names."""

    def open_writer(node: RotoNode) -> MatteWriter:
        made_from = {"rde-roto:tracking": str(node.preset.tracking.lines)}
        out = str(folder / "a.####.exr")
        return open_matte_writer(
            out, Origin(node.shot.plate.format), node.shot.names, Output(), made_from
        )

    preset = Preset(name="toy", tracking=Tracking(lines=lines), running=running)
    shot = a_shot(mask(1001), plate=MemoryPlate(FRAMES))
    node = RotoNode(shot, preset, partial(Greedy, most_lines=most_lines))
    delivered = deliver_within_memory(
        node,
        FRAMES,
        open_writer,
        lambda writer: frame_steps(RunReport(), "toy", len(FRAMES), writer),
    )
    assert delivered.delivery.made + delivered.delivery.kept == len(FRAMES)
    assert delivered.node.preset.tracking.lines <= max(lines, most_lines)
    return [
        read_image(folder / f"a.{frame}.exr")[0].get_string_attribute("rde-roto:tracking")
        for frame in FRAMES
    ]


def test_all_frames_are_made_again_from_a_smaller_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(when_memory_runs_out="smaller")
    keyframe, *tracked = deliver(tmp_path, 480, running)
    assert keyframe == "480"  # the artist's pixels, which no tracking has changed
    assert tracked == ["270"] * len(tracked)
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in said] == [
        "out of memory at tracking.lines=480: rendering all frames again at 360",
        "out of memory at tracking.lines=360: rendering all frames again at 270",
    ]


def test_a_preset_may_say_to_stop(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemoryError, match=r"lower tracking\.lines, now 480"):
        deliver(tmp_path, 480, Running())
    assert (tmp_path / "a.1001.exr").exists()


def test_no_picture_is_made_smaller_than_a_preset_may_say(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemoryError, match=r"tracking\.lines, now 112"):
        deliver(tmp_path, 200, Running(when_memory_runs_out="smaller"), most_lines=90)


@dataclass
class Hoarder(Greedy):
    """A `Greedy` whose steps hold a large tensor while they run out of memory."""

    held: list[weakref.ref[Tensor]] = field(default_factory=list)

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        large = torch.zeros(1 << 20)
        self.held.append(weakref.ref(large))
        return super().read(state, encoded)


class Watchful(RotoNode):
    """Notes how many tensors of failed steps are alive when it is to go on smaller."""

    held: list[weakref.ref[Tensor]]
    alive: list[int]

    def smaller(self) -> RotoNode | None:
        self.alive.append(sum(ref() is not None for ref in self.held))
        return super().smaller()


@pytest.fixture
def watchful() -> Watchful:
    """Runs out of memory at 480 lines and has enough at 360."""
    running = Running(when_memory_runs_out="smaller")
    preset = Preset(name="toy", tracking=Tracking(lines=480), running=running)
    held: list[weakref.ref[Tensor]] = []
    load = partial(Hoarder, most_lines=360, held=held)
    node = Watchful(a_shot(mask(1001), plate=MemoryPlate(FRAMES)), preset, load)
    node.held, node.alive = held, []
    return node


def test_a_render_that_goes_on_smaller_holds_nothing_of_the_step_that_failed(
    watchful: Watchful, tmp_path: Path
) -> None:
    def open_writer(node: RotoNode) -> MatteWriter:
        origin, out = Origin(node.shot.plate.format), str(tmp_path / "a.####.exr")
        return open_matte_writer(out, origin, node.shot.names, Output(), {})

    delivered = deliver_within_memory(
        watchful,
        FRAMES,
        open_writer,
        lambda w: frame_steps(RunReport(), "toy", len(FRAMES), w),
    )
    assert delivered.node.preset.tracking.lines == 360
    assert watchful.alive == [0]


def test_an_engine_that_goes_on_smaller_holds_nothing_of_the_step_that_failed(
    watchful: Watchful,
) -> None:
    with Engine(neighbours=0) as engine:
        for future in [engine.submit(watchful, frame, Priority.BATCH) for frame in FRAMES]:
            assert future.result(60)
    assert watchful.alive == [0]
    assert len(watchful.held) > 4
