"""Ask before a command runs: for a file, a folder or a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractButton,
    QColorDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QWidget,
)

from rde_roto.documents.shot_document import SHOT_SUFFIX
from rde_roto.doors.server.jobs import Job
from rde_roto.doors.viewer import user_settings
from rde_roto.doors.viewer.dialogs import ExportDialog, QueueDialog
from rde_roto.doors.viewer.exporting import export_shapes, queue_job, start_export
from rde_roto.doors.viewer.settings import SettingsDialog
from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.doors.viewer.user_settings import LastExport
from rde_roto.images.layers import LayerError
from rde_roto.images.plates.movie_plate import MOVIE_SUFFIXES
from rde_roto.images.sequences import IMAGE_SUFFIXES
from rde_roto.node import RotoNode
from rde_roto.session.pictures.element_colours import colour_of, following_colour
from rde_roto.session.session import Session
from rde_roto.shapes import SHAPE_FILES
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import MaskMode, MaskModeError
from rde_roto.values.preset import Output

_HALF: Final = 127
_ACCEPT: Final = QMessageBox.ButtonRole.AcceptRole
_READ_AS: Final[dict[MaskMode, str]] = {
    "labels": "Labels",
    "colours": "Colours",
    "matte": "A matte",
}
_PICTURES: Final = tuple(sorted(IMAGE_SUFFIXES))


def add_element(window: ShotWindow) -> None:
    """Ask for a name, and add an element."""
    name, accepted = QInputDialog.getText(window.dialog_parent, "New element", "Name")
    if accepted and name.strip():
        window.the_session.add_element(name)


def rename_element(window: ShotWindow) -> None:
    """Ask for another name of the chosen element."""
    session = window.the_session
    key, plain = session.element, QLineEdit.EchoMode.Normal
    name, accepted = QInputDialog.getText(
        window.dialog_parent, "Rename element", "Name", plain, session.draft.element(key).name
    )
    if accepted and name.strip():
        session.rename(key, name)


def ask_colour(window: ShotWindow) -> None:
    """Ask for the display colour of the chosen element."""
    session = window.the_session
    now = QColor(colour_of(session.element, session.draft.elements))
    colour = QColorDialog.getColor(now, window.dialog_parent, "Colour of the element")
    if colour.isValid():
        session.set_colour(session.element, colour.name())


def next_colour(window: ShotWindow) -> None:
    """Show the chosen element in the next colour of the palette that stands out from the plate."""
    session = window.the_session
    now = colour_of(session.element, session.draft.elements)
    codes = session.shown.codes(session.element)
    below = None if codes is None else session.shown.plate_where(codes > _HALF)
    session.set_colour(session.element, following_colour(now, below))


def ask_open(window: ShotWindow) -> None:
    """Ask which plate or shot to open."""
    title = "Open a plate (any of its frames, or a movie) or a shot"
    plates = *_PICTURES, *sorted(MOVIE_SUFFIXES)
    kinds = _filters(
        ("Plates and shots", (*plates, SHOT_SUFFIX)), ("Plates", plates), ("Shots", (SHOT_SUFFIX,))
    )
    path, _ = QFileDialog.getOpenFileName(
        window.dialog_parent, title, user_settings.last_folder(), kinds
    )
    if path:
        window.open(path)


def ask_save_as(window: ShotWindow) -> None:
    """Ask for a name, and save the shot under it."""
    work = window.the_session.editor
    suggested = str(Path.home() / f"{work.name}{SHOT_SUFFIX}")
    path, _ = QFileDialog.getSaveFileName(
        window.dialog_parent, "Save the shot as", suggested, _filters(("Shots", (SHOT_SUFFIX,)))
    )
    if path:
        named = path if path.endswith(SHOT_SUFFIX) else f"{path}{SHOT_SUFFIX}"
        work.save_as(Path(named))
        user_settings.remember_opened(named)
        window.show_message(f"saved as {named}; every change is saved there from now on")


def may_be_lost(window: ShotWindow) -> bool:
    """Ask what to do about changes that could not be saved; whether the shot may be closed now."""
    asked = QMessageBox(window.dialog_parent)
    asked.setIcon(QMessageBox.Icon.Warning)
    asked.setWindowTitle("Not saved")
    asked.setText("The last changes are not saved.")
    asked.setInformativeText(window.the_session.editor.unsaved)
    save = asked.addButton("Save as…", _ACCEPT)
    discard = asked.addButton(QMessageBox.StandardButton.Discard)
    asked.addButton(QMessageBox.StandardButton.Cancel)
    asked.exec()
    clicked = asked.clickedButton()
    asked.deleteLater()
    if clicked is save:
        window.run_command("Save the shot as…")
        return not window.the_session.editor.unsaved
    return clicked is discard


def may_be_dropped(window: ShotWindow, making: str) -> bool:
    """Ask whether the shot may be closed before something is made."""
    asked = QMessageBox(window.dialog_parent)
    asked.setIcon(QMessageBox.Icon.Warning)
    asked.setWindowTitle("Not done yet")
    asked.setText("Something is still being made, and is dropped if the shot is closed now.")
    asked.setInformativeText(making.partition("…")[0])
    drop = asked.addButton("Close without it", QMessageBox.ButtonRole.DestructiveRole)
    asked.setDefaultButton(asked.addButton("Wait", QMessageBox.ButtonRole.RejectRole))
    asked.exec()
    asked.deleteLater()
    return asked.clickedButton() is drop


def ask_import(window: ShotWindow) -> None:
    """Ask which mask or shapes to import."""
    window.player.play(0)  # it goes to the frame that is shown when one asks
    text, _ = QFileDialog.getOpenFileName(
        window.dialog_parent,
        "A mask for this frame, or shapes",
        user_settings.last_folder(),
        _filters(
            ("Masks and shapes", (*_PICTURES, *SHAPE_FILES)),
            ("Masks", _PICTURES),
            ("Shapes", SHAPE_FILES),
        ),
    )
    if text:
        path = Path(text)
        window.the_session.paint.import_file(path, partial(_ask_mode, window, path.name))


def _ask_mode(
    window: ShotWindow, name: str, error: MaskModeError, choose: Callable[[MaskMode], None]
) -> None:
    """Ask how a mask is meant that could be read in several ways."""
    asked = QMessageBox(window.dialog_parent)
    asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    asked.setWindowTitle(f"Import {name}")
    asked.setText(f"{error.sentence[0].upper()}{error.sentence[1:]}.")
    asked.setInformativeText("How is it to be read?")
    modes = {asked.addButton(_READ_AS[mode], _ACCEPT): mode for mode in error.modes}
    asked.addButton(QMessageBox.StandardButton.Cancel)

    def chosen(button: QAbstractButton) -> None:
        for offered, mode in modes.items():
            if button is offered:
                choose(mode)

    asked.buttonClicked.connect(chosen)
    asked.open()


def ask_layer(parent: QWidget, error: LayerError) -> str | None:
    """Ask which of several pictures in a plate's files is the plate; None if none is chosen."""
    layer, accepted = QInputDialog.getItem(
        parent, "Which picture is the plate?", "Layer", error.layers, editable=False
    )
    return layer if accepted else None


def ask_export(window: ShotWindow) -> None:
    """Ask where to export mattes. Raises UsageError while there is nothing to export."""
    session, backend = window.the_session, window.backend
    _settled_node(session)
    assert backend is not None
    last, output = user_settings.last_export(), session.draft.preset.output
    folder = Path.home() / "mattes" if last is None else Path(last.folder)
    if last is not None:
        kept = {"format": last.format, "compression": last.compression}
        with suppress(ValidationError):  # of another version of this program
            output = Output(**{**output.model_dump(), **kept, "data_window": last.data_window})
    pattern = folder / f"{session.editor.name}.####{'.exr' if last is None else last.suffix}"

    def start(files: str, chosen: Output) -> Job:
        node = _settled_node(session)  # what threads made may have come while one was asked
        job = start_export(session, backend, node, files, chosen)
        path = Path(files).absolute()
        how = chosen.format, chosen.compression, chosen.data_window
        user_settings.remember_export(LastExport(str(path.parent), path.suffix, *how))
        return job

    frames = FrameRange.of(session.range.walk(*session.navigation.bounds))
    untracked = FrameRange.of(frame for frame in frames if not session.live.is_made(frame))
    said = _said_of_export(frames, untracked)
    parent, tell = window.dialog_parent, window.show_message
    ExportDialog(parent, str(pattern), output, start, said, tell).open()


def _said_of_export(frames: FrameRange, untracked: FrameRange) -> str:
    """Return which frames are exported, and which of them nobody has seen yet."""
    tracked = f" Not tracked yet, and tracked first: {untracked.words}." if untracked else ""
    return (
        f"Frames {frames.words}, from in to out.{tracked} Files that are there are kept "
        "where they are up to date, and replaced where changed."
    )


def ask_export_shapes(window: ShotWindow) -> None:
    """Ask where to export shapes. Raises UsageError while there is nothing to export."""
    session = window.the_session
    _settled_node(session)
    last = user_settings.last_export()
    folder = Path.home() if last is None else Path(last.folder)
    path, _ = QFileDialog.getSaveFileName(
        window.dialog_parent,
        "Shapes of the mattes from in to out",
        str(folder / f"{session.editor.name}.nk"),
        _filters(*((f"Shapes, {ending}", (ending,)) for ending in (".nk", ".json", ".mask.json"))),
    )
    if path:

        def tell(sentence: str) -> None:
            window.ui_queue.post(partial(window.show_message, sentence))

        node = _settled_node(session)  # what threads made may have come while one was asked
        export_shapes(session, node, Path(path), tell)
        window.show_message("making shapes…")


def _settled_node(session: Session) -> RotoNode:
    """The node of the shot as it is now. Raises UsageError while there is none, or while what the
    artist asked for is still to be drawn.
    """
    if session.paint.making:
        raise UsageError(f"this would not be part of it yet: {session.paint.making}")
    if session.live.is_empty:
        raise UsageError("there is nothing to export yet: paint a keyframe first")
    failed, node = session.live.try_again(), session.live.node
    if failed:
        raise UsageError(f"{failed}. It is being tried again: export once more in a moment")
    if node is None or not session.live.is_settled:
        raise UsageError("the last change is still being processed: try again in a moment")
    return node


def ask_queue(window: ShotWindow) -> None:
    """Ask which hot folder to queue the shot in."""
    session = window.the_session

    def queue(folder: str, name: str) -> None:
        path = queue_job(session, Path(folder), name)
        user_settings.remember_hot_folder(folder)
        window.show_message(f"queued: {path}")

    name, folder = session.editor.name, user_settings.hot_folder()
    QueueDialog(window.dialog_parent, name, folder, queue).open()


def ask_settings(window: ShotWindow) -> None:
    """Show the settings."""
    session = window.the_session
    SettingsDialog(window.dialog_parent, session.draft.preset, session.set_preset).open()


def _filters(*kinds: tuple[str, Sequence[str]]) -> str:
    """Return kinds of files, each a word and its suffixes, as Qt's file dialogs have them."""
    known = [f"{word} (*{' *'.join(suffixes)})" for word, suffixes in kinds]
    return ";;".join([*known, "All files (*)"])
