"""The node by the word of others: its text is read by Tcl, the language of Nuke's scripts, and the
stand-in is compared with the published types of Nuke's Python.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from pathlib import Path
from typing import Any

import fake_nuke
import fake_nuke_knobs
import pytest
from fake_nuke import Node, Nuke
from fake_nuke_script import script_of
from nuke_session import ROOT, Module

pytest_plugins = ("command_line_fixtures", "engine_fixtures", "nuke_fixtures")

EXAMPLE = ROOT / "docs" / "nuke-example.nk"
PLATE = r"\[file dirname \[value root.name]]/../engine/rde_roto/demo/shot/plate/demo.####.exr"
BEFORE = f"""version 13.0 v1
Root {{
 inputs 0
 first_frame 1001
 last_frame 1048
 frame 1001
}}
StickyNote {{
 inputs 0
 name Steps
 label "1. draw the robot in Roto1 at frame 1001\\n2. RDERoto1: Set keyframe\\n3. Propagate"
 xpos 120
 ypos 0
}}
Read {{
 inputs 0
 file "{PLATE}"
 first 1001
 last 1048
 name Plate
 xpos 0
 ypos 0
}}
set Nplate [stack 0]
Roto {{
 inputs 1
 output alpha
 name Roto1
 xpos -120
 ypos 60
}}
push $Nplate
"""
AFTER = r"""Write {
 file "\[file dirname \[value root.name]]/out/robot.####.exr"
 channels rgba
 file_type exr
 name Write1
 xpos 0
 ypos 180
}
"""


def example(node: Node) -> str:
    """A script around a new node: the demo shot's plate, a Roto to draw in, and a Write."""
    text = script_of(node).replace("\n inputs 0\n", "\n inputs 2\n", 1)
    return f"{BEFORE}{text}{AFTER}"


@pytest.fixture
def new(nuke: Nuke, module: Module) -> Node:
    node: Node = module("node").build()
    return node


def test_the_example_of_the_page_has_todays_node(new: Node) -> None:
    """`RDE_ROTO_NEW_PICTURES=1` makes it again, as it does the window's pictures."""
    if os.environ.get("RDE_ROTO_NEW_PICTURES"):
        EXAMPLE.write_text(example(new), encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8") == example(new)


class Script:
    """A script of Nuke's, which is Tcl, run by Tcl itself: its nodes by their full names."""

    def __init__(self, text: str) -> None:
        self.tcl: Any = pytest.importorskip("tkinter", reason="this Python has no Tcl").Tcl()
        self.knobs: dict[str, list[tuple[str, str]]] = {}
        self.inputs: dict[str, list[str]] = {}
        self._stack: list[str] = []
        self._groups: list[tuple[str, list[str]]] = []
        for name, command in (
            ("node", self._node),
            ("push", self._stack_push),
            ("stack", lambda place: self._stack[-1 - int(place)]),
            ("end_group", self._end_group),
            ("version", lambda *_: None),
        ):
            self.tcl.createcommand(name, command)
        self.tcl.eval("proc unknown {class body} {node $class $body}")
        self.tcl.eval(text)
        assert self._groups == []

    def of(self, name: str) -> dict[str, str]:
        return dict(self.knobs[name])

    def own_knobs(self, name: str) -> list[str]:
        defined = [value for knob, value in self.knobs[name] if knob == "addUserKnob"]
        return [str(self.tcl.splitlist(value)[1]) for value in defined]

    def _node(self, kind: str, body: str) -> None:
        words = self.tcl.splitlist(body)
        knobs = list(zip(words[::2], words[1::2], strict=True))
        said = dict(knobs)
        above = "".join(f"{group}." for group, _ in self._groups)
        name = above + said.get("name", kind)
        assert name not in self.knobs
        self.knobs[name] = knobs
        self.inputs[name] = [self._stack.pop() for _ in range(int(said.get("inputs", "1")))]
        if kind == "Group":
            self._groups.append((name, self._stack))
            self._stack = []
        elif kind not in ("Root", "StickyNote"):
            self._stack.append(name)

    def _stack_push(self, name: str) -> None:
        self._stack.append(name)

    def _end_group(self) -> None:
        name, self._stack = self._groups.pop()
        self._stack.append(name)


def test_tcl_reads_the_example_as_it_is_meant(new: Node) -> None:
    script = Script(EXAMPLE.read_text(encoding="utf-8"))
    assert script.inputs["Roto1"] == ["Plate"]
    assert script.inputs["RDERoto1"] == ["Plate", "Roto1"]
    assert script.inputs["Write1"] == ["RDERoto1"]
    inner = {child.name(): child for child in new.children}
    assert {name for name in script.knobs if "." in name} == {f"RDERoto1.{name}" for name in inner}
    for name, child in inner.items():
        above = [f"RDERoto1.{child.inputs[n].name()}" for n in sorted(child.inputs)]
        assert script.inputs[f"RDERoto1.{name}"] == above
    assert script.own_knobs("RDERoto1") == new.user_knobs
    changed, which = new["knobChanged"].value(), inner["OnceThereAreMattes"]["which"].expression
    assert script.of("RDERoto1")["knobChanged"] == changed
    assert which in script.of("RDERoto1.OnceThereAreMattes")["which"].replace("\\", "")
    file = script.of("Plate")["file"]
    assert file.startswith("[file dirname [value root.name]]/")
    assert (EXAMPLE.parent / file.partition("]]/")[2]).resolve().parent.is_dir()


# --- by the published types -----------------------------------------------------------------------

CLASSES = {
    fake_nuke.Node: "Node",
    fake_nuke.Progress: "ProgressTask",
    fake_nuke.Undo: "Undo",
    fake_nuke.Menu: "Menu",
    fake_nuke_knobs.Knob: "Knob",
    fake_nuke_knobs.File: "File_Knob",
    fake_nuke_knobs.Enumeration: "Enumeration_Knob",
    fake_nuke_knobs.AnimControlPoint: "AnimControlPoint",
    fake_nuke_knobs.AnimCTransform: "AnimCTransform",
    fake_nuke_knobs.Layer: "Layer",  # of shapes, strokes and layers
}
OWN = {
    *("Node.below", "Undo.disabled", "Knob.kind", "Knob.default", "File_Knob.kind"),
    *("Enumeration_Knob.kind", "press", "open_panel", "made", "run_events"),
    "Knob.execute",  # of Script_Knob alone; `reload` is one
}
"""What is the stand-in's own."""


def stubs() -> dict[str, set[str]]:
    """What each class of Nuke's has, and the module itself as "", by its published types."""
    spec = importlib.util.find_spec("nuke-stubs")
    assert spec is not None
    assert spec.submodule_search_locations
    found: dict[str, set[str]] = {"": set()}
    bases: dict[str, list[str]] = {}
    for path in Path(next(iter(spec.submodule_search_locations))).glob("*.pyi"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            found[""].update(names_in([node]))
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(names_in(node.body))
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    for name, above in bases.items():
        for base in above:
            found[name] |= found.get(base, set())
    return found


def names_in(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_the_stand_in_has_no_names_that_nuke_lacks() -> None:
    known = stubs()
    assert {"toNode", "executeInMainThread", "DO_NOT_WRITE"} <= known[""]
    checked, unknown = 0, []
    for of, name in [*CLASSES.items(), (Nuke, "")]:
        for public in (one for one in vars(of) if not one.startswith("_")):
            if f"{name}.{public}".lstrip(".") in OWN:
                continue
            checked += 1
            if public not in known[name]:
                unknown.append(f"{name}.{public}")
    assert checked > 60
    assert unknown == []
