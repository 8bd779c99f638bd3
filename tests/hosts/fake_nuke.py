"""A stand-in for the module `nuke`: as much of it as plugin/nuke uses, and stricter than Nuke.

Where Nuke would hang, crash at times or forgive, this raises: a node is touched in the main thread
alone, and nobody waits for the main thread in the main thread. Nodes become text as in a script of
Nuke's, and text becomes nodes. Nothing here was checked against Nuke itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from fake_nuke_knobs import (
    CLASSES,
    DO_NOT_WRITE,
    INVISIBLE,
    NO_UNDO,
    STARTLINE,
    Boolean,
    Enumeration,
    File,
    Knob,
    PyScript,
    String,
    Tab,
    Text,
)
from fake_nuke_script import built, script_of

Painted = dict[int, Any]
"""What a Roto draws: alpha [height, width], by frame."""


class Node:
    def __init__(self, nuke: Nuke, kind: str, parent: Node | None) -> None:
        self.nuke, self.kind, self.parent = nuke, kind, parent
        self.inputs: dict[int, Node] = {}
        self.children: list[Node] = []
        self.knobs: dict[str, Knob] = {}
        self.user_knobs: list[str] = []
        self.painted: Painted = {}
        self.position, self.panels, self.is_deleted = (0, 0), 0, False
        self._name = ""
        self._groups: list[Node] = []
        for name, make in CLASSES[kind].items():
            self._own(make(name))

    def _own(self, knob: Knob) -> None:
        knob.nuke = self.nuke
        self.knobs[knob.name()] = knob

    def Class(self) -> str:  # noqa: N802
        return self.kind

    def name(self) -> str:
        return self.fullName().rpartition(".")[2]

    def fullName(self) -> str:  # noqa: N802
        if self.is_deleted:
            raise ValueError("A PythonObject is not attached to a node")
        above = "" if self.parent in (None, self.nuke.root()) else f"{self.parent.fullName()}."
        return above + self._name

    def setName(self, name: str) -> None:  # noqa: N802
        """As Nuke does, the number at the end counts on where the name is taken."""
        taken = {node._name for node in (self.parent or self).children if node is not self}
        stem = name.rstrip("0123456789")
        number = int(name[len(stem) :] or 1)
        while name in taken:
            number += 1
            name = f"{stem}{number}"
        self._name = name

    def __getitem__(self, name: str) -> Knob:
        if name == "datatype" and self.kind == "Write" and self["file_type"].value() == "exr":
            self._own_if_new(Enumeration(name, "", ["16 bit half", "32 bit float"]))
        if name not in self.knobs:
            raise NameError(f"knob {name} does not exist")
        return self.knobs[name]

    def _own_if_new(self, knob: Knob) -> None:
        if knob.name() not in self.knobs:
            self._own(knob)

    def knob(self, name: str) -> Knob | None:
        return self.knobs.get(name)

    def addKnob(self, knob: Knob) -> None:  # noqa: N802
        assert knob.name() not in self.knobs, knob.name()
        self._own(knob)
        self.user_knobs.append(knob.name())

    def input(self, number: int) -> Node | None:
        return self.inputs.get(number)

    def setInput(self, number: int, node: Node | None) -> bool:  # noqa: N802
        if self.kind == "Group" and number >= sum(n.kind == "Input" for n in self.children):
            return False
        if node is not None:
            self.inputs[number] = node
        else:
            self.inputs.pop(number, None)
        return True

    def setXYpos(self, x: int, y: int) -> None:  # noqa: N802
        self.position = (x, y)

    def xpos(self) -> int:
        return self.position[0]

    def ypos(self) -> int:
        return self.position[1]

    def showControlPanel(self) -> None:  # noqa: N802
        self.panels += 1

    def __enter__(self) -> Node:
        self._groups.append(self.nuke.group)
        self.nuke.group = self
        return self

    def __exit__(self, *_: object) -> None:
        self.nuke.group = self._groups.pop()

    def below(self) -> Iterator[Node]:
        for child in self.children:
            yield child
            yield from child.below()


class Root(Node):
    def __init__(self, nuke: Nuke) -> None:
        super().__init__(nuke, "Group", None)
        self.script = "Root"
        self._own(Boolean("proxy"))
        self._own(File("project_directory"))

    def name(self) -> str:
        return self.script


class Nodes:
    """`nuke.nodes.Read(name="a", first=1)`."""

    def __init__(self, nuke: Nuke) -> None:
        self._nuke = nuke

    def __getattr__(self, kind: str) -> Callable[..., Node]:
        def make(**said: Any) -> Node:
            node = self._nuke.made(kind)
            node.setName(said.pop("name", f"{kind}1"))
            for name, value in said.items():
                node[name].setValue(value)
            return node

        return make


class Progress:
    def __init__(self, name: str) -> None:
        self.name, self.shown = name, list[tuple[str, int]]()
        self.is_cancelled = False
        self._message = ""

    def setMessage(self, text: str) -> None:  # noqa: N802
        self._message = text

    def setProgress(self, percent: int) -> None:  # noqa: N802
        assert 0 <= percent <= 100
        self.shown.append((self._message, percent))

    def isCancelled(self) -> bool:  # noqa: N802
        return self.is_cancelled


class Undo:
    """Counts the steps that an artist could undo, and that whoever disables it enables it."""

    steps: list[str]
    disabled = 0

    def __call__(self) -> Undo:
        return self

    def __init__(self) -> None:
        self.steps = []

    def begin(self, name: str) -> None:
        self.steps.append(name)

    def end(self) -> None:
        pass

    def disable(self) -> None:
        self.disabled += 1

    def enable(self) -> None:
        self.disabled -= 1


class Menu:
    def __init__(self) -> None:
        self.entries: dict[str, Any] = {}

    def addMenu(self, name: str) -> Menu:  # noqa: N802
        return self.entries.setdefault(name, Menu())  # type: ignore[no-any-return]

    def addCommand(self, name: str, command: Callable[[], None]) -> None:  # noqa: N802
        self.entries[name] = command


class Nuke(ModuleType):
    """One session: an empty script.

    `write` takes a Write and a frame, and writes what comes into it.
    """

    INVISIBLE, STARTLINE = INVISIBLE, STARTLINE
    DO_NOT_WRITE, NO_UNDO = DO_NOT_WRITE, NO_UNDO
    String_Knob, File_Knob, Enumeration_Knob = String, File, Enumeration
    Boolean_Knob, Tab_Knob, PyScript_Knob, Text_Knob = Boolean, Tab, PyScript, Text

    def __init__(self, write: Callable[[Node, int], None]) -> None:
        super().__init__("nuke")
        self.GUI = True
        self.messages: list[str] = []
        self.tasks: list[Progress] = []
        self.Undo = Undo()
        self.nodes = Nodes(self)
        self.selected: list[Node] = []
        self.current_frame = 1001
        self.executed: list[tuple[int, int, tuple[Any, ...]]] = []
        self._write = write
        self._events = queue.Queue[Callable[[], Any]]()
        self._menus: dict[str, Menu] = {}
        self._root = Root(self)
        self.group: Node = self._root
        self._this: list[tuple[Node, Knob]] = []
        self.clipboard = ""

    # The script.

    def made(self, kind: str) -> Node:
        assert threading.current_thread() is threading.main_thread(), f"{kind}, in a thread"
        node = Node(self, kind, self.group)
        self.group.children.append(node)
        return node

    def root(self) -> Root:
        return self._root

    def toNode(self, name: str) -> Node | None:  # noqa: N802
        return next((node for node in self.group.children if node.name() == name), None)

    def allNodes(self, kind: str, group: Node, recurseGroups: bool = False) -> list[Node]:  # noqa: N802, N803
        found = group.below() if recurseGroups else group.children
        return [node for node in found if node.kind == kind]

    def selectedNodes(self) -> list[Node]:  # noqa: N802
        return list(self.selected)

    def delete(self, node: Node) -> None:
        assert node.parent is not None
        node.parent.children.remove(node)
        node.is_deleted = True

    def frame(self) -> int:
        return self.current_frame

    def views(self) -> list[str]:
        return ["main"]

    def execute(self, node: Node, first: int, last: int, *more: Any) -> None:
        self.executed.append((first, last, more))
        for frame in range(first, last + 1):
            self._write(node, frame)

    # The window.

    def message(self, text: str) -> None:
        assert threading.current_thread() is threading.main_thread(), "a message, in a thread"
        assert self.GUI
        self.messages.append(text)

    def menu(self, name: str) -> Menu:
        return self._menus.setdefault(name, Menu())

    def ProgressTask(self, name: str) -> Progress:  # noqa: N802
        self.tasks.append(Progress(name))
        return self.tasks[-1]

    def thisNode(self) -> Node:  # noqa: N802
        return self._this[-1][0]

    def thisKnob(self) -> Knob:  # noqa: N802
        return self._this[-1][1]

    def press(self, node: Node, button: str) -> None:
        """What happens when the artist does."""
        self._run(node, node[button], node[button].value())

    def open_panel(self, node: Node) -> None:
        """It tells so as the change of a knob that is none."""
        self._run(node, Knob("showPanel"), node["knobChanged"].value())

    def _run(self, node: Node, knob: Knob, script: str) -> None:
        self._this.append((node, knob))
        try:
            exec(script, {"nuke": self})  # as Nuke does
        finally:
            self._this.pop()

    # Threads.

    def executeInMainThread(  # noqa: N802
        self, call: Callable[..., Any], args: tuple[Any, ...] = ()
    ) -> None:
        self._events.put(lambda: call(*args))

    def executeInMainThreadWithResult(self, *_: Any) -> None:  # noqa: N802
        assert threading.current_thread() is not threading.main_thread(), "it waits for itself"
        raise AssertionError("nothing of ours waits for the main thread")

    def run_events(self, until: Callable[[], bool], patience_s: float = 30) -> None:
        """The main thread's loop, until something has come true."""
        end = time.monotonic() + patience_s
        while not until():
            assert time.monotonic() < end, "it never came true"
            try:
                self._events.get(timeout=0.05)()
            except queue.Empty:
                continue

    # Copies, as text.

    def nodeCopy(self, path: str) -> None:  # noqa: N802
        text = "".join(script_of(node) for node in self.selected)
        if path == "%clipboard%":
            self.clipboard = text
        else:
            Path(path).write_text(text, encoding="utf-8")

    def nodePaste(self, path: str) -> Node:  # noqa: N802
        text = self.clipboard if path == "%clipboard%" else Path(path).read_text(encoding="utf-8")
        return built(self, text)

    def __enter__(self) -> Nuke:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        assert kind is not None or self.Undo.disabled == 0
