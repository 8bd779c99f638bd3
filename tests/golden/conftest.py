"""The fixtures of the published network: where they lie and what generates their input."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
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
