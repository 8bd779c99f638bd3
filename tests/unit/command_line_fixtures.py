"""Fixtures of the command line's tests: a plugin, which those name in `pytest_plugins`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from command_line import HEIGHT, WIDTH, Run, box_mask
from image_files import ramp, write_image

from rde_roto.documents.model_card import ModelCard
from rde_roto.doors import cli
from rde_roto.model.weight_files import save_weights
from rde_roto.model.weights import write_card
from rde_roto.net import RDE_LITE, RDENet


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random rde-lite with a card: what is tested here does not depend on what it has learnt."""
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    torch.manual_seed(3)
    sha256 = save_weights(RDENet(RDE_LITE).state_dict(), path)
    card = ModelCard(
        name="random",
        architecture="rde-lite",
        sha256=sha256,
        licence="CC0",
        commercial_use="allowed",
        summary="untrained",
    )
    write_card(card, path)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no preset, model, licence or cache comes from the user's."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / "home" / kind.lower()))
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "home/cache"))
    return tmp_path / "home"


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Six half EXRs, 1001-1006; the pattern that names them."""
    (tmp_path / "plate").mkdir()
    for frame in range(1001, 1007):
        write_image(tmp_path / f"plate/hero.{frame}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    return tmp_path / "plate/hero.####.exr"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A soft matte of one element, 16 bit."""
    return box_mask(tmp_path / "mask.png", 20)


@pytest.fixture
def shot_document(plate: Path, mask: Path, weights: Path, tmp_path: Path) -> Path:
    """``hero.shot.yaml``: the six frames, and a keyframe in their midst."""
    path = tmp_path / "hero.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\n"
        f"plate: {{path: {plate}}}\n"
        "elements: [{id: hero}]\n"
        f"keyframes: [{{frame: 1003, mask: {mask}}}]\n"
        "overrides: {tracking.lines: 96}\n"
        f"model: {weights}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command in this process; returns its exit code."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["rde-roto", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code if isinstance(ended.value.code, int) else 0

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def new_shot(run: Run, plate: Path, mask: Path, weights: Path, tmp_path: Path) -> Path:
    """A shot document: six frames, hero drawn at 1001, a random network."""
    path = tmp_path / "hero.shot.yaml"
    options = ["--keyframe", f"1001:hero={mask}", "--model", weights, "--out", path]
    assert run("shot", "new", plate, *options, "--set", "tracking.lines=96") == 0
    return path
