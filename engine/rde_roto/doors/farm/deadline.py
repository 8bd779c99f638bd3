"""Deadline: the two files that ``deadlinecommand`` takes, for Deadline's CommandLine plug-in.

Deadline's tasks are numbers and its chunks are equally long, which ours are not. So a task is the
number of a line in a list of chunks.
"""

from __future__ import annotations

import re
from pathlib import Path

from rde_roto.doors.farm.farm_job import FarmJob
from rde_roto.values.errors import UsageError

_JOB, _PLUGIN, _CHUNKS = "job_info.txt", "plugin_info.txt", "chunks.txt"


def files(job: FarmJob, folder: Path) -> dict[str, str]:
    """Return the job's files. Raises UsageError for a path that an info file cannot hold."""
    return {
        _JOB: _info(_job_info(job)),
        _PLUGIN: _info(_plugin_info(job, folder)),
        _CHUNKS: "".join(f"{chunk}\n" for chunk in job.chunks),
        job.document_name: job.document,
    }


def how_to_submit(job: FarmJob, folder: Path) -> str:
    """Return the command that submits the job."""
    return f"deadlinecommand {folder / _JOB} {folder / _PLUGIN}"


def _job_info(job: FarmJob) -> dict[str, str]:
    chunks = job.chunks
    variables = {
        f"EnvironmentKeyValue{place}": f"{name}={value}"
        for place, (name, value) in enumerate(job.worker.environment.items())
    }
    return {
        "Plugin": "CommandLine",
        "Name": job.title,
        "Comment": f"rde-roto: a task is a line of {_CHUNKS}",
        "Frames": f"1-{len(chunks)}" if len(chunks) > 1 else "1",
        "ChunkSize": "1",
        # with more, a chunk could start before the one that it continues from is done
        "MachineLimit": str(len(job.rounds[0])),
        "OutputDirectory0": str(Path(job.out).parent),
        **variables,
    }


def _plugin_info(job: FarmJob, folder: Path) -> dict[str, str]:
    chunk = f"{folder / _CHUNKS}:<STARTFRAME>"
    which = ("--chunk", chunk, "--progress", "deadline")
    program, *arguments = job.command(str(folder / job.document_name), *which)
    return {
        "Executable": program,
        "Arguments": " ".join(map(_quoted, arguments)),
        "StartupDirectory": "",
        "Shell": "default",
        "ShellExecute": "False",
        "SingleFramesOnly": "True",
    }


def _quoted(argument: str) -> str:
    if '"' in argument:
        raise UsageError(f'{argument}: Deadline cannot take a path with " in it')
    return argument if re.fullmatch(r"[\w.:/\\<>-]+", argument) else f'"{argument}"'


def _info(values: dict[str, str]) -> str:
    for value in values.values():
        if "\n" in value or "\r" in value:
            raise UsageError(f"{value!r}: Deadline cannot take a path with a line break")
    return "".join(f"{key}={value}\n" for key, value in values.items())
