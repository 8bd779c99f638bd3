"""Mattes made by an engine that runs beside this command, which itself needs no torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from rde_roto.doors.own_engine import own_client
from rde_roto.doors.progress import report, say_done
from rde_roto.doors.work import Work
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import absolute, made_absolute, spelled_out
from rde_roto.values.errors import (
    CancelledError,
    DocumentError,
    InputError,
    OutOfMemoryError,
    OutputError,
    PartialError,
    RotoError,
    UsageError,
    WeightsError,
)
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Output, OutputFormat
from rde_roto_client import Client, EngineError, NoEngineError, WireError

_LOOKS_AGAIN_S = 0.2

_KINDS: Final[dict[str, type[RotoError]]] = {
    "usage": UsageError,
    "document": DocumentError,
    "input": InputError,
    "weights": WeightsError,
    "memory": OutOfMemoryError,
    "output": OutputError,
    "cancelled": CancelledError,
}


def render_by_engine(
    file: ShotFile, work: Work, out: str, output_format: OutputFormat | None, as_json: bool
) -> None:
    """Has mattes written as ``rendering.render_mattes`` does, with the same lines and errors.

    An engine that dies meanwhile is an error: run again, and what is written stays.
    """
    work.say_what_is_read()
    started = time.monotonic()
    made = kept = FrameRange.of(())
    if work.frames_to_make:
        opened, output = work.opened, work.output(output_format)
        writer = open_matte_writer(out, opened.origin, opened.shot.names, output, {})
        shot = _said(file, work, output)
        with _errors_as_ours(), own_client("rde-roto shot render", work.device) as client:
            client.open(shot, fresh=True)
            job = client.render(shot, str(work.frames_to_make), absolute(out))
            try:
                made, kept = _followed(client, job, work, writer, as_json)
            except BaseException:
                with suppress(EngineError, NoEngineError, WireError):  # it may be what has ended
                    client.cancel(job)
                raise
    say_done(len(made), len(kept), time.monotonic() - started, out, as_json)
    work.refuse_skipped()


def _said(file: ShotFile, work: Work, output: Output) -> dict[str, object]:
    """The shot as an engine is told of it: every path from the root, the format as it is wanted."""
    shot = made_absolute(spelled_out(file.says, work.opened), file.folder)
    overrides = {**shot.overrides, "output.format": output.format}
    return shot.model_copy(update={"overrides": overrides}).said()


def _followed(
    client: Client, job: str, work: Work, writer: MatteWriter, as_json: bool
) -> tuple[FrameRange, FrameRange]:
    """Tells of a job's frames as they come; those that were made, and those that were kept."""
    frames, told = work.frames_to_make, FrameRange.of(())
    with report(work.opened.shot.plate.name, len(frames), writer, as_json) as on_frame:
        while True:
            found = _progress(client, job)
            made, kept = _range(found["made"]), _range(found["kept"])
            there = FrameRange.of([*made, *kept])
            for frame in there.difference(told):
                on_frame(frame, frame in kept)
            told = there
            if found["state"] == "done":
                return made, kept
            if found["state"] == "cancelled":
                raise CancelledError("the engine was told to stop this render; run again to go on")
            if found["state"] == "failed":
                raise _failure(found["error"], frames.difference(there))
            time.sleep(_LOOKS_AGAIN_S)


def _progress(client: Client, job: str) -> dict[str, Any]:
    try:
        return client.progress(job)
    except (EngineError, NoEngineError, WireError) as error:
        raise RotoError(f"the engine ended while it rendered: run again ({error})") from error


def _failure(said: dict[str, Any], missing: FrameRange) -> RotoError:
    error = _as_ours(str(said["kind"]), str(said["sentence"]))
    if isinstance(error, OutputError):
        return PartialError(f"{error}; not delivered: {missing}", missing)
    return error


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise _as_ours(error.kind, str(error)) from error
    except NoEngineError as error:
        raise UsageError(str(error)) from error
    except WireError as error:
        raise RotoError(f"the engine ended before it began: run again ({error})") from error


def _as_ours(kind: str, sentence: str) -> RotoError:
    """The error of ours that an engine's is, with its exit code."""
    return _KINDS.get(kind, RotoError)(sentence)


def _range(text: str) -> FrameRange:
    return FrameRange.parse(text) if text else FrameRange.of(())
