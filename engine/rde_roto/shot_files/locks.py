"""Locked mattes on disk: write-once EXRs beside the shot document, exact to the last bit.

There is one 32-bit float file per frame, with a channel `<element id>.A` for each locked element.
The header has a digest of the file's name, channels and pixels, so a damaged or swapped file is
detected when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rde_roto.documents.shot_document import LockEntry
from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.files import read_channels, read_header
from rde_roto.images.mattes import DIGEST_KEY
from rde_roto.images.scaling import reduced
from rde_roto.images.sequences import FramePattern
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat

_TOKEN_DIGITS = 12  # of a digest: enough to distinguish all locks of a shot


@dataclass(frozen=True)
class FileLock:
    """A lock of a shot (`values.keyframe.Lock`): some elements of some frames, in files.

    `format` is the plate's. If the plate is a proxy, its sides `proxy` times smaller than the
    mattes', these are averaged down. Nothing is kept in memory.
    """

    frames: FrameRange
    elements: tuple[str, ...]
    pattern: FramePattern
    format: PlateFormat
    proxy: int = 1

    def digest(self, frame: int) -> str:
        """Return the hex digest of a frame's locked pixels, from the file's header.

        Raises InputError when the file is missing or not a locked matte.
        """
        path = self.pattern.path(frame)
        try:
            digest = read_header(path).provenance.get(DIGEST_KEY)
        except InputError as error:
            raise _unusable(str(error), frame) from error
        if digest is None:
            raise _unusable(f"{path} was not written by a lock", frame)
        return digest

    def read(self, frame: int) -> FloatArray:
        """Read a frame: float32 [len(elements), H, W] in 0..1, the plate's data window, row 0 on
        top.

        Raises InputError when the file is missing, damaged, swapped, or lacks an element.
        """
        path, expected = self.pattern.path(frame), self.digest(frame)
        try:
            header = read_header(path)
            channels = tuple(sorted(header.channels))
            planes = np.moveaxis(read_channels(path, channels), 2, 0)
        except InputError as error:
            raise _unusable(str(error), frame) from error
        if _digest(path, dict(zip(channels, planes, strict=True))) != expected:
            raise _unusable(f"{path} is not the file that the lock wrote", frame)
        if self.proxy == 1 and header.format.data != self.format.data:
            reason = f"{path} is {header.format.data}, the plate {self.format.data}"
            raise _unusable(reason, frame)
        missing = set(map(_channel, self.elements)).difference(channels)
        if missing:
            raise _unusable(f"{path} has no channel {', '.join(sorted(missing))}", frame)
        own = planes[[channels.index(_channel(element)) for element in self.elements]]
        return reduced(own, self.format.data.shape)


@dataclass(frozen=True)
class LockWriter:
    """Writes mattes as locked mattes (`images.mattes.MatteWriter`).

    `locks` are the new locks, which share one pattern but no frame; `ids` are the element ids of a
    matte's planes. An existing intact file is never written again.
    """

    locks: tuple[FileLock, ...]
    ids: tuple[str, ...]
    provenance: Mapping[str, str]

    @property
    def form(self) -> str:
        """Nothing: the names of the files identify their content."""
        return ""

    def path(self, frame: int) -> Path:
        """Return the file of a frame."""
        return self._lock(frame).pattern.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        """Return the one file of a frame."""
        return (self.path(frame),)

    def is_written(self, frame: int, digest: str) -> bool:
        """Return whether the file exists and is intact; its name identifies its content."""
        try:
            self._lock(frame).read(frame)
        except InputError:
            return False
        return True

    def has_digest(self, frame: int, digest: str) -> bool:
        """Return whether the file exists; its name identifies its content."""
        return self.path(frame).is_file()

    def write(self, matte: Matte) -> None:
        """Write a frame's file. Raises OutputError; nothing half-written stays."""
        lock, path = self._lock(matte.frame), self.path(matte.frame)
        planes = {
            _channel(element): matte.alpha[self.ids.index(element)] for element in lock.elements
        }
        attributes = {**self.provenance, DIGEST_KEY: _digest(path, planes)}
        write_planes(path, planes, lock.format, attributes, FLOAT)

    def _lock(self, frame: int) -> FileLock:
        return next(lock for lock in self.locks if frame in lock.frames)


@dataclass(frozen=True)
class Pinning:
    """Which frames to lock, by the ids of the elements, and which existing locks stay.

    A frame has one lock: if other elements are locked already, the new lock includes them.
    """

    wanted: Mapping[tuple[str, ...], FrameRange]
    kept: tuple[LockEntry, ...]

    @staticmethod
    def of(
        locks: Iterable[LockEntry],
        frames: FrameRange,
        elements: tuple[str, ...],
        ids: tuple[str, ...],
    ) -> Pinning:
        """Plan to lock some elements at some frames; `ids` are those of the shot."""
        locked = {frame: lock.elements for lock in locks for frame in lock.frames}
        groups: dict[tuple[str, ...], list[int]] = {}
        for frame in frames:
            already = locked.get(frame, [])
            if not set(elements) <= set(already):
                both = tuple(element for element in ids if element in {*already, *elements})
                groups.setdefault(both, []).append(frame)
        wanted = {both: FrameRange.of(group) for both, group in groups.items()}
        return Pinning(wanted, tuple(without_frames(locks, _together(wanted))))

    @property
    def frames(self) -> FrameRange:
        """All frames to lock."""
        return _together(self.wanted)

    def locks(
        self, folder: Path, digest: Callable[[int], str], plate_format: PlateFormat
    ) -> tuple[FileLock, ...]:
        """Return the new locks, in files of `folder` whose names are derived from their digests.

        Args: digest, gives the digest of a frame's matte.
        """
        frames_digests = [
            digest_of(*elements, frame, digest(frame))
            for elements, frames in self.wanted.items()
            for frame in frames
        ]
        token = digest_of("pinned", *frames_digests)[:_TOKEN_DIGITS]
        pattern = FramePattern(folder, f"{token}.", 4, ".exr")
        return tuple(
            FileLock(frames, elements, pattern, plate_format)
            for elements, frames in self.wanted.items()
        )


def without_frames(locks: Iterable[LockEntry], frames: FrameRange) -> list[LockEntry]:
    """Return the locks without some frames; a lock that loses all its frames is left out."""
    rest = [lock.model_copy(update={"frames": lock.frames.difference(frames)}) for lock in locks]
    return [lock for lock in rest if lock.frames]


def _together(wanted: Mapping[tuple[str, ...], FrameRange]) -> FrameRange:
    """All frames of all groups."""
    return FrameRange.of(frame for frames in wanted.values() for frame in frames)


def _channel(element: str) -> str:
    return f"{element}.A"


def _digest(path: Path, planes: Mapping[str, FloatArray]) -> str:
    parts = [part for channel in sorted(planes) for part in (channel, planes[channel])]
    return digest_of("lock", path.name, *parts)


def _unusable(reason: str, frame: int) -> InputError:
    return InputError(
        f"frame {frame} is locked, but {reason}: restore the file, or unlock the frame"
    )
