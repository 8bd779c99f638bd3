"""Answer the requests of the protocol. docs/protocol.md describes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from rde_roto.advice import advise
from rde_roto.documents.preset_files import preset_library
from rde_roto.doors.hosts.errors import ProtocolError
from rde_roto.doors.hosts.shots import HostShot, Shots
from rde_roto.doors.learner.lesson_process import LessonProcess, LessonRequest
from rde_roto.doors.render_task import refuse_to_overwrite
from rde_roto.doors.rendering import provenance
from rde_roto.doors.server.job_progress import job_progress, lesson_progress
from rde_roto.doors.server.jobs import Job, Jobs
from rde_roto.doors.server.masks import keep_mask
from rde_roto.doors.server.request_types import (
    Answer,
    CancelRequest,
    FramesRequest,
    KeepRequest,
    LearnRequest,
    MatteRequest,
    Nothing,
    Object,
    OpenRequest,
    Pixels,
    ProgressRequest,
    PushRequest,
    RenderRequest,
    ShotRequest,
    parse_request,
)
from rde_roto.doors.server.tickets import Host, Tickets
from rde_roto.engine import Engine, Priority
from rde_roto.frames_to_push import error_with_all_frames, frames_to_push
from rde_roto.images.mattes import open_matte_writer
from rde_roto.model.weights import licence_line, list_models
from rde_roto.node import RotoNode
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import FramesNotPushedError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import Window
from rde_roto.values.settings import Settings


@dataclass
class Requests:
    """Answer the requests of all hosts. Thread-safe.

    `stop` is called when a host asks the engine to stop.
    """

    engine: Engine
    shots: Shots
    jobs: Jobs
    stop: Callable[[], None]
    _tickets: Tickets = field(default_factory=Tickets)

    def answer(self, host: Host, do: object, fields: Object, pixels: Pixels | None) -> Answer:
        """Answer one request. Raises RotoError for what cannot be done, ProtocolError for a bad
        request.
        """
        handlers: dict[str, Callable[[], Answer]] = {
            "presets": lambda: self._presets(parse_request(Nothing, fields)),
            "models": lambda: self._models(parse_request(Nothing, fields)),
            "open": lambda: self._open(parse_request(OpenRequest, fields)),
            "keep": lambda: self._keep(parse_request(KeepRequest, fields), pixels),
            "push": lambda: self._push(parse_request(PushRequest, fields), pixels),
            "needs": lambda: self._needs(parse_request(FramesRequest, fields)),
            "matte": lambda: self._matte(host, parse_request(MatteRequest, fields)),
            "stored": lambda: self._stored(parse_request(FramesRequest, fields)),
            "advise": lambda: self._advise(host, parse_request(ShotRequest, fields)),
            "prefetch": lambda: self._prefetch(parse_request(FramesRequest, fields)),
            "render": lambda: self._render(parse_request(RenderRequest, fields)),
            "learn": lambda: self._learn(parse_request(LearnRequest, fields)),
            "progress": lambda: self._progress(parse_request(ProgressRequest, fields)),
            "cancel": lambda: self._cancel(parse_request(CancelRequest, fields)),
            "stop": lambda: self._stop(parse_request(Nothing, fields)),
        }
        handler = handlers.get(do) if isinstance(do, str) else None
        if handler is None:
            raise ProtocolError(
                f"there is no request {do!r}; expected one of {', '.join(handlers)}"
            )
        return handler()

    def _presets(self, _: Nothing) -> Answer:
        entries = preset_library().names()
        return Answer(
            {"presets": [{"name": e.name, "description": e.description} for e in entries]}
        )

    def _models(self, _: Nothing) -> Answer:
        models = [
            {"name": m.name, "licence": m.licence, "commercial_use": m.commercial_use}
            for m in list_models()
        ]
        return Answer({"models": models})

    def _open(self, request: OpenRequest) -> Answer:
        found = self.shots.get(request.shot, request.fresh)
        opened = found.opened
        shot, plate = opened.shot, opened.shot.plate
        return Answer(
            {
                "range": str(shot.range),
                "data": _sides(plate.format.data),
                "display": _sides(plate.format.display),
                "pixel_aspect": plate.format.pixel_aspect,
                "reading": opened.origin.reading,
                "licence": licence_line(found.model),
                "elements": list(shot.names),
                "keyframes": [keyframe.frame for keyframe in shot.ordered],
            }
        )

    def _keep(self, request: KeepRequest, pixels: Pixels | None) -> Answer:
        if not isinstance(pixels, (bytes, bytearray)):
            raise ProtocolError("keep needs pixels")
        window = Window(request.x, request.y, request.width, request.height)
        over = None if request.over is None else Path(request.over)
        return Answer({"mask": str(keep_mask(pixels, window, over))})

    def _push(self, request: PushRequest, pixels: Pixels | None) -> Answer:
        if not isinstance(pixels, (bytes, bytearray)):
            raise ProtocolError("push needs pixels")
        pushed = self.shots.get(request.shot).pushed
        if pushed is None:
            raise UsageError("the engine reads this plate's files: do not push frames of it")
        pushed.keep(request.frame, pixels)
        return Answer({})

    def _needs(self, request: FramesRequest) -> Answer:
        node = self.shots.get(request.shot).node
        return Answer({"frames": frames_to_push(node, _frames_of(node.shot.range, request.frames))})

    def _matte(self, host: Host, request: MatteRequest) -> Answer:
        found = self.shots.get(request.shot)
        places = list(range(len(found.opened.shot.names)))
        if request.element is not None:
            places = [_place_of(request.element, found)]
        viewer: Hashable = request.viewer and (host.process, request.viewer)
        future = self.engine.submit(found.node, request.frame, Priority.INTERACTIVE, viewer or None)
        try:
            matte = self._tickets.wait(future, host, request.ticket)
        except FramesNotPushedError as error:
            raise error_with_all_frames(found.node, [request.frame], error) from error
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

    def _stored(self, request: FramesRequest) -> Answer:
        node = self.shots.get(request.shot).node
        asked = FrameRange.parse(request.frames).intersection(node.shot.range)
        frames = FrameRange.of(frame for frame in asked if _is_stored(node, frame))
        return Answer({"frames": str(frames)})

    def _advise(self, host: Host, request: ShotRequest) -> Answer:
        node = self.shots.get(request.shot).node.edited()  # of its own: the device has the other
        frames = FrameRange.of(frame for frame in node.shot.range if node.is_made(frame))
        if not frames.difference(FrameRange.of(k.frame for k in node.shot.keyframes)):
            raise UsageError("no frame of this shot has a matte yet: propagate first")
        advice = advise(node, frames, cancel=lambda: not host.is_there())
        doubtful = {element: str(found) for element, found in advice.doubtful.items()}
        answer: Object = {"judged": str(frames), "doubtful": doubtful, "frame": None}
        if advice.next is not None:
            element = node.shot.names[node.shot.ids.index(advice.next.element)]
            answer |= {"frame": advice.next.frame, "element": element}
            answer |= {"confidence": advice.next.confidence}
        return Answer(answer)

    def _prefetch(self, request: FramesRequest) -> Answer:
        node = self.shots.get(request.shot).node
        frames = _frames_of(node.shot.range, request.frames)
        return Answer({"job": self.jobs.start(node, frames, request=_digest_of(request))})

    def _render(self, request: RenderRequest) -> Answer:
        found = self.shots.get(request.shot)
        opened, node = found.opened, found.node
        frames = _frames_of(node.shot.range, request.frames)
        metadata = provenance(opened, node.preset, found.model)
        out, output = request.out, opened.preset.output
        writer = open_matte_writer(out, opened.origin, node.shot.names, output, metadata)
        targets = (path for frame in frames for path in writer.files(frame))
        refuse_to_overwrite(opened.shot.plate, opened.inputs, targets)
        return Answer({"job": self.jobs.start(node, frames, writer, _digest_of(request))})

    def _learn(self, request: LearnRequest) -> Answer:
        found = self.shots.get(request.shot)  # so that errors in the shot are reported at once
        into = platformdirs.user_data_path("rde-roto", appauthor=False) / "learned"
        lesson = LessonRequest(request.shot, into, str(found.device))
        return Answer({"job": self.jobs.learn(lesson, _digest_of(request))})

    def _progress(self, request: ProgressRequest) -> Answer:
        job = self._job(request.job)
        if isinstance(job, LessonProcess):
            return Answer(lesson_progress(job))
        return Answer({**job_progress(job), "steps": self.engine.steps})

    def _cancel(self, request: CancelRequest) -> Answer:
        job = None if request.job is None else self._job(request.job)
        if isinstance(job, LessonProcess) and request.keep:
            job.finish_early()
        elif job is not None:
            job.stop()
        if request.ticket is not None:
            self._tickets.cancel(request.ticket)
        return Answer({})

    def _job(self, name: str) -> Job | LessonProcess:
        job = self.jobs.get(name)
        if job is None:
            raise UsageError(f"there is no job {name}: the engine has restarted since, ask again")
        return job

    def _stop(self, _: Nothing) -> Answer:
        self.stop()
        return Answer({})


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
    except FramesNotPushedError:  # its digest is not known yet
        return False


def _place_of(element: str, found: HostShot) -> int:
    shot = found.opened.shot
    for names in (shot.ids, shot.names):
        if element in names:
            return names.index(element)
    raise UsageError(f"there is no element {element}; there are {', '.join(shot.names)}")


def _sides(window: Window) -> list[int]:
    return [window.x, window.y, window.width, window.height]
