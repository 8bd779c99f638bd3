"""A shot being worked on: what is drawn and chosen, where one looks, what is tracked and saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rde_roto.session.comparison import Against, Comparison
from rde_roto.session.display_pixels import Light
from rde_roto.session.draft import Draft
from rde_roto.session.editor import Work
from rde_roto.session.frame_states import Direction, State, state_of
from rde_roto.session.listeners import Listener
from rde_roto.session.live_mattes import Backend, LiveMattes, Post
from rde_roto.session.navigation import Sight
from rde_roto.session.paint_controller import Sheet
from rde_roto.session.saving import Opened
from rde_roto.session.shown_mattes import Showing
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset


class Session:
    """Used from one thread, that which ``post`` leads to. To be closed.

    Args:
        opened: the shot.
        backend: where its mattes come from.
        post: leads from other threads to that of the session.
        listener: who shows it.
    """

    def __init__(self, opened: Opened, backend: Backend, post: Post, listener: Listener) -> None:
        self.plate = opened.parts.plate
        self.range = opened.parts.range
        self._listener = listener
        self._matte_here: str | None = None
        first = min(opened.draft.drawings, default=self.range.first)
        self.sight = Sight(opened.parts, first, post, self._sight_changed)
        self.work = Work(opened, backend, post, self)
        self.other = Comparison(self.live, backend.engine, post, self._others_changed)
        self.showing = Showing(self.work, self.sight, self.other)
        self.sight.also = self.showing.ahead
        self.sheet = Sheet(self.work, self.showing, post, listener)

    # What is shown.

    @property
    def draft(self) -> Draft:
        """The shot as it is now."""
        return self.work.draft

    @property
    def live(self) -> LiveMattes:
        """Its mattes."""
        return self.work.live

    @property
    def element(self) -> str:
        """The id of the chosen element, which tools draw."""
        return self.sheet.element

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the plate's data window."""
        return self.plate.format.data.shape

    def state(self, frame: int) -> State:
        """What there is at a frame, for the time line."""
        return state_of(self.draft, self.live, frame)

    def confidence(self, frame: int) -> float | None:
        """How sure the track is of the chosen element at a frame, 0..1; None where none tells."""
        advice = self.live.advice
        return None if advice is None else advice.confidences.get(frame, {}).get(self.element)

    @property
    def suggested(self) -> int | None:
        """The frame to correct next."""
        advice = self.live.advice
        return None if advice is None or advice.next is None else advice.next.frame

    # Where one looks.

    @property
    def frame(self) -> int:
        """The frame that one looks at."""
        return self.sight.frame

    def go(self, frame: int) -> None:
        """Looks at a frame, the nearest of the range."""
        if self.sight.go(frame):
            self.sheet.put_down()
            self.live.look(self.frame)
            self.other.look(self.frame)
            self._listener.picture_changed(None)

    def step(self, by: int) -> None:
        """So many frames on."""
        self.go(self.sight.beside(by))

    def go_to_end(self, way: int) -> None:
        """The last frame of the shot (1), or the first (-1)."""
        self.go(self.range.last if way > 0 else self.range.first)

    def go_to_keyframe(self, by: int) -> None:
        """The next keyframe on (1) or back (-1)."""
        there = [f for f in self.draft.drawings if f in self.range and (f - self.frame) * by > 0]
        if there:
            self.go(min(there, key=lambda frame: abs(frame - self.frame)))

    def go_to_suggested(self) -> None:
        """The frame to correct next, and the element that needs it."""
        advice = self.live.advice
        if advice is None or advice.next is None:
            nothing = "nothing looks wrong" if advice else "propagate first: no track to judge yet"
            self._listener.said(nothing)
            return
        self.choose(advice.next.element)
        self.go(advice.next.frame)
        sure = f"{advice.next.confidence:.2f}"
        self._listener.said(f"frame {advice.next.frame} is the one to fix (confidence {sure})")

    def bound(self, first: int | None = None, last: int | None = None) -> None:
        """Sets in and out, between which it plays and locks."""
        self.sight.bound(first, last)
        self._listener.shot_changed()

    def unbound(self) -> None:
        """In and out at the ends of the shot."""
        self.bound(self.range.first, self.range.last)

    def expose(self, stops: float) -> None:
        """Shows the plate brighter, darker where negative."""
        light = self.sight.light
        self.set_light(replace(light, exposure=light.exposure + stops))

    def set_light(self, light: Light) -> None:
        """Shows the plate darker or brighter."""
        self.sight.set_light(light)
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def compare(self, against: Against) -> None:
        """Has something else on the other side of a wipe. Raises UsageError where there is none."""
        self.other.set(against, self.frame)
        self.sight.look_ahead()
        self._listener.picture_changed(None)

    def toggle_finish(self) -> None:
        """Keyframes as they are delivered, or as they are drawn."""
        self.showing.finishes = not self.showing.finishes
        how = "delivered, with the settings' finish" if self.showing.finishes else "drawn"
        self._listener.said(f"keyframes are shown as {how}")
        self.live.look(self.frame)
        self._listener.picture_changed(None)

    def choose(self, element: str) -> None:
        """The element that tools draw."""
        if element != self.element:
            self.showing.drop()
            self.sheet.element = element
            self._listener.shot_changed()
            self._listener.picture_changed(None)

    def choose_next(self) -> None:
        """The element after the chosen one."""
        ids = [element.id for element in self.draft.elements]
        self.choose(ids[(ids.index(self.element) + 1) % len(ids)])

    def escape(self) -> None:
        """Escape: the tool's work first, else what is being propagated."""
        if self.sheet.put_down():
            self._listener.picture_changed(None)
        else:
            self.live.cancel()

    # What is changed, each one step of undo.

    def undo(self) -> None:
        """Takes the last change back."""
        self.sheet.put_down()
        self.work.undo()

    def redo(self) -> None:
        """Does again what was taken back."""
        self.sheet.put_down()
        self.work.redo()

    def add_element(self, name: str) -> None:
        """One more element, which is then the chosen one. Raises UsageError."""
        draft = self.draft.with_element(name)
        self.work.do(draft, "new element")
        self.choose(draft.elements[-1].id)

    def rename(self, element: str, name: str) -> None:
        """Another name for an element. Raises UsageError."""
        self.work.do(self.draft.renamed(element, name), "rename")

    def set_colour(self, element: str, color: str) -> None:
        """Another colour, `#rrggbb`, to show an element in; no matte is another."""
        if color != self.draft.element(element).color:
            self.work.do(self.draft.coloured(element, color), "colour")

    def remove_element(self, element: str) -> None:
        """Takes an element away with all its drawings. Raises UsageError for the last one."""
        self.work.do(self.draft.without_element(element), "delete element")

    def set_preset(self, preset: Preset) -> None:
        """Other settings; a feather tracks nothing anew."""
        if preset != self.draft.preset:
            self.work.do(replace(self.draft, preset=preset), "settings")

    def set_learned(self, learned: Path | None) -> None:
        """Tracks with what the model has learned of the shot, or with None as it is."""
        if learned != self.draft.learned:
            label = "forget what was learned" if learned is None else "learn"
            self.work.do(replace(self.draft, learned=learned), label)

    def toggle_lock(self) -> None:
        """Locks this frame as it is now, or unlocks it."""
        frame = FrameRange.of([self.frame])
        if self.draft.locked(self.frame):
            self.work.unlock(frame)
        else:
            self.work.lock(frame)

    def lock_bounds(self) -> None:
        """Locks all frames from in to out."""
        self.work.lock(FrameRange.of(self.range.walk(*self.sight.bounds)))

    # The network.

    def propagate(self, direction: Direction) -> None:
        """Has mattes made from here; answers at once."""
        if self.live.node is None and not self.draft.drawings:
            self._listener.said("paint the element on one frame first")
            return
        frames = direction.frames(self.frame, self.range, frozenset(self.draft.drawings))
        self.live.propagate(f for f in frames if self.state(f) is not State.LOCKED)

    def close(self) -> None:
        """Stops what is being made, saves, and ends the session's threads."""
        self.other.close()
        self.sight.close()
        self.work.close()

    # What the work tells (`work.Watcher`).

    def work_changed(self) -> None:
        """Another draft."""
        if self.element not in [element.id for element in self.draft.elements]:
            self.sheet.element = self.draft.elements[0].id
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def mattes_changed(self) -> None:
        """Other mattes: of this frame, or of others, which are made ready to be looked at."""
        self.live.look(self.frame)
        self.other.look(self.frame)
        self.sight.look_ahead()
        self._listener.shot_changed()
        seen = self.live.seen(self.frame)
        here = None if seen is None else seen.digest
        if here != self._matte_here:
            self._matte_here = here
            self._listener.picture_changed(None)

    def said(self, sentence: str) -> None:
        """A sentence for the artist."""
        self._listener.said(sentence)

    # Within.

    def _others_changed(self, sentence: str | None) -> None:
        self.sight.look_ahead()
        self._sight_changed(sentence)

    def _sight_changed(self, sentence: str | None) -> None:
        if sentence is not None:
            self._listener.said(sentence)
        self._listener.picture_changed(None)
