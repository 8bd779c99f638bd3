"""What a host asks of the engine. docs/protocol.md has the requests."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from rde_roto_client.meeting import EngineError, Met, meet, unless_error
from rde_roto_client.patience import silent_s
from rde_roto_client.places import AUTO, NoEngineError, start
from rde_roto_client.wire import Message, Object, Pixels, Wire, WireError

_STARTS_WITHIN_S = 60.0
_ASKS_AGAIN_S = 0.1
_CANCELS_WITHIN_S = 2.0
_MOST_ROUNDS = 100
_NOT_RUNNING = "no engine is running: start it with rde-roto serve"

T = TypeVar("T")


class Matte(NamedTuple):
    """Mattes of a frame: float32 [elements, height, width] in `pixels`, 0..1, row 0 on top."""

    frame: int
    elements: tuple[str, ...]
    width: int
    height: int
    digest: str
    pixels: Pixels


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

    def learn(self, shot: Object) -> str:
        """Has the shot's model study its keyframes, beside all else; the job.

        At its end `progress` says `learned`: a path, which goes into the shot as `learned`, or None
        where nothing was gained.
        """
        return str(self.ask("learn", shot=shot)["job"])

    def progress(self, job: str) -> Object:
        """`done` and `total`, numbers; `made` and `kept`, the frames that are done, as ranges;
        `state` (running, done, cancelled, failed) and, failed, `error`.
        """
        return self.ask("progress", job=job)

    def cancel(self, job: str | None = None, ticket: str | None = None, keep: bool = False) -> None:
        """Stops a job, or a `matte` by its ticket, of an engine that runs.

        With `keep` a job of `learn` keeps what was learned so far, if it is better.

        It waits two seconds at most, and never asks `waiting`: a host that aborts calls it.
        """
        named = {"job": job, "keep": keep} if job is not None else {"ticket": ticket}
        message = dict(named, do="cancel")
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

    def _exchanged(self, met: Met, message: Object, pixels: Pixels | None) -> Message:
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
        return unless_error(answer)

    def _met(self) -> Met:
        """This thread's engine, started where none answers."""
        known = self._known()
        if known is None:
            known = self._note(meet(self.name, self.device, self._waiting) or self._started())
        return known

    def _met_at_once(self) -> Met:
        """This thread's engine, for a request that must not take long."""
        met = self._known() or meet(self.name, self.device, _nothing, _CANCELS_WITHIN_S)
        if met is None:
            raise NoEngineError(_NOT_RUNNING)
        met = self._note(met)
        met.patience.silent_s, met.patience.waiting = _CANCELS_WITHIN_S, _nothing
        return met

    def _known(self) -> Met | None:
        met: Met | None = getattr(self._own, "met", None)
        return met if met is not None and met.wire in self._wires else None

    def _note(self, met: Met) -> Met:
        self._own.met = met
        self._set_patience(met)
        with self._lock:
            if met.wire not in self._wires:
                self._wires.append(met.wire)
        return met

    def _set_patience(self, met: Met) -> None:
        """An engine of before gives no signs, and is waited for however long it takes."""
        met.patience.silent_s = silent_s() if "signs" in met.hello else float("inf")
        met.patience.waiting = self._waiting

    def _forget(self, wire: Wire) -> None:
        wire.connection.close()
        with self._lock:
            if wire in self._wires:
                self._wires.remove(wire)

    def _started(self) -> Met:
        if not self._starts:
            raise NoEngineError(_NOT_RUNNING)
        process = start(self.device, self._command)
        # waits for it, or it would stay behind as a zombie for as long as the host runs
        threading.Thread(target=process.wait, daemon=True).start()
        end = time.monotonic() + _STARTS_WITHIN_S
        while True:
            found = meet(self.name, self.device, self._waiting)
            if found is not None:
                return found
            if process.poll() not in (None, 0):  # 0: another one was there before
                raise NoEngineError("the engine ended at once: see engine-*.log in the run folder")
            if time.monotonic() > end:
                raise NoEngineError("the engine did not answer within a minute")
            self._waiting()
            time.sleep(_ASKS_AGAIN_S)
