"""Paint on the chosen element at the frame that is shown, with the tool in use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rde_roto.images.masks import read_mask
from rde_roto.images.missing_frames import has_picture, on_disk
from rde_roto.images.plates import view_of
from rde_roto.model.network_view import Picture
from rde_roto.session import outlines
from rde_roto.session.backend import Post
from rde_roto.session.draft import Draft
from rde_roto.session.drawing_start import DrawingStart
from rde_roto.session.editor import ShotEditor
from rde_roto.session.exclusion import Drawn, Front, with_front
from rde_roto.session.listeners import SessionListener
from rde_roto.session.painting import Brush, Line, grown, within
from rde_roto.session.planes import Place, Plane, touched
from rde_roto.session.polygon import Polygon
from rde_roto.session.shown_mattes import ShownMattes
from rde_roto.session.smart_select import Hints, select
from rde_roto.session.tools import Fill, Lasso, Painter, PenEvent, Smart, Tool
from rde_roto.values.matte import FloatArray
from rde_roto.values.overlaps import beside
from rde_roto.values.plate import Window


class PaintController:
    """Draw on one element at one frame. Each change is one step of undo.

    Used from one thread, the one that ``post`` leads to. It is the `PaintTarget` of its tool. With
    `subtracts` tools remove instead of add.

    Args:
        editor: holds the draft.
        shown: the mattes that are shown.
        post: leads from other threads to that of the session.
        listener: called when something changes.
    """

    def __init__(
        self, work: ShotEditor, showing: ShownMattes, post: Post, listener: SessionListener
    ) -> None:
        self.element = work.draft.elements[0].id
        self.brush = Brush.for_plate(showing.plate.format.data.height)
        self.subtracts = False
        self.tool_name: ToolName = "brush"
        self.tool: Tool = tool_named("brush")
        self._editor, self._shown = work, showing
        self._post, self._listener = post, listener
        self._changed, self._show_message = listener.picture_changed, listener.show_message
        self.start = DrawingStart(work, showing, listener)
        self._selecting = 0

    @property
    def busy(self) -> str:
        """What the artist waits for; "" if nothing."""
        if self.start.awaited is not None:
            return f"tracking frame {self.start.awaited} first…   Esc: draw it from nothing"
        return "selecting…" if self._selecting else ""

    # The tool.

    @property
    def is_erasing(self) -> bool:
        """Whether the brush takes away: the eraser, or a brush that subtracts."""
        return self.subtracts != (self.tool_name == "eraser")

    def choose_tool(self, name: ToolName) -> None:
        """Choose another tool."""
        self.tool.cancel(self)
        self.tool_name, self.tool = name, tool_named(name)
        self._listener.shot_changed()
        self._changed(None)

    def toggle_subtracts(self) -> None:
        """Switch tools between adding and subtracting."""
        self.subtracts = not self.subtracts
        self._show_message("tools subtract now" if self.subtracts else "tools add now")
        self._listener.shot_changed()
        self._changed(None)

    def set_brush(self, brush: Brush) -> None:
        """Set the brush."""
        self.brush = brush
        self._listener.shot_changed()
        self._changed(None)

    def scale_brush(self, factor: float) -> None:
        """Make the brush larger or smaller."""
        self.set_brush(self.brush.sized(self.brush.radius_px * factor))

    def change_hardness(self, by: float) -> None:
        """Make the brush harder, or softer if negative."""
        hardness = min(max(round(self.brush.hardness + by, 2), 0.0), 1.0)
        self.set_brush(replace(self.brush, hardness=hardness))

    def cancel_tool(self) -> bool:
        """Cancel what the tool is doing; whether there was anything."""
        self._shown.drop_unfinished()
        return self.tool.cancel(self)

    def press(self, pen: PenEvent) -> None:
        """Handle the pen going down. If the element is locked or its matte is not there yet, say
        so instead.
        """
        pen = self._aimed(pen)
        if self._is_free() and (not self.tool.changes_matte(pen) or self._has_start()):
            self.tool.press(self, pen)
            self._show_traces()

    def drag(self, pen: PenEvent) -> None:
        """Handle the pen moving."""
        self.tool.drag(self, self._aimed(pen))
        self._show_traces()

    def release(self, pen: PenEvent) -> None:
        """Handle the pen being lifted."""
        self.tool.release(self, self._aimed(pen))
        self._changed(None)

    def confirm(self) -> None:
        """Handle Enter."""
        self.tool.confirm(self)
        self._changed(None)

    def toggle_smooth(self) -> None:
        """Switch between straight lines and a curve through the points."""
        if not isinstance(self.tool, Polygon):
            self.choose_tool("polygon")
        if isinstance(self.tool, Polygon):
            smooth = self.tool.toggle_smooth(self)
            self._show_message("a curve through the points" if smooth else "straight lines")
            self._changed(None)

    # What tools call (`tools.PaintTarget`).

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

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Show unfinished pixels; outside the box as they were shown before."""
        self._shown.show_unfinished(self.element, pixels, box)
        self._changed(box)

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

    @property
    def lines(self) -> list[Line]:
        """The editable lines of the chosen element at this frame."""
        plane = self._shown.drawn(self.element)
        return [] if plane is None else [outline.line for outline in plane.outlines]

    def draw_line(self, line: Line, label: str) -> None:
        """Draw one more line."""
        if self._is_free():
            drawn = self._draft.drawn(self._frame, self.element) or Plane.of(self.pixels())
            plane = outlines.with_line(drawn, line)
            self._do(plane, label, plane.changed_since(drawn))

    def change_line(self, place: int, line: Line | None, label: str) -> None:
        """Replace a line, or delete it with None."""
        plane = self._shown.drawn(self.element)
        if plane is not None and self._is_free():
            changed = outlines.with_line_changed(plane, place, line)
            self._do(changed, label, changed.changed_since(plane))

    def drop(self) -> None:
        """Show what is drawn instead of unfinished pixels."""
        self._shown.drop_unfinished()
        self._changed(None)

    def select(self, hints: Hints) -> None:
        """Make a mask from hints on another thread, then draw it."""
        frame, element, pixels = self._frame, self.element, self.pixels()
        self._selecting += 1
        self._changed(None)

        def made() -> None:
            try:
                box, mask = select(Picture.of(self._shown.plate, frame), pixels, hints)
                whole = pixels if hints.box is None else np.zeros_like(pixels)
                whole[within(box)] = mask
                self._post(partial(self._draw, frame, element, whole, "smart select"))
            finally:
                self._post(self._selected)

        self._editor.run_in_background(made)

    # Edits without a tool.

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
            self._editor.apply(
                self._draft.without_plane(self._frame, self.element), "delete keyframe"
            )

    def grow(self, by_px: int) -> None:
        """Move the edge outwards, inwards if negative."""
        word = "grow" if by_px > 0 else "shrink"
        if self._is_free() and self._has_start():
            self._draw(self._frame, self.element, grown(self.pixels(), by_px), word)

    def import_mask(self, path: Path) -> None:
        """Draw what a mask file holds. Of several elements, new ones are added where needed."""
        if not self._is_free():
            return
        plate = self._shown.plate
        planes, names = read_mask(path, plate.format, view=view_of(on_disk(plate)))
        draft, label = self._draft, f"import {path.name}"
        for place, plane in enumerate(planes):
            if len(planes) == 1:
                key = self.element
            else:
                if place >= len(draft.elements):
                    draft = draft.with_element(names[place])
                key = draft.elements[place].id
            drawn = self._in_front(draft, self._frame, key, Plane.of(plane))
            draft, label = drawn.draft, f"{label}; {drawn.taken}" if drawn.taken else label
        self._editor.apply(draft, f"import {path.name}")
        self._show_message(label)

    def take_overlaps(self) -> None:
        """Give the chosen element all pixels that it shares with others, in every keyframe."""
        drawn = with_front(self._draft, self.element)
        if drawn.taken:
            self._editor.apply(drawn.draft, "take overlaps")
        self._show_message(drawn.taken or "it overlaps with no other element in any keyframe")

    # Private.

    @property
    def _draft(self) -> Draft:
        return self._editor.draft

    @property
    def _frame(self) -> int:
        return self._shown.frame

    def _draw(self, frame: int, element: str, pixels: FloatArray, label: str) -> None:
        """Draw what was made meanwhile, unless the element has gone or was locked."""
        known = [one.id for one in self._draft.elements]
        if element in known and element not in self._draft.locked(frame):
            drawn = self._in_front(self._draft, frame, element, Plane.of(pixels))
            self._editor.apply(drawn.draft, label)
            self._show_message(f"{label}: {drawn.taken}" if drawn.taken else label)

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
        """Draw a plane, and take what it covers in some tiles, or in all, from the others."""
        front = Front(frame, element, plane, plane.tiles.keys() if places is None else places)
        return front.drawn_on(draft, self._editor.live)

    def _aimed(self, pen: PenEvent) -> PenEvent:
        return replace(pen, subtracts=pen.reverses != self.subtracts)

    def _selected(self) -> None:
        self._selecting -= 1
        self._changed(None)

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

    def _show_traces(self) -> None:
        if self.tool.traces(self):
            self._changed(None)


ToolName: TypeAlias = Literal["brush", "eraser", "polygon", "lasso", "fill", "smart"]


def tool_named(name: ToolName) -> Tool:
    """Return a new tool."""
    match name:
        case "brush":
            return Painter()
        case "eraser":
            return Painter(erases=True)
        case "polygon":
            return Polygon()
        case "lasso":
            return Lasso()
        case "fill":
            return Fill()
        case "smart":
            return Smart()
