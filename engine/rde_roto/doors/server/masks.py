"""Masks that a host has painted, kept permanently under the digest of their pixels."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import platformdirs

from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.files import read_channels, read_header
from rde_roto.images.mask_planes import MATTES_BELOW
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import LARGEST_PX, PlateFormat, Window


def keep_mask(pixels: bytes | bytearray, window: Window, over: Path | None = None) -> Path:
    """Store a mask, and return its file: float32 [height, width] of the window, 0..1, top row
    first.

    A mask that was drawn over the pixels of an image file, `over`, gets that file's windows. The
    mask lies in the user's data folder, not in the cache: it is the artist's work. Equal masks
    share one file. Raises UsageError for bad pixels, InputError for an image that cannot be read or
    has another size, OutputError when the mask cannot be written.
    """
    if not (1 <= window.width <= LARGEST_PX and 1 <= window.height <= LARGEST_PX):
        raise UsageError(f"a mask of {window}: expected 1 to {LARGEST_PX} pixels a side")
    expected = 4 * window.width * window.height
    if len(pixels) != expected:
        raise UsageError(f"a mask of {window} needs {expected} bytes; got {len(pixels)}")
    alpha = np.frombuffer(pixels, np.float32).reshape(window.shape)
    if not np.isfinite(alpha).all():
        raise UsageError("the mask has values that are not finite")
    if alpha.max() >= MATTES_BELOW:
        raise UsageError(
            f"the mask has values up to {alpha.max():g}, a matte has 0 to 1: divide it by the "
            "number that means opaque, such as 255"
        )
    alpha = alpha.clip(0, 1)
    windows = PlateFormat(window, window) if over is None else _windows_of(over, window)
    sides = *astuple(windows.data), *astuple(windows.display)
    name = digest_of("mask", *sides, alpha.tobytes())
    path = platformdirs.user_data_path("rde-roto", appauthor=False) / "keyframes" / f"{name}.exr"
    if not _holds(path, alpha):
        write_planes(path, {"A": alpha}, windows, {}, FLOAT)
    return path


def _holds(path: Path, alpha: FloatArray) -> bool:
    """Whether the file exists with exactly these pixels. A damaged one is written again."""
    try:
        return np.array_equal(read_channels(path, ["A"])[..., 0], alpha)
    except InputError:
        return False


def _windows_of(image: Path, window: Window) -> PlateFormat:
    header = read_header(image)
    if header.orientation != 1:
        raise InputError(
            f"{image}, over which the mask was drawn, is stored rotated (orientation "
            f"{header.orientation}), and hosts may show it so: save the plate upright first"
        )
    found = header.format
    if found.data.shape != window.shape:
        raise InputError(
            f"the mask is {window.width}x{window.height}, the data window of {image}, over which "
            f"it was drawn, {found.data.width}x{found.data.height}"
        )
    return PlateFormat(found.data, found.display)
