"""Nodes of the stand-in as the text of a script of Nuke's, which is Tcl, and back.

Words, quoted words, and braces within braces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fake_nuke_knobs import (
    INVISIBLE,
    Boolean,
    Enumeration,
    File,
    Knob,
    PyScript,
    String,
    Tab,
    Text,
)

if TYPE_CHECKING:
    from fake_nuke import Node, Nuke

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|([{}\n])|([^\s{}"]+)', re.DOTALL)
_SPECIAL = re.compile(r'([\\"$\[\]{}])')


def quoted(text: str) -> str:
    """One word, whatever is in it."""
    return '"' + _SPECIAL.sub(r"\\\1", text).replace("\n", r"\n") + '"'


def parse(text: str) -> list[list[Any]]:
    """Lines of words; a word in braces is a list of lines itself."""
    lines: list[list[Any]] = [[]]
    open_: list[list[list[Any]]] = []
    for match in _WORD.finditer(text):
        string, mark, plain = match.groups()
        if mark == "\n":
            lines.append([])
        elif mark == "{":
            open_.append(lines)
            lines = [[]]
        elif mark == "}":
            inner, lines = [line for line in lines if line], open_.pop()
            lines[-1].append(inner)
        else:
            lines[-1].append(plain if string is None else _plain(string))
    assert not open_
    return [line for line in lines if line]


def _plain(string: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], string, flags=re.DOTALL)


# --- nodes ---------------------------------------------------------------------------------------


def script_of(node: Node) -> str:
    """A node as a script of Nuke's has it: what is connected to it from outside is left out."""
    lines = [f"{node.kind} {{", f" inputs {len(node.inputs) if node.parent else 0}"]
    lines.append(f" name {quoted(node.name())}")
    for name in node.user_knobs:
        knob = node[name]
        more = f" M {quoted(chr(10).join(knob.values()))}" if isinstance(knob, Enumeration) else ""
        flags = " +INVISIBLE" if knob.flags & INVISIBLE else ""
        button = f" T {quoted(knob.value())}" if isinstance(knob, PyScript) else ""
        lines.append(
            f" addUserKnob {{{knob.kind} {name} l {quoted(knob.label)}{more}{button}{flags}}}"
        )
    for name, knob in node.knobs.items():
        if knob.expression:
            lines.append(f" {name} {{{{{quoted(knob.expression)}}}}}")
        elif not isinstance(knob, PyScript | Tab) and knob.value() != knob.default:
            lines.append(f" {name} {quoted(str(knob.value()))}")
    lines.append("}")
    text = "\n".join(lines) + "\n"
    if node.kind == "Group":
        for child in node.children:
            pushes = [f"push $N{id(child.inputs[n])}\n" for n in sorted(child.inputs, reverse=True)]
            text += "".join(pushes) + script_of(child) + f"set N{id(child)} [stack 0]\n"
        text += "end_group\n"
    return text


KINDS = {knob.kind: knob for knob in (String, File, Boolean, Tab, PyScript, Text)}


def built(nuke: Nuke, text: str) -> Node:
    """Nodes in the current group, as text says; the last one of the outermost."""
    stack: list[Node] = []
    stored: dict[str, Node] = {}
    groups: list[tuple[Node, list[Node]]] = []
    for words in parse(text):
        if words[0] == "push":
            stack.append(stored[str(words[1])[1:]])
        elif words[0] == "set":
            stored[str(words[1])] = stack[-1]
        elif words[0] == "end_group":
            node, stack = groups.pop()
            node.__exit__()
        else:
            node = _node(nuke, str(words[0]), words[1])
            count = int(next(line[1] for line in words[1] if line[0] == "inputs"))
            for number in range(0 if node.kind == "Group" else count):
                node.setInput(number, stack.pop())
            stack.append(node)
            if node.kind == "Group":
                groups.append((node, stack))
                stack = []
                node.__enter__()
    return stack[-1]


def _node(nuke: Nuke, kind: str, lines: Any) -> Node:
    node = nuke.made(kind)
    for name, value, *_ in lines:
        if name == "name":
            node.setName(value)
        elif name == "addUserKnob":
            node.addKnob(_user_knob(*value[0]))
        elif name != "inputs":
            _set(node[name], value)
    return node


def _user_knob(kind: str, name: str, _l: str, label: str, *more: str) -> Knob:
    knob: Knob
    if int(kind) == Enumeration.kind:
        knob = Enumeration(name, label, more[1].split("\n"))
    else:
        knob = KINDS[int(kind)](name, label)
    if "T" in more:
        knob._value = more[more.index("T") + 1]
    if "+INVISIBLE" in more:
        knob.setFlag(INVISIBLE)
    return knob


def _set(knob: Knob, value: Any) -> None:
    if isinstance(value, list):
        knob.setExpression(value[0][0][0][0])
    elif isinstance(knob, Boolean):
        knob.setValue(value == "True")
    else:
        knob.setValue(type(knob.default)(value))
