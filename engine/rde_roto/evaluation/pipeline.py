"""Measures where the time of a shot goes, from plate files to matte files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import torch

from rde_roto.delivery import FrameReporter, deliver
from rde_roto.evaluation.timing import in_turn, middle
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.matte.finish import finish
from rde_roto.model.network_view import Picture
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import Model
from rde_roto.node import RotoNode
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

Step = Callable[[], object]


@dataclass(frozen=True)
class PipelineBench:
    """Benchmarks a shot; nothing is taken from a cache."""

    shot: Shot
    preset: Preset
    model: Model
    device: torch.device

    def stages(self, folder: Path, rounds: int) -> dict[str, float]:
        """Milliseconds per frame of each stage alone: medians without the first round.

        ``read``: reading the file, with the colour conversion on the CPU. ``colour``: the input
        transform. ``network``: the mean over a memory frame and the frames between. ``finish`` and
        ``write``: all elements, into ``folder``.

        Raises UsageError when the shot has too few frames after its first keyframe.
        """
        every = self.preset.tracking.memory_every
        steps = self._steps(folder)
        taken = in_turn(steps, rounds + 1, self.device)
        times = {name: middle(seconds[1:]) for name, seconds in taken.items()}
        return {**times, "network": times["network"] / every}

    def whole(self, folder: Path) -> float:
        """Milliseconds per frame of the whole shot, with all stages running in parallel."""
        node, frames = self._node(), self.shot.range
        writer = open_matte_writer(
            str(folder / "whole.####.exr"),
            Origin(self.shot.plate.format),
            self.shot.names,
            self.preset.output,
            {},
        )
        delivery = deliver(node, frames, writer, FrameReporter(lambda _frame, _kept: None))
        return 1000 * delivery.seconds / delivery.made

    def _node(self) -> RotoNode:
        return RotoNode(self.shot, self.preset, tracker_of(self.model, self.device))

    def _steps(self, folder: Path) -> dict[str, Step]:
        plate, names, node = self.shot.plate, self.shot.names, self._node()
        span = self.shot.stretches[0].spans[0]
        every = self.preset.tracking.memory_every
        ahead = FrameRange.of(self.shot.range.walk(span.keyframe.frame + span.step, span.stop))
        if len(ahead) < 3 * every:
            raise UsageError(
                f"expected a shot of at least {3 * every} frames after its first keyframe, "
                f"got {len(ahead)}: too short to measure"
            )
        requested = span.keyframe.frame + 2 * every * span.step
        raw, tracker = node.walker.raw(span, requested), node.walker.tracker
        (state,) = node.walker.states(span, range(2, 3))
        picture = Picture.of(plate, requested)
        edges = tracker.edges.network(tracker.device) if tracker.edges else None
        finished = finish(raw, picture, self.preset.finish, tracker.device, edges)
        writer = open_matte_writer(
            str(folder / "stage.####.exr"),
            Origin(plate.format),
            names,
            self.preset.output,
            {},
        )
        frames = cycle(ahead)

        def network() -> None:
            if every > 1:
                tracker.read(state, tracker.encode([picture.pixels] * (every - 1), state.box))
            memory_frame = tracker.encode([picture.pixels], state.box)
            tracker.absorb(state, memory_frame, tracker.read(state, memory_frame))

        return {
            "read": lambda: plate.read(next(frames)),
            "colour": picture.to_network_view,
            "network": network,
            "finish": lambda: finish(raw, picture, self.preset.finish, tracker.device, edges),
            "write": lambda: writer.write(Matte(requested, finished, names, "bench")),
        }
