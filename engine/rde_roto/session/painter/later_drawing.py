"""Draw what other threads have made of mattes, or have read from files."""

from __future__ import annotations

from dataclasses import replace

from rde_roto.session.drawing.edge_marks import EdgeMark
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.painter.edge_range import MarkedEdge, RefinedFrame
from rde_roto.session.painter.element_drawing import ElementDrawing
from rde_roto.session.painter.importing import ImportedPlanes, ImportRequest
from rde_roto.session.painter.selecting import Gesture, Selected
from rde_roto.session.painter.tracing import TracedMatte
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import counted


class LaterDrawing(ElementDrawing):
    """Draw what was selected, refined, traced or imported on another thread, each as one step of
    undo. What it was made of may have changed meanwhile: then it is dropped, and the message says
    so.
    """

    def _draw_selected(self, gesture: Gesture, found: Selected | None) -> Plane | None:
        """Draw what was selected or refined, unless the element has gone or was locked meanwhile.
        Return what is drawn then.
        """
        frame, element, label = gesture.frame, gesture.element, gesture.label
        if not self._is_still_free(frame, element):
            is_locked = element in self._draft.locked(frame)
            why = f"frame {frame} is locked now" if is_locked else "its element was deleted"
            self._show_message(f"{label} is dropped: {why}")
            return None
        drawn = self._draft.drawn(frame, element)
        if found is None:
            self._show_message(gesture.nothing)
            return drawn
        plane = found.on(drawn)
        is_as_made = plane is found.plane
        if isinstance(gesture.hints, EdgeMark):
            plane = replace(plane, marks=(*plane.marks, gesture.hints))
        if is_as_made:
            self._shown.prepare(plane, found.pixels, found.codes)
        places = plane.tiles.keys() if drawn is None else plane.changed_since(drawn)
        after = self._in_front(self._draft, frame, element, plane, places)
        self._editor.apply(after.draft, label)
        self._show_message(f"{label}: {after.taken}" if after.taken else label)
        return after.draft.drawn(frame, element)

    def _draw_traced(self, matte: TracedMatte, plane: Plane) -> None:
        """Draw the lines of a matte, unless that has become another one meanwhile."""
        frame, element = matte.frame, matte.element
        is_free = self._is_still_free(frame, element)
        if not is_free or not matte.is_still(TracedMatte.of(self._editor, frame, element)):
            self._show_message(f"frame {frame} changed meanwhile: its lines are dropped")
        elif not plane.outlines:
            self._show_message("there is no matte here to make lines of: propagate, or paint one")
        else:
            drawn = self._in_front(self._draft, frame, element, plane)
            self._editor.apply(drawn.draft, "lines from the matte")
            points = sum(len(outline.line.points) for outline in plane.outlines)
            made = f"{counted(len(plane.outlines), 'line')} of {counted(points, 'point')}"
            self._show_message(f"{made}; {drawn.taken}" if drawn.taken else made)

    def _draw_refined(self, edge: MarkedEdge, found: list[RefinedFrame]) -> None:
        """Draw what was refined on many frames, but those that were drawn or locked meanwhile."""
        draft, frames, taken = self._draft, [], []
        for one in found:
            is_free = self._is_still_free(one.frame, edge.element)
            if is_free and draft.drawn(one.frame, edge.element) is one.before:
                drawn = self._in_front(draft, one.frame, edge.element, one.plane, one.places)
                draft = drawn.draft
                frames.append(one.frame)
                taken += [one.frame] if drawn.taken else []
        if frames:
            self._editor.apply(draft, "refine edge from in to out")
        left = edge.frames.difference(FrameRange.of([edge.frame, *frames]))
        said = f"the edge is refined on {counted(len(frames), 'more frame')}"
        if taken:
            said += f"; beside other elements, or taken from them, on {FrameRange.of(taken)}"
        why = "out of date (propagate first), locked, or no edge is there"
        self._show_message(f"{said}; not on {left}: {why}" if left else said)

    def _draw_imported(self, request: ImportRequest, found: ImportedPlanes) -> None:
        """Draw what a file holds at the frame where it was asked for. Elements that are locked
        there stay, and new ones are added where needed. Raises UsageError if it cannot be told
        which elements the planes are of.
        """
        draft, frame, label = self._draft, request.frame, request.label
        if request.element not in [one.id for one in draft.elements]:
            self._show_message(f"{label} is dropped: its element was deleted")
            return
        said = label if frame == self._frame else f"{label} at frame {frame}"
        has_replaced = False
        owners = found.owners(draft, request.element)
        for (owner, name), plane in zip(owners, found.planes, strict=True):
            draft = draft if owner else draft.with_element(name)
            key = owner or draft.elements[-1].id
            if key in draft.locked(frame):
                said += f"; {draft.element(key).name} is locked here and stays"
                continue
            was = self._draft.drawn(frame, key)  # not `draft`, which has planes of this file
            has_replaced |= was is not None and was is not request.before.get(key)
            drawn = self._in_front(draft, frame, key, plane)
            draft, said = drawn.draft, f"{said}; {drawn.taken}" if drawn.taken else said
        if draft is not self._draft:
            self._editor.apply(draft, label)
        if has_replaced:
            said += "; it replaces what was drawn meanwhile, which undo brings back"
        self._show_message(said)
