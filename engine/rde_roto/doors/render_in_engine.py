"""Mattes made by an engine that runs beside this command, which itself needs no torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rde_roto.doors.auto_learn import studied
from rde_roto.doors.progress import report, say_done
from rde_roto.doors.render_task import Work
from rde_roto.doors.server.errors import error_of
from rde_roto.doors.this_installation import own_client
from rde_roto.images.mattes import open_matte_writer
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.shot_files.writing import absolute, made_absolute, spelled_out
from rde_roto.values.errors import (
    CancelledError,
    EngineEndedError,
    OutputError,
    PartialError,
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
    from rde_roto.delivery import OnFrame


def render_by_engine(
    file: ShotFile, work: Work, out: str, output_format: OutputFormat | None, as_json: bool
) -> None:
    """Has mattes written as ``rendering.render_mattes`` does, with the same lines and errors.

    An engine that dies meanwhile is started again, and goes on; EngineEndedError when that does not
    help.
    """
    work.say_what_is_read()
    started = time.monotonic()
    made = kept = FrameRange.of(())
    if work.frames_to_make:
        opened, output = studied(work.opened, work.device), work.output(output_format)
        writer = open_matte_writer(out, opened.origin, opened.shot.names, output, {})
        shot = _said(file, opened, output)
        with _errors_as_ours(), own_client("rde-roto shot render", work.device) as client:
            client.open(shot, fresh=True)
            order = Order(shot, str(work.frames_to_make), absolute(out))
            title, total = opened.shot.plate.name, len(work.frames_to_make)
            with report(title, total, writer, as_json) as on_frame:
                told = _Told(on_frame)
                try:
                    said = follow(client, order, told, writer.files)
                except EngineError as error:
                    raise _failure(error, work.frames_to_make.difference(told.there)) from error
            if said["state"] == "cancelled":
                raise CancelledError("the engine was told to stop this render; run again to go on")
            made, kept = told.made, told.kept
    say_done(len(made), len(kept), time.monotonic() - started, out, as_json)
    work.refuse_skipped()


def _said(file: ShotFile, opened: OpenedShot, output: Output) -> dict[str, object]:
    """The shot as an engine is told of it: every path from the root, the format as it is wanted."""
    learned = opened.model.learned
    says = file.says.model_copy(update={"learned": None if learned is None else str(learned)})
    shot = made_absolute(spelled_out(says, opened), file.folder)
    overrides = {**shot.overrides, "output.format": output.format}
    return shot.model_copy(update={"overrides": overrides}).said()


class _Told(Watcher):
    """Tells of a job's frames as they come, each once, whichever engine has made it."""

    def __init__(self, on_frame: OnFrame) -> None:
        self.made = self.kept = FrameRange.of(())
        self._on_frame = on_frame

    @property
    def there(self) -> FrameRange:
        """All that was told of."""
        return FrameRange.of([*self.made, *self.kept])

    def heard(self, said: dict[str, Any]) -> None:
        made, kept = (_range(said[key]).difference(self.there) for key in ("made", "kept"))
        for frame in FrameRange.of([*made, *kept]):
            self._on_frame(frame, frame in kept)
        self.made = FrameRange.of([*self.made, *made])
        self.kept = FrameRange.of([*self.kept, *kept])


def _failure(said: EngineError, undelivered: FrameRange) -> RotoError:
    error = _as_ours(said.kind, str(said))
    if isinstance(error, OutputError):
        missing = FrameRange.of(said.frames) if said.frames else undelivered
        return PartialError(f"{error}; not delivered: {missing}", missing)
    return error


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise _as_ours(error.kind, str(error)) from error
    except StuckEngineError as error:
        raise EngineEndedError(str(error)) from error
    except NoEngineError as error:
        raise UsageError(str(error)) from error
    except WireError as error:
        raise EngineEndedError(f"the engine ended before it began: run again ({error})") from error


def _as_ours(kind: str, sentence: str) -> RotoError:
    return error_of({"kind": kind, "sentence": sentence})


def _range(text: str) -> FrameRange:
    return FrameRange.parse(text) if text else FrameRange.of(())
