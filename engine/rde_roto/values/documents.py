"""Documents that people write: how they are found, read, inherited and overridden.

A document is a YAML file that holds the fields of a Settings model; the file's name without `.yaml`
is the document's name. `extends: NAME` takes over the values of another document, and the file's
own values come on top of them, section by section and key by key; a list is replaced as a whole,
and the description is not inherited.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rde_roto.values.errors import DocumentError, RotoError
from rde_roto.values.settings import Settings, allowed_values, lists_of_sections, sections_of
from rde_roto.values.yaml_text import Source, Written, is_blank, line_of, read_text, written

T = TypeVar("T", bound=Settings)

_Path: TypeAlias = "tuple[str, ...]"
_Leaves: TypeAlias = "dict[_Path, Written]"
"""Every value of a document under its path, such as ("tracking", "lines"): inheritance and
overrides are the union of such dicts. A list is one value."""


class Entry(NamedTuple):
    """One line of a listing; `description` is the error's sentence where the file is damaged."""

    name: str
    path: Path
    description: str


class Library(Generic[T]):
    """The documents of some folders (`*.yaml`, not their subfolders).

    A document in a later folder hides one of the same name in an earlier folder, so that a user or
    a studio can set its own `standard`; documents that extend the name then start from the new one.
    A file that extends its own name starts from the document it hides.

    `model` must have the fields `name`, which is never written, and `description`. Messages call a
    document `word` and show `example` as an override.
    """

    def __init__(self, model: type[T], word: str, folders: Sequence[Path], example: str) -> None:
        self.model = model
        self.word = word
        self.folders = tuple(folders)
        self.example = example

    def names(self) -> list[Entry]:
        """Every document that can be asked for by name, in the order of the names."""
        found = {path.stem: path for folder in self.folders for path in folder.glob("[!.]*.yaml")}
        return [Entry(name, path, self._description(path)) for name, path in sorted(found.items())]

    def load(self, name_or_path: str | Path, overrides: Sequence[str] = ()) -> T:
        """The document of that name, or in that file, with overrides such as `example` put on top.

        Text that ends in .yaml or .yml or holds a slash is a path. Raises DocumentError, naming
        file and line, for a document that is missing or wrong, UsageError for a wrong override.
        """
        text = str(name_or_path)
        is_path = Path(text).suffix in (".yaml", ".yml") or "/" in text or os.sep in text
        path = Path(text) if is_path else self._find(text)
        if path is None:
            raise DocumentError(self._not_found(text))
        leaves = self._resolve(path, ())
        for override in overrides:
            leaves |= self._read_override(override)
        return self._build(path, leaves)

    def _find(self, name: str, hidden_by: Path | None = None) -> Path | None:
        """The file of the last folder that has it, or the next one down that `hidden_by` hides."""
        places = [folder / f"{name}.yaml" for folder in reversed(self.folders)]
        found = [place for place in places if place.is_file()]
        for index, place in enumerate(found):
            if hidden_by is not None and place.samefile(hidden_by):
                found = found[index + 1 :]
                break
        return found[0] if found else None

    def _not_found(self, name: str) -> str:
        known = [entry.name for entry in self.names()]
        nearest = difflib.get_close_matches(name, known, n=1)
        if nearest:
            hint = f"did you mean '{nearest[0]}'?"
        elif known:
            hint = f"there are {', '.join(known)}"
        else:
            hint = f"none was found in {', '.join(map(str, self.folders))}"
        return f"there is no {self.word} '{name}'; {hint}"

    def _description(self, path: Path) -> str:
        try:
            leaf = self._read_file(path).get(("description",))
        except DocumentError as error:
            return str(error)
        return "" if leaf is None else str(leaf.value)

    def _resolve(self, path: Path, heirs: tuple[Path, ...]) -> _Leaves:
        leaves = self._read_file(path)
        extends = leaves.pop(("extends",), None)
        if extends is None:
            return leaves
        if not isinstance(extends.value, str):
            raise extends.fail(f"extends is {extends.text}; allowed: the name of a {self.word}")
        base, heirs = self._find(extends.value, hidden_by=path), (*heirs, path)
        if base is None and extends.value == path.stem:
            sentence = f"'{path.stem}' hides no other {self.word} of that name to start from"
            raise extends.fail(sentence)
        if base is None:
            raise extends.fail(self._not_found(extends.value))
        if any(base.samefile(heir) for heir in heirs):
            circle = " -> ".join(place.stem for place in (*heirs, base))
            raise extends.fail(f"{self.word}s extend each other in a circle: {circle}")
        inherited = self._resolve(base, heirs)
        inherited.pop(("description",), None)
        return inherited | leaves

    def _read_file(self, path: Path) -> _Leaves:
        source = Source(str(path))
        root = source.compose(read_text(path, self.word))
        if root is None:
            sentence = f"the file is empty; expected a {self.word}, such as 'extends: NAME'"
            raise source.fail(sentence)
        return _Reader(self.model, self.word, source).read(root, self.model)

    def _read_override(self, text: str) -> _Leaves:
        source = Source(f"--set {text}", is_option=True)
        dotted, equals, value = text.partition("=")
        if not equals:
            raise source.fail(f"expected KEY=VALUE, such as {self.example}")
        node = source.compose(value)
        path = tuple(dotted.strip().split("."))
        return _Reader(self.model, self.word, source).read_key(path, node)

    def _build(self, path: Path, leaves: _Leaves) -> T:
        try:
            return self.model.model_validate({"name": path.stem, **_nested(leaves)})
        except ValidationError as error:
            raise self._refusal(error.errors()[0], leaves, Source(str(path))) from error

    def _refusal(self, error: ErrorDetails, leaves: _Leaves, source: Source) -> RotoError:
        """What pydantic found, said about the line that the value was written in."""
        steps = error["loc"]
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
        words = allowed_values(self.model, steps)
        reason = f"allowed: {words}" if words else _lower_first(error["msg"])
        reason = str(error.get("ctx", {}).get("error", reason))
        path = next((path for path in leaves if steps[: len(path)] == path), None)
        place = None if path is None else leaves[path].at(steps[len(path) :])
        if error["type"] == "missing":
            sentence = f"{dotted} is missing and has no default"
            sentence += f"; allowed: {words}" if words else ""
        elif place is None:
            sentence = f"{dotted}: {reason}" if dotted else reason
        else:
            sentence = f"{dotted} is {place.text}; {reason}"
        return source.fail(sentence) if place is None else place.fail(sentence)


@dataclass(frozen=True)
class _Reader:
    """Reads what one source says; every key must be one that `root` or its sections have."""

    root: type[Settings]
    word: str
    source: Source

    def read(
        self, node: yaml.Node, model: type[Settings], path: _Path = (), line: int = 1
    ) -> _Leaves:
        """The values of the section at `path`, () for the whole file, which begins in `line`."""
        sections = sections_of(model)
        leaves: _Leaves = {}
        for key, key_line, value in self._entries(node, model, path, line):
            place = (*path, key)
            if key not in sections:
                leaves[place] = self._leaf(value, model, place, key_line)
            elif not is_blank(value):
                leaves |= self.read(value, sections[key], place, key_line)
        return leaves

    def read_key(self, path: _Path, node: yaml.Node | None) -> _Leaves:
        """The value of the one key at `path`."""
        model = self.root
        for depth, key in enumerate(path, start=1):
            self._check_known(key, model, path[: depth - 1])
            section = sections_of(model).get(key)
            dotted = ".".join(path[:depth])
            if section is None and depth < len(path):
                raise self.source.fail(f"{dotted} is a value, it has no key '{path[depth]}'")
            if section is not None and depth == len(path):
                first = next(iter(section.model_fields))
                sentence = f"{dotted} is a section; expected one of its keys, as {dotted}.{first}"
                raise self.source.fail(sentence)
            model = section or model
        if path == ("extends",):
            raise self.source.fail("extends can only be written in a file")
        if node is None:
            raise self.source.fail(f"'{path[-1]}' has no value")
        return {path: self._leaf(node, model, path, 1)}

    def _leaf(self, node: yaml.Node, model: type[Settings], path: _Path, line: int) -> Written:
        item_model = lists_of_sections(model).get(path[-1])
        if item_model is None or not isinstance(node, yaml.SequenceNode):
            return written(path[-1], node, self.source, line)
        items = [self.read(item, item_model, path, line_of(item)) for item in node.value]
        values = [_nested(item, len(path)) for item in items]
        return Written(values, node, self.source, line)

    def _entries(
        self, node: yaml.Node, model: type[Settings], path: _Path, line: int
    ) -> Iterator[tuple[str, int, yaml.Node]]:
        """Each key of a section, its line and its value's node."""
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
        self, key: str, model: type[Settings], path: _Path, line: int | None = None
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
        raise self.source.fail(f"unknown key '{key}'{where}; {hint}", line)

    def _keys(self, model: type[Settings]) -> tuple[str, ...]:
        """The keys that a section may have; the file itself has `extends`, but not its name."""
        keys = tuple(model.model_fields)
        return keys if model is not self.root else ("extends", *(k for k in keys if k != "name"))

    def _homes(self, model: type[Settings], section: str = "") -> dict[str, str]:
        """The section of every key; of a key that several have, the first in the file's order."""
        homes: dict[str, str] = {}
        for key, inner in (sections_of(model) | lists_of_sections(model)).items():
            homes = self._homes(inner, f"{section}.{key}".lstrip(".")) | homes
        return homes | dict.fromkeys(self._keys(model), section)


def _nested(leaves: _Leaves, depth: int = 0) -> dict[str, Any]:
    """The values alone, sections as dicts, without the first `depth` steps of their paths."""
    values: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *sections, key = path[depth:]
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = leaf.value
    return values


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
