"""The status of a job while it waits, runs, and afterwards: `status.json` in its folder."""

from __future__ import annotations

import json
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError, field_validator

from rde_roto.values.plain_text import is_plain_name
from rde_roto.values.settings import Settings

MOST_NAME_BYTES: Final = 200
"""The limit of a job's name: the names of its files are longer, and 255 is the most for a file."""

STATUS_SCHEMA: Final = "rde-roto.status/1"

JobState: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]


class JobError(Settings):
    """Why a job failed: the exit code of the command line for this error, and a sentence."""

    code: int
    sentence: str


class JobStatus(Settings):
    """A job's state, for people and programs.

    `name` is one plain path component, because folders and files are named after it. `tries` counts
    the starts since its last finished frame. `frames` is the requested range: `done` of `total`
    frames are finished, `kept` of them existed already. `mattes` is the pattern of their files.
    `confidence` is the lowest of all frames, 0..1; `look_at` has sentences about what to check.
    `same_as` names a job that delivered the same before. `updated` is an ISO 8601 date.
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
            raise ValueError("a job's name must be one plain path component")
        return name

    def to_json(self) -> str:
        """Write the text of a status file."""
        fields = {"schema": STATUS_SCHEMA, **self.model_dump(mode="json", exclude_none=True)}
        return json.dumps(fields, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> JobStatus | None:
        """Read a status from a text; None if it holds none, or one of another schema."""
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict) or fields.pop("schema", None) != STATUS_SCHEMA:
                return None
            return cls.model_validate_json(json.dumps(fields))
        except (ValueError, ValidationError, RecursionError):
            return None
