"""What a supervisor is told of a shot's mattes: figures, sentences and a few small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rde_roto.values.delivery import Delivery
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True)
class Run:
    """The work that a report is about.

    `frames` are those that were asked for, `licence` the line that says the model and its terms.
    `delivery` is what came of it, None where nothing was delivered and the track alone is told of.
    """

    frames: FrameRange
    licence: str
    delivery: Delivery | None = None


@dataclass(frozen=True)
class ElementTrack:
    """One element over the frames that were looked at, which are in ascending order.

    `confidences` are 0..1, at the frames at which it exists. `areas` are shares of the picture,
    0..1, where the track or a keyframe says them. `doubtful` are the frames that may be wrong,
    `correct_at` is the one to correct before all others, of one element of a report at most.
    """

    name: str
    confidences: Mapping[int, float]
    areas: Mapping[int, float]
    doubtful: FrameRange
    correct_at: int | None = None

    @property
    def least_sure(self) -> int | None:
        """The frame of the lowest confidence; None where the element does not exist yet."""
        return min(self.confidences, key=self.confidences.__getitem__, default=None)


@dataclass(frozen=True)
class Remark:
    """A sentence about some frames. `at` is the one to look at, if there is a picture of any;
    `is_warning` says that something looks wrong, and is not just so.
    """

    sentence: str
    at: int | None = None
    is_warning: bool = True


@dataclass(frozen=True, eq=False)
class Still:
    """One frame, small: its plate in the network's view, float32 [h, w, 3], and its matte,
    float32 [K, h, w], both in 0..1.
    """

    frame: int
    plate: FloatArray
    alpha: FloatArray


@dataclass(frozen=True, eq=False)
class Report:
    """All that a report says.

    `shot`, `plate`, `size`, `preset`: for people. `aspect`: width / height of the picture as it is
    meant to be seen. `keyframes`: those among the frames. `tracks`: one an element, in the order of
    the stills' planes. `remarks`: the warnings first. `stills`: by frame.
    `reading`: what is read of the plate's files.
    """

    shot: str
    plate: str
    size: str
    aspect: float
    preset: str
    run: Run
    frames: FrameRange
    keyframes: FrameRange
    tracks: tuple[ElementTrack, ...]
    remarks: tuple[Remark, ...]
    stills: tuple[Still, ...]
    reading: str = ""

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """The remarks on what looks wrong."""
        return tuple(remark for remark in self.remarks if remark.is_warning)

    @property
    def to_correct(self) -> ElementTrack | None:
        """The element to correct first."""
        return next((track for track in self.tracks if track.correct_at is not None), None)

    def is_worth_a_look(self, frame: int) -> bool:
        """Whether a frame is to be corrected, doubtful, or one that a remark points at."""
        pointed_at = any(remark.at == frame for remark in self.remarks)
        return pointed_at or any(
            frame == track.correct_at or frame in track.doubtful for track in self.tracks
        )
