"""How engines are started, told from other processes, and asked again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from engine_process import PATIENCE_S

from rde_roto.doors.commands.serve import serve
from rde_roto.doors.server.endpoint import Log, is_running, kill_engine, listen
from rde_roto.doors.server.socket_server import Server
from rde_roto.process_lock import process_lock
from rde_roto.values.errors import EngineEndedError
from rde_roto.values.processes import Start, is_alive, start_of, started_at
from rde_roto.values.processes import kill as kill_process
from rde_roto_client import Client, EngineError, NoEngineError, StuckEngineError, WireError
from rde_roto_client.places import endpoint_file, start
from rde_roto_client.wire import PROTOCOL, Wire

pytest_plugins = ("command_line_fixtures",)


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    monkeypatch.setenv("RDE_ROTO_RUN", str(folder))
    return folder


# --- the log --------------------------------------------------------------------------------------


def test_engines_that_end_at_once_do_not_fill_the_disk(run_folder: Path) -> None:
    log = endpoint_file().with_suffix(".log")
    log.write_bytes(b"old line\n" * 200_000)
    command = [sys.executable, "-c", "import sys; sys.exit('it is gone')"]
    assert start(command=command).wait(PATIENCE_S) == 1
    said = log.read_text()
    assert len(said) < 100_000
    assert said.startswith("rde-roto: what was here before is forgotten\nold line\n")
    assert said.endswith("old line\nit is gone\n")
    assert start(command=command).wait(PATIENCE_S) == 1
    assert log.read_text() == f"{said}it is gone\n", "a short one is left alone"


# --- which process --------------------------------------------------------------------------------


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_known_by_its_start_too(stranger: subprocess.Popen[bytes]) -> None:
    start = start_of(stranger.pid)
    assert start is not None
    assert start.since_1970_s == started_at(stranger.pid)
    assert is_alive(stranger.pid)
    assert not kill_process(stranger.pid, Start(start.since_1970_s - 3600))
    if start.since_boot_s is not None:
        assert not kill_process(stranger.pid, start._replace(since_boot_s=start.since_boot_s - 1))
    assert stranger.poll() is None
    assert kill_process(stranger.pid, start)
    assert stranger.wait(PATIENCE_S) != 0
    assert not is_alive(stranger.pid)
    assert start_of(stranger.pid) is None
    assert not kill_process(stranger.pid, start)


@pytest.mark.parametrize("pid", [-1, 1 << 70])
def test_what_is_no_process_id_is_not_known(pid: int) -> None:
    assert started_at(pid) is None
    assert not kill_process(pid, Start(0.0, 0.0))


@pytest.mark.skipif(sys.platform != "linux", reason="the start does not move there")
def test_an_engine_is_known_after_the_clock_was_set(stranger: subprocess.Popen[bytes]) -> None:
    with listen("auto"):
        entry = json.loads(endpoint_file().read_text())
        start = start_of(stranger.pid)
        assert start is not None
        moved = {"started": start.since_1970_s - 3600, "started_since_boot": start.since_boot_s}
        endpoint_file().write_text(json.dumps({**entry, **moved, "pid": stranger.pid}))
        assert kill_engine("auto")
    assert stranger.wait(PATIENCE_S) != 0


def test_whoever_looks_for_an_engine_keeps_none_from_starting(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder.mkdir(mode=0o700)
    with ExitStack() as look:
        look.enter_context(process_lock(endpoint_file().with_suffix(".lock")))
        monkeypatch.setattr("rde_roto.process_lock.time.sleep", lambda _s: look.close())
        with listen("auto"):
            assert is_running("auto")
            monkeypatch.undo()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_command_learns_how_its_own_processes_ended() -> None:
    """Whatever the host that started it does with the signal."""
    code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    code += "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    run = "import atexit, signal, sys; from rde_roto.doors.cli import main\n"
    run += "atexit.register(lambda: print(signal.getsignal(signal.SIGCHLD).name))\n"
    run += "sys.argv[1:] = ['--version']; main()"
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "SIG_DFL", done.stderr


def test_a_killed_engines_number_may_be_another_programs(
    stranger: subprocess.Popen[bytes],
) -> None:
    """A new engine has the lock already, and the file is the dead one's still."""
    with listen("auto"):
        entry = json.loads(endpoint_file().read_text())
        assert entry["started"] == started_at(os.getpid())
        other = {"started": entry["started"] - 3600, "started_since_boot": None}
        dead = {"pid": stranger.pid, **other}
        endpoint_file().write_text(json.dumps({**entry, **dead}))
        assert not kill_engine("auto")
        assert stranger.poll() is None
    assert not kill_engine("auto"), "no engine runs"


@pytest.mark.parametrize("old", [{}, {"started": None}])
def test_an_older_engine_does_not_say_when_it_was_started(
    stranger: subprocess.Popen[bytes], old: dict[str, None]
) -> None:
    """It was started before it wrote its file; whoever got its number later was not."""
    started = started_at(stranger.pid)
    assert started is not None
    with listen("auto"):
        entry = json.loads(endpoint_file().read_text())
        del entry["started"], entry["started_since_boot"]
        endpoint_file().write_text(json.dumps({**entry, **old, "pid": stranger.pid}))
        os.utime(endpoint_file(), (started - 60, started - 60))
        assert not kill_engine("auto")
        assert stranger.poll() is None
        os.utime(endpoint_file(), (started + 1, started + 1))
        assert kill_engine("auto")
        assert stranger.wait(PATIENCE_S) != 0


def test_every_connection_hears_of_the_same_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a client whose connection was closed would take the engine for another one."""
    times = iter((1.0, 2.0, 3.0))  # the system's clock is set again and again
    monkeypatch.setattr("rde_roto.doors.server.socket_server.started_at", lambda _pid: next(times))
    server = Server("", "cpu", PATIENCE_S, Log(Path("engine.log")))
    heard = []
    for _ in range(2):
        near, far = socket.socketpair()
        with near:
            hello: dict[str, Any] = {"do": "hello", "id": 1, "protocol": PROTOCOL}
            nobody: Any = None
            server._welcome(far, hello, nobody)
            answer = Wire(near).receive()
            assert answer is not None
            heard.append(answer.object["started"])
    assert heard == [1.0, 1.0]


def test_an_engine_that_could_not_be_killed_is_not_said_to_have_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def be_stuck(_client: Client) -> None:
        raise StuckEngineError("the engine has said nothing")

    monkeypatch.setattr(Client, "stop", be_stuck)
    with listen("auto"):
        entry = json.loads(endpoint_file().read_text())
        other_time = {"started": entry["started"] - 3600, "started_since_boot": None}
        endpoint_file().write_text(json.dumps({**entry, **other_time}))
        with pytest.raises(EngineEndedError, match=f"end process {os.getpid()} by hand"):
            serve(stop=True)
    assert capsys.readouterr().out == ""
    endpoint_file().write_text(json.dumps({**entry, "tcp": 1}))  # left by one that was killed
    serve(stop=True)
    assert "has ended" in capsys.readouterr().out
    assert not endpoint_file().exists(), "who listens there now is nobody of ours"


@pytest.mark.parametrize("address", [{"tcp": -1}, {"tcp": 1 << 20}, {"unix": "a\0b"}])
def test_a_damaged_file_is_no_engine(address: dict[str, object]) -> None:
    endpoint_file().write_text(json.dumps(address))
    with Client("tests", starts=False) as client, pytest.raises(NoEngineError, match="no engine"):
        client.hello()


# --- asking again ---------------------------------------------------------------------------------


class DyingEngine(threading.Thread):
    """Answers hello, then hangs up at the first request, and answers those that follow."""

    def __init__(self, hangs_up: int = 1) -> None:
        super().__init__(daemon=True)
        self.asked: list[str] = []
        self.hung_up = threading.Semaphore(0)
        self._hangs_up = hangs_up
        self._stack = ExitStack()
        self._listener, _ = self._stack.enter_context(listen("auto"))
        self._listener.settimeout(PATIENCE_S)
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE_S)
                self._answer(Wire(connection))
            self.hung_up.release()

    def _answer(self, wire: Wire) -> None:
        while (message := wire.receive()) is not None:
            said = message.object
            if said["do"] != "hello":
                self.asked.append(said["do"])
                if len(self.asked) <= self._hangs_up:
                    return
            if said["do"] in ("advise", "paint"):  # which this engine has never heard of
                sentence = f"there is no request '{said['do']}'; expected one of presets, open"
                error = {"kind": "protocol", "code": 2, "sentence": sentence}
                wire.send({"id": said["id"], "ok": False, "error": error})
                continue
            answer: dict[str, Any] = {"id": said["id"], "ok": True, "protocol": PROTOCOL}
            wire.send({**answer, "presets": [], "job": "a job"})
            if said["do"] == "presets":
                return  # as with connections that were idle for long

    def end(self) -> None:
        with suppress(OSError):  # it has ended
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._stack.close()
        self.join()


@pytest.fixture
def dying() -> Iterator[DyingEngine]:
    engine = DyingEngine()
    yield engine
    engine.end()


SHOT = {"schema": "rde-roto.shot/1"}


def test_a_question_is_asked_again(dying: DyingEngine) -> None:
    with Client("tests", starts=False) as client:
        assert client.presets() == []
    assert dying.asked == ["presets", "presets"]


@pytest.mark.parametrize("do", ["render", "learn", "prefetch"])
def test_what_starts_a_job_is_not(dying: DyingEngine, do: str) -> None:
    rest = {"render": ("1", "a.####.exr"), "learn": (), "prefetch": ("1",)}[do]
    with Client("tests", starts=False) as client:
        with pytest.raises(WireError, match="the engine has ended"):
            getattr(client, do)(SHOT, *rest)
        assert dying.asked == [do]
        assert getattr(client, do)(SHOT, *rest) == "a job"


def test_stop_ends_no_engine_but_this_one(dying: DyingEngine) -> None:
    with Client("tests", command=[sys.executable, "-c", "raise SystemExit(1)"]) as client:
        client.stop()
        assert dying.asked == ["stop"]
        dying.end()
        with pytest.raises(NoEngineError, match="no engine is running"):
            client.stop()
    assert not endpoint_file().with_suffix(".log").exists(), "none was started for it"


def test_a_connection_that_the_engine_has_closed_is_not_used(dying: DyingEngine) -> None:
    """The engine closes idle ones. A job must not fail for that, nor be started twice."""
    with Client("tests", starts=False) as client:
        client.presets()
        for _ in range(2):  # at the first request, and after the answer to the second
            assert dying.hung_up.acquire(timeout=PATIENCE_S)
        assert client.render(SHOT, "1", "a.####.exr") == "a job"
    assert dying.asked == ["presets", "presets", "render"]


def test_an_older_engine_that_lacks_a_request_is_named(dying: DyingEngine) -> None:
    with Client("tests", starts=False) as client:
        with pytest.raises(EngineError, match=r"older than this, and cannot advise: stop it with"):
            client.advise(SHOT)
        with pytest.raises(EngineError, match="there is no request 'paint'"):
            client.ask("paint")
