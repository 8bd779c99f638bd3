"""Elements exclude each other: what is drawn of one is taken from the others at the same frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rde_roto.session.document.draft import Draft
from rde_roto.session.drawing.painting import within
from rde_roto.session.drawing.planes import Place, Plane, box_around
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import Overlap, overlaps
from rde_roto.values.plain_text import counted


@dataclass(frozen=True)
class Drawn:
    """A draft with something drawn, and what that took from others or left out, in words; "" if
    nothing.
    """

    draft: Draft
    taken: str


@dataclass(frozen=True)
class Front:
    """An element that is drawn at a frame, in front of all others within the tiles at `places`."""

    frame: int
    element: str
    plane: Plane
    places: Collection[Place]

    def drawn_on(self, draft: Draft, live: LiveMattes, locked: Mapping[str, FloatArray]) -> Drawn:
        """Draw it beside what is locked, whose mattes are given, and take what it covers from the
        others.

        One that is tracked at the frame, not drawn, becomes a keyframe too if more than a seam of
        it is covered; if its matte is out of date, tracking it again takes the pixels away.
        """
        front, said = self._beside_locked(draft, locked)
        after, taken = draft.with_plane(self.frame, self.element, front.plane), []
        for other in draft.elements:
            known = draft.drawn(self.frame, other.id)
            below = known or front._tracked_below(draft, live, other.id)
            if other.id in (self.element, *locked) or below is None:
                continue
            left = below.beside(front.plane, self.places)
            lost = _lost_px(below, left)
            if lost:  # what cannot be seen is rounding, and stays
                after = after.with_plane(self.frame, other.id, left)
                also = "" if known else ", which is a keyframe here now"
                taken += [f"{counted(lost, 'pixel')} of {other.name}{also}"]
        said = [f"took {'; '.join(taken)}", *said] if taken else said
        return Drawn(after, "; ".join(said))

    def _beside_locked(
        self, draft: Draft, locked: Mapping[str, FloatArray]
    ) -> tuple[Front, list[str]]:
        """Leave out what elements cover that are locked here, in their mattes or in the drawings
        below these, and say so.
        """
        front, said = self, []
        over = [place for place in self.places if place in self.plane.tiles]
        for other in draft.elements if over else ():
            if other.id == self.element or other.id not in locked:
                continue
            matte, known = locked[other.id], draft.drawn(self.frame, other.id)
            matte = matte if known is None else np.maximum(matte, known.pixels)
            box = box_around(over, self.plane.shape)
            below = Plane(self.plane.shape).painted(box, matte[within(box)])
            plane = front.plane.beside(below, over)
            lost = _lost_px(front.plane, plane)
            if lost:  # what cannot be seen is rounding
                left_out = counted(lost, "pixel")
                said += [f"left out {left_out} of {other.name}, which is locked here"]
                front = replace(front, plane=plane)
        return front, said

    def _over(self, below: FloatArray) -> tuple[Overlap, ...]:
        """How it overlaps with the matte of another element."""
        over = [place for place in self.places if place in self.plane.tiles]
        if not over:
            return ()
        box = box_around(over, self.plane.shape)
        return overlaps(np.stack([self.plane.part(box), below[within(box)]]))

    def _tracked_below(self, draft: Draft, live: LiveMattes, other: str) -> Plane | None:
        """Return the tracked matte of another element if more than a seam of it is covered."""
        seen = live.newest(self.frame)
        if seen is None or other not in seen.planes or other in draft.locked(self.frame):
            return None
        if not seen.is_current and self.frame not in draft.drawings:
            return None
        below = seen.planes[other]
        return Plane.of(below) if self._over(below) else None


def with_front(draft: Draft, element: str) -> Drawn:
    """Give an element all pixels that it shares with others, in every keyframe that draws it."""
    after, pixels, frames = draft, 0, 0
    for frame, drawing in draft.drawings.items():
        front, lost = drawing.get(element), 0
        for key, below in drawing.items() if front is not None else ():
            left = below if key == element or front is None else below.beside(front, front.tiles)
            if left is not below:
                after = after.with_plane(frame, key, left)
                lost += _lost_px(below, left)
        pixels, frames = pixels + lost, frames + (lost > 0)
    took = f"took {counted(pixels, 'pixel')} in {counted(frames, 'keyframe')}"
    return Drawn(after, took if frames else "")


def _lost_px(before: Plane, after: Plane) -> int:
    """How many pixels have lost something that can be seen."""
    return sum(int(np.count_nonzero(lost > 1 / 255)) for lost in _losses(before, after))


def _losses(before: Plane, after: Plane) -> Iterator[FloatArray]:
    for place in after.changed_since(before):
        was = before.tiles[place]
        yield was - after.tiles.get(place, np.zeros_like(was))
