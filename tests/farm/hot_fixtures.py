"""A hot folder's fixture: a plugin, which tests name in `pytest_plugins`."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def hot(tmp_path: Path, weights: Path, home: Path) -> Path:
    """A hot folder whose jobs are tracked by a random rde-lite."""
    (tmp_path / "hot/inbox").mkdir(parents=True)
    defaults = f"schema: rde-roto.watch/1\nmodel: '{weights}'\n"
    (tmp_path / "hot/defaults.yaml").write_text(defaults)
    return tmp_path / "hot"
