"""What the window asks before it does something: which file, which folder, which name."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QColorDialog, QFileDialog, QInputDialog

from rde_roto.documents.shot_document import SHOT_SUFFIX
from rde_roto.doors.viewer import user_settings as memory
from rde_roto.doors.viewer.dialogs import ExportDialog, QueueDialog
from rde_roto.doors.viewer.exporting import queue_job, start_export
from rde_roto.doors.viewer.settings import SettingsDialog
from rde_roto.doors.viewer.style import colour_of
from rde_roto.values.errors import RotoError, UsageError

if TYPE_CHECKING:
    from rde_roto.doors.viewer.window import MainWindow


def add_element(window: MainWindow) -> None:
    """Asks for a name."""
    name, said = QInputDialog.getText(window, "New element", "Name")
    if said and name.strip():
        window.the_session.add_element(name)


def ask_colour(window: MainWindow) -> None:
    """Asks which colour the chosen element is to be shown in."""
    session = window.the_session
    now = colour_of(session.element, session.draft.elements)
    colour = QColorDialog.getColor(now, window, "Colour of the element")
    if colour.isValid():
        session.set_colour(session.element, colour.name())


def ask_open(window: MainWindow) -> None:
    """Asks which file."""
    path, _ = QFileDialog.getOpenFileName(window, "A frame of a plate, a movie or a shot")
    if path:
        window.open(path)


def ask_save_as(window: MainWindow) -> None:
    """Asks under which name."""
    work = window.the_session.editor
    suggested = str(Path.home() / f"{work.name}{SHOT_SUFFIX}")
    path, _ = QFileDialog.getSaveFileName(window, "Save the shot as", suggested)
    if path:
        named = path if path.endswith(SHOT_SUFFIX) else f"{path}{SHOT_SUFFIX}"
        work.save_as(Path(named))
        memory.remember(named)
        window.show_message(f"saved as {named}; every change is saved there from now on")


def ask_import(window: MainWindow) -> None:
    """Asks which mask."""
    path, _ = QFileDialog.getOpenFileName(window, "A mask for this frame")
    if path:
        window.the_session.paint.import_mask(Path(path))


def ask_export(window: MainWindow) -> None:
    """Asks where to. Raises UsageError while there is nothing to export."""
    session, backend = window.the_session, window.backend
    if backend is None or not session.draft.drawings:
        raise UsageError("there is nothing to export yet: paint a keyframe first")
    node = session.live.node
    if node is None or not session.live.is_settled:
        raise UsageError("the last change is still being worked out: try again in a moment")
    name = session.editor.name
    pattern = str(Path.home() / "mattes" / f"{name}.####.exr")
    start = partial(start_export, session, backend, node)
    ExportDialog(window, pattern, session.draft.preset.output, start).open()


def ask_queue(window: MainWindow) -> None:
    """Asks which hot folder."""
    session = window.the_session
    name = session.editor.name
    dialog = QueueDialog(window, name, memory.hot_folder())

    def queue() -> None:
        folder = dialog.folder.text()
        try:
            path = queue_job(session, Path(folder), dialog.name.text())
        except RotoError as error:
            window.show_message(str(error))
            return
        memory.keep_hot_folder(folder)
        window.show_message(f"queued: {path}")

    dialog.accepted.connect(queue)
    dialog.open()


def ask_settings(window: MainWindow) -> None:
    """Shows the settings."""
    session = window.the_session
    SettingsDialog(window, session.draft.preset, session.set_preset).open()
