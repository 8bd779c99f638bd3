"""What the tests of the command line share; their fixtures are in `command_line_fixtures`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from image_files import write_image

Run = Callable[..., int]
HEIGHT, WIDTH = 48, 80
LICENCE = "random: CC0; commercial use: allowed"


def box_mask(path: Path, left: int, factor: int = 1) -> Path:
    """A soft matte of a box, 16 bit; for a plate whose sides are ``factor`` times as long."""
    alpha = np.zeros((HEIGHT, WIDTH, 1), dtype=np.float32)
    alpha[10:30, left : left + 30] = 1
    alpha[9, left : left + 30] = 0.25
    return write_image(path, alpha.repeat(factor, axis=0).repeat(factor, axis=1), "uint16")


def mattes(tmp_path: Path) -> list[str]:
    """Names of all files under ``mattes``, hidden ones too."""
    folder = tmp_path / "mattes"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error, but for the licence of weights that are new here."""
    lines = capsys.readouterr().err.splitlines()
    (sentence,) = [line for line in lines if LICENCE not in line]
    assert sentence.startswith("rde-roto: ")
    return sentence
