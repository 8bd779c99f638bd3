"""A job document that lies anywhere: the shot as the job wants it, its frames, and its output."""

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
    """What a job document asks for, or a shot document, which asks for the whole of itself.

    `shot` has the job's preset and overrides; `output` is a pattern from the root, None where none
    is said.
    """

    shot: ShotFile
    frames: FrameRange | None = None
    output: str | None = None

    @staticmethod
    def read(path: Path) -> JobFile:
        """A job's paths start at its own folder. Raises DocumentError, naming file and line."""
        if schema_of(path) != JOB_SCHEMA:
            return JobFile(ShotFile.read(path))
        job, folder = parse_job_document(path), path.resolve().parent
        said, written = job.value, inline_shot(job)
        if written is None:
            named = ShotFile.read(folder / str(said.shot))
            shot = made_absolute(named.content, named.folder)
        else:
            shot = made_absolute(written.value, folder)
        preset = shot.preset if said.preset is None else said.preset
        if said.preset is not None and is_path(preset):
            preset = absolute(folder / preset)
        overrides = {**shot.overrides, **said.overrides}
        if said.learn is not None:
            overrides["running.learn"] = said.learn
        shot = shot.model_copy(update={"preset": preset, "overrides": overrides})
        text = shot.to_yaml()
        output = None if said.output is None else absolute(folder / said.output)
        return JobFile(ShotFile(path, text, parse_shot_document(path, text)), said.frames, output)
