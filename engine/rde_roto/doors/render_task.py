"""What a command is to render, and the checks before it begins."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rde_roto.atomic import prepare_folder
from rde_roto.doors.console import print_message
from rde_roto.images.mattes import MatteWriter, saved_by_others
from rde_roto.images.plates.missing_frames import on_disk
from rde_roto.images.plates.sequence_plate import DiskPlate, SequencePlate
from rde_roto.shot_files import OpenedShot
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Output, OutputFormat

_SUBSTITUTES: Final = {
    "hold": "the nearest earlier frame is held",
    "black": "black frames stand in",
}


@dataclass(frozen=True)
class RenderTask:
    """A shot, the frames that are wanted, and the device that the network runs on."""

    opened: OpenedShot
    frames: FrameRange
    device: str

    @property
    def frames_to_render(self) -> FrameRange:
        """The wanted frames without those that the shot skips."""
        return self.frames.intersection(self.opened.shot.range)

    def output(self, output_format: OutputFormat | None) -> Output:
        """Return the preset's output settings, with another format if one is named."""
        output = self.opened.preset.output
        return (
            output if output_format is None else output.model_copy(update={"format": output_format})
        )

    def refuse_to_overwrite(self, writer: MatteWriter) -> None:
        """Raise UsageError if a writer's files are inputs of the shot."""
        targets = (path for frame in self.frames_to_render for path in writer.files(frame))
        refuse_to_overwrite(self.opened.shot.plate, self.opened.inputs, targets)

    def print_inputs(self) -> None:
        """Print on standard error how the plate's files are read.

        That includes conversions that may surprise, masks that may be those of other frames, and
        frames for which others stand in.
        """
        opened = self.opened
        print_message(f"reads {opened.origin.reading}")
        plate = on_disk(opened.shot.plate)
        for note in (*opened.notes, *(plate.notes if isinstance(plate, DiskPlate) else ())):
            print_message(note)
        gaps = opened.gaps.intersection(self.frames_to_render)
        if gaps:
            print_message(f"{opened.shot.plate.name} lacks {gaps}: {_SUBSTITUTES[opened.missing]}")


def print_weights(licence: str) -> None:
    """Print on standard error which weights a run uses, and their licence: once, at its start."""
    print_message(f"weights {licence}")


def print_replaced(writer: MatteWriter, frames: FrameRange) -> None:
    """Print on standard error which files of other programs a run is about to replace."""
    others = saved_by_others(writer, frames)
    if others:
        print_message(
            f"replaces files that rde-roto did not write, or that another program has saved again: "
            f"{others}, such as {writer.path(others.first).name}"
        )


def default_out(folder: Path, name: str, output: Output) -> str:
    """Return the default pattern of the mattes of a document of this name, in a folder."""
    suffix = ".png" if output.format == "labels" else ".exr"
    return str(folder / f"{name}.####{suffix}")


def prepare_files(plate: Plate, others: Iterable[Path], files: Iterable[Path]) -> None:
    """See that files can be written, before work that ends in that. Creates their folders.

    Raises UsageError for one that is an input or a folder, or whose folder is not writable;
    OutputError when its disk is full.
    """
    files = tuple(files)
    refuse_to_overwrite(plate, others, files)
    for file in files:
        if file.is_dir():
            raise UsageError(f"{file} is a folder: give the name of a file")
        prepare_folder(file.parent)


def refuse_to_overwrite(plate: Plate, others: Iterable[Path], targets: Iterable[Path]) -> None:
    """Raise UsageError if a target is a file of the plate or another input, by whatever path: a
    share may be mounted twice, and a file system may not tell upper from lower case. Raises OSError
    for a target whose name is too long.
    """
    source = on_disk(plate)
    files = map(source.sequence.path, source.range) if isinstance(source, SequencePlate) else ()
    inputs = {mark for path in (*others, *files) for mark in _marks(path)}
    for target in targets:
        if not inputs.isdisjoint(_marks(target)):
            raise UsageError(f"--out would overwrite its own input {target}: choose another")


def _marks(path: Path) -> Iterator[object]:
    """What tells a file from others: its path without links and, if it exists, what the file system
    knows it by. Some network file systems have no such number, or another one at each look.
    """
    yield path.resolve()
    try:
        found = path.stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # told now, not at the first matte
            raise
        return
    if found.st_ino:
        yield found.st_dev, found.st_ino
