"""Mattes from a node into files: what is there is kept, the rest is made and written behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Lock

from rde_roto.atomic import clear_left_over
from rde_roto.background import WriteBehind
from rde_roto.images.mattes import MatteWriter
from rde_roto.node import RotoNode
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.delivery import Delivery
from rde_roto.values.errors import OutputError, PartialError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte

__all__ = ["Delivery", "OnFrame", "deliver"]

OnFrame = Callable[[int, bool], None]
"""Told of every frame that is in place: its number, and whether it was kept."""


def deliver(
    node: RotoNode,
    frames: FrameRange,
    writer: MatteWriter,
    on_frame: OnFrame,
    cancel: Cancel = never,
) -> Delivery:
    """Writes the mattes of some frames; ``on_frame`` is called from other threads too.

    What killed runs left half-written of these very files is removed first.

    Raises PartialError, which names the frames that are not there, when a file cannot be written,
    or is gone again at the end because somebody moved it;
    InputError when a plate cannot be read; CancelledError between two steps once ``cancel()`` is
    true. What was written before any of them is whole and stays.
    """
    done = _Done()
    kept = 0

    def is_kept(frame: int, digest: str) -> bool:
        nonlocal kept
        if not writer.is_written(frame, digest):
            return False
        kept += 1
        done.add(frame)
        on_frame(frame, True)
        return True

    def write(matte: Matte) -> None:
        writer.write(matte)
        done.add(matte.frame)
        on_frame(matte.frame, False)

    started = time.monotonic()
    clear_left_over(path for frame in frames for path in writer.files(frame))
    try:
        with (
            WriteBehind(write) as write_behind,
            closing(node.render(frames, is_kept, cancel)) as mattes,
        ):
            for matte in mattes:
                write_behind(matte)
    except OutputError as error:
        missing = frames.difference(FrameRange.of(done))
        raise PartialError(f"{error}; not delivered: {missing}", missing) from error
    _look_for(frames, writer)
    return Delivery(len(done) - kept, kept, time.monotonic() - started)


class _Done:
    """The frames that are in place: as they come, which is one beside the other. Any thread may
    add one.
    """

    def __init__(self) -> None:
        self._runs: list[range] = []
        self._lock = Lock()

    def add(self, frame: int) -> None:
        with self._lock:
            last = self._runs.pop() if self._runs else range(frame, frame)
            if frame == last.stop:
                self._runs.append(range(last.start, frame + 1))
            elif frame == last.start - 1:
                self._runs.append(range(frame, last.stop))
            else:
                self._runs += [last, range(frame, frame + 1)]

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def __iter__(self) -> Iterator[int]:
        return (frame for run in self._runs for frame in run)


def _look_for(frames: FrameRange, writer: MatteWriter) -> None:
    """Raises PartialError for frames of which a file is not there, at the end of a run."""
    gone = FrameRange.of(f for f in frames if not all(path.is_file() for path in writer.files(f)))
    if gone:
        folder = writer.path(gone.first).parent
        raise PartialError(
            f"what was written into {folder} is not there any more: somebody moved it, or the disk "
            f"lost it; not delivered: {gone}",
            gone,
        )
