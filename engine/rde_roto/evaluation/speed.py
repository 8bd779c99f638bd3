"""What a frame costs the network: as a whole, stage by stage, and beside the form it came from.

Weights are random: time does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from rde_roto.geometry import Geometry
from rde_roto.net import (
    EncodedFrames,
    InferenceNet,
    Moment,
    NetConfig,
    RDENet,
    aggregate,
    read_memory,
)
from rde_roto.propagator import Propagator
from rde_roto.state import MemoryState
from rde_roto.values.preset import Tracking

Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """What is timed: plate is (height, width)."""

    config: NetConfig
    plate: tuple[int, int]
    elements: int
    tracking: Tracking


class NetworkBench:
    """A network in the middle of a shot: a state with everything in it, and frames to come.

    A frame is what the recurrence asks of it on average: of ``memory_every`` frames one is a memory
    frame, read alone and absorbed, and the others are read together.
    """

    def __init__(self, case: Case, device: torch.device) -> None:
        self.case = case
        self.device = device
        torch.manual_seed(0)
        self._plain = RDENet(case.config).eval().requires_grad_(False)
        self.tracker = Propagator(self._plain, case.tracking, device)
        random = np.random.default_rng(0)
        height, width = case.plate
        self._pictures = [
            random.random((height, width, 3), dtype=np.float32)
            for _ in range(case.tracking.memory_every)
        ]
        alpha = np.zeros((case.elements, height, width), np.float32)
        for element, columns in enumerate(np.array_split(np.arange(width), case.elements)):
            alpha[element, height // 4 : -height // 4, columns[: len(columns) // 2]] = 1
        self._alpha = alpha

    def begin(self) -> MemoryState:
        """The state after one memory frame."""
        frame = self.tracker.encode(self._pictures[-1:])
        state = self.tracker.begin([(frame, self._alpha)])
        return self.tracker.absorb(state, frame, self.tracker.read(state, frame))

    def frames(self, state: MemoryState) -> MemoryState:
        """The frames up to and with the next memory frame."""
        *between, memory_frame = self._pictures
        if between:
            self.tracker.read(state, self.tracker.encode(between))
        frame = self.tracker.encode([memory_frame])
        return self.tracker.absorb(state, frame, self.tracker.read(state, frame))

    def stages(self, state: MemoryState) -> dict[str, Step]:
        """The parts of a memory frame by name, each on its own."""
        net, tracking = self.tracker.net, self.case.tracking
        encoded = self.tracker.encode(self._pictures[-1:])
        frames, probabilities = encoded.frames, self.tracker.read(state, encoded)
        bank, query = state.bank(tracking.bank), _query(frames)
        readout = _on_grid(net.read(bank, query, tracking.top_k), frames)
        values = net.encode_masks(frames, probabilities[:, 1:])
        newest = Moment(frames.key, values)
        return {
            "encode": lambda: self.tracker.encode(self._pictures[-1:]),
            "recall": lambda: net.read(bank, query, tracking.top_k),
            "decode": lambda: net.decode(readout, frames),
            "values": lambda: net.encode_masks(frames, probabilities[:, 1:]),
            "update": lambda: net.update(newest, newest),
        }

    def plain_frames(self, state: MemoryState) -> Step:
        """``frames`` in the form that is trained, in float32 and torch's own layout."""
        tracking, net = self.case.tracking, self._plain.to(self.device)
        planes = torch.from_numpy(np.stack(self._pictures)).permute(0, 3, 1, 2).contiguous()
        images = self.tracker.geometry(self.case.plate).to_network(planes).to(self.device)
        bank = [Moment(m.key.float(), m.value.float()) for m in state.bank(tracking.bank)]

        def read(images: Tensor) -> tuple[EncodedFrames, Tensor]:
            frames = net.encode_frames(images)
            readout = read_memory(bank, _query(frames), tracking.top_k)
            alpha = net.decode(_on_grid(readout, frames), frames).sigmoid()
            return frames, aggregate(alpha).softmax(dim=1)

        @torch.inference_mode()
        def step() -> None:
            if len(images) > 1:
                read(images[:-1])
            frames, probabilities = read(images[-1:])
            net.update(bank[0], Moment(frames.key, net.encode_masks(frames, probabilities[:, 1:])))

        return step


def _query(frames: EncodedFrames) -> Tensor:
    return frames.key.transpose(0, 1).flatten(1).unsqueeze(0)


def _on_grid(readout: Tensor, frames: EncodedFrames) -> Tensor:
    """[1, K, CV, F h w] -> [F, K, CV, h, w]."""
    count, _, height, width = frames.key.shape
    placed: Tensor = readout.unflatten(3, (count, height, width))
    return placed[0].permute(2, 0, 1, 3, 4)


def flops_of(case: Case) -> float:
    """Operations of the inference form for one frame, a multiplication and its sum being two.

    Nothing is computed. Choosing and gathering the best places are not counted, nor is what is
    done pixel by pixel.
    """
    tracking, every = case.tracking, case.tracking.memory_every
    size = Geometry.of(case.plate, tracking.lines).to_network(torch.empty(1, 1, *case.plate)).shape
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.inference_mode():
        net = InferenceNet(RDENet(case.config), torch.float32, on_cpu=False)
        images = torch.empty(every, 3, *size[2:])
        masks = torch.empty(1, case.elements, *size[2:])
        frames = net.encode_frames(images[:1])
        values = net.encode_masks(frames, masks)
        anchor, latest, recurrent = (Moment(frames.key, values) for _ in range(3))
        bank = MemoryState(anchor, recurrent, latest).bank(tracking.bank)
        with counter:
            for part in (images[:-1], images[-1:]):
                frames = net.encode_frames(part)
                readout = net.read(bank, _query(frames), tracking.top_k)
                net.decode(_on_grid(readout, frames), frames)
            net.encode_masks(frames, masks)
            net.update(recurrent, latest)
    return counter.get_total_flops() / every
