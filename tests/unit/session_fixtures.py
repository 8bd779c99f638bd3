"""Shots to work on in a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from seeing_tracker import write_shot


@pytest.fixture
def moving_body(tmp_path: Path) -> Path:
    """A body that moves, of which nothing is drawn."""
    return write_shot(tmp_path)
