"""The plug-in for Nuke when something is missing, goes wrong, or is cancelled: one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fake_nuke import Node, Nuke
from interpreters import PYTHONS, interpreter
from nuke_session import PLUGIN, ROOT, Module, keyframes, propagate, set_keyframe

from rde_roto_client.places import launch_file

pytest_plugins = ("command_line_fixtures", "engine_fixtures", "nuke_fixtures")


# --- what does not fit ----------------------------------------------------------------------------


def test_a_plate_that_is_gone(nuke: Nuke, node: Node, plate: Path) -> None:
    set_keyframe(nuke, node, 1003)
    for file in plate.parent.iterdir():
        file.unlink()
    propagate(nuke, node)
    (sentence,) = nuke.messages
    assert str(plate.parent) in sentence
    assert "Traceback" not in sentence
    assert node["status"].value() == sentence
    assert node["has_mattes"].value() is False


def test_what_the_node_lacks(nuke: Nuke, node: Node, roto: Node) -> None:
    def said(button: str) -> str:
        nuke.messages.clear()
        nuke.press(node, button)
        (sentence,) = nuke.messages
        return sentence

    assert said("do_propagate").startswith("this node has no keyframe: draw a roto into Mask")
    nuke.current_frame = 1002
    assert said("do_set_keyframe") == "Mask cannot be rendered at 1002: there is nothing to render"
    mask = node.inputs.pop(1)
    assert said("do_set_keyframe").startswith("nothing is connected to Mask")
    assert said("do_keyframes_from_roto").startswith("Mask does not come straight from a Roto")
    node.setInput(1, mask)
    assert said("do_keyframes_from_roto").startswith("the shapes of Roto1 have no keys")
    assert said("do_cancel") == "RDERoto1 has nothing to cancel"
    assert keyframes(node) == {}
    nuke.messages.clear()
    set_keyframe(nuke, node, 1003)
    for knob, wrong, sentence in (
        ("element", "the hero", "the element is called 'the hero'"),
        ("frames", "all", "the frames are 'all': expected such as 1001-1100"),
        ("mattes", "/tmp/m.####.png", "expected a name that ends in .exr"),
        ("keyframes", "[[1]]", "the node's keyframes cannot be read"),
    ):
        was = node[knob].value()
        node[knob].setValue(wrong)
        assert sentence in said("do_propagate")
        node[knob].setValue(was)
    nuke.root().script = "Root"
    assert said("do_propagate").startswith("save the script first")


def test_a_plate_that_is_not_known(nuke: Nuke, node: Node, plate: Path, module: Module) -> None:
    """Between the Read and the node nothing may move or retime the picture unseen."""
    set_keyframe(nuke, node, 1003)
    read = node.inputs[0]
    grade = nuke.nodes.Grade()
    grade.setInput(0, read)
    unfit = module("sentences").UnfitError
    for source, frame, sentence in (
        (None, "", "nothing is connected to Source"),
        (grade, "", "Source comes from Grade1"),
        (read, "frame+10", "Read1 shifts its frames"),
    ):
        node.setInput(0, source)
        read["frame"].setValue(frame)
        with pytest.raises(unfit, match=sentence):
            module("node").order(node)
    nuke.root()["project_directory"].setValue(str(plate.parent))
    node["plate"].setValue("hero.%04d.exr")
    found = module("node").order(node).shot["plate"]
    assert found == {"path": str(plate).replace("####", "%04d")}


def test_the_folder_of_a_node_that_was_renamed_is_not_taken(
    nuke: Nuke, node: Node, module: Module
) -> None:
    set_keyframe(nuke, node, 1003)
    out = module("node").order(node).out
    module("node").show_mattes(node, out, "1001-1006")
    nuke.selected = [node]
    nuke.nodeCopy("%clipboard%")
    node.setName("Hero1")
    other = nuke.nodePaste("%clipboard%")
    other["has_mattes"].setValue(False)
    other.setInput(0, node.inputs[0])
    assert other.name() == "RDERoto1"
    with pytest.raises(module("sentences").UnfitError, match="Hero1 has its mattes in"):
        module("node").order(other)


def test_without_a_window_a_sentence_ends_the_render(nuke: Nuke, node: Node) -> None:
    nuke.GUI = False
    with pytest.raises(RuntimeError, match=r"^rde-roto: this node has no keyframe"):
        nuke.press(node, "do_propagate")


def test_no_engine_on_this_machine(nuke: Nuke, node: Node) -> None:
    launch_file().unlink()
    nuke.press(node, "do_refresh")
    nuke.run_events(lambda: bool(nuke.messages))
    assert "there is no engine on this machine for this user" in nuke.messages.pop()
    set_keyframe(nuke, node, 1003)  # needs none
    propagate(nuke, node)
    assert "run install.py" in nuke.messages[0]


# --- cancelling -----------------------------------------------------------------------------------


@pytest.fixture
def long(nuke: Nuke, node: Node, plate: Path, roto: Node) -> Node:
    """The node, with a plate of a thousand frames, all of one file."""
    first = plate.with_name("hero.1001.exr")
    for frame in range(1007, 2001):
        plate.with_name(f"hero.{frame}.exr").hardlink_to(first)
    set_keyframe(nuke, node, 1001)
    return node


@pytest.mark.parametrize("by", ["bar", "button"])
def test_what_is_cancelled_ends(nuke: Nuke, long: Node, by: str, tmp_path: Path) -> None:
    nuke.press(long, "do_propagate")
    nuke.run_events(lambda: bool(nuke.tasks) and bool(nuke.tasks[0].shown))
    nuke.press(long, "do_propagate")
    assert nuke.messages.pop() == "RDERoto1 is at work already: press Cancel first, or wait"
    if by == "bar":
        nuke.tasks[0].is_cancelled = True
    else:
        nuke.press(long, "do_cancel")
    nuke.run_events(lambda: bool(long["status"].value() != "at work"))
    assert (long["status"].value(), nuke.messages) == ("cancelled", [])
    assert len(list(tmp_path.glob("mattes/comp/RDERoto1/*"))) < 1000
    assert long["has_mattes"].value() is False


def test_cancelled_while_the_engine_starts(nuke: Nuke, node: Node) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.press(node, "do_propagate")
    nuke.press(node, "do_cancel")
    nuke.run_events(lambda: bool(node["status"].value() != "at work"))
    assert (node["status"].value(), nuke.messages) == ("cancelled", [])


def test_a_node_that_is_deleted_meanwhile(nuke: Nuke, node: Node, module: Module) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.press(node, "do_propagate")
    nuke.delete(node)
    running = module("work")._running
    nuke.run_events(lambda: not running)
    assert nuke.messages == []


# --- other Pythons --------------------------------------------------------------------------------

SCRIPT = """
import json, pathlib, runpy, sys, types
plugin, mask = sys.argv[1:]
nuke = sys.modules["nuke"] = types.ModuleType("nuke")
nuke.GUI = False
for path in pathlib.Path(plugin).rglob("*.py"):
    compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
runpy.run_path(plugin + "/init.py")
import rde_roto_nuke
assert rde_roto_nuke.__file__.startswith(plugin)
from rde_roto_nuke import keyframes, masks, shots
kept = str(masks.keep(pathlib.Path(mask)))
text = keyframes.with_one(keyframes.with_one("", 1005, kept), 1001, kept)
values = shots.Values("/p/a.%04d.exr", "", "hero", "fine", "rde-lite", keyframes.parse(text))
print(json.dumps([kept, shots.shot_of(values)]))
"""


def install(folder: Path) -> None:
    """As host.json says."""
    said = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    client = [ROOT / "engine" / "rde_roto_client"] if said["client"] else []
    for path in [PLUGIN / name for name in said["files"]] + client:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)


@pytest.mark.parametrize("version", PYTHONS)
def test_a_nuke_with_that_python(version: str, home: Path, tmp_path: Path) -> None:
    """What is installed compiles and is imported; what needs no Nuke gives the same."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    installed, mask = tmp_path / ".nuke" / "rde_roto", tmp_path / "mask.exr"
    install(installed)
    mask.write_bytes(b"a mask")
    command = [python, "-B", "-W", "error", "-c", SCRIPT, str(installed), str(mask)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
    kept, shot = json.loads(done.stdout)
    assert Path(kept).read_bytes() == b"a mask"
    expected: dict[str, Any] = {"mask": kept, "mask_as": "matte"}
    assert shot["keyframes"] == [{"frame": 1001, **expected}, {"frame": 1005, **expected}]
    assert (shot["plate"], shot["preset"]) == ({"path": "/p/a.%04d.exr"}, "fine")


def test_what_is_installed_is_there() -> None:
    said = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    assert sorted(said["files"]) == sorted(
        path.name
        for path in PLUGIN.iterdir()
        if path.name not in ("host.json", "__pycache__", ".mypy_cache")
    )
    assert said["client"] is True
    assert set(said["targets"]) == {"linux", "macos", "windows"}
