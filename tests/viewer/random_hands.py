"""Hands that do anything at all before a window, by its real widgets, and what must hold then."""

from __future__ import annotations

import faulthandler
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from desk import HEIGHT, LEFT, NO_KEY, WIDTH, Desk, answered_by_dropping
from image_files import read_image
from PIL import Image
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QPushButton,
)
from session_bench import not_asked
from tablet import ERASER, PEN, Tablet

from rde_roto.doors.viewer.commands import COMMANDS
from rde_roto.doors.viewer.dialogs import ExportDialog, KeyDialog
from rde_roto.doors.viewer.settings import SettingsDialog
from rde_roto.doors.viewer.text_editors import is_text_editor
from rde_roto.session.document.draft import Draft
from rde_roto.session.document.frame_states import FrameState
from rde_roto.session.document.opening import open_draft
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.pictures.picture_cache import Bytes

RIGHT, MIDDLE = Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
ZOOM = 2
HALF_PX = ZOOM // 2
CODES = 255
NEAR_CODES = 0.7
"""Half a code that a screen rounds by, and what a half float of an export is off."""
REST_SHARE = 0.2
LOOKED_AT = 4
"""Frames of an export that are compared with the window."""
HAS_MATTE = (FrameState.KEYFRAME, FrameState.MADE, FrameState.LOCKED)

WITH_DIALOG = {"Close", "Keys", "New element"} | {
    command.text for command in COMMANDS if command.text.endswith("…")
}
WITH_DIALOG_BUTTONS = ("New", "Colour", "Learn the shot…")
PLAIN_KEYS = [key for one in COMMANDS if one.text not in WITH_DIALOG for key in one.keys]
TOOL_KEYS = [key for one in COMMANDS if one.menu == "Tools" for key in one.keys]
WORK_KEYS = ["Ctrl+Z", "Ctrl+Y", "C", "Del", "+", "-", "Shift+O", "Return", "Esc", "Tab", "P", "T"]
WORK_KEYS += ["Ctrl+P", "Right", "Left", "Home", "End", "Shift+X", "Ctrl+Shift+X", "N", "Shift+N"]
NAMES = ["hero", "car", "Ärmel", "a b", "", "  ", "12", "hero2", "x" * 40, ".a/b", "Hero"]


@contextmanager
def nothing_escapes() -> Iterator[None]:
    """Fails with what was raised where Qt or a thread swallows it: in slots, events, callbacks."""
    raised: list[BaseException] = []
    before = sys.excepthook, threading.excepthook, sys.unraisablehook

    def note(_kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            raised.append(error)

    sys.excepthook = note
    threading.excepthook = lambda args: note(None, args.exc_value, None)
    sys.unraisablehook = lambda args: note(None, args.exc_value, None)
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before
    if raised:
        raise raised[0]


def content(draft: Draft) -> dict[str, Any]:
    """What a draft says, in values that can be compared."""
    return {
        "elements": draft.elements,
        "drawings": {
            (frame, key): _drawn(plane)
            for frame, drawing in draft.drawings.items()
            for key, plane in drawing.items()
        },
        "preset": draft.preset,
        "learned": draft.learned,
    }


def _drawn(plane: Plane) -> tuple[Any, ...]:
    lines = [(one.line, one.before.pixels.tobytes()) for one in plane.outlines]
    return plane.pixels.tobytes(), lines, plane.marks


@dataclass
class Hands:
    """Does random things on a shot. `done` says what, to do them again by hand."""

    desk: Desk
    draw: random.Random
    folder: Path
    document: Path
    done: list[str] = field(default_factory=list)
    first: dict[str, Any] = field(default_factory=dict)
    copies: int = 0

    def open(self, path: Path) -> None:
        """Open a shot, which shows what was left there."""
        with answered_by_dropping():
            self.desk.open(path)
        self.desk.dialog_closed()
        self.first = content(self.desk.session.draft)

    def act(self) -> None:
        """Do something, and wait a little, or until nothing is being made, or not at all."""
        self._do(ACTS)
        if self.draw.random() < REST_SHARE:
            self.rest()

    def _do(self, acts: Mapping[Callable[[Hands], None], int]) -> None:
        do = self.draw.choices(list(acts), weights=list(acts.values()))[0]
        self.done.append(do.__name__)
        do(self)
        for _ in range(self.draw.choice((0, 1, 1, 4))):
            self.desk.app.processEvents()

    def note(self, *words: object) -> None:
        self.done[-1] += " " + " ".join(map(str, words))

    # What hands do.

    def key(self) -> None:
        keys = self.draw.choice(self.draw.choice((PLAIN_KEYS, WORK_KEYS, WORK_KEYS, TOOL_KEYS)))
        self.note(keys)
        self.desk.key(keys)

    def drag(self) -> None:
        points = self._points(self.draw.randint(1, 5))
        button = self.draw.choice((LEFT, LEFT, LEFT, RIGHT, MIDDLE))
        keys = self.draw.choice((NO_KEY, NO_KEY, NO_KEY, SHIFT, ALT, CONTROL))
        self.note(points, button.name, keys)
        self.desk.drag(*points, button=button, keys=keys)

    def drag_and_key(self) -> None:
        """Press a key, or turn the wheel, while the button is down."""
        points = self._points(self.draw.randint(2, 5))
        button = self.draw.choice((LEFT, LEFT, RIGHT))
        at = [self.desk.at(*point) for point in points]
        canvas, half = self.desk.window.canvas, self.draw.randrange(len(at))
        keys = self.draw.choice([*WORK_KEYS, *TOOL_KEYS])
        self.note(points, button.name, f"at {half}: {keys}")
        QTest.mousePress(canvas, button, NO_KEY, at[0])
        for number, point in enumerate(at):
            QTest.mouseMove(canvas, point)
            if number == half:
                self.desk.key(keys)
                if self.draw.random() < 0.3:
                    self.rest(is_lifted=False)
        QTest.mouseRelease(canvas, button, NO_KEY, at[-1])

    def lose_a_release(self) -> None:
        """Open a dialog while a button is down, and let go over it."""
        points = self._points(3)
        button = self.draw.choice((LEFT, RIGHT, MIDDLE))
        self.note(points, button.name)
        canvas, at = self.desk.window.canvas, [self.desk.at(*point) for point in points]
        QTest.mousePress(canvas, button, NO_KEY, at[0])
        QTest.mouseMove(canvas, at[1])
        self.desk.key("?")
        for dialog in self.desk.window.findChildren(KeyDialog):
            dialog.reject()
        self.desk.dialog_closed()
        over = canvas.mapToGlobal(at[2]).toPointF()
        up = Qt.MouseButton.NoButton
        event = QMouseEvent(QEvent.Type.MouseMove, at[2].toPointF(), over, up, up, NO_KEY)
        QApplication.sendEvent(canvas, event)

    def pen_stroke(self) -> None:
        """A stroke of a tablet's pen, or of its other end, which is perhaps not lifted."""
        points, end = self._points(3), self.draw.choice((PEN, PEN, ERASER))
        self.note(points, end.name)
        pen = Tablet(self.desk, end)
        pen.send(QEvent.Type.TabletPress, points[0], self.draw.random())
        for point in points[1:]:
            pen.send(QEvent.Type.TabletMove, point, self.draw.random())
        if self.draw.random() < 0.8:
            pen.send(QEvent.Type.TabletRelease, points[-1], 0.0)

    def pen_and_mouse(self) -> None:
        """Press a button of the mouse while the pen touches the tablet."""
        points = self._points(5)
        button = self.draw.choice((LEFT, LEFT, RIGHT, MIDDLE))
        self.note(points, button.name)
        pen, canvas = Tablet(self.desk), self.desk.window.canvas
        at = [self.desk.at(*point) for point in points]
        pen.send(QEvent.Type.TabletPress, points[0], 0.5)
        QTest.mousePress(canvas, button, NO_KEY, at[1])
        pen.send(QEvent.Type.TabletMove, points[2], 0.8)
        QTest.mouseMove(canvas, at[3])
        ends: list[Callable[[], object]] = [
            lambda: QTest.mouseRelease(canvas, button, NO_KEY, at[3]),
            lambda: pen.send(QEvent.Type.TabletRelease, points[4], 0.0),
        ]
        self.draw.shuffle(ends)
        for end in ends:
            end()

    def export_at_once(self) -> None:
        """Export in the middle of whatever is going on, if the window allows it."""
        session = self.desk.session
        draft, out = session.draft, self._exported()
        if out is not None and session.draft is draft:  # nothing came while it was written
            self.rest()
            if session.draft is draft:
                self.note("as shown")
                self.is_as_shown(out)

    def stop_an_export(self) -> None:
        """Begin to export, and close the dialog at once."""
        self.desk.key("Ctrl+E")
        for export in self.desk.window.findChildren(ExportDialog):
            export.pattern.setText(str(self.folder / "stopped/m.####.exr"))
            export.go.click()
            export.reject()
        self.desk.dialog_closed()

    def wait_instead_of_closing(self) -> None:
        """Close the window, but not while something is being made."""

        def answer(asked: QDialog) -> None:
            self.note("wait")
            asked.reject()

        if self.desk.session.editor.locking or self.desk.session.paint.making:
            with self.desk.answering(answer):
                assert not self.desk.window.close()

    def polygon(self) -> None:
        points = self._points(self.draw.randint(3, 5))
        self.note(points)
        self.desk.key("3")
        for point in points:
            self.desk.click(*point)
        self.desk.key(self.draw.choice(("Return", "Return", "S", "Esc")))

    def select(self) -> None:
        (point,) = self._points(1)
        self.note(point)
        self.desk.key("6")
        self.desk.click(*point)

    def refine(self) -> None:
        points = self._points(3)
        self.note(points)
        self.desk.key("7")
        self.desk.drag(*points)
        if self.draw.random() < 0.3:
            self.desk.key("Ctrl+7")

    def wheel(self) -> None:
        over, keys = self._at(), self.draw.choice((NO_KEY, CONTROL))
        turns = self.draw.choice((-360, -120, 120, 360))
        self.note(over, turns, keys)
        canvas = self.desk.window.canvas
        event = QWheelEvent(
            QPointF(over),
            QPointF(canvas.mapToGlobal(over)),
            QPoint(),
            QPoint(0, turns),
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas, event)

    def press_a_button(self) -> None:
        """One of the panel, by mouse."""
        buttons = [
            one
            for one in self.desk.window.panel.findChildren(QPushButton)
            if one.isVisible() and one.text() not in WITH_DIALOG_BUTTONS
        ]
        button = self.draw.choice(buttons)
        self.note(button.text())
        QTest.mouseClick(button, LEFT)

    def new_element(self) -> None:
        name = self.draw.choice(NAMES)
        self.note(repr(name))

        def answer(dialog: QDialog) -> None:
            assert isinstance(dialog, QInputDialog)
            dialog.setTextValue(name)
            dialog.done(self.draw.choice((1, 1, 1, 0)))  # sometimes Cancel

        with self.desk.answering(answer):
            self.desk.key("Ctrl+N")

    def rename(self) -> None:
        elements = self.desk.window.panel.elements
        if elements.count() == 0:
            return
        row, name = self.draw.randrange(elements.count()), self.draw.choice(NAMES)
        self.note(row, repr(name))
        at = elements.visualItemRect(elements.item(row)).center()
        QTest.mouseClick(elements.viewport(), LEFT, NO_KEY, at)
        QTest.mouseDClick(elements.viewport(), LEFT, NO_KEY, at)
        editor = QApplication.focusWidget()
        if editor is None or not is_text_editor(editor):
            return
        QTest.keyClicks(editor, name)
        if self.draw.random() < 0.3:
            self.rest()
        end = self.draw.choice(("Return", "Tab", "Esc", "click", "undo"))
        self.note(end)
        if end == "click":
            self.desk.click(*self._points(1)[0])
        else:
            QTest.keySequence(QApplication.focusWidget() or self.desk.window, end)

    def choose_element(self) -> None:
        elements = self.desk.window.panel.elements
        if elements.count():
            row = self.draw.randrange(elements.count())
            self.note(row)
            at = elements.visualItemRect(elements.item(row)).center()
            QTest.mouseClick(elements.viewport(), LEFT, NO_KEY, at)

    def time_line(self) -> None:
        line, frames = self.desk.window.time_line, list(self.desk.session.range)
        ends = [line.place(self.draw.choice(frames) + self.draw.choice((-0.5, 0, 0.5)))]
        ends += [line.place(self.draw.choice(frames))] * self.draw.randint(0, 1)
        self.note(*(round(end) for end in ends))
        at = [QPointF(end, 30).toPoint() for end in ends]
        QTest.mousePress(line, LEFT, NO_KEY, at[0])
        for point in at[1:]:
            QTest.mouseMove(line, point)
        QTest.mouseRelease(line, LEFT, NO_KEY, at[-1])

    def import_a_mask(self) -> None:
        """One of an element or two, which is read on a thread."""
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        for number in range(1, self.draw.randint(2, 3)):
            x, y = self.draw.randrange(WIDTH), self.draw.randrange(HEIGHT)
            labels[y : y + 20, x : x + 20] = number
        path = self.folder / "labels.png"
        image = Image.fromarray(labels)
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        image.save(path)
        self.note(np.unique(labels).tolist())
        self.desk.session.paint.import_file(path, not_asked)

    def go_to_a_frame(self) -> None:
        text = str(self.draw.choice([*range(999, 1015), "x", ""]))
        self.note(text)
        self.desk.key("Ctrl+G")
        QTest.keyClicks(self.desk.window.shot_bar.frame_field, text)
        QTest.keyClick(self.desk.window.shot_bar.frame_field, Qt.Key.Key_Return)

    def settings(self) -> None:
        self.desk.key("Ctrl+,")
        dialogs = self.desk.window.findChildren(SettingsDialog)
        if not dialogs:
            return
        feather = dialogs[-1].fields["finish.feather_px"].widget
        assert isinstance(feather, QDoubleSpinBox)
        feather.setValue(self.draw.choice((0.0, 1.0, 2.5)))
        self.note(feather.value())
        dialogs[-1].apply()
        dialogs[-1].reject()
        self.desk.dialog_closed()

    def save_as(self) -> None:
        """Go on under another name, in this folder or another one."""
        self.copies += 1
        folder = self.draw.choice((self.folder, self.folder / "elsewhere"))
        folder.mkdir(exist_ok=True)
        path = folder / f"copy{self.copies}.shot.yaml"
        self.note(path)

        def answer(dialog: QDialog) -> None:
            assert isinstance(dialog, QFileDialog)
            field = dialog.findChild(QLineEdit, "fileNameEdit")
            assert isinstance(field, QLineEdit)
            field.setText(str(path))
            buttons = dialog.findChild(QDialogButtonBox)
            assert isinstance(buttons, QDialogButtonBox)
            buttons.button(QDialogButtonBox.StandardButton.Save).click()

        with self.desk.answering(answer):
            self.desk.key("Ctrl+S")
        if self.desk.session.editor.document == path:
            self.document = path

    def reopen(self) -> None:
        """Close the shot in the middle of whatever is going on, and open it again."""
        session = self.desk.session
        self.open(self.document)
        self.same(self.first, content(session.draft), "reopened")

    def lose_a_frame(self) -> None:
        """Do a few things while a frame of the plate is out of reach, and track when it is back."""
        frame = self.draw.choice(sorted((self.folder / "plate").iterdir()))
        self.note(frame.name)
        frame.rename(frame.with_suffix(".away"))
        for _ in range(self.draw.randint(1, 4)):
            self._do(WITHOUT_A_FRAME)
        frame.with_suffix(".away").rename(frame)
        self.done.append("it is back: Ctrl+P")
        self.desk.key("Ctrl+P")

    def rest_a_moment(self) -> None:
        self.rest()

    # What must hold.

    def rest(self, *, is_lifted: bool = True) -> None:
        """Wait until nothing is being made any more, with the pen held over the canvas."""
        session = self.desk.session
        if is_lifted:
            Tablet(self.desk).send(QEvent.Type.TabletMove, (0, 0), 0.0)

        def is_at_rest() -> bool:
            live, paint = session.live, session.paint
            is_made = (live.is_settled or live.has_failed) and live.remaining == 0
            making = is_lifted and bool(paint.making)
            aside = [one for one in threading.enumerate() if one.name == "rde-roto-aside"]
            return is_made and not making and not aside

        try:
            self.desk.until(is_at_rest)
            for _ in range(3):  # what came with the last event
                self.desk.app.processEvents()
            self.desk.until(is_at_rest)
        except AssertionError:
            live, making = session.live, session.paint.making
            self.done.append(f"no rest: {live.is_settled=} {live.remaining=} {making=}")
            faulthandler.dump_traceback(2)  # what each thread waits for
            raise

    def check(self) -> None:
        """What must hold at any time, whatever was done before."""
        desk = self.desk
        desk.window.player.play(0)
        self.rest()
        assert not desk.session.live.has_failed
        self.is_saved()
        self.is_listed()
        self.is_undone_and_redone()
        self.is_exported_as_shown()
        self.is_listed()

    def same(self, found: dict[str, Any], expected: dict[str, Any], what: str) -> None:
        for part in expected:
            if part == "drawings":
                assert found[part].keys() == expected[part].keys(), what
                wrong = [k for k, one in expected[part].items() if found[part][k] != one]
                assert wrong == [], what
            else:
                assert found[part] == expected[part], (what, part, found[part], expected[part])

    def is_saved(self) -> None:
        """What the document says is what the window has."""
        editor = self.desk.session.editor
        editor.wait_until_saved()
        if editor.document.exists():
            kept = open_draft(str(editor.document)).draft
            self.same(content(kept), content(editor.draft), "saved")
            locks = [(one.frames, one.elements) for one in editor.draft.locks]
            assert [(one.frames, one.elements) for one in kept.locks] == locks

    def is_listed(self) -> None:
        """What the panel, the time line and the fields say is what the session has."""
        desk, window = self.desk, self.desk.window
        session, elements = desk.session, window.panel.elements
        desk.until(lambda: not window._refresh_timer.isActive())
        names = [element.name for element in session.draft.elements]
        assert [elements.item(row).text() for row in range(elements.count())] == names
        ids = [element.id for element in session.draft.elements]
        assert ids[elements.currentRow()] == session.element
        bar = window.shot_bar
        assert bar.frame_field.text() == str(session.frame) or bar.frame_field.hasFocus()
        assert bar.state.text().startswith(session.state(session.frame).value)
        assert window.time_line._label.text() == str(session.frame)

    def is_undone_and_redone(self) -> None:
        """Undo of everything brings the first shot back, and redo the last one."""
        desk = self.desk
        self._to_the_end("Ctrl+Y")
        last = content(desk.session.draft)
        self._to_the_end("Ctrl+Z")
        self.same(content(desk.session.draft), self.first, "undone")
        self.is_saved()
        self._to_the_end("Ctrl+Y")
        self.same(content(desk.session.draft), last, "redone")
        self.is_saved()

    def _to_the_end(self, keys: str) -> None:
        window = self.desk.window
        window.canvas.setFocus()
        while True:
            before = self.desk.session.draft
            self.desk.key(keys)
            if self.desk.session.draft is before:
                break
        self.rest()

    def is_exported_as_shown(self) -> None:
        """The files of an export have the alpha that the window shows, frame by frame."""
        session = self.desk.session
        if session.live.node is None:
            return
        for key in "UIO":  # in and out at the ends, or anywhere
            if key == "U" or self.draw.random() < 0.3:
                session.go_to(self.draw.choice(list(session.range)))
                self.desk.key(key)
        self.rest()
        out = self._exported()
        assert out is not None
        self.is_as_shown(out)

    def is_as_shown(self, out: Path) -> None:
        """The files in a folder have the frames from in to out, and the alpha of the window."""
        desk = self.desk
        session = desk.session
        assert session.live.node is not None
        desk.window.player.play(0)
        frames = list(session.range.walk(*session.navigation.bounds))
        assert sorted(path.name for path in out.iterdir()) == [f"m.{one}.exr" for one in frames]
        self._plain_view()
        desk.key("Ctrl+P")
        self.rest()
        tracked = session.live.node.shot.ids
        for frame in self.draw.sample(frames, min(LOOKED_AT, len(frames))):
            session.go_to(frame)
            self._show_current(frame)
            if session.state(frame) not in HAS_MATTE:
                continue
            spec, pixels = read_image(out / f"m.{frame}.exr")
            names = list(spec.channelnames)
            for element in session.draft.elements:
                session.choose_element(element.id)
                desk.app.processEvents()
                channel = "A" if tracked == (element.id,) else f"{element.name}.A"
                wanted = 0 * pixels[..., 0]  # of one without a drawn pixel
                if channel in names:
                    wanted = pixels[..., names.index(channel)]
                off = np.abs(self._alone().astype(np.float32) - CODES * wanted)
                assert off.max() <= NEAR_CODES, (frame, element.id, float(off.max()))

    def _show_current(self, frame: int) -> None:
        session = self.desk.session

        def is_shown() -> bool:
            seen = session.live.newest(frame)
            return session.shown.is_ready and seen is not None and seen.is_current

        self.desk.until(is_shown)
        self.desk.app.processEvents()

    def _plain_view(self) -> None:
        """The matte alone, as delivered, without guide lines."""
        desk = self.desk
        scene = desk.window.canvas.scene
        scene.wipe, scene.channels = None, "a"
        desk.key("1")
        if not desk.session.shown.finishes:
            desk.key("Z")
        desk.window.canvas.fit()
        desk.window.canvas.zoom_to(float(ZOOM))
        QApplication.sendEvent(desk.window.canvas, QEvent(QEvent.Type.Leave))

    def _alone(self) -> Bytes:
        """The chosen element's alpha on the canvas, [H, W], 0..255."""
        corner = self.desk.at(0, 0)
        seen = self.desk.picture()[..., 0]
        part = seen[corner.y() + HALF_PX :, corner.x() + HALF_PX :]
        alone: Bytes = part[: ZOOM * HEIGHT : ZOOM, : ZOOM * WIDTH : ZOOM]
        assert alone.shape == (HEIGHT, WIDTH)
        return alone

    def _exported(self) -> Path | None:
        """Export from in to out with the window's dialog, and return the folder; None if it does
        not open.
        """
        desk = self.desk
        out = self.folder / f"out{len(list(self.folder.glob('out*')))}"
        desk.key("Ctrl+E")
        exports = desk.window.findChildren(ExportDialog)
        if not exports:
            return None
        export = exports[-1]
        export.format.setCurrentIndex(export.format.findData("alpha"))
        export.window_kind.setCurrentIndex(export.window_kind.findData("plate"))
        export.pattern.setText(str(out / "m.####.exr"))
        export.go.click()
        desk.until(lambda: export.job is not None and export.job.state != "running")
        assert export.job is not None
        assert export.job.state == "done", export.job.error
        export.reject()
        self.desk.dialog_closed()
        return out

    # Private.

    def _points(self, many: int) -> list[tuple[float, float]]:
        """Points on the plate, sometimes beyond its edges; the later ones near the first."""
        draw = self.draw
        first = draw.uniform(-8, WIDTH + 8), draw.uniform(-8, HEIGHT + 8)
        others = [
            (first[0] + draw.uniform(-50, 50), first[1] + draw.uniform(-40, 40))
            for _ in range(many - 1)
        ]
        return [(round(x, 1), round(y, 1)) for x, y in (first, *others)]

    def _at(self) -> QPoint:
        return self.desk.at(*self._points(1)[0])


ACTS: dict[Callable[[Hands], None], int] = {
    Hands.key: 30,
    Hands.drag: 20,
    Hands.drag_and_key: 8,
    Hands.lose_a_release: 3,
    Hands.pen_stroke: 4,
    Hands.pen_and_mouse: 3,
    Hands.export_at_once: 2,
    Hands.stop_an_export: 2,
    Hands.wait_instead_of_closing: 3,
    Hands.polygon: 5,
    Hands.select: 4,
    Hands.refine: 3,
    Hands.wheel: 3,
    Hands.press_a_button: 5,
    Hands.new_element: 4,
    Hands.rename: 4,
    Hands.choose_element: 4,
    Hands.time_line: 5,
    Hands.go_to_a_frame: 3,
    Hands.import_a_mask: 2,
    Hands.settings: 2,
    Hands.save_as: 1,
    Hands.reopen: 2,
    Hands.lose_a_frame: 2,
    Hands.rest_a_moment: 3,
}

NEED_ALL_FRAMES = (Hands.export_at_once, Hands.reopen, Hands.lose_a_frame)
WITHOUT_A_FRAME = {act: many for act, many in ACTS.items() if act not in NEED_ALL_FRAMES}
