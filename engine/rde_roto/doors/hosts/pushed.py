"""Plates whose frames a host pushes instead of naming files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import Field

from rde_roto.documents.shot_document import PlateEntry, RangeText
from rde_roto.images.color.config import LINEAR
from rde_roto.images.color.input_space import InputSpace, SpaceChoice
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.pushed_plate import PushedPlate
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
    """A plate as a host describes it. `data` and `display` are x, y, width and height, y downwards.

    `id` stands for all of its pixels: whatever changes one of them must change the id. Mattes do
    not depend on it, since their digests come from the pixels themselves.
    """

    id: str = Field(pattern="^[A-Za-z0-9._:-]{1,200}$")
    range: RangeText
    data: Sides
    display: Sides | None = None
    pixel_aspect: float = Field(default=1.0, ge=0.1, le=10)
    name: str = Field(default="the pushed plate", min_length=1, max_length=200)

    @property
    def format(self) -> PlateFormat:
        """The plate's windows. The display window defaults to the data window."""
        data = Window(*self.data)
        display = data if self.display is None else Window(*self.display)
        return PlateFormat(data, display, self.pixel_aspect)


@dataclass(frozen=True)
class PushedFrameStore:
    """The frames of one plate that were pushed. See `images.plates.pushed_plate`."""

    entry: PushedEntry
    memo: PlateMemo
    store: MatteStore

    def content(self, frame: int) -> str | None:
        """Return the digest of a frame's pixels; None if it was not pushed."""
        return self.memo.pushed(self._plate, frame)

    def pixels(self, frame: int) -> FloatArray | None:
        """Return a frame, float32 [H, W, 3], owned by the caller; None if it is not there."""
        content = self.content(frame)
        kept = None if content is None else self.store.get(content)
        return None if kept is None else kept.planes.copy()  # torch warns about read-only arrays

    def has(self, frame: int) -> bool:
        """Whether a frame's pixels are there."""
        content = self.content(frame)
        return content is not None and self.store.touch(content)

    def keep(self, frame: int, pixels: bytes | bytearray) -> None:
        """Store a frame: float32 RGB of the data window, top row first, any values.

        Raises UsageError for a frame or a size that is not the plate's, or if the frame had other
        pixels before; OutputError if there is no room.
        """
        entry, window = self.entry, self.entry.format.data
        if frame not in entry.range:
            raise UsageError(f"{entry.name} has {entry.range}, not {frame}")
        expected = 12 * window.width * window.height
        if len(pixels) != expected:
            raise UsageError(
                f"a frame of {entry.name}, {window}, needs {expected} bytes; got {len(pixels)}"
            )
        planes = np.frombuffer(pixels, np.float32).reshape(*window.shape, 3)
        content = digest_of(planes)
        self.store.put(content, planes)
        if not self.store.touch(content):
            raise OutputError(
                f"frame {frame} of {entry.name} does not fit the cache: raise RDE_ROTO_CACHE_GB or "
                "RDE_ROTO_RAM_GB, see rde-roto cache info"
            )
        if self.memo.keep_pushed(self._plate, frame, content) != content:
            raise UsageError(
                f"frame {frame} of {entry.name} had other pixels before: whatever changes a pixel "
                "must change the plate's id"
            )

    @cached_property
    def _plate(self) -> str:
        return digest_of(self.entry.id, *self.entry.format.data.shape)


def pushed_plate_opener(frames: PushedFrameStore) -> OpenPlate:
    """Return what opens a plate whose frames are pushed.

    It raises UsageError for an unknown colour space, and for views and layers, which pushed pixels
    do not have.
    """
    entry = frames.entry

    def open_plate(
        plate: PlateEntry, preset: Preset, _folder: Path, _memo: PlateMemo | None
    ) -> PushedPlate:
        if plate.view is not None or plate.layer is not None:
            raise UsageError("a pushed plate has no views or layers: leave them out")
        space = _space(SpaceChoice.of(plate.color_space, preset.input.color_space))
        return PushedPlate(entry.name, entry.range, entry.format, space, frames)

    return open_plate


def _space(named: SpaceChoice) -> InputSpace:
    """Return the colour space, as for a float file that does not name one."""
    if named.artist is not None:
        return InputSpace(named.artist, "you")
    if named.preset is not None:
        return InputSpace(named.preset, "the preset")
    return InputSpace(LINEAR, "its format")
