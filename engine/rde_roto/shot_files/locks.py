"""Locked mattes on disk: write-once EXRs beside the shot document, exact to the last bit.

One file a frame, 32-bit float, a channel `<element id>.A` for each locked element. The header bears
a digest of the file's name, its channels and its pixels, so that a file that was damaged, or put in
the place of another, is found out when it is read.
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

_TOKEN_DIGITS = 12  # of a digest: no two locks of a shot will ever meet


@dataclass(frozen=True)
class FileLock:
    """A lock of a shot (`values.shot.Lock`): some elements of some frames, in files.

    `format` is that of the plate, which may be a proxy, its sides `proxy` times smaller than those
    of the mattes: these are averaged down then. Nothing is held in memory.
    """

    frames: FrameRange
    elements: tuple[str, ...]
    pattern: FramePattern
    format: PlateFormat
    proxy: int = 1

    def digest(self, frame: int) -> str:
        """Hex digest of a frame's locked pixels, from the file's header.

        Raises InputError when the file is missing or is no lock's.
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
        """Float32 [len(elements), H, W] in 0..1, the plate's data window, row 0 on top.

        Raises InputError when the file is missing, damaged, another one, or lacks an element.
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
            came = f"{path} is {header.format.data}, the plate {self.format.data}"
            raise _unusable(came, frame)
        missing = set(map(_channel, self.elements)).difference(channels)
        if missing:
            raise _unusable(f"{path} has no channel {', '.join(sorted(missing))}", frame)
        own = planes[[channels.index(_channel(element)) for element in self.elements]]
        return reduced(own, self.format.data.shape)


@dataclass(frozen=True)
class LockWriter:
    """Pins the mattes that it is given (`images.mattes.MatteWriter`).

    `locks` are the locks to be, which share no frame and one pattern; `ids` are those of the
    planes of a matte. A file that is there and whole is never written again.
    """

    locks: tuple[FileLock, ...]
    ids: tuple[str, ...]
    provenance: Mapping[str, str]

    def path(self, frame: int) -> Path:
        """The file of a frame."""
        return self._lock(frame).pattern.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        """The one file of a frame."""
        return (self.path(frame),)

    def is_written(self, frame: int, digest: str) -> bool:
        """Whether the file is there and whole; its name says what its pixels were made from."""
        try:
            self._lock(frame).read(frame)
        except InputError:
            return False
        return True

    def write(self, matte: Matte) -> None:
        """Write a frame's file. Raises OutputError; nothing half-done stays."""
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
    """Which frames are to be pinned anew, by the ids of the elements, and which locks stay.

    A frame has one lock: where other elements are locked already, the new one pins them too.
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
        """What it takes to have some elements locked at some frames; `ids` are the shot's."""
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
        """All frames that are to be pinned."""
        return _together(self.wanted)

    def locks(
        self, folder: Path, digest: Callable[[int], str], plate_format: PlateFormat
    ) -> tuple[FileLock, ...]:
        """The locks to be, in files of `folder` that are named after what they are made from.

        Args: digest, that of the matte of a frame.
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
    """The locks without some of their frames; one that loses all is left out."""
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
        f"frame {frame} is locked, but {reason}: put the file back, or unlock the frame"
    )
