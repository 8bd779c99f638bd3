"""``rde-roto view`` as a program: on a real screen where one is to be had, and without Qt."""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from rde_roto.doors.commands.demo import demo_shot
from rde_roto.session.document.opening import open_draft
from rde_roto.shot_files import ShotFile

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

HERE = Path(__file__)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}


@pytest.fixture
def screen() -> Iterator[str]:
    """The number of a display of the test's own."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no screen to try the real platform plug-in on: Xvfb is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        yield f":{number}"
        server.terminate()


def on_screen(screen: str, script: str, *words: str | Path) -> str:
    """What a script of this folder says that shows the window on a real screen."""
    done = subprocess.run(
        [sys.executable, str(HERE.with_name(script)), *words],
        env=environment(DISPLAY=screen, QT_QPA_PLATFORM="xcb"),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "Could not load the Qt platform plugin" in done.stderr:
        pytest.skip("Qt's xcb plug-in lacks system libraries: libxcb-cursor0 and others")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="X11 is Linux's")
def test_it_shows_itself_on_a_real_screen(screen: str, document: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seen.png"
    said = on_screen(screen, "on_a_screen.py", document, picture)
    assert "platform xcb" in said
    assert "frame 1002" in said  # a key came through
    assert picture.stat().st_size > 10_000


@contextmanager
def shown_on(screen: str, script: str, *words: str | Path) -> Iterator[IO[str]]:
    """What a script of this folder says while it runs on a real screen, once it is shown there."""
    with subprocess.Popen(
        [sys.executable, str(HERE.with_name(script)), *words],
        env=environment(DISPLAY=screen, QT_QPA_PLATFORM="xcb"),
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "shown\n"
        yield program.stdout
        program.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="X11 is Linux's")
def test_a_document_is_dragged_from_another_program(screen: str, document: Path) -> None:
    if shutil.which("xdotool") is None:
        pytest.skip("no hand to drag with: xdotool is not installed")
    on_screen(screen, "on_a_screen.py", document, document.with_suffix(".png"))  # or it is skipped

    def hand(*words: str) -> None:
        subprocess.run(["xdotool", *words], env=environment(DISPLAY=screen), check=True)

    with (
        shown_on(screen, "drop_target.py") as target,
        shown_on(screen, "file_manager.py", document) as source,
    ):
        hand("mousemove", "50", "30", "mousedown", "1")
        for step in itertools.cycle((300, 310)):  # the drag begins at a moment of its own choice
            hand("mousemove", str(step), "300")
            if select.select([source], [], [], 0.02)[0]:
                break
        assert source.readline() == "CopyAction\n"  # the window would take it
        hand("mouseup", "1")
        assert target.readline() == f"opened {document}\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="X11 is Linux's")
def test_a_shot_is_rotoscoped_from_nothing_with_the_real_network(screen: str) -> None:
    """By mouse and keys alone; the correction that the window asks for makes it better."""
    shot = demo_shot()
    told = json.loads(on_screen(screen, "whole_roto.py", shot / "plate", shot / "truth"))
    assert told["first_mask_iou"] > 0.9
    assert told["j_and_f_corrected"] > told["j_and_f"] > 0.7
    assert told["exported"] == 48
    assert told["largest_difference_of_export"] < 2**-11  # a half of values up to one


def test_the_garbage_collector_leaves_alone_what_is_loaded_at_the_start() -> None:
    """Torch alone is 200,000 objects: each look at all of them held the window up for 70 ms."""
    code = (
        "import gc, rde_roto.doors.viewer.services\n"
        "from rde_roto.doors.viewer.app import stay_responsive\n"
        "stay_responsive(); print(len(gc.get_objects()), gc.get_freeze_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    left, frozen = map(int, done.stdout.split())
    assert left < 1000 < 100_000 < frozen


TERMINATED = """
import os, signal
import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox
from rde_roto.doors.viewer import app
class Terminated(app.MainWindow):
    def showEvent(self, event):
        QTimer.singleShot(0, self.draw_and_be_terminated)
    def draw_and_be_terminated(self):
        self.session.paint.commit(None, np.ones(self.session.size, np.float32), "test")
        QTimer.singleShot(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
        QMessageBox(self).exec()  # a question that nobody answers
app.MainWindow = Terminated
from rde_roto.doors.cli import main
main()
"""


def terminated(document: Path) -> subprocess.CompletedProcess[str]:
    """A window that draws on a whole frame, and gets SIGTERM while it asks something."""
    return subprocess.run(
        [sys.executable, "-c", TERMINATED, "view", str(document)],
        env=environment(QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program without a signal")
@pytest.mark.usefixtures("home")
def test_a_window_that_is_terminated_saves_and_asks_nothing(document: Path) -> None:
    before = document.read_text()
    done = terminated(document)
    assert done.returncode == 143, done.stderr
    assert document.read_text() != before
    assert open_draft(str(document)).draft.drawings[1001]["hero"].pixels.min() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program without a signal")
@pytest.mark.usefixtures("home")
def test_a_window_that_is_terminated_says_what_it_cannot_save(document: Path) -> None:
    keyframes = Path(f"{document}".replace(".yaml", ".d")) / "keyframes"
    shutil.rmtree(keyframes, ignore_errors=True)
    keyframes.parent.mkdir(exist_ok=True)
    keyframes.write_text("in the way of the folder")
    done = terminated(document)
    assert done.returncode == 7
    assert "the last changes are not saved" in done.stderr


def test_without_qt_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['PySide6'] = None; from rde_roto.doors.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "view"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the window needs PySide6" in done.stderr
    assert "[ui]" in done.stderr


@pytest.mark.usefixtures("home")
def test_a_plate_that_is_not_there_is_named_before_any_window(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rde_roto.doors.cli", "view", str(tmp_path / "no.####.exr")],
        env=environment(QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 4
    assert "no.####.exr" in done.stderr


def test_a_killed_window_loses_no_finished_stroke(document: Path) -> None:
    """The window paints by itself and is killed right after a stroke; the document has it."""
    script = HERE.with_name("painting_window.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(document)],
        env=environment(QT_QPA_PLATFORM="offscreen"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("painted 3"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    keyframe = ShotFile.read(document).open().shot.keyframe_at(1001)
    assert keyframe is not None
    assert all(keyframe.alpha[0, row, 60] > 0.9 for row in (10, 26, 42, 58))
