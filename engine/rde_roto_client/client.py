"""What a host asks of the engine. docs/protocol.md has the requests."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from rde_roto_client.places import AUTO, NoEngineError, read_endpoint, start
from rde_roto_client.wire import MEMORY, PROTOCOL, STREAM, Message, Object, Pixels, Wire, WireError

_STARTS_WITHIN_S = 60.0
_ASKS_AGAIN_S = 0.1
_MOST_ROUNDS = 100

T = TypeVar("T")


class EngineError(Exception):
    """The engine answered with an error: str() is its sentence.

    `kind` is `usage`, `document`, `input`, `lacks`, `weights`, `memory`, `output`, `cancelled`,
    `protocol` or `internal`, `code` what the command line would have ended with. With `lacks`
    `frames` are those of the plate that have to be pushed.
    """

    def __init__(self, sentence: str, kind: str, code: int, frames: Sequence[int] = ()) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.code = code
        self.frames = tuple(frames)


class Matte(NamedTuple):
    """Mattes of a frame: float32 [elements, height, width] in `pixels`, 0..1, row 0 on top."""

    frame: int
    elements: tuple[str, ...]
    width: int
    height: int
    digest: str
    pixels: Pixels


class Client:
    """An engine as a host sees it; started when it is first asked and nobody answers.

    Each thread has a connection of its own. When the engine dies, the next request starts another
    one, and since every request says the whole shot, it goes on where the stores are. Requests
    raise EngineError, and NoEngineError when there is no engine to be had.

    Args:
        name: the host's, for messages.
        device: the engine's: `auto`, `cpu`, `cuda`, …
        starts: whether an engine may be started.
        command: what starts one; without it, what install.py has left.
        waiting: called some times a second while one starts; what it raises ends the wait.
    """

    def __init__(
        self,
        name: str,
        device: str = AUTO,
        starts: bool = True,
        command: list[str] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.device = device
        self._starts = starts
        self._command = command
        self._waiting = waiting
        self._ids = itertools.count(1)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._wires: list[Wire] = []

    def close(self) -> None:
        """Closes every connection; what they wait for is cancelled. It may be used again."""
        with self._lock:
            wires, self._wires = self._wires, []
        for wire in wires:
            wire.connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Requests.

    def hello(self) -> Object:
        """What the engine said of itself when this thread met it: `engine` (its version), `pid`,
        `device`.
        """
        return dict(self._wire()[1])

    def presets(self) -> list[dict[str, str]]:
        """`name` and `description` of each."""
        return list(self.ask("presets")["presets"])

    def models(self) -> list[dict[str, str]]:
        """`name`, `licence` and `commercial_use` of each."""
        return list(self.ask("models")["models"])

    def open(self, shot: Object, fresh: bool = False) -> Object:
        """What the shot is: `range`, `data`, `display`, `pixel_aspect`, `elements`, `keyframes`.

        With `fresh` its files are looked at again.
        """
        return self.ask("open", shot=shot, fresh=fresh)

    def keep(self, pixels: Pixels, width: int, height: int, over: str | None = None) -> str:
        """Keeps a mask for good: float32, row 0 on top. Its path.

        `over` is the image file over whose pixels it was drawn: an EXR may have them elsewhere
        than its picture begins.
        """
        message = {"do": "keep", "width": width, "height": height}
        if over is not None:
            message["over"] = over
        return str(self._asked(message, pixels).object["mask"])

    def push(self, shot: Object, frame: int, pixels: Pixels) -> None:
        """Gives the engine a frame of a plate that it cannot read: float32 RGB [height, width, 3]
        of the data window, row 0 on top, in the plate's colour space.
        """
        self._asked({"do": "push", "shot": shot, "frame": frame}, pixels)

    def needs(self, shot: Object, frames: str) -> list[int]:
        """The frames that have to be pushed before these mattes can be made; at most as many as
        the engine's cache can hold.
        """
        return list(self.ask("needs", shot=shot, frames=frames)["frames"])

    def supplied(
        self, shot: Object, source: Callable[[int], Pixels | None], ask: Callable[[], T]
    ) -> T:
        """What `ask` gives, such as `lambda: client.matte(shot, 1040)`.

        While the engine lacks frames of the shot's plate, they are taken from `source`, which says
        None for those that it has not, and pushed. Raises EngineError when that leads nowhere.
        """
        pushed: tuple[int, ...] = ()
        for _ in range(_MOST_ROUNDS):
            try:
                return ask()
            except EngineError as error:
                if error.kind != "lacks" or error.frames == pushed:
                    raise
                pushed = error.frames
                found = [self._push_from(source, shot, frame) for frame in pushed]
                if not any(found):
                    raise
        return ask()

    def _push_from(self, source: Callable[[int], Pixels | None], shot: Object, frame: int) -> bool:
        pixels = source(frame)
        if pixels is not None:
            self.push(shot, frame, pixels)
        return pixels is not None

    def matte(
        self,
        shot: Object,
        frame: int,
        element: str | None = None,
        viewer: str | None = None,
        ticket: str | None = None,
    ) -> Matte:
        """A frame's mattes, of all elements or of one; waits until they are there."""
        message = {"do": "matte", "shot": shot, "frame": frame}
        for key, value in (("element", element), ("viewer", viewer), ("ticket", ticket)):
            if value is not None:
                message[key] = value
        answer, pixels = self._asked(message)
        if pixels is None:
            raise WireError("the engine sent no pixels")
        size = answer["width"], answer["height"]
        return Matte(frame, tuple(answer["elements"]), size[0], size[1], answer["digest"], pixels)

    def stored(self, shot: Object, frames: str) -> str:
        """Those of some frames whose mattes are in memory, as a range; empty for none."""
        return str(self.ask("stored", shot=shot, frames=frames)["frames"])

    def prefetch(self, shot: Object, frames: str) -> str:
        """Has mattes made; the job."""
        return str(self.ask("prefetch", shot=shot, frames=frames)["job"])

    def render(self, shot: Object, frames: str, out: str) -> str:
        """Has mattes written to files such as `mattes/hero.####.exr`; the job."""
        return str(self.ask("render", shot=shot, frames=frames, out=out)["job"])

    def progress(self, job: str) -> Object:
        """`done` and `total`, numbers; `made` and `kept`, the frames that are done, as ranges;
        `state` (running, done, cancelled, failed) and, failed, `error`.
        """
        return self.ask("progress", job=job)

    def cancel(self, job: str | None = None, ticket: str | None = None) -> None:
        """Stops a job, or a `matte` by its ticket."""
        self.ask("cancel", **{"job": job} if job is not None else {"ticket": ticket})

    def stop(self) -> None:
        """Ends the engine."""
        self.ask("stop")

    def ask(self, do: str, **said: Any) -> Object:
        """Any request without pixels."""
        return self._asked(dict(said, do=do)).object

    # Connections.

    def _asked(self, message: Object, pixels: Pixels | None = None) -> Message:
        """The answer; asked once more where the engine died before it answered."""
        try:
            return self._exchanged(message, pixels)
        except WireError:
            return self._exchanged(message, pixels)

    def _exchanged(self, message: Object, pixels: Pixels | None) -> Message:
        wire, _ = self._wire()
        message = dict(message, id=next(self._ids))
        try:
            wire.send(message, pixels)
            answer = wire.receive()
            if answer is None or answer.object.get("id") != message["id"]:
                raise WireError("the engine has ended")
        except BaseException:  # also when the host interrupts: the answer would come to the next
            self._forget(wire)
            raise
        return _unless_error(answer)

    def _wire(self) -> tuple[Wire, Object]:
        wire = getattr(self._own, "wire", None)
        if wire is None or wire not in self._wires:
            wire, self._own.hello = self._connected()
            self._own.wire = wire
            with self._lock:
                self._wires.append(wire)
        return wire, self._own.hello

    def _forget(self, wire: Wire) -> None:
        wire.connection.close()
        with self._lock:
            if wire in self._wires:
                self._wires.remove(wire)

    def _connected(self) -> tuple[Wire, Object]:
        found = self._greeted()
        if found is None and not self._starts:
            raise NoEngineError("no engine is running: start it with rde-roto serve")
        if found is not None:
            return found
        process = start(self.device, self._command)
        # waits for it, or it would stay behind as a zombie for as long as the host runs
        threading.Thread(target=process.wait, daemon=True).start()
        end = time.monotonic() + _STARTS_WITHIN_S
        while True:
            found = self._greeted()
            if found is not None:
                return found
            if process.poll() not in (None, 0):  # 0: another one was there before
                raise NoEngineError("the engine ended at once: see engine-*.log in the run folder")
            if time.monotonic() > end:
                raise NoEngineError("the engine did not answer within a minute")
            self._waiting()
            time.sleep(_ASKS_AGAIN_S)

    def _greeted(self) -> tuple[Wire, Object] | None:
        """A connection to the engine that runs; None where none does."""
        endpoint = read_endpoint(self.device)
        connection = None if endpoint is None else _socket_to(endpoint)
        if endpoint is None or connection is None:
            return None
        by_memory = connection.family == getattr(socket, "AF_UNIX", None)
        wire = Wire(connection, MEMORY if by_memory else STREAM, maps=True)
        hello = {"do": "hello", "id": 0, "protocol": PROTOCOL, "client": self.name}
        hello.update(process=os.getpid(), pixels=wire.pixels, token=endpoint.get("token", ""))
        try:
            wire.send(hello)
            answer = wire.receive()
        except WireError:
            answer = None
        if answer is None:
            connection.close()
            return None
        return wire, _unless_error(answer).object


def _socket_to(endpoint: Object) -> socket.socket | None:
    path, port = endpoint.get("unix"), endpoint.get("tcp")
    try:
        if isinstance(path, str):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(path)
            except OSError:
                connection.close()
                raise
            return connection
        if isinstance(port, int):
            return socket.create_connection(("127.0.0.1", port))
    except OSError:
        pass
    return None


def _unless_error(answer: Message) -> Message:
    if answer.object.get("ok") is True:
        return answer
    error = answer.object.get("error")
    if not isinstance(error, dict):
        raise WireError("the engine's answer is none")
    kind, code = str(error.get("kind")), error.get("code")
    sentence, frames = str(error.get("sentence")), error.get("frames", ())
    raise EngineError(sentence, kind, code if isinstance(code, int) else 1, frames)
