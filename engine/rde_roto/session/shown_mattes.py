"""The mattes that are shown at the current frame: drawn, tracked, or unfinished."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.painting import within
from rde_roto.session.drawing.planes import Plane, box_around
from rde_roto.session.mattes.comparison import Comparison
from rde_roto.session.mattes.known_mattes import FrameMattes
from rde_roto.session.pictures.display_pixels import matte_pixels
from rde_roto.session.pictures.navigation import Navigation
from rde_roto.session.pictures.picture_cache import Bytes, PictureRequest
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, Window

_ASSEMBLED = 6
_LOOKED_AT = 100
"""Rows and columns of pixels that are enough to know the plate's colours."""


class ShownMattes:
    """The mattes at the frame that is shown.

    With `finishes`, keyframes are shown as they are delivered, with erode, feather and gamma,
    instead of as they are drawn.
    """

    def __init__(self, work: ShotEditor, sight: Navigation, other: Comparison) -> None:
        self.finishes = False
        self._editor, self._navigation, self._comparison = work, sight, other
        self._unfinished: tuple[str, FloatArray, Bytes] | None = None
        self._last: dict[str, tuple[int, Bytes | None]] = {}  # by element: a frame, as it was shown
        self._pixels: OrderedDict[Plane, FloatArray] = OrderedDict()

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        return self._navigation.frame

    @property
    def plate(self) -> Plate:
        """The plate that is shown."""
        return self._navigation.plate

    @property
    def plate_error(self) -> str:
        """Why the plate at this frame cannot be shown; "" if it can, or is being read."""
        return self._navigation.error()

    def try_plate_again(self) -> None:
        """Read the plate again where that failed."""
        self._navigation.try_again()

    def drawn(self, element: str) -> Plane | None:
        """Return what is drawn at this frame, unless a lock covers it."""
        draft, frame = self._editor.draft, self.frame
        return None if element in draft.locked(frame) else draft.drawn(frame, element)

    def is_unfinished(self, element: str) -> bool:
        """Whether unfinished pixels of an element are shown."""
        return self._unfinished is not None and self._unfinished[0] == element

    def pixels(self, element: str) -> FloatArray | None:
        """Return an element as drawn, else as tracked: float32 [H, W], not to be written to.

        Unfinished pixels come first. None if there is nothing.
        """
        if self._unfinished is not None and self._unfinished[0] == element:
            return self._unfinished[1]
        plane = self.drawn(element)
        if plane is not None:
            return self._assembled(plane)
        seen = self._editor.live.newest(self.frame)
        return None if seen is None else seen.planes.get(element)

    def alpha(self, element: str) -> FloatArray | None:
        """Return an element as it is shown: finished if that is chosen, else as ``pixels``."""
        finished = self._finished(element)
        return self.pixels(element) if finished is None else finished.planes[element]

    @property
    def is_ready(self) -> bool:
        """Whether everything at this frame can be drawn on screen."""
        names = [name for name, _ in self.pictures_of(self.frame)]
        missing = [name for name in names if self._navigation.pictures.get(name) is None]
        for name in missing:
            self._navigation.request_again(name)
        return not missing and self._navigation.picture() is not None

    def codes(self, element: str) -> Bytes | None:
        """Return an element as 0..255, for the screen only.

        Mattes are converted on a thread, but for those that a tool has drawn. Until then what the
        frame has shown last stays; None if that is nothing.
        """
        if self._unfinished is not None and self._unfinished[0] == element:
            return self._unfinished[2]
        name = self._newest_name(element)
        codes = None if name is None else self._navigation.pictures.get(name)
        if codes is None and name is not None:
            self._navigation.request_again(name)
            frame, last = self._last.get(element, (self.frame, None))
            return last if frame == self.frame else None
        self._last[element] = self.frame, codes
        return codes

    def _newest_name(self, element: str) -> Hashable | None:
        """Return the name of the picture of an element's matte; None if there is no matte."""
        plane, seen = self.drawn(element), self._finished(element)
        if plane is None and seen is None:
            seen = self._editor.live.newest(self.frame)
        if seen is not None:
            return (seen.digest, element) if element in seen.planes else None
        return plane

    def plate_where(self, inside: NDArray[np.bool_], box: Window | None = None) -> Bytes | None:
        """Return some pixels of the plate as they are on screen, [N, 3] RGB: where a mask [h, w] of
        a box, or of the whole plate, is true. None if there are none.
        """
        picture, step = self._navigation.picture(), max(1, min(inside.shape) // _LOOKED_AT)
        some = inside[::step, ::step]
        if picture is None or not some.any():
            return None
        part = picture if box is None else picture[within(box)]
        pixels: Bytes = part[::step, ::step][some][:, 2::-1]
        return pixels

    def comparison_codes(self, element: str) -> Bytes | None:
        """Return the matte to compare with, as 0..255; None if there is none."""
        seen = self._comparison.mattes(self.frame)
        return None if seen is None else self._navigation.pictures.get((seen.digest, element))

    def pictures_of(self, frame: int) -> list[PictureRequest]:
        """Return the pictures of mattes that a frame needs, which is shown or may be soon."""
        shown = [self._editor.live.newest(frame)]
        if frame == self.frame:
            shown.append(self._comparison.mattes(frame))
        tracked: list[PictureRequest] = [
            ((seen.digest, element), partial(matte_pixels, plane))
            for seen in shown
            if seen is not None
            for element, plane in seen.planes.items()
        ]
        drawn = self._editor.draft.drawings.get(frame, {}).values()
        return [*((plane, partial(drawn_pixels, plane)) for plane in drawn), *tracked]

    def show_unfinished(self, element: str, pixels: FloatArray, box: Window) -> None:
        """Show unfinished pixels; outside the box as they were shown before."""
        if self._unfinished is None or self._unfinished[1] is not pixels:
            self._unfinished = element, pixels, self._copied(element)
        part = within(box)
        self._unfinished[2][part] = matte_pixels(pixels[part])

    def drop_unfinished(self) -> None:
        """Stop showing unfinished pixels."""
        self._unfinished = None

    def finish(self, pixels: FloatArray, plane: Plane) -> None:
        """Note that the unfinished pixels have become this plane."""
        if self._unfinished is not None and self._unfinished[1] is pixels:
            self._navigation.pictures.put(plane, self._unfinished[2])
        self._unfinished = None

    def prepare(self, plane: Plane, pixels: FloatArray, codes: Bytes) -> None:
        """Take the pixels of a plane, [H, W], and the same as 0..255, which somebody else made."""
        pixels.flags.writeable = False
        self._pixels[plane] = pixels
        self._navigation.pictures.put(plane, codes)

    def _copied(self, element: str) -> Bytes:
        plane = self.pixels(element)
        if plane is None:
            return np.zeros(self.plate.format.data.shape, np.uint8)
        name = None if self._finished(element) else self._newest_name(element)
        codes = None if name is None else self._navigation.pictures.get(name)
        return matte_pixels(plane) if codes is None else codes.copy()

    def _finished(self, element: str) -> FrameMattes | None:
        """Return the keyframe's matte as it is delivered, if that is to be shown and is there."""
        if not self.finishes or self.drawn(element) is None or self._unfinished is not None:
            return None
        seen = self._editor.live.newest(self.frame)
        is_now = seen is not None and seen.is_current and element in seen.planes
        return seen if is_now else None

    def _assembled(self, plane: Plane) -> FloatArray:
        pixels = self._pixels.get(plane)
        if pixels is None:
            pixels = self._pixels[plane] = plane.pixels
            pixels.flags.writeable = False
        self._pixels.move_to_end(plane)
        while len(self._pixels) > _ASSEMBLED:
            self._pixels.popitem(last=False)
        return pixels


def drawn_pixels(plane: Plane) -> Bytes:
    """Convert a plane to 0..255, for the screen only. Most of it usually is empty."""
    codes = np.zeros(plane.shape, np.uint8)
    for place, tile in plane.tiles.items():
        codes[within(box_around([place], plane.shape))] = matte_pixels(tile)
    return codes
