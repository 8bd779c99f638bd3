"""What each request of the protocol does. docs/protocol.md describes them."""

from __future__ import annotations

import concurrent.futures
import json
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, NamedTuple, TypeVar

import platformdirs
from pydantic import Field, ValidationError

from rde_roto.documents.preset_files import preset_library
from rde_roto.doors.inputs import refuse_to_overwrite
from rde_roto.doors.learner import lesson_process as learner
from rde_roto.doors.learner.lesson_process import Learning
from rde_roto.doors.rendering import provenance
from rde_roto.doors.server.errors import ProtocolError, error_object
from rde_roto.doors.server.jobs import Job, Jobs
from rde_roto.doors.server.masks import keep_mask
from rde_roto.doors.server.shots import HostsShot, Shots
from rde_roto.engine import Engine, Priority
from rde_roto.frames_to_push import all_lacking, lacking
from rde_roto.images.mattes import open_matte_writer
from rde_roto.model.weights import list_models
from rde_roto.node import RotoNode
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import CancelledError, LacksError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.plate import LARGEST_PX, Window
from rde_roto.values.settings import Settings

MOST_PIXEL_BYTES = 12 * LARGEST_PX**2
_LOOKS_AGAIN_S = 0.1  # whether the host is still there

Object = dict[str, Any]
Pixels = bytes | bytearray | memoryview
Name = Annotated[str, Field(max_length=200)]
S = TypeVar("S", bound=Settings)


class Answer(NamedTuple):
    """What a request is answered with."""

    object: Object
    pixels: Pixels | None = None


class _Nothing(Settings):
    pass


class _Open(Settings):
    shot: Object
    fresh: bool = False


class _Keep(Settings):
    width: int
    height: int
    x: int = 0
    y: int = 0
    over: str | None = None


class _Push(Settings):
    shot: Object
    frame: int


class _Matte(Settings):
    shot: Object
    frame: int
    element: str | None = None
    viewer: Name | None = None
    ticket: Name | None = None


class _Frames(Settings):
    shot: Object
    frames: str


class _Render(Settings):
    shot: Object
    frames: str
    out: str


class _Learn(Settings):
    shot: Object


class _Progress(Settings):
    job: str


class _Cancel(Settings):
    job: str | None = None
    ticket: Name | None = None
    keep: bool = False


@dataclass
class Host:
    """Who asks, and whether its connection is still open."""

    process: Hashable
    is_there: Callable[[], bool]


@dataclass
class Requests:
    """Answers the requests of all hosts. Threads may share it.

    `stop` is called when a host asks for the engine's end.
    """

    engine: Engine
    shots: Shots
    jobs: Jobs
    stop: Callable[[], None]
    _tickets: dict[str, Future[Matte]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, host: Host, do: object, said: Object, pixels: Pixels | None) -> Answer:
        """Raises RotoError for what cannot be done, ProtocolError for what is no request."""
        handlers: dict[str, Callable[[], Answer]] = {
            "presets": lambda: self._presets(_read(_Nothing, said)),
            "models": lambda: self._models(_read(_Nothing, said)),
            "open": lambda: self._open(_read(_Open, said)),
            "keep": lambda: self._keep(_read(_Keep, said), pixels),
            "push": lambda: self._push(_read(_Push, said), pixels),
            "needs": lambda: self._needs(_read(_Frames, said)),
            "matte": lambda: self._matte(host, _read(_Matte, said)),
            "stored": lambda: self._stored(_read(_Frames, said)),
            "prefetch": lambda: self._prefetch(_read(_Frames, said)),
            "render": lambda: self._render(_read(_Render, said)),
            "learn": lambda: self._learn(_read(_Learn, said)),
            "progress": lambda: self._progress(_read(_Progress, said)),
            "cancel": lambda: self._cancel(_read(_Cancel, said)),
            "stop": lambda: self._stop(_read(_Nothing, said)),
        }
        handler = handlers.get(do) if isinstance(do, str) else None
        if handler is None:
            raise ProtocolError(f"no request is called {do!r}; there are {', '.join(handlers)}")
        return handler()

    def _presets(self, _: _Nothing) -> Answer:
        entries = preset_library().names()
        return Answer(
            {"presets": [{"name": e.name, "description": e.description} for e in entries]}
        )

    def _models(self, _: _Nothing) -> Answer:
        models = [
            {"name": m.name, "licence": m.licence, "commercial_use": m.commercial_use}
            for m in list_models()
        ]
        return Answer({"models": models})

    def _open(self, request: _Open) -> Answer:
        opened = self.shots.get(request.shot, request.fresh).opened
        shot, plate = opened.shot, opened.shot.plate
        return Answer(
            {
                "range": str(shot.range),
                "data": _sides(plate.format.data),
                "display": _sides(plate.format.display),
                "pixel_aspect": plate.format.pixel_aspect,
                "reading": opened.origin.reading,
                "elements": list(shot.names),
                "keyframes": [keyframe.frame for keyframe in shot.ordered],
            }
        )

    def _keep(self, request: _Keep, pixels: Pixels | None) -> Answer:
        if not isinstance(pixels, (bytes, bytearray)):
            raise ProtocolError("keep needs pixels")
        window = Window(request.x, request.y, request.width, request.height)
        over = None if request.over is None else Path(request.over)
        return Answer({"mask": str(keep_mask(pixels, window, over))})

    def _push(self, request: _Push, pixels: Pixels | None) -> Answer:
        if not isinstance(pixels, (bytes, bytearray)):
            raise ProtocolError("push needs pixels")
        pushed = self.shots.get(request.shot).pushed
        if pushed is None:
            raise UsageError("the engine reads the files of this plate: nothing is pushed")
        pushed.keep(request.frame, pixels)
        return Answer({})

    def _needs(self, request: _Frames) -> Answer:
        node = self.shots.get(request.shot).node
        return Answer({"frames": lacking(node, _frames_of(node.shot.range, request.frames))})

    def _matte(self, host: Host, request: _Matte) -> Answer:
        found = self.shots.get(request.shot)
        places = list(range(len(found.opened.shot.names)))
        if request.element is not None:
            places = [_place_of(request.element, found)]
        viewer: Hashable = request.viewer and (host.process, request.viewer)
        future = self.engine.submit(found.node, request.frame, Priority.INTERACTIVE, viewer or None)
        try:
            matte = self._waited(future, host, request.ticket)
        except LacksError as error:
            raise all_lacking(found.node, [request.frame], error) from error
        alpha = matte.alpha[places]
        return Answer(
            {
                "elements": [matte.elements[place] for place in places],
                "width": alpha.shape[2],
                "height": alpha.shape[1],
                "digest": matte.digest,
            },
            alpha.data.cast("B"),
        )

    def _waited(self, future: Future[Matte], host: Host, ticket: str | None) -> Matte:
        if ticket is not None:
            with self._lock:
                self._tickets[ticket] = future
        try:
            while True:
                try:
                    return future.result(_LOOKS_AGAIN_S)
                except concurrent.futures.TimeoutError:
                    if not host.is_there():
                        future.cancel()
        except concurrent.futures.CancelledError as error:
            raise CancelledError("cancelled: nobody waits for this matte any more") from error
        finally:
            if ticket is not None:
                with self._lock:
                    self._tickets.pop(ticket, None)

    def _stored(self, request: _Frames) -> Answer:
        node = self.shots.get(request.shot).node
        asked = FrameRange.parse(request.frames).intersection(node.shot.range)
        frames = FrameRange.of(frame for frame in asked if _is_stored(node, frame))
        return Answer({"frames": str(frames)})

    def _prefetch(self, request: _Frames) -> Answer:
        node = self.shots.get(request.shot).node
        frames = _frames_of(node.shot.range, request.frames)
        return Answer({"job": self.jobs.start(node, frames, request=_digest_of(request))})

    def _render(self, request: _Render) -> Answer:
        found = self.shots.get(request.shot)
        opened, node = found.opened, found.node
        frames = _frames_of(node.shot.range, request.frames)
        said = provenance(opened, node.preset, found.model)
        out, output = request.out, opened.preset.output
        writer = open_matte_writer(out, opened.origin, node.shot.names, output, said)
        targets = (path for frame in frames for path in writer.files(frame))
        refuse_to_overwrite(opened.shot.plate, opened.inputs, targets)
        return Answer({"job": self.jobs.start(node, frames, writer, _digest_of(request))})

    def _learn(self, request: _Learn) -> Answer:
        found = self.shots.get(request.shot)  # what is wrong with it is said at once
        into = platformdirs.user_data_path("rde-roto", appauthor=False) / "learned"
        lesson = learner.Request(request.shot, into, str(found.device))
        return Answer({"job": self.jobs.learn(lesson, _digest_of(request))})

    def _progress(self, request: _Progress) -> Answer:
        job = self._job(request.job)
        if isinstance(job, Learning):
            return Answer(_of_lesson(job))
        state = job.state  # first: what is done when it has ended is all there is
        made, kept = FrameRange.of(job.made), job.kept
        found: Object = {"done": len(made) + len(kept), "total": len(job.frames), "state": state}
        found |= {"made": str(made), "kept": str(kept), "steps": self.engine.steps}
        if job.error is not None:
            found["error"] = error_object(job.error)
        return Answer(found)

    def _cancel(self, request: _Cancel) -> Answer:
        job = None if request.job is None else self._job(request.job)
        if isinstance(job, Learning) and request.keep:
            job.enough()
        elif job is not None:
            job.stop()
        if request.ticket is not None:
            with self._lock:
                future = self._tickets.get(request.ticket)
            if future is not None:  # else it has been answered
                future.cancel()
        return Answer({})

    def _job(self, name: str) -> Job | Learning:
        job = self.jobs.get(name)
        if job is None:
            raise UsageError(f"there is no job {name}: the engine was started anew, ask once more")
        return job

    def _stop(self, _: _Nothing) -> Answer:
        self.stop()
        return Answer({})


def _of_lesson(job: Learning) -> Object:
    """How far a lesson is; `done` and `total` are in percent."""
    status = job.status
    found: Object = {"state": status.state, "done": int(100 * status.share), "total": 100}
    # it has a process of its own, which is waited for as long as it lives
    found |= {"steps": int(time.monotonic()), "sentence": status.sentence}
    found |= {"seconds_left": status.seconds_left, "before": status.before, "after": status.after}
    found["learned"] = None if status.learned is None else str(status.learned)
    if status.error is not None:
        found["error"] = error_object(status.error)
    return found


def _read(model: type[S], said: Object) -> S:
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ProtocolError(f"{place}: {first['msg']}") from error


def _digest_of(request: Settings) -> str:
    return digest_of(json.dumps(request.model_dump(), sort_keys=True))


def _frames_of(range_: FrameRange, text: str) -> FrameRange:
    frames = FrameRange.parse(text)
    outside = frames.difference(range_)
    if outside:
        raise UsageError(f"the shot has {range_}, not {outside}")
    return frames


def _is_stored(node: RotoNode, frame: int) -> bool:
    try:
        return node.stored(frame) is not None
    except LacksError:  # nobody knows its name yet
        return False


def _place_of(element: str, found: HostsShot) -> int:
    shot = found.opened.shot
    for names in (shot.ids, shot.names):
        if element in names:
            return names.index(element)
    raise UsageError(f"there is no element {element}; there are {', '.join(shot.names)}")


def _sides(window: Window) -> list[int]:
    return [window.x, window.y, window.width, window.height]
