"""A hot folder as a farm: one job document for each chunk of a shot."""

from __future__ import annotations

from pathlib import Path

from rde_roto.documents.job_document import JOB_SCHEMA, PRIORITY, read_watch_document
from rde_roto.doors.farm.farm_job import FarmJob
from rde_roto.doors.watchfolder.hot_folder import DEFAULTS
from rde_roto.values.yaml_format import yaml_flow, yaml_pair


def files(job: FarmJob, _folder: Path) -> dict[str, str]:
    """Return a document for each chunk. Those of earlier rounds have a higher priority."""
    kind = job.output_format
    overrides = [] if kind is None else [f"overrides: {{output.format: {kind}}}"]
    found = {}
    for number, round_ in enumerate(job.rounds, start=1):
        for place, chunk in enumerate(round_, start=1):
            lines = [
                f"schema: {JOB_SCHEMA}",
                yaml_pair("frames", str(chunk)),
                yaml_pair("output", job.out),
                yaml_pair("priority", max(0, PRIORITY - number + 1)),
                *overrides,
                f"shot: {yaml_flow(job.shot.to_plain())}",
            ]
            name = f"{job.name}-{number}-{place}" if len(job.chunks) > 1 else job.name
            found[f"inbox/{name}.yaml"] = "\n".join(lines) + "\n"
    return found


def mattes(folder: Path, name: str) -> Path:
    """Return the default place of the mattes of a shot of this plain name.

    Raises DocumentError for wrong defaults.
    """
    return folder / read_watch_document(folder / DEFAULTS).value.mattes / name


def how_to_submit(_job: FarmJob, folder: Path) -> str:
    """Return what to run: the job is submitted already."""
    return f"it is in {folder}/inbox; start a worker with: rde-roto watch {folder}"
