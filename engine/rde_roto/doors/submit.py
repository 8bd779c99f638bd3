"""``rde-roto submit``: a shot as a job for the render farm that you have, or for a hot folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rde_roto.doors.console import say_aside
from rde_roto.doors.farm import deadline as deadline_farm
from rde_roto.doors.farm import hot_folder_jobs as hot_folder_farm
from rde_roto.doors.farm import opencue as opencue_farm
from rde_roto.doors.farm import openjd as openjd_farm
from rde_roto.doors.farm.farm_job import FarmJob, Worker, plain_name
from rde_roto.doors.inputs import refuse_to_overwrite
from rde_roto.doors.options import (
    DeviceOption,
    FormatOption,
    FramesOption,
    OutOption,
    frames_within,
    plate_memo,
)
from rde_roto.doors.render_task import Work, default_out
from rde_roto.doors.this_installation import program as own_program
from rde_roto.images.mattes import open_matte_writer
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.job_file import JobFile
from rde_roto.shot_files.writing import absolute, made_absolute, spelled_out, write_document
from rde_roto.values.chunks import chunks_in_rounds
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import OutputFormat

CHUNK = 100


@dataclass(frozen=True)
class _Farm:
    """A farm's files, and what is to be done with them."""

    folder: Path
    files: Callable[[FarmJob, Path], dict[str, str]]
    how_to_submit: Callable[[FarmJob, Path], str]


def submit(
    shot: Annotated[
        Path, typer.Argument(metavar="SHOT|JOB", help="Shot document, or job document.")
    ],
    openjd: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an OpenJD job template to this file.")
    ] = None,
    deadline: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the info files of a Deadline job to this folder."),
    ] = None,
    opencue: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write an OpenCue outline to this file.")
    ] = None,
    inbox: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Drop the chunks as jobs into this hot folder."),
    ] = None,
    frames: FramesOption = None,
    chunk: Annotated[
        int,
        typer.Option(
            metavar="FRAMES",
            min=1,
            help="Target number of frames per task; a task never crosses a keyframe.",
        ),
    ] = CHUNK,
    out: OutOption = None,
    output_format: FormatOption = None,
    device: DeviceOption = "auto",
    cache: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Cache that all workers share (default: each has its own)."
        ),
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Path of rde-roto on the workers (default: the path on this machine).",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the files of an earlier submission.")
    ] = False,
) -> None:
    """Write a shot's job for a render farm: chunks without visible seams."""
    folders = (
        (openjd, openjd_farm),
        (deadline, deadline_farm),
        (opencue, opencue_farm),
        (inbox, hot_folder_farm),
    )
    asked = [
        _Farm(Path(absolute(folder)), farm.files, farm.how_to_submit)
        for folder, farm in folders
        if folder is not None
    ]
    if not asked:
        farms = "--openjd DIR, --deadline DIR, --opencue DIR, --inbox FOLDER"
        raise UsageError(f"where does the job go? Give {farms}")
    said = JobFile.read(shot)
    file = said.shot
    with plate_memo() as memo:
        opened = file.open(memo)
    asked_for = str(said.frames) if frames is None and said.frames else frames
    wanted = opened.range if asked_for is None else frames_within(opened.range, asked_for)
    work = Work(opened, wanted, device)
    name = plain_name(file.name)
    place = file.path.parent / "mattes" if inbox is None else hot_folder_farm.mattes(inbox, name)
    pattern = absolute(out or said.output or default_out(place, name, work.output(output_format)))
    _check(work, pattern, output_format)
    job = FarmJob(
        name=name,
        shot=made_absolute(spelled_out(file.says, opened), file.folder),
        rounds=_rounds(opened, work.frames_to_make, chunk),
        out=pattern,
        worker=Worker(program or own_program(), device, absolute(cache) if cache else None),
        output_format=output_format,
        learned=str(Path(pattern).parent / "learned") if opened.learns else None,
    )
    _write(job, asked, force)


def _check(work: Work, out: str, output_format: OutputFormat | None) -> None:
    """What would fail in every task fails here. Raises as a render does before its first frame."""
    opened, frames = work.opened, work.frames_to_make
    shot = opened.shot
    if not shot.keyframes:
        raise UsageError(f"{shot.plate.name} has no keyframe: paint a mask of one frame")
    if not frames:
        raise UsageError(f"{shot.plate.name} has none of the frames {work.frames}")
    writer = open_matte_writer(out, opened.origin, shot.names, work.output(output_format), {})
    targets = (path for frame in frames for path in writer.files(frame))
    refuse_to_overwrite(shot.plate, opened.inputs, targets)

    from rde_roto.model.learned import read_learned
    from rde_roto.model.weights import find_model

    find_model(opened.model.name)
    if opened.model.learned is not None:
        read_learned(opened.model.learned)
    work.say_what_is_read()
    skipped = work.frames.difference(frames)
    if skipped:
        say_aside(f"{shot.plate.name} lacks {skipped}: skipped, not in the job")


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
                f"{path} is there already, perhaps of a job that runs: choose another folder, or "
                "replace it with --force"
            )
    for path, text in texts.items():
        write_document(path, text)
    print(f"chunks: {len(job.chunks)}, rounds: {len(job.rounds)}, mattes: {job.out}")
    for farm in farms:
        print(f"submit it: {farm.how_to_submit(job, farm.folder)}")
