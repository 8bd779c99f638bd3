"""What a drawing starts from: the element's matte at the frame, which is tracked first if there is
none.
"""

from __future__ import annotations

from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.listeners import SessionListener
from rde_roto.session.shown_mattes import ShownMattes


class DrawingStart:
    """Makes sure that a stroke on a frame that is not tracked yet does not become its whole matte.

    Used by one `PaintController`, on its thread.
    """

    def __init__(self, editor: ShotEditor, shown: ShownMattes, listener: SessionListener) -> None:
        self._editor, self._shown, self._listener = editor, shown, listener
        self._awaited: tuple[int, str] | None = None
        self._from_nothing: set[tuple[int, str]] = set()

    @property
    def awaited(self) -> int | None:
        """The frame that is being tracked so that it can be drawn on."""
        return None if self._awaited is None else self._awaited[0]

    def notice(self, element: str) -> str:
        """Return what drawing the element at the frame that is shown waits for, or starts from, if
        that is not its matte; "" if it is.
        """
        if self._awaited is not None:
            return f"tracking frame {self._awaited[0]} first…   Esc: draw it from nothing"
        key = self._shown.frame, element
        starts_empty = key in self._from_nothing and self._shown.pixels(element) is None
        return f"frame {key[0]} is drawn from nothing" if starts_empty else ""

    def is_ready(self, element: str) -> bool:
        """Whether an element can be drawn on at the frame that is shown. If not, the frame is
        tracked first, and a message says so.
        """
        key = self._shown.frame, element
        if self._shown.pixels(element) is not None or key in self._from_nothing:
            return True
        if not self._is_tracked(element):
            return True  # a first drawing
        self._awaited = key
        self._listener.show_message(
            f"frame {key[0]} is tracked first, to correct its matte: draw when it is here, "
            "or press Esc to draw it from nothing"
        )
        self._editor.live.track_first(key[0])
        return False

    def from_nothing(self) -> bool:
        """Stop waiting for a matte, and draw without one; whether one was awaited."""
        if self._awaited is None:
            return False
        key, self._awaited = self._awaited, None
        self._from_nothing.add(key)
        self._editor.live.drop(key[0])
        self._listener.show_message(f"draw frame {key[0]} from nothing")
        return True

    def leave(self) -> None:
        """Stop waiting, because another frame is shown, or the shot is another one."""
        self._awaited = None

    def mattes_changed(self) -> None:
        """See whether the matte has come, or will not come."""
        is_made = self._editor.live.is_made
        self._from_nothing = {key for key in self._from_nothing if not is_made(key[0])}
        if self._awaited is None:
            return
        frame, element = self._awaited
        if self._shown.pixels(element) is not None:
            self._awaited = None
            self._listener.show_message(f"frame {frame} is tracked: draw on it")
        elif self._is_known and not self._editor.live.is_waiting(frame):
            self._awaited = None  # it was stopped or failed, which has been said
            self._from_nothing.add((frame, element))

    @property
    def _is_known(self) -> bool:
        """Whether it is known what can be tracked of the shot as it is now."""
        return self._editor.live.is_settled or self._editor.live.has_failed

    def _is_tracked(self, element: str) -> bool:
        """Whether the element is drawn at another frame and exists at this one."""
        frame, draft = self._shown.frame, self._editor.draft
        drawn = [planes[element] for at, planes in draft.drawings.items() if element in planes]
        if all(plane.is_empty for plane in drawn):
            return False
        node = self._editor.live.node
        is_known = node is not None and element in node.shot.ids
        return not is_known or node is None or element in node.shot.existing(frame)
