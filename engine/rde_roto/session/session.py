"""A shot being worked on: what is drawn and chosen, where one looks, what is tracked and saved."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from rde_roto.images.masks import read_mask
from rde_roto.looks import Picture
from rde_roto.session.ahead import Bytes, Want
from rde_roto.session.draft import Draft
from rde_roto.session.light import Light, to_bytes
from rde_roto.session.live import Backend, LiveMattes, Post
from rde_roto.session.painting import Brush, grown, within
from rde_roto.session.planes import Plane
from rde_roto.session.saving import Opened
from rde_roto.session.sight import Sight
from rde_roto.session.smart import Hints, select
from rde_roto.session.tools import Hand, Tool, ToolName, tool_named
from rde_roto.session.work import Work
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Preset

_ASSEMBLED = 6


class State(Enum):
    """What there is at a frame."""

    EMPTY = "no matte yet"
    STALE = "matte of before the last change"
    MADE = "matte"
    WAITING = "being made"
    KEYFRAME = "keyframe"
    LOCKED = "locked"


class Listener(Protocol):
    """Who shows a session; told on the session's own thread."""

    def picture_changed(self, box: Window | None) -> None:
        """What is seen at this frame is another; only within the box, if there is one."""

    def shot_changed(self) -> None:
        """Elements, keyframes, locks, settings or states are others."""

    def said(self, sentence: str) -> None:
        """A sentence for the artist."""


@dataclass(frozen=True)
class Direction:
    """Which frames ``propagate`` goes through from here: 1 on, -1 back; up to a keyframe or all."""

    steps: tuple[int, ...]
    to_keyframe: bool = False


FORWARD, BACKWARD, BOTH = Direction((1,)), Direction((-1,)), Direction((1, -1))
TO_KEYFRAME = Direction((1,), to_keyframe=True)


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
        self.element = opened.draft.elements[0].id
        self.brush = Brush()
        self.tool_name: ToolName = "brush"
        self.tool: Tool = tool_named("brush")
        self._post, self._listener = post, listener
        self._shown: FloatArray | None = None  # what is not done yet
        self._shown_bytes: Bytes | None = None
        self._pixels: OrderedDict[Plane, FloatArray] = OrderedDict()
        self._matte_here: str | None = None
        first = min(opened.draft.drawings, default=self.range.first)
        self.sight = Sight(opened.parts, first, post, self._sight_changed)
        self.work = Work(opened, backend, post, self)
        self.sight.also = self._mattes_ahead

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
    def size(self) -> tuple[int, int]:
        """(height, width) of the plate's data window."""
        return self.plate.format.data.shape

    def alpha(self, element: str) -> FloatArray | None:
        """An element at this frame, float32 [H, W], not to be written to; None where none is."""
        if element == self.element and self._shown is not None:
            return self._shown
        plane = self._drawn_here(element)
        if plane is not None:
            return self._assembled(plane)
        seen = self.live.seen(self.frame)
        return None if seen is None else seen.planes.get(element)

    def alpha_bytes(self, element: str) -> Bytes | None:
        """The same as 0..255, for the screen alone."""
        if element == self.element and self._shown_bytes is not None:
            return self._shown_bytes
        plane = self._drawn_here(element)
        seen = None if plane is not None else self.live.seen(self.frame)
        name: Hashable = plane if seen is None else (seen.digest, element)
        kept = self.sight.pictures.get(name)
        if kept is None:
            alpha = self.alpha(element)
            if alpha is None:
                return None
            kept = to_bytes(alpha)
            self.sight.pictures.put(name, kept)
        return kept

    def state(self, frame: int) -> State:
        """What there is at a frame, for the time line."""
        draft = self.draft
        if draft.locked(frame) >= {element.id for element in draft.elements}:
            return State.LOCKED
        if frame in draft.drawings:
            return State.KEYFRAME
        if self.live.is_waiting(frame) and not self.live.is_made(frame):
            return State.WAITING
        if self.live.is_made(frame):
            return State.MADE
        return State.STALE if self.live.is_stale(frame) else State.EMPTY

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
            self._drop_shown()
            self.tool.cancel(self)
            self.live.look(self.frame)
            self._listener.picture_changed(None)

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

    def set_light(self, light: Light) -> None:
        """Shows the plate darker or brighter."""
        self.sight.set_light(light)
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def choose(self, element: str) -> None:
        """The element that tools draw."""
        if element != self.element:
            self._drop_shown()
            self.element = element
            self._listener.shot_changed()
            self._listener.picture_changed(None)

    def choose_next(self) -> None:
        """The element after the chosen one."""
        ids = [element.id for element in self.draft.elements]
        self.choose(ids[(ids.index(self.element) + 1) % len(ids)])

    def take_up(self, name: ToolName) -> None:
        """Another tool."""
        self.tool.cancel(self)
        self.tool_name, self.tool = name, tool_named(name)
        self._listener.shot_changed()

    # What the tools work on (`tools.Easel`).

    def pixels(self) -> FloatArray:
        """The chosen element at this frame, a copy: drawn, or else as tracked."""
        alpha = self.alpha(self.element)
        return np.zeros(self.size, np.float32) if alpha is None else alpha.copy()

    def show(self, pixels: FloatArray, box: Window) -> None:
        """Shows what is not done yet; outside the box it is as it was shown before."""
        if self._shown is not pixels or self._shown_bytes is None:
            before = self.alpha_bytes(self.element)
            empty = np.zeros(self.size, np.uint8)
            self._shown_bytes = empty if before is None else before.copy()
            self._shown = pixels
        part = within(box)
        self._shown_bytes[part] = to_bytes(pixels[part])
        self._listener.picture_changed(box)

    def commit(self, box: Window | None, pixels: FloatArray, label: str) -> None:
        """One step of undo."""
        self._drop_shown()
        if not self._is_free():
            return
        known = self.draft.drawn(self.frame, self.element)
        if known is None or box is None:
            plane = Plane.of(pixels)
        else:
            plane = known.painted(box, np.ascontiguousarray(pixels[within(box)]))
        self.work.do(self.draft.with_plane(self.frame, self.element, plane), label)

    def drop(self) -> None:
        """Shows what is drawn."""
        self._drop_shown()
        self._listener.picture_changed(None)

    def select(self, hints: Hints) -> None:
        """Makes a mask of hints on another thread, then draws it."""
        frame, element, pixels = self.frame, self.element, self.pixels()
        self._listener.said("selecting…")

        def made() -> None:
            box, mask = select(Picture.of(self.plate, frame), pixels, hints)
            whole = pixels if hints.box is None else np.zeros_like(pixels)
            whole[within(box)] = mask
            self._post(partial(self._draw, frame, element, whole, "smart select"))

        self.work.aside(made)

    def press(self, hand: Hand) -> None:
        """The pen touches; where the element is locked, it says so instead."""
        if self._is_free():
            self.tool.press(self, hand)
            self._show_outline()

    def drag(self, hand: Hand) -> None:
        """The pen moves."""
        self.tool.drag(self, hand)
        self._show_outline()

    def release(self, hand: Hand) -> None:
        """The pen is lifted."""
        self.tool.release(self, hand)
        self._listener.picture_changed(None)

    def confirm(self) -> None:
        """Enter."""
        self.tool.confirm(self)
        self._listener.picture_changed(None)

    def escape(self) -> None:
        """Escape: the tool's work first, else what is being propagated."""
        if self.tool.cancel(self):
            self._listener.picture_changed(None)
        else:
            self.live.cancel()

    # What is changed, each one step of undo.

    def undo(self) -> None:
        """Takes the last change back."""
        self.tool.cancel(self)
        self._drop_shown()
        self.work.undo()

    def redo(self) -> None:
        """Does again what was taken back."""
        self.tool.cancel(self)
        self._drop_shown()
        self.work.redo()

    def copy_matte(self) -> None:
        """Makes the frame a keyframe that starts from what is tracked there."""
        if not self._is_free():
            return
        if self.draft.drawn(self.frame, self.element) is not None:
            self._listener.said(f"frame {self.frame} is a keyframe already")
        elif self.alpha(self.element) is None:
            self._listener.said("there is no matte here to start from: propagate, or paint one")
        else:
            self.commit(None, self.pixels(), "copy matte")

    def clear_frame(self) -> None:
        """Takes the chosen element's drawing away from this frame, which is tracked again."""
        if not self._is_free():
            return
        if self.draft.drawn(self.frame, self.element) is None:
            self._listener.said(f"frame {self.frame} is no keyframe of this element")
        else:
            self.work.do(self.draft.without_plane(self.frame, self.element), "delete keyframe")

    def grow(self, by_px: int) -> None:
        """Moves the edge outwards, inwards where negative."""
        word = "grow" if by_px > 0 else "shrink"
        if self._is_free():
            self._draw(self.frame, self.element, grown(self.pixels(), by_px), word)

    def import_mask(self, path: Path) -> None:
        """Draws what a file holds: of several elements the first ones, new ones where they lack."""
        if not self._is_free():
            return
        planes, names = read_mask(path, self.plate.format)
        draft = self.draft
        for place, plane in enumerate(planes):
            if len(planes) == 1:
                key = self.element
            else:
                if place >= len(draft.elements):
                    draft = draft.with_element(names[place])
                key = draft.elements[place].id
            draft = draft.with_plane(self.frame, key, Plane.of(plane))
        self.work.do(draft, f"import {path.name}")

    def add_element(self, name: str) -> None:
        """One more element, which is then the chosen one. Raises UsageError."""
        draft = self.draft.with_element(name)
        self.work.do(draft, "new element")
        self.choose(draft.elements[-1].id)

    def rename(self, element: str, name: str) -> None:
        """Another name for an element. Raises UsageError."""
        self.work.do(self.draft.renamed(element, name), "rename")

    def remove_element(self, element: str) -> None:
        """Takes an element away with all its drawings. Raises UsageError for the last one."""
        self.work.do(self.draft.without_element(element), "delete element")

    def set_preset(self, preset: Preset) -> None:
        """Other settings; a feather tracks nothing anew."""
        if preset != self.draft.preset:
            self.work.do(replace(self.draft, preset=preset), "settings")

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
        frames: list[int] = [] if self.frame in self.draft.drawings else [self.frame]
        for step in direction.steps:
            stop = self.range.last if step > 0 else self.range.first
            if direction.to_keyframe:
                on = [f for f in self.draft.drawings if f > self.frame]
                stop = min(on, default=stop)
            frames += [f for f in self.range.walk(self.frame, stop) if f != self.frame]
        self.live.propagate(f for f in frames if self.state(f) is not State.LOCKED)

    def close(self) -> None:
        """Stops what is being made, saves, and ends the session's threads."""
        self.sight.close()
        self.work.close()

    # What the work tells (`work.Watcher`).

    def work_changed(self) -> None:
        """Another draft."""
        if self.element not in [element.id for element in self.draft.elements]:
            self.element = self.draft.elements[0].id
        self._listener.shot_changed()
        self._listener.picture_changed(None)

    def mattes_changed(self) -> None:
        """Other mattes: of this frame, or of others, which are made ready to be looked at."""
        self.live.look(self.frame)
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

    def _mattes_ahead(self, frame: int) -> list[Want]:
        """What is shown of the mattes of a frame that may be looked at soon."""
        seen = self.live.seen(frame)
        if seen is None or frame in self.draft.drawings:
            return []
        return [((seen.digest, e), partial(to_bytes, p)) for e, p in seen.planes.items()]

    def _sight_changed(self, sentence: str | None) -> None:
        if sentence is not None:
            self._listener.said(sentence)
        self._listener.picture_changed(None)

    def _draw(self, frame: int, element: str, pixels: FloatArray, label: str) -> None:
        known = [one.id for one in self.draft.elements]
        if element in known and element not in self.draft.locked(frame):
            self.work.do(self.draft.with_plane(frame, element, Plane.of(pixels)), label)
            self._listener.said(label)

    def _drawn_here(self, element: str) -> Plane | None:
        """What is drawn at this frame, unless a lock lies over it."""
        is_locked = element in self.draft.locked(self.frame)
        return None if is_locked else self.draft.drawn(self.frame, element)

    def _is_free(self) -> bool:
        """Whether the chosen element may be drawn at this frame; else it says so."""
        is_locked = self.element in self.draft.locked(self.frame)
        if is_locked:
            self._listener.said(f"frame {self.frame} is locked: unlock it first (X)")
        return not is_locked

    def _show_outline(self) -> None:
        if self.tool.outline:
            self._listener.picture_changed(None)

    def _drop_shown(self) -> None:
        self._shown = self._shown_bytes = None

    def _assembled(self, plane: Plane) -> FloatArray:
        pixels = self._pixels.get(plane)
        if pixels is None:
            pixels = self._pixels[plane] = plane.pixels
            pixels.flags.writeable = False
        self._pixels.move_to_end(plane)
        while len(self._pixels) > _ASSEMBLED:
            self._pixels.popitem(last=False)
        return pixels
