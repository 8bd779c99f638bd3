"""The tests of the OpenFX plug-in once more, with a binary that watches its own memory.

AddressSanitizer has to be in a process from its start, so another interpreter runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from openfx_plugin import MORE_FLAGS, compiler

HERE = Path(__file__).parent
MODULES = ["test_openfx.py", "test_openfx_failures.py", "test_openfx_pushed.py"]
SANITIZERS = "-fsanitize=address,undefined"


def runtime() -> str:
    """The library that must be loaded first; skips where the compiler has none."""
    command = [compiler(), "-print-file-name=libasan.so"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute() or not Path(found).exists():
        pytest.skip(f"{command[0]} brings no libasan.so: no sanitizer can watch the plug-in here")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_read_or_written_out_of_bounds(module: str, tmp_path: Path) -> None:
    log = tmp_path / "sanitizer"
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime(),
        MORE_FLAGS: f"{SANITIZERS} -fno-sanitize-recover=undefined -g -fno-omit-frame-pointer",
        "ASAN_OPTIONS": f"log_path={log}:detect_leaks=1",
        "LSAN_OPTIONS": "exitcode=0",  # the interpreter leaves memory too: see below
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest"]
    done = subprocess.run(
        [*command, str(HERE / module)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert " passed" in done.stdout
    reports = "".join(path.read_text() for path in tmp_path.glob("sanitizer*"))
    leaks = [part for part in reports.split("\n\n") if "/plugin/openfx/" in part]
    assert leaks == []
