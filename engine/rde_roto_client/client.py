"""What a host asks of the engine. docs/protocol.md has the requests."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from rde_roto_client.patience import GREETED_WITHIN_S, Patience, silent_s
from rde_roto_client.places import AUTO, NoEngineError, read_endpoint, start
from rde_roto_client.wire import MEMORY, PROTOCOL, STREAM, Message, Object, Pixels, Wire, WireError

_STARTS_WITHIN_S = 60.0
_ASKS_AGAIN_S = 0.1
_CANCELS_WITHIN_S = 2.0
_GREETINGS = 3  # an engine that is stormed may hang up on one
_MOST_ROUNDS = 100
_NOT_RUNNING = "no engine is running: start it with rde-roto serve"

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


class _Met(NamedTuple):
    """An engine that has answered `hello`."""

    wire: Wire
    hello: Object
    patience: Patience


def _nothing() -> None:
    pass


class Client:
    """An engine as a host sees it; started when it is first asked and nobody answers.

    Each thread has a connection of its own. When the engine dies, the next request starts another
    one, and since every request says the whole shot, it goes on where the stores are. Requests
    raise EngineError, NoEngineError when there is no engine to be had, and its StuckEngineError
    when there is one that gives no sign of life.

    Args:
        name: the host's, for messages.
        device: the engine's: `auto`, `cpu`, `cuda`, …
        starts: whether an engine may be started.
        command: what starts one; without it, what install.py has left.
        waiting: called some times a second while a request waits, also for an engine that starts;
            what it raises ends the wait. So a host aborts at any time.
    """

    def __init__(
        self,
        name: str,
        device: str = AUTO,
        starts: bool = True,
        command: list[str] | None = None,
        waiting: Callable[[], None] = _nothing,
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
        return dict(self._met().hello)

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
        """Stops a job, or a `matte` by its ticket, of an engine that runs.

        It waits two seconds at most, and never asks `waiting`: a host that aborts calls it.
        """
        message = {"do": "cancel", **({"job": job} if job is not None else {"ticket": ticket})}
        met = self._met_at_once()
        try:
            self._exchanged(met, message, None)
        finally:
            self._set_patience(met)

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
            return self._exchanged(self._met(), message, pixels)
        except WireError:
            return self._exchanged(self._met(), message, pixels)

    def _exchanged(self, met: _Met, message: Object, pixels: Pixels | None) -> Message:
        message = dict(message, id=next(self._ids))
        try:
            met.patience.begin()
            met.wire.send(message, pixels)
            while True:
                answer = met.wire.receive()
                if answer is None or answer.object.get("id") != message["id"]:
                    raise WireError("the engine has ended")
                if "sign" not in answer.object:
                    break
                met.patience.heard(answer.object)
        except BaseException:  # also when the host interrupts: the answer would come to the next
            self._forget(met.wire)
            raise
        return _unless_error(answer)

    def _met(self) -> _Met:
        """This thread's engine, started where none answers."""
        known = self._known()
        if known is None:
            known = self._note(self._greeted(self._waiting) or self._started())
        return known

    def _met_at_once(self) -> _Met:
        """This thread's engine, for a request that must not take long."""
        met = self._known() or self._greeted(_nothing, _CANCELS_WITHIN_S)
        if met is None:
            raise NoEngineError(_NOT_RUNNING)
        met = self._note(met)
        met.patience.silent_s, met.patience.waiting = _CANCELS_WITHIN_S, _nothing
        return met

    def _known(self) -> _Met | None:
        met: _Met | None = getattr(self._own, "met", None)
        return met if met is not None and met.wire in self._wires else None

    def _note(self, met: _Met) -> _Met:
        self._own.met = met
        self._set_patience(met)
        with self._lock:
            if met.wire not in self._wires:
                self._wires.append(met.wire)
        return met

    def _set_patience(self, met: _Met) -> None:
        """An engine of before gives no signs, and is waited for however long it takes."""
        met.patience.silent_s = silent_s() if "signs" in met.hello else float("inf")
        met.patience.waiting = self._waiting

    def _forget(self, wire: Wire) -> None:
        wire.connection.close()
        with self._lock:
            if wire in self._wires:
                self._wires.remove(wire)

    def _started(self) -> _Met:
        if not self._starts:
            raise NoEngineError(_NOT_RUNNING)
        process = start(self.device, self._command)
        # waits for it, or it would stay behind as a zombie for as long as the host runs
        threading.Thread(target=process.wait, daemon=True).start()
        end = time.monotonic() + _STARTS_WITHIN_S
        while True:
            found = self._greeted(self._waiting)
            if found is not None:
                return found
            if process.poll() not in (None, 0):  # 0: another one was there before
                raise NoEngineError("the engine ended at once: see engine-*.log in the run folder")
            if time.monotonic() > end:
                raise NoEngineError("the engine did not answer within a minute")
            self._waiting()
            time.sleep(_ASKS_AGAIN_S)

    def _greeted(
        self, waiting: Callable[[], None], within_s: float = GREETED_WITHIN_S
    ) -> _Met | None:
        """A connection to the engine that runs; None where none does."""
        endpoint = read_endpoint(self.device)
        if endpoint is None:
            return None
        for _ in range(_GREETINGS):
            patience = Patience(endpoint.get("pid"), waiting, within_s)
            connection = _socket_to(endpoint, patience)
            if connection is None:
                return None
            met = self._greet(connection, endpoint, patience)
            if met is not None:
                return met
        return None

    def _greet(
        self, connection: socket.socket, endpoint: Object, patience: Patience
    ) -> _Met | None:
        by_memory = connection.family == getattr(socket, "AF_UNIX", None)
        wire = Wire(connection, MEMORY if by_memory else STREAM, maps=True, waits=patience)
        hello = {"do": "hello", "id": 0, "protocol": PROTOCOL, "client": self.name, "signs": True}
        hello.update(process=os.getpid(), pixels=wire.pixels, token=endpoint.get("token", ""))
        try:
            wire.send(hello)
            answer = wire.receive()
            if answer is not None:
                return _Met(wire, _unless_error(answer).object, patience)
        except WireError:
            pass
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None


def _socket_to(endpoint: Object, patience: Patience) -> socket.socket | None:
    """None where nobody listens."""
    path, port = endpoint.get("unix"), endpoint.get("tcp")
    if isinstance(path, str) and hasattr(socket, "AF_UNIX"):
        family: Any = socket.AF_UNIX
        address: Any = path
    elif isinstance(port, int):
        family, address = socket.AF_INET, ("127.0.0.1", port)
    else:
        return None
    began_s = time.monotonic()
    while True:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_ASKS_AGAIN_S)
            connection.connect(address)
            connection.settimeout(None)
            return connection
        except (BlockingIOError, socket.timeout):  # others wait to be let in
            connection.close()
        except OSError:
            connection.close()
            return None
        patience(time.monotonic() - began_s)
        time.sleep(_ASKS_AGAIN_S)


def _unless_error(answer: Message) -> Message:
    if answer.object.get("ok") is True:
        return answer
    error = answer.object.get("error")
    if not isinstance(error, dict):
        raise WireError("the engine's answer is none")
    kind, code = str(error.get("kind")), error.get("code")
    sentence, frames = str(error.get("sentence")), error.get("frames", ())
    raise EngineError(sentence, kind, code if isinstance(code, int) else 1, frames)
