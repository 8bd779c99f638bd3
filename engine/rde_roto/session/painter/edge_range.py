"""Repeat the strokes that refined the edge of a keyframe on other frames, where the track has
carried them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard

import numpy as np

from rde_roto.images.plates.missing_frames import has_picture
from rde_roto.model.network_view import Picture
from rde_roto.node import RotoNode
from rde_roto.session.document.draft import Draft
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.edge_marks import EdgeMark, refined
from rde_roto.session.drawing.planes import Place, Plane
from rde_roto.session.mattes.backend import Post
from rde_roto.session.mattes.followed_mattes import FollowedMattes
from rde_roto.session.painter.selecting import with_change
from rde_roto.shapes.carrying import Carrier
from rde_roto.values.errors import CancelledError
from rde_roto.values.frames import FrameRange
from rde_roto.values.overlaps import beside


@dataclass(frozen=True, eq=False)
class MarkedEdge:
    """The marks of an element's keyframe, and the frames to repeat them on."""

    frame: int
    element: str
    frames: FrameRange


@dataclass(frozen=True, eq=False)
class RefinedFrame:
    """What was drawn at a frame, None if nothing, and the same, or else the tracked matte, with its
    edge refined, in the tiles at `places` alone. `digest` is that of the frame's matte then.
    """

    frame: int
    before: Plane | None
    plane: Plane
    places: Collection[Place]
    digest: str


class EdgeRange:
    """Refines an edge on many frames, on a thread. Used from the one that ``post`` leads to.

    Args:
        editor: holds the draft and its mattes, and runs the thread.
        post: leads from the thread to that of the session.
        draw: draws what was refined, in the order in which the frames were reached.
        changed: called when there is another notice.
    """

    def __init__(
        self,
        editor: ShotEditor,
        post: Post,
        draw: Callable[[MarkedEdge, list[RefinedFrame]], None],
        changed: Callable[[], None],
    ) -> None:
        self._editor, self._post, self._draw, self._changed = editor, post, draw, changed
        self._edge: MarkedEdge | None = None
        self.notice = ""

    def start(self, edge: MarkedEdge) -> None:
        """Refine the frames that are tracked, once it is known which are; in place of what was
        being refined.
        """
        self._edge = edge
        self._tell(edge, edge.frame)
        self._editor.live.when_settled(partial(self._begin, edge), partial(self._ended, edge, None))

    def cancel(self) -> bool:
        """Draw nothing; whether anything was being refined."""
        edge, self._edge, self.notice = self._edge, None, ""
        return edge is not None

    def _begin(self, edge: MarkedEdge, node: RotoNode) -> None:
        if self._edge is not edge:
            return
        draft, own_node = self._editor.draft, node.edited()  # not to be used from two threads
        if not is_marked(draft.drawn(edge.frame, edge.element)):  # not any more
            self._ended(edge, [])
            return

        def refine() -> None:
            found: list[RefinedFrame] = []
            ended = partial(self._ended, edge, None)
            try:
                mattes = FollowedMattes(own_node, edge.element, lambda: self._edge is not edge)
                for one in _refined(draft, mattes, edge):
                    found.append(one)
                    self._post(partial(self._tell, edge, one.frame))
                ended = partial(self._ended, edge, found)
            except CancelledError:
                pass
            finally:
                self._post(ended)

        self._editor.run_in_background(refine)

    def _tell(self, edge: MarkedEdge, frame: int) -> None:
        if self._edge is edge:
            self.notice = f"refining the edge from in to out: frame {frame}…   Esc: stop"
            self._changed()

    def _ended(self, edge: MarkedEdge, found: list[RefinedFrame] | None) -> None:
        """Draw what was refined, but not what is tracked otherwise now, when that is known."""
        live = self._editor.live
        if self._edge is not edge:
            return
        if found is not None and not (live.is_settled or live.has_failed):
            again = partial(self._post, partial(self._ended, edge, found))
            live.when_settled(lambda _node: again(), again)
            return
        self.cancel()
        if found is not None:
            same = [one for one in found if one.before or live.digest(one.frame) == one.digest]
            self._draw(edge, same)
        self._changed()


def is_marked(plane: Plane | None) -> TypeGuard[Plane]:
    """Whether strokes have refined an edge of a plane, which is still there."""
    return plane is not None and bool(plane.marks) and not plane.is_empty


def _refined(draft: Draft, mattes: FollowedMattes, edge: MarkedEdge) -> Iterator[RefinedFrame]:
    """Refine frame by frame, backward and forward from the keyframe, as far as the edge can be
    followed. Frames that are locked, and those without a picture, stay.
    """
    marks, plate = draft.drawings[edge.frame][edge.element].marks, mattes.node.shot.plate
    ends = min(edge.frames.first, edge.frame), max(edge.frames.last, edge.frame)
    for end in ends:
        for frame, there in _carried(marks, mattes, edge.frame, end):
            is_locked = edge.element in draft.locked(frame)
            if frame in edge.frames and not is_locked and has_picture(plate, frame):
                drawn = draft.drawn(frame, edge.element)
                before = drawn or _tracked(draft, mattes, frame)
                after = _with_marks(before, Picture.of(plate, frame), there)
                if after is not before:
                    places = after.changed_since(before)
                    yield RefinedFrame(frame, drawn, after, places, mattes.node.digest(frame))


def _carried(
    marks: Sequence[EdgeMark], mattes: FollowedMattes, start: int, end: int
) -> Iterator[tuple[int, list[EdgeMark]]]:
    """Yield the frames after a keyframe, up to another frame, with the marks as they lie there."""
    points = mattes.scaled(np.array([point for mark in marks for point, _ in mark.pen]))
    carrier = Carrier(points, mattes.outlines(start), mattes.window)
    for frame in mattes.node.shot.range.walk(start, end):
        if frame == start:
            continue
        moved = carrier.add(mattes.outlines(frame)) if mattes.is_there(frame) else None
        if moved is None:
            return
        places = ((x, y) for x, y in mattes.on_plate(moved).tolist())
        pens = [tuple((next(places), pressure) for _, pressure in mark.pen) for mark in marks]
        yield frame, [replace(mark, pen=pen) for mark, pen in zip(marks, pens, strict=True)]


def _tracked(draft: Draft, mattes: FollowedMattes, frame: int) -> Plane:
    """Return the tracked matte, beside what is drawn of other elements."""
    node = mattes.node
    alpha = node.matte(frame, mattes.cancel).alpha[node.shot.ids.index(mattes.element)]
    others = [plane.pixels for plane in draft.drawings.get(frame, {}).values()]
    return Plane.of(beside(alpha, np.stack(others)) if others else alpha)


def _with_marks(plane: Plane, picture: Picture, marks: Sequence[EdgeMark]) -> Plane:
    """Return the plane with its edge refined; the same one if no mark lies on an edge."""
    after = plane
    for mark in marks:
        change = refined(picture, after.pixels, mark)
        after = after if change is None else with_change(change, after)
    return after
