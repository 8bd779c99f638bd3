"""Two threads give the bits that two threads gave, while others want the processor too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone  # it takes every processor

HERE = Path(__file__).parent
RENDERS = 500


@pytest.fixture
def _load() -> Iterator[None]:
    """As many processes as processors, that do nothing else than take them."""
    work = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(work) for _ in range(os.cpu_count() or 1)]
    yield
    for other in others:
        other.kill()
        other.wait()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_load")
@pytest.mark.parametrize("network", ["toy", "rde-lite"])
def test_five_hundred_renders_have_the_same_bits(network: str) -> None:
    tests = HERE.parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tests), str(tests / "unit")]),
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",  # or threads burn what time they are given, waiting
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "two_threads.py"), network, str(RENDERS)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])  # before it, each step of the network
    assert said["threads"] == 2
    assert said["others"] == [], said
