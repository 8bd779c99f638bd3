"""A hot folder's changes: each is a rename that one of many does, and nothing is overwritten."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rde_roto.documents.job_status import JobError, JobStatus
from rde_roto.doors.watchfolder import hot_folder, job_folder
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.job_folder import Claim, status_of, write_atomically
from rde_roto.doors.watchfolder.owners import DEAD_AFTER_S, DeadWorkers, Owner
from rde_roto.doors.watchfolder.scanner import Scanner
from rde_roto.values.errors import DocumentError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    return HotFolder.create(tmp_path / "hot")


def owner(name: str = "w") -> Owner:
    return Owner(name, "elsewhere", 1)


def drop(folder: HotFolder, name: str, text: str = "a job") -> None:
    (folder.inbox / name).write_text(text)


def claimed(folder: HotFolder, entry: str, by: Owner | None = None) -> Claim:
    claim = folder.claim(entry, by or owner())
    assert claim is not None
    return claim


def everything(folder: HotFolder) -> set[str]:
    return {str(path.relative_to(folder.root)) for path in folder.root.rglob("*") if path.is_file()}


def test_a_claimed_job_is_a_folder_of_its_own(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    assert claim.folder == folder.running / "hero"
    assert claim.dropped.read_text() == "a job"
    assert status_of(claim.folder) == claim.status
    assert (claim.status.state, claim.status.tries, claim.status.worker) == (
        "running",
        1,
        "elsewhere:1",
    )
    assert owner().owns(claim.folder)
    assert not owner("other").owns(claim.folder)
    assert everything(folder) == {
        f"running/hero/{name}" for name in ("job/hero.yaml", "status.json", "owner.json")
    }


def test_of_many_one_gets_a_job(folder: HotFolder) -> None:
    for number in range(20):
        drop(folder, f"{number}.yaml")
    owners = [owner(f"w{number}") for number in range(8)]

    def claim_all(by: Owner) -> list[str]:
        claims = [folder.claim(f"{number}.yaml", by) for number in range(20)]
        return [claim.status.name for claim in claims if claim is not None]

    with ThreadPoolExecutor(8) as pool:
        names = [name for names in pool.map(claim_all, owners) for name in names]
    assert sorted(names) == sorted(map(str, range(20)))
    assert sorted(path.name for path in folder.running.iterdir()) == sorted(names)


def test_two_jobs_of_one_name_get_two(folder: HotFolder) -> None:
    names = []
    for end in ("done", "failed", None, None):
        drop(folder, "hero.yaml", str(end))
        claim = claimed(folder, "hero.yaml")
        names.append(claim.status.name)
        if end == "done":
            folder.finish(claim, "done")
        elif end == "failed":
            folder.finish(claim, "failed")
    assert names == ["hero", "hero-2", "hero-3", "hero-4"]
    assert (folder.root / "done/hero/job/hero.yaml").read_text() == "done"
    assert (folder.root / "failed/hero-2/job/hero.yaml").read_text() == "failed"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("hero.shot.yaml", "hero"),
        ("a.b.JSON", "a.b"),
        ("ünï cødé 镜头.yml", "ünï cødé 镜头"),
        ("a#1%04d@.yaml", "a_1_04d_"),
    ],
)
def test_a_job_is_called_after_what_was_dropped(folder: HotFolder, entry: str, name: str) -> None:
    drop(folder, entry)
    assert claimed(folder, entry).status.name == name


def test_a_job_that_is_put_back_keeps_its_name_and_its_tries(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    folder.release(claimed(folder, "hero.yaml").with_status(done=3))
    drop(folder, "hero.yaml", "another")
    assert claimed(folder, "hero.yaml").status.name == "hero-2"
    back = claimed(folder, "hero")
    assert (back.status.name, back.status.tries, back.status.done) == ("hero", 1, 3)
    assert back.dropped.read_text() == "a job"


def test_a_dead_workers_job_goes_back_and_counts_as_a_try(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(folder.give_back, [claim.folder] * 8))
    assert sorted(map(str, said)) == ["None"] * 7 + ["hero"]
    assert claimed(folder, "hero").status.tries == 2


@pytest.mark.parametrize("moment", ["nothing moved in", "not named yet"])
def test_who_dies_while_claiming_loses_nothing(folder: HotFolder, moment: str) -> None:
    drop(folder, "hero.yaml")
    hidden = folder.running / ".w.0"
    (hidden / "job").mkdir(parents=True)
    Claim(hidden, JobStatus(name="hero", state="running", tries=1)).write()
    if moment == "not named yet":
        (folder.inbox / "hero.yaml").rename(hidden / "job/hero.yaml")
    name = folder.give_back(hidden)
    assert name == (None if moment == "nothing moved in" else "hero")
    assert list(folder.running.iterdir()) == []
    entry = "hero.yaml" if name is None else "hero"
    assert claimed(folder, entry).dropped.read_text() == "a job"


def test_a_failed_job_says_why_until_it_is_tried_again(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml").with_status(error=JobError(code=4, sentence="no plate"))
    ended = folder.finish(claim, "failed")
    assert (ended / "reason.txt").read_text() == "no plate\n"
    assert not (ended / "owner.json").exists()
    ended.rename(folder.inbox / "hero")
    again = claimed(folder, "hero")
    assert again.status.name == "hero"
    assert not (again.folder / "reason.txt").exists()


def test_of_jobs_that_deliver_the_same_one_does_it(folder: HotFolder) -> None:
    for name in ("a", "b"):
        drop(folder, f"{name}.yaml")
    first, second = claimed(folder, "a.yaml"), claimed(folder, "b.yaml")
    assert folder.claim_digest("digest", "a") == folder.claim_digest("digest", "b") == "a"
    done = folder.finish(first.with_status(digest="digest"), "done")
    assert folder.claim_digest("digest", "b") == "a"
    done.rename(folder.root / "away")  # somebody clears up
    assert folder.claim_digest("digest", "b") == "b"
    assert folder.claim_digest("another", "a") == "a"
    assert second.status.name == "b"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be a hot folder"):
        HotFolder.create(tmp_path / "file")


# What is not a worker's.


def plate_and_mask(place: Path) -> dict[str, bytes]:
    """What an artist has painted, in a folder; its files."""
    place.mkdir(parents=True)
    (place / "mask.1001.png").write_bytes(b"a day of work")
    (place / "plate").mkdir()
    (place / "plate/plate.1001.exr").write_bytes(b"the plate")
    return contents(place)


def contents(place: Path) -> dict[str, bytes]:
    files = (path for path in place.rglob("*") if path.is_file())
    return {str(path.relative_to(place)): path.read_bytes() for path in files}


def scanner(folder: HotFolder, now: list[float], said: list[str]) -> Scanner:
    return Scanner(folder, Inbox(folder.inbox), dead_workers(now), said.append)


def test_what_a_person_drags_into_running_stays_and_is_told_of_once(folder: HotFolder) -> None:
    before = plate_and_mask(folder.running / "hero")
    (folder.running / "notes.txt").write_text("mine")
    (folder.running / "link").symlink_to(folder.running / "hero")
    (folder.running / "empty").mkdir()
    (folder.running / ".DS_Store").touch()
    (folder.running / ".nfs000123").touch()
    now, said = [0.0], list[str]()
    watching = scanner(folder, now, said)
    for _ in range(5):
        watching.scan()
        now[0] += DEAD_AFTER_S
    assert contents(folder.running / "hero") == before
    assert len(list(folder.running.iterdir())) == 6
    named = [line.split()[0] for line in said]
    assert named == [f"running/{name}" for name in ("empty", "hero", "link", "notes.txt")]


def test_what_is_no_job_in_the_inbox_is_told_of_once(folder: HotFolder) -> None:
    """A movie, and a document as Windows names it: nothing would ever become of them."""
    now, said = [0.0], list[str]()
    watching = scanner(folder, now, said)
    for name in ("hero.mov", "hero.yaml", "hero.mov.part", ".hero.swp", "Thumbs.db"):
        (folder.inbox / name).touch()
    watching.scan()
    assert said == []
    watching.scan()
    watching.scan()
    left = "left alone: drop a folder, or a document whose name ends in .yaml or .json"
    assert said == [f"inbox/hero.mov is no job and is {left}"]
    for name in ("car.yaml.txt", "plate.1001.exr"):
        (folder.inbox / name).touch()
    watching.scan()
    watching.scan()
    assert said[1:] == [f"inbox/car.yaml.txt and 1 more are no jobs and are {left}"]


def test_what_a_person_adds_to_a_jobs_folder_stays(folder: HotFolder) -> None:
    """Also when the job itself was taken out of it."""
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    before = plate_and_mask(claim.folder / "by hand")
    claim.dropped.rename(folder.root / "taken.yaml")
    assert folder.give_back(claim.folder) is None
    assert contents(claim.folder) == {f"by hand/{name}": data for name, data in before.items()}


def test_a_status_of_another_program_makes_no_job(folder: HotFolder) -> None:
    place = folder.running / "hero"
    before = plate_and_mask(place / "job")
    (place / "status.json").write_text('{"state": "of something else"}')
    watching = scanner(folder, now := [0.0], [])
    for _ in range(3):
        watching.scan()
        now[0] += DEAD_AFTER_S
    assert contents(place / "job") == before
    assert status_of(place) is None


@pytest.mark.parametrize("torn", ["", '{"schema": "rde-ro', "\0" * 512])
def test_a_torn_status_loses_no_job(folder: HotFolder, torn: str) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    (claim.folder / "status.json").write_text(torn)
    assert folder.give_back(claim.folder) == "hero"
    again = claimed(folder, "hero")
    assert (again.status.name, again.status.tries) == ("hero", 1)
    assert again.dropped.read_text() == "a job"


def test_a_job_goes_back_beside_an_empty_folder_not_over_it(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    (folder.inbox / "hero").mkdir()  # somebody has just begun to copy
    folder.release(claim)
    assert list((folder.inbox / "hero").iterdir()) == []
    assert status_of(folder.inbox / "hero-2") is not None


# Names and links.

_EVIL_NAMES = [
    "../../outside/x",
    "/abs/x",
    "a\u0000b",
    "",
    ".",
    "..",
    ".hidden",
    "a/b",
    "a\nb",
    "x" * 201,
]


@pytest.mark.parametrize("name", _EVIL_NAMES)
def test_a_name_in_a_status_is_one_plain_component(
    folder: HotFolder, tmp_path: Path, name: str
) -> None:
    drop(folder, "hero.yaml")
    folder.release(claimed(folder, "hero.yaml"))
    path = folder.inbox / "hero/status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": name}))
    assert status_of(folder.inbox / "hero") is None
    claim = claimed(folder, "hero")
    assert claim.folder == folder.running / "hero"
    assert folder.finish(claim, "done") == folder.root / "done/hero"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hot"]


def test_a_job_that_cannot_be_named_goes_back(
    folder: HotFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would stay with a worker that lives and does not know of it."""
    drop(folder, "hero.yaml")
    written: list[Path] = []

    def full_at_the_second(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, text)

    monkeypatch.setattr(job_folder, "write_atomically", full_at_the_second)
    monkeypatch.setattr(hot_folder, "write_atomically", full_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        folder.claim("hero.yaml", owner())
    monkeypatch.undo()
    assert list(folder.running.iterdir()) == []
    assert claimed(folder, "hero").dropped.read_text() == "a job"


def test_a_digest_names_a_job_and_no_path(folder: HotFolder, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (folder.root / ".digests").mkdir()
    for number, text in enumerate(["../../outside", "a\0b", "", "\n"]):
        (folder.root / f".digests/{number}").write_text(text)
        assert folder.claim_digest(str(number), "hero") == "hero"


def test_a_link_is_no_jobs_folder(folder: HotFolder, tmp_path: Path) -> None:
    """Nothing is written behind it."""
    drop(folder, "hero.yaml")
    folder.release(claimed(folder, "hero.yaml"))
    (folder.inbox / "hero").rename(tmp_path / "elsewhere")
    before = contents(tmp_path / "elsewhere")
    (folder.inbox / "hero").symlink_to(tmp_path / "elsewhere")
    claim = claimed(folder, "hero")
    assert (claim.dropped.name, claim.dropped.is_symlink()) == ("hero", True)
    folder.finish(claim, "failed")
    assert contents(tmp_path / "elsewhere") == before


@pytest.mark.parametrize(
    "name", ["status.json", ".status.json.tmp", "owner.json", ".owner.json.tmp"]
)
def test_a_link_planted_where_a_worker_writes_is_not_followed(
    folder: HotFolder, tmp_path: Path, name: str
) -> None:
    (tmp_path / "precious").write_text("somebody's")
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    (claim.folder / name).unlink(missing_ok=True)
    (claim.folder / name).symlink_to(tmp_path / "precious")
    claim.write()
    owner().write(claim.folder)
    assert (tmp_path / "precious").read_text() == "somebody's"


@pytest.mark.timeout(20)
def test_pipes_among_a_jobs_files_are_not_waited_for(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    folder.release(claimed(folder, "hero.yaml"))
    place = folder.inbox / "hero"
    for name in ("owner.json", ".owner.json.tmp", ".status.json.tmp", "reason.txt"):
        (place / name).unlink(missing_ok=True)
        os.mkfifo(place / name)
    (folder.root / ".digests").mkdir()
    os.mkfifo(folder.root / ".digests/digest")
    assert not owner().owns(place)
    assert folder.claim_digest("digest", "hero") == "hero"
    assert folder.finish(claimed(folder, "hero"), "done").is_dir()


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (b"caf\xe9.yaml", "caf_"),
        (b"a\nb\x1b[31m.yaml", "a_b_[31m"),
        (b"x" * 250 + b".yaml", "x" * 160),
        ("镜".encode() * 80 + b".json", "镜" * 53),
        (b"back\\slash.yaml", "back_slash"),
    ],
)
def test_any_name_of_a_file_gives_a_plain_name(folder: HotFolder, entry: bytes, name: str) -> None:
    drop(folder, os.fsdecode(entry))
    claim = claimed(folder, os.fsdecode(entry))
    assert claim.status.name == name
    assert os.fsencode(claim.dropped.name) == entry
    assert status_of(folder.finish(claim, "done")) is not None


def test_what_systems_leave_in_a_jobs_folder_is_no_job(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim = claimed(folder, "hero.yaml")
    for name in (".DS_Store", "._hero.yaml", ".nfs0001", "Thumbs.db", "desktop.ini"):
        (claim.folder / "job" / name).touch()
    assert claim.dropped.name == "hero.yaml"
    (claim.folder / "job/other.yaml").touch()
    with pytest.raises(DocumentError, match=r"job/ holds .*: expected the one thing"):
        _ = claim.dropped


def test_what_a_killed_worker_left_half_written_goes_with_the_next_try(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    folder.release(claimed(folder, "hero.yaml"))
    for name in (".status.json.0123abcd.tmp", ".owner.json.0123abcd.tmp", ".mine.0123abcd.tmp"):
        (folder.inbox / "hero" / name).touch()
    left = {path.name for path in claimed(folder, "hero").folder.iterdir()}
    assert left == {"job", "status.json", "owner.json", ".mine.0123abcd.tmp"}


# Who is dead.


def dead_workers(now: list[float], alive: bool = True) -> DeadWorkers:
    return DeadWorkers(lambda: now[0], lambda pid: alive)


def test_a_worker_elsewhere_is_dead_when_its_sign_stands_still(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    worker, now = owner(), [0.0]
    claim = claimed(folder, "hero.yaml", worker)
    seen = dead_workers(now)
    for _ in range(5):  # it lives
        assert list(seen.find([claim.folder])) == []
        now[0] += DEAD_AFTER_S - 1
        worker.write(claim.folder)
    assert list(seen.find([claim.folder])) == []
    now[0] += DEAD_AFTER_S - 1
    assert list(seen.find([claim.folder])) == []
    now[0] += 1
    assert list(seen.find([claim.folder])) == [claim.folder]


def test_a_worker_that_was_not_watched_for_long_is_not_dead(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim, now = claimed(folder, "hero.yaml"), [0.0]
    seen = dead_workers(now)
    assert list(seen.find([claim.folder])) == []
    assert list(seen.find([])) == []  # it went back meanwhile
    now[0] += 10 * DEAD_AFTER_S
    assert list(seen.find([claim.folder])) == []


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    near = Owner.of_this_process()
    claim = claimed(folder, "hero.yaml", near)
    assert list(dead_workers([0.0], alive=True).find([claim.folder])) == []
    assert list(dead_workers([0.0], alive=False).find([claim.folder])) == [claim.folder]
    assert list(DeadWorkers(lambda: 0.0).find([claim.folder])) == []


def test_a_job_without_a_sign_is_dead_after_a_while(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim, now = claimed(folder, "hero.yaml"), [0.0]
    (claim.folder / "owner.json").unlink()
    seen = dead_workers(now)
    assert list(seen.find([claim.folder])) == []
    now[0] += DEAD_AFTER_S
    assert list(seen.find([claim.folder])) == [claim.folder]
