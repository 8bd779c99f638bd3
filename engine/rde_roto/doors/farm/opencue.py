"""OpenCue: an outline script for ``pycuerun``, which is plain Python and needs pyoutline."""

from __future__ import annotations

import json
from pathlib import Path

from rde_roto.doors.farm.farm_job import FarmJob

_SCRIPT = """\
# The mattes of {name!r}: pycuerun {file!r}
# A layer is a round: its frames, which are chunks of the shot, may run at once.
from outline.modules.shell import ShellSequence

ENVIRONMENT = {environment}
ROUNDS = {rounds}

before = None
for number, commands in enumerate(ROUNDS, 1):
    layer = ShellSequence(f"round_{{number}}", commands=commands, env=ENVIRONMENT)
    if before is not None:
        layer.depend_all(before)
    before = layer
"""


def files(job: FarmJob, folder: Path) -> dict[str, str]:
    """Return the job's files."""
    document = str(folder / job.document_name)
    rounds = [[job.command(document, "--frames", str(c)) for c in round_] for round_ in job.rounds]
    script = _SCRIPT.format(
        name=job.name,
        file=_name(job),
        environment=_literal(job.worker.environment),
        rounds=_literal(rounds),
    )
    return {_name(job): script, job.document_name: job.document}


def how_to_submit(job: FarmJob, folder: Path) -> str:
    """Return the command that submits the job."""
    return f"pycuerun {folder / _name(job)}"


def _name(job: FarmJob) -> str:
    return f"{job.name}.outline"


def _literal(value: object) -> str:
    """Write lists, objects and strings as JSON, which is valid Python."""
    return json.dumps(value, indent=1, ensure_ascii=False)
