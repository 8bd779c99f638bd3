"""The engine, its client and the installers on Windows and macOS, as far as this system can be
taken for them: their branches, without what is missing there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from engine_process import PATIENCE_S, alpha_of, kill
from other_system import VARIABLE, WindowsPopen, pretend

from rde_roto.doors.server.endpoint import kill_engine
from rde_roto.doors.this_installation import installed_program, serve_command
from rde_roto_client import Client, NoEngineError
from rde_roto_client.places import launch_file, read_endpoint, run_folder, start

pytest_plugins = ("command_line_fixtures", "engine_fixtures")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others are played on Linux")

ROOT = Path(__file__).parents[2]
SYSTEMS = ["win32", "darwin"]
OF = {"win32": "tcp", "darwin": "unix"}


@pytest.fixture(params=SYSTEMS)
def system(
    request: pytest.FixtureRequest,
    home: Path,
    serve_command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The name of a system that this process takes itself to be on, with an engine of it."""
    monkeypatch.setenv("APPDATA", str(tmp_path / "roaming"))
    folder = Path("/tmp") / f"rde-{os.getpid()}-{request.param}"  # short, as for a socket
    monkeypatch.setenv("RDE_ROTO_RUN", str(folder))
    monkeypatch.setenv(VARIABLE, request.param)
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch, request.param)
        launch_file().parent.mkdir(parents=True, exist_ok=True)
        launch_file().write_text(json.dumps({"command": [*serve_command, "--idle", "60"]}))
        yield request.param
    kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_host_starts_an_engine_and_has_mattes(system: str, shot: dict[str, Any]) -> None:
    with Client("tests") as client:
        hello, endpoint = client.hello(), read_endpoint()
        assert endpoint is not None
        assert OF[system] in endpoint
        assert {"tcp", "unix"} & endpoint.keys() == {OF[system]}
        for key in ("pid", "started"):
            assert hello[key] == endpoint[key]
        size = client.open(shot)["data"][2:]
        ones = b"\0\0\x80\x3f" * (size[0] * size[1])
        shot["keyframes"][0]["mask"] = client.keep(ones, *size)
        assert bytes(client.matte(shot, 1003).pixels) == ones
        assert alpha_of(client.matte(shot, 1004)).shape == (1, size[1], size[0])

        os.kill(endpoint["pid"], signal.SIGSTOP)  # stuck
        assert kill_engine("auto")
        end = time.monotonic() + PATIENCE_S
        while kill_engine("auto"):  # until the system has taken its lock away
            assert time.monotonic() < end
    with Client("tests", starts=False) as client, pytest.raises(NoEngineError, match="no engine"):
        client.hello()


def test_an_engine_outlives_its_host_and_opens_no_window(system: str) -> None:
    process = start(command=[sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"])
    assert process.wait(PATIENCE_S) == 0
    log = run_folder() / "engine-auto.log"
    assert log.read_text() == "True\n"
    if system == "win32":
        assert isinstance(process, WindowsPopen)
        assert process.creationflags == 0x08000200


def test_what_is_registered_is_this_python(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve_command() == [sys.executable, "-m", "rde_roto", "serve"]
    suffix = ".exe" if system == "win32" else ""
    assert Path(installed_program()).name == f"rde-roto{suffix}"
    variable = {"win32": "APPDATA", "darwin": "XDG_CONFIG_HOME"}[system]
    assert launch_file().is_relative_to(os.environ[variable])


def test_the_run_folder_without_a_variable(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RDE_ROTO_RUN", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("USERNAME", "ann")
    user = "ann" if system == "win32" else str(os.getuid())
    assert run_folder() == tmp_path / f"rde-roto-{user}"


def module_of(path: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


def test_adapters_go_where_hosts_look(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installing = module_of(ROOT / "plugin" / "installing.py", monkeypatch)
    home = Path.home()
    blender = {
        "win32": Path(os.environ["APPDATA"]) / "Blender Foundation/Blender",
        "darwin": home / "Library/Application Support/Blender",
    }[system]
    found = installing.Host.find("blender").targets
    assert found == [blender / "5.0/extensions/user_default/rde_roto"]
    assert installing.Host.find("nuke").targets == [home / ".nuke/rde_roto"]
    installing.install("nuke", link=False, dry_run=False)
    assert (home / ".nuke/rde_roto/rde_roto_client/wire.py").is_file()
    note = Path(os.environ["APPDATA" if system == "win32" else "XDG_CONFIG_HOME"])
    assert (note / "rde-roto/hosts/nuke.json").is_file()
    installing.remove("nuke", dry_run=False)
    assert not (home / ".nuke/rde_roto").exists()


def test_a_host_that_the_system_lacks_holds_nothing_up(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing and removing go through all hosts."""
    installing = module_of(ROOT / "plugin" / "installing.py", monkeypatch)
    hosts = installing.all_hosts()
    assert len(installing.status_lines()) == len(hosts)
    for host in hosts:
        assert installing.remove(host.key, dry_run=False) == [
            f"{host.name}: nothing of ours is there"
        ]


def test_the_commands_of_the_venv(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool: Any = module_of(ROOT / "install.py", monkeypatch).tool
    place = {"win32": "Scripts/rde-roto.exe", "darwin": "bin/rde-roto"}[system]
    assert tool("rde-roto") == str(ROOT / ".venv" / place)
