"""What is seen of mattes at the frame that one looks at: drawn, tracked, or in the making."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np

from rde_roto.session.comparison import Comparison
from rde_roto.session.display_pixels import to_bytes
from rde_roto.session.editor import Work
from rde_roto.session.live_mattes import Seen
from rde_roto.session.navigation import Sight
from rde_roto.session.painting import within
from rde_roto.session.picture_cache import Bytes, Want
from rde_roto.session.planes import Plane
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, Window

_ASSEMBLED = 6


class Showing:
    """The mattes at the frame of a sight. `finishes` has keyframes shown as they are delivered,
    with erode, feather and gamma, in place of as they are drawn.
    """

    def __init__(self, work: Work, sight: Sight, other: Comparison) -> None:
        self.finishes = False
        self._work, self._sight, self._other = work, sight, other
        self._making: tuple[str, FloatArray, Bytes] | None = None
        self._pixels: OrderedDict[Plane, FloatArray] = OrderedDict()

    @property
    def frame(self) -> int:
        """The frame that is looked at."""
        return self._sight.frame

    @property
    def plate(self) -> Plate:
        """The plate that is looked at."""
        return self._sight.plate

    def drawn(self, element: str) -> Plane | None:
        """What is drawn at this frame, unless a lock lies over it."""
        draft, frame = self._work.draft, self.frame
        return None if element in draft.locked(frame) else draft.drawn(frame, element)

    def pixels(self, element: str) -> FloatArray | None:
        """An element as it is drawn, else as it is tracked: float32 [H, W], not to be written to.

        None where there is none. What is in the making is that.
        """
        if self._making is not None and self._making[0] == element:
            return self._making[1]
        plane = self.drawn(element)
        if plane is not None:
            return self._assembled(plane)
        seen = self._work.live.seen(self.frame)
        return None if seen is None else seen.planes.get(element)

    def alpha(self, element: str) -> FloatArray | None:
        """An element as it is seen, else as ``pixels``."""
        finished = self._finished(element)
        return self.pixels(element) if finished is None else finished.planes[element]

    @property
    def is_ready(self) -> bool:
        """Whether all that there is of this frame can be drawn."""
        names = [name for name, _ in self.ahead(self.frame)]
        is_there = all(self._sight.pictures.get(name) is not None for name in names)
        return is_there and self._sight.picture() is not None

    def codes(self, element: str) -> Bytes | None:
        """The same as 0..255, for the screen alone. What is tracked is made ready on a thread, and
        None until then.
        """
        if self._making is not None and self._making[0] == element:
            return self._making[2]
        plane, seen = self.drawn(element), self._finished(element)
        if plane is None and seen is None:
            seen = self._work.live.seen(self.frame)
        if seen is not None:
            return self._sight.pictures.get((seen.digest, element))
        if plane is None:
            return None
        kept = self._sight.pictures.get(plane)
        if kept is None:
            kept = to_bytes(self._assembled(plane))
            self._sight.pictures.put(plane, kept)
        return kept

    def other_codes(self, element: str) -> Bytes | None:
        """The matte that it is compared with, as 0..255; None where there is none."""
        seen = self._other.seen(self.frame)
        return None if seen is None else self._sight.pictures.get((seen.digest, element))

    def ahead(self, frame: int) -> list[Want]:
        """What is shown of the mattes of a frame that is looked at, or may be soon."""
        shown = [self._work.live.seen(frame)]
        if frame == self.frame:
            shown.append(self._other.seen(frame))
        return [
            ((seen.digest, element), partial(to_bytes, plane))
            for seen in shown
            if seen is not None
            for element, plane in seen.planes.items()
        ]

    def show(self, element: str, pixels: FloatArray, box: Window) -> None:
        """Shows what is in the making; outside the box it is as it was shown before."""
        if self._making is None or self._making[1] is not pixels:
            self._making = element, pixels, self._copied(element)
        part = within(box)
        self._making[2][part] = to_bytes(pixels[part])

    def drop(self) -> None:
        """Nothing is in the making any more."""
        self._making = None

    def done(self, pixels: FloatArray, plane: Plane) -> None:
        """What was in the making has become this plane."""
        if self._making is not None and self._making[1] is pixels:
            self._sight.pictures.put(plane, self._making[2])
        self._making = None

    def _copied(self, element: str) -> Bytes:
        plane = self.pixels(element)
        if plane is None:
            return np.zeros(self.plate.format.data.shape, np.uint8)
        codes = None if self._finished(element) else self.codes(element)
        return to_bytes(plane) if codes is None else codes.copy()

    def _finished(self, element: str) -> Seen | None:
        """The keyframe's matte as it is delivered, where that is to be seen and there."""
        if not self.finishes or self.drawn(element) is None or self._making is not None:
            return None
        seen = self._work.live.seen(self.frame)
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
