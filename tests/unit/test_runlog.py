from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rde_roto.training.runlog import LogRow, RunLog, draw_curve, read_log
from rde_roto.values.errors import InputError


def row(iteration: int, segmentation: float = 1.0, guidance: float = 0.0) -> LogRow:
    return LogRow(
        iteration,
        seconds=0.5 * iteration,
        waited=0.01,
        frames=3,
        segmentation=segmentation,
        guidance=guidance,
        consistency=0.125,
        gradient_norm=2.0,
        rate=1.0,
    )


def test_a_log_comes_back_as_it_was_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path, iteration=0)
    for iteration in (1, 2):
        log.add(row(iteration))
    assert read_log(tmp_path) == []  # nothing before the flush
    log.flush()
    log.add(row(3))
    log.flush()
    assert read_log(tmp_path) == [row(1), row(2), row(3)]


def test_rows_that_are_trained_again_are_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path, iteration=0)
    for iteration in range(1, 6):
        log.add(row(iteration))
    log.flush()
    resumed = RunLog(tmp_path, iteration=3)
    resumed.add(row(4, segmentation=0.5))
    resumed.flush()
    assert read_log(tmp_path) == [row(1), row(2), row(3), row(4, segmentation=0.5)]


def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    RunLog(tmp_path, iteration=0)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,what\n")
    with pytest.raises(InputError, match=r"log\.csv"):
        read_log(tmp_path)


def test_a_line_that_a_kill_cut_is_left_out(tmp_path: Path) -> None:
    log = RunLog(tmp_path, iteration=0)
    log.add(row(1))
    log.flush()
    with (tmp_path / "log.csv").open("a") as file:
        file.write("2,1.0,0.0")
    assert read_log(tmp_path) == [row(1)]


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.unique(np.array(image).reshape(-1, 3), axis=0)}


def test_a_curve_shows_the_terms_there_are() -> None:
    blue, orange, green = (31, 119, 180), (255, 127, 14), (44, 160, 44)
    rows = [row(n, segmentation=1 / n) for n in range(1, 50)]
    assert {blue, green} <= colours(draw_curve(rows))
    assert orange not in colours(draw_curve(rows))
    rows = [row(n, segmentation=1 / n, guidance=0.1) for n in range(1, 50)]
    assert {blue, green, orange} <= colours(draw_curve(rows))


def test_a_curve_falls_where_the_loss_does() -> None:
    rows = [row(n, segmentation=10.0 ** -(n // 50)) for n in range(100)]
    pixels = np.array(draw_curve(rows))
    drawn = np.argwhere((pixels == (31, 119, 180)).all(axis=2))
    drawn = drawn[drawn[:, 0] > 56]  # below the legend
    left, right = drawn[drawn[:, 1] < 400], drawn[drawn[:, 1] > 560]
    assert left[:, 0].mean() + 50 < right[:, 0].mean()


def test_an_empty_run_has_an_empty_curve() -> None:
    assert colours(draw_curve([])) == {(255, 255, 255)}
