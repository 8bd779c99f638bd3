"""``rde-roto submit``: write a shot's job for a render farm or a hot folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rde_roto.doors.console import print_line, print_message
from rde_roto.doors.farm import deadline as deadline_farm
from rde_roto.doors.farm import hot_folder_jobs as hot_folder_farm
from rde_roto.doors.farm import opencue as opencue_farm
from rde_roto.doors.farm import openjd as openjd_farm
from rde_roto.doors.farm.farm_job import FarmJob, WorkerSetup, plain_name
from rde_roto.doors.option_groups import expand_groups
from rde_roto.doors.options import (
    RenderOptions,
    frames_within,
    plate_memo,
)
from rde_roto.doors.render_task import RenderTask, default_out, refuse_to_overwrite
from rde_roto.doors.this_installation import installed_program
from rde_roto.images.mattes import open_matte_writer
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.job_file import JobFile
from rde_roto.shot_files.writing import (
    absolute,
    frozen,
    made_absolute,
    spelled_out,
    write_document,
)
from rde_roto.values.chunks import chunks_in_rounds
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import OutputFormat

CHUNK = 100


@dataclass(frozen=True)
class _Farm:
    """A farm's folder, what writes its files, and how they are submitted."""

    folder: Path
    files: Callable[[FarmJob, Path], dict[str, str]]
    how_to_submit: Callable[[FarmJob, Path], str]


@dataclass(frozen=True)
class FarmOptions:
    """The options that say which farms get the job, and how their workers run it."""

    openjd: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write an OpenJD job template to this folder."),
    ] = None
    deadline: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the info files of a Deadline job to this folder."),
    ] = None
    opencue: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an OpenCue outline to this folder.")
    ] = None
    inbox: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Drop the chunks as jobs into this hot folder."),
    ] = None
    chunk: Annotated[
        int,
        typer.Option(
            metavar="FRAMES",
            min=1,
            help="Target number of frames per task; a task never crosses a keyframe.",
        ),
    ] = CHUNK
    cache: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Cache that all workers share (default: each has its own)."
        ),
    ] = None
    program: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Path of rde-roto on the workers (default: the path on this machine).",
        ),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Replace the files of an earlier submission.")
    ] = False

    def farms(self) -> list[_Farm]:
        """Return the farms that were named. Raises UsageError when there are none."""
        folders = (
            (self.openjd, openjd_farm),
            (self.deadline, deadline_farm),
            (self.opencue, opencue_farm),
            (self.inbox, hot_folder_farm),
        )
        named = [
            _Farm(Path(absolute(folder)), farm.files, farm.how_to_submit)
            for folder, farm in folders
            if folder is not None
        ]
        if not named:
            names = "--openjd DIR, --deadline DIR, --opencue DIR or --inbox FOLDER"
            raise UsageError(f"no farm is named: give {names}")
        return named

    def worker(self, device: str) -> WorkerSetup:
        """Return how the farm's workers run the job."""
        cache = absolute(self.cache) if self.cache else None
        return WorkerSetup(self.program or installed_program(), device, cache)


@expand_groups
def submit(
    shot: Annotated[
        Path, typer.Argument(metavar="SHOT|JOB", help="Shot document, or job document.")
    ],
    options: RenderOptions,
    farm: FarmOptions,
) -> None:
    """Write a shot's job for a render farm: chunks without visible seams."""
    farms, output_format = farm.farms(), options.output_format
    job_file = JobFile.read(shot)
    file = job_file.shot
    with plate_memo() as memo:
        opened = file.open(memo)
        document = made_absolute(spelled_out(file.content, opened), file.folder)
        document = frozen(document, file.preset(), opened.shot.plate)
    asked = options.frames
    if asked is None and job_file.frames:
        asked = str(job_file.frames)
    wanted = opened.range if asked is None else frames_within(opened.range, asked)
    task = RenderTask(opened, wanted, options.device)
    name = plain_name(file.name)
    inbox = farm.inbox
    folder = file.path.parent / "mattes" if inbox is None else hot_folder_farm.mattes(inbox, name)
    default = default_out(folder, name, task.output(output_format))
    pattern = absolute(options.out or job_file.output or default)
    _check(task, pattern, output_format)
    job = FarmJob(
        name=name,
        shot=document,
        rounds=_rounds(opened, task.frames_to_render, farm.chunk),
        out=pattern,
        worker=farm.worker(options.device),
        output_format=output_format,
        learned=str(Path(pattern).parent / "learned") if opened.learns else None,
    )
    _write(job, farms, farm.force)


def _check(task: RenderTask, out: str, output_format: OutputFormat | None) -> None:
    """Fail here for what would fail in every task. Raises as a render does before its first
    frame.
    """
    opened, frames = task.opened, task.frames_to_render
    shot = opened.shot
    if not shot.keyframes:
        raise UsageError(f"{shot.plate.name} has no keyframe: paint a mask of one frame")
    if not frames:
        raise UsageError(f"{shot.plate.name} has none of the frames {task.frames}")
    writer = open_matte_writer(out, opened.origin, shot.names, task.output(output_format), {})
    targets = (path for frame in frames for path in writer.files(frame))
    refuse_to_overwrite(shot.plate, opened.inputs, targets)

    from rde_roto.model.learned import read_learned
    from rde_roto.model.weights import find_model

    find_model(opened.model.name)
    if opened.model.learned is not None:
        read_learned(opened.model.learned)
    task.print_inputs()
    skipped = task.frames.difference(frames)
    if skipped:
        print_message(f"{shot.plate.name} lacks {skipped}: skipped, not in the job")


def _rounds(
    opened: OpenedShot, frames: FrameRange, chunk: int
) -> tuple[tuple[FrameRange, ...], ...]:
    preset = opened.preset
    state_every = preset.tracking.memory_every * preset.running.snapshot_every
    return chunks_in_rounds(opened.shot, frames, chunk, state_every)


def _write(job: FarmJob, farms: list[_Farm], force: bool) -> None:
    texts = {
        farm.folder / name: text
        for farm in farms
        for name, text in farm.files(job, farm.folder).items()
    }
    for path in texts:
        if path.exists() and not force:
            raise UsageError(
                f"{path} exists, perhaps from a job that is running: choose another folder, or "
                "replace it with --force"
            )
    for path, text in texts.items():
        write_document(path, text)
    print_line(f"chunks: {len(job.chunks)}, rounds: {len(job.rounds)}, mattes: {job.out}")
    for farm in farms:
        print_line(f"submit it: {farm.how_to_submit(job, farm.folder)}")
