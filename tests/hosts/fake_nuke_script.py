"""The text of a script of Nuke's, which is Tcl: words, quoted words, and braces within braces."""

from __future__ import annotations

import re
from typing import Any

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
