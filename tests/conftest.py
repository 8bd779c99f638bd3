"""What several test modules share."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import settings

from rde_roto.net import RDE_LITE, RDENet
from seeded import seeded_network

# Machines that run tests are busy: an example that takes long is no failure.
settings.register_profile("rde-roto", deadline=None)
settings.load_profile("rde-roto")

try:
    import PySide6.QtWidgets  # noqa: F401
except ImportError:  # viewer/test_qt.py says so, and nothing else there can
    collect_ignore_glob = ["viewer/test_[!q]*.py"]

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """In this process and its children: some float32 layers give other last bits with another
    number of threads, and more threads than cores wait for each other.
    """
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture
def document(request: pytest.FixtureRequest) -> Path:
    """A shot to work on, of the window's tests or of those of a session. Not two of one name in
    their plugins: these are shared by all modules that run together.
    """
    kind = "window" if request.path.parent.name == "viewer" else "session"
    path: Path = request.getfixturevalue(f"{kind}_document")
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference fixtures and footage beside the repository, which may be absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference data are not here: no folder {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    """The folder of what the published network gave."""
    return shared / "reference" / "golden"


@pytest.fixture(scope="session")
def inputs(golden: Path) -> ModuleType:
    """The generator of weights, clips and masks that comes with the fixtures."""
    spec = importlib.util.spec_from_file_location("golden_inputs", golden / "golden_inputs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def lite() -> RDENet:
    """rde-lite with seeded weights. Shared: nobody trains it."""
    return seeded_network(RDE_LITE).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def toy() -> RDENet:
    """rde-lite's design with a quarter of its width behind the trunk. Shared: nobody trains it."""
    config = dataclasses.replace(
        RDE_LITE, name="toy", key_dim=16, value_dim=32, decoder_dims=(32, 24, 16)
    )
    return seeded_network(config).eval().requires_grad_(False)
