"""A draft and its shot document: opened, and written after every change without being waited for.

Drawings are write-once files beside the document, ``NAME.shot.d/keyframes/``, which bear the digest
of their pixels in their names; the document is replaced whole. So whatever moment the program ends
at, the document on disk is one that was, and names what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition, Thread

import platformdirs

from rde_roto.documents.library import is_path
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import (
    SHOT_SUFFIX,
    ElementEntry,
    KeyframeEntry,
    PlateEntry,
    ShotDocument,
    parse_shot_document,
    read_shot_text,
    rewritten,
)
from rde_roto.images.layers import FIRST_PICTURE, PictureName
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.session.draft import Draft, Drawing
from rde_roto.session.drawing_files import DrawingFiles, outlines_of
from rde_roto.session.planes import Plane
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.opening import Parts, open_parts
from rde_roto.shot_files.shot_file import naming_the_document
from rde_roto.shot_files.writing import element_entry, write_document
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import DocumentError, RotoError, UsageError
from rde_roto.values.keyframe import Element
from rde_roto.values.plate import PlateFormat
from rde_roto.values.preset import Preset
from rde_roto.values.settings import sections_of

Said = Callable[[RotoError | None], None]
"""Told after every save on the saving thread: the error, None where it went well."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A shot as it was found: its document's file, which need not exist yet, and what it names."""

    file: ShotFile
    parts: Parts
    draft: Draft

    @property
    def path(self) -> Path:
        """Of the document."""
        return self.file.path


def open_work(
    text: str, memo: PlateMemo | None = None, picture: PictureName = FIRST_PICTURE
) -> Opened:
    """A shot document, or a plate (pattern, frame, folder or movie), to be worked on.

    `picture` says which view and layer of the plate's files. A plate gets a document of its own in
    the user's data folder, where it is found again the next time. Raises DocumentError, UsageError
    and InputError as `open_parts` does.
    """
    path = Path(text)
    if path.name.endswith((".yaml", ".yml")):
        if picture != FIRST_PICTURE:
            raise UsageError(f"{text} says the plate's view and layer itself: leave them out")
        return _opened(ShotFile.read(path), memo)
    kept = _kept_for(text, picture)
    if kept.exists():
        return _opened(ShotFile.read(kept), memo)
    where = str(Path(text).absolute())
    plate = PlateEntry(path=where, view=picture.view, layer=picture.layer)
    said = ShotDocument(plate=plate, elements=[ElementEntry(id="element1")])
    return _opened(ShotFile(kept, "", parse_shot_document(kept, said.to_yaml())), memo)


def stem_of(document: Path, plate: str) -> str:
    """`hero`, what a shot is called: after its document, or after its plate where that has none."""
    is_kept = document.parent == _kept_folder().resolve()
    return _plate_stem(plate) if is_kept else document.name.removesuffix(SHOT_SUFFIX)


def _kept_for(plate: str, picture: PictureName) -> Path:
    """The document of a plate that has none."""
    named = () if picture == FIRST_PICTURE else (picture.view or "", picture.layer or "")
    digest = digest_of(str(Path(plate).absolute()), *named)
    return _kept_folder() / f"{_plate_stem(plate)}-{digest[:8]}{SHOT_SUFFIX}"


def _kept_folder() -> Path:
    return platformdirs.user_data_path("rde-roto", appauthor=False) / "shots"


def _plate_stem(plate: str) -> str:
    return Path(plate).name.split(".")[0].strip("#@") or "shot"


def _opened(file: ShotFile, memo: PlateMemo | None) -> Opened:
    preset = file.preset()
    with naming_the_document(file.path):
        parts = open_parts(file.content, preset, file.folder, memo)
        drawings: dict[int, Drawing] = {}
        for keyframe in parts.keyframes:
            keys = keyframe.elements or tuple(element.id for element in parts.elements)
            planes = map(Plane.of, keyframe.alpha)
            drawings[keyframe.frame] = dict(zip(keys, planes, strict=True))
        _find_outlines(drawings, file, parts.plate.format)
        elements = parts.elements or (Element("element1", "element1"),)
    learned = None if file.content.learned is None else file.folder / file.content.learned
    draft = Draft(elements, drawings, tuple(file.content.locks), preset, learned)
    return Opened(file, parts, draft)


def _find_outlines(drawings: dict[int, Drawing], file: ShotFile, format: PlateFormat) -> None:
    """Gives drawings the lines that were drawn on them, where a file of ours tells."""
    for entry in file.content.keyframes:
        drawing, keys = drawings.get(entry.frame), entry.elements
        if drawing is not None and keys is not None and len(keys) == 1:
            key = keys[0]
            found = outlines_of(file.folder / entry.mask, format)
            drawings[entry.frame] = {**drawing, key: replace(drawing[key], outlines=found)}


@dataclass
class Writer:
    """Writes drafts into one document. What people wrote there and nobody changed stays.

    `path` is the document's, `text` what was last read or written there, "" where there is none;
    `said` and `preset` what it said then. `entries` has, by frame, the drawing that was last
    written or read, and how the document names it.
    """

    path: Path
    text: str
    said: ShotDocument
    format: PlateFormat
    preset: Preset
    entries: dict[int, tuple[Drawing, list[KeyframeEntry]]] = field(default_factory=dict)

    @classmethod
    def of(cls, opened: Opened) -> Writer:
        """One for the document that was opened."""
        file, draft = opened.file, opened.draft
        plate_format = opened.parts.plate.format
        writer = cls(file.path.resolve(), file.text, file.content, plate_format, draft.preset)
        for frame, drawing in opened.draft.drawings.items():
            own = [entry for entry in file.content.keyframes if entry.frame == frame]
            writer.entries[frame] = drawing, own
        return writer

    def write(self, draft: Draft) -> None:
        """Puts a draft on disk: first its drawings, then the document that names them.

        Raises DocumentError when somebody else changed the document, OutputError.
        """
        self._refuse_changed()
        keyframes = [
            entry
            for frame in sorted(draft.drawings)
            for entry in self._entries(frame, draft.drawings[frame])
        ]
        wanted = self.said.model_copy(
            update={
                "elements": [element_entry(element) for element in draft.elements],
                "keyframes": keyframes,
                "locks": list(draft.locks),
                "overrides": self._overrides(draft.preset),
                "learned": self._learned(draft.learned),
            }
        )
        text = rewritten(self.path, self.text, wanted) if self.text else wanted.to_yaml()
        if text != self.text:
            write_document(self.path, text)
        self.text, self.said = text, wanted

    def _refuse_changed(self) -> None:
        there = read_shot_text(self.path) if self.text or self.path.exists() else ""
        if there != self.text:
            raise DocumentError(
                f"{self.path} was changed by somebody else and is left as it is: save what you "
                "have under another name"
            )

    def _entries(self, frame: int, drawing: Drawing) -> list[KeyframeEntry]:
        known = self.entries.get(frame)
        if known is None or known[0] is not drawing:
            entries = [self._drawn(frame, key, plane) for key, plane in drawing.items()]
            known = self.entries[frame] = drawing, entries
        return known[1]

    def _drawn(self, frame: int, element: str, plane: Plane) -> KeyframeEntry:
        folder = f"{self.path.name.removesuffix('.yaml')}.d/keyframes"
        drawings = DrawingFiles(self.path.parent / folder, self.format)
        mask = f"{folder}/{drawings.write(frame, element, plane)}"
        return KeyframeEntry(frame=frame, mask=mask, elements=[element], mask_as="matte")

    def _learned(self, path: Path | None) -> str | None:
        """How the document names what was learned; as it did, if that is the same file."""
        folder, said = self.path.parent, self.said.learned
        if path is None or (said is not None and folder / said == path):
            return None if path is None else said
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)

    def _overrides(self, preset: Preset) -> dict[str, object]:
        """What the settings say that the document's preset does not; as it was, if they agree."""
        if preset == self.preset:
            return self.said.overrides
        text = self.said.preset
        usual = load_preset(str(self.path.parent / text) if is_path(text) else text)
        found: dict[str, object] = {}
        for section in sections_of(Preset):
            values = getattr(preset, section).model_dump(mode="json")
            base = getattr(usual, section).model_dump(mode="json")
            found |= {f"{section}.{k}": v for k, v in values.items() if v != base[k]}
        return found


def save_as(opened: Opened, draft: Draft, path: Path) -> Writer:
    """A draft in another document, with its drawings beside that one; the writer that goes on.

    Raises UsageError for a name that is no document's, or taken.
    """
    if not path.name.endswith(SHOT_SUFFIX) or path.name == SHOT_SUFFIX:
        raise UsageError(f"{path}: a shot document's name ends in {SHOT_SUFFIX}")
    if path.exists():
        raise UsageError(f"{path} is there already: choose another name")
    folder, says = opened.file.folder, opened.file.content

    def whole(text: str) -> str:
        return str((folder / text).absolute())

    plate = says.plate.model_copy(update={"path": whole(says.plate.path)})
    preset = whole(says.preset) if is_path(says.preset) else says.preset
    model = whole(says.model) if (folder / says.model).is_file() else says.model
    named = {"plate": plate, "preset": preset, "model": model, "learned": None}
    said = says.model_copy(update=named)
    locks = tuple(lock.model_copy(update={"mattes": whole(lock.mattes)}) for lock in draft.locks)
    plate_format = opened.parts.plate.format
    writer = Writer(path.resolve(), "", said, plate_format, opened.draft.preset)
    writer.write(replace(draft, locks=locks))
    return writer


class Saver:
    """Saves the newest draft on a thread of its own; those that it did not come to are skipped."""

    def __init__(self, writer: Writer, said: Said) -> None:
        self._writer = writer
        self._said = said
        self._changed = Condition()
        self._next: Draft | None = None
        self._busy = False
        self._closed = False
        self._thread = Thread(target=self._run, name="rde-roto-save", daemon=True)
        self._thread.start()

    def save(self, draft: Draft) -> None:
        """Has a draft saved, without waiting."""
        with self._changed:
            self._next = draft
            self._changed.notify_all()

    def wait(self) -> None:
        """Returns when everything is on disk, or has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is None and not self._busy)

    def close(self) -> None:
        """Saves what is left, and ends the thread."""
        self.wait()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._closed)
                draft, self._next = self._next, None
                if draft is None:
                    return
                self._busy = True
            error = self._saved(draft)
            self._said(error)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _saved(self, draft: Draft) -> RotoError | None:
        try:
            self._writer.write(draft)
        except RotoError as error:
            return error
        return None
