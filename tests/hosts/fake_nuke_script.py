"""Nodes of the stand-in as the text of a script of Nuke's, which is Tcl, and back.

Words, quoted words, and braces within braces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fake_nuke_knobs import (
    DO_NOT_WRITE,
    INVISIBLE,
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

if TYPE_CHECKING:
    from fake_nuke import Node, Nuke

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|([{}\n])|([^\s{}"]+)', re.DOTALL)
_BARE = re.compile(r"[\w./:%#-]+")
_SPECIAL = re.compile(r'([\\"$\[\]{}])')


def quoted(text: str) -> str:
    """One word, whatever is in it; in quotes only if it must be, as Nuke writes it."""
    if _BARE.fullmatch(text):
        return text
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
    lines += _set_knobs(node, ["knobChanged"])
    lines += [f" name {quoted(node.name())}"]
    own = _written(node, node.user_knobs)
    lines += [f" addUserKnob {{{_defined(knob)}}}" for knob in own]
    lines += _set_knobs(node, [name for name in node.knobs if name != "knobChanged"])
    text = "\n".join([*lines, "}"]) + "\n"
    if node.kind == "Group":
        text += "".join(map(_child, node.children)) + "end_group\n"
    return text


def _child(node: Node) -> str:
    assert node.parent is not None
    siblings = node.parent.children

    def variable(one: Node) -> str:
        return f"N{siblings.index(one) + 1}"

    pushes = [f"push ${variable(node.inputs[n])}\n" for n in sorted(node.inputs, reverse=True)]
    is_used = any(node in other.inputs.values() for other in siblings)
    name = f"set {variable(node)} [stack 0]\n" if is_used else ""
    return f"{''.join(pushes)}{script_of(node)}{name}"


def _written(node: Node, names: list[str]) -> list[Knob]:
    knobs = [node.knobs[name] for name in names if name in node.knobs]
    return [knob for knob in knobs if not knob.flags & DO_NOT_WRITE]


def _defined(knob: Knob) -> str:
    """A knob of the user's, as `addUserKnob` has it."""
    text = f"{knob.kind} {knob.name()} l {quoted(knob.label)}"
    if knob.tooltip:
        text += f" t {quoted(knob.tooltip)}"
    if isinstance(knob, Enumeration):
        text += f" M {{{' '.join(map(quoted, knob.values()))}}}"
    if isinstance(knob, PyScript):
        text += f" T {quoted(knob.value())}"
    return text + "".join(f" +{name}" for name, flag in _FLAGS.items() if knob.flags & flag)


def _set_knobs(node: Node, names: list[str]) -> list[str]:
    """The knobs that are not at their default."""
    lines = []
    for knob in _written(node, names):
        if knob.expression:
            lines.append(f" {knob.name()} {{{{{quoted(knob.expression)}}}}}")
        elif not isinstance(knob, PyScript | Tab) and knob.value() != knob.default:
            value = str(knob.value()).lower() if isinstance(knob, Boolean) else str(knob.value())
            lines.append(f" {knob.name()} {quoted(value)}")
    return lines


_FLAGS = {"INVISIBLE": INVISIBLE, "STARTLINE": STARTLINE}
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


def _user_knob(kind: str, name: str, *more: Any) -> Knob:
    flags = [word for word in more if isinstance(word, str) and word[:1] == "+"]
    words = [word for word in more if word not in flags]
    said = dict(zip(words[::2], words[1::2], strict=True))
    knob: Knob
    if int(kind) == Enumeration.kind:
        knob = Enumeration(name, said["l"], said["M"][0])
    else:
        knob = KINDS[int(kind)](name, said["l"])
    knob.setTooltip(said.get("t", ""))
    if "T" in said:
        knob._value = said["T"]
    for flag in flags:
        knob.setFlag(_FLAGS[flag[1:]])
    return knob


def _set(knob: Knob, value: Any) -> None:
    if isinstance(value, list):
        knob.setExpression(value[0][0][0][0])
    elif isinstance(knob, Boolean):
        knob.setValue(value == "true")
    else:
        knob.setValue(type(knob.default)(value))
