"""A shot document on disk: read, opened, and changed without losing what people wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

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
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.images.sequences import FramePattern
from rde_roto.shot_files.opening import OpenedShot, OpenPlate, open_document, open_entry
from rde_roto.shot_files.writing import write_document
from rde_roto.values.errors import DocumentError, InputError, UsageError, VariableError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset


@dataclass(frozen=True)
class ShotFile:
    """A shot document and the text it was read from. `path` is as it was asked for."""

    path: Path
    text: str
    document: Document[ShotDocument]

    @staticmethod
    def read(path: Path) -> ShotFile:
        """Raises DocumentError, naming file and line, when the document is missing or wrong."""
        text = read_shot_text(path)
        return ShotFile(path, text, parse_shot_document(path, text))

    @property
    def content(self) -> ShotDocument:
        """What the document says."""
        return self.document.value

    @property
    def name(self) -> str:
        """`hero`, of `hero.shot.yaml`; of a job `hero.yaml` or `hero.json` too."""
        return self.path.name.removesuffix(".json").removesuffix(".yaml").removesuffix(".shot")

    @property
    def folder(self) -> Path:
        """Where the document's paths start: the folder it really lies in."""
        return self.path.resolve().parent

    @property
    def _own_folder(self) -> str:
        return f"{self.path.resolve().name.removesuffix('.yaml')}.d"

    @property
    def locks_folder(self) -> str:
        """The folder of its locked mattes, from its own: `hero.shot.d/locks`."""
        return f"{self._own_folder}/locks"

    def open(
        self,
        memo: PlateMemo | None = None,
        preset: Preset | None = None,
        open_plate: OpenPlate = open_entry,
    ) -> OpenedShot:
        """The shot, with its own preset or another one.

        Raises DocumentError for what does not fit together, InputError for a plate or mask that is
        missing, damaged or of the wrong size.
        """
        preset = preset or self.preset()
        with naming_the_document(self.path):
            opened = open_document(self.content, preset, self.folder, memo, open_plate)
        return replace(opened, document=self.path, learn_into=self.folder / self.learned_folder)

    def missing(self) -> Iterator[str]:
        """A sentence for each thing that the document names and that is not there."""
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
        """The preset with the document's overrides, and others on top. Raises DocumentError."""
        text = self.content.preset
        name = str(self.folder / text) if is_path(text) else text
        return load_preset(name, [*self.document.settings("overrides"), *overrides])

    @property
    def learned_folder(self) -> str:
        """The folder of what a model learns of the shot, from its own: `hero.shot.d/learned`."""
        return f"{self._own_folder}/learned"

    def set_locks(self, locks: list[LockEntry]) -> None:
        """Puts other locks into the file. Raises as `rewrite` does."""
        self.rewrite(self.content.model_copy(update={"locks": locks}))

    def set_learned(self, learned: str | None) -> None:
        """Names other learned weights in the file, or none. Raises as `rewrite` does."""
        self.rewrite(self.content.model_copy(update={"learned": learned}))

    def rewrite(self, wanted: ShotDocument) -> None:
        """Makes the file say what is wanted; all else stays as people wrote it.

        Raises DocumentError when the file has changed since it was read, OutputError when it
        cannot be written.
        """
        if read_shot_text(self.path) != self.text:
            raise DocumentError(
                f"{self.path} was changed in the meantime: run the command again, which goes on "
                "from what is done"
            )
        write_document(self.path, rewritten(self.path, self.text, wanted))


@contextmanager
def naming_the_document(path: Path) -> Iterator[None]:
    """What would be a wrong option elsewhere is a wrong document here, but for a variable of the
    environment, which the document does not set.
    """
    try:
        yield
    except VariableError:
        raise
    except UsageError as error:
        raise DocumentError(f"{path}: {error}") from error
