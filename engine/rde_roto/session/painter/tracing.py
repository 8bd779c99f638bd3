"""Make lines of a matte, on a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.drawing.outlines import of_lines
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.shape_lines import lines_of_matte
from rde_roto.session.mattes.backend import Post
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True, eq=False)
class TracedMatte:
    """An element's matte at a frame: what is drawn there, and the digest of what is tracked."""

    frame: int
    element: str
    drawn: Plane | None
    digest: str | None

    @classmethod
    def of(cls, editor: ShotEditor, frame: int, element: str) -> TracedMatte:
        """Return the matte as it is now."""
        seen = editor.live.newest(frame)
        digest = None if seen is None else seen.digest
        return cls(frame, element, editor.draft.drawn(frame, element), digest)

    def is_still(self, now: TracedMatte) -> bool:
        """Whether this is what is there now, too."""
        is_drawn = self.drawn is not None or now.drawn is not None
        return self.drawn is now.drawn if is_drawn else self.digest == now.digest


class Tracing:
    """Makes lines of one matte at a time. Used from the thread that ``post`` leads to.

    Args:
        editor: holds the draft and its mattes, and runs the thread.
        post: leads from the thread to that of the session.
        draw: draws the plane of the lines.
        changed: called when there is another notice.
    """

    def __init__(
        self,
        editor: ShotEditor,
        post: Post,
        draw: Callable[[TracedMatte, Plane], None],
        changed: Callable[[], None],
    ) -> None:
        self._editor, self._post, self._draw, self._changed = editor, post, draw, changed
        self._matte: TracedMatte | None = None

    @property
    def notice(self) -> str:
        """What is being made, in words; "" if nothing."""
        return "" if self._matte is None else "making lines of the matte…   Esc: stop"

    def start(self, frame: int, element: str, pixels: FloatArray) -> None:
        """Make lines of a matte, float32 [H, W], in place of those that were being made."""
        matte = self._matte = TracedMatte.of(self._editor, frame, element)
        plate = self._editor.opened.parts.plate.format

        def trace() -> None:
            ended = partial(self._ended, matte, None)
            try:
                plane = of_lines(lines_of_matte(pixels, plate), plate.data.shape)
                ended = partial(self._ended, matte, plane)
            finally:
                self._post(ended)

        self._editor.run_in_background(trace)
        self._changed()

    def cancel(self) -> bool:
        """Draw nothing; whether lines were being made."""
        matte, self._matte = self._matte, None
        return matte is not None

    def _ended(self, matte: TracedMatte, plane: Plane | None) -> None:
        if self._matte is matte:
            self.cancel()
            if plane is not None:
                self._draw(matte, plane)
            self._changed()
