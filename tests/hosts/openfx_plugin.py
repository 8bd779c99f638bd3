"""The OpenFX plug-in as the tests build it and ask it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ofx_values import Array, Image

SOURCES = Path(__file__).parents[2] / "plugin" / "openfx"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror")
FLAGS = ("-O2", "-fPIC", "-shared", "-fvisibility=hidden")
# More flags, for the run under sanitizers that test_openfx_sanitized.py starts.
MORE_FLAGS = "RDE_ROTO_OPENFX_CFLAGS"

WIDTH, HEIGHT = 24, 16
SHOT: dict[str, Any] = {
    "plate": "/shots/010/hero.####.exr",
    "element": "hero",
    "keyframes": '[[1001,"/kept/a.exr"]]',
}


def compiler() -> str:
    """The system's C compiler; skips where there is none."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if os.name != "posix":
        pytest.skip("the plug-in is built on POSIX systems only")
    if found is None:
        pytest.skip("no C compiler (cc, gcc or clang) is installed here")
    return found


def build(folder: Path, more_flags: list[str]) -> Path:
    """Compiles the plug-in into a bundle in a folder; the binary in it."""
    place = folder / "rde_roto.ofx.bundle/Contents/Linux-x86-64"
    place.mkdir(parents=True)
    sources = sorted(map(str, SOURCES.glob("*.c")))
    command = [compiler(), *WARNINGS, *FLAGS, *more_flags, *sources, "-lm", "-pthread"]
    built = place / "rde_roto.ofx"
    # a sanitizer that watches these tests need not watch the compiler too: that takes minutes
    own = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run([*command, "-o", str(built)], capture_output=True, text=True, env=own)
    assert done.returncode == 0, done.stderr
    return built


def empty(dtype: Any = np.float32, channels: int = 4, **more: Any) -> Image:
    """An image to draw in, of the plate's size."""
    return Image(np.full((HEIGHT, WIDTH, channels), 7, dtype), **more)


def same_bits(found: Array, expected: Array) -> bool:
    """Whether two arrays hold the same bytes, hence also the same -0 and NaN."""
    return (found.shape, found.dtype, found.tobytes()) == (
        expected.shape,
        expected.dtype,
        expected.tobytes(),
    )


def write_launch(folder: Path, command: list[str]) -> None:
    """What install.py leaves in the user's configuration folder."""
    path = folder / "rde-roto" / "engine.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"command": command}))
