"""Render in an engine that runs beside this command. The command itself needs no torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rde_roto.doors.auto_learn import learn_if_asked
from rde_roto.doors.hosts.errors import error_of
from rde_roto.doors.progress import RunReport, frame_steps, print_summary
from rde_roto.doors.render_task import RenderTask, print_replaced, print_weights
from rde_roto.doors.this_installation import local_client
from rde_roto.images.mattes import open_matte_writer
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.shot_files.writing import absolute, made_absolute, spelled_out
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import (
    CancelledError,
    EngineEndedError,
    OutputError,
    RotoError,
    UsageError,
)
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Output, OutputFormat
from rde_roto_client import (
    EngineError,
    NoEngineError,
    Order,
    StuckEngineError,
    Watcher,
    WireError,
    follow,
)

if TYPE_CHECKING:
    from rde_roto.delivery import Reporter


def render_in_engine(
    file: ShotFile,
    task: RenderTask,
    out: str,
    report: RunReport,
    output_format: OutputFormat | None = None,
) -> None:
    """Render mattes as ``rendering.render_mattes`` does, with the same lines and errors.

    An engine that dies meanwhile is started again and continues. Raises EngineEndedError if that
    does not help.
    """
    task.print_inputs()
    started = time.monotonic()
    made = kept = FrameRange.of(())
    if task.frames_to_render:
        output, known = task.output(output_format), task.opened
        writer = open_matte_writer(out, known.origin, known.shot.names, output, {})
        task.refuse_to_overwrite(writer)
        print_replaced(writer, task.frames_to_render)
        opened = learn_if_asked(known, task.device)
        shot = _shot_object(file, opened, output)
        with _converting_errors(), local_client("rde-roto shot render", task.device) as client:
            weights = client.open(shot, fresh=True).get("licence")
            print_weights(str(weights or "of the engine's model, whose licence it does not say"))
            order = Order(shot, str(task.frames_to_render), absolute(out))
            title, total = opened.shot.plate.name, len(task.frames_to_render)
            with frame_steps(report, title, total, writer) as reporter:
                progress = _JobProgress(reporter)
                try:
                    ended = follow(client, order, progress, writer.files)
                except EngineError as error:
                    raise _failure(
                        error, task.frames_to_render.difference(progress.frames)
                    ) from error
            if ended["state"] == "cancelled":
                raise CancelledError(
                    "this render was cancelled in the engine; run again to continue"
                )
            made, kept = progress.made, progress.kept
    print_summary(report, len(made), len(kept), time.monotonic() - started, out)
    task.opened.check_complete(task.frames)


def _shot_object(file: ShotFile, opened: OpenedShot, output: Output) -> dict[str, object]:
    """Return the shot as the engine's protocol has it, with absolute paths and the wanted
    format.
    """
    learned = opened.model.learned
    document = file.content.model_copy(
        update={"learned": None if learned is None else str(learned)}
    )
    shot = made_absolute(spelled_out(document, opened), file.folder)
    overrides = {**shot.overrides, "output.format": output.format}
    return shot.model_copy(update={"overrides": overrides}).to_plain()


class _JobProgress(Watcher):
    """Report each frame of a job once, whichever engine has made it."""

    def __init__(self, reporter: Reporter) -> None:
        self.made = self.kept = FrameRange.of(())
        self._reporter = reporter
        self._share = 0.0

    @property
    def frames(self) -> FrameRange:
        """All frames that were reported."""
        return FrameRange.of([*self.made, *self.kept])

    def on_status(self, status: dict[str, Any]) -> None:
        made, kept = (_range(status[key]).difference(self.frames) for key in ("made", "kept"))
        before, new = self._share, FrameRange.of([*made, *kept])
        # an older engine says no share
        share = float(status.get("share", status["done"] / status["total"]))
        share = max(before, share)  # after a restart the new engine begins with what is written
        for place, frame in enumerate(new, start=1):
            self._reporter(frame, frame in kept)
            self._reporter.advance(before + (share - before) * place / len(new))
        if not new and share != before:
            self._reporter.advance(share)
        self._share = share
        self.made = FrameRange.of([*self.made, *made])
        self.kept = FrameRange.of([*self.kept, *kept])


def _failure(engine_error: EngineError, undelivered: FrameRange) -> RotoError:
    error = _converted(engine_error)
    if isinstance(error, OutputError):
        missing = FrameRange.of(engine_error.frames) if engine_error.frames else undelivered
        return PartialError(f"{error}; not delivered: {missing}", missing)
    return error


@contextmanager
def _converting_errors() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise _converted(error) from error
    except StuckEngineError as error:
        raise EngineEndedError(str(error)) from error
    except NoEngineError as error:
        raise UsageError(str(error)) from error
    except WireError as error:
        raise EngineEndedError(f"the engine died before it began: run again ({error})") from error


def _converted(error: EngineError) -> RotoError:
    return error_of({"kind": error.kind, "sentence": str(error)})


def _range(text: str) -> FrameRange:
    return FrameRange.parse(text) if text else FrameRange.of(())
