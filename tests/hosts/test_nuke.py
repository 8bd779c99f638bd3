"""The plug-in for Nuke in a stand-in for Nuke: its node, keyframes, and mattes by a real engine.

When something is missing or goes wrong is in test_nuke_failures.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import platformdirs
import pytest
from disc_shots import disc
from engine_process import kill
from fake_nuke import Node, Nuke
from fake_nuke_knobs import (
    INVISIBLE,
    AnimControlPoint,
    Enumeration,
    Layer,
    ShapeControlPoint,
)
from fake_nuke_script import built, script_of
from image_files import read_image
from nuke_session import Module, box, inside, keyframes, propagate, set_keyframe

from rde_roto_client import Client

pytest_plugins = ("command_line_fixtures", "engine_fixtures", "learn_fixtures", "nuke_fixtures")


# --- the node -------------------------------------------------------------------------------------


def test_the_menu_makes_a_node_below_what_is_selected(nuke: Nuke, node: Node) -> None:
    assert (node.name(), node.panels) == ("RDERoto1", 1)
    assert node.inputs[0].kind == "Read"
    assert node.ypos() > node.inputs[0].ypos()
    assert [child.name() for child in node.children if child.kind == "Input"] == ["Source", "Mask"]
    switch = inside(node, "OnceThereAreMattes")
    source, copy = switch.inputs[0], switch.inputs[1]
    assert (source.name(), copy.kind) == ("Source", "Copy")
    assert (copy["from0"].value(), copy["to0"].value()) == ("rgba.alpha", "rgba.alpha")
    assert (copy.inputs[0].name(), copy.inputs[1].name()) == ("Source", "Mattes")
    assert inside(node, "Output1").inputs == {0: switch}
    assert inside(node, "Mattes")["raw"].value() is True


def test_a_saved_script_has_all_of_the_node(
    nuke: Nuke, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its knobs, buttons and pulldowns too, on a machine without the plug-in."""
    set_keyframe(nuke, node, 1003)
    text = script_of(node)
    monkeypatch.setitem(sys.modules, "rde_roto_nuke", None)
    opened = built(nuke, text)
    assert opened.user_knobs == node.user_knobs
    for name in node.user_knobs:
        there, here = opened[name], node[name]
        assert (type(there), there.label, there.value()) == (type(here), here.label, here.value())
        assert there.flags & INVISIBLE == here.flags & INVISIBLE
        if isinstance(here, Enumeration):
            assert isinstance(there, Enumeration)
            assert there.values() == here.values()
    assert list(keyframes(opened)) == [1003]
    assert opened["keyframes"].flags & INVISIBLE
    assert "propagate" in opened["do_propagate"].value()
    assert [child.name() for child in opened.children] == [child.name() for child in node.children]
    switches = [inside(one, "OnceThereAreMattes") for one in (opened, node)]
    assert switches[0]["which"].expression == switches[1]["which"].expression != ""


def test_a_machine_without_the_plug_in_opens_the_panel(
    nuke: Nuke, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rde_roto_nuke", None)
    nuke.open_panel(node)
    assert nuke.messages == []


# --- keyframes ------------------------------------------------------------------------------------


def test_a_keyframe_is_kept_for_good(nuke: Nuke, node: Node, roto: Node) -> None:
    nuke.root()["proxy"].setValue(True)
    nodes = len(node.children)
    set_keyframe(nuke, node, 1003)
    kept = Path(keyframes(node)[1003])
    assert nuke.executed == [(1003, 1003, (1, ["main"]))]
    np.testing.assert_array_equal(read_image(kept)[1][..., 0], roto.painted[1003])
    data = platformdirs.user_data_path("rde-roto", appauthor=False)
    assert kept.parent == data / "keyframes", "where the engine keeps masks"
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert nuke.root()["proxy"].value() is True, "as the artist had it"
    assert len(node.children) == nodes, "no Write stays, which would be rendered with others"
    assert nuke.Undo.steps == ["RDERoto: keyframes"]
    assert node["keyframes_shown"].value() == "1003"


def test_a_keyframe_drawn_anew_leaves_the_old_file(nuke: Nuke, node: Node, roto: Node) -> None:
    set_keyframe(nuke, node, 1003)
    first = keyframes(node)
    roto.painted[1003] = box(40)
    set_keyframe(nuke, node, 1003)
    set_keyframe(nuke, node, 1001)
    assert keyframes(node)[1003] != first[1003]
    assert Path(first[1003]).is_file(), "undo, and copied nodes, have it"
    assert node["keyframes_shown"].value() == "1001, 1003"
    nuke.current_frame = 1003
    nuke.press(node, "do_remove_keyframe")
    assert list(keyframes(node)) == [1001]
    nuke.press(node, "do_remove_keyframe")
    assert nuke.messages == ["there is no keyframe at 1003: this node has 1001"]


def test_a_kept_mask_that_was_damaged_is_made_good(nuke: Nuke, node: Node, roto: Node) -> None:
    set_keyframe(nuke, node, 1003)
    kept = Path(keyframes(node)[1003])
    kept.write_bytes(b"")
    set_keyframe(nuke, node, 1003)
    assert keyframes(node)[1003] == str(kept)
    np.testing.assert_array_equal(read_image(kept)[1][..., 0], roto.painted[1003])


def test_keyframes_from_the_keys_of_the_roto(nuke: Nuke, node: Node, roto: Node) -> None:
    """Of points of shapes and strokes, and of the transforms of these and of layers."""
    curves: Any = roto["curves"]
    shape = Layer(ShapeControlPoint(1001.0), ShapeControlPoint(), moved=(1003.0,))
    stroke = Layer(AnimControlPoint(1003.0))
    curves.rootLayer = Layer(shape, Layer(stroke, moved=(1005.0,)))
    nuke.press(node, "do_keyframes_from_roto")
    assert nuke.messages == []
    assert sorted(keyframes(node)) == [1001, 1003, 1005]


def test_a_copy_has_keyframes_and_mattes_of_its_own(
    nuke: Nuke, node: Node, roto: Node, module: Module, tmp_path: Path
) -> None:
    set_keyframe(nuke, node, 1003)
    before = script_of(node)
    nuke.selected = [node]
    nuke.nodeCopy("%clipboard%")
    copy = nuke.nodePaste("%clipboard%")
    assert (copy.name(), keyframes(copy)) == ("RDERoto2", keyframes(node))
    for number, source in node.inputs.items():
        copy.setInput(number, source)
    roto.painted[1003] = box(40)
    set_keyframe(nuke, copy, 1003)
    set_keyframe(nuke, copy, 1005)
    assert keyframes(copy)[1003] != keyframes(node)[1003]
    assert script_of(node).replace(" ", "") == before.replace(" ", "")
    orders = [module("node").render_request(one) for one in (node, copy)]
    assert orders[0].out == str(tmp_path / "mattes/comp/RDERoto1/hero.####.exr")
    assert orders[1].out == str(tmp_path / "mattes/comp/RDERoto2/hero.####.exr")
    for one in (node, copy):
        one["mattes"].setValue(f"{tmp_path}/m.%04d.exr")
    with pytest.raises(module("errors").NodeError, match="RDERoto1 has its mattes in"):
        module("node").render_request(copy)


# --- mattes ---------------------------------------------------------------------------------------


def test_the_read_shows_the_engines_mattes(
    nuke: Nuke, node: Node, client: Client, module: Module, tmp_path: Path
) -> None:
    set_keyframe(nuke, node, 1003)
    propagate(nuke, node)
    assert nuke.messages == []
    read = inside(node, "Mattes")
    pattern = tmp_path / "mattes/comp/RDERoto1/hero.####.exr"
    assert read["file"].value() == str(pattern)
    assert [read[knob].value() for knob in ("first", "last")] == [1001, 1006]
    assert (read["reload"].pressed, node["has_mattes"].value()) == (1, True)
    assert node["status"].value() == f"1001-1006 in {pattern}"
    assert nuke.tasks[0].shown[-1] == ("Frames: 6 of 6", 100)
    shot = module("node").render_request(node).shot
    for frame in (1001, 1003, 1006):
        spec, pixels = read_image(Path(str(pattern).replace("####", str(frame))))
        matte = client.matte(shot, frame)
        expected = np.frombuffer(matte.pixels, np.float32).reshape(matte.height, matte.width)
        assert spec.channelnames == ("A",)
        np.testing.assert_array_equal(pixels[..., 0], expected.astype(np.float16))
    kept = read_image(Path(keyframes(node)[1003]))[1][..., 0]
    painted = read_image(pattern.with_name("hero.1003.exr"))[1][..., 0]
    np.testing.assert_array_equal(painted, kept.astype(np.float16))


def test_mattes_that_are_older_than_the_keyframes_are_called_so(nuke: Nuke, node: Node) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.press(node, "do_propagate")
    set_keyframe(nuke, node, 1001)  # while it is at work
    nuke.run_events(lambda: node["status"].value() != "at work")
    assert node["status"].value().startswith("the mattes are older than the keyframes")
    propagate(nuke, node)
    assert node["status"].value().startswith("1001-1006 in ")
    nuke.press(node, "do_remove_keyframe")
    assert node["status"].value().startswith("the mattes are older than the keyframes")


def test_the_next_propagation_goes_on_with_another_engine(
    nuke: Nuke, node: Node, tmp_path: Path
) -> None:
    """Killed in between; and frames that are shown already stay shown."""
    set_keyframe(nuke, node, 1003)
    node["mattes"].setValue("[file dirname [value root.name]]/m/a.%04d.exr")
    node["frames"].setValue("1003-1004")
    propagate(nuke, node)
    kill()
    node["frames"].setValue("1005")
    propagate(nuke, node)
    assert nuke.messages == []
    read = inside(node, "Mattes")
    assert read["file"].value() == f"{tmp_path}/m/a.%04d.exr"
    assert [read[knob].value() for knob in ("first", "last")] == [1003, 1005]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        f"a.{frame}.exr" for frame in (1003, 1004, 1005)
    ]


def test_an_engine_that_dies_at_work_is_followed_by_another(
    nuke: Nuke, node: Node, module: Module, client: Client, tmp_path: Path
) -> None:
    set_keyframe(nuke, node, 1003)
    order = module("node").render_request(node)
    first = client.hello()["pid"]

    seen: list[tuple[int, int]] = []

    class Task(module("task").Task):  # type: ignore[misc]
        def on_status(self, status: dict[str, Any]) -> None:
            seen.append((status["done"], status["total"]))
            if len(seen) == 1:
                kill()

    frames = module("engine_jobs").render(client, order, Task(None, Event()))
    assert (frames, seen[-1]) == ("1001-1006", (6, 6))
    assert client.hello()["pid"] != first
    mattes = tmp_path / "mattes/comp/RDERoto1"  # and perhaps the hidden lock of the killed one
    written = sorted(path.name for path in mattes.glob("[!.]*"))
    assert written == [f"hero.{frame}.exr" for frame in range(1001, 1007)]


def test_without_a_window_it_waits_and_says_how_far_it_is(
    nuke: Nuke, node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    set_keyframe(nuke, node, 1003)
    nuke.GUI = False
    node["frames"].setValue("1003-1004")
    nuke.press(node, "do_propagate")
    assert node["has_mattes"].value() is True
    assert "Progress: 100%" in capsys.readouterr().out.splitlines()
    assert nuke.tasks == []


# --- learning ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("short_lesson")
def test_what_was_learned_is_tracked_with_until_it_is_forgotten(
    nuke: Nuke, node: Node, roto: Node, disc_shot: Path, shy: Path, module: Module
) -> None:
    roto.painted = {1001: disc(1001).astype(np.float32)}
    node["plate"].setValue(str(disc_shot.parent / "plate/disc.####.png"))
    node["model"].setValues([str(shy)])  # type: ignore[attr-defined]
    node["model"].setValue(str(shy))
    set_keyframe(nuke, node, 1001)
    assert "learned" not in module("node").shot_of(node)
    nuke.press(node, "do_learn")
    nuke.run_events(lambda: node["status"].value() != "at work", patience_s=900)
    assert nuke.messages == []
    assert node["status"].value().startswith("learned: clips ")
    assert node["status"].value().endswith("; propagate again")
    learned = node["learned"].value()
    assert Path(learned).is_file()
    assert module("node").shot_of(node)["learned"] == learned
    assert "s left" in "".join(text for text, _ in nuke.tasks[-1].shown)
    nuke.press(node, "do_forget")
    assert "learned" not in module("node").shot_of(node)
    nuke.press(node, "do_forget")
    assert nuke.messages == ["the model has not learned anything from this shot"]


# --- pulldowns ------------------------------------------------------------------------------------


def offered(node: Node, name: str) -> list[str]:
    knob = node[name]
    assert isinstance(knob, Enumeration)
    return knob.values()


def test_pulldowns_are_filled_by_the_engine(
    nuke: Nuke, node: Node, client: Client, weights: Path
) -> None:
    assert offered(node, "preset") == ["small"]
    nuke.open_panel(node)  # no engine runs, and none is started for that
    nuke.press(node, "do_refresh")
    nuke.run_events(lambda: len(offered(node, "preset")) > 1)
    assert offered(node, "preset") == [
        "draft",
        "farm",
        "fast-motion",
        "fine",
        "hair",
        "small",
        "standard",
    ]
    assert node["preset"].value() == "small"
    assert offered(node, "model")[0] == node["model"].value() == str(weights), "stays chosen"
    assert "rde-lite" in offered(node, "model")
    node["preset"].setValue("standard")
    enumeration: Any = node["preset"]
    enumeration.setValues(["standard"])
    nuke.open_panel(node)
    nuke.run_events(lambda: len(offered(node, "preset")) > 1)
    assert nuke.messages == []


def test_a_new_node_offers_something_without_an_engine(nuke: Nuke, module: Module) -> None:
    node = module("node").build()
    assert offered(node, "preset") == ["standard", "draft", "fine"]
    assert offered(node, "model") == ["rde-lite"]
