"""Export mattes of a session: into files, or as a job into a hot folder."""

from __future__ import annotations

from pathlib import Path

from rde_roto.doors.render_task import refuse_to_overwrite
from rde_roto.doors.server.jobs import Job, Jobs
from rde_roto.images.mattes import open_matte_writer
from rde_roto.node import RotoNode
from rde_roto.session.backend import Backend
from rde_roto.session.session import Session
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
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


def queue_job(session: Session, folder: Path, name: str) -> Path:
    """Drop the session's document into a hot folder, as a job for the frames from in to out.

    Raises UsageError if the folder is not a hot folder, or has a job of that name.
    """
    if not (folder / "inbox").is_dir():
        raise UsageError(f"{folder} is not a hot folder: rde-roto watch makes one")
    session.editor.wait_until_saved()
    if not session.editor.document.exists():
        raise UsageError("there is nothing to queue yet: paint a keyframe first")
    first, last = session.navigation.bounds
    try:
        return Path(drop(str(folder), name, str(session.editor.document), frames=f"{first}-{last}"))
    except OSError as error:
        raise UsageError(str(error)) from error
