"""Open Job Description: a job template for the farms that use it.

Every session has its own engine, which keeps the network and the last memory states in memory. The
job's environment starts it before the first task and stops it after the last.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from rde_roto.doors.farm.farm_job import FarmJob, WorkerSetup
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange

_MOST_TASKS = 1024  # in one step, by the specification
_MOST_CHARACTERS = 1024  # in one parameter
_NOTICE_S = 60  # for a cancelled task to finish its frame
_PROGRAM, _DEVICE, _OUT, _SHOT, _LEARNED = (
    f"{{{{Param.{name}}}}}" for name in ("Program", "Device", "Mattes", "Shot", "Learned")
)


def files(job: FarmJob, folder: Path) -> dict[str, str]:
    """Return the job's files. Raises UsageError when a step would have too many tasks."""
    return {"template.yaml": _dumped(_template(job)), job.document_name: job.document}


def how_to_submit(job: FarmJob, folder: Path) -> str:
    """Return how to submit the job."""
    return f"openjd run {folder / 'template.yaml'}, or submit that file to your farm"


def _template(job: FarmJob) -> dict[str, Any]:
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": job.title,
        "parameterDefinitions": [
            {
                "name": "Shot",
                "type": "PATH",
                "objectType": "FILE",
                "dataFlow": "IN",
                "description": "The shot as it was when it was submitted.",
                "default": job.document_name,
            },
            _text("Mattes", "Where the mattes go: a pattern.", job.out),
            *(
                []
                if job.learned is None
                else [_text("Learned", "Where tasks share what the model learns.", job.learned)]
            ),
            _text("Program", "The command rde-roto on the workers.", job.worker.program),
            _text("Device", "auto, cpu, cuda, cuda:1 or mps.", job.worker.device),
            *(
                _text(_parameter(variable), f"What {variable} is on the workers.", value)
                for variable, value in job.worker.environment.items()
            ),
        ],
        "jobEnvironments": [_engine(job.worker)],
        "steps": [_step(job, place) for place in range(len(job.rounds))],
    }


def _text(name: str, description: str, default: str) -> dict[str, Any]:
    _check_length(default, "use a shorter path")
    return {"name": name, "type": "STRING", "description": description, "default": default}


def _check_length(text: str, what_to_do: str) -> None:
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(
            f"'{text[:60]}…' is longer than the {_MOST_CHARACTERS} characters of an OpenJD "
            f"parameter: {what_to_do}"
        )


def _parameter(variable: str) -> str:
    """Return the parameter of an environment variable: `Cache` for `RDE_ROTO_CACHE`."""
    return variable.rpartition("_")[2].capitalize()


def _engine(worker: WorkerSetup) -> dict[str, Any]:
    serve = [_PROGRAM, "serve", "--device", _DEVICE]
    actions = {"onEnter": _action([*serve, "--detach"]), "onExit": _action([*serve, "--stop"])}
    run_folder = {"RDE_ROTO_RUN": "{{Session.WorkingDirectory}}/engine"}
    # through parameters, because OpenJD would expand {{ }} in a variable's value
    passed = {name: f"{{{{Param.{_parameter(name)}}}}}" for name in worker.environment}
    return {
        "name": "Engine",
        "description": "One for the whole session, which makes the mattes of all its tasks.",
        "variables": {**run_folder, **passed},
        "script": {"actions": actions},
    }


def _step(job: FarmJob, place: int) -> dict[str, Any]:
    """Return the step of a round. Its chunks are independent and continue from those of the round
    before.
    """
    chunks = job.rounds[place]
    if len(chunks) > _MOST_TASKS:
        raise UsageError(
            f"{len(chunks)} chunks are more than the {_MOST_TASKS} tasks of an OpenJD step: submit "
            "the shot in parts, with --frames"
        )
    learned = None if job.learned is None else _LEARNED
    on_worker = replace(job, out=_OUT, worker=WorkerSetup(_PROGRAM, _DEVICE), learned=learned)
    frames = ("--frames", "{{Task.Param.Frames}}")
    command = on_worker.command(_SHOT, *frames, "--progress", "openjd")
    depends = {"dependencies": [{"dependsOn": _step_name(place - 1)}]} if place else {}
    action = _action([*command, "--engine"])
    action["cancelation"] = {
        "mode": "NOTIFY_THEN_TERMINATE",
        "notifyPeriodInSeconds": _NOTICE_S,
    }
    return {
        "name": _step_name(place),
        **depends,
        "parameterSpace": {"taskParameterDefinitions": [_frames(chunks)]},
        "script": {"actions": {"onRun": action}},
    }


def _step_name(place: int) -> str:
    return f"Round {place + 1}"


def _frames(chunks: tuple[FrameRange, ...]) -> dict[str, Any]:
    texts = [str(chunk) for chunk in chunks]
    _check_length(max(texts, key=len), "give a smaller --chunk")
    return {"name": "Frames", "type": "STRING", "range": texts}


def _action(command: list[str]) -> dict[str, Any]:
    program, *arguments = command
    return {"command": program, "args": arguments}


def _dumped(template: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=100)
    return text
