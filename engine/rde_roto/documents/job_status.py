"""What is told of a job while it waits, runs, and after: `status.json` in its folder."""

from __future__ import annotations

import json
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError, field_validator

from rde_roto.values.plain_text import is_plain_name
from rde_roto.values.settings import Settings

MOST_NAME_BYTES: Final = 200
"""Of a job's name: the names of its files are longer, and no name may have more than 255."""

STATUS_SCHEMA: Final = "rde-roto.status/1"

JobState: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]


class JobError(Settings):
    """Why a job failed: the exit code that the command line would have, and a sentence."""

    code: int
    sentence: str


class JobStatus(Settings):
    """A job's state, for people and programs.

    `name` is one plain component of a path, since folders and files are called by it.
    `tries` is how often it was begun since it last came a frame further. `frames` is the range that
    is asked for, of which `done` of `total` are in place, `kept` of them from earlier. `mattes` is
    their pattern. `confidence` is the lowest of all frames, 0..1, and `look_at` says in sentences
    what somebody should see. `same_as` is a job that had delivered the same. `updated` is a date
    of ISO 8601.
    """

    name: str
    state: JobState
    tries: int = 0
    priority: int | None = None
    worker: str | None = None
    frames: str = ""
    total: int = 0
    done: int = 0
    kept: int = 0
    frames_per_second: float | None = None
    seconds_left: float | None = None
    mattes: str | None = None
    confidence: float | None = None
    look_at: tuple[str, ...] = ()
    same_as: str | None = None
    digest: str | None = None
    error: JobError | None = None
    updated: str = ""

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not is_plain_name(name) or len(name.encode()) > MOST_NAME_BYTES:
            raise ValueError("a job's name is one plain component of a path")
        return name

    def to_json(self) -> str:
        """The text of a status file."""
        said = {"schema": STATUS_SCHEMA, **self.model_dump(mode="json", exclude_none=True)}
        return json.dumps(said, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> JobStatus | None:
        """The status in a text; None where it holds none, or one of another schema."""
        try:
            said = json.loads(text)
            if not isinstance(said, dict) or said.pop("schema", None) != STATUS_SCHEMA:
                return None
            return cls.model_validate_json(json.dumps(said))
        except (ValueError, ValidationError, RecursionError):
            return None
