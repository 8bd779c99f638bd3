"""Messages between hosts and the engine: what goes in comes out, and garbage is an error."""

from __future__ import annotations

import array
import gc
import json
import os
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_process import greeted, kill
from hypothesis import given
from hypothesis import strategies as st

from rde_roto_client import Client, WireError
from rde_roto_client.wire import MEMORY, MOST_JSON_BYTES, STREAM, Wire

pytest_plugins = ("command_line_fixtures", "engine_fixtures")

Pair = tuple[socket.socket, socket.socket]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a Unix socket, with nobody at either."""
    one, two = socket.socketpair()
    for end in (one, two):
        end.settimeout(10)
    with one, two:
        yield one, two


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@given(said=st.dictionaries(st.text().filter(lambda key: key != "payload"), JSON, max_size=4))
def test_objects_come_as_they_went(said: dict[str, Any]) -> None:
    one, two = socket.socketpair()
    with one, two:
        Wire(one).send(said)
        message = Wire(two).receive()
    assert message is not None
    assert message.object == said
    assert message.pixels is None


@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
@pytest.mark.parametrize("maps", [True, False])
def test_pixels_come_by_memory(pair: Pair, size: int, maps: bool) -> None:
    pixels = random.Random(0).randbytes(size)
    before = open_files()
    Wire(pair[0], MEMORY).send({"a": 1}, pixels)
    message = Wire(pair[1], maps=maps).receive()
    assert message is not None
    assert message.pixels is not None
    assert bytes(message.pixels) == pixels
    assert message.object == {"a": 1}
    del message
    assert open_files() == before


def test_pixels_come_in_a_stream(pair: Pair) -> None:
    pixels = random.Random(1).randbytes(50_000)
    Wire(pair[0], STREAM).send({}, memoryview(pixels))
    message = Wire(pair[1]).receive()
    assert message is not None
    assert message.pixels == pixels


def test_messages_follow_one_another(pair: Pair) -> None:
    wire = Wire(pair[0], MEMORY)
    for number in range(3):
        wire.send({"n": number}, bytes([number]) * 5 if number % 2 else None)
    pair[0].close()
    other = Wire(pair[1])
    for number in range(3):
        message = other.receive()
        assert message is not None
        assert message.object["n"] == number
        assert message.pixels == (bytes([number]) * 5 if number % 2 else None)
    assert other.receive() is None


def framed(text: bytes, magic: bytes = b"RDE\x01", length: int | None = None) -> bytes:
    return struct.pack(">4sI", magic, len(text) if length is None else length) + text


def with_payload(**said: object) -> bytes:
    return framed(json.dumps({"payload": said}).encode())


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "it begins with b'GET '"),
        (framed(b"{}")[:5], "the rest of it did not come"),
        (framed(b'{"a"')[:10], "the rest of it did not come"),
        (framed(b"{}", length=MOST_JSON_BYTES + 1), "an object of 1048577 bytes"),
        (framed(b"[1]"), "expected an object"),
        (framed(b"\xff\xfe"), "decode"),
        (framed(b"[" * 100_000), "no message"),
        (with_payload(bytes=-1, by=STREAM), "pixels of -1 bytes"),
        (with_payload(bytes=True, by=STREAM), "pixels of True bytes"),
        (with_payload(bytes=1 << 40, by=STREAM), "pixels of 1099511627776 bytes"),
        (with_payload(bytes=4, by="post"), "pixels by 'post' with 0 files"),
        (with_payload(bytes=4, by=MEMORY), "pixels by 'memory' with 0 files"),
        (with_payload(bytes=4, by=STREAM) + b"12", "the rest of it did not come"),
        (framed(b'{"payload": 7}'), "pixels of None bytes"),
    ],
)
def test_what_is_no_message_is_an_error(pair: Pair, sent: bytes, says: str) -> None:
    pair[0].sendall(sent)
    pair[0].close()
    with pytest.raises(WireError, match=says):
        Wire(pair[1]).receive()


def test_a_message_that_is_too_long_is_not_sent(pair: Pair) -> None:
    with pytest.raises(WireError, match=r"1,048,587 bytes, where 1,048,576 is the most: use fewer"):
        Wire(pair[0]).send({"a": "x" * (MOST_JSON_BYTES + 2)})
    Wire(pair[0]).send({"a": 1})
    message = Wire(pair[1]).receive()
    assert message is not None
    assert message.object == {"a": 1}, "nothing of the first was sent"


def test_a_file_that_is_too_short_is_an_error_and_is_closed(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"123")
    before = open_files()
    with (tmp_path / "short").open("rb") as file:
        rights = array.array("i", [file.fileno()] * 2)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())]
        pair[0].sendmsg([with_payload(bytes=4, by=MEMORY)], control)
        with pytest.raises(WireError, match="with 2 files"):
            Wire(pair[1]).receive()
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights[:1].tobytes())]
        pair[0].sendmsg([with_payload(bytes=4, by=MEMORY)], control)
        with pytest.raises(WireError, match="a file of 3 bytes where 4 were said"):
            Wire(pair[1]).receive()
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes() * 50)]
        pair[0].sendmsg([with_payload(bytes=4, by=MEMORY)], control)
        with pytest.raises(WireError, match="more files than one"):
            Wire(pair[1]).receive()
    assert open_files() == before


def test_nobody_there_is_an_error(pair: Pair) -> None:
    pair[1].close()
    with pytest.raises(WireError, match="the connection is closed"):
        Wire(pair[0]).send({"a": "x" * 300_000})


# --- garbage at a real engine ---------------------------------------------------------------------


WORDS = ["presets", "open", "keep", "matte", "stored", "prefetch", "render", "progress", "cancel"]
VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    1e9,
    1 << 70,
    "",
    "x",
    "../..",
    "/",
    [],
    {},
    [[]],
    {"a": 1},
]
KEYS = ["shot", "frame", "frames", "out", "width", "height", "x", "job", "ticket", "element", "id"]


def garbage(chance: random.Random) -> bytes:
    """Bytes that are a message, nearly one, or nothing of the kind."""
    said = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(chance.randrange(5))}
    message = framed(json.dumps({"do": chance.choice(WORDS), **said}).encode())
    kind = chance.randrange(10)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 64))
    if kind == 1:
        broken = bytearray(message)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        return bytes(broken)
    if kind == 2:
        size = chance.choice([0, 4, 1 << 20])
        return with_payload(bytes=size, by=chance.choice([MEMORY, STREAM])) + b"1234"
    return message


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.timeout(1200)
def test_no_garbage_ends_the_engine(client: Client, count: int) -> None:
    """Connections that end in the middle of it, too. It answers, and it is still the same one."""
    pid = client.hello()["pid"]
    chance = random.Random(count)
    sent = 0
    while sent < count:
        wire = greeted()
        try:
            for _ in range(chance.randrange(1, 200)):
                wire.connection.sendall(garbage(chance))
                sent += 1
                if chance.random() < 0.2:  # its answers are not to fill the pipe
                    wire.connection.settimeout(0.001)
                    while wire.connection.recv(1 << 16):
                        pass
        except (TimeoutError, OSError):
            pass
        finally:
            wire.connection.close()
    assert client.presets()
    with Client("afterwards", starts=False) as other:
        assert other.hello()["pid"] == pid
        assert other.models()
    kill()
