"""A shot's job in a form that every farm's module can write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rde_roto.documents.shot_document import ShotDocument
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import OutputFormat

_MOST_NAME_BYTES: Final = 96  # OpenJD allows 128 characters in a job's name, file systems 255 bytes
_NOT_PLAIN: Final = re.compile(r"[^\w .-]+")


def plain_name(text: str) -> str:
    """Return a name that farms, shells and file systems accept: letters, digits, space, `_`, `.`,
    `-`.

    Of a name that is too long, the beginning and a digest of the whole are kept.
    """
    plain = _NOT_PLAIN.sub("_", text).strip(" .") or "shot"
    encoded = plain.encode()
    if len(encoded) <= _MOST_NAME_BYTES:
        return plain
    digest = digest_of(text.encode("utf-8", "surrogateescape"))[:8]
    begin = encoded[: _MOST_NAME_BYTES - len(digest) - 1].decode("utf-8", "ignore")
    return f"{begin.rstrip(' .')}-{digest}"


@dataclass(frozen=True)
class WorkerSetup:
    """How the workers of a farm run the job.

    `program` is the ``rde-roto`` command on the workers, `device` what the network runs on, `cache`
    the shared folder through which workers hand over memory states; None leaves each worker its
    own.
    """

    program: str
    device: str
    cache: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the processes need."""
        return {} if self.cache is None else {"RDE_ROTO_CACHE": self.cache}


@dataclass(frozen=True)
class FarmJob:
    """A job for a farm that renders the mattes of a shot.

    `name` is a plain name, for lists and files. `shot` is the document, with absolute paths.
    `rounds` are those of `values.chunks`: the chunks of one round may run at the same time. `out`
    is the pattern of the mattes. `learned` is the folder in which tasks share what the model
    learns, if the preset has it learn.
    """

    name: str
    shot: ShotDocument
    rounds: tuple[tuple[FrameRange, ...], ...]
    out: str
    worker: WorkerSetup
    output_format: OutputFormat | None = None
    learned: str | None = None

    @property
    def document(self) -> str:
        """The text of the shot's document, which lies beside the job's own files."""
        return self.shot.to_yaml()

    @property
    def document_name(self) -> str:
        """The file name of the document."""
        return f"{self.name}.shot.yaml"

    @property
    def title(self) -> str:
        """The job's name in the farm's list."""
        return f"{self.name} mattes"

    @property
    def chunks(self) -> list[FrameRange]:
        """The chunks of all rounds, in order."""
        return [chunk for round_ in self.rounds for chunk in round_]

    def command(self, document: str, *which: str) -> list[str]:
        """Return the command line of a task. `which` are the options that select its
        frames and the form of its progress."""
        kind = [] if self.output_format is None else ["--format", self.output_format]
        render = [self.worker.program, "shot", "render", document, *which]
        learned = [] if self.learned is None else ["--learn-into", self.learned]
        return [*render, "--out", self.out, *kind, *learned, "--device", self.worker.device]
