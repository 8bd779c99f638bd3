"""Draw the chosen element at the frame that is shown, without a tool."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from rde_roto.images.plates.missing_frames import has_picture
from rde_roto.session.document.draft import Draft
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.painting import within
from rde_roto.session.drawing.planes import Place, Plane, box_around, touched
from rde_roto.session.listeners import SessionListener
from rde_roto.session.painter.drawing_start import DrawingStart
from rde_roto.session.painter.exclusion import Drawn, Front, with_front
from rde_roto.session.pictures.element_colours import colour_of, first_colour
from rde_roto.session.shown_mattes import ShownMattes
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import beside
from rde_roto.values.plate import Window


class ElementDrawing:
    """Draw on one element at one frame. Each change is one step of undo, with what it takes from
    the other elements.

    `element` is the id of the chosen element; `start` sees to it that there is something to draw
    on.
    """

    def __init__(self, work: ShotEditor, showing: ShownMattes, listener: SessionListener) -> None:
        self.element = work.draft.elements[0].id
        self.start = DrawingStart(work, showing, listener)
        self._editor, self._shown, self._listener = work, showing, listener
        self._changed, self._show_message = listener.picture_changed, listener.show_message

    def pixels(self) -> FloatArray:
        """Return a copy of the chosen element at this frame: as drawn, or else as tracked, beside
        what is drawn of the others.
        """
        pixels = self._shown.pixels(self.element)
        if pixels is None:
            return np.zeros(self._shown.plate.format.data.shape, np.float32)
        drawing = self._draft.drawings.get(self._frame, {})
        if drawing and self.element not in drawing and not self._shown.is_unfinished(self.element):
            return beside(pixels, np.stack([plane.pixels for plane in drawing.values()]))
        copied: FloatArray = pixels.copy()
        return copied

    def commit(self, box: Window | None, pixels: FloatArray, label: str) -> None:
        """Draw pixels as one step of undo."""
        if not self._is_free():
            self._shown.drop_unfinished()
            return
        known = self._draft.drawn(self._frame, self.element)
        if known is None or box is None:
            plane = Plane.of(pixels)
        else:
            plane = known.painted(box, np.ascontiguousarray(pixels[within(box)]))
        self._shown.finish(pixels, plane)
        self._do(plane, label, frozenset(touched(plane.box if box is None else box)))

    def copy_matte(self) -> None:
        """Make the frame a keyframe that starts from its tracked matte."""
        if not self._is_free():
            return
        if self._draft.drawn(self._frame, self.element) is not None:
            self._show_message(f"frame {self._frame} is a keyframe already")
        elif self._shown.pixels(self.element) is None:
            self._show_message("there is no matte here to start from: propagate, or paint one")
        else:
            self.commit(None, self.pixels(), "copy matte")

    def clear_frame(self) -> None:
        """Delete the chosen element's drawing at this frame, which is then tracked again."""
        if not self._is_free():
            return
        if self._draft.drawn(self._frame, self.element) is None:
            self._show_message(f"frame {self._frame} is not a keyframe of this element")
        else:
            draft = self._draft.without_plane(self._frame, self.element)
            begins = self._later_start(draft)
            self._editor.apply(draft, "delete keyframe")
            if begins:
                self._show_message(f"deleted the keyframe at {self._frame}{begins}")

    def clear_frames(self, frames: FrameRange) -> None:
        """Delete the chosen element's keyframes among some frames, but the one that is shown, as
        one step of undo; they are tracked again then. Locked frames stay.
        """
        if self._draft.drawn(self._frame, self.element) is None:
            self._show_message("go to a keyframe of this element first: it is the one that stays")
            return
        drawn = [frame for frame, planes in self._draft.drawings.items() if self.element in planes]
        others = FrameRange.of(frame for frame in drawn if frame != self._frame)
        draft, deleted = self._draft, []
        for frame in others.intersection(frames):
            if self.element not in draft.locked(frame):
                draft = draft.without_plane(frame, self.element)
                deleted.append(frame)
        if deleted:
            begins = self._later_start(draft)
            self._editor.apply(draft, "delete keyframes from in to out")
            where = FrameRange.of(deleted)
            self._show_message(f"deleted the keyframes at {where}: propagate{begins}")
        else:
            self._show_message(f"there is no other keyframe of this element at {frames}")

    def _later_start(self, draft: Draft) -> str:
        """Return in words that in another draft the chosen element does not exist before one of its
        keyframes, where it did so far: its mattes are empty up to there. Empty if that is not so.
        """
        starts = []
        for one in (self._draft, draft):
            own = [frame for frame, planes in one.drawings.items() if self.element in planes]
            is_introduced = own and min(own) > min(one.drawings)
            starts.append(min(own) if is_introduced else None)
        before, after = starts
        element = draft.element(self.element)
        if after is None or after == before or element.in_point is not None:
            return ""
        return f"; {element.name} is empty before {after} now, as its first keyframe is there"

    def grow(self, by_px: int) -> None:
        """Move the edge outwards, inwards if negative."""
        word = "grow" if by_px > 0 else "shrink"
        if self._is_free() and self._has_start():
            drawn = (
                None if self._shown.is_unfinished(self.element) else self._shown.drawn(self.element)
            )
            plane = Plane.of(self.pixels()) if drawn is None else drawn
            self._draw(self._frame, self.element, plane.grown(by_px), word)

    def take_overlaps(self) -> None:
        """Give the chosen element all pixels that it shares with others, in every keyframe."""
        drawn = with_front(self._draft, self.element)
        if drawn.taken:
            self._editor.apply(drawn.draft, "take overlaps")
        self._show_message(drawn.taken or "it overlaps with no other element in any keyframe")

    # For this class and the one with tools.

    @property
    def _draft(self) -> Draft:
        return self._editor.draft

    @property
    def _frame(self) -> int:
        return self._shown.frame

    def _draw(self, frame: int, element: str, plane: Plane, label: str) -> None:
        """Draw what was made meanwhile, unless the element has gone or was locked."""
        if self._is_still_free(frame, element):
            drawn = self._in_front(self._draft, frame, element, plane)
            self._editor.apply(drawn.draft, label)
            self._show_message(f"{label}: {drawn.taken}" if drawn.taken else label)

    def _is_still_free(self, frame: int, element: str) -> bool:
        """Whether an element is still there and not locked at a frame."""
        known = [one.id for one in self._draft.elements]
        return element in known and element not in self._draft.locked(frame)

    def _do(self, plane: Plane, label: str, places: Collection[Place]) -> None:
        """Draw the chosen element at this frame, of which some tiles are new."""
        drawn = self._in_front(self._draft, self._frame, self.element, plane, places)
        self._editor.apply(drawn.draft, label)
        if drawn.taken:
            self._show_message(f"{label}: {drawn.taken}")

    def _in_front(
        self,
        draft: Draft,
        frame: int,
        element: str,
        plane: Plane,
        places: Collection[Place] | None = None,
    ) -> Drawn:
        """Draw a plane, and take what it covers in some tiles, or in all, from the others. The
        first one of an element brings the colour that it is shown in.
        """
        if frame == self._frame and not any(element in by for by in draft.drawings.values()):
            draft = self._with_first_colour(draft, element, plane)
        front = Front(frame, element, plane, plane.tiles.keys() if places is None else places)
        locked = self._editor.locked_mattes(draft, frame)
        return front.drawn_on(draft, self._editor.live, locked)

    def _with_first_colour(self, draft: Draft, element: str, plane: Plane) -> Draft:
        if plane.is_empty:
            return draft
        box = box_around(plane.tiles, plane.shape)
        below = self._shown.plate_where(plane.part(box) > 0.5, box)
        first = first_colour(element, draft.elements, below)
        is_now = first == colour_of(element, draft.elements)
        return draft if is_now else draft.coloured(element, first)

    def _has_start(self) -> bool:
        is_ready = self.start.is_ready(self.element)
        if not is_ready:
            self._changed(None)  # shows what is awaited
        return is_ready

    def _is_free(self) -> bool:
        """Whether the chosen element may be drawn at this frame; if not, say why."""
        if self.element in self._draft.locked(self._frame):
            self._show_message(f"frame {self._frame} is locked: unlock it first (Shift+X)")
            return False
        if not has_picture(self._shown.plate, self._frame):
            self._show_message(f"the plate lacks frame {self._frame}: draw on one that is there")
            return False
        return True
