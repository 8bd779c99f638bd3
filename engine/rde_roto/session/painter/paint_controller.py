"""Paint on the chosen element at the frame that is shown, with the tool in use."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing import outlines
from rde_roto.session.drawing.edge_brush import RefineEdge
from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.lines import Line
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.polygon import Polygon
from rde_roto.session.drawing.selection import Hints, Selector
from rde_roto.session.drawing.tools import Fill, Lasso, Painter, PenEvent, Smart, Tool
from rde_roto.session.listeners import SessionListener
from rde_roto.session.mattes.backend import Post
from rde_roto.session.painter.carried_lines import CarriedLines
from rde_roto.session.painter.edge_range import EdgeRange, MarkedEdge, is_marked
from rde_roto.session.painter.importing import Ask, Importing, ImportRequest
from rde_roto.session.painter.later_drawing import LaterDrawing
from rde_roto.session.painter.selecting import Gesture, Selecting
from rde_roto.session.painter.tracing import Tracing
from rde_roto.session.shown_mattes import ShownMattes
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, MaskMode
from rde_roto.values.plate import Window


class PaintController(LaterDrawing):
    """Draw with tools. With `subtracts` they remove instead of add.

    Used from one thread, the one that ``post`` leads to. It is the `PaintTarget` of its tool.

    Args:
        work: holds the draft.
        showing: the mattes that are shown.
        selector: selects elements by clicks.
        post: leads from other threads to that of the session.
        listener: called when something changes.
    """

    def __init__(
        self,
        work: ShotEditor,
        showing: ShownMattes,
        selector: Selector,
        post: Post,
        listener: SessionListener,
    ) -> None:
        super().__init__(work, showing, listener)
        self.brush = Brush.for_plate(showing.plate.format.data.height)
        self.subtracts = False
        self.tool_name: ToolName = "brush"
        self.tool: Tool = tool_named("brush")
        changed = partial(self._changed, None)
        self.selecting = Selecting(work, selector, post, self._draw_selected, changed)
        lifted = self._posting(post)
        self._carried = CarriedLines(work, lifted, changed)
        self._edge_range = EdgeRange(work, lifted, self._draw_refined, changed)
        self._tracing = Tracing(work, lifted, self._draw_traced, changed)
        self._importing = Importing(work, lifted, self._draw_imported, changed)
        self._makers = self.selecting, self._edge_range, self._tracing, self._importing

    @property
    def notice(self) -> str:
        """What the artist waits for or must know before drawing; "" if nothing."""
        return self.making or self.start.notice(self.element)

    @property
    def making(self) -> str:
        """What is being selected, refined, read or made lines of, in words; "" if nothing."""
        return next((one.notice for one in self._makers if one.notice), "")

    # The tool.

    @property
    def is_erasing(self) -> bool:
        """Whether the brush takes away: the eraser, or a brush that subtracts."""
        return self.subtracts != (self.tool_name == "eraser")

    def choose_tool(self, name: ToolName) -> None:
        """Choose another tool."""
        self.cancel_tool()
        self.tool_name, self.tool = name, tool_named(name)
        self.hover()
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
        had = self.tool.cancel(self)
        self.selecting.go_on()
        return had

    def hover(self) -> None:
        """Handle the pen being over the picture: smart select looks at the frame before the click,
        which at 4K saves the artist most of the wait for the first one.
        """
        if self.tool_name == "smart":
            self.selecting.look_at(self._frame)

    def press(self, pen: PenEvent) -> None:
        """Handle the pen going down. If the element is locked, its matte is not there yet, or the
        plate cannot be shown, say so instead.
        """
        pen = self._aimed(pen)
        if (
            self._is_free()
            and self._can_be_seen()
            and (not self.tool.changes_matte(pen) or self._has_start())
        ):
            self.selecting.hold()
            self.tool.press(self, pen)
            self._show_traces()

    def drag(self, pen: PenEvent) -> None:
        """Handle the pen moving."""
        self.tool.drag(self, self._aimed(pen))
        self._show_traces()

    def release(self, pen: PenEvent) -> None:
        """Handle the pen being lifted."""
        self.tool.release(self, self._aimed(pen))
        self.selecting.go_on()
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

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Show unfinished pixels; outside the box as they were shown before."""
        self._shown.show_unfinished(self.element, pixels, box)
        self._changed(box)

    @property
    def lines(self) -> list[Line]:
        """The editable lines of the chosen element at this frame: drawn, or else carried here."""
        plane = self._shown.drawn(self.element)
        if plane is None:
            return list(self._carried.at(self._frame, self.element).lines)
        return list(plane.lines)

    @property
    def are_carried(self) -> bool:
        """Whether the lines are carried here, and drawn at another frame."""
        return self._shown.drawn(self.element) is None

    def draw_line(self, line: Line, label: str) -> None:
        """Draw one more line."""
        if self._is_free():
            drawn = self._draft.drawn(self._frame, self.element) or Plane.of(self.pixels())
            plane = outlines.with_line(drawn, line)
            self._do(plane, label, plane.changed_since(drawn))

    def change_line(self, place: int, line: Line | None, label: str) -> None:
        """Replace a line, or delete it with None. Lines that are carried here become drawn ones,
        and the frame a keyframe whose mask is drawn from them.
        """
        if not self._is_free():
            return
        plane = self._shown.drawn(self.element)
        if plane is not None:
            changed = outlines.with_line_changed(plane, place, line)
            self._do(changed, label, changed.changed_since(plane))
            return
        carried = self._carried.at(self._frame, self.element)
        if carried.source is not None:
            plane = outlines.drawn_from(carried.lines, carried.source, self.pixels())
            changed = outlines.with_line_changed(plane, place, line)
            self._show_message(f"frame {self._frame} is a keyframe now, drawn from its lines")
            self._do(changed, label, changed.tiles.keys())

    def drop(self) -> None:
        """Show what is drawn instead of unfinished pixels."""
        self._shown.drop_unfinished()
        self._changed(None)

    def select(self, hints: Hints) -> None:
        """Select on another thread what hints say. Clicks change a matte, which must be there."""
        if hints.box is not None or self._has_start():
            self.selecting.add(Gesture(self._frame, self.element, hints, self.pixels()))

    def refine(self, mark: EdgeMark) -> None:
        """Find a marked edge anew from the plate on another thread, then draw it."""
        self.selecting.add(Gesture(self._frame, self.element, mark, self.pixels()))

    def trace_matte(self) -> None:
        """Draw the element's matte at this frame as lines instead, found on another thread. They
        follow to other frames as those do that an artist drew.
        """
        if self._is_free() and self._has_start():
            self._tracing.start(self._frame, self.element, self.pixels())

    def import_file(self, path: Path, ask: Ask, mode: MaskMode = "auto") -> None:
        """Draw what a file of masks holds, or one of shapes has at this frame, as editable lines,
        once another thread has read it.

        A single element becomes the chosen one, unless its label is the number of another. Of
        several, masks go to the elements of their numbers (`mask_elements`), shapes to those of
        their names. `mode` says how a mask is read; `ask` is called if that cannot be told.
        """
        if self._is_free():
            before = self._draft.drawings.get(self._frame, {})
            request = ImportRequest(path, mode, self._frame, self.element, before, ask)
            self._importing.start(request)

    def clear_frame(self) -> None:
        """Delete the chosen element's drawing at this frame, and what is being drawn there."""
        self.selecting.drop(self._frame, self.element)
        super().clear_frame()

    def clear_frames(self, frames: FrameRange) -> None:
        """Delete the chosen element's other keyframes, and what is being drawn there."""
        element, before = self.element, self._draft
        super().clear_frames(frames)
        for frame in frames:
            if before.drawn(frame, element) and not self._draft.drawn(frame, element):
                self.selecting.drop(frame, element)

    def refine_range(self, frames: FrameRange) -> None:
        """Repeat the strokes that refined the chosen element's edge at this frame on other frames,
        where the track has carried them, as one step of undo. Takes a moment.
        """
        plane = self._shown.drawn(self.element)
        if not is_marked(plane):
            self._show_message("refine an edge at this frame first (7): there is nothing to repeat")
        else:
            self._edge_range.start(MarkedEdge(self._frame, self.element, frames))

    def cancel_making(self) -> bool:
        """Drop what is being selected, refined, read or made lines of; whether there was
        anything.
        """
        return sum(one.cancel() for one in self._makers) > 0  # not any(): it would leave the others

    def close(self) -> None:
        """Drop what is being made, stop carrying lines, and end their thread."""
        self.cancel_making()
        self._carried.close()

    # Private.

    def _posting(self, post: Post) -> Post:
        """Lead to the session's thread, but not in the middle of a stroke or a drag, which is about
        what was there when it began.
        """
        return lambda use: post(partial(self.selecting.when_lifted, use))

    def _aimed(self, pen: PenEvent) -> PenEvent:
        return replace(pen, subtracts=pen.reverses != self.subtracts)

    def _can_be_seen(self) -> bool:
        """Whether the plate at this frame can be shown; if not, say why, and read it again."""
        error = self._shown.plate_error
        if error:
            self._shown.try_plate_again()
            self._show_message(f"frame {self._frame} cannot be shown, so nothing is drawn: {error}")
        return not error

    def _show_traces(self) -> None:
        if self.tool.traces(self):
            self._changed(None)


ToolName: TypeAlias = Literal["brush", "eraser", "polygon", "lasso", "fill", "smart", "refine"]


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
        case "refine":
            return RefineEdge()
