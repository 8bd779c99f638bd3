"""Documents that people write: how they are found, read, inherited and overridden.

A document is a YAML file with the fields of a Settings model; its name is the file's name without
`.yaml`. `extends: NAME` inherits the values of another document, and the file's own values override
them, section by section and key by key; a list is replaced as a whole, and the description is not
inherited.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from rde_roto.documents.reading import Leaves, Reader, Setting, build
from rde_roto.documents.yaml_text import Source, read_text
from rde_roto.values.arguments import refuse, require
from rde_roto.values.errors import DocumentError
from rde_roto.values.settings import Settings

T = TypeVar("T", bound=Settings)


class Entry(NamedTuple):
    """One line of a listing; for a damaged file `description` is the error message."""

    name: str
    path: Path
    description: str


def is_path(name_or_path: str) -> bool:
    """Return whether a text is a path and not a name: it ends in .yaml or .yml, or contains a
    slash.
    """
    slashed = "/" in name_or_path or os.sep in name_or_path
    return slashed or Path(name_or_path).suffix in (".yaml", ".yml")


class Library(Generic[T]):
    """The documents of some folders (`*.yaml`, not their subfolders).

    A document in a later folder hides one of the same name in an earlier folder, so that a user or
    a studio can have its own `standard`; documents that extend this name then extend the new one. A
    file that extends its own name extends the document that it hides.

    `model` must have the fields `name`, which is never written to files, and `description`.
    Messages call a document `word` and show `example` as an override.
    """

    def __init__(self, model: type[T], word: str, folders: Sequence[Path], example: str) -> None:
        self.model = model
        self.word = word
        self.folders = tuple(folders)
        self.example = example

    def names(self) -> list[Entry]:
        """List all documents, sorted by name."""
        found = {path.stem: path for folder in self.folders for path in folder.glob("[!.]*.yaml")}
        return [Entry(name, path, self._description(path)) for name, path in sorted(found.items())]

    def load(self, name_or_path: str | Path, overrides: Sequence[str | Setting] = ()) -> T:
        """Load a document by name or path and apply overrides such as `example`.

        Raises DocumentError, naming file and line, for a document that is missing or wrong, and
        for a wrong override from another document; UsageError for any other wrong override.
        """
        expected = f"a list of overrides, such as [{self.example!r}]"
        require(overrides, Iterable, expected)
        refuse(overrides, (str, Mapping), expected)
        text = str(name_or_path)
        path = Path(text) if is_path(text) else self._find(text)
        if path is None:
            raise DocumentError(self._not_found(text))
        leaves = self._resolve(path, ())
        for override in overrides:
            require(override, (str, Setting), f"an override such as {self.example!r}")
            setting = self.setting(override) if isinstance(override, str) else override
            leaves |= self._reader(setting.source).read_setting(setting)
        return build(self.model, leaves, Source(str(path)), {"name": path.stem})

    def setting(self, text: str) -> Setting:
        """Parse an override such as `example`. Raises UsageError for any other text."""
        source = Source(f"--set {text}", is_option=True)
        key, equals, value = text.partition("=")
        if not equals:
            raise source.fail(f"expected KEY=VALUE, such as {self.example}")
        return Setting(key, source.compose(value), source)

    def _find(self, name: str, hidden_by: Path | None = None) -> Path | None:
        """The file in the last folder that has it; with `hidden_by`, the next one that it hides."""
        candidates = [folder / f"{name}.yaml" for folder in reversed(self.folders)]
        found = [candidate for candidate in candidates if candidate.is_file()]
        for index, candidate in enumerate(found):
            if hidden_by is not None and candidate.samefile(hidden_by):
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

    def _resolve(self, path: Path, descendants: tuple[Path, ...]) -> Leaves:
        leaves = self._read_file(path)
        extends = leaves.pop(("extends",), None)
        if extends is None:
            return leaves
        if not isinstance(extends.value, str):
            raise extends.fail(f"extends is {extends.text}; allowed: the name of a {self.word}")
        base, descendants = self._find(extends.value, hidden_by=path), (*descendants, path)
        if base is None and extends.value == path.stem:
            sentence = f"'{path.stem}' hides no other {self.word} of that name to start from"
            raise extends.fail(sentence)
        if base is None:
            raise extends.fail(self._not_found(extends.value))
        if any(base.samefile(heir) for heir in descendants):
            circle = " -> ".join(candidate.stem for candidate in (*descendants, base))
            raise extends.fail(f"{self.word}s extend each other in a circle: {circle}")
        inherited = self._resolve(base, descendants)
        inherited.pop(("description",), None)
        return inherited | leaves

    def _read_file(self, path: Path) -> Leaves:
        source = Source(str(path))
        root = source.compose(read_text(path, self.word))
        if root is None:
            sentence = f"the file is empty; expected a {self.word}, such as 'extends: NAME'"
            raise source.fail(sentence)
        return self._reader(source).read(root, self.model)

    def _reader(self, source: Source) -> Reader:
        return Reader(self.model, self.word, source, ("extends",))
