"""The Blenders that tests run in: a plugin, which those name in `pytest_plugins`.

Blender is here the package bpy, in an environment of its own, since it needs another numpy than the
engine does. `install.py test` makes one for each pin of blenders.txt.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).with_name("blenders.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="session", params=re.findall(r"^bpy==\S+", PINS, re.MULTILINE))
def blender(request: pytest.FixtureRequest) -> str:
    """A Python that has bpy, of each version in turn; skips where install.py could not get it."""
    pin = request.param
    venv = ROOT / ".venv-bpy-{}.{}".format(*re.findall(r"\d+", pin))
    note = venv / "rde-roto-bpy.txt"
    if not note.exists():
        pytest.skip(f"there is no {venv.name}: `python3 install.py test` makes it")
    said = note.read_text(encoding="utf-8")
    if said != pin:
        pytest.skip(f"there is no {pin} in {venv.name}: {said}")
    return str(venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
