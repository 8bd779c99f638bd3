"""YAML with positions: values that know the file and line they come from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from rde_roto.values.errors import DocumentError, RotoError, UsageError
from rde_roto.values.regular_files import read_regular_text
from rde_roto.values.yaml_format import INT, PADDED, add_number_forms

MOST_BYTES: Final = 1 << 20
"""The size limit of a document: about 20,000 keyframes."""

_NULL: Final = "tag:yaml.org,2002:null"

_MOST_QUOTED: Final = 60  # characters of a value in a message
_MOST_QUOTED_TEXT: Final = 300
_MOST_VALUES: Final = 30_000
_DEEPEST: Final = 50
_MOST_DIGITS: Final = 18  # of an integer, to fit into 64 bits


class _Loader(yaml.SafeLoader):
    """Reads `1e-5` and `0108` as numbers, `0101` as 101, within limits.

    Values that aliases or merges repeat count each time, so that a small text cannot expand to a
    huge document.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node, within the limits."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            self._count(self._sizes.get(id(node), _MOST_VALUES + 1), event)  # or it contains itself
            return node
        before = self._values
        self._count(1, event)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _TooLargeError(f"it is nested more than {_DEEPEST} deep", event)
        composed = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(composed)] = self._values - before
        return composed

    def _count(self, values: int, event: yaml.Event) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise _TooLargeError(
                f"it holds more than {_MOST_VALUES:,} values, those that aliases repeat "
                "counted each time",
                event,
            )

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read an integer; leading zeros do not make it octal."""
        if len(node.value.lstrip("-+")) > _MOST_DIGITS:
            raise ValueError("more than 64 bits")
        padded = PADDED.match(node.value)
        return int(node.value) if padded else int(super().construct_yaml_int(node))


class _TooLargeError(Exception):
    """A document beyond the limits, and the line where it goes beyond them, from 1."""

    def __init__(self, problem: str, event: yaml.Event) -> None:
        super().__init__(problem)
        self.line = 1 if event.start_mark is None else event.start_mark.line + 1


_Loader.add_constructor(INT, _Loader.construct_yaml_int)
add_number_forms(_Loader)


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a file, with lines, or an option of the command line."""

    label: str
    is_option: bool = False

    def fail(self, sentence: str, line: int | None = None) -> RotoError:
        """Return the error to raise: UsageError for an option, DocumentError for a file."""
        if self.is_option:
            return UsageError(f"{self.label}: {sentence}")
        place = self.label if line is None else f"{self.label}:{line}"
        return DocumentError(f"{place}: {sentence}")

    def compose(self, text: str) -> yaml.Node | None:
        """Parse `text`; None if it is empty. Raises the error of `fail`."""
        try:
            return yaml.compose(text, Loader=_Loader)
        except _TooLargeError as error:
            raise self.fail(f"{error}: make the document smaller", error.line) from error
        except yaml.MarkedYAMLError as error:
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            line = None if error.problem_mark is None else error.problem_mark.line + 1
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            problem = "it contains a control character"
        except (ValueError, OverflowError) as error:  # from PyYAML's scanner, without a line
            line, problem = None, f"it contains a number that is too large, {error}"
        raise self.fail(f"this is not valid YAML: {problem}", line)


@dataclass(frozen=True)
class LocatedValue:
    """A value, the node it was read from, and its position."""

    value: object
    node: yaml.Node
    source: Source
    line: int

    @property
    def text(self) -> str:
        """The value as written, for messages."""
        if isinstance(self.value, str):
            return repr(shortened(self.value))
        return _text(self.node)

    def at(self, path: Sequence[str | int]) -> LocatedValue:
        """Return the value at `path` in a list or mapping, or at the last step that exists."""
        node, line = self.node, self.line
        for step in path:
            parts = _parts(node)
            if step not in parts:
                break
            node, line = parts[step]
        value = _value(str(path[-1]) if path else "it", node, self.source, line)
        return LocatedValue(value, node, self.source, line)

    def has(self, key: str) -> bool:
        """Return whether this is a mapping with this key."""
        return isinstance(self.node, yaml.MappingNode) and key in _parts(self.node)

    def fail(self, sentence: str) -> RotoError:
        """Return the error to raise about this value; it names the file and line."""
        return self.source.fail(sentence, self.line)


def read_text(path: Path, word: str) -> str:
    """Read a text file, which messages call `word`. Raises DocumentError."""
    source = Source(str(path))
    try:
        return read_regular_text(path, MOST_BYTES, "utf-8-sig")
    except OSError as error:
        raise source.fail(f"the {word} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise source.fail("the text is not UTF-8; save it again as UTF-8", line) from error


def value_in(text: str, source: Source) -> object:
    """Parse a whole document into plain values; None if empty. Raises the error of `source`."""
    root = source.compose(text)
    return None if root is None else LocatedValue(None, root, source, 1).at(()).value


def schema_of(path: Path) -> object:
    """Read the schema that a document declares; None if it declares none.

    Raises DocumentError when it cannot be read or is not YAML.
    """
    source = Source(str(path))
    root = source.compose(read_text(path, "document"))
    if root is None:
        return None
    root_value = LocatedValue(None, root, source, 1)
    return root_value.at(["schema"]).value if root_value.has("schema") else None


def located_value(key: str, node: yaml.Node, source: Source, line: int) -> LocatedValue:
    """Return the value of `node` for `key`. Fails for blank nodes and invalid values."""
    if is_blank(node):
        raise source.fail(f"'{key}' has no value", line)
    return LocatedValue(_value(key, node, source, line), node, source, line)


def is_blank(node: yaml.Node) -> bool:
    """Return whether nothing was written; a user who means null writes `null`."""
    return isinstance(node, yaml.ScalarNode) and (node.tag, node.value) == (_NULL, "")


def line_of(node: yaml.Node) -> int:
    """Return the number of a node's first line, from 1."""
    return node.start_mark.line + 1


def _value(key: str, node: yaml.Node, source: Source, line: int) -> Any:
    """The value of a node. Fails for text that only looks like a value of its type."""
    try:
        return _Loader("").construct_document(node)
    # PyYAML raises these, besides its own error, for text that only looks like its type:
    # 2026-99-99, ._, !!bool 7, or a base-60 number that no float can hold.
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise source.fail(f"'{key}' is {_text(node)}, which is not a YAML value", line) from error


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shortened(" ".join(str(node.value).split()))
    begin, end = node.start_mark, node.end_mark
    return textwrap.shorten((begin.buffer or "")[begin.pointer : end.pointer], _MOST_QUOTED)


def shortened(text: str) -> str:
    """Shorten a text for quoting in a message."""
    return text if len(text) <= _MOST_QUOTED_TEXT else f"{text[:_MOST_QUOTED]}…"


def _parts(node: yaml.Node) -> dict[str | int, tuple[yaml.Node, int]]:
    """The nodes of a list by index or of a mapping by key, with their lines. Keys that are lists or
    mappings are left out.
    """
    if isinstance(node, yaml.SequenceNode):
        return {index: (item, line_of(item)) for index, item in enumerate(node.value)}
    if isinstance(node, yaml.MappingNode):
        pairs = ((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))
        return {key.value: (value, line_of(key)) for key, value in pairs}
    return {}
