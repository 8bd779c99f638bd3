"""YAML as it was written: values that know the file and the line they come from."""

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
"""Of a document: some 20,000 keyframes."""

_NULL: Final = "tag:yaml.org,2002:null"

_MOST_SAID: Final = 60  # characters of a value in a message
_MOST_SAID_OF_TEXT: Final = 300
_MOST_VALUES: Final = 30_000
_DEEPEST: Final = 50
_MOST_DIGITS: Final = 18  # of a whole number, which 64 bits hold


class _Loader(yaml.SafeLoader):
    """Reads `1e-5` and `0108` as numbers, `0101` as 101.

    A document may be as large as people write them: each value counts where it is repeated by an
    alias, or merged, too, so that a small text cannot stand for a large one.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """A node, within the limits."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            self._count(self._sizes.get(id(node), _MOST_VALUES + 1), event)  # endless within itself
            return node
        before = self._values
        self._count(1, event)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _TooMuch(f"it is nested more than {_DEEPEST} deep", event)
        composed = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[id(composed)] = self._values - before
        return composed

    def _count(self, values: int, event: yaml.Event) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise _TooMuch(
                f"it holds more than {_MOST_VALUES:,} values, those that aliases repeat "
                "counted each time",
                event,
            )

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number; in tens, whatever zeros it begins with."""
        if len(node.value.lstrip("-+")) > _MOST_DIGITS:
            raise ValueError("no number of 64 bits")
        padded = PADDED.match(node.value)
        return int(node.value) if padded else int(super().construct_yaml_int(node))


class _TooMuch(Exception):  # noqa: N818  (told by `Source`, as an error of ours)
    """A document beyond the limits, and the line where it goes beyond them, from 1."""

    def __init__(self, problem: str, event: yaml.Event) -> None:
        super().__init__(problem)
        self.line = 1 if event.start_mark is None else event.start_mark.line + 1


_Loader.add_constructor(INT, _Loader.construct_yaml_int)
add_number_forms(_Loader)


@dataclass(frozen=True)
class Source:
    """Where keys are written: a file, whose lines are named, or an option, which has one line."""

    label: str
    is_option: bool = False

    def fail(self, sentence: str, line: int | None = None) -> RotoError:
        """The error to raise: UsageError for an option, DocumentError for a file."""
        if self.is_option:
            return UsageError(f"{self.label}: {sentence}")
        place = self.label if line is None else f"{self.label}:{line}"
        return DocumentError(f"{place}: {sentence}")

    def compose(self, text: str) -> yaml.Node | None:
        """The document in `text`, None when there is none; raises what `fail` gives."""
        try:
            return yaml.compose(text, Loader=_Loader)
        except _TooMuch as error:
            raise self.fail(f"{error}: no document needs that", error.line) from error
        except yaml.MarkedYAMLError as error:
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            line = None if error.problem_mark is None else error.problem_mark.line + 1
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            problem = "it holds a control character"
        except (ValueError, OverflowError) as error:  # of PyYAML's scanner, which says no line
            line, problem = None, f"it holds a number beyond all bounds, {error}"
        raise self.fail(f"this is not valid YAML: {problem}", line)


@dataclass(frozen=True)
class Written:
    """A value, the node it was read from, and where the line stands that says so."""

    value: object
    node: yaml.Node
    source: Source
    line: int

    @property
    def text(self) -> str:
        """The value as it was written, for messages."""
        if isinstance(self.value, str):
            return repr(shortened(self.value))
        return _text(self.node)

    def at(self, path: Sequence[str | int]) -> Written:
        """What `path` leads to within a list or mapping, or as far along it as was written."""
        node, line = self.node, self.line
        for step in path:
            parts = _parts(node)
            if step not in parts:
                break
            node, line = parts[step]
        value = _value(str(path[-1]) if path else "it", node, self.source, line)
        return Written(value, node, self.source, line)

    def has(self, key: str) -> bool:
        """Whether it is a mapping with this key."""
        return isinstance(self.node, yaml.MappingNode) and key in _parts(self.node)

    def fail(self, sentence: str) -> RotoError:
        """The error to raise about this value, which names its file and line."""
        return self.source.fail(sentence, self.line)


def read_text(path: Path, word: str) -> str:
    """The text of a file, which a message calls `word`; DocumentError when it cannot be read."""
    source = Source(str(path))
    try:
        return read_regular_text(path, MOST_BYTES, "utf-8-sig")
    except OSError as error:
        raise source.fail(f"the {word} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise source.fail("the text is not UTF-8; save it again as UTF-8", line) from error


def value_in(text: str, source: Source) -> object:
    """What a whole document says, as plain values; None for none. Raises what `source` gives."""
    root = source.compose(text)
    return None if root is None else Written(None, root, source, 1).at(()).value


def schema_of(path: Path) -> object:
    """What a document says it is, None where it says nothing.

    Raises DocumentError when it cannot be read or is no YAML.
    """
    source = Source(str(path))
    root = source.compose(read_text(path, "document"))
    if root is None:
        return None
    whole = Written(None, root, source, 1)
    return whole.at(["schema"]).value if whole.has("schema") else None


def written(key: str, node: yaml.Node, source: Source, line: int) -> Written:
    """The value that `node` holds for `key`; fails for what is blank or only looks like a value."""
    if is_blank(node):
        raise source.fail(f"'{key}' has no value", line)
    return Written(_value(key, node, source, line), node, source, line)


def is_blank(node: yaml.Node) -> bool:
    """Whether nothing at all was written; an artist who means null writes it."""
    return isinstance(node, yaml.ScalarNode) and (node.tag, node.value) == (_NULL, "")


def line_of(node: yaml.Node) -> int:
    """The line that a node begins in, from 1."""
    return node.start_mark.line + 1


def _value(key: str, node: yaml.Node, source: Source, line: int) -> Any:
    """What a node says; fails for what only looks like a value."""
    try:
        return _Loader("").construct_document(node)
    # What PyYAML raises, besides its own error, for text that only looks like its tag's kind:
    # 2026-99-99, ._, !!bool 7, or a number in sixties that no float holds.
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise source.fail(f"'{key}' is {_text(node)}, which is no value of YAML", line) from error


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return shortened(" ".join(str(node.value).split()))
    begin, end = node.start_mark, node.end_mark
    return textwrap.shorten((begin.buffer or "")[begin.pointer : end.pointer], _MOST_SAID)


def shortened(text: str) -> str:
    """A text as a message may quote it."""
    return text if len(text) <= _MOST_SAID_OF_TEXT else f"{text[:_MOST_SAID]}…"


def _parts(node: yaml.Node) -> dict[str | int, tuple[yaml.Node, int]]:
    """The nodes within a list, by index, or a mapping, by key, and their lines. A key
    that is itself a list or mapping leads nowhere.
    """
    if isinstance(node, yaml.SequenceNode):
        return {index: (item, line_of(item)) for index, item in enumerate(node.value)}
    if isinstance(node, yaml.MappingNode):
        pairs = ((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))
        return {key.value: (value, line_of(key)) for key, value in pairs}
    return {}
