"""``rde-roto shot``: write, show, render and lock shot documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto.documents.shot_document import SHOT_SUFFIX, LockEntry
from rde_roto.doors.commands.shot_advise import advise
from rde_roto.doors.commands.shot_facts import facts_of
from rde_roto.doors.commands.shot_learn import learn
from rde_roto.doors.commands.shot_report import report
from rde_roto.doors.console import print_line
from rde_roto.doors.option_groups import expand_groups
from rde_roto.doors.options import (
    DeviceOption,
    ElementsOption,
    RenderOptions,
    ShotArgument,
    ShotOptions,
    chunk_frames,
    frames_within,
    plate_memo,
)
from rde_roto.doors.progress import ProgressOptions, RunReport
from rde_roto.doors.render_in_engine import render_in_engine
from rde_roto.doors.render_task import RenderTask, default_out
from rde_roto.images.sequences import named_view
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.locks import LockWriter, Pinning, without_frames
from rde_roto.shot_files.opening import open_document
from rde_roto.shot_files.writing import relative_to, spelled_out, write_document
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.shot import Shot

if TYPE_CHECKING:
    from rde_roto.node import RotoNode

app = typer.Typer(
    no_args_is_help=True,
    help="Work with shot documents (NAME.shot.yaml) and their mattes.",
)

LockFramesOption = Annotated[
    str, typer.Option(metavar="RANGE", help="Frames, such as 1080-1090 or 1001,1050.")
]


@app.command()
@expand_groups
def new(
    shot: ShotOptions,
    out: Annotated[
        Path, typer.Option(metavar="NAME.shot.yaml", help="Document to write (NAME.shot.yaml).")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing document.")] = False,
) -> None:
    """Write a shot document, after checking everything that it names. Edit it as you like."""
    if not out.name.endswith(SHOT_SUFFIX) or out.name == SHOT_SUFFIX:
        raise UsageError(f"--out {out}: a shot document's name ends in {SHOT_SUFFIX}")
    if out.exists() and not force:
        raise UsageError(f"{out} exists already: edit it, or replace it with --force")
    preset = shot.load_preset()
    document = shot.document()
    opened = open_document(document, preset)

    from rde_roto.model.weights import find_model

    find_model(opened.model.name)
    complete = relative_to(spelled_out(document, opened), out.resolve().parent)
    write_document(out, complete.to_yaml())
    print_line(f"wrote {out}; render its mattes with: rde-roto shot render {out}")


@app.command()
def show(shot: ShotArgument) -> None:
    """Show what a document says, and which of its files are missing."""
    facts = facts_of(ShotFile.read(shot))
    for line in facts.lines:
        print_line(line)
    if facts.missing:
        raise InputError(f"{shot} cannot be rendered: {'; '.join(facts.missing)}")


@app.command()
@expand_groups
def render(
    shot: ShotArgument,
    options: RenderOptions,
    progress: ProgressOptions,
    chunk: Annotated[
        str | None,
        typer.Option(
            metavar="FILE:N",
            help="Take the frames from line N of a list of ranges, instead of --frames.",
        ),
    ] = None,
    learn_into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for what the model learns, if the preset asks for that (default: beside "
            "the document).",
        ),
    ] = None,
    by_engine: Annotated[
        bool, typer.Option("--engine", help="Render in the running engine.")
    ] = False,
) -> None:
    """Render the mattes of a shot, or of some of its frames: the pixels are the same."""
    report, output_format = progress.report(), options.output_format
    with report.failures(), plate_memo() as memo:
        if options.frames is not None and chunk is not None:
            raise UsageError("--chunk names the frames: leave --frames out")
        file = ShotFile.read(shot)
        opened = file.open(memo)
        asked = options.frames if chunk is None else chunk_frames(chunk)
        opened = replace(
            opened,
            learn_into=learn_into or opened.learn_into,
            is_whole=opened.is_whole and asked is None,
        )
        wanted = opened.range if asked is None else frames_within(opened.range, asked)
        task = RenderTask(opened, wanted, options.device)
        folder = shot.parent / "mattes"
        pattern = options.out or default_out(folder, file.name, task.output(output_format))
        _, pattern = named_view(pattern, file.content.plate.view)
        if by_engine:
            render_in_engine(file, task, pattern, report, output_format)
            return

        from rde_roto.doors.rendering import render_mattes

        render_mattes(task, pattern, report, output_format)


@app.command()
def lock(
    shot: ShotArgument,
    frames: LockFramesOption,
    elements: ElementsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Lock frames as they are now: their mattes stay, whatever is changed later."""
    report = ProgressOptions.usual().report()
    with report.failures():
        _lock(shot, frames, elements, device, report)


def _lock(shot: Path, frames: str, elements: str | None, device: str, report: RunReport) -> None:
    file = ShotFile.read(shot)
    if file.content.plate.proxy > 1:
        raise UsageError(f"the plate of {shot} is a proxy: lock frames of the full plate")
    with plate_memo() as memo:
        opened = file.open(memo)
        asked, ids = frames_within(opened.shot.range, frames), opened.shot.ids
        pinning = Pinning.of(file.content.locks, asked, _ids(opened.shot, elements), ids)
        if not pinning.frames:
            report.done(f"{asked} is locked already", {"frames": ""})
            return

        from rde_roto.doors import rendering

        file.check_writable()

        def open_writer(node: RotoNode, made_from: Mapping[str, str]) -> LockWriter:
            folder = file.folder / file.locks_folder
            locks = pinning.locks(folder, node.digest, node.shot.plate.format)
            return LockWriter(locks, ids, made_from)

        task = RenderTask(opened, pinning.frames, device)
        pinned = rendering.render(task, open_writer, report).writer.locks
    entries = [
        LockEntry(
            frames=one.frames,
            mattes=f"{file.locks_folder}/{one.pattern}",
            elements=list(one.elements),
        )
        for one in pinned
    ]
    file.set_locks(sorted([*pinning.kept, *entries], key=lambda entry: entry.frames.first))
    event = {"frames": str(pinning.frames), "mattes": file.locks_folder}
    report.done(f"locked {pinning.frames}: {file.locks_folder}", event)


@app.command()
def unlock(shot: ShotArgument, frames: LockFramesOption) -> None:
    """Unlock frames; the locked mattes' files are kept."""
    file = ShotFile.read(shot)
    asked = FrameRange.parse(frames)
    locks = file.content.locks
    rest = without_frames(locks, asked)
    if rest == locks:
        print_line(f"nothing is locked at {asked}")
        return
    file.set_locks(rest)
    print_line(f"unlocked {asked}")


app.command()(learn)
app.command()(advise)
app.command()(report)


def _ids(shot: Shot, text: str | None) -> tuple[str, ...]:
    """Return the ids of the elements named by id or name; of all by default."""
    if text is None:
        return shot.ids
    ids = dict(zip(shot.names, shot.ids, strict=True)) | {key: key for key in shot.ids}
    asked = [name.strip() for name in text.split(",")]
    unknown = [name for name in asked if name not in ids]
    if unknown:
        raise UsageError(f"--elements {text}: the shot's are {', '.join(shot.names)}")
    return tuple(ids[name] for name in asked)
