"""Masks for photographs without masks: which regions count as things."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tools.still_masks import Mask, agreed, main

SKY, GROUND, POST, TWINS, CRUMB = range(1, 6)


def segmented() -> np.ndarray:
    """120x160: sky and ground along the border, a thin post, two boxes of one number, a crumb."""
    numbers = np.full((120, 160), SKY, np.uint8)
    numbers[60:] = GROUND
    numbers[20:100, 30:33] = POST
    numbers[50:80, 60:90] = numbers[50:80, 110:140] = TWINS
    numbers[5:9, 150:154] = CRUMB
    return numbers


def test_regions_are_things_if_they_are_of_a_size_thick_and_off_the_border(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("images", "masks"):
        (tmp_path / "set" / kind).mkdir(parents=True)
    Image.new("RGB", (160, 120)).save(tmp_path / "set/images/one.jpg")
    Image.fromarray(segmented()).save(tmp_path / "set/masks/one.png")
    asked = ["still_masks", "regions", str(tmp_path / "set"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", asked)
    main()
    numbers = np.asarray(Image.open(tmp_path / "out/masks/one.png"))
    assert np.array_equal(numbers > 0, segmented() == TWINS)
    assert set(numbers[50:80, 60:90].flat) | set(numbers[50:80, 110:140].flat) == {1, 2}, "apart"
    assert (tmp_path / "out/images/one.jpg").samefile(tmp_path / "set/images/one.jpg")


def test_a_clicked_thing_counts_if_clicks_elsewhere_in_it_select_the_same() -> None:
    box: Mask = np.zeros((100, 100), bool)
    box[30:70, 20:80] = True

    def whole(_x: float, _y: float) -> Mask:
        return box

    def half(x: float, _y: float) -> Mask:
        return box & (np.arange(100) < 50) if x < 50 else box

    found = agreed(whole, 50, 50, random.Random(1))
    assert found is not None
    assert np.array_equal(found, box)
    assert agreed(half, 60, 50, random.Random(2)) is None
