"""A render whose disk fails it, or that is killed: never exit 0 with less than everything whole.

Real processes, refused by the kernel: see `intercept`. What is asked of each run stands in
`fault_runs.Stage.faults`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.values.errors import OutputError
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Output

HERE = Path(__file__).parent
FORMATS = [
    (".exr", "alpha"),
    (".exr", "cryptomatte"),
    (".exr", "rgba"),
    (".png", "alpha"),
    (".png", "labels"),
    (".tif", "alpha"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a folder: each run waits for the disk two dozen times."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name) / "shot"


def runs(kind: str, folder: Path, suffix: str, output_format: str, count: int) -> Any:
    """What was told of each run."""
    tests = HERE.parent
    paths = os.pathsep.join([str(tests), str(tests / "unit")])
    command = [sys.executable, str(HERE / "fault_runs.py"), kind, str(folder), suffix]
    done = subprocess.run(
        [*command, output_format, str(count)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run for run in told if run["wrong"]] == []
    return told


@pytest.fixture(scope="module")
def _intercepted() -> None:
    program = "import sys, intercept; sys.exit(not intercept.is_possible())"
    if subprocess.run([sys.executable, "-c", program], cwd=HERE, check=False).returncode:
        pytest.skip("this kernel does not ask about system calls (seccomp, Linux 5.5)")


@pytest.mark.usefixtures("_intercepted")
def test_some_of_the_calls_that_may_fail(folder: Path) -> None:
    told = runs("refused", folder, ".exr", "alpha", 53)
    assert Counter(run["code"] for run in told).keys() == {0, 7}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_intercepted")
@pytest.mark.parametrize(("suffix", "output_format"), FORMATS)
def test_every_call_that_may_fail(folder: Path, suffix: str, output_format: str) -> None:
    told = runs("refused", folder, suffix, output_format, 1)
    assert len(told) > 100
    assert Counter(run["code"] for run in told).keys() == {0, 7}
    assert {run["trouble"] for run in told} == {"full once", "full", "quota", "lost"}


@pytest.mark.usefixtures("_intercepted")
def test_a_few_kills(folder: Path) -> None:
    assert Counter(run["code"] for run in runs("killed", folder, ".exr", "alpha", 5))[-9] == 5


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_intercepted")
def test_a_hundred_kills(folder: Path) -> None:
    assert Counter(run["code"] for run in runs("killed", folder, ".exr", "alpha", 100))[-9] == 100


def _mounts(folder: Path) -> bool:
    if not (shutil.which("mount") and hasattr(os, "geteuid") and os.geteuid() == 0):
        return False
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


@pytest.mark.usefixtures("_intercepted")
@pytest.mark.parametrize(
    "every", [16, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_disks_of_any_size(folder: Path, tmp_path: Path, every: int) -> None:
    if not _mounts(tmp_path):
        pytest.skip("mounting a small file system takes root on Linux")
    told = runs("filled", folder, ".exr", "alpha", every)
    assert [run["code"] for run in told][:-1] == [7] * (len(told) - 1)
    assert told[-1]["code"] == 0


def test_a_full_disk_is_found_before_the_work(tmp_path: Path) -> None:
    if not _mounts(tmp_path):
        pytest.skip("mounting a small file system takes root on Linux")
    out, window = tmp_path / "full", Window(0, 0, 8, 8)
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(out)]
    subprocess.run(mount, check=True)
    try:
        with suppress(OSError), (out / "large").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        with pytest.raises(OutputError, match="No space left"):
            open_matte_writer(
                str(out / "m.####.exr"),
                Origin(PlateFormat(window, window)),
                ("hero",),
                Output(),
                {},
            )
        assert [path.name for path in out.iterdir()] == ["large"]
    finally:
        subprocess.run(["umount", str(out)], check=True)
