"""Reads one document with a model: unknown keys are refused, and every error names the file and
line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rde_roto.documents.yaml_text import (
    LocatedValue,
    Source,
    is_blank,
    line_of,
    located_value,
    shortened,
)
from rde_roto.values.errors import RotoError
from rde_roto.values.settings import Settings, allowed_values, lists_of_sections, sections_of

T = TypeVar("T", bound=Settings)

KeyPath: TypeAlias = "tuple[str, ...]"
Leaves: TypeAlias = "dict[KeyPath, LocatedValue]"
"""All values of a document by path, such as ("tracking", "lines"). Inheritance and overrides are
unions of such dicts. A list is one value."""


@dataclass(frozen=True)
class Setting:
    """A dotted key of a document, such as `tracking.lines`, and the value it is set to by an option
    of the command line or by another document.
    """

    key: str
    node: yaml.Node | None
    source: Source
    line: int = 1

    @property
    def value_node(self) -> yaml.Node:
        """The value's node. Raises the error of its source when there is none."""
        if self.node is None:
            key = self.key.rpartition(".")[2]
            raise self.source.fail(f"'{key}' has no value", self.line)
        return self.node

    @property
    def value(self) -> object:
        """The value of the key. Raises the error of its source when that is not a value."""
        return located_value(self.key, self.value_node, self.source, self.line).value


@dataclass(frozen=True)
class Document(Generic[T]):
    """The checked content of a file, and where in the file each value is."""

    value: T
    source: Source
    leaves: Leaves

    def fail(self, place: Sequence[str | int], sentence: str) -> RotoError:
        """Return the error about the value at `place`, such as ("keyframes", 2, "mask")."""
        found = _locate(self.leaves, place)
        return self.source.fail(sentence) if found is None else found.fail(sentence)

    def settings(self, key: str) -> tuple[Setting, ...]:
        """Return the entries of a mapping whose keys belong to another document."""
        leaf = self.leaves.get((key,))
        if leaf is None or not isinstance(leaf.node, yaml.MappingNode):
            return ()
        return tuple(
            Setting(str(name.value), value, self.source, line_of(name))
            for name, value in leaf.node.value
        )


def parse_document(
    model: type[T], word: str, schema: str, source: Source, text: str
) -> Document[T]:
    """Parse a document, which must declare `schema`; messages call it `word`.

    Raises DocumentError, naming the source and the line, for another schema or any mistake.
    """
    root = source.compose(text)
    if root is None:
        raise source.fail(f"the file is empty; expected a {word}, beginning 'schema: {schema}'")
    root_value = LocatedValue(None, root, source, 1)
    if not root_value.has("schema"):
        raise root_value.fail(f"it declares no schema; expected a line 'schema: {schema}'")
    declared = root_value.at(["schema"])
    if declared.value != schema:
        raise declared.fail(
            f"this document has schema {declared.text}; this program reads {schema}"
        )
    return document_at(root, model, word, source)


def document_at(node: yaml.Node, model: type[T], word: str, source: Source) -> Document[T]:
    """Read a document from a node: a whole file or a document inside another one.

    Raises DocumentError, naming the source and the line, for any mistake.
    """
    leaves = Reader(model, word, source, ("schema",)).read(node, model, line=line_of(node))
    leaves.pop(("schema",), None)
    return Document(build(model, leaves, source), source, leaves)


def build(
    model: type[T], leaves: Leaves, source: Source, known: Mapping[str, object] | None = None
) -> T:
    """Build the model from the values of `leaves`, and from `known`, which are not in the file.

    Raises the error of the wrong value's source, or of `source` if no value was written.
    """
    try:
        return model.model_validate({**(known or {}), **nested(leaves)})
    except ValidationError as error:
        raise _refusal(model, error.errors()[0], leaves, source) from error


@dataclass(frozen=True)
class Reader:
    """Reads one source; every key must be a field of `root` or of its sections.

    `extra` are keys of the file that are not fields of `root`. The field `name` is never written,
    because the file's name is used.
    """

    root: type[Settings]
    word: str
    source: Source
    extra: tuple[str, ...]

    def read(
        self, node: yaml.Node, model: type[Settings], path: KeyPath = (), line: int = 1
    ) -> Leaves:
        """Read the section at `path`, () for the whole file, which begins in `line`."""
        sections = sections_of(model)
        leaves: Leaves = {}
        for key, key_line, value in self._entries(node, model, path, line):
            place = (*path, key)
            if key not in sections:
                leaves[place] = self._leaf(value, model, place, key_line)
            elif not is_blank(value):
                leaves |= self.read(value, sections[key], place, key_line)
        return leaves

    def read_setting(self, setting: Setting) -> Leaves:
        """Read the value of one key, which must be a field of `root`."""
        path = tuple(setting.key.strip().split("."))
        model = self.root
        for depth, key in enumerate(path, start=1):
            self._check_known(key, model, path[: depth - 1], setting.line)
            section = sections_of(model).get(key)
            dotted = ".".join(path[:depth])
            if section is None and depth < len(path):
                raise self._fail(setting, f"{dotted} is a value, it has no key '{path[depth]}'")
            if section is not None and depth == len(path):
                first = next(iter(section.model_fields))
                sentence = f"{dotted} is a section; expected one of its keys, as {dotted}.{first}"
                raise self._fail(setting, sentence)
            model = section or model
        if path[0] in self.extra:
            raise self._fail(setting, f"{path[0]} can only be written in a file")
        return {path: self._leaf(setting.value_node, model, path, setting.line)}

    def _fail(self, setting: Setting, sentence: str) -> RotoError:
        return self.source.fail(sentence, setting.line)

    def _leaf(
        self, node: yaml.Node, model: type[Settings], path: KeyPath, line: int
    ) -> LocatedValue:
        item_model = lists_of_sections(model).get(path[-1])
        if item_model is None or not isinstance(node, yaml.SequenceNode):
            return located_value(path[-1], node, self.source, line)
        items = [self.read(item, item_model, path, line_of(item)) for item in node.value]
        values = [nested(item, len(path)) for item in items]
        return LocatedValue(values, node, self.source, line)

    def _entries(
        self, node: yaml.Node, model: type[Settings], path: KeyPath, line: int
    ) -> Iterator[tuple[str, int, yaml.Node]]:
        """Yield each key of a section, its line and its value's node."""
        if not isinstance(node, yaml.MappingNode):
            name = ".".join(path) or f"a {self.word} file"
            raise self.source.fail(f"{name} must hold lines of the form 'key: value'", line)
        lines: dict[str, int] = {}
        for key_node, value in node.value:
            line = line_of(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.source.fail("a key must be a plain word", line)
            key = key_node.value
            self._check_known(key, model, path, line)
            if key in lines:
                raise self.source.fail(f"'{key}' is already set in line {lines[key]}", line)
            lines[key] = line
            yield key, line, value

    def _check_known(
        self, key: str, model: type[Settings], path: KeyPath, line: int | None = None
    ) -> None:
        known = self._keys(model)
        if key in known:
            return
        section = ".".join(path)
        homes = self._homes(self.root) | dict.fromkeys(known, section)
        nearest = difflib.get_close_matches(key, homes, n=1)
        hint = f"known are {', '.join(known)}"
        if nearest:
            home = homes[nearest[0]]
            place = "" if home == section else f" {f'in {home}' if home else 'at the top level'}"
            hint = f"did you mean '{nearest[0]}'{place}?"
        where = f" in {section}" if section else ""
        raise self.source.fail(f"unknown key '{shortened(key)}'{where}; {hint}", line)

    def _keys(self, model: type[Settings]) -> tuple[str, ...]:
        """The keys that a section may have."""
        keys = tuple(model.model_fields)
        return keys if model is not self.root else (*self.extra, *(k for k in keys if k != "name"))

    def _homes(self, model: type[Settings], section: str = "") -> dict[str, str]:
        """The section of each key; if several have the key, the first one in order."""
        homes: dict[str, str] = {}
        for key, inner in (sections_of(model) | lists_of_sections(model)).items():
            homes = self._homes(inner, f"{section}.{key}".lstrip(".")) | homes
        return homes | dict.fromkeys(self._keys(model), section)


def nested(leaves: Leaves, depth: int = 0) -> dict[str, Any]:
    """Return the plain values, with sections as dicts, without the first `depth` steps of their
    paths.
    """
    values: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *sections, key = path[depth:]
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = leaf.value
    return values


def _refusal(
    model: type[Settings], error: ErrorDetails, leaves: Leaves, source: Source
) -> RotoError:
    """Turn pydantic's error into one that names the line of the value."""
    steps = _written_steps(model, error["loc"], leaves)
    dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
    words = allowed_values(model, steps)
    reason = f"allowed: {words}" if words else _lower_first(error["msg"])
    reason = str(error.get("ctx", {}).get("error", reason))
    place = _locate(leaves, steps)
    if error["type"] == "missing":
        sentence = f"{dotted} is missing and has no default"
        sentence += f"; allowed: {words}" if words else ""
    elif place is None:
        sentence = f"{dotted}: {reason}" if dotted else reason
    else:
        sentence = f"{dotted} is {place.text}; {reason}"
    return source.fail(sentence) if place is None else place.fail(sentence)


def _written_steps(
    model: type[Settings], steps: Sequence[str | int], leaves: Leaves
) -> tuple[str | int, ...]:
    """The steps that are in the file: pydantic adds the name of the type that it tried."""
    steps_written: tuple[str | int, ...] = ()
    inner: type[Settings] | None = model
    for step in steps:
        if isinstance(step, str):
            place = _locate(leaves, steps_written) if inner is None else None
            if place is not None and not place.has(step):
                break
            inner = (sections_of(inner) | lists_of_sections(inner)).get(step) if inner else None
        steps_written = (*steps_written, step)
    return steps_written


def _locate(leaves: Leaves, steps: Sequence[str | int]) -> LocatedValue | None:
    """The value at `steps`, or as far along them as the file goes; None if it has nothing there."""
    path = next((path for path in leaves if tuple(steps[: len(path)]) == path), None)
    return None if path is None else leaves[path].at(steps[len(path) :])


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
