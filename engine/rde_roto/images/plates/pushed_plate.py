"""Plates whose frames a host pushes because the engine cannot read its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from rde_roto.images.color.input_space import InputSpace
from rde_roto.images.color.transforms import transform_name
from rde_roto.images.origin import Attributes
from rde_roto.images.plates.color_space_plate import ColorSpacePlate
from rde_roto.images.windows import windows_in_words
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import FramesNotPushedError, InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat


class PushedFrames(Protocol):
    """The frames of one plate that have been pushed so far. Thread-safe."""

    def content(self, frame: int) -> str | None:
        """Return the digest of a frame's pixels, which never changes; None if never pushed."""

    def pixels(self, frame: int) -> FloatArray | None:
        """Return a frame: float32 [H, W, 3] RGB, row 0 on top; None if it is not (any longer)
        stored.
        """

    def has(self, frame: int) -> bool:
        """Return whether a frame's pixels are stored."""


@dataclass(frozen=True, eq=False)
class PushedPlate(ColorSpacePlate):
    """A plate that a host describes and whose frames it pushes on demand.

    Frames are identified by their pixels: plates with equal pixels in one colour space share all
    results.
    """

    name: str
    range: FrameRange
    format: PlateFormat
    space: InputSpace
    frames: PushedFrames

    def digest(self, frame: int) -> str:
        """Return the digest of the frame's pixels and the colour transform.

        Raises FramesNotPushedError if the frame was never pushed, InputError if it is out of range.
        """
        self._check(frame)
        content = self.frames.content(frame)
        if content is None:
            raise self.not_pushed([frame])
        return digest_of("pushed", content, transform_name(self.space.name))

    @property
    def reading(self) -> str:
        """How the plate is read, in one line (`Footage`)."""
        words = ("pushed by the host", windows_in_words(self.format), self.space.words)
        return f"{self.name}: {', '.join(words)}"

    def attributes(self, frame: int) -> Attributes:
        """Empty: pushed pixels have no header (`Footage`)."""
        return {}

    def not_pushed(self, frames: Iterable[int]) -> FramesNotPushedError:
        """Return the error to raise about frames that the host must push."""
        missing = tuple(frames)
        return FramesNotPushedError(
            f"the engine lacks {FrameRange.of(missing)} of {self.name}: push their pixels",
            missing,
        )

    def _pixels(self, frame: int) -> FloatArray:
        """Raises FramesNotPushedError for a frame not stored, InputError for one out of range."""
        self._check(frame)
        pixels = self.frames.pixels(frame)
        if pixels is None:
            raise self.not_pushed([frame])
        return pixels

    def _check(self, frame: int) -> None:
        if frame not in self.range:
            raise InputError(f"{self.name} has no frame {frame} (it has {self.range.words})")
