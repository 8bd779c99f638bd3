"""Checks a sequence of mattes against its plate, frame by frame."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rde_roto.images.files import read_headers
from rde_roto.images.image_header import ImageHeader
from rde_roto.images.mattes import OUTPUT_KEY
from rde_roto.images.origin import PROVENANCE_PREFIX, Footage
from rde_roto.images.sequences import FrameSequence, find_sequence, named_view
from rde_roto.images.validation.against_plate import time_faults, window_faults
from rde_roto.images.validation.channels import MatteChannels
from rde_roto.images.validation.continuity import Continuity
from rde_roto.images.validation.findings import Fault, Finding, Findings
from rde_roto.images.validation.pixels import labels_of, mattes_of, read_planes, value_faults
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray

# a change of any of these means new mattes for all frames, so each must have one value
_SAME_IN_ALL = ("weights-sha256", "tracking", "finish", "output")


@dataclass(frozen=True)
class MatteSequence:
    """The mattes of a plate, one file per frame."""

    files: FrameSequence

    @classmethod
    def find(cls, text: str, view: str | None = None) -> MatteSequence:
        """Find mattes by the same texts as a plate, with `%V` for the view. Raises as
        `find_sequence`.
        """
        return cls(find_sequence(named_view(text, view)[1]))

    def findings(
        self,
        plate: Footage,
        frames: FrameRange,
        on_frame: Callable[[int], None] = lambda frame: None,
    ) -> tuple[Finding, ...]:
        """Find all faults; reads every file, one at a time.

        `frames` are the expected frames, which may include some that the plate lacks.

        Raises InputError for a frame of the plate that cannot be read.
        """
        found = Findings()
        there = self.files.range
        for frame in frames.difference(there):
            found.add(frame, [("holes", "no matte: render it")])
        strays = there.difference(plate.range).difference(frames)
        for frame in strays:
            found.add(frame, [("numbers", self._stray(plate))])
        first: _MatteFile | None = None
        continuity = Continuity(plate.format.data)
        channels: dict[int, str] = {}
        for frame in there.difference(strays):
            path = self.files.path(frame)
            try:
                file = _MatteFile.read(path)
                mattes: dict[str, FloatArray] = {}
                found.add(frame, file.faults(plate, frame, mattes))
                found.add(frame, file.differences(first or file))
                first, channels[frame] = first or file, file.channels
                if frame in plate.range:  # nothing to check in the filling of missing frames
                    continuity.add(frame, mattes, file.headers[0].format.data, file.are_labels)
            except InputError as error:
                found.add(frame, [("damage", f"{error}: render it again")])
            on_frame(frame)
        in_points = () if first is None else first.in_points
        for frame, fault in (*_odd_ones(channels), *continuity.faults(plate, in_points)):
            found.add(frame, [fault])
        return found.sorted_findings()

    def _stray(self, plate: Footage) -> str:
        offset = plate.range.first - self.files.range.first
        if offset and len(self.files.range) <= len(plate.range):
            return (
                f"the plate has no such frame: it is {plate.range}; if these were counted from "
                f"{self.files.range.first}, each number is {abs(offset)} too "
                f"{'low' if offset > 0 else 'high'}"
            )
        return f"the plate has no such frame: it is {plate.range}"


@dataclass(frozen=True)
class _MatteFile:
    """A matte file and its headers."""

    path: Path
    headers: tuple[ImageHeader, ...]

    @classmethod
    def read(cls, path: Path) -> _MatteFile:
        return cls(path, read_headers(path))

    def faults(self, plate: Footage, frame: int, mattes: dict[str, FloatArray]) -> Iterator[Fault]:
        """Check the file on its own; adds its mattes to `mattes`.

        Raises InputError if it is damaged.
        """
        attributes = plate.attributes(frame) if frame in plate.range else {}
        for header in self.headers:
            yield from window_faults(header, plate.format)
            yield from time_faults(header, attributes)
            if self.are_labels:
                mattes.update(labels_of(self.path))
                continue
            channels = MatteChannels.of(header)
            yield from channels.faults()
            planes = read_planes(self.path, header)
            yield from value_faults(channels, planes)
            part = f"{header.part_name or header.part} " if len(self.headers) > 1 else ""
            mattes.update((f"{part}{name}", p) for name, p in mattes_of(channels, planes))

    def differences(self, first: _MatteFile) -> Iterator[Fault]:
        """What differs in the way it was made from the first frame."""
        for key in _SAME_IN_ALL:
            full = PROVENANCE_PREFIX + key
            if self._provenance.get(full) != first._provenance.get(full):
                yield (
                    "sameness",
                    (f"made with another {key} than the first frame: render all of them alike"),
                )

    @property
    def in_points(self) -> tuple[int, ...]:
        """The keyframes after the first, from the header: an element may begin at one."""
        keyframes = self._provenance.get(PROVENANCE_PREFIX + "keyframes", "")
        with suppress(UsageError):
            return tuple(FrameRange.parse(keyframes))[1:]
        return ()

    @property
    def channels(self) -> str:
        """The names of all its channels."""
        return ", ".join(channel for header in self.headers for channel in header.channels)

    @property
    def _provenance(self) -> dict[str, str]:
        return dict(self.headers[0].provenance)

    @property
    def are_labels(self) -> bool:
        """Whether it is one of our label images, which have 8 bits and no soft edges."""
        with suppress(ValueError, AttributeError, RecursionError):
            output = json.loads(self._provenance.get(OUTPUT_KEY, ""))
            return bool(output.get("format") == "labels")
        return False


def _odd_ones(channels: Mapping[int, str]) -> Iterator[tuple[int, Fault]]:
    """Frames whose channels differ from those of most: layers that come and go."""
    for expected, _ in Counter(channels.values()).most_common(1):
        for frame, got in channels.items():
            if got != expected:
                sentence = f"expected the channels of most frames, {expected}, got {got}"
                yield frame, ("names", sentence)
