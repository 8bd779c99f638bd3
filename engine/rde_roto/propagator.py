"""The recurrence: begin at a keyframe, encode frames, read them, absorb the memory frames.

A propagator has no state of its own. All it knows of the past is the ``MemoryState`` that it is
handed, so any frame can be read from any state, in any order, as often as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.net import EncodedFrames, Moment, RDENet, aggregate, read_memory
from rde_roto.net.network import STRIDE
from rde_roto.state import MemoryState
from rde_roto.values.digest import digest_of
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Tracking

_SMALLEST = 2 * STRIDE
"""Pixels: SAM pools over two by two cells, so there must be two each way."""

NUMERICS_REVISION = 1
"""Raised with every change of the code that changes the network's pixels."""


def numerics(device: torch.device) -> str:
    """Digest of all that decides the bits of a result besides the inputs: under one value of it,
    equal inputs give equal pixels.
    """
    hardware = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    threads = torch.get_num_threads()
    return digest_of(NUMERICS_REVISION, torch.__version__, device.type, hardware, threads)


@dataclass(frozen=True)
class Geometry:
    """How a plate of one size reaches the network and how its mattes come back. Pixels.

    The plate is scaled to ``working`` (height, width), normalised, and padded with zeros, the mean
    colour, to multiples of 16, at least 32: the odd pixel goes to the right and to the bottom.
    """

    plate: tuple[int, int]
    working: tuple[int, int]

    @classmethod
    def of(cls, plate: tuple[int, int], lines: int) -> Geometry:
        """Working size of a plate (height, width): ``lines`` high, never larger than the plate."""
        height, width = plate
        scale = min(1.0, lines / height)
        return cls(plate, (round(height * scale), max(1, round(width * scale))))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """(left, right, top, bottom)."""
        bottom, right = (max(_SMALLEST, size + -size % STRIDE) - size for size in self.working)
        return right // 2, right - right // 2, bottom // 2, bottom - bottom // 2

    def to_network(self, planes: Tensor) -> Tensor:
        """[N, C, plate height, plate width] -> [N, C, H, W], scaled and zero-padded."""
        return F.pad(_resized(planes, self.working), self.padding)

    def to_plate(self, planes: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, plate height, plate width]."""
        left, right, top, bottom = self.padding
        height, width = planes.shape[-2:]
        return _resized(planes[..., top : height - bottom, left : width - right], self.plate)


def _resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(planes.shape[-2:]) == size:
        return planes
    return F.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=True)


class Propagator:
    """RDE-VOS as four pure functions of (weights, tracking).

    Args:
        net: the network, weights loaded; moved to ``device``.
        tracking: the preset's half that decides pixels of the network.
        device: where the network runs.
    """

    def __init__(self, net: RDENet, tracking: Tracking, device: torch.device) -> None:
        self.net = net.eval().requires_grad_(False).to(device).channels_last()
        self.tracking = tracking
        self.device = device
        self._state_dtype = getattr(torch, tracking.state_dtype)
        self._mean = torch.tensor(net.config.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(net.config.std, device=device).view(3, 1, 1)

    def geometry(self, plate: tuple[int, int]) -> Geometry:
        """The working size for a plate of (height, width)."""
        return Geometry.of(plate, self.tracking.lines)

    @torch.inference_mode()
    def encode(self, views: list[FloatArray]) -> EncodedFrames:
        """What depends on the plates alone.

        Args: views, F plates of one size, each float32 [H, W, 3] RGB, display-like sRGB, row 0 on
            top.
        """
        planes = torch.from_numpy(np.stack(views)).to(self.device).permute(0, 3, 1, 2)
        geometry = self.geometry((planes.shape[2], planes.shape[3]))
        normalised = (_resized(planes, geometry.working) - self._mean) / self._std
        image = F.pad(normalised, geometry.padding)
        return self.net.encode_frames(image.contiguous(memory_format=torch.channels_last))

    @torch.inference_mode()
    def begin(self, frame: EncodedFrames, alpha: FloatArray) -> MemoryState:
        """The state at a keyframe.

        Args: frame, the keyframe's plate encoded alone; alpha, the artist's mask, float32
            [K, H, W] at plate size, 0..1, soft edges kept.
        """
        masks = torch.from_numpy(alpha[None].copy()).to(self.device)
        geometry = self.geometry((masks.shape[2], masks.shape[3]))
        probabilities = aggregate(geometry.to_network(masks)).softmax(dim=1)
        anchor = self._rounded(self._moment(frame, probabilities))
        return MemoryState(anchor, recurrent=anchor, latest=None)

    @torch.inference_mode()
    def read(self, state: MemoryState, frames: EncodedFrames) -> Tensor:
        """The elements at F frames, from one state, which is not changed.

        Returns: probabilities [F, K + 1, H, W] at the padded working size, float32, channel 0 the
            background; they sum to 1.
        """
        count, _, height, width = frames.key.shape
        query = frames.key.transpose(0, 1).flatten(1).unsqueeze(0)
        bank = [_widened(moment, query.dtype) for moment in state.bank(self.tracking.bank)]
        readout = read_memory(bank, query, self.tracking.top_k)
        readout = readout.unflatten(3, (count, height, width)).squeeze(0).permute(2, 0, 1, 3, 4)
        alpha = self.net.decode(readout, frames).sigmoid()
        return aggregate(alpha).softmax(dim=1)

    @torch.inference_mode()
    def absorb(
        self, state: MemoryState, frame: EncodedFrames, probabilities: Tensor
    ) -> MemoryState:
        """The state after a memory frame, rounded to the state's dtype; the growing bank's grows.

        Args: frame, encoded alone; probabilities [1, K + 1, H, W], what was read there.
        """
        newest = self._moment(frame, probabilities)
        old = _widened(state.recurrent, newest.key.dtype)
        recurrent = self.net.update(old, newest)
        latest = self._rounded(newest)
        history = (*state.history, latest) if self.tracking.bank.growing else ()
        return MemoryState(state.anchor, self._rounded(recurrent), latest, history)

    def _moment(self, frame: EncodedFrames, probabilities: Tensor) -> Moment:
        return Moment(frame.key, self.net.encode_masks(frame, probabilities[:, 1:]))

    def _rounded(self, moment: Moment) -> Moment:
        """In the state's dtype, and laid out as a loaded state is: layout decides bits too."""
        return Moment(*(part.to(self._state_dtype).contiguous() for part in moment))


def _widened(moment: Moment, dtype: torch.dtype) -> Moment:
    return Moment(moment.key.to(dtype), moment.value.to(dtype))
