"""What has arrived in an inbox, and what comes first."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rde_roto.doors.watchfolder.inbox import Inbox

JOB = "schema: rde-roto.job/1\nshot: a.shot.yaml\n"


@dataclass
class Share:
    """A folder as a network share shows it, without a disk: sizes and times by name."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    stats: int = 0

    def listdir(self, _: str) -> list[str]:
        return list(self.files)

    def stat(self, path: str) -> os.stat_result:
        self.stats += 1
        size, modified = self.files[Path(path).name]
        said = (stat.S_IFREG | 0o644, 0, 0, 1, 0, 0, size, 0, modified, 0)
        return os.stat_result(said, {"st_mtime_ns": modified * 10**9})

    def inbox(self, folder: Path) -> Inbox:
        return Inbox(folder, self.listdir, self.stat)


def looked(inbox: Inbox) -> list[str]:
    inbox.scan()
    return inbox.jobs()


def test_a_copy_is_taken_once_it_stood_still(tmp_path: Path) -> None:
    share = Share({"a.yaml": (10, 1)})
    inbox = share.inbox(tmp_path)
    assert looked(inbox) == []
    share.files["a.yaml"] = (20, 1)  # it grows
    assert looked(inbox) == []
    share.files["a.yaml"] = (20, 2)  # its time changes
    assert looked(inbox) == []
    assert looked(inbox) == ["a.yaml"]
    assert looked(inbox) == ["a.yaml"]


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    share = Share({"future.yaml": (10, 2**40), "past.yaml": (10, -(2**30))})
    inbox = share.inbox(tmp_path)
    assert [looked(inbox), looked(inbox)] == [[], ["past.yaml", "future.yaml"]]


def test_what_came_by_a_rename_is_taken_at_once(tmp_path: Path) -> None:
    share = Share({"a.yaml": (10, 1), "b.yaml": (10, 1)})
    inbox = share.inbox(tmp_path)
    inbox.arrived("a.yaml")
    inbox.arrived("gone.yaml")
    assert looked(inbox) == ["a.yaml"]
    assert looked(inbox) == ["a.yaml", "b.yaml"]


def test_priorities_come_first_then_age_then_the_name(tmp_path: Path) -> None:
    said = {
        "old.yaml": JOB,
        "new.yaml": JOB,
        "z.yaml": f"{JOB}priority: 80\n",
        "a.json": '{"schema": "rde-roto.job/1",\n "priority": 80}',
        "low.yaml": f"priority: 7 # later\n{JOB}",
        "wrong.yaml": f"{JOB}priority: high\n",
    }
    for age, (name, text) in enumerate(said.items()):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    os.utime(tmp_path / "a.json", (1002, 1002))
    inbox = Inbox(tmp_path)
    inbox.scan()
    expected = ["a.json", "z.yaml", "old.yaml", "new.yaml", "wrong.yaml", "low.yaml"]
    assert looked(inbox) == expected
    assert inbox.priority("z.yaml") == 80


def test_a_folder_has_arrived_when_all_in_it_stood_still(tmp_path: Path) -> None:
    plate = tmp_path / "shot" / "plate"
    plate.mkdir(parents=True)
    inbox = Inbox(tmp_path)
    assert looked(inbox) == []
    (plate / "a.1001.exr").write_bytes(b"half")
    os.utime(plate, (1, 1))
    assert looked(inbox) == []
    (plate / "a.1001.exr").write_bytes(b"whole")
    assert looked(inbox) == []
    assert looked(inbox) == ["shot"]


def test_the_document_in_a_folder_says_its_priority(tmp_path: Path) -> None:
    for name, said in (("plain", ""), ("urgent", "priority: 90\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "job.yaml").write_text(JOB + said)
    inbox = Inbox(tmp_path)
    inbox.scan()
    assert looked(inbox) == ["urgent", "plain"]


@pytest.mark.parametrize(
    "name", [".hidden.yaml", "a.yaml.part", "a.yaml.tmp", "plate.1001.exr", "readme", "a.txt"]
)
def test_what_is_no_job_is_left_lying(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(JOB)
    inbox = Inbox(tmp_path)
    assert [looked(inbox), looked(inbox)] == [[], []]
    assert not inbox.has_entries


def test_a_link_to_nothing_is_taken_so_that_somebody_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    inbox = Inbox(tmp_path)
    inbox.scan()
    assert looked(inbox) == ["a.yaml"]


def test_a_look_reads_only_so_many_documents(tmp_path: Path) -> None:
    """So that it ends soon however many came at once; the rest follows with the next looks."""
    share = Share({f"{number}.yaml": (10, 1) for number in range(5000)})
    inbox = share.inbox(tmp_path)
    assert [len(looked(inbox)) for _ in range(5)] == [0, 2000, 4000, 5000, 5000]
    assert share.stats == 5 * 5000


def test_a_taken_job_is_forgotten(tmp_path: Path) -> None:
    share = Share({"a.yaml": (10, 1), "b.yaml": (10, 1)})
    inbox = share.inbox(tmp_path)
    inbox.scan()
    inbox.scan()
    inbox.forget("a.yaml")
    assert inbox.jobs() == ["b.yaml"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Inbox(tmp_path / "gone").scan()
