"""OpenImageIO's own command-line tools read our mattes as we mean them, and as `validate` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import ramp, write_image

from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.validation import MatteSequence
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Output

NAMES = ("hero", "car")
FRAMES = FrameRange.of([1001])
SAME, DIFFERENT = 0, 2
"""What idiff ends with."""


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a tool of the OpenImageIO wheel, which lie beside this Python."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def said_of(path: Path) -> str:
    result = tool("oiiotool", "--info", "-v", path)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def plate(tmp_path: Path) -> str:
    windows: dict[str, Any] = {"origin": (-2, 3), "display": (0, 0, 24, 16)}
    (tmp_path / "plate").mkdir()
    path = tmp_path / "plate/hero.1001.exr"
    write_image(path, ramp(12, 20), PixelAspectRatio=2.0, **windows)
    return str(tmp_path / "plate/hero.####.exr")


@pytest.fixture
def alpha() -> FloatArray:
    """Halves, so that no file rounds them; [2, 12, 20]."""
    noise = np.random.default_rng(5).random((2, 12, 20)) / 2
    return noise.astype(np.float16).astype(np.float32)


def written(folder: Path, plate: str, alpha: FloatArray, output: Output) -> Path:
    origin = Origin.of(open_plate(plate))
    writer = open_matte_writer(str(folder / "hero.####.exr"), origin, NAMES, output, {})
    writer.write(Matte(1001, alpha, NAMES, "d1"))
    return writer.path(1001)


def test_oiiotool_sees_the_windows_the_layers_and_the_provenance(
    tmp_path: Path, plate: str, alpha: FloatArray
) -> None:
    path = written(tmp_path / "mattes", plate, alpha, Output(compression="zips"))
    for line in (
        "20 x   12, 2 channel, half openexr",
        "channel list: car.A, hero.A",
        "pixel data origin: x=-2, y=3",
        "full/display size: 24 x 16",
        "PixelAspectRatio: 2",
        'compression: "zips"',
        'rde-roto:digest: "d1"',
        'rde-roto:elements: "hero,car"',
    ):
        assert line in said_of(path)
    assert MatteSequence.find(str(path)).findings(open_plate(plate), FRAMES) == ()


def test_idiff_finds_a_layer_the_same_as_its_alpha(
    tmp_path: Path, plate: str, alpha: FloatArray
) -> None:
    """The reference is written by this test; one value that is off is told apart."""
    path = written(tmp_path / "mattes", plate, alpha, Output())
    taken, expected = tmp_path / "taken.exr", tmp_path / "expected.exr"
    result = tool("oiiotool", path, "--ch", "A=car.A", "-o", taken)
    assert result.returncode == 0, result.stderr
    write_image(expected, alpha[1, ..., None], channels=("A",), origin=(-2, 3))
    assert tool("idiff", "-fail", 0, "-warn", 0, taken, expected).returncode == SAME
    other = alpha[1, ..., None].copy()
    other[3, 4] += 2**-9
    write_image(expected, other, channels=("A",), origin=(-2, 3))
    assert tool("idiff", "-fail", 2**-12, taken, expected).returncode == DIFFERENT


def test_a_window_that_fits_loses_nothing_says_idiff(
    tmp_path: Path, plate: str, alpha: FloatArray
) -> None:
    alpha[:, :4], alpha[:, :, 15:] = 0, 0
    whole = written(tmp_path / "whole", plate, alpha, Output())
    fitted = written(tmp_path / "fitted", plate, alpha, Output(data_window="fit"))
    assert "15 x    8, 2 channel" in said_of(fitted)
    padded = [tmp_path / "padded.whole.exr", tmp_path / "padded.fitted.exr"]
    for path, target in zip((whole, fitted), padded, strict=True):
        result = tool("oiiotool", path, "--croptofull", "-o", target)
        assert result.returncode == 0, result.stderr
    assert tool("idiff", "-fail", 0, "-warn", 0, *padded).returncode == SAME
    assert MatteSequence.find(str(fitted)).findings(open_plate(plate), FRAMES) == ()


def test_what_oiiotool_takes_off_validate_misses(
    tmp_path: Path, plate: str, alpha: FloatArray
) -> None:
    """8 bits, a display window of its own, values that a filter has sharpened."""
    path = written(tmp_path / "mattes", plate, alpha, Output())
    for arguments, rule in (
        (("--ch", "A=car.A", "-d", "uint8", "-o", "low.1001.png"), "depth"),
        (("--fullpixels", "-o", "full.1001.exr"), "windows"),
        (("--mulc", "4", "-o", "bright.1001.exr"), "values"),
        (("--chnames", "hero,car", "-o", "bare.1001.exr"), "names"),
    ):
        target = tmp_path / arguments[-1]
        result = tool("oiiotool", path, *arguments[:-1], target)
        assert result.returncode == 0, result.stderr
        found = MatteSequence.find(str(target)).findings(open_plate(plate), FRAMES)
        assert rule in {finding.rule for finding in found}, arguments
