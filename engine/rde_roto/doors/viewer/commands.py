"""All commands of the window, in one list. Menus, shortcuts and the key map are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Concatenate, ParamSpec, TypeAlias

from rde_roto.doors.viewer import questions
from rde_roto.doors.viewer.dialogs import KeyDialog
from rde_roto.doors.viewer.learn_dialog import ask_learn, forget
from rde_roto.doors.viewer.scene import MatteMode, Scene
from rde_roto.doors.viewer.shot_window import ShotWindow
from rde_roto.session.document.frame_states import BACKWARD, BOTH, FORWARD, TO_KEYFRAME
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.painter.paint_controller import PaintController
from rde_roto.session.pictures.display_pixels import ViewExposure
from rde_roto.session.session import Session

P = ParamSpec("P")
Run: TypeAlias = Callable[[ShotWindow], object]


@dataclass(frozen=True)
class Command:
    """A command: its menu, its text, and its keys as Qt writes them.

    `needs_shot` is false for commands that work before a shot is open.
    """

    menu: str
    text: str
    keys: tuple[str, ...]
    run: Run
    needs_shot: bool = True


def _session(do: Callable[Concatenate[Session, P], object], *args: P.args, **kw: P.kwargs) -> Run:
    """Return a command of the session."""
    return lambda window: do(window.the_session, *args, **kw)


def _paint(
    do: Callable[Concatenate[PaintController, P], object], *args: P.args, **kw: P.kwargs
) -> Run:
    """Return a command of the paint controller."""
    return lambda window: do(window.the_session.paint, *args, **kw)


def _scene(do: Callable[Concatenate[Scene, P], object], *args: P.args, **kw: P.kwargs) -> Run:
    """Return a command that changes how the shot is shown."""

    def run(window: ShotWindow) -> None:
        do(window.canvas.scene, *args, **kw)
        window.view_changed()

    return run


def _show_keys(window: ShotWindow) -> None:
    KeyDialog(window.dialog_parent, list(key_map())).open()


def _remove_element(window: ShotWindow) -> None:
    session = window.the_session
    session.remove_element(session.element)


def _wipe(against: Against) -> Run:
    return lambda window: window.wipe_against(against)


def _bound(which: str) -> Run:
    return lambda window: window.the_session.set_bounds(**{which: window.the_session.frame})


COMMANDS: tuple[Command, ...] = (
    Command("File", "Open a plate or a shot…", ("Ctrl+O",), questions.ask_open, False),
    Command("File", "Save the shot as…", ("Ctrl+S",), questions.ask_save_as),
    Command("File", "Import a mask or shapes…", ("Ctrl+I",), questions.ask_import),
    Command("File", "Export mattes…", ("Ctrl+E",), questions.ask_export),
    Command("File", "Export shapes…", ("Ctrl+Alt+E",), questions.ask_export_shapes),
    Command("File", "Queue in a hot folder…", ("Ctrl+Shift+E",), questions.ask_queue),
    Command("File", "Close", ("Ctrl+W",), lambda w: w.close(), False),
    Command("Edit", "Undo", ("Ctrl+Z",), _session(Session.undo)),
    Command("Edit", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), _session(Session.redo)),
    Command("Edit", "New element", ("Ctrl+N",), questions.add_element),
    Command("Edit", "Rename element…", ("F2",), questions.rename_element),
    Command("Edit", "Delete element", ("Ctrl+Del",), _remove_element),
    Command("Edit", "Element colour…", ("Ctrl+Shift+C",), questions.ask_colour),
    Command("Edit", "Next element colour", ("Shift+C",), questions.next_colour),
    Command("Edit", "Next element", ("Tab",), _session(Session.choose_next_element)),
    Command("Edit", "Start from the matte", ("C",), _paint(PaintController.copy_matte)),
    Command("Edit", "Delete this keyframe", ("Del",), _paint(PaintController.clear_frame)),
    Command("Edit", "Delete the others", ("Shift+Del",), _session(Session.clear_bounds)),
    Command("Edit", "Grow by a pixel", ("+", "="), _paint(PaintController.grow, 1)),
    Command("Edit", "Shrink by a pixel", ("-",), _paint(PaintController.grow, -1)),
    Command("Edit", "Take overlaps", ("Shift+O",), _paint(PaintController.take_overlaps)),
    Command("Edit", "Settings…", ("Ctrl+,",), questions.ask_settings),
    Command("Tools", "Brush", ("1",), _paint(PaintController.choose_tool, "brush")),
    Command("Tools", "Eraser", ("2",), _paint(PaintController.choose_tool, "eraser")),
    Command("Tools", "Polygon", ("3",), _paint(PaintController.choose_tool, "polygon")),
    Command("Tools", "Lasso", ("4",), _paint(PaintController.choose_tool, "lasso")),
    Command("Tools", "Fill a hole", ("5",), _paint(PaintController.choose_tool, "fill")),
    Command("Tools", "Smart select", ("6",), _paint(PaintController.choose_tool, "smart")),
    Command("Tools", "Refine edge", ("7",), _paint(PaintController.choose_tool, "refine")),
    Command("Tools", "Refine from in to out", ("Ctrl+7",), _session(Session.refine_bounds)),
    Command("Tools", "Add or subtract", ("X",), _paint(PaintController.toggle_subtracts)),
    Command("Tools", "Smooth or straight", ("S",), _paint(PaintController.toggle_smooth)),
    Command("Tools", "Lines from the matte", ("Shift+S",), _paint(PaintController.trace_matte)),
    Command("Tools", "Smaller brush", ("[",), _paint(PaintController.scale_brush, 1 / 1.2)),
    Command("Tools", "Larger brush", ("]",), _paint(PaintController.scale_brush, 1.2)),
    Command("Tools", "Softer brush", ("{",), _paint(PaintController.change_hardness, -0.1)),
    Command("Tools", "Harder brush", ("}",), _paint(PaintController.change_hardness, 0.1)),
    Command("Tools", "Finish the polygon", ("Return", "Enter"), _paint(PaintController.confirm)),
    Command("Tools", "Drop or stop", ("Esc",), _session(Session.escape)),
    Command("Frame", "Next frame", ("Right",), _session(Session.step, 1)),
    Command("Frame", "Previous frame", ("Left",), _session(Session.step, -1)),
    Command("Frame", "Ten frames on", ("Shift+Right",), _session(Session.step, 10)),
    Command("Frame", "Ten frames back", ("Shift+Left",), _session(Session.step, -10)),
    Command("Frame", "Next keyframe", ("Ctrl+Right",), _session(Session.go_to_keyframe, 1)),
    Command("Frame", "Previous keyframe", ("Ctrl+Left",), _session(Session.go_to_keyframe, -1)),
    Command("Frame", "First frame", ("Home",), _session(Session.go_to_end, -1)),
    Command("Frame", "Last frame", ("End",), _session(Session.go_to_end, 1)),
    Command("Frame", "Go to a frame…", ("Ctrl+G",), lambda w: w.shot_bar.ask_frame()),
    Command("Frame", "Play", ("L",), lambda w: w.player.play(1)),
    Command("Frame", "Play backwards", ("J",), lambda w: w.player.play(-1)),
    Command("Frame", "Stop playing", ("K",), lambda w: w.player.play(0)),
    Command("Frame", "Play or stop", ("Space",), lambda w: w.player.toggle()),
    Command("Frame", "In here", ("I",), _bound("first")),
    Command("Frame", "Out here", ("O",), _bound("last")),
    Command("Frame", "In and out at the ends", ("U",), _session(Session.reset_bounds)),
    Command("Track", "Propagate forward", ("P",), _session(Session.propagate, FORWARD)),
    Command("Track", "Propagate backward", ("Shift+P",), _session(Session.propagate, BACKWARD)),
    Command("Track", "Propagate both ways", ("Ctrl+P",), _session(Session.propagate, BOTH)),
    Command("Track", "Propagate to keyframe", ("T",), _session(Session.propagate, TO_KEYFRAME)),
    Command("Track", "Stop propagating", ("Shift+Esc",), lambda w: w.the_session.live.cancel()),
    Command("Track", "Learn the shot…", ("Ctrl+L",), ask_learn),
    Command("Track", "Forget what was learned", ("Alt+L",), forget),
    Command("Track", "Next frame to fix", ("N",), _session(Session.go_to_suggested)),
    Command("Track", "Fine, next", ("Shift+N",), _session(Session.pass_over)),
    Command("Track", "Lock or unlock this frame", ("Shift+X",), _session(Session.toggle_lock)),
    Command("Track", "Lock from in to out", ("Ctrl+Shift+X",), _session(Session.lock_bounds)),
    Command("View", "Colour", ("D",), _scene(Scene.toggle_channels, "rgb")),
    Command("View", "Red, and back", ("R",), _scene(Scene.toggle_channels, "r")),
    Command("View", "Green, and back", ("G",), _scene(Scene.toggle_channels, "g")),
    Command("View", "Blue, and back", ("B",), _scene(Scene.toggle_channels, "b")),
    Command("View", "Matte alone, and back", ("A",), _scene(Scene.toggle_channels, "a")),
    Command("View", "Luminance, and back", ("Y",), _scene(Scene.toggle_channels, "y")),
    Command("View", "Next way to show the matte", ("M",), _scene(Scene.next_mode)),
    Command("View", "Matte on or off", ("V",), _scene(Scene.toggle_mode, MatteMode.OFF)),
    Command("View", "Outline, and back", ("Q",), _scene(Scene.toggle_mode, MatteMode.OUTLINE)),
    Command("View", "Keyframes as delivered, and back", ("Z",), _session(Session.toggle_finish)),
    Command("View", "Wipe, and back", ("W",), _scene(Scene.toggle_wipe)),
    *(
        Command("View", f"Wipe against {against.value}", (f"Alt+{key}",), _wipe(against))
        for key, against in enumerate(Against, 1)
    ),
    Command("View", "Explain, and back", ("Ctrl+H",), lambda w: w.toggle_explaining()),
    Command("View", "Fit", ("F",), lambda w: w.canvas.fit()),
    Command("View", "One to one", ("H",), lambda w: w.canvas.zoom_to(1.0)),
    Command("View", "Zoom in", ("Ctrl++", "Ctrl+="), lambda w: w.canvas.zoom_by(1.5)),
    Command("View", "Zoom out", ("Ctrl+-",), lambda w: w.canvas.zoom_by(1 / 1.5)),
    Command("View", "Brighter by half a stop", ("E",), _session(Session.change_exposure, 0.5)),
    Command("View", "Darker by half a stop", ("Shift+E",), _session(Session.change_exposure, -0.5)),
    Command("View", "Plain light", ("0",), _session(Session.set_exposure, ViewExposure())),
    Command("Help", "Keys", ("?", "F1"), _show_keys, False),
)


def key_map(
    commands: tuple[Command, ...] = COMMANDS,
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each menu with its keys: (keys, text)."""
    for menu, group in groupby(commands, key=lambda command: command.menu):
        yield menu, [(", ".join(command.keys), command.text) for command in group]
