"""What every farm is told, each in its own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rde_roto.documents.shot_document import ShotDocument
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import OutputFormat

_MOST_NAME_BYTES: Final = 96  # OpenJD's jobs have 128 characters, names of files 255 bytes
_NOT_PLAIN: Final = re.compile(r"[^\w .-]+")


def plain_name(text: str) -> str:
    """A name that farms, shells and file systems all take: letters, digits, space, `_`, `.` and
    `-`. Of one that is too long the beginning and a digest of the whole.
    """
    plain = _NOT_PLAIN.sub("_", text).strip(" .") or "shot"
    encoded = plain.encode()
    if len(encoded) <= _MOST_NAME_BYTES:
        return plain
    digest = digest_of(text.encode("utf-8", "surrogateescape"))[:8]
    begin = encoded[: _MOST_NAME_BYTES - len(digest) - 1].decode("utf-8", "ignore")
    return f"{begin.rstrip(' .')}-{digest}"


@dataclass(frozen=True)
class Worker:
    """How a worker is to run.

    `program` is the command ``rde-roto`` there, `device` where the network runs, `cache` the folder
    that workers hand memory states over in; None leaves each its own.
    """

    program: str
    device: str
    cache: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Variables that its processes need."""
        return {} if self.cache is None else {"RDE_ROTO_CACHE": self.cache}


@dataclass(frozen=True)
class FarmJob:
    """The mattes of a shot as a farm makes them.

    `name` is a plain one, for lists and files; `shot` is its document, whose paths start at the
    root. `rounds` are those of `values.chunks`: what is in one may run at once. `out` is the
    pattern of the mattes. `learned` is the folder in which tasks share what the model learns of the
    shot, where its preset has it learn.
    """

    name: str
    shot: ShotDocument
    rounds: tuple[tuple[FrameRange, ...], ...]
    out: str
    worker: Worker
    output_format: OutputFormat | None = None
    learned: str | None = None

    @property
    def document(self) -> str:
        """The text of the shot's document, which lies beside the job's own files."""
        return self.shot.to_yaml()

    @property
    def document_name(self) -> str:
        """The document's file."""
        return f"{self.name}.shot.yaml"

    @property
    def title(self) -> str:
        """What the farm's list of jobs shows."""
        return f"{self.name} mattes"

    @property
    def chunks(self) -> list[FrameRange]:
        """Those of all rounds, in their order."""
        return [chunk for round_ in self.rounds for chunk in round_]

    def command(self, document: str, *which: str) -> list[str]:
        """What a worker runs for a task; `which` are the options that say its frames."""
        kind = [] if self.output_format is None else ["--format", self.output_format]
        render = [self.worker.program, "shot", "render", document, *which]
        learned = [] if self.learned is None else ["--learn-into", self.learned]
        return [*render, "--out", self.out, *kind, *learned, "--device", self.worker.device]
