"""The Blender extension as the tests build it, and the Blender they run it in.

Blender is here the package bpy 5.0 in an environment of its own, since it needs another numpy than
the engine does. Its Python is what RDE_ROTO_BPY_PYTHON names, else .venv-bpy/bin/python:

    python3.11 -m venv .venv-bpy && .venv-bpy/bin/pip install bpy==5.0.1
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugin" / "blender"
CLIENT = ROOT / "engine" / "rde_roto_client"
DEMO = ROOT / "engine" / "rde_roto" / "demo" / "shot"


def build_extension(target: Path) -> Path:
    """The extension as one zip: what host.json lists, and the client."""
    host = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(target, "w") as archive:
        for name in host["files"]:
            archive.write(PLUGIN / name, name)
        for path in sorted(CLIENT.glob("*.py")):
            archive.write(path, f"{CLIENT.name}/{path.name}")
    return target


def bpy_python() -> str:
    """A Python that has bpy; skips where there is none."""
    said = os.environ.get("RDE_ROTO_BPY_PYTHON")
    path = Path(said) if said else ROOT / ".venv-bpy" / "bin" / "python"
    if not path.exists():
        pytest.skip(f"no Python with bpy at {path}: RDE_ROTO_BPY_PYTHON may name another")
    script = "import bpy, os; print(bpy.app.version_string, flush=True); os._exit(0)"
    done = subprocess.run([path, "-c", script], capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout.startswith("5."):
        pytest.skip(f"{path} has no bpy 5: {(done.stdout + done.stderr).strip()[-200:]}")
    return str(path)
