"""What commands, panel and dialogs may use of the window that they belong to."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtWidgets import QDialog, QWidget

from rde_roto.doors.viewer.canvas import Canvas
from rde_roto.doors.viewer.player import Player
from rde_roto.doors.viewer.shot_bar import ShotBar
from rde_roto.doors.viewer.ui_queue import UiQueue
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.session import Session
from rde_roto.session.unlearned import UnlearnedKeyframes


class ShotWindow(Protocol):
    """A window that shows one session at a time.

    `session` and `backend` are None while no shot is open. `device` is what the network learns on.
    `learn_dialog` is the dialog of the lesson that was begun, if it is open.
    """

    session: Session | None
    backend: Backend | None
    device: str
    ui_queue: UiQueue
    unlearned: UnlearnedKeyframes
    learn_dialog: QDialog | None

    @property
    def dialog_parent(self) -> QWidget:
        """The parent widget for dialogs."""

    @property
    def the_session(self) -> Session:
        """The session. Raises UsageError while no shot is open."""

    @property
    def canvas(self) -> Canvas:
        """The picture."""

    @property
    def shot_bar(self) -> ShotBar:
        """The bar below everything."""

    @property
    def player(self) -> Player:
        """Plays the shot."""

    def open(self, text: str) -> bool:
        """Open a shot document or a plate in place of what is open; whether that succeeded."""

    def close(self) -> bool:
        """Close the window."""

    def run_command(self, text: str) -> None:
        """Run the command of this name, and show its error if it fails."""

    def show_message(self, sentence: str) -> None:
        """Show a sentence in the status bar."""

    def view_changed(self) -> None:
        """Update everything after a change of how the shot is shown."""

    def toggle_explaining(self) -> None:
        """Show beside the picture why its matte looks as it does, or show that no longer."""

    def wipe_against(self, against: Against) -> None:
        """Show something on the right side of a wipe. Raises UsageError if there is nothing."""
