"""The plug-in for Nuke when something is missing, goes wrong, or is cancelled: one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_nuke import Node, Nuke
from nuke_session import Module, keyframes, propagate, set_keyframe

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
        ("frames", "all", "the frames are 'all': expected, for instance, 1001-1100"),
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
    unfit = module("errors").NodeError
    for source, frame, sentence in (
        (None, "", "nothing is connected to Source"),
        (grade, "", "Source comes from Grade1"),
        (read, "frame+10", "Read1 shifts its frames"),
    ):
        node.setInput(0, source)
        read["frame"].setValue(frame)
        with pytest.raises(unfit, match=sentence):
            module("node").render_request(node)
    nuke.root()["project_directory"].setValue(str(plate.parent))
    node["plate"].setValue("hero.%04d.exr")
    found = module("node").render_request(node).shot["plate"]
    assert found == {"path": str(plate).replace("####", "%04d")}


def test_the_folder_of_a_node_that_was_renamed_is_not_taken(
    nuke: Nuke, node: Node, module: Module
) -> None:
    set_keyframe(nuke, node, 1003)
    out = module("node").render_request(node).out
    module("node").show_mattes(node, out, "1001-1006")
    nuke.selected = [node]
    nuke.nodeCopy("%clipboard%")
    node.setName("Hero1")
    other = nuke.nodePaste("%clipboard%")
    other["has_mattes"].setValue(False)
    other.setInput(0, node.inputs[0])
    assert other.name() == "RDERoto1"
    with pytest.raises(module("errors").NodeError, match="Hero1 has its mattes in"):
        module("node").render_request(other)


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


def test_a_node_that_was_renamed_is_cancelled_and_its_copy_is_not(nuke: Nuke, long: Node) -> None:
    nuke.press(long, "do_propagate")
    nuke.selected = [long]
    nuke.nodeCopy("%clipboard%")
    long.setName("Hero1")
    copy = nuke.nodePaste("%clipboard%")
    assert copy.name() == "RDERoto1"
    nuke.press(copy, "do_cancel")
    assert nuke.messages.pop() == "RDERoto1 has nothing to cancel"
    nuke.press(long, "do_propagate")
    assert nuke.messages.pop() == "Hero1 is at work already: press Cancel first, or wait"
    nuke.press(long, "do_cancel")
    nuke.run_events(lambda: bool(long["status"].value() != "at work"))
    assert (long["status"].value(), nuke.messages) == ("cancelled", [])


def test_an_id_is_not_copied_whatever_a_script_has_kept_of_its_knob(
    nuke: Nuke, node: Node, module: Module
) -> None:
    id_of = module("node").id_of
    id_of(node)
    node["rde_roto_id"].flags = 0  # a script has the knob without flags
    before = id_of(node)
    nuke.selected = [node]
    nuke.nodeCopy("%clipboard%")
    assert id_of(nuke.nodePaste("%clipboard%")) != before
    assert id_of(node) == before


def test_cancelled_while_the_engine_starts(nuke: Nuke, node: Node) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.press(node, "do_propagate")
    nuke.press(node, "do_cancel")
    nuke.run_events(lambda: bool(node["status"].value() != "at work"))
    assert (node["status"].value(), nuke.messages) == ("cancelled", [])


def test_a_node_that_is_deleted_meanwhile(nuke: Nuke, node: Node, module: Module) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.press(node, "do_propagate")
    worker = module("background").Worker(module("node").id_of(node), "")
    assert module("background").is_running(worker)
    nuke.delete(node)
    nuke.run_events(lambda: not module("background").is_running(worker))
    assert nuke.messages == []
