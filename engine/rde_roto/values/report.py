"""A supervisor's report on a shot's mattes: figures, sentences and a few small pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rde_roto.values.delivery import Delivery
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True)
class Run:
    """The run that a report is about.

    `frames` are the requested frames, `licence` is a line with the model and its terms. `delivery`
    is the outcome, None if nothing was delivered and only the tracking is reported.
    """

    frames: FrameRange
    licence: str
    delivery: Delivery | None = None


@dataclass(frozen=True)
class ElementTrack:
    """One element over the examined frames, in ascending order.

    `confidences` are 0..1, at the frames at which it exists. `areas` are shares of the picture,
    0..1, where known from tracking or a keyframe. `doubtful` are the frames that may be wrong.
    `correct_at` is the frame to correct first; at most one element of a report has one.
    """

    name: str
    confidences: Mapping[int, float]
    areas: Mapping[int, float]
    doubtful: FrameRange
    correct_at: int | None = None

    @property
    def least_sure(self) -> int | None:
        """The frame of the lowest confidence; None if the element does not exist yet."""
        return min(self.confidences, key=self.confidences.__getitem__, default=None)


@dataclass(frozen=True)
class Remark:
    """A sentence about some frames. `at` is the frame to look at, if any; `is_warning` means that
    something looks wrong, as opposed to a mere note.
    """

    sentence: str
    at: int | None = None
    is_warning: bool = True


@dataclass(frozen=True, eq=False)
class Still:
    """A small picture of one frame: its plate in the network's view, float32 [h, w, 3], and its
    matte, float32 [K, h, w], both in 0..1.
    """

    frame: int
    plate: FloatArray
    alpha: FloatArray


@dataclass(frozen=True, eq=False)
class Report:
    """The content of a report.

    `shot`, `plate`, `size`, `preset`: texts for people. `aspect`: width / height of the picture as
    displayed. `keyframes`: those among `frames`. `tracks`: one per element, in the order of the
    stills' planes. `remarks`: warnings first. `stills`: in order of frames. `reading`: how the
    plate's files are read.
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
        """The remarks about things that look wrong."""
        return tuple(remark for remark in self.remarks if remark.is_warning)

    @property
    def to_correct(self) -> ElementTrack | None:
        """The element to correct first, if any."""
        return next((track for track in self.tracks if track.correct_at is not None), None)

    def is_worth_a_look(self, frame: int) -> bool:
        """Return whether a frame should be corrected, is doubtful, or has a remark."""
        pointed_at = any(remark.at == frame for remark in self.remarks)
        return pointed_at or any(
            frame == track.correct_at or frame in track.doubtful for track in self.tracks
        )
