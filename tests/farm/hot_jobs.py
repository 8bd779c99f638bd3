"""Jobs of a hot folder whose workers are programs; its fixture is in `hot_fixtures`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from toy_worker import job_text, write_mask, write_plate

from rde_roto.documents.job_status import JobStatus
from rde_roto.doors.watchfolder.job_folder import status_of

COMMAND = [sys.executable, "-c", "from rde_roto.doors.cli import main; main()"]
DRAFT = "overrides: {finish.edges: bilinear, tracking.lines: 96}\n"


def drop(hot: Path, name: str, count: int = 3) -> None:
    plate = write_plate(hot.parent / "plate", count)
    mask = write_mask(hot.parent / "mask.png")
    text = job_text(plate, mask, f"1001-{1000 + count}", DRAFT)
    (hot / "inbox" / name).write_text(text)


def status(folder: Path) -> JobStatus:
    found = status_of(folder)
    assert found is not None
    return found


def watching(hot: Path, *options: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "watch", str(hot), "--poll", "0.05", "--device", "cpu", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
