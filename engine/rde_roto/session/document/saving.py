"""Write a draft into its shot document after every change, on a thread that nobody waits for.

Drawings are write-once files beside the document, ``NAME.shot.d/keyframes/``, with the digest of
their pixels in their names; the document is replaced as a whole. So whenever the program ends, the
document on disk is a complete one, and the files that it names exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread

from rde_roto.documents.library import is_path
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import (
    SHOT_SUFFIX,
    KeyframeEntry,
    ShotDocument,
    read_shot_text,
    rewritten,
)
from rde_roto.session.document.draft import Draft, Drawing
from rde_roto.session.document.drawing_files import DrawingFiles
from rde_roto.session.document.opening import OpenedDraft
from rde_roto.session.drawing.planes import Plane
from rde_roto.shot_files.writing import element_entry, write_document
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.plate import PlateFormat
from rde_roto.values.preset import Preset
from rde_roto.values.settings import sections_of

OnSaved = Callable[[], None]
"""Called after every save, on the saving thread."""


@dataclass
class DraftWriter:
    """Write drafts into one document. What people wrote there, and nobody changed in the session,
    stays.

    `path` is the document's file. `text` is what was last read or written there, "" if there is
    none; `document` and `preset` are its contents. `entries` has, by frame, the drawing last
    written or read, and its entries in the document.
    """

    path: Path
    text: str
    document: ShotDocument
    format: PlateFormat
    preset: Preset
    entries: dict[int, tuple[Drawing, list[KeyframeEntry]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._preset_as_opened, self._overrides_as_opened = (
            self.document.preset,
            self.document.overrides,
        )

    @classmethod
    def of(cls, opened: OpenedDraft) -> DraftWriter:
        """Return a writer for the document that was opened."""
        file, draft = opened.file, opened.draft
        plate_format = opened.parts.plate.format
        writer = cls(file.path.resolve(), file.text, file.content, plate_format, draft.preset)
        for frame, drawing in opened.draft.drawings.items():
            own = [entry for entry in file.content.keyframes if entry.frame == frame]
            writer.entries[frame] = drawing, own
        return writer

    def write(self, draft: Draft) -> None:
        """Write a draft: first its drawings, then the document that names them.

        Raises DocumentError if somebody else changed the document, OutputError.
        """
        self._refuse_changed()
        keyframes = [
            entry
            for frame in sorted(draft.drawings)
            for entry in self._entries(frame, draft.drawings[frame])
        ]
        wanted = self.document.model_copy(
            update={
                "elements": [element_entry(element) for element in draft.elements],
                "keyframes": keyframes,
                "locks": list(draft.locks),
                "preset": self._preset_name(draft.preset),
                "overrides": self._overrides(draft.preset),
                "learned": self._learned(draft.learned),
            }
        )
        text = rewritten(self.path, self.text, wanted) if self.text else wanted.to_yaml()
        if text != self.text:
            write_document(self.path, text)
        self.text, self.document = text, wanted

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
        """Return how the document names the learned file; unchanged if it is the same file."""
        folder, named = self.path.parent, self.document.learned
        if path is None or (named is not None and folder / named == path):
            return None if path is None else named
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)

    def _preset_name(self, preset: Preset) -> str:
        """Return how the document names the preset; as it did when it was opened if it is that."""
        is_same = preset.name == self.preset.name
        return self._preset_as_opened if is_same else preset.name

    def _overrides(self, preset: Preset) -> dict[str, object]:
        """Return the settings that differ from the document's preset; unchanged if they agree."""
        if preset == self.preset:
            return self._overrides_as_opened
        text = self._preset_name(preset)
        usual = load_preset(str(self.path.parent / text) if is_path(text) else text)
        found: dict[str, object] = {}
        for section in sections_of(Preset):
            values = getattr(preset, section).model_dump(mode="json")
            base = getattr(usual, section).model_dump(mode="json")
            found |= {f"{section}.{k}": v for k, v in values.items() if v != base[k]}
        return found


def save_as(opened: OpenedDraft, draft: Draft, path: Path) -> DraftWriter:
    """Write a draft into another document, with its drawings beside it, and return its writer.
    Paths in the draft's locks must be whole ones.

    Raises UsageError if the name is not a document's, or is taken.
    """
    if not path.name.endswith(SHOT_SUFFIX) or path.name == SHOT_SUFFIX:
        raise UsageError(f"{path}: a shot document's name ends in {SHOT_SUFFIX}")
    if path.exists():
        raise UsageError(f"{path} exists already: choose another name")
    folder, found = opened.file.folder, opened.file.content

    def whole(text: str) -> str:
        return str((folder / text).absolute())

    plate = found.plate.model_copy(update={"path": whole(found.plate.path)})
    preset = whole(found.preset) if is_path(found.preset) else found.preset
    model = whole(found.model) if (folder / found.model).is_file() else found.model
    named = {"plate": plate, "preset": preset, "model": model, "learned": None}
    document = found.model_copy(update=named)
    plate_format = opened.parts.plate.format
    writer = DraftWriter(path.resolve(), "", document, plate_format, opened.draft.preset)
    writer.write(draft)
    return writer


class Saver:
    """Save the newest draft on a thread. Drafts that are superseded meanwhile are skipped."""

    def __init__(self, writer: DraftWriter, on_saved: OnSaved) -> None:
        self._writer = writer
        self._on_saved = on_saved
        self._changed = Condition()
        self.error: Exception | None = None  # of the last save
        self._next: Draft | None = None
        self._busy = False
        self._closed = False
        self._thread = Thread(target=self._run, name="rde-roto-save", daemon=True)
        self._thread.start()

    def save(self, draft: Draft) -> None:
        """Save a draft, without waiting."""
        with self._changed:
            self._next = draft
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until everything is on disk or has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is None and not self._busy)

    def close(self) -> None:
        """Save what is left, and end the thread."""
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
            self.error = self._saved(draft)
            self._on_saved()
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _saved(self, draft: Draft) -> Exception | None:
        try:
            self._writer.write(draft)
        except Exception as error:  # of any kind: later changes must be saved
            return error
        return None
