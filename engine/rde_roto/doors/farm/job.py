"""What every farm is told, each in its own words."""

from __future__ import annotations

from dataclasses import dataclass

from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import OutputFormat
from rde_roto.values.shot_document import ShotDocument


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

    `shot` is its document, whose paths start at the root. `rounds` are those of `values.chunks`:
    what is in one may run at once. `out` is the pattern of the mattes.
    """

    name: str
    shot: ShotDocument
    rounds: tuple[tuple[FrameRange, ...], ...]
    out: str
    worker: Worker
    output_format: OutputFormat | None = None

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
        return [*render, "--out", self.out, *kind, "--device", self.worker.device]
