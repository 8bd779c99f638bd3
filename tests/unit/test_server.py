"""The engine process as hosts see it: started, asked, cancelled, killed, and started again."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import HEIGHT, WIDTH, mattes
from engine_process import PATIENCE_S, SERVE, alpha_of, connected, ended, greeted, kill
from image_files import ramp, read_image, write_image

from rde_roto.doors.hosts.shots import Shots
from rde_roto.images.files import read_header
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.values.frames import FrameRange
from rde_roto_client import Client, EngineError, NoEngineError
from rde_roto_client.following import frames_of
from rde_roto_client.places import endpoint_file, launch_file, read_endpoint
from rde_roto_client.wire import PROTOCOL, Wire

pytest_plugins = ("command_line_fixtures", "engine_fixtures")


# --- starting -------------------------------------------------------------------------------------


def test_the_first_request_starts_an_engine_that_later_ones_find(
    client: Client, run_folder: Path
) -> None:
    first = client.hello()
    assert (first["protocol"], first["device"]) == (PROTOCOL, "cpu")
    with Client("another host", starts=False) as other:
        assert other.hello()["pid"] == first["pid"]
        assert [preset["name"] for preset in other.presets()] == [
            "draft",
            "farm",
            "fast-motion",
            "fine",
            "hair",
            "standard",
        ]
        assert any(model["name"] == "rde-lite" for model in other.models())
    log = (run_folder / "engine-auto.log").read_text()
    assert log.splitlines() == ["rde-roto: listening, on cpu"]


def test_of_engines_started_at_once_one_stays(run_folder: Path) -> None:
    started = [subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    with Client("tests", starts=False) as client:
        first = next(p for p in started if "listening" in str(p.stdout and p.stdout.readline()))
        others = [process for process in started if process is not first]
        for process in others:
            output, _ = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 0
            assert "running already" in output or output == ""
        assert client.hello()["pid"] == first.pid
        client.stop()
        first.communicate(timeout=PATIENCE_S)
        assert first.returncode == 0


def test_nobody_else_can_reach_it(client: Client, run_folder: Path) -> None:
    client.hello()
    for path in (run_folder, *run_folder.iterdir()):
        if path.suffix not in (".log", ".lock"):  # which the folder guards
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    run_folder.chmod(0o755)
    with pytest.raises(NoEngineError, match="can be used by others"):
        Client("tests").hello()
    run_folder.chmod(0o700)


def test_without_an_engine_a_sentence_says_what_to_do(run_folder: Path) -> None:
    with pytest.raises(NoEngineError, match="no engine is running: start it with rde-roto serve"):
        Client("tests", starts=False).hello()
    launch_file().write_text('{"command": ["/nowhere/rde-roto", "serve"]}')
    with pytest.raises(NoEngineError, match=r"the engine is gone: .*run install\.py again"):
        Client("tests").hello()
    launch_file().unlink()
    with pytest.raises(NoEngineError, match=r"does not say how to start it; run install\.py"):
        Client("tests").hello()
    launch_file().write_text('{"command": ["/bin/false"]}')
    with pytest.raises(NoEngineError, match="the engine ended at once"):
        Client("tests").hello()


def test_an_engine_that_nobody_asks_ends_by_itself(run_folder: Path) -> None:
    done = subprocess.run([*SERVE, "--idle", "0.3"], capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in run_folder.iterdir()) == ["engine-auto.lock"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_leaves_no_place(run_folder: Path, number: int, code: int) -> None:
    process = subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "listening" in process.stdout.readline()
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == code
    process.stdout.close()
    assert not endpoint_file().exists()


# --- mattes ---------------------------------------------------------------------------------------


def test_mattes_are_those_of_the_node_bit_for_bit(
    client: Client, shot: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many threads as the tests have, on which last bits and digests depend."""
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    said = client.open(shot)
    assert said["range"] == "1001-1006"
    assert said["data"] == said["display"] == [0, 0, WIDTH, HEIGHT]
    assert (said["elements"], said["keyframes"], said["pixel_aspect"]) == (["hero"], [1003], 1)
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "another cache"))
    with PlateMemo(tmp_path / "another cache") as memo:
        node = Shots(torch.device("cpu"), memo).get(shot).node
        for frame in (1006, 1001, 1003, 1004):
            matte = client.matte(shot, frame)
            expected = node.matte(frame)
            np.testing.assert_array_equal(alpha_of(matte), expected.alpha)
            assert (matte.digest, matte.elements) == (expected.digest, ("hero",))
    stored = FrameRange.parse(client.stored(shot, "1001-1006"))
    assert {1001, 1003, 1004, 1006} <= set(stored), "and neighbours, when there was time"


def test_a_shot_without_a_keyframe_says_its_windows_alone(
    client: Client, shot: dict[str, Any]
) -> None:
    """So that a host knows how large the first mask is to be."""
    del shot["keyframes"]
    said = client.open(shot)
    assert (said["data"], said["keyframes"]) == ([0, 0, WIDTH, HEIGHT], [])
    with pytest.raises(EngineError, match="has no keyframe: paint a mask of one frame"):
        client.matte(shot, 1001)


def test_one_element_of_several(client: Client, shot: dict[str, Any], tmp_path: Path) -> None:
    car = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    car[30:40, 50:70] = 1
    path = write_image(tmp_path / "car.png", car, "uint16")
    shot["elements"].append({"id": "car", "name": "blue car"})
    shot["keyframes"][0]["elements"] = ["hero"]
    shot["keyframes"].append({"frame": 1003, "mask": str(path), "elements": ["car"]})
    whole = alpha_of(client.matte(shot, 1005))
    for name, place in (("car", 1), ("blue_car", 1), ("hero", 0)):
        one = client.matte(shot, 1005, element=name)
        np.testing.assert_array_equal(alpha_of(one)[0], whole[place])
    with pytest.raises(EngineError, match="there is no element bus; there are hero, blue_car"):
        client.matte(shot, 1005, element="bus")


def test_a_mask_of_pixels_is_kept_once_and_for_good(
    client: Client, shot: dict[str, Any], home: Path
) -> None:
    alpha = np.random.default_rng(0).random((HEIGHT, WIDTH), np.float32)
    path = client.keep(alpha.data, WIDTH, HEIGHT)
    assert Path(path).is_relative_to(home / "data")
    assert client.keep(alpha.tobytes(), WIDTH, HEIGHT) == path
    assert client.keep((1 - alpha).data, WIDTH, HEIGHT) != path
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: len(whole) // 2])
    assert client.keep(alpha.data, WIDTH, HEIGHT) == path
    assert Path(path).read_bytes() == whole, "one that was damaged is written again"
    np.testing.assert_array_equal(read_image(Path(path))[1][..., 0], alpha)
    shot["keyframes"][0]["mask"] = path
    np.testing.assert_array_equal(alpha_of(client.matte(shot, 1003))[0], alpha)
    with pytest.raises(EngineError, match="needs 15360 bytes; got 12"):
        client.keep(b"123456789012", WIDTH, HEIGHT)
    with pytest.raises(EngineError, match="not finite"):
        client.keep(np.full((HEIGHT, WIDTH), np.nan, np.float32).data, WIDTH, HEIGHT)
    with pytest.raises(EngineError, match="values up to 2"):  # of 0 to 255 it kept no soft edge
        client.keep((255 * alpha).data, WIDTH, HEIGHT)
    overshot = np.float32(1.25) * alpha - np.float32(0.125)  # as a filter's
    kept = read_image(Path(client.keep(overshot.data, WIDTH, HEIGHT)))[1][..., 0]
    np.testing.assert_array_equal(kept, overshot.clip(0, 1))


def test_a_mask_drawn_over_a_data_window_lies_where_that_lies(
    client: Client, tmp_path: Path
) -> None:
    windows: dict[str, Any] = {"origin": (-4, -2), "display": (0, 0, WIDTH - 8, HEIGHT - 4)}
    over = write_image(tmp_path / "plate.1003.exr", ramp(HEIGHT, WIDTH), **windows)
    alpha = np.random.default_rng(0).random((HEIGHT, WIDTH), np.float32)
    path = Path(client.keep(alpha.data, WIDTH, HEIGHT, over=str(over)))
    assert read_header(path).format == read_header(over).format
    np.testing.assert_array_equal(read_image(path)[1][..., 0], alpha)
    assert client.keep(alpha.data, WIDTH, HEIGHT) != str(path)
    with pytest.raises(EngineError, match=f"over which it was drawn, {WIDTH}x{HEIGHT}"):
        client.keep(alpha[1:].tobytes(), WIDTH, HEIGHT - 1, over=str(over))
    with pytest.raises(EngineError, match=r"nowhere\.exr"):
        client.keep(alpha.data, WIDTH, HEIGHT, over=str(tmp_path / "nowhere.exr"))


def test_a_job_writes_files_as_the_command_line_does(
    client: Client, shot: dict[str, Any], plate: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "mattes/hero.####.exr")
    said = ended(client, client.render(shot, "1001-1004", out))
    assert (said["state"], said["done"], said["total"]) == ("done", 4, 4)
    assert mattes(tmp_path) == [f"hero.{frame}.exr" for frame in range(1001, 1005)]
    written = (tmp_path / "mattes/hero.1002.exr").stat().st_mtime_ns
    said = ended(client, client.render(shot, "1001-1006", out))
    assert (said["state"], said["done"], said["share"]) == ("done", 6, 1)
    assert (tmp_path / "mattes/hero.1002.exr").stat().st_mtime_ns == written, "kept"
    pixels = read_image(tmp_path / "mattes/hero.1006.exr")[1][..., 0]
    expected = alpha_of(client.matte(shot, 1006))[0].astype(np.float16)
    np.testing.assert_array_equal(pixels, expected)
    with pytest.raises(EngineError, match="would overwrite its own input"):
        client.render(shot, "1001", str(plate))


def test_what_is_prefetched_is_there(client: Client, shot: dict[str, Any]) -> None:
    said = ended(client, client.prefetch(shot, "1001-1006"))
    assert (said["state"], said["done"], said["total"], said["share"]) == ("done", 6, 6, 1)
    assert client.stored(shot, "1001-1006") == "1001-1006"
    with pytest.raises(EngineError, match="the shot has 1001-1006, not 1007-1008"):
        client.prefetch(shot, "1006-1008")


def test_the_next_frame_to_fix_is_one_that_is_made(client: Client, shot: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="no frame of this shot has a matte yet: propagate first"):
        client.advise(shot)
    ended(client, client.prefetch(shot, "1001-1004"))
    said = client.advise(shot)
    judged = frames_of(said["judged"])
    assert {1001, 1002, 1003, 1004} <= set(judged) <= set(range(1001, 1007))
    assert said["doubtful"].keys() == {"hero"}
    if said["frame"] is not None:  # the tests' model has not learned anything
        assert said["frame"] in judged
        assert said["element"] == "hero"
        assert 0 <= said["confidence"] <= 1


def test_a_plate_that_is_replaced_while_the_shot_is_open(
    client: Client, shot: dict[str, Any], plate: Path
) -> None:
    """Once it is an error, which names the file; then mattes are those of what is there now."""
    assert client.stored(shot, "1001-1006") == "", "all names are known from here on"
    write_image(plate.with_name("hero.1005.exr"), ramp(HEIGHT, WIDTH, seed=7))
    with pytest.raises(EngineError, match=r"hero\.1005\.exr was replaced after") as error:
        client.matte(shot, 1005)
    assert error.value.kind == "input"
    again = client.matte(shot, 1005)
    client.open(shot, fresh=True)
    assert client.matte(shot, 1005).digest == again.digest


def test_a_job_that_fails_says_why(client: Client, shot: dict[str, Any], plate: Path) -> None:
    client.open(shot)
    plate.with_name("hero.1005.exr").write_bytes(b"no picture")
    said = ended(client, client.prefetch(shot, "1004-1006"))
    assert said["state"] == "failed"
    assert (said["error"]["kind"], said["error"]["code"]) == ("input", 4)
    assert "hero.1005.exr" in said["error"]["sentence"]


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind", "code", "sentence"),
    [
        ({"plate": {"path": "/nowhere/x.####.exr"}}, "input", 4, "nowhere"),
        ({"plate": {"path": "x.####.exr"}}, "usage", 2, "is a relative path"),
        ({"plate": {"path": f"/{'x' * 300}.1001.exr"}}, "usage", 2, "^/x+…x+.1001.exr is too long"),
        ({"plates": {}}, "document", 3, "unknown key 'plates'; did you mean 'plate'"),
        ({"schema": "rde-roto.shot/9"}, "document", 3, "this program reads rde-roto.shot/1"),
        ({"preset": "nope"}, "document", 3, "nope"),
        ({"overrides": {"nope": 1}}, "document", 3, "^unknown key 'nope'"),
        ({"plate": {"path": "/x.####.exr", "color_space": "nope"}}, "document", 3, "^unknown col"),
        ({"model": "nope"}, "weights", 5, "nope"),
    ],
)
def test_what_cannot_be_is_the_error_of_the_command_line(
    client: Client,
    shot: dict[str, Any],
    change: dict[str, Any],
    kind: str,
    code: int,
    sentence: str,
) -> None:
    with pytest.raises(EngineError, match=sentence) as error:
        client.open({**shot, **change})
    assert (error.value.kind, error.value.code) == (kind, code)
    assert "/request" not in str(error.value), "a request is no file that an artist could open"


def test_what_is_no_request_is_refused_and_the_connection_goes_on(client: Client) -> None:
    for do, said, sentence in (
        ("dance", {}, "there is no request 'dance'; expected one of presets, models, open"),
        ("open", {}, "shot: Field required"),
        ("matte", {"shot": {}, "frame": "x"}, "frame: Input should be a valid integer"),
        ("presets", {"all": True}, "all: Extra inputs are not permitted"),
        ("keep", {"width": 1, "height": 1}, "keep needs pixels"),
    ):
        with pytest.raises(EngineError, match=sentence) as error:
            client.ask(do, **said)
        assert (error.value.kind, error.value.code) == ("protocol", 2)
    with pytest.raises(EngineError, match="no job 7: the engine has restarted"):
        client.progress("7")
    assert client.presets()


def test_another_protocol_is_refused_with_what_to_do(client: Client) -> None:
    client.hello()
    for hello, sentence in (
        ({"do": "hello", "protocol": 99}, "speaks protocol 1, the host's plug-in 99: install the"),
        ({"do": "presets"}, "the first request must be hello"),
        ({"do": "hello", "protocol": PROTOCOL, "token": "\ud800"}, "the token is wrong"),
        ({"do": "hello", "protocol": [{"a": "\ud800"}] * 99}, "the host's plug-in [{"),
    ):
        wire = Wire(connected())
        wire.send(hello)
        answer = wire.receive()
        assert answer is not None
        assert answer.object["error"]["kind"] == "protocol"
        assert sentence in answer.object["error"]["sentence"]
        assert wire.receive() is None
        wire.connection.close()


# --- cancelling -----------------------------------------------------------------------------------


def test_a_matte_is_cancelled_by_its_ticket(client: Client, long_shot: dict[str, Any]) -> None:
    client.open(long_shot)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.matte, long_shot, 1000, ticket="t1")
        end = time.monotonic() + PATIENCE_S
        while not waiting.done():  # the ticket counts once the engine has the request
            client.cancel(ticket="t1")
            assert time.monotonic() < end
        with pytest.raises(EngineError) as error:
            waiting.result()
    assert (error.value.kind, error.value.code) == ("cancelled", 130)


def test_a_newer_look_takes_the_place_of_an_older_one(
    client: Client, long_shot: dict[str, Any]
) -> None:
    client.open(long_shot)
    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(client.matte, long_shot, 1000, viewer="v")
        end = time.monotonic() + PATIENCE_S
        while not older.done():
            with suppress(EngineError):  # it was the older one, at first
                assert client.matte(long_shot, 3, viewer="v").frame == 3
            assert time.monotonic() < end
        with pytest.raises(EngineError) as error:
            older.result()
    assert error.value.kind == "cancelled"


def test_a_job_is_cancelled(client: Client, long_shot: dict[str, Any]) -> None:
    job = client.prefetch(long_shot, "1-1000")
    client.cancel(job=job)
    said = ended(client, job)
    assert said["state"] == "cancelled"
    assert said["done"] < 1000


def test_a_host_that_dies_leaves_nothing_running(client: Client, long_shot: dict[str, Any]) -> None:
    """The engine goes on to whoever asks next, without the walk that nobody wants any more."""
    client.open(long_shot)
    wire = greeted()
    wire.send({"do": "matte", "id": 1, "shot": long_shot, "frame": 1000})
    wire.connection.close()
    assert client.matte(long_shot, 2).frame == 2
    said = ended(client, client.prefetch(long_shot, "3-4"))
    assert said["state"] == "done"


# --- dying ----------------------------------------------------------------------------------------


def test_a_killed_engine_is_started_again_and_goes_on_from_the_stores(
    client: Client, shot: dict[str, Any], home: Path
) -> None:
    before = {frame: client.matte(shot, frame) for frame in (1001, 1006)}
    first = client.hello()["pid"]
    cached = sorted((home / "cache").rglob("*.safetensors"))
    kill()
    for frame, matte in before.items():
        again = client.matte(shot, frame)
        assert again.digest == matte.digest
        np.testing.assert_array_equal(alpha_of(again), alpha_of(matte))
    assert client.hello()["pid"] != first
    assert sorted((home / "cache").rglob("*.safetensors")) == cached, "nothing was made anew"


def test_killed_while_it_works_the_request_is_answered_by_the_next(
    client: Client, shot: dict[str, Any]
) -> None:
    first = client.hello()["pid"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.matte, shot, 1006)
        os.kill(first, signal.SIGKILL)
        found = alpha_of(waiting.result(PATIENCE_S))
    np.testing.assert_array_equal(alpha_of(client.matte(shot, 1006)), found)
    assert client.hello()["pid"] != first


# --- loopback TCP ---------------------------------------------------------------------------------


def test_over_tcp_a_token_is_asked_for(run_folder: Path, shot: dict[str, Any]) -> None:
    process = subprocess.Popen([*SERVE, "--tcp"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "listening" in process.stdout.readline()
    endpoint = read_endpoint()
    assert endpoint is not None
    assert len(endpoint["token"]) == 64
    with Client("tests", starts=False) as client:
        matte = client.matte(shot, 1004)
        assert alpha_of(matte).shape == (1, HEIGHT, WIDTH)
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        assert Path(client.keep(alpha.data, WIDTH, HEIGHT)).is_file()
        wire = Wire(socket.create_connection(("127.0.0.1", endpoint["tcp"])))
        wire.send({"do": "hello", "protocol": PROTOCOL, "token": "guessed"})
        answer = wire.receive()
        assert answer is not None
        assert "the token is wrong" in answer.object["error"]["sentence"]
        wire.connection.close()
        client.stop()
    assert process.wait(PATIENCE_S) == 0
    process.stdout.close()


def test_a_message_without_an_answer_is_an_error(run_folder: Path) -> None:
    """Somebody else listens in the engine's place, and hangs up."""
    path = run_folder / "engine-auto.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(2)
        endpoint_file().write_text(f'{{"protocol": 1, "pid": 1, "unix": "{path}"}}')
        listener.close()
        with pytest.raises(NoEngineError):
            Client("tests", starts=False).hello()
