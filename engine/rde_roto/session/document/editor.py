"""Edit a shot: its draft with undo, its mattes, locks and saving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np

from rde_roto.documents.shot_document import LockEntry
from rde_roto.images.origin import Origin
from rde_roto.node import RotoNode
from rde_roto.session.document.draft import Draft, ShotBuilder
from rde_roto.session.document.history import History
from rde_roto.session.document.locking import FrameLocker, with_locks
from rde_roto.session.document.opening import OpenedDraft, shot_name
from rde_roto.session.document.saving import DraftWriter, Saver, save_as
from rde_roto.session.error_words import sentence
from rde_roto.session.listeners import EditorListener
from rde_roto.session.mattes.backend import Backend, Post
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.session.mattes.node_builder import Edition
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.locks import without_frames
from rde_roto.shot_files.opening import chosen_model, open_lock
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.shot import Shot


class ShotEditor:
    """A draft with its history, its mattes and its document.

    Used from one thread, the one that ``post`` leads to; must be closed.
    """

    def __init__(
        self, opened: OpenedDraft, backend: Backend, post: Post, listener: EditorListener
    ) -> None:
        self.opened = opened
        self._backend, self._post, self._listener = backend, post, listener
        self._history = History(opened.draft)
        self._builder = ShotBuilder(opened.parts.plate, opened.parts.range)
        self._saver = self._new_saver(DraftWriter.of(opened))
        self.live = LiveMattes(backend, post, self._live_changed)
        self._is_closed = False
        self._locking: list[FrameRange] = []
        self._follow()

    @property
    def draft(self) -> Draft:
        """The shot as it is now."""
        return self._history.value

    @property
    def document(self) -> Path:
        """The file that the shot is saved in."""
        return self._writer.path

    @property
    def name(self) -> str:
        """The shot's name, such as `hero` (`shot_name`)."""
        return shot_name(self.document, self.opened.parts.plate.name, self._plate_path)

    @property
    def _plate_path(self) -> Path:
        return self.opened.file.folder / self.opened.file.content.plate.path

    def apply(self, draft: Draft, label: str) -> None:
        """Continue with another draft, as one step of undo."""
        self._history.push(draft, label)
        self._changed()

    def apply_made(self, draft: Draft, label: str, said: str) -> None:
        """Continue with what was asked for a while ago, and say so: also that steps which were
        undone since are gone, as they are after any change.
        """
        lost = self._history.redo_label is not None
        self.apply(draft, label)
        self._listener.show_message(f"{said}; what was undone is gone" if lost else said)

    @property
    def undo_label(self) -> str | None:
        """The label of what ``undo`` would revert; None at the beginning."""
        return self._history.undo_label

    def undo(self, also: str = "") -> None:
        """Undo the last step. ``also`` is added to what is said of it."""
        self._went(self._history.undo(), f"undo: {{}}{also}", f"nothing to undo{also}")

    def redo(self, also: str = "") -> None:
        """Redo what was undone. ``also`` is added to what is said of it."""
        self._went(self._history.redo(), f"redo: {{}}{also}", f"nothing to redo{also}")

    def lock(self, frames: FrameRange) -> None:
        """Lock frames as they are now. Mattes that are missing are made first. If one of the frames
        is drawn on meanwhile, or undo takes back what was to be locked, nothing is locked.
        """
        if self.opened.file.content.plate.proxy > 1:
            self._listener.show_message("the plate is a proxy: lock frames of the full plate")
        else:
            self._locking.append(frames)
            ended = partial(self._locking.remove, frames)
            self.live.when_settled(partial(self._pin, frames), ended)
            self._listener.work_changed()  # which shows it

    @property
    def locking(self) -> str:
        """Which frames are being locked, in words; "" if none."""
        frames = FrameRange.of(frame for some in self._locking for frame in some)
        return f"locking {frames.words}…" if frames else ""

    def unlock(self, frames: FrameRange) -> None:
        """Remove locks. The locked mattes' files stay on disk."""
        locks = tuple(without_frames(self.draft.locks, frames))
        self.apply(replace(self.draft, locks=locks), "unlock")
        self._listener.show_message(f"unlocked {frames}")

    def locked_mattes(self, draft: Draft, frame: int) -> dict[str, FloatArray]:
        """Return the mattes that locks of a draft hold at a frame, by element id, float32 [H, W].

        They are read from their files if they are not in memory. Of a lock whose files are missing
        or damaged, which is said elsewhere, they are empty.
        """
        seen, mattes = self.live.newest(frame), {}
        for entry in draft.locks:
            if frame not in entry.frames:
                continue
            if seen is not None and seen.is_current and seen.planes.keys() >= set(entry.elements):
                mattes.update({key: seen.planes[key] for key in entry.elements})
            else:
                mattes.update(zip(entry.elements, self._read_lock(entry, frame), strict=True))
        return mattes

    def _read_lock(self, entry: LockEntry, frame: int) -> FloatArray:
        plate, proxy = self.opened.parts.plate, self.opened.file.content.plate.proxy
        try:
            return open_lock(entry, self.document.parent, plate.format, proxy).read(frame)
        except InputError:
            return np.zeros((len(entry.elements), *plate.format.data.shape), np.float32)

    def opened_shot(self, shot: Shot) -> OpenedShot:
        """Return a shot as commands know it, to be written to files."""
        parts, document = self.opened.parts, self.opened.file.content
        folder = self.document.parent
        inputs = tuple(folder / entry.mask for entry in self._writer.document.keyframes)
        gaps = parts.requested.difference(parts.source.range)
        model = replace(chosen_model(document, self.opened.file.folder), learned=self.draft.learned)
        origin, policy = Origin.of(parts.plate), document.plate.missing
        preset = self.draft.preset
        return OpenedShot(shot, preset, model, inputs, gaps, policy, origin, self.document)

    def save_as(self, path: Path) -> None:
        """Continue in another document. Raises UsageError, OutputError."""
        self._saver.wait()
        folder = self.document.parent  # undo goes back to locks that are relative to it
        history = self._history.mapped(lambda draft: draft.with_locks_in(folder))
        writer = save_as(self.opened, history.value, path)
        self._history = history
        self._saver.close()
        self._saver = self._new_saver(writer)
        self._listener.work_changed()

    def save(self) -> None:
        """Write the document, though nothing has changed yet."""
        self._saver.save(self.draft)

    def wait_until_saved(self) -> None:
        """Wait until all changes are on disk, or could not be written."""
        self._saver.wait()

    def finish_saving(self) -> str:
        """Wait until all changes are on disk, and try once more what could not be written: its disk
        may be back. Return why it still is not; "" if it is.
        """
        self.wait_until_saved()
        if self.unsaved:
            self.save()
            self.wait_until_saved()
        return self.unsaved

    def saved_document(self) -> Path:
        """Return the file of the document with all changes. Raises UsageError if some cannot be
        saved.
        """
        unsaved = self.finish_saving()
        if unsaved:
            raise UsageError(f"the last changes are not saved, and would be missing: {unsaved}")
        return self.document

    @property
    def unsaved(self) -> str:
        """Why the last save failed; "" if it did not."""
        error = self._saver.error
        return "" if error is None else sentence(error)

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Run something that takes a moment on a thread. An error becomes a message.

        The program does not end before it: cut off in the network, it would abort the process.
        """
        Thread(target=partial(self.reported, work), name="rde-roto-aside", daemon=False).start()

    def reported(self, work: Callable[[], None]) -> None:
        """Run something on the thread that calls. An error becomes a message."""
        try:
            work()
        except Exception as error:  # of any kind: the artist gets a message
            self._post(partial(self._listener.show_message, sentence(error)))

    def close(self) -> None:
        """Stop what is being made, save, and end the threads. Locks in progress are dropped."""
        self._is_closed = True
        self.live.close()
        self._saver.close()

    def _new_saver(self, writer: DraftWriter) -> Saver:
        self._writer, self._said_unsaved = writer, ""
        return Saver(writer, self._save_ended)

    def _save_ended(self) -> None:
        unsaved = self.unsaved
        if unsaved != self._said_unsaved:
            self._said_unsaved = unsaved
            self._post(self._listener.work_changed)  # which shows it
        if unsaved:
            self._post(partial(self._listener.show_message, f"not saved: {unsaved}"))

    def _went(self, label: str | None, sentence: str, nothing: str) -> None:
        if label is None:
            self._listener.show_message(nothing)
        else:
            if self.live.remaining:
                sentence += "; tracking has stopped"
            self._changed(forgets=True)
            self._listener.show_message(sentence.format(label))

    def _changed(self, forgets: bool = False) -> None:
        self._saver.save(self.draft)
        self._follow(forgets)
        self._listener.work_changed()

    def _follow(self, forgets: bool = False) -> None:
        draft, folder = self.draft, self.document.parent
        plate, proxy = self.opened.parts.plate, self.opened.file.content.plate.proxy

        def shot() -> Shot | None:
            locks = tuple(open_lock(k, folder, plate.format, proxy) for k in draft.locks)
            return self._builder.of(draft, locks)

        finish = draft.preset.finish.at_proxy(proxy)
        preset = draft.preset.model_copy(update={"finish": finish})
        step = self._history.place
        edition = Edition(shot, preset, draft.learned)
        self.live.set_shot(edition, step=step, forgets=forgets)

    def _live_changed(self, sentence: str | None) -> None:
        if sentence is not None:
            self._listener.show_message(sentence)
        self._listener.mattes_changed()

    def _pin(self, frames: FrameRange, node: RotoNode) -> None:
        metadata = self._backend.metadata(self.opened_shot(node.shot))
        locker = FrameLocker(self._backend.engine, node, self.document, metadata)
        draft = self.draft

        def made() -> None:
            entries: list[LockEntry] = []
            try:
                entries = locker.pin(draft.locks, frames.intersection(node.shot.range))
            finally:
                self._post(partial(self._pinned, locker, draft, entries))
                self._post(partial(self._end_locking, frames))

        self._listener.show_message(f"locking {frames}…")
        self.run_in_background(made)

    def _pinned(self, locker: FrameLocker, draft: Draft, entries: list[LockEntry]) -> None:
        if not entries or self._is_closed:
            return
        frames = FrameRange.of(frame for entry in entries for frame in entry.frames)
        if self._is_as_pinned(locker, draft, frames):
            locked = replace(self.draft, locks=with_locks(self.draft.locks, entries))
            self.apply_made(locked, "lock", f"locked {frames}")
        else:
            self._listener.show_message(f"{frames} changed while it was locked: lock it again")

    def _end_locking(self, frames: FrameRange) -> None:
        self._locking.remove(frames)
        if not self._is_closed:
            self._listener.work_changed()

    def _is_as_pinned(self, locker: FrameLocker, draft: Draft, frames: FrameRange) -> bool:
        """Whether mattes of a draft are still what an artist sees at frames."""
        now, then = self.draft.drawings, draft.drawings
        is_same = all(now.get(frame) is then.get(frame) for frame in frames)
        is_there = set(locker.node.shot.ids) <= {element.id for element in self.draft.elements}
        is_here = locker.document == self.document
        return self._history.led_through(draft) and is_same and is_there and is_here
