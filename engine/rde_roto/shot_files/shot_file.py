"""A shot document on disk: reads it, opens its shot, and changes it without losing comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rde_roto.atomic import try_folder
from rde_roto.documents.library import is_path
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.reading import Document, Setting
from rde_roto.documents.shot_document import (
    LockEntry,
    ShotDocument,
    parse_shot_document,
    read_shot_text,
    rewritten,
)
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.sequences import FramePattern
from rde_roto.shot_files.opening import OpenedShot, OpenPlate, open_document, open_entry
from rde_roto.shot_files.writing import write_document
from rde_roto.values.errors import (
    DocumentError,
    InputError,
    OutputError,
    UsageError,
    VariableError,
)
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset


@dataclass(frozen=True)
class ShotFile:
    """A shot document and the text it was read from. `path` is as given by the caller."""

    path: Path
    text: str
    document: Document[ShotDocument]

    @staticmethod
    def read(path: Path) -> ShotFile:
        """Read a shot document. Raises DocumentError, naming file and line, if missing or wrong."""
        text = read_shot_text(path)
        return ShotFile(path, text, parse_shot_document(path, text))

    @property
    def content(self) -> ShotDocument:
        """The document's content."""
        return self.document.value

    @property
    def name(self) -> str:
        """`hero` for `hero.shot.yaml`, or for a job `hero.yaml` or `hero.json`."""
        return self.path.name.removesuffix(".json").removesuffix(".yaml").removesuffix(".shot")

    @property
    def folder(self) -> Path:
        """The folder at which the document's paths start: its real folder, links resolved."""
        return self.path.resolve().parent

    @property
    def _own_folder(self) -> str:
        return f"{self.path.resolve().name.removesuffix('.yaml')}.d"

    @property
    def locks_folder(self) -> str:
        """The folder of its locked mattes, relative to its own: `hero.shot.d/locks`."""
        return f"{self._own_folder}/locks"

    def open(
        self,
        memo: PlateMemo | None = None,
        preset: Preset | None = None,
        open_plate: OpenPlate = open_entry,
    ) -> OpenedShot:
        """Open the shot, with its own preset or another one.

        Raises DocumentError for contradictions, InputError for a plate or mask that is missing,
        damaged or of the wrong size.
        """
        preset = preset or self.preset()
        with naming_the_document(self.path):
            opened = open_document(self.content, preset, self.folder, memo, open_plate)
        return replace(opened, document=self.path, learn_into=self.folder / self.learned_folder)

    def missing(self) -> Iterator[str]:
        """Yield a sentence for each missing file that the document refers to."""
        says, preset = self.content, self.preset()
        try:
            with naming_the_document(self.path):
                open_entry(says.plate, preset, self.folder)
        except InputError as error:
            yield str(error)
        for entry in says.keyframes:
            if not (self.folder / entry.mask).is_file():
                yield f"the mask of frame {entry.frame}, {entry.mask}, does not exist"
        if says.learned is not None and not (self.folder / says.learned).is_file():
            yield f"the learned weights, {says.learned}, do not exist"
        for lock in says.locks:
            pattern = FramePattern.parse(str(self.folder / lock.mattes))
            if pattern is not None:
                gone = FrameRange.of(f for f in lock.frames if not pattern.path(f).is_file())
                if gone:
                    yield f"the locked mattes of {gone}, {lock.mattes}, do not exist"

    def preset(self, overrides: Sequence[Setting] = ()) -> Preset:
        """Load the preset with the document's overrides, then `overrides`. Raises DocumentError."""
        text = self.content.preset
        name = str(self.folder / text) if is_path(text) else text
        return load_preset(name, [*self.document.settings("overrides"), *overrides])

    @property
    def learned_folder(self) -> str:
        """The folder of learned weights, relative to its own: `hero.shot.d/learned`."""
        return f"{self._own_folder}/learned"

    def set_locks(self, locks: list[LockEntry]) -> None:
        """Replace the locks in the file. Raises as `rewrite`."""
        self.rewrite(self.content.model_copy(update={"locks": locks}))

    def check_writable(self) -> None:
        """Raise OutputError unless the file can be written, before work that ends in that."""
        try:
            try_folder(self.folder)
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from error

    def set_learned(self, learned: str | None) -> None:
        """Replace the learned weights in the file, or remove them. Raises as `rewrite`."""
        self.rewrite(self.content.model_copy(update={"learned": learned}))

    def rewrite(self, wanted: ShotDocument) -> None:
        """Change the file to the wanted content; all other text stays as people wrote it.

        Raises DocumentError when the file has changed since it was read, OutputError when it
        cannot be written.
        """
        if read_shot_text(self.path) != self.text:
            raise DocumentError(
                f"{self.path} was changed in the meantime: run the command again; it continues "
                "where it stopped"
            )
        write_document(self.path, rewritten(self.path, self.text, wanted))


@contextmanager
def naming_the_document(path: Path) -> Iterator[None]:
    """Turn a UsageError into a DocumentError that names the document, except for one about an
    environment variable, which the document does not set.
    """
    try:
        yield
    except VariableError:
        raise
    except UsageError as error:
        raise DocumentError(f"{path}: {error}") from error
