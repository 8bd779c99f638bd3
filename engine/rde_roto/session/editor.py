"""The work on a shot, wherever one looks: what was decided, undone, tracked and saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Protocol

from rde_roto.documents.shot_document import LockEntry
from rde_roto.images.origin import Origin
from rde_roto.node import RotoNode
from rde_roto.session.draft import Draft, Shots
from rde_roto.session.history import History
from rde_roto.session.live_mattes import Backend, LiveMattes, Post
from rde_roto.session.locking import Locking, with_locks
from rde_roto.session.saving import Opened, Saver, Writer, save_as, stem_of
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.locks import without_frames
from rde_roto.shot_files.opening import chosen_model, open_lock
from rde_roto.values.errors import RotoError
from rde_roto.values.frames import FrameRange
from rde_roto.values.shot import Shot


class Watcher(Protocol):
    """Who is told of the work, on its own thread."""

    def work_changed(self) -> None:
        """Another draft counts."""

    def mattes_changed(self) -> None:
        """Mattes, or what is known of them, are others."""

    def said(self, sentence: str) -> None:
        """A sentence for the artist."""


class Work:
    """A draft with its history, its mattes and its document.

    Used from one thread, that which ``post`` leads to; to be closed.
    """

    def __init__(self, opened: Opened, backend: Backend, post: Post, watcher: Watcher) -> None:
        self.opened = opened
        self._backend, self._post, self._watcher = backend, post, watcher
        self._history = History(opened.draft)
        self._shots = Shots(opened.parts.plate, opened.parts.range)
        self._saver = self._new_saver(Writer.of(opened))
        self.live = LiveMattes(backend, post, self._live_changed)
        self._is_closed = False
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
        """`hero`, what the shot is called (`stem_of`)."""
        return stem_of(self.document, self.opened.file.says.plate.path)

    def do(self, draft: Draft, label: str) -> None:
        """Goes on to another draft, one step of undo."""
        self._history.do(draft, label)
        self._changed()

    @property
    def undo_label(self) -> str | None:
        """What ``undo`` would take back; None at the beginning."""
        return self._history.undo_label

    def undo(self) -> None:
        """Takes the last step back."""
        self._went(self._history.undo(), "undo: {}", "nothing to undo")

    def redo(self) -> None:
        """Does again what was taken back."""
        self._went(self._history.redo(), "redo: {}", "nothing to redo")

    def lock(self, frames: FrameRange) -> None:
        """Locks frames as they are now; those that have no matte yet get one."""
        if not self.draft.drawings:
            self._watcher.said("there is nothing to lock yet: paint a keyframe first")
        elif self.opened.file.says.plate.proxy > 1:
            self._watcher.said("the plate is a proxy: lock frames of the full plate")
        else:
            self.live.once_settled(partial(self._pin, frames))

    def unlock(self, frames: FrameRange) -> None:
        """Takes locks away; what was pinned stays on disk."""
        locks = tuple(without_frames(self.draft.locks, frames))
        self.do(replace(self.draft, locks=locks), "unlock")

    def opened_shot(self, shot: Shot) -> OpenedShot:
        """A shot as commands know it, to be written to files."""
        parts, says = self.opened.parts, self.opened.file.says
        folder = self.document.parent
        inputs = tuple(folder / entry.mask for entry in self._writer.said.keyframes)
        gaps = parts.asked.difference(parts.source.range)
        model = replace(chosen_model(says, self.opened.file.folder), learned=self.draft.learned)
        origin, policy = Origin.of(parts.plate), says.plate.missing
        preset = self.draft.preset
        return OpenedShot(shot, preset, model, inputs, gaps, policy, origin, self.document)

    def save_as(self, path: Path) -> None:
        """Goes on in another document. Raises UsageError, OutputError."""
        self._saver.wait()
        writer = save_as(self.opened, self.draft, path)
        self._saver.close()
        self._saver = self._new_saver(writer)
        self._watcher.work_changed()

    def saved(self) -> None:
        """Returns when all that was done is on disk, or could not be written."""
        self._saver.wait()

    def aside(self, work: Callable[[], None]) -> None:
        """Does what takes a moment on a thread; an error becomes a sentence."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # of whatever kind: the artist is told
                said = str(error) if isinstance(error, RotoError) else repr(error)
                self._post(partial(self._watcher.said, said))

        Thread(target=run, name="rde-roto-aside", daemon=True).start()

    def close(self) -> None:
        """Stops what is being made, saves, and ends the threads. Locks under way are dropped."""
        self._is_closed = True
        self.live.close()
        self._saver.close()

    def _new_saver(self, writer: Writer) -> Saver:
        self._writer = writer
        return Saver(writer, self._save_ended)

    def _save_ended(self, error: RotoError | None) -> None:
        if error is not None:
            self._post(partial(self._watcher.said, f"not saved: {error}"))

    def _went(self, label: str | None, sentence: str, nothing: str) -> None:
        if label is None:
            self._watcher.said(nothing)
        else:
            self._changed()
            self._watcher.said(sentence.format(label))

    def _changed(self) -> None:
        self._saver.save(self.draft)
        self._follow()
        self._watcher.work_changed()

    def _follow(self) -> None:
        draft, folder = self.draft, self.document.parent
        plate, proxy = self.opened.parts.plate, self.opened.file.says.plate.proxy

        def shot() -> Shot | None:
            locks = tuple(open_lock(k, folder, plate.format, proxy) for k in draft.locks)
            return self._shots.of(draft, locks)

        finish = draft.preset.finish.at_proxy(proxy)
        preset = draft.preset.model_copy(update={"finish": finish})
        self.live.follow(shot, preset, draft.learned)

    def _live_changed(self, sentence: str | None) -> None:
        if sentence is not None:
            self._watcher.said(sentence)
        self._watcher.mattes_changed()

    def _pin(self, frames: FrameRange, node: RotoNode) -> None:
        said = self._backend.said(self.opened_shot(node.shot))
        locking = Locking(self._backend.engine, node, self.document, said)
        locks = self.draft.locks

        def made() -> None:
            entries = locking.pin(locks, frames.intersection(node.shot.range))
            self._post(partial(self._pinned, entries))

        self._watcher.said(f"locking {frames}…")
        self.aside(made)

    def _pinned(self, entries: list[LockEntry]) -> None:
        if entries and not self._is_closed:
            self.do(replace(self.draft, locks=with_locks(self.draft.locks, entries)), "lock")
            frames = FrameRange.of(frame for entry in entries for frame in entry.frames)
            self._watcher.said(f"locked {frames}")
