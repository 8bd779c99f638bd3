"""What is cleared of jobs that were done long ago, and what stays for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rde_roto.doors.watchfolder.hot_folder import End, HotFolder
from rde_roto.doors.watchfolder.owners import Owner
from rde_roto.doors.watchfolder.retention import Retention

DAY_S = 86400


@pytest.fixture
def folder(tmp_path: Path) -> HotFolder:
    return HotFolder.create(tmp_path / "hot")


def ended(folder: HotFolder, name: str, days_ago: float, end: End = "done") -> Path:
    """A job, of the entry of that name in the inbox, that ended so long ago."""
    claim = folder.claim(name, Owner("w", "elsewhere", 1))
    assert claim is not None
    digest = f"digest-{claim.status.name}"
    assert folder.claim_digest(digest, claim.status.name) == claim.status.name
    told = claim.with_status(digest=digest, state=end)
    place = folder.finish(told, end)
    for told_by in ("report.html", "sheet.png"):
        (place / told_by).write_text("told")
    for path in (place / "status.json", folder.root / ".digests" / digest):
        seen = path.stat().st_mtime - days_ago * DAY_S
        os.utime(path, (seen, seen))
    return place


def document(folder: HotFolder, name: str, days_ago: float, end: End = "done") -> Path:
    (folder.inbox / f"{name}.yaml").write_text("a job")
    return ended(folder, f"{name}.yaml", days_ago, end)


def cleared(folder: HotFolder, days: float = 30) -> list[str]:
    said: list[str] = []
    Retention(folder, days, lambda: 0.0, said.append).clear()
    return sorted(line.partition(":")[0] for line in said)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_old_jobs_go_and_their_digests(folder: HotFolder) -> None:
    document(folder, "old", days_ago=31)
    document(folder, "new", days_ago=29)
    (folder.root / "mattes/old").mkdir(parents=True)
    (folder.root / "mattes/old/old.1001.exr").touch()
    assert cleared(folder) == ["old"]
    assert names(folder.root / "done") == ["new"]
    assert names(folder.root / ".digests") == ["digest-new"]
    assert names(folder.root / "mattes/old") == ["old.1001.exr"]
    document(folder, "old", days_ago=0)  # the name is free again
    assert names(folder.root / "done") == ["new", "old"]


def test_what_failed_or_was_cancelled_waits_for_somebody(folder: HotFolder) -> None:
    document(folder, "a", 1000, "failed")
    document(folder, "b", 1000, "cancelled")
    assert cleared(folder) == []
    assert (names(folder.root / "failed"), names(folder.root / "cancelled")) == (["a"], ["b"])


def test_a_folder_that_was_dropped_stays_whole(folder: HotFolder) -> None:
    (folder.inbox / "hero").mkdir()
    (folder.inbox / "hero/mask.1001.png").write_text("a day of work")
    place = ended(folder, "hero", days_ago=1000)
    assert cleared(folder) == []
    assert (place / "job/hero/mask.1001.png").read_text() == "a day of work"
    assert (place / "report.html").is_file()


@pytest.mark.parametrize("where", ["notes.txt", "job/notes.txt"])
def test_a_job_beside_which_somebody_put_anything_stays_whole(
    folder: HotFolder, where: str
) -> None:
    place = document(folder, "hero", days_ago=1000)
    (place / where).write_text("mine")
    assert cleared(folder) == []
    assert (place / where).read_text() == "mine"
    assert (place / "job/hero.yaml").is_file()


def test_a_document_that_is_a_link_stays(folder: HotFolder, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("a job")
    (folder.inbox / "hero.yaml").symlink_to(tmp_path / "job.yaml")
    ended(folder, "hero.yaml", days_ago=1000)
    assert cleared(folder) == []
    assert (tmp_path / "job.yaml").read_text() == "a job"


def test_what_is_no_job_stays(folder: HotFolder) -> None:
    (folder.root / "done/mine").mkdir()
    (folder.root / "done/mine/status.json").write_text("{}")
    os.utime(folder.root / "done/mine/status.json", (0, 0))
    (folder.root / "done/readme.txt").touch()
    assert cleared(folder) == []
    assert names(folder.root / "done") == ["mine", "readme.txt"]


def test_who_dies_while_clearing_leaves_it_to_the_next(folder: HotFolder) -> None:
    place = document(folder, "hero", days_ago=1000)
    (place / "job/hero.yaml").unlink()
    place.rename(folder.root / "done/.going.hero")
    assert cleared(folder) == []
    assert names(folder.root / "done") == []


def test_the_digest_of_a_job_that_runs_stays(folder: HotFolder) -> None:
    (folder.inbox / "hero.yaml").write_text("a job")
    claim = folder.claim("hero.yaml", Owner("w", "elsewhere", 1))
    assert claim is not None
    folder.claim_digest("digest", "hero")
    os.utime(folder.root / ".digests/digest", (0, 0))
    assert cleared(folder) == []
    assert names(folder.root / ".digests") == ["digest"]


def test_it_is_done_once_an_hour(folder: HotFolder) -> None:
    now, said = [0.0], list[str]()
    retention = Retention(folder, 30, lambda: now[0], said.append)
    counts = []
    for seconds in (0, 3599, 1):
        now[0] += seconds
        document(folder, f"job{seconds}", days_ago=31)
        retention.clear()
        counts.append(len(said))
    assert counts == [1, 1, 3]
