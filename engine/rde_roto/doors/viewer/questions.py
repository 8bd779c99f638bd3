"""Ask before a command runs: for a file, a folder or a name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QColorDialog, QFileDialog, QInputDialog

from rde_roto.documents.shot_document import SHOT_SUFFIX
from rde_roto.doors.viewer import user_settings
from rde_roto.doors.viewer.dialogs import ExportDialog, QueueDialog
from rde_roto.doors.viewer.exporting import queue_job, start_export
from rde_roto.doors.viewer.settings import SettingsDialog
from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.doors.viewer.style import colour_of
from rde_roto.values.errors import RotoError, UsageError


def add_element(window: ShotWindow) -> None:
    """Ask for a name, and add an element."""
    name, accepted = QInputDialog.getText(window.dialog_parent, "New element", "Name")
    if accepted and name.strip():
        window.the_session.add_element(name)


def ask_colour(window: ShotWindow) -> None:
    """Ask for the display colour of the chosen element."""
    session = window.the_session
    now = colour_of(session.element, session.draft.elements)
    colour = QColorDialog.getColor(now, window.dialog_parent, "Colour of the element")
    if colour.isValid():
        session.set_colour(session.element, colour.name())


def ask_open(window: ShotWindow) -> None:
    """Ask which plate or shot to open."""
    path, _ = QFileDialog.getOpenFileName(window.dialog_parent, "Open a plate or a shot")
    if path:
        window.open(path)


def ask_save_as(window: ShotWindow) -> None:
    """Ask for a name, and save the shot under it."""
    work = window.the_session.editor
    suggested = str(Path.home() / f"{work.name}{SHOT_SUFFIX}")
    path, _ = QFileDialog.getSaveFileName(window.dialog_parent, "Save the shot as", suggested)
    if path:
        named = path if path.endswith(SHOT_SUFFIX) else f"{path}{SHOT_SUFFIX}"
        work.save_as(Path(named))
        user_settings.remember_opened(named)
        window.show_message(f"saved as {named}; every change is saved there from now on")


def ask_import(window: ShotWindow) -> None:
    """Ask which mask to import."""
    path, _ = QFileDialog.getOpenFileName(window.dialog_parent, "A mask for this frame")
    if path:
        window.the_session.paint.import_mask(Path(path))


def ask_export(window: ShotWindow) -> None:
    """Ask where to export mattes. Raises UsageError while there is nothing to export."""
    session, backend = window.the_session, window.backend
    if backend is None or not session.draft.drawings:
        raise UsageError("there is nothing to export yet: paint a keyframe first")
    node = session.live.node
    if node is None or not session.live.is_settled:
        raise UsageError("the last change is still being processed: try again in a moment")
    name = session.editor.name
    pattern = str(Path.home() / "mattes" / f"{name}.####.exr")
    start = partial(start_export, session, backend, node)
    ExportDialog(window.dialog_parent, pattern, session.draft.preset.output, start).open()


def ask_queue(window: ShotWindow) -> None:
    """Ask which hot folder to queue the shot in."""
    session = window.the_session
    name = session.editor.name
    dialog = QueueDialog(window.dialog_parent, name, user_settings.hot_folder())

    def queue() -> None:
        folder = dialog.folder.text()
        try:
            path = queue_job(session, Path(folder), dialog.name.text())
        except RotoError as error:
            window.show_message(str(error))
            return
        user_settings.remember_hot_folder(folder)
        window.show_message(f"queued: {path}")

    dialog.accepted.connect(queue)
    dialog.open()


def ask_settings(window: ShotWindow) -> None:
    """Show the settings."""
    session = window.the_session
    SettingsDialog(window.dialog_parent, session.draft.preset, session.set_preset).open()
