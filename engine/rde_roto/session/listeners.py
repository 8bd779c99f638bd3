"""Protocols of what listens to a session and to its editor."""

from __future__ import annotations

from typing import Protocol

from rde_roto.values.plate import Window


class SessionListener(Protocol):
    """Shows a session. Called on the session's thread."""

    def picture_changed(self, box: Window | None) -> None:
        """The picture at this frame has changed, only within the box if there is one."""

    def shot_changed(self) -> None:
        """Elements, keyframes, locks, settings or states have changed."""

    def frame_changed_elsewhere(self) -> None:
        """Another frame is shown than the artist looked at, because undo or redo changed it."""

    def show_message(self, sentence: str) -> None:
        """Show a sentence to the artist."""


class EditorListener(Protocol):
    """Listens to an editor. Called on the session's thread."""

    def work_changed(self) -> None:
        """There is a new draft."""

    def mattes_changed(self) -> None:
        """Mattes, or what is known of them, have changed."""

    def show_message(self, sentence: str) -> None:
        """Show a sentence to the artist."""
