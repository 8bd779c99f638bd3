"""Who shows a session."""

from __future__ import annotations

from typing import Protocol

from rde_roto.values.plate import Window


class Listener(Protocol):
    """Who shows a session; told on the session's own thread."""

    def picture_changed(self, box: Window | None) -> None:
        """What is seen at this frame is another; only within the box, if there is one."""

    def shot_changed(self) -> None:
        """Elements, keyframes, locks, settings or states are others."""

    def said(self, sentence: str) -> None:
        """A sentence for the artist."""
