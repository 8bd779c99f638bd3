"""Fixtures of what learns real documents: a plugin, which tests name in `pytest_plugins`."""

from __future__ import annotations

from pathlib import Path

import pytest
from disc_shots import disc_document, short_lessons, shy_model

pytest_plugins = ("command_line_fixtures",)


@pytest.fixture
def short_lesson(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Few steps, and larger ones; the recipe's file. A lesson that is stopped after two steps or
    after a hundred has learned something too.
    """
    more = "iterations: 6\noptimiser: {lr: 5.0e-4}\n"
    presets = short_lessons(tmp_path / "presets", more)
    monkeypatch.setenv("RDE_ROTO_PRESETS", presets)
    return Path(presets) / "learning/shot.yaml"


@pytest.fixture(scope="session")
def shy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model, spoilt so that it hardly dares to see anything: there is much to gain."""
    return shy_model(tmp_path_factory.mktemp("weights") / "shy.safetensors")


@pytest.fixture
def disc_shot(tmp_path: Path, shy: Path) -> Path:
    """``hero.shot.yaml``: the walking disc, drawn at 1001."""
    return disc_document(tmp_path / "walk", shy)
