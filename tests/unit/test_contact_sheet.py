from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import ramp
from numpy.typing import NDArray
from PIL import Image

from rde_roto.images.pictures.contact_sheet import contact_sheet
from rde_roto.values.matte import FloatArray

PLATE = ramp(180, 320)


def square(left: int) -> FloatArray:
    """A soft-edged square in a plane [180, 320]."""
    alpha = np.zeros((180, 320), np.float32)
    alpha[40:140, left : left + 100] = 0.5
    alpha[41:139, left + 1 : left + 99] = 1
    return alpha


def draw(path: Path, *rows: tuple[int, FloatArray, FloatArray]) -> NDArray[np.uint8]:
    path.write_bytes(contact_sheet(rows))
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        return np.asarray(image)


def cells(sheet: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The three pictures of the last row, found by where they must lie: 416x234, 6 apart."""
    bottom = sheet.shape[0] - 18
    return [sheet[bottom - 234 : bottom, x : x + 416] for x in (18, 440, 862)]


def test_a_row_shows_plate_overlay_and_matte(tmp_path: Path) -> None:
    plate, overlay, matte = cells(draw(tmp_path / "s.png", (1001, PLATE, square(110)[None])))
    expected = np.rint(PLATE[90, 160] * 255)
    assert np.abs(plate[117, 208].astype(int) - expected).max() < 16  # the noise is smoothed
    assert matte[117, 208].tolist() == [255, 255, 255]
    assert matte[5, 5].tolist() == [0, 0, 0]
    assert overlay[20, 380].max() < 0.6 * plate[20, 380].max()  # dark outside
    inside, below = overlay[117, 208].astype(int), plate[117, 208].astype(int)
    assert inside[2] - inside[0] > below[2] - below[0] + 30  # tinted blue inside


def test_several_elements_have_colours_of_their_own(tmp_path: Path) -> None:
    alpha = np.stack([square(20), square(200)])
    _, _, matte = cells(draw(tmp_path / "s.png", (1001, PLATE, alpha)))
    left, right = matte[117, 90], matte[117, 325]
    assert left.max() > 200
    assert right.max() > 200
    assert np.abs(left.astype(int) - right).max() > 100


def test_rows_lie_below_one_another_with_their_numbers(tmp_path: Path) -> None:
    one = draw(tmp_path / "a.png", (1001, PLATE, square(10)[None]))
    two = draw(tmp_path / "b.png", (1001, PLATE, square(10)[None]), (-7, PLATE, square(10)[None]))
    assert two.shape[0] - one.shape[0] == 234 + 6
    assert one.shape[1] == two.shape[1] == 1296
    badge_1001, badge_7 = (cells(sheet)[0][-20:, :30] for sheet in (one, two))
    assert (badge_1001 > 180).any()
    assert not np.array_equal(badge_1001, badge_7)


def test_without_rows_there_is_no_sheet() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        contact_sheet([])
