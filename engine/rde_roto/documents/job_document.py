"""The job document: a shot that somebody wants mattes of, as it is dropped into a hot folder.

And the document of the hot folder itself, `defaults.yaml`: what holds for jobs that do not say.
Both hold names and paths alone.
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
"""Of a job that says none."""


class JobDocument(Settings):
    """What a job document says.

    `shot` is the path of a shot document, or a shot written out as one is. `frames` are all of the
    shot's where none are said; `preset` takes the place of the shot's, `overrides` come on top of
    the shot's own. `output` is the pattern of the mattes. With `learn` the model studies the shot
    before it tracks it; None leaves that to the hot folder. Jobs of a higher `priority` come first,
    the older first among equals.
    """

    shot: str | dict[str, object]
    frames: RangeText | None = None
    preset: str | None = None
    overrides: dict[str, object] = Field(default={})
    output: str | None = None
    learn: bool | None = None
    priority: int = Field(default=PRIORITY, ge=0, le=100)


class WatchDocument(Settings):
    """What a hot folder's `defaults.yaml` says. Relative paths start at the hot folder.

    `preset`, `overrides` and `model` are for folders that are dropped without a document, `learn`
    is for all jobs that do not say whether their model studies them first. `mattes`
    is where the mattes of jobs go that name no output. `roots` are other folders that jobs may
    write into. A job whose worker died `tries` times without an error is set aside.
    """

    preset: str = "standard"
    overrides: dict[str, object] = Field(default={})
    model: str = DEFAULT_MODEL
    learn: bool = False
    mattes: str = "mattes"
    roots: list[str] = Field(default=[])
    tries: int = Field(default=3, ge=1, le=1000)


def parse_job_document(path: Path) -> Document[JobDocument]:
    """Reads a job document. Raises DocumentError for what is wrong, naming the line and the file,
    without the folder: jobs are moved about.
    """
    text = read_text(path, "job document")
    return parse_document(JobDocument, "job document", JOB_SCHEMA, Source(path.name), text)


def written_shot(job: Document[JobDocument]) -> Document[ShotDocument] | None:
    """The shot that a job writes out; None where it names a document. Raises DocumentError."""
    if isinstance(job.value.shot, str):
        return None
    node = job.leaves["shot",].node
    document = document_at(node, ShotDocument, "shot document", job.source)
    check_locks(document)
    return document


def read_watch_document(path: Path) -> Document[WatchDocument]:
    """What a hot folder says of itself; without the file, the defaults. Raises DocumentError."""
    source = Source(str(path))
    try:
        text = read_text(path, "document of the hot folder")
    except DocumentError:
        if path.exists():
            raise
        return Document(WatchDocument(), source, {})
    return parse_document(WatchDocument, "hot folder's document", WATCH_SCHEMA, source, text)
