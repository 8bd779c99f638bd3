"""The job document, which asks for the mattes of a shot and is dropped into a hot folder.

Also the hot folder's own document, `defaults.yaml`: the defaults for its jobs. Both hold only names
and paths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.reading import Document, document_at, parse_document
from rde_roto.documents.shot_document import RangeText, ShotDocument, check_locks
from rde_roto.documents.yaml_text import Source, read_text
from rde_roto.values.errors import DocumentError
from rde_roto.values.settings import Settings

JOB_SCHEMA: Final = "rde-roto.job/1"
WATCH_SCHEMA: Final = "rde-roto.watch/1"
PRIORITY: Final = 50
"""The default priority of a job."""


class JobDocument(Settings):
    """The content of a job document.

    `shot` is the path of a shot document, or a whole shot document inline. `frames` default to all
    frames of the shot; `preset` replaces the shot's preset, and `overrides` are added to the
    shot's. `output` is the pattern of the mattes. With `learn` the model studies the shot before
    tracking (default: the hot folder decides). Jobs of a higher `priority` run first, the oldest
    first among equals.
    """

    shot: str | dict[str, object]
    frames: RangeText | None = None
    preset: str | None = None
    overrides: dict[str, object] = Field(default={})
    output: str | None = None
    learn: bool | None = None
    priority: int = Field(default=PRIORITY, ge=0, le=100)


class WatchDocument(Settings):
    """The content of a hot folder's `defaults.yaml`. Relative paths start at the hot folder.

    `preset`, `overrides` and `model` apply to dropped folders without a document, `learn` to all
    jobs that do not set it. `mattes` is the folder for mattes of jobs without an output. `roots`
    are other folders that jobs may write into. A job whose worker died `tries` times without an
    error is set aside.
    """

    preset: str = "standard"
    overrides: dict[str, object] = Field(default={})
    model: str = DEFAULT_MODEL
    learn: bool = False
    mattes: str = "mattes"
    roots: list[str] = Field(default=[])
    tries: int = Field(default=3, ge=1, le=1000)


def parse_job_document(path: Path) -> Document[JobDocument]:
    """Read a job document. Raises DocumentError for any mistake, naming the line and the file, but
    not its folder, since jobs are moved between folders.
    """
    text = read_text(path, "job document")
    return parse_document(JobDocument, "job document", JOB_SCHEMA, Source(path.name), text)


def inline_shot(job: Document[JobDocument]) -> Document[ShotDocument] | None:
    """Return the inline shot of a job; None if it names a shot document. Raises DocumentError."""
    if isinstance(job.value.shot, str):
        return None
    node = job.leaves["shot",].node
    document = document_at(node, ShotDocument, "shot document", job.source)
    check_locks(document)
    return document


def read_watch_document(path: Path) -> Document[WatchDocument]:
    """Read a hot folder's document; without the file, the defaults. Raises DocumentError."""
    source = Source(str(path))
    try:
        text = read_text(path, "document of the hot folder")
    except DocumentError:
        if path.exists():
            raise
        return Document(WatchDocument(), source, {})
    return parse_document(WatchDocument, "hot folder's document", WATCH_SCHEMA, source, text)
