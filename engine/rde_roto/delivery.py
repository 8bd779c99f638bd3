"""Mattes from a node into files: files that are up to date are kept, the others are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from rde_roto.atomic import clear_leftovers
from rde_roto.background import WriteBehind
from rde_roto.images.mattes import MatteWriter
from rde_roto.node import RotoNode
from rde_roto.output_claims import Claim, claim_outputs
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.delivery import Delivery, PartialError
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, OutputError, is_out_of_memory, out_of_memory
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte

__all__ = [
    "Delivery",
    "FrameReporter",
    "OnFrame",
    "Passes",
    "Reporter",
    "check_delivered",
    "claimed",
    "deliver",
]

OnFrame = Callable[[int, bool], None]
"""Called for each finished frame with its number and whether its file was there already."""


class Reporter(Protocol):
    """Who is told of a delivery's progress, on any thread."""

    def __call__(self, frame: int, kept: bool, /) -> None:
        """A frame is finished; ``kept`` if its file was there already."""

    def advance(self, share: float) -> None:
        """So much of all passes of the network is done, 0..1: see `Passes`."""


@dataclass(frozen=True)
class FrameReporter:
    """A reporter that only wants to know of finished frames."""

    on_frame: OnFrame

    def __call__(self, frame: int, kept: bool) -> None:
        self.on_frame(frame, kept)

    def advance(self, share: float) -> None:
        pass


def deliver(
    node: RotoNode,
    frames: FrameRange,
    writer: MatteWriter,
    reporter: Reporter,
    cancel: Cancel = never,
) -> Delivery:
    """Write the mattes of some frames.

    Half-written files that killed runs left under these names are removed first.

    Raises PartialError, which names the missing frames, when another run is writing other mattes
    into the same files, when a file cannot be written, or by the end has disappeared or is another
    run's; InputError when a plate frame cannot be read, or was replaced by the end;
    OutOfMemoryError; CancelledError between two steps once ``cancel()`` is true. Files written
    before an error are complete and stay.
    """
    done, passes = _FramesDone(), Passes(node, frames, reporter.advance)
    kept = 0

    def is_kept(frame: int, digest: str) -> bool:
        nonlocal kept
        if not writer.is_written(frame, digest):
            return False
        kept += 1
        done.add(frame)
        reporter(frame, True)
        passes.finish(frame)
        return True

    def write(matte: Matte) -> None:
        writer.write(matte)
        done.add(matte.frame)
        reporter(matte.frame, False)
        passes.finish(matte.frame)

    started = time.monotonic()
    try:
        with claimed(node, frames, writer):
            with (
                WriteBehind(write) as write_behind,
                closing(node.render(frames, is_kept, cancel, passes.count_second)) as mattes,
            ):
                clear_leftovers(path for frame in frames for path in writer.files(frame))
                for matte in mattes:
                    write_behind(matte)
            seconds = time.monotonic() - started
            check_delivered(node, frames, writer)
    except PartialError as error:
        raise PartialError(f"{error}; not delivered: {error.frames}", error.frames) from error
    except OutputError as error:
        missing = frames.difference(FrameRange.of(done))
        raise PartialError(f"{error}; not delivered: {missing}", missing) from error
    except (MemoryError, RuntimeError, OSError) as error:  # of the thread that writes
        if not is_out_of_memory(error):
            raise
        height, width = node.shot.plate.format.data.shape
        raise out_of_memory(error, f"writing mattes of {width}x{height}") from error
    return Delivery(len(done) - kept, kept, seconds)


@contextmanager
def claimed(node: RotoNode, frames: FrameRange, writer: MatteWriter) -> Iterator[None]:
    """Keep other runs from writing other mattes into the files of some frames during a block.

    Of the plate, the first frame stands for all. Raises OutputError while another run does so.
    """
    files = [path for frame in frames for path in writer.files(frame)]
    if not files:
        yield
        return
    plate = ""
    with suppress(InputError):  # the frames that need it say so
        plate = node.shot.plate.digest(node.shot.plate.range.first)
    made_from = digest_of(node.chain.settings, plate, writer.form)
    claim = Claim.of_this_process([file.name for file in files], made_from)
    with claim_outputs(files[0].parent, claim):
        yield


class Passes:
    """How many passes of the network over some frames are done. Thread-safe.

    A frame between two keyframes takes two. `advance` is called with the share of all passes that
    is done, 0..1: after each finished frame, and in between at each hundredth.
    """

    def __init__(
        self, node: RotoNode, frames: FrameRange, advance: Callable[[float], None]
    ) -> None:
        shot = node.shot
        between = (stretch for stretch in shot.stretches if len(stretch.spans) > 1)
        self._seconds = FrameRange.of(
            frame
            for stretch in between
            for frame in frames.walk(*sorted(span.stop for span in stretch.spans))
            if not shot.is_locked(frame)
        )
        self._seconds_done = _FramesDone()
        self._total = len(frames) + len(self._seconds)
        self._done = 0
        self._advance = advance
        self._lock = Lock()

    def count_second(self, frame: int) -> None:
        """A frame has been tracked from the second of its keyframes."""
        with self._lock:
            before = self._done
            self._count_second(frame)
            if 100 * before // self._total < 100 * self._done // self._total:
                self._advance(self._done / self._total)

    def finish(self, frame: int) -> None:
        """A frame is finished, however it came about."""
        with self._lock:
            self._count_second(frame)
            self._done += 1
            self._advance(self._done / self._total)

    def _count_second(self, frame: int) -> None:
        if frame in self._seconds and frame not in self._seconds_done:
            self._seconds_done.add(frame)
            self._done += 1


class _FramesDone:
    """The finished frames, as runs of consecutive numbers. Any thread may add a frame."""

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

    def __contains__(self, frame: object) -> bool:
        return any(frame in run for run in self._runs)

    def __iter__(self) -> Iterator[int]:
        return (frame for run in self._runs for frame in run)


def check_delivered(node: RotoNode, frames: FrameRange, writer: MatteWriter) -> None:
    """Check at the end of a run that what it has written or kept is still there.

    Raises PartialError, whose sentence does not name the frames, for files that are missing or
    another run's; ReplacedError for a plate frame that is no longer the one that was tracked.
    """
    lost = FrameRange.of(f for f in frames if not writer.has_digest(f, node.digest(f)))
    if lost:
        folder = writer.path(lost.first).parent
        reason = "have disappeared: somebody moved them, or the disk lost them"
        if all(path.exists() for frame in lost for path in writer.files(frame)):
            reason = (
                "were replaced meanwhile: another run writes the same files, so see that one of "
                "both is stopped, and run the other again"
            )
        raise PartialError(f"files written into {folder} {reason}", lost)
    node.check_plate()
