"""RDE-VOS as a tracker: begin at a keyframe, encode frames, read them, absorb the memory frames.

The tracker is stateless: the past is in the ``MemoryState`` that it is given. So any frame can be
read from any state, in any order and any number of times.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from rde_roto.model.crop import next_box
from rde_roto.model.devices import arithmetic_of, short_dtype, to_device
from rde_roto.model.forms import InferenceForms
from rde_roto.model.geometry import Geometry, network_image
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.model.network_view import apply_input_transform
from rde_roto.model.state import MemoryState
from rde_roto.model.weights import Model
from rde_roto.net import (
    EncodedFrames,
    MemoryFrame,
    Near,
    aggregate,
    attention_shares,
    sharpened,
)
from rde_roto.values.arguments import require
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Tracking

NUMERICS_REVISION = 5
"""Increase this with every change of the code that alters the network's pixels."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded frames, and the part of the plate that they show."""

    frames: EncodedFrames
    geometry: Geometry


class RDETracker:
    """RDE-VOS as four pure functions of (weights, tracking): a ``tracker.Tracker``.

    Args:
        forms: the network's inference forms; trackers made from the same ones share the network.
        tracking: the preset's settings that decide the network's pixels.
        device: where the network runs.
        weights: the sha256 of the weights' file, which enters ``digest``.
        edges: what the model has learned about the shot's edges; it does not.
        pixel_aspect: width / height of the plate's pixels; the network sees them un-squeezed.
        input_transform: what is done to the plate's pixels before the network sees them.
    """

    def __init__(
        self,
        forms: InferenceForms,
        tracking: Tracking,
        device: torch.device,
        weights: str = "",
        edges: LearnedEdges | None = None,
        pixel_aspect: float = 1.0,
        input_transform: InputTransform | None = None,
    ) -> None:
        dtype = short_dtype(device) if tracking.precision == "mixed" else torch.float32
        self.net = forms.get(dtype, device)
        self.tracking = tracking
        self.device = device
        self._weights = weights
        self.edges = edges
        self._pixel_aspect = pixel_aspect
        self._input_transform = input_transform
        self._has_embedding = tracking.bank.recurrent > 0
        self._arithmetic = arithmetic_of(device)
        self._state_dtype = getattr(torch, tracking.state_dtype)

    @property
    def digest(self) -> str:
        """Hex digest of numerics, weights, tracking and, if it is not 1, the pixel aspect; also of
        the embedding if it is updated but not read.
        """
        squeezed = () if self._pixel_aspect == 1 else (self._pixel_aspect,)
        is_extra = self._has_embedding and not self.tracking.bank.recurrent
        extra = ("embedding",) if is_extra else ()
        numbers = digest_of(NUMERICS_REVISION, *self._arithmetic)
        return digest_of(numbers, self._weights, self.tracking.digest, *squeezed, *extra)

    def for_plate(self, aspect: float, input_transform: InputTransform | None) -> RDETracker:
        """Return the same network and settings for plates with this pixel aspect and input
        transform.
        """
        if (aspect, input_transform) == (self._pixel_aspect, self._input_transform):
            return self
        other = copy.copy(self)  # sharing the network
        other._pixel_aspect, other._input_transform = aspect, input_transform
        return other

    def with_embedding(self) -> RDETracker:
        """Return a tracker that updates the embedding even if its bank does not read it.

        It gives the same mattes, but its states hold more, so they have other digests.
        """
        if self._has_embedding:
            return self
        other = copy.copy(self)  # sharing the network
        other._has_embedding = True
        return other

    def geometry(self, plate: tuple[int, int]) -> Geometry:
        """Return the working size for a plate of (height, width)."""
        return Geometry.of(plate, self.tracking.lines, self._pixel_aspect)

    @torch.inference_mode()
    def encode(self, pictures: list[FloatArray], box: Window | None = None) -> Encoded:
        """Encode everything that depends on the pictures alone.

        Args: pictures, F frames of one size as ``Plate.read`` gives them, each float32 [H, W, 3]
            RGB, row 0 on top; box, the part of them to encode, None for the whole.

        Raises UsageError if torch's settings have changed since the tracker was made: pixels would
        be others than its digest says.
        """
        self._check_arithmetic()
        geometry = self.geometry(pictures[0].shape[:2]).within(box)
        images = [
            network_image(views, geometry, self.net.config)
            for views in self._views([picture[geometry.part] for picture in pictures])
        ]
        return Encoded(self.net.encode_frames(torch.cat(images)), geometry)

    def _views(self, parts: list[FloatArray]) -> Iterator[Tensor]:
        """Views of some pictures [h, w, 3], on the device: [F, h, w, 3] one or several times.

        An input transform goes through all at once, since where its strips end decides last bits.
        Otherwise copying 4K plates into one array would take longer than bringing them down.
        """
        if self._input_transform is None:
            for part in parts:
                # contiguous, since that decides last bits too; torch takes no read-only array
                own = np.require(part, requirements=["C", "W"])
                yield to_device(torch.from_numpy(own[None]), self.device)
        else:
            uploaded = to_device(torch.from_numpy(np.stack(parts)), self.device)
            yield apply_input_transform(uploaded, self._input_transform)

    @torch.inference_mode()
    def box(self, alpha: FloatArray) -> Window | None:
        """Return the part of the plate to encode at a keyframe, from its mask [K, H, W] at plate
        size.
        """
        geometry = self.geometry(alpha.shape[1:])
        return self._next_box(geometry.to_network(torch.from_numpy(alpha[None]))[0], geometry)

    @torch.inference_mode()
    def begin(self, anchors: Sequence[tuple[Encoded, FloatArray]]) -> MemoryState:
        """Make the state at a keyframe.

        Args: anchors, the span's own keyframe and, if the span lies between two, the other one:
            for each its frame, encoded alone, and the artist's mask, float32 [K, H, W] at plate
            size, 0..1, with soft edges.
        """
        own, *other = (self._anchor(frame, alpha) for frame, alpha in anchors)
        far = other[0] if other else None
        box = anchors[0][0].geometry.box
        return MemoryState(own, recurrent=own, latest=None, far=far, box=box)

    @torch.inference_mode()
    def read(self, state: MemoryState, encoded: Encoded) -> Tensor:
        """Segment F frames from one state, which is not changed.

        Returns: probabilities [F, K + 1, H, W] at the padded working size, float32, channel 0 the
            background; they sum to 1 over the channels.
        """
        frames = encoded.frames
        count, _, height, width = frames.key.shape
        query = frames.key.transpose(0, 1).flatten(1).unsqueeze(0)
        bank, near = state.bank(self.tracking.bank), self._near(state, encoded.geometry, count)
        readout = self.net.read(bank, query, self.tracking.top_k, near)
        readout = readout.unflatten(3, (count, height, width)).squeeze(0).permute(2, 0, 1, 3, 4)
        return aggregate(self.net.decode(readout, frames).sigmoid()).softmax(dim=1)

    @torch.inference_mode()
    def shares(self, state: MemoryState, key: Tensor, geometry: Geometry) -> Tensor:
        """Split the attention of a frame by source, for a bank that does not grow.

        Args: key, the frame's key [1, CK, h, w]; geometry, the part of the plate that it shows.
        Returns: float32 [K, S, h, w], each element's shares of attention (see
            ``net.attention_shares``). They sum to 1 over the S sources: the keyframe, the latest
            memory frame, the embedding and, between two keyframes, the other keyframe. Before the
            first update only keyframes have a share.
        """
        sources = [state.anchor, state.latest, state.recurrent]
        sources += [state.far] if state.far else []
        bank, near = state.bank(self.tracking.bank), self._near(state, geometry)
        by_memory_frame = attention_shares(bank, key.flatten(2), self.tracking.top_k, near)[0]
        shares: Tensor = by_memory_frame.new_zeros(
            len(by_memory_frame), len(sources), by_memory_frame.shape[2]
        )
        for index, memory_frame in enumerate(bank):
            # the first match: before an update the embedding is the keyframe's memory frame itself
            source = next(i for i, known in enumerate(sources) if known is memory_frame)
            shares[:, source] += by_memory_frame[:, index]
        on_grid: Tensor = shares.unflatten(2, key.shape[2:])
        return on_grid

    @torch.inference_mode()
    def as_embedding(self, memory_frame: MemoryFrame) -> MemoryFrame:
        """Return a memory frame as the embedding holds it, float32: updated with itself, as if
        nothing moved.

        SAM's output lives in a space of its own, so an embedding must be compared with this, not
        with the memory frame.
        """
        wide = _to_float32(memory_frame)
        return self.net.update(wide, wide)

    @torch.inference_mode()
    def absorb(self, state: MemoryState, frame: Encoded, probabilities: Tensor) -> MemoryState:
        """Make the state after a memory frame, rounded to the state's dtype.

        The embedding is updated only where it is read, or wanted (`with_embedding`).

        Args: frame, encoded alone; probabilities [1, K + 1, H, W], as read at that frame.
        """
        sharpens = self.net.config.sharpened_memory
        remembered = sharpened(probabilities) if sharpens else probabilities
        newest = self._memory_frame(frame.frames, remembered)
        recurrent = state.anchor
        if self._has_embedding:
            updated = self.net.update(_to_float32(state.recurrent), newest)
            recurrent = self._to_stored_dtype(updated)
        latest = self._to_stored_dtype(newest)
        history = (*state.history, latest) if self.tracking.bank.growing else ()
        box = self._next_box(probabilities[0, 1:], frame.geometry)
        seen = frame.geometry.box
        return MemoryState(state.anchor, recurrent, latest, history, state.far, box, seen)

    def restore(self, anchors: Mapping[str, Tensor], moving: Mapping[str, Tensor]) -> MemoryState:
        """Load a saved state onto the device. Raises InputError if these are not its two halves."""
        state = MemoryState.restored(anchors, moving).to(self.device)
        lacks_embedding = state.latest is not None and state.recurrent is state.anchor
        if self._has_embedding and lacks_embedding:
            raise InputError("this memory state is incomplete: 'recurrent' is missing")
        return state

    def _check_arithmetic(self) -> None:
        now = arithmetic_of(self.device)
        if now != self._arithmetic:
            was = zip_longest(self._arithmetic, now)
            changes = "; ".join(f"{old} became {new}" for old, new in was if old != new)
            raise UsageError(
                f"torch's settings have changed since the node was opened ({changes}): change them "
                "before, or open the node again"
            )

    def _next_box(self, planes: Tensor, geometry: Geometry) -> Window | None:
        # to the CPU in one go: each single number of the box would wait for the device
        return next_box(planes.cpu(), geometry) if self.tracking.crop else None

    def _near(self, state: MemoryState, geometry: Geometry, count: int = 1) -> Near | None:
        """How ``count`` frames of a geometry read the latest memory frame: near by, or anyhow."""
        bank, reach = self.tracking.bank, self.net.config.reach
        if reach is None or state.latest is None or not (bank.latest or bank.growing):
            return None
        # relative to what the network sees: an element that is small on its plate moves less on it
        unit = reach * self.tracking.memory_every * geometry.window.height
        cells, positions = (
            to_device(each.cell_centres() / unit, self.device)
            for each in (geometry.within(state.latest_box), geometry)
        )
        return Near(state.latest, cells, positions.repeat(count, 1))

    def _anchor(self, frame: Encoded, alpha: FloatArray) -> MemoryFrame:
        masks = to_device(torch.from_numpy(alpha[None].copy()), self.device)
        probabilities = aggregate(frame.geometry.to_network(masks)).softmax(dim=1)
        return self._to_stored_dtype(self._memory_frame(frame.frames, probabilities))

    def _memory_frame(self, frame: EncodedFrames, probabilities: Tensor) -> MemoryFrame:
        return MemoryFrame(frame.key, self.net.encode_masks(frame, probabilities[:, 1:]))

    def _to_stored_dtype(self, memory_frame: MemoryFrame) -> MemoryFrame:
        """Round to the state's dtype, in a loaded state's memory layout, which decides bits too."""
        return MemoryFrame(*(part.to(self._state_dtype).contiguous() for part in memory_frame))


def tracker_of(model: Model, device: torch.device) -> Callable[[Tracking], RDETracker]:
    """Return what makes a model's trackers for given settings: ``RotoNode``'s third argument.

    All trackers of one model share its network. Raises TypeError for arguments of other types.
    """
    require(model, Model, "a model, such as load_model('rde-lite')")
    require(device, torch.device, "a device of torch, such as torch.device('cpu')")
    return lambda tracking: RDETracker(
        model.forms, tracking, device, weights=model.sha256, edges=model.edges
    )


def _to_float32(memory_frame: MemoryFrame) -> MemoryFrame:
    return MemoryFrame(memory_frame.key.float(), memory_frame.value.float())
