"""A model that runs in microseconds and forgets nothing: the double behind the node's seam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.model.crop import next_box
from rde_roto.model.geometry import Geometry
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Tracking

_STEPS = ("encode", "begin", "read", "absorb")


@dataclass(frozen=True)
class ToyState:
    """Float16: masks [A, K, H, W] of one or two keyframes; memory [K, H, W], None at first."""

    masks: Tensor
    memory: Tensor | None = None
    box: Window | None = None

    @property
    def nbytes(self) -> int:
        return self.masks.nbytes + (0 if self.memory is None else self.memory.nbytes)

    def anchors(self) -> dict[str, Tensor]:
        return {"masks": self.masks}

    def moving(self) -> dict[str, Tensor]:
        box = self.box
        placed = {} if box is None else {"box": torch.tensor(astuple(box))}
        return placed if self.memory is None else {"memory": self.memory, **placed}


@dataclass(frozen=True)
class ToyFrames:
    """Pictures [F, 3, H, W] at the working size, and the part of the plate they show."""

    pixels: Tensor
    geometry: Geometry


@dataclass
class ToyTracker:
    """Its mattes depend on every keyframe and on each memory frame and their order, bit for bit.

    ``steps`` counts what was done: pictures encoded together, reads, memory frames absorbed,
    beginnings.
    """

    tracking: Tracking
    steps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_STEPS, 0))
    pixel_aspect: float = 1.0

    edges: LearnedEdges | None = None

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def digest(self) -> str:
        return digest_of("toy", self.tracking.digest, self.pixel_aspect)

    def for_plate(self, aspect: float, input_transform: InputTransform | None) -> ToyTracker:
        return replace(self, pixel_aspect=aspect)

    def geometry(self, plate: tuple[int, int]) -> Geometry:
        return Geometry.of(plate, self.tracking.lines, self.pixel_aspect)

    def box(self, alpha: FloatArray) -> Window | None:
        geometry = self.geometry(alpha.shape[1:])
        planes = geometry.to_network(torch.from_numpy(alpha[None].copy()))[0]
        return next_box(planes, geometry) if self.tracking.crop else None

    def encode(self, pictures: list[FloatArray], box: Window | None = None) -> ToyFrames:
        self.steps["encode"] += 1
        planes = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        geometry = self.geometry(pictures[0].shape[:2]).within(box)
        return ToyFrames(geometry.to_network(planes), geometry)

    def begin(self, anchors: Sequence[tuple[ToyFrames, FloatArray]]) -> ToyState:
        self.steps["begin"] += 1
        masks = []
        for frame, alpha in anchors:
            mask = frame.geometry.to_network(torch.from_numpy(alpha[None].copy()))[0]
            masks.append(mask * (0.5 + 0.5 * frame.pixels[0, :1]))
        return ToyState(torch.stack(masks).half(), box=anchors[0][0].geometry.box)

    def read(self, state: ToyState, encoded: ToyFrames) -> Tensor:
        self.steps["read"] += 1
        frames = encoded.pixels
        own, *far = state.masks.float()
        seen = 0.7 * own + 0.3 * far[0] if far else own
        if state.memory is not None:
            seen = 0.5 * seen + 0.5 * state.memory.float()
        alpha = 0.75 * seen[None] + 0.2 * frames[:, :1]
        background = (1 - alpha.amax(dim=1, keepdim=True)).clamp(min=0)
        shares = torch.cat([background, alpha], dim=1)
        return shares / shares.sum(dim=1, keepdim=True)

    def absorb(self, state: ToyState, frame: ToyFrames, probabilities: Tensor) -> ToyState:
        self.steps["absorb"] += 1
        old = torch.zeros_like(state.masks[0]) if state.memory is None else state.memory
        moved = F.pad(old.float(), (1, 0))[..., :-1]  # so that an order exchanged shows
        memory = 0.6 * moved + 0.4 * probabilities[0, 1:] * (0.5 + 0.5 * frame.pixels[0, 1:2])
        box = next_box(probabilities[0, 1:], frame.geometry) if self.tracking.crop else None
        return replace(state, memory=memory.half(), box=box)

    def restore(self, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> ToyState:
        if "masks" not in anchors:
            raise InputError("this is not a whole memory state")
        box = Window(*moving["box"].tolist()) if "box" in moving else None
        return ToyState(anchors["masks"], moving.get("memory"), box)
