"""A shot that is being worked on: what is shown, drawn, tracked and saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rde_roto.advice import Suggestion
from rde_roto.session.document.draft import Draft
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.document.frame_states import Direction, FrameState, state_of, states_of
from rde_roto.session.document.opening import OpenedDraft
from rde_roto.session.listeners import SessionListener
from rde_roto.session.mattes.backend import Backend, Post
from rde_roto.session.mattes.comparison import Against, Comparison
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.session.painter.paint_controller import PaintController
from rde_roto.session.pictures.display_pixels import ViewExposure
from rde_roto.session.pictures.navigation import Navigation
from rde_roto.session.shown_mattes import ShownMattes
from rde_roto.session.track_quality import TrackQuality
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset


class Session:
    """A session on one shot. Used from one thread, the one that ``post`` leads to; must be closed.

    Args:
        opened: the shot.
        backend: where its mattes come from.
        post: leads from other threads to that of the session.
        listener: shows the session.
    """

    def __init__(
        self, opened: OpenedDraft, backend: Backend, post: Post, listener: SessionListener
    ) -> None:
        self.plate = opened.parts.plate
        self.range = opened.parts.range
        self._listener = listener
        self._shown_digest: str | None = None
        first = min(opened.draft.drawings, default=self.range.first)
        self.navigation = Navigation(opened.parts, first, post, self._sight_changed)
        self.editor = ShotEditor(opened, backend, post, self)
        self.quality = TrackQuality(self.editor)
        self.comparison = Comparison(self.live, backend.engine, post, self._others_changed)
        self.shown = ShownMattes(self.editor, self.navigation, self.comparison)
        self.navigation.extra_pictures = self.shown.pictures_of
        self.navigation.prefetch()
        self.paint = PaintController(
            self.editor, self.shown, backend.selector(self.plate), post, listener
        )

    # What is shown.

    @property
    def draft(self) -> Draft:
        """The shot as it is now."""
        return self.editor.draft

    @property
    def live(self) -> LiveMattes:
        """The shot's mattes."""
        return self.editor.live

    @property
    def element(self) -> str:
        """The id of the chosen element, which tools draw."""
        return self.paint.element

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the plate's data window."""
        return self.plate.format.data.shape

    def state(self, frame: int) -> FrameState:
        """Return the state of a frame, for the time line."""
        return state_of(self.draft, self.live, frame)

    def states(self) -> dict[int, FrameState]:
        """Return the states of all frames."""
        return states_of(self.draft, self.live, self.range)

    # The frame that is shown.

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        return self.navigation.frame

    def go_to(self, frame: int) -> None:
        """Show a frame, the nearest of the range."""
        if self.navigation.go_to(frame):
            self._drop_begun()
            self.paint.start.leave()
            self.live.request(self.frame)
            self.comparison.request(self.frame)
            self._listener.picture_changed(None)

    def step(self, by: int) -> None:
        """Go some frames on, or back if negative."""
        self.go_to(self.navigation.frame_after(by))

    def go_to_end(self, way: int) -> None:
        """Go to the last frame of the shot (1) or the first (-1)."""
        self.go_to(self.range.last if way > 0 else self.range.first)

    def go_to_keyframe(self, by: int) -> None:
        """Go to the next keyframe (1) or the previous one (-1)."""
        there = [f for f in self.draft.drawings if f in self.range and (f - self.frame) * by > 0]
        if there:
            self.go_to(min(there, key=lambda frame: abs(frame - self.frame)))

    def go_to_suggested(self) -> None:
        """Go to the frame to correct next, or from one on the list to the one after it, and choose
        the element that needs it.
        """
        following = self.quality.next_after(self.frame)
        if following is None:
            nothing = "propagate first: nothing is tracked yet"
            known = self.live.advice is not None
            self._listener.show_message("nothing looks wrong" if known else nothing)
        else:
            self.go_to_suggestion(following)

    def go_to_suggestion(self, one: Suggestion) -> None:
        """Go to a frame to correct, and choose the element that needs it."""
        self.choose_element(one.element)
        self.go_to(one.frame)
        self._listener.show_message(
            f"frame {one.frame}: correct it, or say it is fine with Shift+N (confidence "
            f"{one.confidence:.2f})"
        )

    def pass_over(self) -> None:
        """Take this frame, or else the first, off the list of frames to correct, until its matte
        changes; then go to the next one.
        """
        self.quality.pass_over(self.frame)
        self._listener.shot_changed()
        self.go_to_suggested()

    def set_bounds(self, first: int | None = None, last: int | None = None) -> None:
        """Set in and out, between which it plays and locks."""
        self.navigation.set_bounds(first, last)
        self._listener.shot_changed()

    def reset_bounds(self) -> None:
        """Set in and out to the ends of the shot."""
        self.set_bounds(self.range.first, self.range.last)

    def change_exposure(self, stops: float) -> None:
        """Show the plate brighter, or darker if negative."""
        light = self.navigation.exposure
        self.set_exposure(replace(light, exposure=light.exposure + stops))

    def set_exposure(self, light: ViewExposure) -> None:
        """Set how bright the plate is shown."""
        self.navigation.set_exposure(light)
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def compare(self, against: Against) -> None:
        """Show something else on the other side of a wipe. Raises UsageError if there is
        nothing.
        """
        self.comparison.compare_with(against, self.frame)
        self.navigation.prefetch()
        self._listener.picture_changed(None)

    def toggle_finish(self) -> None:
        """Switch between keyframes as they are delivered and as they are drawn."""
        self.shown.finishes = not self.shown.finishes
        how = "delivered, with the settings' finish" if self.shown.finishes else "drawn"
        self._listener.show_message(f"keyframes are shown as {how}")
        self.live.request(self.frame)
        self._listener.picture_changed(None)

    def choose_element(self, element: str) -> None:
        """Choose the element that tools draw. What a tool has begun on another one is dropped."""
        if element != self.element:
            self._drop_begun()
            self.paint.element = element
            self._listener.shot_changed()
            self._listener.picture_changed(None)

    def choose_next_element(self) -> None:
        """Choose the element after the chosen one."""
        ids = [element.id for element in self.draft.elements]
        self.choose_element(ids[(ids.index(self.element) + 1) % len(ids)])

    def escape(self) -> None:
        """Cancel the tool's work or its waiting for a matte, or else what is being propagated."""
        paint = self.paint
        if paint.cancel_tool() or paint.cancel_making() or paint.start.from_nothing():
            self._listener.picture_changed(None)
        else:
            self.live.cancel()

    # What is changed, each one step of undo.

    def undo(self) -> None:
        """Undo the last change, and go to the frame that it changes."""
        self._travel(self.editor.undo)

    def redo(self) -> None:
        """Redo what was undone, and go to the frame that it changes."""
        self._travel(self.editor.redo)

    def add_element(self, name: str) -> None:
        """Add an element and choose it. Raises UsageError."""
        draft = self.draft.with_element(name)
        self.editor.apply(draft, "new element")
        self.choose_element(draft.elements[-1].id)

    def rename(self, element: str, name: str) -> None:
        """Rename an element. Raises UsageError."""
        draft = self.draft.renamed(element, name)
        if draft is not self.draft:
            self.editor.apply(draft, "rename")

    def set_colour(self, element: str, color: str) -> None:
        """Set an element's display colour, `#rrggbb`. Mattes do not change."""
        if color != self.draft.element(element).color:
            self.editor.apply(self.draft.coloured(element, color), "colour")

    def remove_element(self, element: str) -> None:
        """Remove an element with all its drawings. Raises UsageError for the last one."""
        self.editor.apply(self.draft.without_element(element), "delete element")

    def set_preset(self, preset: Preset) -> None:
        """Change the settings. Only settings that affect tracking cause frames to be tracked
        again.
        """
        if preset != self.draft.preset:
            self.editor.apply(replace(self.draft, preset=preset), "settings")

    def set_learned(self, learned: Path | None) -> None:
        """Track with what the model has learned from the shot, or with the base model if None."""
        if learned == self.draft.learned:
            return
        label, said = "learn", "learned: propagate again, and compare (Alt+2)"
        if learned is None:
            label = "forget what was learned"
            said = "back to the base model; undo restores what was learned"
        self.editor.apply_made(replace(self.draft, learned=learned), label, said)

    def toggle_lock(self) -> None:
        """Lock this frame as it is now. Unlock it if the chosen element is locked here, or all are
        that have mattes.
        """
        frame = FrameRange.of([self.frame])
        if self.element in self.draft.locked(self.frame) or self.draft.is_locked(self.frame):
            self.editor.unlock(frame)
        else:
            self.editor.lock(frame)

    def lock_bounds(self) -> None:
        """Lock all frames from in to out."""
        self.editor.lock(self._between_bounds)

    def refine_bounds(self) -> None:
        """Repeat the strokes that refined the edge at this frame on the others from in to out."""
        self.paint.refine_range(self._between_bounds)

    def clear_bounds(self) -> None:
        """Delete the chosen element's other keyframes from in to out."""
        self.paint.clear_frames(self._between_bounds)

    # The network.

    def propagate(self, direction: Direction) -> None:
        """Have mattes made from this frame on. Returns at once."""
        here, keyframes = self.draft.drawings.get(self.frame, {}), frozenset(self.draft.drawings)
        is_drawn = all(element.id in here for element in self.draft.elements)
        frames = direction.frames(self.frame, self.range, keyframes, is_drawn)
        self.live.propagate(f for f in frames if self.state(f) is not FrameState.LOCKED)

    def close(self) -> None:
        """Stop what is being made, save, and end the session's threads."""
        self.paint.close()
        self.comparison.close()
        self.navigation.close()
        self.editor.close()

    # What the editor reports (`listeners.EditorListener`).

    def work_changed(self) -> None:
        """See `EditorListener`."""
        if self.element not in [element.id for element in self.draft.elements]:
            self._drop_begun()
            self.paint.element = self.draft.elements[0].id
        self.navigation.prefetch()
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def mattes_changed(self) -> None:
        """See `EditorListener`."""
        self.live.request(self.frame)
        self.paint.start.mattes_changed()
        self.comparison.request(self.frame)
        self.navigation.prefetch()
        self._listener.shot_changed()
        seen = self.live.newest(self.frame)
        here = None if seen is None else seen.digest
        if here != self._shown_digest:
            self._shown_digest = here
            self._listener.picture_changed(None)

    def show_message(self, sentence: str) -> None:
        """See `EditorListener`."""
        self._listener.show_message(sentence)

    # Private.

    @property
    def _between_bounds(self) -> FrameRange:
        return FrameRange.of(self.range.walk(*self.navigation.bounds))

    def _drop_begun(self) -> None:
        if self.paint.cancel_tool():
            self._listener.show_message("what was not finished is dropped: a line ends with Enter")

    def _travel(self, go: Callable[[str], None]) -> None:
        # first, since what is held is drawn with the tool's end
        also = "; what was still being made is dropped" if self.paint.cancel_making() else ""
        self.paint.cancel_tool()
        self.paint.start.leave()
        before = self.draft
        go(also)
        changed = self.range.intersection(FrameRange.of(self.draft.frames_changed_since(before)))
        if changed and self.frame not in changed:
            self.go_to(min(changed, key=lambda frame: abs(frame - self.frame)))
            self._listener.frame_changed_elsewhere()

    def _others_changed(self, sentence: str | None) -> None:
        self.navigation.prefetch()
        self._sight_changed(sentence)

    def _sight_changed(self, sentence: str | None) -> None:
        if sentence is not None:
            self._listener.show_message(sentence)
        self._listener.picture_changed(None)
