"""Plates that a host describes instead of naming their files, and the frames that it pushes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from rde_roto.documents.shot_document import PlateEntry, RangeText
from rde_roto.images.color_config import LINEAR
from rde_roto.images.input_space import InputSpace, SpaceChoice
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.images.pushed import PushedPlate
from rde_roto.shot_files.opening import OpenPlate
from rde_roto.stores import MatteStore
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import OutputError, UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import LARGEST_PX, PlateFormat, Window
from rde_roto.values.preset import Preset
from rde_roto.values.settings import Settings

_FARTHEST_PX = 1 << 20

Corner: TypeAlias = Annotated[int, Field(ge=-_FARTHEST_PX, le=_FARTHEST_PX)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST_PX)]
Sides: TypeAlias = Annotated[tuple[Corner, Corner, Side, Side], Field(strict=False)]


class PushedEntry(Settings):
    """A plate in a host's words: `data` and `display` are x, y, width and height, y downwards.

    `id` stands for all its pixels: whatever changes one of them changes the id. It is of no matter
    to mattes, which are named after the pixels themselves.
    """

    id: str = Field(pattern="^[A-Za-z0-9._:-]{1,200}$")
    range: RangeText
    data: Sides
    display: Sides | None = None
    pixel_aspect: float = Field(default=1.0, ge=0.1, le=10)
    name: str = Field(default="the pushed plate", min_length=1, max_length=200)

    @property
    def format(self) -> PlateFormat:
        """Its windows; the display window is the data window where none is said."""
        data = Window(*self.data)
        display = data if self.display is None else Window(*self.display)
        return PlateFormat(data, display, self.pixel_aspect)


@dataclass(frozen=True)
class FramesOf:
    """The frames that were pushed of one plate; see `images.pushed.PushedFrames`."""

    entry: PushedEntry
    memo: PlateMemo
    store: MatteStore

    def content(self, frame: int) -> str | None:
        """The digest of a frame's pixels."""
        return self.memo.pushed(self._plate, frame)

    def pixels(self, frame: int) -> FloatArray | None:
        """A frame: float32 [H, W, 3], the caller's own."""
        content = self.content(frame)
        kept = None if content is None else self.store.get(content)
        return None if kept is None else kept.planes.copy()  # torch warns of what is read-only

    def has(self, frame: int) -> bool:
        """Whether there are pixels of a frame."""
        content = self.content(frame)
        return content is not None and self.store.touch(content)

    def keep(self, frame: int, pixels: bytes | bytearray) -> None:
        """Keeps a frame: float32 RGB of the data window, row 0 on top, any values.

        Raises UsageError for a frame or a size that is not the plate's, or other pixels than that
        frame had before; OutputError when there is no room for it.
        """
        entry, window = self.entry, self.entry.format.data
        if frame not in entry.range:
            raise UsageError(f"{entry.name} has {entry.range}, not {frame}")
        expected = 12 * window.width * window.height
        if len(pixels) != expected:
            raise UsageError(
                f"a frame of {entry.name}, {window}, has {expected} bytes; {len(pixels)} came"
            )
        planes = np.frombuffer(pixels, np.float32).reshape(*window.shape, 3)
        content = digest_of(planes)
        self.store.put(content, planes)
        if not self.store.touch(content):
            raise OutputError(
                f"frame {frame} of {entry.name} cannot be kept: raise RDE_ROTO_CACHE_GB or "
                "RDE_ROTO_RAM_GB, see rde-roto cache info"
            )
        if self.memo.keep_pushed(self._plate, frame, content) != content:
            raise UsageError(
                f"frame {frame} of {entry.name} had other pixels before: what changes a pixel has "
                "to change the plate's id"
            )

    @cached_property
    def _plate(self) -> str:
        return digest_of(self.entry.id, *self.entry.format.data.shape)


def opener(frames: FramesOf) -> OpenPlate:
    """What opens the plate whose frames are pushed.

    It raises UsageError for an unknown colour space and for views and layers, which no pixels have.
    """
    entry = frames.entry

    def open_plate(
        said: PlateEntry, preset: Preset, _folder: Path, _memo: PlateMemo | None
    ) -> PushedPlate:
        if said.view is not None or said.layer is not None:
            raise UsageError("a pushed plate has no views or layers: leave them out")
        space = _space(SpaceChoice.of(said.color_space, preset.input.color_space))
        return PushedPlate(entry.name, entry.range, entry.format, space, frames)

    return open_plate


def _space(said: SpaceChoice) -> InputSpace:
    """As of a file in float, which says nothing of it."""
    if said.artist is not None:
        return InputSpace(said.artist, "you")
    if said.preset is not None:
        return InputSpace(said.preset, "the preset")
    return InputSpace(LINEAR, "its format")
