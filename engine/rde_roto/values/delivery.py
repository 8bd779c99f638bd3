"""What came of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """What a run did: frames made and frames that were there already, and how long it took."""

    made: int
    kept: int
    seconds: float

    @property
    def frames_per_second(self) -> float:
        """Frames made a second; 0 when there was nothing to make."""
        return self.made / self.seconds if self.made else 0.0
