"""What the OpenFX plug-in does when something is missing, wrong, slow or gone.

Every way ends in a sentence for the artist and the status "failed", and never in a crash.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_engine
import numpy as np
import pytest
from fake_engine import (
    HEAD,
    MAGIC,
    Connection,
    FakeEngine,
    Object,
    in_memory,
    matte_of,
    stop_program,
)
from ofx_host import FAILED, GENERAL, OK, Effect, Host, instance
from ofx_values import Image, Properties
from openfx_plugin import HEIGHT, SHOT, SOURCES, WIDTH, empty, same_bits, write_launch

from rde_roto.documents.shot_document import parse_shot_document

pytest_plugins = ("openfx_fixtures",)

BYTES = 4 * WIDTH * HEIGHT
MEMORY: Object = {"bytes": BYTES, "by": "memory"}
SIZES: Object = {"ok": True, "elements": ["hero"], "width": WIDTH, "height": HEIGHT}


def refused(host: Host, effect: Effect, *words: str) -> None:
    """Renders, and checks that it fails with one new message that has these words."""
    before = len(host.messages)
    assert host.render(effect, 1001, empty()) == FAILED
    (message,) = host.messages[before:]
    assert message.kind == "OfxMessageError"
    for word in words:
        assert word in message.text


# What the engine may answer instead of a matte.


def error(connection: Connection, said: Object) -> None:
    sentence = "frame 1001 of the plate is not there: größer 100%s \U0001f600"
    error = {"kind": "input", "code": 4, "sentence": sentence}
    connection.send({"id": said["id"], "error": error})


def long_error(connection: Connection, said: Object) -> None:
    error = {"kind": "input", "code": 4, "sentence": "ü" * 100_000}
    connection.send({"id": said["id"], "error": error})


def error_without_sentence(connection: Connection, said: Object) -> None:
    connection.send({"id": said["id"], "error": {"kind": "internal", "sentence": 3}})


def nothing(connection: Connection, said: Object) -> None:
    connection.socket.shutdown(socket.SHUT_RDWR)


def half_a_head(connection: Connection, said: Object) -> None:
    connection.socket.sendall(MAGIC + b"\0")
    nothing(connection, said)


def half_an_object(connection: Connection, said: Object) -> None:
    connection.socket.sendall(HEAD.pack(MAGIC, 1000) + b'{"ok"')
    nothing(connection, said)


def garbage(connection: Connection, said: Object) -> None:
    connection.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def too_long(connection: Connection, said: Object) -> None:
    connection.socket.sendall(HEAD.pack(MAGIC, (1 << 20) + 1))


def text(data: bytes) -> fake_engine.Instead:
    return lambda connection, said: connection.send_bytes(data)


def right_but(member: bytes) -> fake_engine.Instead:
    """A right answer with one more member: as it stands, which need not be JSON."""

    def answer(connection: Connection, said: Object) -> None:
        right = json.dumps({**SIZES, "payload": MEMORY, "id": said["id"]}).encode()
        with in_memory(bytes(BYTES)) as file:
            connection.send_bytes(right[:-1] + b", " + member + b"}", (file.fileno(),))

    return answer


def another_id(connection: Connection, said: Object) -> None:
    connection.send_pixels({**SIZES, "id": said["id"] + 1}, matte_of({}, 0, HEIGHT, WIDTH))


def no_pixels(connection: Connection, said: Object) -> None:
    connection.send({**SIZES, "id": said["id"]})


def short_file(connection: Connection, said: Object) -> None:
    matte = matte_of({}, 0, HEIGHT, WIDTH)
    connection.send_pixels({**SIZES, "id": said["id"]}, matte, cut_bytes=1)


def files(count: int, payload: Any) -> fake_engine.Instead:
    """An answer with some files, and what it says of its pixels."""

    def answer(connection: Connection, said: Object) -> None:
        more = {} if payload is None else {"payload": payload}
        with contextlib.ExitStack() as stack:
            sent = [stack.enter_context(in_memory(bytes(BYTES))) for _ in range(count)]
            numbers = tuple(file.fileno() for file in sent)
            connection.send({**SIZES, **more, "id": said["id"]}, numbers)

    return answer


def a_pipe(connection: Connection, said: Object) -> None:
    near, far = socket.socketpair()
    with near, far:
        connection.send({**SIZES, "payload": MEMORY, "id": said["id"]}, (far.fileno(),))


def other_size(connection: Connection, said: Object) -> None:
    matte = matte_of({}, 0, HEIGHT, WIDTH + 1)
    connection.send_pixels({**SIZES, "id": said["id"], "width": WIDTH + 1}, matte)


def other_bytes(connection: Connection, said: Object) -> None:
    connection.send_pixels({**SIZES, "id": said["id"]}, matte_of({}, 0, HEIGHT, WIDTH + 1))


def two_elements(connection: Connection, said: Object) -> None:
    answer = {**SIZES, "id": said["id"], "elements": ["a", "b"]}
    connection.send_pixels(answer, matte_of({}, 0, HEIGHT, WIDTH))


ANSWERS: dict[str, tuple[fake_engine.Instead, str]] = {
    "error": (error, "frame 1001 of the plate is not there: größer 100%s \U0001f600"),
    "long error": (long_error, "üüüü"),
    "error without a sentence": (error_without_sentence, "no sentence"),
    "nothing": (nothing, "ended before"),
    "half a head": (half_a_head, "ended before"),
    "half an object": (half_an_object, "ended before"),
    "garbage": (garbage, "different versions"),
    "a message too long": (too_long, "different versions"),
    "no JSON": (text(b"{'ok': true}"), "different versions"),
    "no object": (text(b"[1, 2]"), "different versions"),
    "an empty object": (text(b"{}"), "different versions"),
    "nothing at all": (text(b""), "different versions"),
    "behind the object": (text(b"{} {}"), "different versions"),
    "too deep": (right_but(b'"a":' + b"[" * 40 + b"]" * 40), "different versions"),
    "far too deep": (right_but(b'"a":' + b"[" * 400_000 + b"]" * 400_000), "different versions"),
    "no UTF-8": (right_but(b'"a": "\xff\xfe"'), "different versions"),
    "half a letter": (right_but(b'"a": "\xc3"'), "different versions"),
    "an overlong letter": (right_but(b'"a": "\xc0\xaf"'), "different versions"),
    "a longer overlong letter": (right_but(b'"a": "\xe0\x80\xaf"'), "different versions"),
    "beyond all letters": (right_but(b'"a": "\xf4\x90\x80\x80"'), "different versions"),
    "a surrogate": (right_but(b'"a": "\xed\xa0\x80"'), "different versions"),
    "a bare line feed": (right_but(b'"a": "\n"'), "different versions"),
    "an open string": (right_but(b'"a": "'), "different versions"),
    "an open escape": (right_but(b'"a": "\\u12"'), "different versions"),
    "an escape that is none": (right_but(b'"a": "\\x"'), "different versions"),
    "a bare minus": (right_but(b'"a": -'), "different versions"),
    "an open fraction": (right_but(b'"a": 1.'), "different versions"),
    "half a word": (right_but(b'"a": nul'), "different versions"),
    "no value": (right_but(b'"a":'), "different versions"),
    "no name": (right_but(b"3: 4"), "different versions"),
    "another id": (another_id, "different versions"),
    "no pixels": (no_pixels, "not as large"),
    "a short file": (short_file, "different versions"),
    "no file": (files(0, MEMORY), "different versions"),
    "two files": (files(2, MEMORY), "different versions"),
    "more files than there is room": (files(9, MEMORY), "different versions"),
    "a file nobody spoke of": (files(1, None), "different versions"),
    "a file and a stream": (files(1, {"bytes": BYTES, "by": "stream"}), "different versions"),
    "by nothing": (files(1, {"bytes": BYTES}), "different versions"),
    "negative bytes": (files(1, {"bytes": -4, "by": "memory"}), "different versions"),
    "half a byte": (files(1, {"bytes": 1.5, "by": "memory"}), "different versions"),
    "too many bytes": (files(1, {"bytes": 1 << 62, "by": "stream"}), "different versions"),
    "more than any number": (files(1, {"bytes": 10**30, "by": "memory"}), "different versions"),
    "a payload that is a list": (files(1, [BYTES]), "different versions"),
    "a pipe": (a_pipe, "different versions"),
    "another size": (other_size, "not as large"),
    "other bytes": (other_bytes, "not as large"),
    "two elements": (two_elements, "not as large"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_wrong_answer_is_a_message(
    host: Host, node: Effect, engine: FakeEngine, name: str
) -> None:
    engine.instead["matte"], words = ANSWERS[name]
    refused(host, node, words)
    del engine.instead["matte"]
    image = empty(channels=1)
    assert host.render(node, 1001, image) == OK  # and then it works again
    assert host.messages[-1].kind == "clear"


def test_no_descriptor_is_left_open_whatever_came(host: Host, node: Effect, ofx_run: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list a process's descriptors in /proc")
    before = len(list(folder.iterdir()))
    with FakeEngine(ofx_run) as engine:
        for answer, _ in ANSWERS.values():
            engine.instead["matte"] = answer
            assert host.render(node, 1001, empty()) == FAILED
    assert len(list(folder.iterdir())) == before


@pytest.mark.parametrize(
    "sides",
    [
        None,
        [0, 0, 24],
        [0, 0, 24, 16, 3],
        [0, 0, 0, 16],
        [0, 0, 24, -16],
        [0, 0, 24, 1 << 40],
        [1 << 31, 0, 24, 16],
        [0, 0.5, 24, 16],
        [0, 0, "24", 16],
        "0, 0, 24, 16",
    ],
)
def test_windows_that_are_none_are_a_message(
    host: Host, node: Effect, engine: FakeEngine, sides: Any
) -> None:
    for which in ("data", "display"):
        setattr(engine, which, sides)
        refused(host, node, "how large the plate is")
        setattr(engine, which, [0, 0, WIDTH, HEIGHT])


def other_protocol(connection: Connection, said: Object) -> None:
    error = {"kind": "protocol", "code": 2, "sentence": "this engine speaks protocol 2"}
    connection.send({"id": None, "error": error})
    nothing(connection, said)


def test_an_engine_of_another_protocol_is_a_message(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    engine.instead["hello"] = other_protocol
    refused(host, node, "this engine speaks protocol 2")
    engine.instead["hello"] = lambda connection, said: connection.send(
        {"id": said["id"], "ok": True, "protocol": 2}
    )
    refused(host, node, "another protocol")
    del engine.instead["hello"]
    endpoint = engine.run / "engine-auto.json"
    endpoint.write_text(json.dumps({**json.loads(endpoint.read_text()), "protocol": 2}))
    refused(host, node, "another protocol")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"plate": ""}, "no plate yet"),
        ({"plate": "hero.####.exr"}, "must be absolute"),
        ({"element": ""}, "no name"),
        ({"keyframes": ""}, "no keyframe yet"),
        ({"keyframes": "[]"}, "no keyframe yet"),
        ({"keyframes": "[[1001]]"}, "damaged"),
        ({"keyframes": '{"1001": "/a"}'}, "damaged"),
        ({"keyframes": '[["1001", "/a"]]'}, "damaged"),
        ({"keyframes": "[[1001, 5]]"}, "damaged"),
        ({"keyframes": '[[1001, "/a\\u0000b"]]'}, "damaged"),
        ({"keyframes": '[[1001, "/a\\ud83d"]]'}, "damaged"),
        ({"keyframes": '[[99999999999999999999, "/a"]]'}, "damaged"),
        ({"keyframes": '[[1001, "/a"'}, "damaged"),
    ],
)
def test_what_the_parameters_lack_is_a_message(
    host: Host, engine: FakeEngine, changed: Object, words: str
) -> None:
    with instance(host, GENERAL, {**SHOT, **changed}) as effect:
        refused(host, effect, words)
    assert engine.said == []


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_a_scale_that_is_none_fails(
    host: Host, node: Effect, engine: FakeEngine, scale: float
) -> None:
    assert host.render(node, 1001, empty(), scale=scale) == FAILED


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1e300])
def test_a_time_that_is_no_frame_is_a_message(
    host: Host, node: Effect, engine: FakeEngine, at: float
) -> None:
    assert host.render(node, at, empty()) == FAILED
    assert [message.text for message in host.messages] == ["The host's time is no frame."]


def test_one_message_for_one_trouble_where_messages_are_dialogs(
    binary: Path, engine: FakeEngine
) -> None:
    host = Host(binary, message_version=1)
    assert host.load() == OK
    engine.instead["matte"] = error
    with instance(host, GENERAL, SHOT) as effect:
        for frame in (1001, 1002, 1003):
            assert host.render(effect, frame, empty()) == FAILED
        assert [message.persistent for message in host.messages] == [False]
        del engine.instead["matte"]
        assert host.render(effect, 1001, empty()) == OK
        engine.instead["matte"] = error
        assert host.render(effect, 1001, empty()) == FAILED
        assert len(host.messages) == 2
    assert host.trespasses == []


def test_a_host_without_messages_is_told_the_status(binary: Path, ofx_run: Path) -> None:
    host = Host(binary, without="OfxMessageSuite")
    assert host.load() == OK
    with instance(host, GENERAL, SHOT) as effect:
        assert host.render(effect, 1001, empty()) == FAILED
        assert host.change(effect, "setKeyframe") == OK
    assert host.messages == []


@pytest.mark.parametrize("suite", ["OfxPropertySuite", "OfxImageEffectSuite", "OfxParameterSuite"])
def test_a_host_that_lacks_a_suite_is_told_so(binary: Path, suite: str) -> None:
    assert Host(binary, without=suite).load() == 4  # kOfxStatErrMissingHostFeature


def test_an_action_that_nobody_knows_is_left_to_the_host(host: Host, node: Effect) -> None:
    assert host.act("OfxActionOfTomorrow", node, Properties()) == 14  # kOfxStatReplyDefault


# The engine that is not there.


def test_nobody_there_and_no_way_to_start_one(host: Host, node: Effect, ofx_run: Path) -> None:
    refused(host, node, "No engine runs", "engine.json", "install.py")


@pytest.mark.parametrize(
    "written", ["", "{}", '{"command": []}', '{"command": "serve"}', '{"command": [3]}']
)
def test_a_launch_file_that_says_nothing(
    host: Host, node: Effect, ofx_run: Path, tmp_path: Path, written: str
) -> None:
    write_launch(tmp_path / "config", [])
    (tmp_path / "config/rde-roto/engine.json").write_text(written)
    refused(host, node, "No engine runs")


def test_a_command_that_is_gone(host: Host, node: Effect, ofx_run: Path, tmp_path: Path) -> None:
    write_launch(tmp_path / "config", ["/gone/größer/rde-roto", "serve"])
    refused(host, node, "cannot be started", "/gone/größer/rde-roto")


def test_a_run_folder_that_others_may_enter(host: Host, node: Effect, engine: FakeEngine) -> None:
    engine.run.chmod(0o755)
    refused(host, node, "can be used by others", "chmod 700")
    engine.run.chmod(0o700)


def test_an_engine_is_started_without_what_the_host_has_in_its_environment(
    fresh: Host, ofx_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_launch(tmp_path / "config", [sys.executable, fake_engine.__file__, str(ofx_run)])
    for name in ("PYTHONPATH", "PYTHONHOME_OF_HOST", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH"):
        monkeypatch.setenv(name, "/of/the/host")
    monkeypatch.setenv("RDE_ROTO_KEPT", "yes")
    with instance(fresh, GENERAL, SHOT) as effect:
        image = empty(channels=1)
        try:
            assert fresh.render(effect, 1004, image) == OK, fresh.messages
        finally:
            stop_program(ofx_run)
    assert not (image.read() == 7).any()
    found = json.loads((ofx_run / "environment.json").read_text())
    assert found["RDE_ROTO_KEPT"] == "yes"
    assert [name for name in found if name.startswith(("PYTHON", "LD_", "QT_"))] == []
    assert fresh.trespasses == []


def test_a_button_starts_an_engine_and_does_not_wait_for_it(
    fresh: Host, ofx_run: Path, tmp_path: Path
) -> None:
    write_launch(tmp_path / "config", [sys.executable, "-c", "pass"])
    with instance(fresh, GENERAL, SHOT) as effect:
        fresh.connect(effect, "Mask", lambda _: empty(channels=1))
        begun = time.monotonic()
        assert fresh.change(effect, "setKeyframe", 1002) == OK
        assert time.monotonic() - begun < 2
        assert "being started" in effect.params["status"].value
        assert [message.persistent for message in fresh.messages] == [False]


def test_an_engine_learns_how_its_own_processes_ended(
    fresh: Host, ofx_run: Path, tmp_path: Path
) -> None:
    """Whatever the host does with the signal of its own."""
    said, code = tmp_path / "said", "import subprocess, sys; from pathlib import Path\n"
    code += "ended = subprocess.run([sys.executable, '-c', 'exit(3)']).returncode\n"
    code += "Path(sys.argv[1] + '.new').write_text(str(ended))\n"
    code += "Path(sys.argv[1] + '.new').rename(sys.argv[1])\n"
    write_launch(tmp_path / "config", [sys.executable, "-c", code, str(said)])
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with instance(fresh, GENERAL, SHOT) as effect:
            fresh.connect(effect, "Mask", lambda _: empty(channels=1))
            assert fresh.change(effect, "setKeyframe", 1002) == OK
    finally:
        signal.signal(signal.SIGCHLD, before)
    end = time.monotonic() + 60
    while not said.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert said.read_text() == "3"


def test_an_engine_that_never_comes_is_not_waited_for_once_the_host_aborts(
    fresh: Host, ofx_run: Path, tmp_path: Path
) -> None:
    write_launch(tmp_path / "config", [sys.executable, "-c", "pass"])
    asked = iter(range(4))
    fresh.aborts = lambda: next(asked, None) is None
    with instance(fresh, GENERAL, SHOT) as effect:
        assert fresh.render(effect, 1002, empty()) == OK
    assert fresh.messages == []


def test_a_socket_that_an_engine_left_behind(host: Host, node: Effect, ofx_run: Path) -> None:
    ofx_run.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(ofx_run / "dead.sock"))
    for endpoint in (
        {"unix": str(ofx_run / "dead.sock")},
        {"unix": "/" + "long" * 100},
        {"unix": str(ofx_run)},
        {"tcp": 1},
        {"tcp": -1},
        {},
    ):
        (ofx_run / "engine-auto.json").write_text(json.dumps({"protocol": 1, **endpoint}))
        refused(host, node, "No engine runs")
    for written in (b"\xff", b"[]", b"{", b"x" * 70_000):
        (ofx_run / "engine-auto.json").write_bytes(written)
        refused(host, node, "No engine runs")


def test_an_engine_that_ends_while_it_is_asked_is_asked_once_more(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    def once(connection: Connection, said: Object) -> None:
        del engine.instead["matte"]
        nothing(connection, said)

    engine.instead["matte"] = once
    image = empty(channels=1)
    assert host.render(node, 1004, image) == OK
    shot = engine.asked("matte")[1]["shot"]
    assert same_bits(image.read()[..., 0], matte_of(shot, 1004, HEIGHT, WIDTH)[::-1])
    assert [message.kind for message in host.messages] == []


def test_any_json_that_is_right_is_taken(host: Host, node: Effect, engine: FakeEngine) -> None:
    deep = b"[" * 30 + b"]" * 30
    member = b'"a" :\t[ -0.5e+3, 0, 1E2, true,false , null, {"\\u00fc\\n\xc3\xbc": ""}, %s]' % deep
    engine.instead["matte"] = right_but(member)
    image = empty(channels=1)
    assert host.render(node, 1001, image) == OK, host.messages
    assert not image.read().any()


# Waiting.


def waits(engine: FakeEngine) -> fake_engine.Instead:
    def wait(connection: Connection, said: Object) -> None:
        connection.wait_until_closed()
        engine.gone.set()
        raise EOFError

    return wait


@pytest.mark.parametrize("do", ["hello", "open", "matte"])
def test_an_abort_ends_the_wait_and_the_engine_hears_of_it(
    host: Host, node: Effect, engine: FakeEngine, do: str
) -> None:
    asked = iter(range(5))
    engine.instead[do] = waits(engine)
    host.aborts = lambda: next(asked, None) is None
    image = empty()
    assert host.render(node, 1001, image) == OK
    assert engine.gone.wait(10)
    assert host.messages == []
    assert (image.read() == 7).all()


def test_a_host_that_has_aborted_and_gives_no_image_is_no_trouble(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    aborted = threading.Event()

    def nothing(_time: float) -> None:
        aborted.set()

    host.aborts = aborted.is_set
    host.connect(node, "Source", nothing)
    node.params["output"].value = 1  # Source cut out by the matte
    assert host.render(node, 1001, empty()) == OK
    assert aborted.is_set()
    assert host.messages == []


def test_a_mask_that_the_host_renders_for_long_is_kept(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    """The engine's three seconds do not begin before it is asked."""

    def slow(_time: float) -> Image:
        if host.fetched:  # not where its region alone is asked for
            time.sleep(3.1)
        return empty(channels=1)

    def after_a_moment(connection: Connection, said: Object) -> None:
        time.sleep(0.2)
        connection.send({"id": said["id"], "ok": True, "mask": "/kept/b.exr"})

    engine.instead["keep"] = after_a_moment
    host.connect(node, "Mask", slow)
    assert host.change(node, "setKeyframe", 1005) == OK
    assert host.messages == []
    assert "1005" in node.params["keyframes"].value


def many_keyframes(count: int, mask: str = "/kept/a.exr") -> Object:
    return {**SHOT, "keyframes": json.dumps([[frame, mask] for frame in range(count)])}


def test_a_node_has_as_many_keyframes_as_the_engine_takes(host: Host, engine: FakeEngine) -> None:
    (most,) = re.findall(r"define MAX_KEYFRAMES (\d+)", (SOURCES / "shot.h").read_text())
    shot = many_keyframes(int(most))
    with instance(host, GENERAL, shot) as effect:
        host.connect(effect, "Mask", lambda _: empty(channels=1))
        assert host.change(effect, "setKeyframe", int(most)) == OK
        assert [message.text for message in host.messages] == [
            f"This node has {int(most):,} keyframes, the most that the engine takes: remove one "
            "first."
        ]
        assert engine.said == [], "told before anything is drawn or sent"
        assert effect.params["keyframes"].value == shot["keyframes"]
        assert host.change(effect, "setKeyframe", 5) == OK, "one is replaced"
    assert len(host.messages) == 1
    sent = engine.asked("open")[-1]["shot"]
    assert len(sent["keyframes"]) == int(most)
    read = parse_shot_document(Path("/request"), json.dumps(sent)).value
    assert len(read.keyframes) == int(most)


def test_a_request_longer_than_the_engine_takes_says_so(host: Host, engine: FakeEngine) -> None:
    with instance(host, GENERAL, many_keyframes(4000, "/kept/" + "m" * 240)) as effect:
        refused(host, effect, "more than 1 MB, too much for one request: remove keyframes")


def test_an_abort_while_pixels_are_on_their_way(host: Host, node: Effect, ofx_run: Path) -> None:
    def half(connection: Connection, said: Object) -> None:
        payload = {"bytes": BYTES, "by": "stream"}
        connection.send({**SIZES, "id": said["id"], "payload": payload}, behind=bytes(100))
        connection.wait_until_closed()
        engine.gone.set()

    with FakeEngine(ofx_run, tcp=True) as engine:
        engine.instead["matte"] = half
        asked = iter(range(5))
        host.aborts = lambda: next(asked, None) is None
        assert host.render(node, 1001, empty()) == OK
        assert engine.gone.wait(10)
    assert host.messages == []


def signing(connection: Connection, said: Object) -> None:
    """What a newer engine says to `hello`: that it gives signs of life."""
    assert said["signs"] is True
    hello = {"protocol": 1, "engine": "fake", "pid": 1, "device": "cpu", "signs": 1}
    connection.send({"id": said["id"], "ok": True, **hello})


def test_signs_of_life_come_before_the_answer(
    host: Host, node: Effect, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_SILENT_S", "0.4")
    matte = matte_of({}, 1, HEIGHT, WIDTH)

    def slowly(connection: Connection, said: Object) -> None:
        for number in range(5):  # a second, more than without signs is waited
            assert not engine.gone.wait(0.2)
            connection.send({"id": said["id"], "sign": number})
        connection.send_pixels({**SIZES, "id": said["id"]}, matte)

    engine.instead.update(hello=signing, matte=slowly)
    assert host.render(node, 1001, empty()) == OK
    assert host.messages == []


def test_an_engine_that_hangs_is_told_of(
    host: Host, node: Effect, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_SILENT_S", "0.4")
    engine.instead.update(hello=signing, matte=waits(engine))
    refused(host, node, "does not respond", "rde-roto serve --stop")
    assert engine.gone.wait(10)


def test_one_slow_matte_holds_up_no_other(host: Host, node: Effect, engine: FakeEngine) -> None:
    go_on = threading.Event()

    def slow(connection: Connection, said: Object) -> None:
        if said["frame"] == 1001:
            assert go_on.wait(30)
        matte = matte_of(said["shot"], said["frame"], HEIGHT, WIDTH)
        connection.send_pixels({**SIZES, "id": said["id"]}, matte)

    engine.instead["matte"] = slow
    status: list[int] = []
    first = threading.Thread(target=lambda: status.append(host.render(node, 1001, empty())))
    first.start()
    assert host.render(node, 1002, empty()) == OK
    assert status == []
    go_on.set()
    first.join()
    assert status == [OK]


def test_a_button_waits_a_few_seconds_at_most(host: Host, node: Effect, engine: FakeEngine) -> None:
    engine.instead["open"] = waits(engine)
    begun = time.monotonic()
    assert host.change(node, "propagate") == OK
    assert time.monotonic() - begun < 10
    assert engine.gone.wait(10)
    assert node.params["status"].value == host.messages[0].text
    assert "busy" in host.messages[0].text


# Buttons that cannot do what they say.


def no_mask(host: Host, node: Effect, engine: FakeEngine) -> None:
    pass


def no_image(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Mask", lambda _: None)


def a_proxy(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Mask", lambda _: Image(np.ones((8, 12, 1), np.float32), scale=0.5))


def refuses(do: str) -> Callable[[Host, Effect, FakeEngine], None]:
    def prepare(host: Host, node: Effect, engine: FakeEngine) -> None:
        host.connect(node, "Mask", lambda _: empty(channels=1))
        engine.instead[do] = error

    return prepare


def no_path(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Mask", lambda _: empty(channels=1))
    engine.instead["keep"] = lambda connection, said: connection.send(
        {"id": said["id"], "ok": True, "mask": "relative.exr"}
    )


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (no_mask, "Nothing is connected to Mask: connect the painted mask"),
        (no_image, "Mask is connected, but the host gives no image of it"),
        (a_proxy, "gives Mask at 50 % where 100 % is needed: turn the viewer's proxies off"),
        (refuses("hello"), "is not there"),
        (refuses("open"), "is not there"),
        (refuses("keep"), "is not there"),
        (no_path, "where it keeps the mask"),
    ],
)
def test_a_keyframe_that_cannot_be_kept_changes_nothing(
    host: Host,
    node: Effect,
    engine: FakeEngine,
    prepare: Callable[[Host, Effect, FakeEngine], None],
    words: str,
) -> None:
    prepare(host, node, engine)
    assert host.change(node, "setKeyframe", 1002) == OK
    (said,) = host.messages
    assert words in said.text
    assert node.params["status"].value == said.text
    assert node.params["keyframes"].value == SHOT["keyframes"]


def test_an_opaque_source_is_no_mask(host: Host, engine: FakeEngine) -> None:
    with instance(host, "OfxImageEffectContextFilter", SHOT) as effect:
        host.connect(effect, "Source", lambda _: empty(premultiplication="OfxImageOpaque"))
        assert host.change(effect, "setKeyframe", 1002) == OK
        assert "no alpha" in host.messages[0].text
        assert effect.params["keyframes"].value == SHOT["keyframes"]


def test_nothing_is_propagated_without_a_keyframe(host: Host, engine: FakeEngine) -> None:
    with instance(host, GENERAL, {**SHOT, "keyframes": ""}) as effect:
        assert host.change(effect, "propagate") == OK
        assert "no keyframe yet" in host.messages[0].text
    assert engine.asked("prefetch") == []


def test_a_job_of_an_engine_that_has_ended_is_begun_anew(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.change(node, "propagate") == OK
    engine.instead["progress"] = error
    assert host.change(node, "propagate") == OK
    assert len(engine.asked("prefetch")) == 2
    assert host.messages == []
