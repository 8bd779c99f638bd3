"""The plug-in's JSON reader against Python's, on random texts that are nearly right."""

from __future__ import annotations

import ctypes
import json
import os
import random
import subprocess
from typing import Any

import pytest
from openfx_plugin import FLAGS, MORE_FLAGS, SOURCES, WARNINGS, compiler

DEEPEST = 32  # JSON_MAX_DEPTH
SEEDS = (
    b'{"id":1,"ok":true,"payload":{"bytes":1536,"by":"memory"},"elements":["hero"]}',
    b'[[1001,"/kept/a.exr"],[-3,"/kept/\\u00fc\\ud83d\\ude00 \xc3\xbc.exr"],[0,""]]',
    b' {"a": [ -0.5e+3, 0, 1E2, true,false , null, {"\\n\\"": ""}], "b":9007199254740993}\n',
    b'{"error":{"kind":"lacks","frames":[1001,1004],"sentence":"gr\xc3\xb6\xc3\x9fer"}}',
)
PIECES = (
    *(bytes([one]) for one in b'{}[]",:\\ -+.0159eEutfn\n\t\x00\x1f\x7f\xc3\xbc\xff\xed\xa0\x80'),
    *(b"\\u00fc", b"\\ud83d", b"\\ude00", b"\\u0000", b"null", b"true", b"1e999", b"[[[[[[[[[["),
    *(b"]]]]]]]]]]", b'"a":', b"9223372036854775807", b"-9223372036854775809", b"\xf4\x90\x80\x80"),
)


class Node(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int),
        ("start", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("next", ctypes.c_int),
    ]


class Json(ctypes.Structure):
    _fields_ = [
        ("source", ctypes.c_char_p),
        ("nodes", ctypes.POINTER(Node)),
        ("count", ctypes.c_int),
        ("room", ctypes.c_int),
    ]


NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT = range(7)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The reader alone, as a library that exports it."""
    built = tmp_path_factory.mktemp("json") / "json.so"
    names = ("json.c", "json_values.c", "text.c")
    flags = [flag for flag in FLAGS if not flag.startswith("-fvisibility")]
    more = os.environ.get(MORE_FLAGS, "").split()
    sources = [str(SOURCES / name) for name in names]
    command = [compiler(), *WARNINGS, *flags, *more, *sources, "-o", str(built)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = ctypes.CDLL(str(built))
    found.json_parse.argtypes = [ctypes.POINTER(Json), ctypes.c_char_p, ctypes.c_size_t]
    found.json_parse.restype = ctypes.c_bool
    found.json_string.argtypes = [ctypes.POINTER(Json), ctypes.c_int]
    found.json_string.restype = ctypes.c_void_p
    found.json_integer.argtypes = [
        *(ctypes.POINTER(Json), ctypes.c_int, ctypes.c_int64, ctypes.c_int64),
        ctypes.POINTER(ctypes.c_int64),
    ]
    found.json_integer.restype = ctypes.c_bool
    return found


class Refused:
    """What the reader gives instead of a value that it does not take."""


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def depth_of(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    if isinstance(value, Members):
        return 1 + max((depth_of(one) for _, one in value.pairs), default=0)
    return 0


class Members:
    """An object's members in their order, also those of the same name."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def by_python(data: bytes) -> Any:
    """The value; Refused where it is not JSON, or nested too deeply."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=no_constant, object_pairs_hook=Members)
    except (ValueError, RecursionError):
        return Refused
    return Refused if text[:1] == "\ufeff" or depth_of(value) > DEEPEST else value


class Reading:
    """A text as the plug-in's reader takes it apart."""

    def __init__(self, library: ctypes.CDLL, data: bytes) -> None:
        self._library = library
        self._json = Json()
        self._data = ctypes.create_string_buffer(data, max(len(data), 1))  # without a zero behind
        source = ctypes.cast(self._data, ctypes.c_char_p)
        self.is_read = bool(library.json_parse(ctypes.byref(self._json), source, len(data)))

    def close(self) -> None:
        self._library.json_free(ctypes.byref(self._json))

    def string(self, node: int) -> Any:
        address = self._library.json_string(ctypes.byref(self._json), node)
        if not address:
            return Refused
        text = ctypes.string_at(address).decode("utf-8")
        ctypes.CDLL(None).free(ctypes.c_void_p(address))
        return text

    def integer(self, node: int) -> Any:
        value, most = ctypes.c_int64(), (1 << 63) - 1
        json_ = ctypes.byref(self._json)
        good = self._library.json_integer(json_, node, -most, most, ctypes.byref(value))
        return value.value if good else Refused

    def compare(self, node: int, value: Any) -> int:
        """Compares a node with Python's value; returns the node behind it."""
        found = self._json.nodes[node]
        if isinstance(value, list):
            assert found.kind == ARRAY
            return self._compare_all(node, value)
        if isinstance(value, Members):
            assert found.kind == OBJECT
            return self._compare_all(node, [one for pair in value.pairs for one in pair])
        if isinstance(value, str):
            assert found.kind == STRING
            allowed = "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)
            assert self.string(node) == (value if allowed else Refused)
        elif isinstance(value, bool) or value is None:
            assert found.kind == {True: TRUE, False: FALSE, None: NULL}[value]
        else:
            assert found.kind == NUMBER
            # as many digits as any bound of the plug-in has; it takes no fraction, and no exponent
            exact = isinstance(value, int) and abs(value) < 10**18
            assert not exact or self.integer(node) == value
            assert exact or self.integer(node) in (value, Refused)
        assert int(found.next) == node + 1
        return node + 1

    def _compare_all(self, node: int, values: list[Any]) -> int:
        at = node + 1
        for one in values:
            at = self.compare(at, one)
        assert at == self._json.nodes[node].next
        return at


def mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.choice((0, 1, 1, 2, 4, 8))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[at:at] = rng.choice(PIECES)
            case 1:
                del data[at : at + rng.randrange(1, 5)]
            case 2:
                data[at : at + 1] = rng.choice(PIECES)
            case _:
                other = rng.randrange(len(data) + 1)
                data[at:at] = data[min(at, other) : max(at, other)]
    return bytes(data)


@pytest.mark.parametrize("count", [5_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_it_takes_what_python_takes_and_nothing_else(library: ctypes.CDLL, count: int) -> None:
    rng = random.Random(count)
    taken = 0
    for _ in range(count):
        data = mutated(rng)
        value, reading = by_python(data), Reading(library, data)
        assert reading.is_read == (value is not Refused), data
        if reading.is_read:
            reading.compare(0, value)
            reading.close()
            taken += 1
    assert count // 10 < taken < count * 9 // 10, "both kinds of texts were tried"
