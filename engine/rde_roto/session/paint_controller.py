"""What the pen is put to: the chosen element at the frame one looks at, and the tool at work."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from rde_roto.images.masks import read_mask
from rde_roto.images.missing_frames import has_picture, on_disk
from rde_roto.images.plates import view_of
from rde_roto.model.network_view import Picture
from rde_roto.session import outlines
from rde_roto.session.draft import Draft
from rde_roto.session.editor import Work
from rde_roto.session.listeners import Listener
from rde_roto.session.live_mattes import Post
from rde_roto.session.painting import Brush, Line, grown, within
from rde_roto.session.planes import Plane
from rde_roto.session.polygon import Polygon
from rde_roto.session.shown_mattes import Showing
from rde_roto.session.smart_select import Hints, select
from rde_roto.session.toolbox import ToolName, tool_named
from rde_roto.session.tools import Hand, Tool
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


class Sheet:
    """Everything here is drawn on one element at one frame, each change one step of undo.

    Used from one thread, that which ``post`` leads to. An `Easel` to its tool.

    Args:
        work: the shot.
        showing: what is seen of it, and where.
        post: leads from other threads to that of the session.
        listener: told what changes.
    """

    def __init__(self, work: Work, showing: Showing, post: Post, listener: Listener) -> None:
        self.element = work.draft.elements[0].id
        self.brush = Brush()
        self.tool_name: ToolName = "brush"
        self.tool: Tool = tool_named("brush")
        self._work, self._showing = work, showing
        self._post, self._listener = post, listener
        self._changed, self._said = listener.picture_changed, listener.said

    # The tool.

    def take_up(self, name: ToolName) -> None:
        """Another tool."""
        self.tool.cancel(self)
        self.tool_name, self.tool = name, tool_named(name)
        self._listener.shot_changed()
        self._changed(None)

    def set_brush(self, brush: Brush) -> None:
        """Another brush."""
        self.brush = brush
        self._listener.shot_changed()
        self._changed(None)

    def size_brush(self, factor: float) -> None:
        """A larger or smaller brush."""
        self.set_brush(self.brush.sized(self.brush.radius_px * factor))

    def harden_brush(self, by: float) -> None:
        """A harder or softer brush."""
        hardness = min(max(round(self.brush.hardness + by, 2), 0.0), 1.0)
        self.set_brush(replace(self.brush, hardness=hardness))

    def put_down(self) -> bool:
        """Nothing is in the making any more; whether something was."""
        self._showing.drop()
        return self.tool.cancel(self)

    def press(self, hand: Hand) -> None:
        """The pen touches; where the element is locked, it says so instead."""
        if self._is_free():
            self.tool.press(self, hand)
            self._show_traces()

    def drag(self, hand: Hand) -> None:
        """The pen moves."""
        self.tool.drag(self, hand)
        self._show_traces()

    def release(self, hand: Hand) -> None:
        """The pen is lifted."""
        self.tool.release(self, hand)
        self._changed(None)

    def confirm(self) -> None:
        """Enter."""
        self.tool.confirm(self)
        self._changed(None)

    def toggle_smooth(self) -> None:
        """Straight lines between points, or a curve through them."""
        if not isinstance(self.tool, Polygon):
            self.take_up("polygon")
        if isinstance(self.tool, Polygon):
            smooth = self.tool.toggle_smooth(self)
            self._said("a curve through the points" if smooth else "straight lines")
            self._changed(None)

    # What tools do (`tools.Easel`).

    def pixels(self) -> FloatArray:
        """The chosen element at this frame, a copy: drawn, or else as tracked."""
        pixels = self._showing.pixels(self.element)
        if pixels is None:
            return np.zeros(self._showing.plate.format.data.shape, np.float32)
        copied: FloatArray = pixels.copy()
        return copied

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Shows what is not done yet; outside the box it is as it was shown before."""
        self._showing.show(self.element, pixels, box)
        self._changed(box)

    def commit(self, box: Window | None, pixels: FloatArray, label: str) -> None:
        """One step of undo."""
        if not self._is_free():
            self._showing.drop()
            return
        known = self._draft.drawn(self._frame, self.element)
        if known is None or box is None:
            plane = Plane.of(pixels)
        else:
            plane = known.painted(box, np.ascontiguousarray(pixels[within(box)]))
        self._showing.done(pixels, plane)
        self._do(plane, label)

    @property
    def lines(self) -> list[Line]:
        """The lines of the chosen element at this frame that can be moved."""
        plane = self._showing.drawn(self.element)
        return [] if plane is None else [outline.line for outline in plane.outlines]

    def draw_line(self, line: Line, label: str) -> None:
        """Draws one more of them."""
        if self._is_free():
            drawn = self._draft.drawn(self._frame, self.element)
            self._do(outlines.drawn(drawn or Plane.of(self.pixels()), line), label)

    def change_line(self, place: int, line: Line | None, label: str) -> None:
        """Draws another in place of one, or none."""
        plane = self._showing.drawn(self.element)
        if plane is not None and self._is_free():
            self._do(outlines.changed(plane, place, line), label)

    def drop(self) -> None:
        """Shows what is drawn."""
        self._showing.drop()
        self._changed(None)

    def select(self, hints: Hints) -> None:
        """Makes a mask of hints on another thread, then draws it."""
        frame, element, pixels = self._frame, self.element, self.pixels()
        self._said("selecting…")

        def made() -> None:
            box, mask = select(Picture.of(self._showing.plate, frame), pixels, hints)
            whole = pixels if hints.box is None else np.zeros_like(pixels)
            whole[within(box)] = mask
            self._post(partial(self._draw, frame, element, whole, "smart select"))

        self._work.aside(made)

    # What is done without a tool.

    def copy_matte(self) -> None:
        """Makes the frame a keyframe that starts from what is tracked there."""
        if not self._is_free():
            return
        if self._draft.drawn(self._frame, self.element) is not None:
            self._said(f"frame {self._frame} is a keyframe already")
        elif self._showing.pixels(self.element) is None:
            self._said("there is no matte here to start from: propagate, or paint one")
        else:
            self.commit(None, self.pixels(), "copy matte")

    def clear_frame(self) -> None:
        """Takes the chosen element's drawing away from this frame, which is tracked again."""
        if not self._is_free():
            return
        if self._draft.drawn(self._frame, self.element) is None:
            self._said(f"frame {self._frame} is no keyframe of this element")
        else:
            self._work.do(self._draft.without_plane(self._frame, self.element), "delete keyframe")

    def grow(self, by_px: int) -> None:
        """Moves the edge outwards, inwards where negative."""
        word = "grow" if by_px > 0 else "shrink"
        if self._is_free():
            self._draw(self._frame, self.element, grown(self.pixels(), by_px), word)

    def import_mask(self, path: Path) -> None:
        """Draws what a file holds: of several elements the first ones, new ones where they lack."""
        if not self._is_free():
            return
        plate = self._showing.plate
        planes, names = read_mask(path, plate.format, view=view_of(on_disk(plate)))
        draft = self._draft
        for place, plane in enumerate(planes):
            if len(planes) == 1:
                key = self.element
            else:
                if place >= len(draft.elements):
                    draft = draft.with_element(names[place])
                key = draft.elements[place].id
            draft = draft.with_plane(self._frame, key, Plane.of(plane))
        self._work.do(draft, f"import {path.name}")

    # Within.

    @property
    def _draft(self) -> Draft:
        return self._work.draft

    @property
    def _frame(self) -> int:
        return self._showing.frame

    def _draw(self, frame: int, element: str, pixels: FloatArray, label: str) -> None:
        known = [one.id for one in self._draft.elements]
        if element in known and element not in self._draft.locked(frame):
            self._work.do(self._draft.with_plane(frame, element, Plane.of(pixels)), label)
            self._said(label)

    def _do(self, plane: Plane, label: str) -> None:
        """Draws the chosen element at this frame."""
        self._work.do(self._draft.with_plane(self._frame, self.element, plane), label)

    def _is_free(self) -> bool:
        """Whether the chosen element may be drawn at this frame; else it says so."""
        if self.element in self._draft.locked(self._frame):
            self._said(f"frame {self._frame} is locked: unlock it first (X)")
            return False
        if not has_picture(self._showing.plate, self._frame):
            self._said(f"the plate lacks frame {self._frame}: draw on one that is there")
            return False
        return True

    def _show_traces(self) -> None:
        if self.tool.traces(self):
            self._changed(None)
