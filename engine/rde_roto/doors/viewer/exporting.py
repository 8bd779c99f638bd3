"""Export mattes or shapes of a session into files, or queue it as a job in a hot folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rde_roto.doors.render_task import prepare_files, refuse_to_overwrite
from rde_roto.doors.server.jobs import Job, Jobs
from rde_roto.images.mattes import open_matte_writer
from rde_roto.node import RotoNode
from rde_roto.session.drawing.shape_lines import splines_of, tolerance_px
from rde_roto.session.mattes.backend import Backend
from rde_roto.session.session import Session
from rde_roto.shapes import SHAPE_FILES, ShapeMaker, file_remarks, file_text, is_shapes_file
from rde_roto.shot_files.writing import write_document
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import counted
from rde_roto.values.preset import Output
from rde_roto_client.jobfile import drop


def start_export(
    session: Session, backend: Backend, node: RotoNode, out: str, output: Output
) -> Job:
    """Write the mattes from in to out on a thread, and return the job, which has the progress.

    Files that exist and are up to date are kept. Raises UsageError for a pattern that names no
    frames or does not fit, or if a file would be written over an input.
    """
    shot = node.shot
    opened = session.editor.opened_shot(shot)
    metadata = backend.metadata(opened)
    first, last = session.navigation.bounds
    frames = FrameRange.of(shot.range.walk(first, last))
    writer = open_matte_writer(out, opened.origin, shot.names, output, metadata)
    targets = (path for frame in frames for path in writer.files(frame))
    refuse_to_overwrite(shot.plate, opened.inputs, targets)
    jobs = Jobs(backend.engine)
    job = jobs.get(jobs.start(node, frames, writer))
    assert isinstance(job, Job)
    return job


def export_shapes(
    session: Session, node: RotoNode, path: Path, tell: Callable[[str], None]
) -> None:
    """Write shapes of the mattes from in to out on a thread, which then tells what was made.

    Raises UsageError for a file of another kind or an input, or while frames are not tracked.
    """
    if not is_shapes_file(path):
        raise UsageError(f"{path.name}: shapes are written as {', '.join(SHAPE_FILES)}")
    shot = node.shot
    first, last = session.navigation.bounds
    frames = FrameRange.of(shot.range.walk(first, last))
    missing = FrameRange.of(frame for frame in frames if not session.live.is_made(frame))
    if missing:
        raise UsageError(
            f"frames {missing.words} are not tracked: propagate, or set in and out around those "
            "that are"
        )
    prepare_files(shot.plate, session.editor.opened_shot(shot).inputs, [path])
    own = node.edited()  # a node must not be used from two threads
    drawings, plate = session.draft.drawings, shot.plate.format

    def make() -> None:
        maker = ShapeMaker(plate, shot.names, tolerance_px(plate))
        for frame in frames:
            drawn = {
                element.name: splines_of(plane.lines, plate)
                for element in shot.elements
                if (plane := drawings.get(frame, {}).get(element.id)) is not None
            }
            maker.add(frame, own.matte(frame).alpha, drawn)
        shapes = maker.finish()
        write_document(path, file_text(path, shapes))
        said = f"{counted(len(shapes.shapes), 'shape')}: wrote {path}"
        tell("; ".join([said, *maker.warnings, *file_remarks(path, shapes)]))

    session.editor.run_in_background(make)


def queue_job(session: Session, folder: Path, name: str) -> Path:
    """Drop the session's document into a hot folder, as a job for the frames from in to out.

    Raises UsageError if the folder is not a hot folder, or has a job of that name, or if the last
    changes cannot be saved.
    """
    if not (folder / "inbox").is_dir():
        raise UsageError(f"{folder} is not a hot folder: rde-roto watch makes one")
    document = session.editor.saved_document()
    if not document.exists():
        raise UsageError("there is nothing to queue yet: paint a keyframe first")
    first, last = session.navigation.bounds
    try:
        return Path(drop(str(folder), name, str(document), frames=f"{first}-{last}"))
    except OSError as error:
        raise UsageError(str(error)) from error
