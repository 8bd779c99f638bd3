"""Fixtures of the tests of the plug-in for Nuke: a session, its script, and a node in it."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_nuke import Node, Nuke
from nuke_session import PLUGIN, Module, box, write_alpha


@pytest.fixture
def nuke(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nuke]:
    """A session with the plug-in, as Nuke loads it; its script is saved."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    with Nuke(write_alpha) as nuke:
        monkeypatch.setitem(sys.modules, "nuke", nuke)
        for name in [*sys.modules]:  # each session has modules of its own
            if name.partition(".")[0] == "rde_roto_nuke":
                monkeypatch.delitem(sys.modules, name)
        runpy.run_path(str(PLUGIN / "init.py"))
        runpy.run_path(str(PLUGIN / "menu.py"))
        nuke.root().script = str(tmp_path / "comp.nk")
        yield nuke


@pytest.fixture
def module(nuke: Nuke) -> Module:
    """One of the plug-in's, by its name."""
    return lambda name: importlib.import_module(f"rde_roto_nuke.{name}")


@pytest.fixture
def small(home: Path, weights: Path) -> str:
    """A preset for pictures as small as these, among the user's own; its name."""
    folder = home / "config/rde-roto/presets"
    folder.mkdir(parents=True, exist_ok=True)
    text = "extends: standard\ntracking:\n  lines: 96\n"
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    return "small"


@pytest.fixture
def roto(nuke: Nuke) -> Node:
    """Draws at 1001, 1003 and 1005."""
    roto = nuke.nodes.Roto()
    roto.painted = {1001: box(10), 1003: box(20), 1005: box(30)}
    return roto


@pytest.fixture
def node(nuke: Nuke, plate: Path, roto: Node, weights: Path, small: str) -> Node:
    """RDERoto1 below the plate's Read, the roto in its Mask; its model is the tests' own."""
    read = nuke.nodes.Read(file=str(plate))
    nuke.selected = [read]
    nuke.menu("Nodes").entries["rde-roto"].entries["RDERoto"]()
    node = next(node for node in nuke.root().children if node.kind == "Group")
    dot = nuke.nodes.Dot()
    dot.setInput(0, roto)
    assert node.setInput(1, dot)
    for knob, chosen in (("preset", small), ("model", str(weights))):
        node[knob].setValues([chosen])  # type: ignore[attr-defined]
        node[knob].setValue(chosen)
    return node
