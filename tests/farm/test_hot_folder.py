"""A hot folder's changes: each is a rename that one of many does, and nothing is overwritten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rde_roto.doors.watchfolder.hot_folder import Claim, HotFolder, status_of
from rde_roto.doors.watchfolder.owners import DEAD_AFTER_S, Owner, Pulses
from rde_roto.values.errors import UsageError
from rde_roto.values.job_status import JobError, JobStatus


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    return HotFolder.made(tmp_path / "hot")


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
    assert owner().has(claim.folder)
    assert not owner("other").has(claim.folder)
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
    folder.release(claimed(folder, "hero.yaml").telling(done=3))
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
    claim = claimed(folder, "hero.yaml").telling(error=JobError(code=4, sentence="no plate"))
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
    assert folder.first_of("digest", "a") == folder.first_of("digest", "b") == "a"
    done = folder.finish(first.telling(digest="digest"), "done")
    assert folder.first_of("digest", "b") == "a"
    done.rename(folder.root / "away")  # somebody clears up
    assert folder.first_of("digest", "b") == "b"
    assert folder.first_of("another", "a") == "a"
    assert second.status.name == "b"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be a hot folder"):
        HotFolder.made(tmp_path / "file")


# Who is dead.


def pulses(now: list[float], alive: bool = True) -> Pulses:
    return Pulses(lambda: now[0], lambda pid: alive)


def test_a_worker_elsewhere_is_dead_when_its_sign_stands_still(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    worker, now = owner(), [0.0]
    claim = claimed(folder, "hero.yaml", worker)
    seen = pulses(now)
    for _ in range(5):  # it lives
        assert list(seen.dead([claim.folder])) == []
        now[0] += DEAD_AFTER_S - 1
        worker.write(claim.folder)
    assert list(seen.dead([claim.folder])) == []
    now[0] += DEAD_AFTER_S - 1
    assert list(seen.dead([claim.folder])) == []
    now[0] += 1
    assert list(seen.dead([claim.folder])) == [claim.folder]


def test_a_worker_that_was_not_watched_for_long_is_not_dead(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    claim, now = claimed(folder, "hero.yaml"), [0.0]
    seen = pulses(now)
    assert list(seen.dead([claim.folder])) == []
    assert list(seen.dead([])) == []  # it went back meanwhile
    now[0] += 10 * DEAD_AFTER_S
    assert list(seen.dead([claim.folder])) == []


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(folder: HotFolder) -> None:
    drop(folder, "hero.yaml")
    near = Owner.of_this_process()
    claim = claimed(folder, "hero.yaml", near)
    assert list(pulses([0.0], alive=True).dead([claim.folder])) == []
    assert list(pulses([0.0], alive=False).dead([claim.folder])) == [claim.folder]
    assert list(Pulses(lambda: 0.0).dead([claim.folder])) == []


def test_a_job_without_a_sign_is_dead_after_a_while(folder: HotFolder) -> None:
    (folder.running / "left").mkdir()
    now = [0.0]
    seen = pulses(now)
    assert list(seen.dead([folder.running / "left"])) == []
    now[0] += DEAD_AFTER_S
    assert list(seen.dead([folder.running / "left"])) == [folder.running / "left"]
