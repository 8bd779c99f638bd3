"""The tests of the OpenFX plug-in once more, with a binary that watches its own memory or threads.

A sanitizer has to be in a process from its start, so another interpreter runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from openfx_plugin import MORE_FLAGS, compiler

HERE = Path(__file__).parent
MODULES = [
    "test_openfx.py",
    "test_openfx_failures.py",
    "test_openfx_json.py",
    "test_openfx_pushed.py",
    "test_openfx_random.py",
    "test_openfx_region.py",
]


def runtime(name: str) -> str:
    """The library that must be loaded first; skips where the compiler has none."""
    command = [compiler(), f"-print-file-name={name}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute() or not Path(found).exists():
        pytest.skip(f"{command[0]} brings no {name}: no sanitizer can watch the plug-in here")
    return found


def reports(folder: Path, module: str, library: str, flags: str, options: dict[str, str]) -> str:
    """Runs a module's tests, the slow ones too; what the sanitizer wrote about the plug-in."""
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime(library),
        MORE_FLAGS: f"{flags} -g -fno-omit-frame-pointer",
        "PYTHONMALLOC": "malloc",
        **options,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest"]
    done = subprocess.run(
        [*command, "-m", "slow or not slow", str(HERE / module)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert " passed" in done.stdout
    return "".join(path.read_text() for path in folder.glob("sanitizer*"))


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_read_or_written_out_of_bounds(module: str, tmp_path: Path) -> None:
    flags = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    options = {
        "ASAN_OPTIONS": f"log_path={tmp_path / 'sanitizer'}:detect_leaks=1",
        "LSAN_OPTIONS": "exitcode=0",  # the interpreter leaves memory too: see below
    }
    found = reports(tmp_path, module, "libasan.so", flags, options)
    assert [part for part in found.split("\n\n") if "/plugin/openfx/" in part] == []


@pytest.mark.slow
@pytest.mark.parametrize("module", ["test_openfx_pushed.py", "test_openfx_random.py"])
def test_no_two_threads_touch_the_same_memory(module: str, tmp_path: Path) -> None:
    options = {"TSAN_OPTIONS": f"log_path={tmp_path / 'sanitizer'}:exitcode=0"}
    assert reports(tmp_path, module, "libtsan.so", "-fsanitize=thread", options) == ""
