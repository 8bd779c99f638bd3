"""A small engine that speaks docs/protocol.md and answers mattes that anybody can compute.

A test may put something of its own in the place of any answer. As a program, `fake_engine.py
FOLDER` is what a launch command starts: it listens in the run folder FOLDER until it is told to
stop.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Object = dict[str, Any]
Floats = NDArray[np.float32]
Instead = Callable[["Connection", Object], None]

HEAD = struct.Struct(">4sI")
MAGIC = b"RDE\x01"
IDLE_S = 60  # after which a program that nobody asks ends by itself


def matte_of(shot: Object, frame: int, height: int, width: int) -> Floats:
    """The matte of a frame, row 0 on top: it depends on all that the shot says."""
    seed = zlib.crc32(json.dumps([shot, frame], sort_keys=True).encode())
    return np.random.default_rng(seed).random((height, width), np.float32)


def needed_of(shot: Object, frame: int) -> list[int]:
    """Frames of a pushed plate that a matte is made from: every third from its keyframe on."""
    first = min(entry["frame"] for entry in shot["keyframes"])
    return sorted({*range(first, frame, 3), frame})


class Connection:
    """One that was accepted: whole messages, or bytes as they are."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.by_memory = False

    def exactly(self, count: int) -> bytes:
        """Raises EOFError when the other end is closed before."""
        found = b""
        while len(found) < count:
            piece = self.socket.recv(count - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    def receive(self) -> tuple[Object, bytes]:
        magic, length = HEAD.unpack(self.exactly(HEAD.size))
        assert magic == MAGIC
        said: Object = json.loads(self.exactly(length).decode("utf-8"))
        payload = said.pop("payload", None)
        if payload is None:
            return said, b""
        assert payload["by"] == "stream"
        return said, self.exactly(payload["bytes"])

    def send(self, said: Object, files: tuple[int, ...] = (), behind: bytes = b"") -> None:
        self.send_bytes(json.dumps(said).encode(), files, behind)

    def send_bytes(self, text: bytes, files: tuple[int, ...] = (), behind: bytes = b"") -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files).tobytes())]
        head = HEAD.pack(MAGIC, len(text)) + text
        sent = self.socket.sendmsg([head], rights if files else [])
        if head[sent:] + behind:  # else the client may have closed it already
            self.socket.sendall(head[sent:] + behind)

    def send_pixels(self, said: Object, pixels: Floats, cut_bytes: int = 0) -> None:
        """Pixels the way the client asked for; without the last `cut_bytes`, which are promised."""
        data = pixels.tobytes()
        kept = data[: len(data) - cut_bytes]
        payload = {"bytes": len(data), "by": "memory" if self.by_memory else "stream"}
        if not self.by_memory:
            self.send({**said, "payload": payload}, behind=kept)
            return
        with in_memory(kept) as file:
            self.send({**said, "payload": payload}, (file.fileno(),))

    def wait_until_closed(self) -> None:
        """Returns when the client has gone."""
        while self.socket.recv(1):
            pass


def in_memory(data: bytes) -> BinaryIO:
    """A file without a name."""
    file = os.fdopen(os.memfd_create("fake"), "w+b")
    file.write(data)
    file.flush()
    return file


class FakeEngine:
    """Listens in a run folder, from `with` to its end; a thread a connection.

    `instead` has, by what a request does, what is done instead of an answer. `said` has every
    request that came, but for hello. `gone` is set when a client closed while it was waiting.
    """

    def __init__(self, run: Path, tcp: bool = False) -> None:
        self.run = run
        self.data = [0, 0, 24, 16]
        self.display = [0, 0, 24, 16]
        self.range = "1001-1010"
        self.instead: dict[str, Instead] = {}
        self.said: list[Object] = []
        self.hellos: list[Object] = []
        self.masks: dict[str, Floats] = {}
        self.kept: list[tuple[int, int]] = []
        self.jobs: dict[str, Object] = {}
        self.pushed: dict[tuple[str, int], Floats] = {}
        self.needed = needed_of
        self.gone = threading.Event()
        self.stopped = threading.Event()
        self.token = "a token" if tcp else ""
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        endpoint: Object = {"protocol": 1, "pid": os.getpid()}
        if tcp:
            self._listener = socket.create_server(("127.0.0.1", 0))
            endpoint.update(tcp=self._listener.getsockname()[1], token=self.token)
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(run / "engine-auto.sock"))
            self._listener.listen()
            endpoint.update(unix=str(run / "engine-auto.sock"))
        written = run / "engine-auto.json.new"
        written.write_text(json.dumps(endpoint))
        written.rename(run / "engine-auto.json")

    def __enter__(self) -> FakeEngine:
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            for one in self._connections:
                with contextlib.suppress(OSError):  # the client has closed it
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for path in (self.run / "engine-auto.json", self.run / "engine-auto.sock"):
            path.unlink(missing_ok=True)

    def asked(self, do: str) -> list[Object]:
        """The requests of one kind."""
        with self._lock:
            return [said for said in self.said if said["do"] == do]

    def lacking(self, shot: Object, frame: int) -> list[int]:
        """The frames of a pushed plate that a matte lacks; none where the plate has files."""
        plate = shot["plate"].get("pushed")
        if plate is None:
            return []
        with self._lock:
            return [f for f in self.needed(shot, frame) if (plate["id"], f) not in self.pushed]

    def content(self, shot: Object, frame: int) -> Object:
        """What a matte is made from: the shot, with the pixels of a pushed plate for its id."""
        plate = shot["plate"].get("pushed")
        if plate is None:
            return shot
        with self._lock:
            frames = [self.pushed[plate["id"], f] for f in self.needed(shot, frame)]
        return {**shot, "plate": [zlib.crc32(one.tobytes()) for one in frames]}

    def _data(self, shot: Object) -> list[int]:
        plate = shot["plate"].get("pushed")
        return self.data if plate is None else list(plate["data"])

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(accepted,))
            with self._lock:
                self._connections.append(accepted)
                self._threads.append(thread)
            thread.start()

    def _converse(self, accepted: socket.socket) -> None:
        connection = Connection(accepted)
        try:
            while True:
                said, pixels = connection.receive()
                self._take(connection, said, pixels)
        except (EOFError, OSError):
            pass  # the client has closed it, or is closed by what was sent instead
        finally:
            with self._lock:
                self._connections.remove(accepted)
            accepted.close()

    def _take(self, connection: Connection, said: Object, pixels: bytes) -> None:
        do = said["do"]
        with self._lock:
            (self.hellos if do == "hello" else self.said).append(said)
        if do == "hello":
            connection.by_memory = said["pixels"] == "memory"
            assert said.get("token", "") == self.token
        instead = self.instead.get(do)
        if instead is not None:
            instead(connection, said)
        elif do == "open" and not said["shot"]["keyframes"]:
            error = {"kind": "usage", "code": 2, "sentence": "the plate has no keyframe"}
            connection.send({"id": said["id"], "error": error})
        elif do == "matte" and (lacking := self.lacking(said["shot"], said["frame"])):
            error = {"kind": "lacks", "code": 4, "sentence": "push them", "frames": lacking}
            connection.send({"id": said["id"], "error": error})
        elif do == "matte":
            width, height = self._data(said["shot"])[2:]
            answer = {"elements": [said["element"]], "width": width, "height": height}
            content = self.content(said["shot"], said["frame"])
            matte = matte_of(content, said["frame"], height, width)
            connection.send_pixels({"id": said["id"], "ok": True, "digest": "d", **answer}, matte)
        else:
            connection.send({"id": said["id"], "ok": True, **self._answer(said, pixels)})
        if do == "stop":
            self.stopped.set()

    def _answer(self, said: Object, pixels: bytes) -> Object:
        do = said["do"]
        if do == "hello":
            return {"protocol": 1, "engine": "fake", "pid": os.getpid(), "device": "cpu"}
        if do == "open":
            data, is_pushed = self._data(said["shot"]), "pushed" in said["shot"]["plate"]
            display = data if is_pushed else self.display
            sides = {"data": data, "display": display, "pixel_aspect": 1.0}
            frames = [entry["frame"] for entry in said["shot"]["keyframes"]]
            return {"range": self.range, "elements": ["hero"], "keyframes": frames, **sides}
        if do == "keep":
            mask = np.frombuffer(pixels, np.float32).reshape(said["height"], said["width"])
            path = f'/kept/{zlib.crc32(pixels):08x} größer "1".exr'
            with self._lock:
                self.masks[path] = mask
                self.kept.append((said["x"], said["y"]))
            return {"mask": path}
        if do == "push":
            plate = said["shot"]["plate"]["pushed"]
            frame = np.frombuffer(pixels, np.float32).reshape(*plate["data"][:1:-1], 3)
            with self._lock:
                self.pushed[plate["id"], said["frame"]] = frame
            return {}
        if do == "needs":
            return {"frames": self.lacking(said["shot"], int(said["frames"]))}
        if do in ("prefetch", "learn"):
            return {"job": "job-1"}
        return self.jobs.get(said["job"], {}) if do == "progress" else {}


def stop_program(run: Path) -> None:
    """Ends a fake engine that runs as a program in a run folder, where there is one."""
    endpoint = run / "engine-auto.json"
    if not endpoint.exists():
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(json.loads(endpoint.read_text())["unix"])
        connection.sendall(message({"do": "stop", "id": 1}))
        assert connection.recv(1)


def message(said: Object) -> bytes:
    """A request as it goes over a connection."""
    data = json.dumps(said).encode()
    return HEAD.pack(MAGIC, len(data)) + data


def main() -> None:
    run = Path(sys.argv[1])
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    (run / "environment.json").write_text(json.dumps(dict(os.environ)))
    with FakeEngine(run) as engine:
        engine.stopped.wait(IDLE_S)


if __name__ == "__main__":
    main()
