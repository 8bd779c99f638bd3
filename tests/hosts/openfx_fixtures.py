"""What the tests of the OpenFX plug-in share: the binary, a run folder, an engine and a host."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from ofx_host import GENERAL, OK, Effect, Host, instance
from openfx_plugin import MORE_FLAGS, SHOT, build


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in in a bundle, as a host finds it."""
    return build(tmp_path_factory.mktemp("ofx"), os.environ.get(MORE_FLAGS, "").split())


@pytest.fixture
def ofx_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty run folder; its name is short, since that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="rde") as folder:
        monkeypatch.setenv("RDE_ROTO_RUN", str(Path(folder, "run")))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.setenv("HOME", str(tmp_path))
        yield Path(folder, "run")


@pytest.fixture
def engine(ofx_run: Path) -> Iterator[FakeEngine]:
    with FakeEngine(ofx_run) as listening:
        yield listening


@pytest.fixture
def host(binary: Path) -> Iterator[Host]:
    """A host with the plug-in loaded. What the plug-in must not do fails the test."""
    loaded = Host(binary)
    assert loaded.load() == OK
    yield loaded
    assert loaded.trespasses == []
    assert loaded.held_images == 0


@pytest.fixture
def node(host: Host) -> Iterator[Effect]:
    """An instance in the general context whose shot has one keyframe."""
    with instance(host, GENERAL, SHOT) as effect:
        yield effect


@pytest.fixture
def fresh(binary: Path, tmp_path: Path) -> Host:
    """A host with a plug-in that has started no engine yet."""
    copied = tmp_path / "fresh.ofx"
    shutil.copy(binary, copied)
    host = Host(copied)
    assert host.load() == OK
    return host
