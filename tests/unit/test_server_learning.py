"""The engine has a shot learned, beside all that it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rde_roto.model.learned import read_learned
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import made_absolute
from rde_roto_client import Client, EngineError, Watcher, follow_lesson

pytest_plugins = ("learn_fixtures", "engine_fixtures")
pytestmark = [pytest.mark.usefixtures("short_lesson", "run_folder"), pytest.mark.timeout(1800)]

Object = dict[str, Any]


def shot_of(document: Path) -> Object:
    file = ShotFile.read(document)
    return made_absolute(file.content, file.folder).to_plain()


class Following(Watcher):
    """Follows a lesson, and keeps what it hears."""

    def __init__(self, client: Client, job: str = "") -> None:
        self.client, self.job = client, job
        self.statuses: list[Object] = []

    def on_status(self, status: Object) -> None:
        self.statuses.append(status)

    def begun(self) -> Object:
        """Looks until a step was taken."""
        while True:
            said = self.client.progress(self.job)
            assert said["state"] == "running", said
            if said["seconds_left"] is not None:
                return said
            self.pause()

    def ended(self) -> Object:
        while (said := self.client.progress(self.job))["state"] == "running":
            self.pause()
        return said


def test_a_shot_is_learned_and_tracked_with_what_was_learned(disc_shot: Path, home: Path) -> None:
    shot = shot_of(disc_shot)
    with Client("tests") as client:
        before = client.matte(shot, 1006)
        watcher = Following(client)
        said = follow_lesson(client, shot, watcher)
        assert said["state"] == "done"
        assert said["after"]["clips"] > said["before"]["clips"]
        assert said["sentence"].startswith("learned: clips")
        assert watcher.statuses[-1]["done"] == 100
        learned = Path(said["learned"])
        assert learned.parent == home / "data/rde-roto/learned"
        assert read_learned(learned).weights
        taught = {**shot, "learned": str(learned)}
        after = client.matte(taught, 1006)
        assert after.digest != before.digest
        assert bytes(after.pixels) != bytes(before.pixels)
        assert client.matte(shot, 1006).digest == before.digest  # and the old one is still there
        again = follow_lesson(client, shot, Watcher())
        assert again["learned"] == said["learned"]


def test_while_it_learns_the_engine_answers_and_it_can_be_stopped(
    disc_shot: Path, short_lesson: Path
) -> None:
    text = short_lesson.read_text(encoding="utf-8").replace("iterations: 6", "iterations: 9000")
    short_lesson.write_text(text, encoding="utf-8")
    shot = shot_of(disc_shot)
    with Client("tests") as client:
        first = Following(client, client.learn(shot))
        said = first.begun()
        assert said["sentence"].endswith("s left")
        assert client.matte(shot, 1003).frame == 1003
        with pytest.raises(EngineError, match="is already learning a shot") as refused:
            client.learn(shot)
        assert refused.value.kind == "usage"
        client.cancel(job=first.job, keep=True)
        kept = first.ended()
        assert (kept["state"], kept["learned"] is None) == ("done", not _is_better(kept))
        second = Following(client, client.learn(shot))
        second.begun()
        client.cancel(job=second.job)
        assert second.ended()["state"] == "cancelled"


def _is_better(said: Object) -> bool:
    return "not kept" not in said["sentence"]


def test_what_cannot_be_learned_is_refused_at_once(disc_shot: Path) -> None:
    with Client("tests") as client:
        with pytest.raises(EngineError, match="nowhere"):
            client.learn({**shot_of(disc_shot), "plate": {"path": "/nowhere/a.####.exr"}})
        with pytest.raises(EngineError) as unknown:
            client.ask("learn", shot=shot_of(disc_shot), minutes=3)
        assert unknown.value.kind == "protocol"
