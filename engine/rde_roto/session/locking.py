"""Frames that are approved: their mattes pinned in files, as ``rde-roto shot lock`` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rde_roto.documents.shot_document import LockEntry
from rde_roto.engine import Engine, Priority
from rde_roto.node import RotoNode
from rde_roto.shot_files.locks import LockWriter, Pinning, without_frames
from rde_roto.values.frames import FrameRange


@dataclass(frozen=True, eq=False)
class Locking:
    """Some frames to be locked in all elements, as a node gives them now.

    `document` is the file of the shot document, beside which the mattes will lie.
    """

    engine: Engine
    node: RotoNode
    document: Path
    said: Mapping[str, str]

    def pin(self, locks: tuple[LockEntry, ...], frames: FrameRange) -> list[LockEntry]:
        """Has the mattes made and writes them: the entries that are new. Waits; locks nothing yet.

        Raises as mattes do, OutputError.
        """
        ids = self.node.shot.ids
        pinning = Pinning.of(locks, frames, ids, ids)
        folder = f"{self.document.name.removesuffix('.yaml')}.d/locks"
        where, plate_format = self.document.parent / folder, self.node.shot.plate.format
        pinned = pinning.locks(where, self.node.digest, plate_format)
        writer = LockWriter(pinned, ids, self.said)
        for frame in pinning.frames:
            if not writer.is_written(frame, ""):
                writer.write(self.engine.submit(self.node, frame, Priority.BATCH).result())
        return [
            LockEntry(
                frames=one.frames, mattes=f"{folder}/{one.pattern}", elements=list(one.elements)
            )
            for one in pinned
        ]


def with_locks(locks: tuple[LockEntry, ...], new: list[LockEntry]) -> tuple[LockEntry, ...]:
    """Locks with new ones, which take the place of those of the same frames; by frame."""
    frames = FrameRange.of(frame for lock in new for frame in lock.frames)
    both = [*without_frames(locks, frames), *new]
    return tuple(sorted(both, key=lambda lock: lock.frames.first))
