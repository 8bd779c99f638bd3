"""Measures the network's time per frame: as a whole, by stage, and compared with the plain form.

Weights are random, since time does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from rde_roto.evaluation.timing import (
    forget_peak_bytes,
    in_turn,
    middle,
    peak_bytes,
    peak_flops,
    ratios,
    timed,
)
from rde_roto.model.forms import InferenceForms
from rde_roto.model.geometry import Geometry
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import (
    EncodedFrames,
    InferenceNet,
    MemoryFrame,
    NetConfig,
    RDENet,
    aggregate,
    read_memory,
)
from rde_roto.values.preset import Tracking

Step = Callable[[], object]

STAGES = ("encode", "recall", "decode", "values", "update")


@dataclass(frozen=True)
class Case:
    """A case to measure; plate is (height, width)."""

    config: NetConfig
    plate: tuple[int, int]
    elements: int
    tracking: Tracking


class NetworkBench:
    """A network in the middle of a shot, with a complete state and frames to read.

    The cost of a frame is an average: of ``memory_every`` frames one is a memory frame, read alone
    and absorbed, and the others are read together.
    """

    def __init__(self, case: Case, device: torch.device) -> None:
        self.case = case
        self.device = device
        torch.manual_seed(0)
        self._plain = RDENet(case.config).eval().requires_grad_(False)
        self.tracker = RDETracker(InferenceForms(self._plain), case.tracking, device)
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
        """Return the state after one memory frame."""
        frame = self.tracker.encode(self._pictures[-1:])
        state = self.tracker.begin([(frame, self._alpha)])
        return self.tracker.absorb(state, frame, self.tracker.read(state, frame))

    def frames(self, state: MemoryState) -> MemoryState:
        """Process the frames up to and including the next memory frame."""
        *between, memory_frame = self._pictures
        if between:
            self.tracker.read(state, self.tracker.encode(between))
        frame = self.tracker.encode([memory_frame])
        return self.tracker.absorb(state, frame, self.tracker.read(state, frame))

    def stages(self, state: MemoryState) -> dict[str, Step]:
        """Return the stages of a memory frame by name, each as a separate step.

        There is no ``update`` if the bank reads no embedding.
        """
        net, tracking = self.tracker.net, self.case.tracking
        encoded = self.tracker.encode(self._pictures[-1:])
        frames, probabilities = encoded.frames, self.tracker.read(state, encoded)
        bank, query = state.bank(tracking.bank), _query(frames)
        readout = _on_grid(net.read(bank, query, tracking.top_k), frames)
        values = net.encode_masks(frames, probabilities[:, 1:])
        newest = MemoryFrame(frames.key, values)
        stages: dict[str, Step] = {
            "encode": lambda: self.tracker.encode(self._pictures[-1:]),
            "recall": lambda: net.read(bank, query, tracking.top_k),
            "decode": lambda: net.decode(readout, frames),
            "values": lambda: net.encode_masks(frames, probabilities[:, 1:]),
        }
        if tracking.bank.recurrent:
            stages["update"] = lambda: net.update(newest, newest)
        return stages

    def plain_frames(self, state: MemoryState) -> Step:
        """``frames`` in the plain form that is trained, in float32 and torch's default layout."""
        tracking, net = self.case.tracking, self._plain.to(self.device)
        planes = torch.from_numpy(np.stack(self._pictures)).permute(0, 3, 1, 2).contiguous()
        images = self.tracker.geometry(self.case.plate).to_network(planes).to(self.device)
        bank = [MemoryFrame(m.key.float(), m.value.float()) for m in state.bank(tracking.bank)]

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
            newest = MemoryFrame(frames.key, net.encode_masks(frames, probabilities[:, 1:]))
            if tracking.bank.recurrent:
                net.update(bank[0], newest)

        return step


def _query(frames: EncodedFrames) -> Tensor:
    return frames.key.transpose(0, 1).flatten(1).unsqueeze(0)


def _on_grid(readout: Tensor, frames: EncodedFrames) -> Tensor:
    """[1, K, CV, F h w] -> [F, K, CV, h, w]."""
    count, _, height, width = frames.key.shape
    placed: Tensor = readout.unflatten(3, (count, height, width))
    return placed[0].permute(2, 0, 1, 3, 4)


def flops_of(case: Case) -> float:
    """Return the FLOPs of the inference form for one frame; a multiply-add counts as two.

    Nothing is computed. Selecting and gathering the top-k and pixelwise operations do not count.
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
        anchor, latest, recurrent = (MemoryFrame(frames.key, values) for _ in range(3))
        bank = MemoryState(anchor, recurrent, latest).bank(tracking.bank)
        with counter:
            for part in (images[:-1], images[-1:]):
                frames = net.encode_frames(part)
                readout = net.read(bank, _query(frames), tracking.top_k)
                net.decode(_on_grid(readout, frames), frames)
            net.encode_masks(frames, masks)
            if tracking.bank.recurrent:
                net.update(recurrent, latest)
    return counter.get_total_flops() / every


def measured(case: Case, device: torch.device, rounds: int, plain: bool) -> dict[str, object]:
    """Measure a case; returns figures by name, medians over `rounds`, times in milliseconds.

    ``cold_ms``: the keyframe and the first memory frame, before anything of this size has run.
    ``frame_ms``: the mean over a memory frame and the frames between. Then the stages of a memory
    frame. With ``plain`` also a frame in the plain form, and the ratio in each round.
    """
    forget_peak_bytes(device)
    bench = NetworkBench(case, device)
    every, dtype = case.tracking.memory_every, bench.tracker.net.dtype
    cold, state = timed(bench.begin, device)
    steps: dict[str, Step] = {"frame": lambda: bench.frames(state)}
    if plain:
        steps["plain"] = bench.plain_frames(state)
    for step in steps.values():
        step()
    taken = in_turn(steps, rounds, device)
    stages = in_turn(bench.stages(state), rounds, device)
    memory = peak_bytes(device)
    frame_ms = middle(taken["frame"]) / every
    flops, peak = flops_of(case), peak_flops(dtype, device)
    height, width = case.plate
    beside: dict[str, object] = {}
    if plain:
        beside["plain_ms"] = middle(taken["plain"]) / every
        beside["ratios"] = list(ratios(taken["plain"], taken["frame"]))
    return {
        "model": case.config.name,
        "plate": f"{width}x{height}",
        "lines": case.tracking.lines,
        "elements": case.elements,
        "dtype": str(dtype).removeprefix("torch."),
        "cold_ms": 1000 * cold,
        "frame_ms": frame_ms,
        **{f"{name}_ms": middle(seconds) for name, seconds in stages.items()},
        "gflop": flops / 1e9,
        "share_of_peak": flops / (frame_ms / 1000) / peak,
        "peak_gflops": peak / 1e9,
        "peak_bytes": memory,
        **beside,
    }


_COLUMNS = ("model", "plate", "elements", "dtype", "gflop", "cold_ms", "frame_ms")


def table_of(lines: Sequence[Mapping[str, object]]) -> str:
    """Format figures of ``measured`` as a Markdown table, one row each."""
    rows = []
    for line in lines:
        row = {name.removesuffix("_ms"): line[name] for name in _COLUMNS}
        row |= {stage: line.get(f"{stage}_ms") for stage in STAGES}
        share, held = line["share_of_peak"], line["peak_bytes"]
        assert isinstance(share, float)
        row["of peak"] = f"{share:.0%}"
        row["MB"] = held // 1_000_000 if isinstance(held, int) else None
        row["plain"] = line.get("plain_ms")
        pairs = line.get("ratios")
        row["ratio"] = median(pairs) if isinstance(pairs, list) else None
        rows.append(row)
    texts = [list(rows[0]), ["---"] * len(rows[0])]
    texts += [[_cell(value) for value in row.values()] for row in rows]
    return "".join(f"| {' | '.join(text)} |\n" for text in texts)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return "" if value is None else str(value)
