"""Preset files: where they lie, and how they are read, inherited and overridden.

A preset file is a mapping of `extends`, `description`, `tracking` and `finish`, every key optional;
the file's name without `.yaml` is the preset's name. `extends: NAME` takes over the values of
another preset, and the file's own values come on top of them; descriptions are not inherited.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import platformdirs
import yaml
from pydantic import ValidationError

from rde_roto.values.errors import DocumentError, RotoError, UsageError
from rde_roto.values.preset import SECTIONS, Preset, allowed_values

_YAML_NULL: Final = "tag:yaml.org,2002:null"


class PresetEntry(NamedTuple):
    """One line of a listing; `description` is the error's sentence where the file is damaged."""

    name: str
    path: Path
    description: str


def default_preset_folders() -> tuple[Path, ...]:
    """The shipped presets, then the user's folder, then those of $RDE_ROTO_PRESETS in its order.

    The shipped ones lie in the installed package, or at the top of a source checkout. Folders of
    $RDE_ROTO_PRESETS are separated as in $PATH. A folder need not exist.
    """
    package = Path(__file__).parents[1]
    installed, checkout = package / "presets", package.parents[1] / "presets"
    user = platformdirs.user_config_path("rde-roto", appauthor=False) / "presets"
    studio = os.environ.get("RDE_ROTO_PRESETS", "").split(os.pathsep)
    shipped = installed if installed.is_dir() else checkout
    return (shipped, user, *(Path(folder) for folder in studio if folder))


@dataclass(frozen=True)
class PresetLibrary:
    """The presets of some folders (`*.yaml`, not their subfolders).

    A preset in a later folder hides one of the same name in an earlier folder, so that a user or a
    studio can set its own `standard`; presets that extend the name then start from the new one. A
    file that extends its own name starts from the preset it hides.
    """

    folders: tuple[Path, ...]

    def names(self) -> list[PresetEntry]:
        """Every preset that can be asked for by name, in the order of the names."""
        found = {path.stem: path for folder in self.folders for path in folder.glob("[!.]*.yaml")}
        return [PresetEntry(name, path, _description(path)) for name, path in sorted(found.items())]

    def load(self, name_or_path: str | Path, overrides: Sequence[str] = ()) -> Preset:
        """The preset of that name, or in that file, with `tracking.memory_every=5` put on top.

        Text that ends in .yaml or .yml or holds a slash is a path. Raises DocumentError, naming
        file and line, for a preset that is missing or wrong, UsageError for a wrong override.
        """
        text = str(name_or_path)
        is_path = Path(text).suffix in (".yaml", ".yml") or "/" in text or os.sep in text
        path = Path(text) if is_path else self._find(text)
        if path is None:
            raise DocumentError(self._not_found(text))
        leaves = self._resolve(path, ())
        for override in overrides:
            leaves |= _read_override(override)
        return _build(path.stem, leaves)

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
        return f"there is no preset '{name}'; {hint}"

    def _resolve(self, path: Path, heirs: tuple[Path, ...]) -> _Leaves:
        leaves = _read_document(path)
        extends = leaves.pop(("extends",), None)
        if extends is None:
            return leaves
        if not isinstance(extends.value, str):
            raise extends.fail(f"extends is {extends.text}; allowed: the name of a preset")
        base, heirs = self._find(extends.value, hidden_by=path), (*heirs, path)
        if base is None and extends.value == path.stem:
            raise extends.fail(f"'{path.stem}' hides no other preset of that name to start from")
        if base is None:
            raise extends.fail(self._not_found(extends.value))
        if any(base.samefile(heir) for heir in heirs):
            circle = " -> ".join(place.stem for place in (*heirs, base))
            raise extends.fail(f"presets extend each other in a circle: {circle}")
        inherited = self._resolve(base, heirs)
        inherited.pop(("description",), None)
        return inherited | leaves


# Reading. A document is a dict from a key's path, such as ("tracking", "lines"), to a _Leaf that
# knows where it was written; inheritance and overrides are then the union of such dicts.


@dataclass(frozen=True)
class _Source:
    """Where keys are written: a file, whose lines are named, or a --set option."""

    label: str
    error: type[RotoError] = DocumentError

    def fail(self, sentence: str, line: int | None = None) -> RotoError:
        place = self.label if line is None else f"{self.label}:{line}"
        return self.error(f"{place}: {sentence}")


@dataclass(frozen=True)
class _Leaf:
    """One value, as read and, for messages, as written; `line` is None in a --set option."""

    value: object
    text: str
    source: _Source
    line: int | None

    def fail(self, sentence: str) -> RotoError:
        return self.source.fail(sentence, self.line)


_Leaves: TypeAlias = "dict[tuple[str, ...], _Leaf]"


def _read_document(path: Path) -> _Leaves:
    source = _Source(str(path))
    root = _compose(_read_text(path, source), source)
    if root is None:
        raise source.fail("the file is empty; expected a preset, such as 'extends: standard'")
    leaves: _Leaves = {}
    for key, line, node in _entries(root, "", source, 1):
        if key in SECTIONS:
            for name, inner_line, value in _entries(node, key, source, line):
                leaves[(key, name)] = _leaf(name, value, source, inner_line)
        else:
            leaves[(key,)] = _leaf(key, node, source, line)
    return leaves


def _read_override(text: str) -> _Leaves:
    source = _Source(f"--set {text}", UsageError)
    dotted, equals, written = text.partition("=")
    if not equals:
        raise source.fail("expected KEY=VALUE, such as tracking.memory_every=5")
    section, _, key = dotted.strip().partition(".")
    _check_known(section, "", source, None)
    if section not in SECTIONS or not key:
        raise source.fail("expected a key of tracking or finish, such as tracking.memory_every=5")
    _check_known(key, section, source, None)
    node = _compose(written, source)
    if node is None:
        raise source.fail(f"'{key}' has no value")
    return {(section, key): _leaf(key, node, source, None)}


def _read_text(path: Path, source: _Source) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise source.fail(f"the preset cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise source.fail("the text is not UTF-8; save it again as UTF-8", line) from error


def _compose(text: str, source: _Source) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        line = None if error.problem_mark is None else error.problem_mark.line + 1
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = "it holds a control character"
    line = line if source.error is DocumentError else None
    raise source.fail(f"this is not valid YAML: {problem}", line)


def _entries(
    node: yaml.Node, section: str, source: _Source, line: int
) -> Iterator[tuple[str, int, yaml.Node]]:
    """Each known key of a section ("" for the file itself), its line and its value's node."""
    if section and _is_blank(node):
        return
    if not isinstance(node, yaml.MappingNode):
        name = section or "a preset file"
        raise source.fail(f"{name} must hold lines of the form 'key: value'", line)
    lines: dict[str, int] = {}
    for key_node, value in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise source.fail("a key must be a plain word", line)
        key = key_node.value
        _check_known(key, section, source, line)
        if key in lines:
            raise source.fail(f"'{key}' is already set in line {lines[key]}", line)
        lines[key] = line
        yield key, line, value


def _leaf(name: str, node: yaml.Node, source: _Source, line: int | None) -> _Leaf:
    if not isinstance(node, yaml.ScalarNode):
        raise source.fail(f"'{name}' must have a single value, not a list or a mapping", line)
    if _is_blank(node):
        raise source.fail(f"'{name}' has no value", line)
    try:
        value = yaml.SafeLoader("").construct_document(node)
    # What PyYAML raises, besides its own error, for text that only looks like its tag's kind:
    # 2026-99-99, ._ or !!bool 7.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        raise source.fail(f"'{name}' is {node.value}, which is no value of YAML", line) from error
    return _Leaf(value, repr(value) if isinstance(value, str) else node.value, source, line)


def _is_blank(node: yaml.Node) -> bool:
    """Whether nothing at all was written; an artist who means null writes it."""
    return isinstance(node, yaml.ScalarNode) and (node.tag, node.value) == (_YAML_NULL, "")


def _check_known(key: str, section: str, source: _Source, line: int | None) -> None:
    keys = {"": ("extends", "description", *SECTIONS)}
    keys |= {name: tuple(model.model_fields) for name, model in SECTIONS.items()}
    if key in keys[section]:
        return
    homes = {name: home for home in keys for name in keys[home]}
    homes |= dict.fromkeys(keys[section], section)
    nearest = difflib.get_close_matches(key, homes, n=1)
    hint = f"known are {', '.join(keys[section])}"
    if nearest:
        home = homes[nearest[0]]
        place = "" if home == section else f" {f'in {home}' if home else 'at the top level'}"
        hint = f"did you mean '{nearest[0]}'{place}?"
    where = f" in {section}" if section else ""
    raise source.fail(f"unknown key '{key}'{where}; {hint}", line)


def _build(name: str, leaves: _Leaves) -> Preset:
    values: dict[str, Any] = {"name": name}
    for (*sections, key), leaf in leaves.items():
        target = values
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = leaf.value
    try:
        return Preset.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        path = tuple(str(part) for part in first["loc"])
        reason = first.get("ctx", {}).get("error", f"allowed: {allowed_values(path)}")
        raise leaves[path].fail(f"{'.'.join(path)} is {leaves[path].text}; {reason}") from error


def _description(path: Path) -> str:
    try:
        leaf = _read_document(path).get(("description",))
    except DocumentError as error:
        return str(error)
    return "" if leaf is None else str(leaf.value)
