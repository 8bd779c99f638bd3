"""A job document on disk: the shot as the job wants it, its frames, and its output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rde_roto.documents.job_document import JOB_SCHEMA, inline_shot, parse_job_document
from rde_roto.documents.library import is_path
from rde_roto.documents.shot_document import parse_shot_document
from rde_roto.documents.yaml_text import schema_of
from rde_roto.shot_files.shot_file import ShotFile
from rde_roto.shot_files.writing import absolute, made_absolute
from rde_roto.values.frames import FrameRange


@dataclass(frozen=True)
class JobFile:
    """The request of a job document, or of a shot document, which requests its whole range.

    `shot` has the job's preset and overrides; `output` is an absolute pattern, None if not given.
    """

    shot: ShotFile
    frames: FrameRange | None = None
    output: str | None = None

    @staticmethod
    def read(path: Path) -> JobFile:
        """Read a document; its paths are relative to its folder. Raises DocumentError, naming file
        and line.
        """
        if schema_of(path) != JOB_SCHEMA:
            return JobFile(ShotFile.read(path))
        document, folder = parse_job_document(path), path.resolve().parent
        job, inline = document.value, inline_shot(document)
        if inline is None:
            named = ShotFile.read(folder / str(job.shot))
            shot = made_absolute(named.content, named.folder)
        else:
            shot = made_absolute(inline.value, folder)
        preset = shot.preset if job.preset is None else job.preset
        if job.preset is not None and is_path(preset):
            preset = absolute(folder / preset)
        overrides = {**shot.overrides, **job.overrides}
        if job.learn is not None:
            overrides["running.learn"] = job.learn
        shot = shot.model_copy(update={"preset": preset, "overrides": overrides})
        text = shot.to_yaml()
        output = None if job.output is None else absolute(folder / job.output)
        return JobFile(ShotFile(path, text, parse_shot_document(path, text)), job.frames, output)
