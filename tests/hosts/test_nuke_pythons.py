"""The plug-in for Nuke as it is installed, inside the Pythons of Nukes that are found here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command_line import mattes
from image_files import read_image, write_image
from interpreters import PYTHONS, interpreter
from nuke_session import PLUGIN, ROOT, box

pytest_plugins = ("command_line_fixtures", "engine_fixtures", "nuke_fixtures")

SCRIPT = """
import json, pathlib, runpy, sys, threading, types
plugin, mask, plate, preset, model, out = sys.argv[1:]
nuke = sys.modules["nuke"] = types.ModuleType("nuke")
nuke.GUI = False
for path in pathlib.Path(plugin).rglob("*.py"):
    compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
runpy.run_path(plugin + "/init.py")
import rde_roto_nuke
assert rde_roto_nuke.__file__.startswith(plugin)
from rde_roto_nuke import engine_jobs, keyframes, masks, shots, task
kept = str(masks.keep(pathlib.Path(mask)))
text = keyframes.with_keyframe(keyframes.with_keyframe("", 1005, kept), 1001, kept)
text = keyframes.without(text, 1001)
values = shots.Values(plate, "", "hero", preset, model, keyframes.parse(text))
work = task.Task(None, threading.Event())
with work.client() as client:
    request = shots.RenderRequest(shots.shot_of(values), "1004-1005", out)
    assert engine_jobs.render(client, request, work) == "1004-1005"
print(kept)
"""


def install(folder: Path) -> None:
    """As host.json says."""
    said = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    client = [ROOT / "engine" / "rde_roto_client"] if said["client"] else []
    for path in [PLUGIN / name for name in said["files"]] + client:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)


@pytest.mark.parametrize("version", PYTHONS)
def test_a_nuke_with_that_python(
    version: str, run_folder: Path, plate: Path, small: str, weights: Path, tmp_path: Path
) -> None:
    """All that is installed compiles and is imported; and a real engine writes mattes for it."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    installed, mask = tmp_path / ".nuke" / "rde_roto", tmp_path / "mask.exr"
    install(installed)
    write_image(mask, box(20)[..., None], "float", ("A",))
    said = (installed, mask, plate, small, weights, tmp_path / "mattes" / "hero.####.exr")
    command = [python, "-B", "-W", "error", "-c", SCRIPT, *map(str, said)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, timeout=120)
    assert done.returncode == 0, done.stderr
    *lines, kept = done.stdout.splitlines()
    assert lines[-1] == "Progress: 100%"
    assert Path(kept).read_bytes() == mask.read_bytes()
    assert Path(kept).stem == hashlib.sha256(mask.read_bytes()).hexdigest()
    assert mattes(tmp_path) == ["hero.1004.exr", "hero.1005.exr"]
    keyframe = read_image(tmp_path / "mattes" / "hero.1005.exr")[1][..., 0]
    np.testing.assert_array_equal(keyframe, box(20).astype(np.float16))


def test_what_is_installed_is_there() -> None:
    said = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    assert sorted(said["files"]) == sorted(
        path.name
        for path in PLUGIN.iterdir()
        if path.name not in ("host.json", "__pycache__", ".mypy_cache")
    )
    assert said["client"] is True
    assert set(said["targets"]) == {"linux", "darwin", "win32"}
