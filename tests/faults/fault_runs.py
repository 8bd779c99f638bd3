"""Runs of a command that meet trouble, one after the other; a line of JSON about each.

    python fault_runs.py refused FOLDER SUFFIX FORMAT EVERY
    python fault_runs.py killed FOLDER SUFFIX FORMAT TIMES
    python fault_runs.py filled FOLDER SUFFIX FORMAT EVERY

One process, which forks for each run: torch is imported once. See `test_faults`.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from intercept import KILL, Answer, Call, Run, run
from toy_command import COUNT, FIRST, ToyShot

from rde_roto.atomic import is_temporary
from rde_roto.stores import CacheFolder
from rde_roto.values.frames import FrameRange

WRITES = ("write", "pwrite64", "writev")
SYNCS = ("fsync", "fdatasync")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Stage:
    """Where a command runs, and how that of a run without trouble came out."""

    shot: ToyShot
    expected: dict[str, bytes] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.shot.folder / "out"

    @property
    def cache(self) -> Path:
        return self.shot.folder / "cache"

    def cleared(self) -> None:
        for folder in (self.out, self.cache):
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, answer: Answer) -> Run:
        folders = [self.out, self.cache]
        return run(
            lambda: self.shot.propagate(self.out), folders, answer, self.shot.folder / "said"
        )

    def mattes(self) -> dict[str, bytes]:
        there = self.out.iterdir() if self.out.exists() else []
        return {path.name: path.read_bytes() for path in there if path.name[0] != "."}

    def faults(self, done: Run) -> list[str]:
        """What is wrong with what a run has left and said; nothing, as it should be."""
        mattes, wrong = self.mattes(), []
        wrong += [f"{name} is torn" for name in mattes if mattes[name] != self.expected.get(name)]
        wrong += [f"{name} is damaged" for name in CacheFolder(self.cache, 10**9).verify()[1]]
        if done.code == 0 and mattes.keys() != self.expected.keys():
            wrong.append(f"exit 0, but only {sorted(mattes)}")
        if done.code == 7:
            said = re.search(r"not delivered: ([-\d,x]+)", done.said)
            missing = FrameRange.parse(said[1]) if said else FrameRange.of([])
            delivered = FrameRange.of(range(FIRST, FIRST + COUNT)).difference(missing)
            absent = [frame for frame in delivered if f"m.{frame}{self.shot.suffix}" not in mattes]
            wrong += [f"said to be delivered, and is not: {absent}"] if absent else []
            wrong += [] if missing else [f"exit 7 without frames: {done.said}"]
        elif done.code not in (0, -9):
            wrong.append(f"exit {done.code}: {done.said[-2000:]}")
        return wrong


def staged(folder: str, suffix: str, output_format: str) -> tuple[Stage, Run]:
    """A shot of which the mattes without trouble are known, and the run that made them."""
    shot = ToyShot(Path(folder), suffix, output_format).write()
    os.environ.update(RDE_ROTO_CACHE=str(Path(folder) / "cache"), HOME=folder, OMP_NUM_THREADS="1")
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_STATE_HOME"] = folder
    first = Stage(shot)
    first.run(lambda *_: None)  # the licence of a model is said once
    first.cleared()
    done = first.run(lambda *_: None)
    assert done.code == 0, done.said
    return Stage(shot, first.mattes()), done


@dataclass(frozen=True)
class CallSite:
    """A call as every run makes it, whatever its threads do meanwhile: the so-manieth of its kind
    on what is to be this file.
    """

    call: str
    file: str
    time: int


class Places:
    """Tells the places of calls as they come."""

    def __init__(self) -> None:
        self._times: Counter[tuple[str, str]] = Counter()

    def __call__(self, call: Call) -> CallSite:
        name = Path(call.path).name
        file = name[1:].rsplit(".", 3)[0] if is_temporary(name) else name
        self._times[call.name, file] += 1
        return CallSite(call.name, file, self._times[call.name, file])


def troubles(calls: Sequence[Call]) -> Iterator[tuple[CallSite, str]]:
    """All calls that may fail, and how each of them may."""
    written: set[str] = set()
    place_of = Places()
    for call in calls:
        place = place_of(call)
        if call.name in WRITES:
            written.add(call.path)
            yield from ((place, "full once"), (place, "full"))
        elif call.name in SYNCS:
            yield place, "quota"
        elif call.name == "close" and call.path in written:
            written.remove(call.path)
            yield place, "lost"


def answer_of(place: CallSite, trouble: str) -> Answer:
    """A disk that is full for one write, or from then on; a quota that is told when it is flushed;
    a share that tells when a file is closed that it has lost the end of it.
    """
    place_of = Places()
    is_met = False

    def answer(call: Call, _: int) -> int | None:
        nonlocal is_met
        is_here = place_of(call) == place
        is_met = is_met or is_here
        if trouble == "full":
            return errno.ENOSPC if is_met and call.name in WRITES else None
        if is_here and trouble == "lost":
            os.truncate(call.path, os.path.getsize(call.path) // 2)  # noqa: PTH202
            return errno.EIO
        if is_here:
            return errno.EDQUOT if trouble == "quota" else errno.ENOSPC
        return None

    return answer


def refused(stage: Stage, straight: Run, every: int) -> Iterator[dict[str, object]]:
    """The command again and again, a call failing in each: every so-manieth of those that may."""
    for place, trouble in list(troubles(straight.calls))[::every]:
        stage.cleared()
        done = stage.run(answer_of(place, trouble))
        left = [path.name for path in stage.out.glob(".*")]
        wrong = stage.faults(done) + [f"{name} was left" for name in left]
        yield {"trouble": trouble, **asdict(place), "code": done.code, "wrong": wrong}


def killed(stage: Stage, straight: Run, times: int) -> Iterator[dict[str, object]]:
    """The command killed before a call of it, and run again where it was."""
    draw = random.Random(times)
    stage.cleared()
    while times:
        place = draw.randrange(len(straight.calls) // 3)
        done = stage.run(lambda _, at, place=place: KILL if at == place else None)  # type: ignore[misc]
        times -= done.code == -9
        yield {"place": place, "code": done.code, "wrong": stage.faults(done)}
        if done.code == 0:
            stage.cleared()
    done = stage.run(lambda *_: None)
    yield {"place": None, "code": done.code, "wrong": stage.faults(done)}


def filled(stage: Stage, _: Run, every: int) -> Iterator[dict[str, object]]:
    """The command into file systems that hold so many pages, fewer than it needs."""
    pages = sum(-(-len(data) // PAGE_BYTES) for data in stage.expected.values())
    for held in range(1, pages + every, every):
        stage.cleared()
        stage.out.mkdir()
        option = f"size={held * PAGE_BYTES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", stage.out], check=True)
        try:
            done = stage.run(lambda *_: None)
            wrong = stage.faults(done)
        finally:
            subprocess.run(["umount", stage.out], check=True)
        yield {"pages": held, "code": done.code, "wrong": wrong}


def main(kind: str, folder: str, suffix: str, output_format: str, count: str) -> None:
    stage, straight = staged(folder, suffix, output_format)
    kinds = {"refused": refused, "killed": killed, "filled": filled}
    for told in kinds[kind](stage, straight, int(count)):
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
