"""The loss of a run, as a window shows it while the run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from rde_roto.doors.viewer.training_window import TrainingWindow, running_mean
from rde_roto.training.runlog import LogFollower, LogRow, RunLog

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")


def trained(run: Path, first: int, last: int) -> None:
    """Logs iterations, of a recipe without guidance, as the trainer does."""
    log = RunLog(run, first - 1)
    for iteration in range(first, last + 1):
        loss = 1 / iteration
        log.add(LogRow(iteration, 2.0 * iteration, 0.1, 8, loss, 0.0, loss / 10, 1.0, 0.5))
    log.flush()


def test_the_curves_grow_with_the_log(app: QApplication, tmp_path: Path) -> None:
    window = TrainingWindow(tmp_path)
    assert window.state.text() == "no iteration is logged yet"
    trained(tmp_path, 1, 200)
    window.poll()
    single, mean = window.curves["segmentation"]
    x, y = single.getOriginalDataset()
    assert (x[-1], y[-1]) == (200, 1 / 200)
    assert np.isnan(window.curves["guidance"][0].getOriginalDataset()[1]).all()
    assert window.state.text() == "iteration 200   7 min   rate 0.5   5 % waiting"
    trained(tmp_path, 201, 300)
    window.poll()
    assert mean.getOriginalDataset()[0][-1] == 300
    window.close()


def test_values_are_read_under_the_mouse(app: QApplication, tmp_path: Path) -> None:
    trained(tmp_path, 1, 100)
    window = TrainingWindow(tmp_path)
    window.show()
    app.processEvents()
    box = window.plot.getPlotItem().getViewBox()
    window.read_at(box.mapViewToScene(QPointF(50.2, -1)))
    assert window.reading.text() == "iteration 50   segmentation 0.02   consistency 0.002"
    window.read_at(QPointF(-5, -5))
    assert window.reading.text() == ""
    window.close()


def test_a_resumed_run_is_read_anew_and_a_damaged_log_is_named(
    app: QApplication, tmp_path: Path
) -> None:
    trained(tmp_path, 1, 20)
    follower = LogFollower(tmp_path)
    assert follower.poll()
    assert not follower.poll()
    trained(tmp_path, 11, 15)  # resumed at 10
    assert follower.poll()
    assert [row.iteration for row in follower.rows] == list(range(1, 16))
    with (tmp_path / "log.csv").open("a", encoding="utf-8") as log:
        log.write("16,32.0")  # half a line: it is still being written
    assert not follower.poll()
    with (tmp_path / "log.csv").open("a", encoding="utf-8") as log:
        log.write("\n")
    window = TrainingWindow(tmp_path)
    assert "log.csv is damaged" in window.state.text()
    window.close()


def test_the_running_mean_leaves_out_what_is_not_finite() -> None:
    values = np.array([1.0, np.nan, 3.0] * 80)
    mean = running_mean(values)
    np.testing.assert_allclose(mean[2:], 2.0)
    assert np.isnan(running_mean(np.array([np.nan]))).all()


def test_train_watch_shows_a_window_and_names_a_folder_that_is_none(tmp_path: Path) -> None:
    trained(tmp_path, 1, 5)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-u", "-m", "rde_roto.doors.cli", "train", "watch"]
    nothing = subprocess.run(
        [*command, str(tmp_path / "none")], env=environment, capture_output=True, text=True
    )
    assert nothing.returncode == 4
    assert "expected the folder of a run" in nothing.stderr
    no_screen = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    train = [*command[:-1], "rde-lite", "--out", str(tmp_path / "run"), "--watch"]
    refused = subprocess.run(train, env=no_screen, capture_output=True, text=True)
    if sys.platform == "linux":
        assert refused.returncode == 2
        assert "there is no display here" in refused.stderr
        assert not (tmp_path / "run").exists()
    code = (
        "import sys, os, signal\n"
        "from rde_roto.doors.viewer import training_window as t\n"
        "class W(t.TrainingWindow):\n"
        "    def showEvent(self, event):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)  # before the event loop runs\n"
        "t.TrainingWindow = W\n"
        "sys.argv = ['rde-roto', 'train', 'watch', sys.argv[1]]\n"
        "from rde_roto.doors.cli import main; main()"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert shown.returncode == 143, shown.stderr
