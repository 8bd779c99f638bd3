"""The requests of docs/protocol.md as methods of a client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from .connections import Connections, nothing
from .handshake import EngineError, Greeted
from .places import AUTO
from .wire import Message, Object, Pixels, WireError

_MAX_ROUNDS = 100
_UNKNOWN = "there is no request"  # how an engine of any version begins its answer to one
_OLDER = (
    "the running engine is older than this, and cannot {}: stop it with rde-roto serve --stop; the "
    "next request starts the one that is installed"
)

_REPEATED = frozenset(
    ("presets", "models", "open", "keep", "push", "needs", "matte", "stored", "advise", "progress")
)
"""Requests that leave the same behind however often they are sent. Sent twice, `render` and `learn`
would start two jobs, and `stop` would end the next engine."""

_REQUESTS = _REPEATED | frozenset(("prefetch", "render", "learn", "cancel", "stop"))

T = TypeVar("T")


class Matte(NamedTuple):
    """The mattes of a frame: float32 [elements, height, width] in `pixels`, 0..1, row 0 on top."""

    frame: int
    elements: tuple[str, ...]
    width: int
    height: int
    digest: str
    pixels: Pixels


class Client:
    """Sends requests to the user's engine, and starts it on the first one if none runs.

    Each thread has its own connection. If the engine dies, the next request starts another one.
    Every request contains the whole shot, so that engine continues from what is stored.

    Requests raise EngineError for an error of the engine, NoEngineError if none can be started, its
    subclass StuckEngineError if one runs but sends no heartbeat, and WireError if it dies before it
    answers. A request that only asks or stores is sent once more then; one that starts a job is
    not: `follow` does that.

    Args:
        name: of the host, for messages.
        device: of the engine: `auto`, `cpu`, `cuda`, …
        starts: whether an engine may be started.
        command: starts an engine (default: the one that install.py has registered).
        waiting: called several times a second while a request waits, also for an engine to start.
            Whatever it raises ends the wait; that is how a host aborts.
    """

    def __init__(
        self,
        name: str,
        device: str = AUTO,
        starts: bool = True,
        command: list[str] | None = None,
        waiting: Callable[[], None] = nothing,
    ) -> None:
        self._connections = Connections(name, device, starts, command, waiting)

    def close(self) -> None:
        """Close every connection; requests that wait are cancelled. The client stays usable."""
        self._connections.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Requests.

    def hello(self) -> Object:
        """The engine's answer to this thread's greeting: `engine` (version), `pid`, `device`."""
        return dict(self._connections.connected().hello)

    def presets(self) -> list[dict[str, str]]:
        """`name` and `description` of each."""
        return list(self.ask("presets")["presets"])

    def models(self) -> list[dict[str, str]]:
        """`name`, `licence` and `commercial_use` of each."""
        return list(self.ask("models")["models"])

    def open(self, shot: Object, fresh: bool = False) -> Object:
        """Open a shot: `range`, `data`, `display`, `pixel_aspect`, `elements`, `keyframes`.

        With `fresh` its files are read again.
        """
        return self.ask("open", shot=shot, fresh=fresh)

    def keep(self, pixels: Pixels, width: int, height: int, over: str | None = None) -> str:
        """Store a mask for good, float32 with row 0 on top; return the path of its file.

        `over` is the image file it was drawn over: the data window of an EXR need not start at
        its display window.
        """
        message = {"do": "keep", "width": width, "height": height}
        if over is not None:
            message["over"] = over
        return str(self._request(message, pixels).object["mask"])

    def push(self, shot: Object, frame: int, pixels: Pixels) -> None:
        """Push a frame of a plate without files: float32 RGB [height, width, 3] of the data
        window, row 0 on top, in the plate's colour space.
        """
        self._request({"do": "push", "shot": shot, "frame": frame}, pixels)

    def needs(self, shot: Object, frames: str) -> list[int]:
        """The frames to push before these mattes can be made, at most as many as the engine's
        cache can hold.
        """
        return list(self.ask("needs", shot=shot, frames=frames)["frames"])

    def supplied(
        self, shot: Object, source: Callable[[int], Pixels | None], ask: Callable[[], T]
    ) -> T:
        """Return what `ask` returns, for instance `lambda: client.matte(shot, 1040)`, pushing the
        frames of the plate that the engine lacks.

        They are taken from `source`, which returns None for frames that it does not have. Raises
        EngineError if frames stay missing.
        """
        pushed: tuple[int, ...] = ()
        for _ in range(_MAX_ROUNDS):
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
        """The mattes of a frame, of all elements or of one; waits until they are made."""
        message = {"do": "matte", "shot": shot, "frame": frame}
        for key, value in (("element", element), ("viewer", viewer), ("ticket", ticket)):
            if value is not None:
                message[key] = value
        answer, pixels = self._request(message)
        if pixels is None:
            raise WireError("the engine sent no pixels")
        size = answer["width"], answer["height"]
        return Matte(frame, tuple(answer["elements"]), size[0], size[1], answer["digest"], pixels)

    def stored(self, shot: Object, frames: str) -> str:
        """Those of the frames whose mattes are in memory, as a range; empty for none."""
        return str(self.ask("stored", shot=shot, frames=frames)["frames"])

    def advise(self, shot: Object) -> Object:
        """Which frame to correct next, of those whose mattes are made: `frame`, None if none looks
        wrong; with one, the `element` that needs it and the `confidence` in it, 0..1.
        """
        return self.ask("advise", shot=shot)

    def prefetch(self, shot: Object, frames: str) -> str:
        """Start to make mattes; return the job."""
        return str(self.ask("prefetch", shot=shot, frames=frames)["job"])

    def render(self, shot: Object, frames: str, out: str) -> str:
        """Start to write mattes to files such as `mattes/hero.####.exr`; return the job."""
        return str(self.ask("render", shot=shot, frames=frames, out=out)["job"])

    def learn(self, shot: Object) -> str:
        """Start to learn the shot from its keyframes in the background; return the job.

        At its end `progress` has `learned`: a path, to be set as `learned` in the shot, or None if
        the result is no better.
        """
        return str(self.ask("learn", shot=shot)["job"])

    def progress(self, job: str) -> Object:
        """The status of a job: `done` and `total`, numbers of frames; `made` and `kept`, ranges of
        finished frames; `state` (running, done, cancelled, failed); `error` if it failed.
        """
        return self.ask("progress", job=job)

    def cancel(self, job: str | None = None, ticket: str | None = None, keep: bool = False) -> None:
        """Stop a job, or a `matte` by its ticket. Never starts an engine.

        With `keep` a job of `learn` keeps what it has learned so far, if that is better.

        Waits two seconds at most and does not call `waiting`, so that a host can use it to abort.
        """
        named = {"job": job, "keep": keep} if job is not None else {"ticket": ticket}
        message = dict(named, do="cancel")
        with self._connections.connected_soon() as met:
            self._exchange(met, message)

    def stop(self) -> None:
        """Stop the engine. Never starts one: raises NoEngineError if none runs."""
        met = self._connections.running()
        with suppress(WireError):  # it has ended before it answered
            self._exchange(met, {"do": "stop"})

    def ask(self, do: str, **fields: Any) -> Object:
        """Send any request without pixels; return its answer."""
        return self._request(dict(fields, do=do)).object

    def _request(self, message: Object, pixels: Pixels | None = None) -> Message:
        """Send a request; send it once more if the engine dies before it answers and that is
        harmless.
        """
        try:
            return self._exchange(self._connections.connected(), message, pixels)
        except WireError:
            if message["do"] not in _REPEATED:
                raise
        return self._exchange(self._connections.connected(), message, pixels)

    def _exchange(self, met: Greeted, message: Object, pixels: Pixels | None = None) -> Message:
        try:
            return self._connections.exchange(met, message, pixels)
        except EngineError as error:
            if message["do"] in _REQUESTS and str(error).startswith(_UNKNOWN):
                raise EngineError(_OLDER.format(message["do"]), error.kind, error.code) from error
            raise
