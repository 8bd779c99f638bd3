"""The requests of the Blender extension, which run without Blender, with a real engine."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from engine_process import PATIENCE_S, kill

from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import made_absolute
from rde_roto_client import Client

pytest_plugins = ("command_line_fixtures", "engine_fixtures", "learn_fixtures")

Object = dict[str, Any]
EXTENSION = Path(__file__).parents[2] / "plugin" / "blender"
CLIENT = Path(__file__).parents[2] / "engine" / "rde_roto_client"


@pytest.fixture
def extension() -> Iterator[ModuleType]:
    """Its modules as a package without what only Blender can import."""
    package = sys.modules["adapter"] = ModuleType("adapter")
    package.__path__ = [str(EXTENSION), str(CLIENT.parent)]  # the client is in it once installed
    importlib.import_module("adapter.request")  # each becomes an attribute of the package
    importlib.import_module("adapter.engine_requests")
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "adapter"]:
        del sys.modules[name]


def test_a_propagation_goes_on_with_the_next_engine(
    extension: Any, client: Client, shot: Object, tmp_path: Path
) -> None:
    first, out = client.hello()["pid"], str(tmp_path / "mattes/hero.####.exr")

    def propagate(request: Any) -> Any:
        on_status = request.on_status

        def kill_the_first_engine(status: Object) -> None:
            on_status(status)
            if client.hello()["pid"] == first:
                kill()
                client.close()

        request.on_status = kill_the_first_engine
        track = extension.engine_requests.Track(shot, out)
        return extension.engine_requests.propagate(request, [track], "")

    request = extension.request.Request(propagate)
    assert request.result() == ("1001-1006", 6)
    assert (request.done, request.total) == (6, 6)
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) == 6
    assert client.hello()["pid"] != first


def test_it_is_stopped_at_once_while_the_engine_hangs(
    extension: Any, client: Client, shot: Object, tmp_path: Path
) -> None:
    pid = client.hello()["pid"]
    os.kill(pid, signal.SIGSTOP)
    out = str(tmp_path / "mattes/hero.####.exr")
    request = extension.request.Request(
        lambda request: extension.engine_requests.propagate(
            request, [extension.engine_requests.Track(shot, out)], ""
        )
    )
    request.stop()
    began = time.monotonic()
    with pytest.raises(extension.request.StoppedError):
        request.result()
    assert time.monotonic() - began < PATIENCE_S / 4, "long before an engine is taken for stuck"
    os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("short_lesson", "run_folder")
def test_a_shot_is_learned(extension: Any, disc_shot: Path) -> None:
    file = ShotFile.read(disc_shot)
    shot = made_absolute(file.content, file.folder).to_plain()
    request = extension.request.Request(
        lambda request: extension.engine_requests.learn(request, shot)
    )
    outcome = request.result()
    assert Path(outcome["learned"]).is_file()
    assert outcome["sentence"].startswith("learned: clips ")
    assert (request.done, request.total) == (100, 100)
