"""The outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.values.errors import RotoError
from rde_roto.values.frames import FrameRange


@dataclass(frozen=True)
class Delivery:
    """What a run did: frames made, frames kept because they were up to date, and the time taken."""

    made: int
    kept: int
    seconds: float

    @property
    def frames_per_second(self) -> float:
        """Frames made per second; 0 when there was nothing to make."""
        return self.made / self.seconds if self.made else 0.0


class PartialError(RotoError):
    """Some of the requested frames could not be delivered; `frames` names them."""

    exit_code = 7

    def __init__(self, message: str, frames: FrameRange) -> None:
        super().__init__(message)
        self.frames = frames
