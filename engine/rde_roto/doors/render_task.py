"""What a command is to make, and what there is to say of it, whoever makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.doors.console import say_aside
from rde_roto.images.missing_frames import on_disk
from rde_roto.images.plates import DiskPlate
from rde_roto.shot_files import OpenedShot
from rde_roto.values.errors import PartialError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Output, OutputFormat

_INSTEAD: Final = {"hold": "the nearest earlier frame is held", "black": "black frames stand in"}


@dataclass(frozen=True)
class Work:
    """A shot, the frames of it that are wanted, and where the network runs."""

    opened: OpenedShot
    frames: FrameRange
    device: str

    @property
    def frames_to_make(self) -> FrameRange:
        """The wanted frames without those that the shot skips."""
        return self.frames.intersection(self.opened.shot.range)

    def output(self, output_format: OutputFormat | None) -> Output:
        """What the preset says of the files, but for their format where one is named."""
        output = self.opened.preset.output
        return (
            output if output_format is None else output.model_copy(update={"format": output_format})
        )

    def say_what_is_read(self) -> None:
        """On standard error, once: what is read of the plate's files, what was done with them that
        may surprise, and which of the frames are not the plate's own.
        """
        opened = self.opened
        say_aside(f"reads {opened.origin.reading}")
        plate = on_disk(opened.shot.plate)
        for note in plate.notes if isinstance(plate, DiskPlate) else ():
            say_aside(note)
        gaps = opened.gaps.intersection(self.frames_to_make)
        if gaps:
            say_aside(f"{opened.shot.plate.name} lacks {gaps}: {_INSTEAD[opened.missing]}")

    def refuse_skipped(self) -> None:
        """Raises PartialError when frames are wanted that the plate lacks and the shot skips."""
        skipped = self.frames.intersection(self.opened.skipped)
        if skipped:
            name = self.opened.shot.plate.name
            raise PartialError(f"{name} lacks {skipped}: skipped, not delivered", skipped)


def default_out(folder: Path, name: str, output: Output) -> str:
    """The pattern of the mattes of a document of this name in a folder, when nothing is said."""
    suffix = ".png" if output.format == "labels" else ".exr"
    return str(folder / f"{name}.####{suffix}")
