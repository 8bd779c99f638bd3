"""The text of Nuke's scripts: words and lists in braces, and numbers as the bits of a float."""

from __future__ import annotations

import re
import struct
from typing import Final, TypeAlias, Union

Item: TypeAlias = Union[str, "list[Item]"]
"""A word, without its quotes, or what a pair of braces encloses."""

LARGEST_EXACT: Final = 1 << 24
"""Up to here, either way, a 32-bit float is every whole number."""

_MOST_DEEP: Final = 64
_WORDS: Final = re.compile(
    r'(?P<comment>^#[^\n]*)|[{}]|"(?:[^"\\]|\\.)*"|(?:\\.|[^\s{}\\])+', re.DOTALL | re.MULTILINE
)
_LARGEST: Final = 1e15
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_script(text: str) -> list[Item]:
    """Return the words and lists of a script. Raises ValueError for braces that do not match."""
    found: list[Item] = []
    outer: list[list[Item]] = []
    for match in _WORDS.finditer(text):
        word = match[0]
        if match["comment"]:
            continue
        if word == "{":
            if len(outer) == _MOST_DEEP:
                raise ValueError(f"it has more than {_MOST_DEEP} braces within each other")
            inner: list[Item] = []
            found.append(inner)
            outer.append(found)
            found = inner
        elif word == "}":
            if not outer:
                raise ValueError("a brace is closed that was never opened")
            found = outer.pop()
        elif len(word) > 1 and word[0] == word[-1] == '"':
            found.append(_ESCAPED.sub(r"\1", word[1:-1]))
        else:
            found.append(word)
    if outer:
        raise ValueError("a brace is never closed")
    return found


def number_of(word: Item) -> float:
    """Return the value of a number: decimal, or an x and the bits of a 32-bit float in hex.

    Raises ValueError for anything else, such as an expression.
    """
    if isinstance(word, list):
        raise ValueError("expected a number, found a list")
    try:
        if re.fullmatch("x[0-9a-fA-F]{1,8}", word):
            (value,) = struct.unpack(">f", int(word[1:], 16).to_bytes(4, "big"))
            value = float(value)
        else:
            value = float(word)
    except ValueError:
        raise ValueError(f"expected a number, found '{word[:40]}'") from None
    if abs(value) <= _LARGEST:
        return value
    raise ValueError(f"expected a number, found '{word[:40]}'")


def number_text(value: float) -> str:
    """Return the text of a number: 0 and 1 as such, others by their bits."""
    if value in (0, 1):
        return str(int(value))
    return "x" + struct.pack(">f", value).hex()


def quoted(text: str) -> str:
    """Return a word of a script, in quotes; backslashes and what Tcl would replace are escaped."""
    return '"' + re.sub(r'(["\\\[$])', r"\\\1", text) + '"'


def lists_in(item: Item) -> list[list[Item]]:
    """Return the lists among what a list has."""
    return [inner for inner in item if isinstance(inner, list)] if isinstance(item, list) else []


def parts_of(items: list[Item], name: str) -> list[list[Item]]:
    """Return the lists that start with a word, without it."""
    return [inner[1:] for inner in lists_in(items) if inner[:1] == [name]]
