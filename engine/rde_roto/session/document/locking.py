"""Lock approved frames: write their mattes into files, as ``rde-roto shot lock`` does."""

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
class FrameLocker:
    """Lock frames in all elements, with the mattes that a node makes now.

    `document` is the file of the shot document. The mattes are written beside it.
    """

    engine: Engine
    node: RotoNode
    document: Path
    metadata: Mapping[str, str]

    def pin(self, locks: tuple[LockEntry, ...], frames: FrameRange) -> list[LockEntry]:
        """Make and write the mattes, and return the new lock entries. Blocks; locks nothing by
        itself.

        Raises as mattes do, and OutputError.
        """
        ids = self.node.shot.ids
        pinning = Pinning.of(locks, frames, ids, ids)
        folder = f"{self.document.name.removesuffix('.yaml')}.d/locks"
        where, plate_format = self.document.parent / folder, self.node.shot.plate.format
        pinned = pinning.locks(where, self.node.digest, plate_format)
        writer = LockWriter(pinned, ids, self.metadata)
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
    """Return locks with new ones in place of those of the same frames, in order."""
    frames = FrameRange.of(frame for lock in new for frame in lock.frames)
    both = [*without_frames(locks, frames), *new]
    return tuple(sorted(both, key=lambda lock: lock.frames.first))
