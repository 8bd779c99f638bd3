"""A lesson killed at any moment: nothing half-written, and the next one ends as it would have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import learning_moments
import pytest
import yaml
from disc_shots import disc_document, short_lessons

from rde_roto.model.learned import read_learned
from rde_roto.shot_files import ShotFile

pytest_plugins = ("learn_fixtures",)

KILLS = 10


def learn(document: Path, presets: str, moment: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, learning_moments.__file__, str(document), str(moment)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "RDE_ROTO_PRESETS": presets}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def check_whole(document: Path) -> None:
    """Whatever has a final name can be read, and the document names nothing that is not there."""
    folder = document.parent / "hero.shot.d/learned"
    for path in folder.rglob("[!.]*.safetensors"):
        read_learned(path)
    for path in folder.rglob("[!.]*.yaml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["lesson"]
    assert list(ShotFile.read(document).missing()) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("home")
def test_killed_at_ten_moments(tmp_path: Path, shy: Path) -> None:
    presets = short_lessons(tmp_path / "presets", "iterations: 6\noptimiser: {lr: 5.0e-4}\n")
    straight = disc_document(tmp_path / "straight", shy)
    whole = learn(straight, presets)
    assert whole.returncode == 0, whole.stderr
    moments, learned = int(whole.stdout), ShotFile.read(straight).content.learned
    assert learned is not None
    for kill in range(KILLS):
        document = disc_document(tmp_path / f"killed-{kill}", shy)
        # the last moments are those of the files
        killed = learn(document, presets, moments - round(kill * moments / (2 * KILLS)))
        assert killed.returncode == -9
        check_whole(document)
        if ShotFile.read(document).content.learned is None:  # else it was through
            assert learn(document, presets).returncode == 0
            check_whole(document)
        assert ShotFile.read(document).content.learned == learned
        for name in (learned, learned.replace(".safetensors", ".yaml")):
            assert (document.parent / name).exists()
        same = (document.parent / learned).read_bytes() == (straight.parent / learned).read_bytes()
        assert same
        assert not list((document.parent / "hero.shot.d").rglob(".*.tmp"))
