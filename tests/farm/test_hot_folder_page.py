"""docs/hot-folder.md: what it shows is understood, and a host's Python can drop a job."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from interpreters import PYTHONS, interpreter
from toy_worker import write_mask, write_plate

from rde_roto.documents.job_document import (
    inline_shot,
    parse_job_document,
    read_watch_document,
)
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto_client.jobfile import drop

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/hot-folder.md"


def test_the_documents_of_the_page_are_understood(tmp_path: Path) -> None:
    named, written, defaults = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in (("named", named), ("written", written), ("defaults", defaults)):
        (tmp_path / f"{name}.yaml").write_text(text)
    job = parse_job_document(tmp_path / "named.yaml")
    assert (str(job.value.frames), job.value.preset) == ("1001-1050", "fine")
    assert job.value.priority == 80
    assert inline_shot(job) is None
    shot = inline_shot(parse_job_document(tmp_path / "written.yaml"))
    assert shot is not None
    assert [keyframe.frame for keyframe in shot.value.keyframes] == [1001]
    assert read_watch_document(tmp_path / "defaults.yaml").value.roots == ["/shows"]


@pytest.mark.parametrize("version", PYTHONS)
def test_a_job_from_a_hosts_python(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    folder = HotFolder.create(tmp_path / "hot")
    plate, mask = write_plate(tmp_path / "plate", 2), write_mask(tmp_path / "mask.png")
    shot = {"plate": {"path": str(plate)}, "keyframes": [{"frame": 1001, "mask": str(mask)}]}
    script = (
        "from rde_roto_client.jobfile import drop\n"
        f"print(drop({str(folder.root)!r}, 'hero', {shot!r}, frames='1001-1002', priority=7))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine")}
    command = [python, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    (dropped,) = folder.inbox.iterdir()
    assert done.stdout.strip() == str(dropped)
    job = parse_job_document(dropped)
    assert (str(job.value.frames), job.value.priority) == ("1001-1002", 7)
    with pytest.raises(FileExistsError, match="a job hero waits"):
        drop(str(folder.root), "hero", "a.shot.yaml")
    assert [path.name for path in folder.inbox.iterdir()] == ["hero.json"]
    assert parse_job_document(dropped).value.priority == 7


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of files' sizes")
def test_a_job_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """As on a full disk: by a process that may write files of a hundred bytes."""
    folder = HotFolder.create(tmp_path / "hot")
    script = (
        "import resource, signal, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'engine')!r})\n"
        "from rde_roto_client.jobfile import drop\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        f"drop({str(folder.root)!r}, 'hero', 'x' * 10000)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    assert list(folder.inbox.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../hero", "/tmp/hero", ".hidden", "a/b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    folder = HotFolder.create(tmp_path / "hot")
    with pytest.raises(ValueError, match="cannot name a job"):
        drop(str(folder.root), name, "a.shot.yaml")
    assert list(folder.inbox.iterdir()) == []
