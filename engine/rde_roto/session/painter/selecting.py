"""Selections and refined edges in progress: one after the other, each on what the one before has
left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from rde_roto.model.network_view import Picture
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.edge_marks import EdgeMark, refined
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.selection import Change, Click, Hints, Selector
from rde_roto.session.mattes.backend import Post
from rde_roto.session.pictures.display_pixels import matte_pixels
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True, eq=False)
class Gesture:
    """What the artist indicates for an element at a frame: hints, or an edge. `start` is what is
    there if it is not drawn: float32 [H, W], not to be written to.
    """

    frame: int
    element: str
    hints: Hints | EdgeMark
    start: FloatArray

    @property
    def label(self) -> str:
        """What it does, in words."""
        return "refine edge" if isinstance(self.hints, EdgeMark) else "smart select"

    @property
    def notice(self) -> str:
        """What is being done, in words."""
        return "refining the edge…" if isinstance(self.hints, EdgeMark) else "selecting…"

    @property
    def nothing(self) -> str:
        """What to say if it changes nothing."""
        if isinstance(self.hints, EdgeMark):
            return "there is no edge under the brush"
        return "there is nothing to change here"


@dataclass(frozen=True, eq=False)
class Selected:
    """A change, and a plane with it, made of `before`, which was drawn then, or of what was there.

    `pixels` are those of the plane, and `codes` the same for the screen: at 4K each takes so long
    that the session's thread must not do it.
    """

    change: Change
    before: Plane | None
    plane: Plane
    pixels: FloatArray
    codes: Bytes

    @classmethod
    def of(cls, change: Change, before: Plane | None, start: FloatArray) -> Selected:
        """Apply a change to what is drawn, or to what is there if nothing is."""
        plane = with_change(change, before or Plane.of(start))
        pixels = plane.pixels
        return cls(change, before, plane, pixels, matte_pixels(pixels))

    def on(self, drawn: Plane | None) -> Plane:
        """Return the plane, or the change on what was drawn meanwhile."""
        if drawn is self.before or drawn is None:
            return self.plane
        return with_change(self.change, drawn)


def with_change(change: Change, plane: Plane) -> Plane:
    """Return the plane with a change."""
    base = Plane(plane.shape) if change.kind == "replaces" else plane
    return base.painted(change.box, change.over(base.part(change.box)))


class Selecting:
    """Selects and refines edges on a thread. Used from one thread, the one that ``post`` leads to.

    The clicks that led to a plane are known as long as the plane is, so undo brings them back too.

    Args:
        editor: holds the draft, and runs the thread.
        selector: selects.
        post: leads from the thread to that of the session.
        draw: draws what was selected, unless it is nothing, and returns what is drawn then.
        changed: called when it begins and when it is done.
    """

    def __init__(
        self,
        editor: ShotEditor,
        selector: Selector,
        post: Post,
        draw: Callable[[Gesture, Selected | None], Plane | None],
        changed: Callable[[], None],
    ) -> None:
        self._editor, self._selector, self._post = editor, selector, post
        self._draw, self._changed = draw, changed
        self._waiting: deque[Gesture] = deque()
        self._is_running = self._is_held = False
        self._looked_at: int | None = None  # the frame that the selector knows
        self._made_meanwhile: list[Callable[[], None]] = []  # while it is held
        self._clicks: WeakKeyDictionary[Plane, tuple[Click, ...]] = WeakKeyDictionary()

    @property
    def is_busy(self) -> bool:
        """Whether anything is being selected or refined."""
        return bool(self._waiting)

    @property
    def notice(self) -> str:
        """What is being done, in words; "" if nothing."""
        return self._waiting[0].notice if self._waiting else ""

    def add(self, gesture: Gesture) -> None:
        """Select, when what was indicated before is done."""
        self._waiting.append(gesture)
        if not self._is_running:
            self._start()
        self._changed()

    def look_at(self, frame: int) -> None:
        """Have the selector look at a frame ahead of its first click, unless it is busy."""
        if self._is_running or frame == self._looked_at:
            return
        self._is_running, self._looked_at = True, frame

        def look() -> None:
            try:
                self._selector.look_at(frame)
            finally:
                self._post(self._looked)

        self._editor.run_in_background(look)

    def cancel(self) -> bool:
        """Drop what is being selected; whether there was anything."""
        had = self.is_busy
        self._waiting.clear()
        return had

    def drop(self, frame: int, element: str) -> None:
        """Drop what is being selected of one element at a frame."""
        self._waiting = deque(w for w in self._waiting if (w.frame, w.element) != (frame, element))

    def hold(self) -> None:
        """Draw nothing until ``go_on``: the artist paints on what is there."""
        self._is_held = True

    def when_lifted(self, use: Callable[[], None]) -> None:
        """Use what came from a thread at once, or if it is held with ``go_on``."""
        if self._is_held:
            self._made_meanwhile.append(use)
        else:
            use()

    def go_on(self) -> None:
        """Draw again, first what was made meanwhile."""
        self._is_held = False
        made, self._made_meanwhile = self._made_meanwhile, []
        for use in made:
            use()

    def _start(self) -> None:
        gesture = self._waiting[0]
        plane = self._editor.draft.drawn(gesture.frame, gesture.element)
        earlier = () if plane is None else self._clicks.get(plane, ())
        hints = gesture.hints
        if isinstance(hints, Hints):
            hints = replace(hints, earlier=earlier)
        self._is_running = True
        if isinstance(hints, Hints):
            self._looked_at = gesture.frame

        def select() -> None:
            ended = partial(self._ended, gesture)
            try:
                before = gesture.start if plane is None else plane.pixels
                change = self._change(gesture.frame, before, hints)
                found = None if change is None else Selected.of(change, plane, gesture.start)
                made = partial(self._made, gesture, hints, found)
                ended = partial(self.when_lifted, made)
            finally:
                self._post(ended)

        self._editor.run_in_background(select)

    def _change(self, frame: int, before: FloatArray, hints: Hints | EdgeMark) -> Change | None:
        """Return what the hints or the mark change, on the thread."""
        if isinstance(hints, EdgeMark):
            return refined(Picture.of(self._editor.opened.parts.plate, frame), before, hints)
        return self._selector.select(frame, before, hints)

    def _made(self, gesture: Gesture, hints: Hints | EdgeMark, found: Selected | None) -> None:
        try:
            if self._is_awaited(gesture):
                plane = self._draw(gesture, found)
                if plane is not None and isinstance(hints, Hints) and hints.box is None:
                    self._clicks[plane] = (*hints.earlier, *hints.clicks)
        finally:
            self._ended(gesture)

    def _is_awaited(self, gesture: Gesture) -> bool:
        """Whether it was not dropped meanwhile."""
        return bool(self._waiting) and self._waiting[0] is gesture

    def _looked(self) -> None:
        self._is_running = False
        if self._waiting:
            self._start()

    def _ended(self, gesture: Gesture) -> None:
        self._is_running = False
        if self._is_awaited(gesture):
            self._waiting.popleft()
        if self._waiting:
            self._start()
        self._changed()
