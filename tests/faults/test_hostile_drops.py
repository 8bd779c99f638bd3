"""What is dropped in malice or by accident has its outcome at once, a good job beside it is done,
and nothing outside is touched: with a worker in a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

import pytest
from hostile_drops import DOCUMENTS, FOLDERS, Ground, Outcome
from toy_worker import write_mask, write_plate
from worker_processes import Workers, workers

from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.job_folder import status_of

pytestmark = pytest.mark.alone

WITHIN_S = 2.0
"""For both, on a machine at rest, on which a plain job takes less than `_PLAIN_S`."""

_PLAIN_S = 0.5

LONG = [pytest.mark.slow, pytest.mark.timeout(1800)]
DROPS = {**DOCUMENTS, **FOLDERS}
SHORT = [
    *("pipe.yaml", "device.yaml", "plate_pipe.yaml", "mask_device.yaml", "planted.yaml"),
    *(name for name in DROPS if "\udce9" in name or "forged" in name or len(name) == 255),
    *("itself", "everything", "plate_pipe", "above_back", "temporaries_back", "linked_back"),
]


def test_there_are_as_many_as_were_asked_for() -> None:
    assert len(DOCUMENTS) >= 30
    assert len(FOLDERS) >= 20


class Site:
    """A hot folder that one worker watches, and what it has said."""

    def __init__(self, ground: Ground, team: Workers) -> None:
        self.ground = ground
        self.lines: list[str] = []
        self._team = team
        self._good = 0

    def wait(self, jobs: int = 1) -> float:
        """Until so many jobs have ended; for how long, in seconds."""
        began = time.monotonic()
        while jobs:
            try:
                line = self._team.said.get(timeout=60)
            except Empty:
                raise AssertionError(f"no outcome: {self.lines[-5:]}") from None
            assert line, f"the worker ended: {self.lines[-5:]}"
            self.lines.append(line)
            jobs -= line.partition(": ")[2].startswith(("done", "failed"))
        return time.monotonic() - began

    def drop_good(self) -> None:
        """Drops a job that is like no other."""
        self._good += 1
        name = f"good{self._good}"
        text = self.ground.text(f"overrides: {{finish.gain: {1 / (1 + self._good)}}}\n")
        made = self.ground.bad / f"{name}.yaml"
        made.write_text(text)
        made.rename(self.ground.folder.inbox / made.name)

    def plain_s(self) -> float:
        """How long a good job takes by itself, in seconds."""
        self.drop_good()
        return self.wait()

    def drop(self, name: str) -> Outcome:
        """Drops something bad."""
        made = self.ground.bad.parent / "dropping" / name
        outcome = DROPS[name](self.ground, made)
        made.rename(self.ground.folder.inbox / name)
        return outcome


@contextmanager
def site(root: Path) -> Iterator[Site]:
    for name in ("outside", "bad", "dropping"):
        (root / name).mkdir()
    ground = Ground(
        HotFolder.create(root / "hot"),
        write_plate(root / "plate", 3),
        write_mask(root / "mask.png"),
        root / "outside",
        root / "bad",
    )
    ground.came_back(ground.outside / "came_back")
    (ground.outside / "precious.txt").write_text("somebody's")
    with workers(ground.folder, root / "cache", 1) as team:
        made = Site(ground, team)
        made.drop_good()
        made.wait()  # it has started
        yield made


def contents(place: Path) -> dict[str, bytes]:
    found = (path for path in place.rglob("*") if path.is_file())
    return {str(path.relative_to(place)): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(SHORT, id="short"),
        pytest.param(list(DOCUMENTS), id="documents", marks=LONG),
        pytest.param(list(FOLDERS), id="folders", marks=LONG),
    ],
)
def test_each_has_its_outcome_while_a_good_job_is_done(tmp_path: Path, names: list[str]) -> None:
    with site(tmp_path) as here:
        ground = here.ground
        outside = contents(ground.outside)
        plain_s, slowest = here.plain_s(), dict[str, float]()
        for number, name in enumerate(names, start=1):
            if number % 8 == 0:
                plain_s = max(plain_s, here.plain_s())
            before = ended(ground)
            outcome = here.drop(name)
            here.drop_good()
            slowest[name] = here.wait(jobs=2)
            (path,) = (path for path in ended(ground) - before if not path.name.startswith("good"))
            status = status_of(path)
            assert status is not None
            said = "" if status.error is None else status.error.sentence
            assert (path.parent.name, outcome.reason in said) == (outcome.end, True), (name, said)
            assert status.error is None or status.error.code != 1, (name, said)
            assert said.isprintable()
        plain_s = max(plain_s, here.plain_s())
        first = sorted(slowest, key=slowest.__getitem__, reverse=True)[:3]
        print(f"a plain job {plain_s:.2f} s;", *(f"{n!a} {slowest[n]:.2f} s;" for n in first))
        late = {name: took for name, took in slowest.items() if took > WITHIN_S}
        assert not late or plain_s > _PLAIN_S, late
        assert contents(ground.outside) == outside
        assert here.lines
        assert all(line.isprintable() for line in here.lines)
        assert not [line for line in here.lines if line.startswith("hero: done, forged")]
        expected = {"hot", "plate", "mask.png", "outside", "bad", "dropping", "cache"}
        assert {path.name for path in tmp_path.iterdir()} == expected
        assert {path.name for path in ground.folder.root.iterdir()} == {
            *("inbox", "running", "done", "failed", "cancelled", "mattes", ".digests")
        }


def ended(ground: Ground) -> set[Path]:
    return {path for end in ground.folder.ends for path in end.iterdir()}
