"""What farms go by: the exit code of a real process, and the lines it says."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import HEIGHT, WIDTH, box_mask, edit, failed, render, run_process
from image_files import cut_short, ramp, read_image, write_image

LAST = 1060

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")


def test_0_every_frame_is_there(shot_document: Path, tmp_path: Path) -> None:
    done = run_process(render(shot_document))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "hero.####.exr: 6 frames"
    assert lines[-2].endswith("hero.1001.exr (100%)")
    assert lines[-1].startswith("6 mattes made, 0 kept, ")
    assert "\r" not in done.stdout, "a bar where there is no terminal"
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) == 6


def test_1_a_bug(shot_document: Path) -> None:
    program = (
        "import sys; from rde_roto.doors import cli; from rde_roto.doors.commands import shot\n"
        "def read(path): return 1 / 0\n"
        "shot.ShotFile.read = read\n"
        f"sys.argv = ['rde-roto', 'shot', 'render', {str(shot_document)!r}]\n"
        "cli.main()"
    )
    done = run_process([sys.executable, "-c", program])
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_2_bad_arguments(shot_document: Path) -> None:
    assert run_process(render(shot_document, "--no-such-option")).returncode == 2
    done = run_process(render(shot_document, "--frames", "1005-1010"))
    assert done.returncode == 2
    assert "1007-1010 lies outside the shot's range" in failed(done)


def test_3_a_bad_document(shot_document: Path) -> None:
    edit(shot_document, "tracking.lines", "tracking.line")
    done = run_process(render(shot_document))
    assert done.returncode == 3
    assert "unknown key 'line' in tracking" in failed(done)


def test_nothing_follows_the_sentence(tmp_path: Path) -> None:
    """An error that pydantic has made kept all modules alive: a page of OpenImageIO's leaks."""
    window = '{"width": 8, "height": 8}'
    (tmp_path / "hero.json").write_text(
        f'{{"schema": "rde-roto.shapes/1", "plate": {{"display": {window}, "data": {window}}}, '
        '"frames": "1", "elements": ["../hero"], "shapes": []}',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "rde_roto", "shapes", str(tmp_path / "hero.json")]
    done = run_process([*command, "--out", str(tmp_path / "hero.####.exr")])
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "elements.0" in failed(done)


def test_4_a_plate_that_cannot_be_read(shot_document: Path, plate: Path) -> None:
    cut_short(plate.parent / "hero.1005.exr", 0.5)
    done = run_process(render(shot_document))
    assert done.returncode == 4
    assert "hero.1005.exr" in failed(done)


def test_5_no_weights(shot_document: Path, weights: Path) -> None:
    edit(shot_document, str(weights), "rde-huge")
    done = run_process(render(shot_document))
    assert done.returncode == 5
    assert "rde-huge" in failed(done)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set as Linux has it")
def test_6_out_of_memory(shot_document: Path, plate: Path, mask: Path) -> None:
    box_mask(mask, 20, factor=20)
    write_image(plate.parent / "hero.1001.exr", ramp(20 * HEIGHT, 20 * WIDTH))
    for frame in range(1002, 1007):
        shutil.copy(plate.parent / "hero.1001.exr", plate.parent / f"hero.{frame}.exr")
    edit(shot_document, "tracking.lines: 96", "tracking.lines: 960")
    program = (
        "import resource, sys, torch\n"
        "from rde_roto.doors import cli, rendering\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "most = pages * resource.getpagesize() + 700_000_000\n"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        f"sys.argv = ['rde-roto', *{render(shot_document)[3:]}]\n"
        "cli.main()"
    )
    done = run_process([sys.executable, "-c", program])
    assert done.returncode == 6, done.stderr
    assert "lower tracking.lines, now 960" in failed(done)


@pytest.mark.parametrize(
    ("module", "name", "left"),
    [("images.mattes", "write_planes", 2), ("stores.folder", "seal", None)],
)
def test_6_out_of_memory_on_any_thread(
    shot_document: Path, tmp_path: Path, module: str, name: str, left: int | None
) -> None:
    """While a matte is written, or a result goes to the cache."""
    program = (
        "import sys, numpy\n"
        "from itertools import count\n"
        "from rde_roto.doors import cli, rendering\n"
        f"from rde_roto.{module} import {name} as plain\n"
        f"import rde_roto.{module} as module\n"
        "calls = count(1)\n"
        "def starved(*given):\n"
        "    return numpy.empty(1 << 50) if next(calls) >= 3 else plain(*given)\n"
        f"module.{name} = starved\n"
        f"sys.argv = ['rde-roto', *{render(shot_document)[3:]}]\n"
        "cli.main()"
    )
    done = run_process([sys.executable, "-c", program])
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert failed(done).startswith("memory ran out")
    there = sorted(path.name for path in (tmp_path / "mattes").glob("*"))
    assert all(name.startswith("hero.10") for name in there), "something half-written"
    assert left is None or len(there) == left
    again = run_process(render(shot_document))
    assert again.returncode == 0
    assert f"{len(there)} kept" in again.stdout.splitlines()[-1]


def test_7_some_frames_are_not_there(shot_document: Path, plate: Path, tmp_path: Path) -> None:
    (plate.parent / "hero.1005.exr").unlink()
    edit(shot_document, "hero.####.exr}", "hero.####.exr, missing: skip}")
    done = run_process(render(shot_document))
    assert done.returncode == 7
    assert "lacks 1005: skipped" in failed(done)
    assert len(list((tmp_path / "mattes").glob("hero.*.exr"))) == 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cancelled_and_run_again(
    shot_document: Path, plate: Path, tmp_path: Path, number: int, code: int
) -> None:
    """Whole frames are left, and the next run goes on where it was."""
    for frame in range(1007, LAST + 1):
        shutil.copy(plate.parent / "hero.1006.exr", plate.parent / f"hero.{frame}.exr")
    process = subprocess.Popen(
        render(shot_document), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("frame 1012"):
        assert process.poll() is None
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "cancelled; what was finished is kept" in said
    left = sorted((tmp_path / "mattes").iterdir())
    assert 10 <= len(left) < LAST - 1000
    for path in left:
        assert read_image(path)[1].shape == (HEIGHT, WIDTH, 1)
    stamps = {path: path.stat().st_mtime_ns for path in left}
    made = len(left) + 4
    done = run_process(render(shot_document, "--frames", f"1001-{1000 + made}"))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith(f"4 mattes made, {len(left)} kept, ")
    assert {path: path.stat().st_mtime_ns for path in left} == stamps
