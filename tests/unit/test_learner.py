"""A lesson in a separate process: progress, early end, immediate stop, and never an orphan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition

import pytest
from image_files import read_image

from rde_roto.doors.learner.lesson_process import LessonProcess, LessonRequest
from rde_roto.model.learned import read_learned
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import made_absolute
from rde_roto.values.errors import InputError, OutOfMemoryError

pytest_plugins = ("learn_fixtures",)
pytestmark = [pytest.mark.usefixtures("short_lesson"), pytest.mark.timeout(1800)]

PATIENCE_S = 900.0
"""It is polite: on a busy machine others come first."""


def asked(document: Path, view: Path | None = None) -> LessonRequest:
    file = ShotFile.read(document)
    shot = made_absolute(file.content, file.folder).to_plain()
    return LessonRequest(shot, file.folder / "learned", "cpu", view)


@dataclass
class Watched:
    """A lesson, and whoever waits for what it tells."""

    request: LessonRequest
    changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self.learning = LessonProcess(self.request, self._heard)

    def until_step(self, step: int) -> None:
        """Waits for a step."""
        with self.changed:
            came = self.changed.wait_for(lambda: self.learning.status.steps >= step, PATIENCE_S)
        assert came, self.learning.status.sentence()

    def _heard(self) -> None:
        with self.changed:
            self.changed.notify_all()


def lengthened(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text.replace("iterations: 6", "iterations: 9000"), encoding="utf-8")


def test_it_tells_how_far_it_is_and_what_it_has_learned(
    disc_shot: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    learning = LessonProcess(asked(disc_shot, tmp_path / "view.png"))
    status = learning.wait()
    assert status.state == "done", status.sentence()
    assert (status.steps, status.share, status.seconds_left) == (6, 1.0, 0.0)
    assert status.learned is not None
    assert read_learned(status.learned).weights
    assert status.after["clips"] > status.before["clips"]
    assert status.sentence().startswith("learned: clips ")
    assert status.views >= 1
    _, view = read_image(tmp_path / "view.png")
    assert view.shape[1] == 2 * 160 + 4
    before, after = view[:, :160], view[:, -160:]
    assert abs(before.astype(float) - after).max() > 0.2  # the disc is found there
    assert capfd.readouterr().err == ""  # it ends without a word
    again = LessonProcess(asked(disc_shot)).wait()
    assert (again.state, again.steps, again.learned) == ("done", 0, status.learned)


def test_enough_keeps_what_was_learned_and_stop_does_not(
    disc_shot: Path, short_lesson: Path, tmp_path: Path
) -> None:
    lengthened(short_lesson)
    watched = Watched(asked(disc_shot))
    watched.until_step(8)
    watched.learning.finish_early()
    status = watched.learning.wait()
    assert (status.state, status.error) == ("done", None)
    assert status.learned is not None
    (disc_shot.parent / "learned").rename(tmp_path / "before")
    other = Watched(asked(disc_shot))
    other.until_step(1)
    other.learning.stop()
    assert other.learning.wait().state == "cancelled"
    assert not list((disc_shot.parent / "learned").rglob("*.safetensors"))


def test_what_cannot_be_learned_is_said_in_a_sentence(disc_shot: Path) -> None:
    (disc_shot.parent / "mask.png").unlink()
    status = LessonProcess(asked(disc_shot)).wait()
    assert status.state == "failed"
    assert isinstance(status.error, InputError)
    assert "mask.png" in status.sentence()


def test_a_lesson_without_memory_is_told_of() -> None:
    program = (
        "import numpy\n"
        "from rde_roto.doors.learner import __main__ as learner\n"
        "learner._run_lesson = lambda *_: numpy.empty(1 << 50)\n"
        "learner.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
    assert (told["event"], told["error"]["kind"], told["error"]["code"]) == ("failed", "memory", 6)
    assert told["error"]["sentence"].startswith("memory ran out")


@pytest.mark.slow
def test_a_killed_process_is_told_of(disc_shot: Path, short_lesson: Path) -> None:
    lengthened(short_lesson)
    watched = Watched(asked(disc_shot))
    watched.until_step(1)
    os.kill(watched.learning._process.pid, signal.SIGKILL)
    status = watched.learning.wait()
    assert status.state == "failed"
    assert isinstance(status.error, OutOfMemoryError)
    assert "memory" in status.sentence()


def test_it_ends_with_whoever_started_it(disc_shot: Path, short_lesson: Path) -> None:
    lengthened(short_lesson)
    with subprocess.Popen(
        [sys.executable, "-m", "rde_roto.doors.learner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(asked(disc_shot).line)
        process.stdin.flush()
        assert b'"step"' in process.stdout.readline()
        process.stdin.close()  # as the system does for one that was killed
        assert process.wait(PATIENCE_S) == 130
