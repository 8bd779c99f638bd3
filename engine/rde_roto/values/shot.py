"""A shot: a plate, its elements, the artist's keyframes and locks, and the wanted frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rde_roto.values.arguments import refuse, require, tuple_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, Lock
from rde_roto.values.overlaps import in_words
from rde_roto.values.plain_text import counted
from rde_roto.values.plate import Plate
from rde_roto.values.spans import Span, Stretch


@dataclass(frozen=True)
class Shot:
    """Everything that decides which mattes are made; checked on creation.

    Raises UsageError when the range or the elements are empty, an id or name repeats, a keyframe
    lies outside the range or shares its frame with another one, the number of its planes is wrong,
    no keyframe draws an element, or an in-point contradicts the keyframes. Raises InputError when
    the plate lacks a frame of the range, a keyframe differs in size from the plate's data window,
    elements overlap in it (`values.overlaps`), or an element has no pixel above 0 in any keyframe;
    TypeError for arguments of other types.
    """

    plate: Plate
    range: FrameRange
    elements: tuple[Element, ...]
    keyframes: tuple[Keyframe, ...]
    locks: tuple[Lock, ...] = ()

    def __post_init__(self) -> None:
        refuse(self.plate, (str, Path), "a plate, such as open_plate('hero.####.exr')")
        require(self.range, FrameRange, "a FrameRange, such as FrameRange.parse('1001-1100')")
        elements = tuple_of(self.elements, Element, "elements, such as elements_named('hero')")
        keyframes = tuple_of(self.keyframes, Keyframe, "keyframes, such as [Keyframe(1001, alpha)]")
        object.__setattr__(self, "elements", elements)
        object.__setattr__(self, "keyframes", keyframes)
        self._check_range()
        self._check_elements()
        for keyframe in self.keyframes:
            self._check_keyframe(keyframe)
        frames = [keyframe.frame for keyframe in self.keyframes]
        for frame in frames:
            if frames.count(frame) > 1:
                raise UsageError(f"frame {frame} has {frames.count(frame)} keyframes: give it one")
        if self.keyframes:
            for element in self.elements:
                self._check_drawn(element)

    @property
    def names(self) -> tuple[str, ...]:
        """The elements' names, in their order."""
        return tuple(element.name for element in self.elements)

    @property
    def ids(self) -> tuple[str, ...]:
        """The elements' ids, in their order."""
        return tuple(element.id for element in self.elements)

    def plane_indices(self, ids: tuple[str, ...]) -> tuple[int, ...]:
        """Return the indices of these elements' planes in a matte."""
        return tuple(self.ids.index(element) for element in ids)

    @cached_property
    def ordered(self) -> tuple[Keyframe, ...]:
        """The keyframes in order of their frames."""
        return tuple(sorted(self.keyframes, key=lambda keyframe: keyframe.frame))

    def keyframe_at(self, frame: int) -> Keyframe | None:
        """Return the keyframe at that frame, if any."""
        return next((key for key in self.keyframes if key.frame == frame), None)

    def drawn_elements(self, keyframe: Keyframe) -> tuple[str, ...]:
        """Return the ids of the elements that a keyframe draws, in the order of its planes."""
        return self.ids if keyframe.elements is None else keyframe.elements

    def first_keyframe(self, element: Element) -> Keyframe:
        """Return the first keyframe that draws the element."""
        return next(key for key in self.ordered if element.id in self.drawn_elements(key))

    def first_frame(self, element: Element) -> int:
        """Return the first frame at which the element exists; before it, the matte is empty.

        That is its in-point. Without one, an element of the shot's first keyframe exists from the
        start of the range, and an element that a later keyframe introduces from that keyframe on.
        """
        if element.in_point is not None:
            return element.in_point
        first = self.first_keyframe(element)
        return self.range.first if first is self.ordered[0] else first.frame

    def existing(self, frame: int) -> tuple[str, ...]:
        """Return the ids of the elements that exist at a frame; before the range, those of its
        start.
        """
        frame = max(frame, self.range.first)
        return tuple(e.id for e in self.elements if self.first_frame(e) <= frame)

    def known_elements(self, keyframe: Keyframe) -> tuple[str, ...]:
        """Return the ids of the elements that this or an earlier keyframe draws, in the shot's
        order.
        """
        return tuple(e.id for e in self.elements if self.first_keyframe(e).frame <= keyframe.frame)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """All stretches that are not empty, in order; the one before the first keyframe is last."""
        first, last = self.ordered[0], self.ordered[-1]
        found = []
        for left, right in zip(self.ordered, self.ordered[1:], strict=False):
            if right.frame - left.frame > 1:
                found.append(self._between(left, right))
        if self.range.last > last.frame:
            found.append(Stretch((self._outward(last, first, 1, self.range.last),)))
        if self.range.first < first.frame:
            found.append(Stretch((self._outward(first, last, -1, self.range.first),)))
        return tuple(found)

    def stretch_at(self, frame: int) -> Stretch:
        """Return the stretch of a frame. Raises UsageError for a keyframe or one out of range."""
        for stretch in self.stretches:
            if frame in stretch:
                return stretch
        raise UsageError(f"frame {frame} is in no stretch of the range {self.range}")

    def neighbours(self, frame: int) -> tuple[int, ...]:
        """Return the previous and the next frame; neither if the plate lacks one of them.

        The range does not matter, so that a part of a shot has the same pixels as the whole.
        """
        pair = frame - 1, frame + 1
        return pair if all(one in self.plate.range for one in pair) else ()

    def locks_at(self, frame: int) -> tuple[Lock, ...]:
        """Return the locks at that frame; if two lock the same element, the later one counts."""
        return tuple(lock for lock in self.locks if frame in lock.frames)

    def is_locked(self, frame: int) -> bool:
        """Return whether every element is locked at a frame."""
        return {e for lock in self.locks_at(frame) for e in lock.elements} >= set(self.ids)

    def carrying_span(self, keyframe: Keyframe) -> Span | None:
        """Return the span that carries the elements which a keyframe does not draw to its frame.

        It starts from the keyframe to the left and uses no other. None if the keyframe draws all
        known elements.
        """
        undrawn = set(self.known_elements(keyframe)) - set(self.drawn_elements(keyframe))
        if not undrawn:
            return None
        left = self.ordered[self.ordered.index(keyframe) - 1]
        return Span(left, None, 1, keyframe.frame, self.known_elements(left))

    def _outward(self, keyframe: Keyframe, other: Keyframe, step: int, stop: int) -> Span:
        """The span from the outermost keyframe to an end of the range.

        The one at the other end of the shot is in memory too: a correction where half of an element
        is hidden must not make the track forget the rest. It is that one, not the nearest, so that
        a keyframe between the two changes nothing here. It is left out unless the artist drew all
        elements there. What is gone at this end stays gone, so then it is left out too.
        """
        elements = self.known_elements(keyframe)
        helps = other is not keyframe and all(
            self._is_seen(other, element)
            and self._is_seen(self._latest(keyframe, element), element)
            for element in elements
        )
        return Span(keyframe, other if helps else None, step, stop, elements)

    def _latest(self, keyframe: Keyframe, element: str) -> Keyframe:
        """The last keyframe that draws an element which is known at a keyframe, up to that one."""
        upto = self.ordered[: self.ordered.index(keyframe) + 1]
        return next(key for key in reversed(upto) if element in self.drawn_elements(key))

    def _is_seen(self, keyframe: Keyframe, element: str) -> bool:
        """Whether a keyframe draws an element, and not as an empty mask."""
        drawn = self.drawn_elements(keyframe)
        return element in drawn and not keyframe.empty_planes[drawn.index(element)]

    def _between(self, left: Keyframe, right: Keyframe) -> Stretch:
        """The stretch between two keyframes; it tracks what exists before the second one."""
        there = tuple(e.id for e in self.elements if self.first_frame(e) < right.frame)
        forwards = Span(left, right, 1, right.frame - 1, there)
        return Stretch((forwards, Span(right, left, -1, left.frame + 1, there)))

    def _check_range(self) -> None:
        if not self.range:
            raise UsageError(
                f"no frame of {self.plate.name} is requested: it has {self.plate.range.words}"
            )
        missing = self.range.difference(self.plate.range)
        if missing:
            raise InputError(
                f"{self.plate.name} lacks requested frames: {missing} "
                f"(it has {self.plate.range.words}): restore the missing files, or choose the "
                "frames, or what to do about missing ones",
                keys=("range", "plate.missing"),
            )

    def _check_elements(self) -> None:
        if not self.elements and not self.keyframes:
            raise UsageError(f"{self.plate.name} has no keyframe: paint a mask of one frame")
        if not self.elements:
            raise UsageError("a shot needs at least one element")
        ids = [element.id for element in self.elements]
        for element in self.elements:
            if self.names.count(element.name) > 1:
                raise UsageError(f"two elements are named '{element.name}': give each its own name")
            if ids.count(element.id) > 1:
                raise UsageError(f"two elements have the id '{element.id}': give each its own")

    def _check_keyframe(self, keyframe: Keyframe) -> None:
        if keyframe.frame not in self.range:
            raise UsageError(
                f"the keyframe at frame {keyframe.frame} lies outside the range {self.range}: "
                "move it or widen the range"
            )
        planes, *size = keyframe.alpha.shape
        drawn = self.drawn_elements(keyframe)
        unknown = set(drawn) - {element.id for element in self.elements}
        if unknown or len(set(drawn)) < len(drawn):
            raise UsageError(
                f"the keyframe at frame {keyframe.frame} draws {', '.join(drawn)}: expected each "
                f"once, of {', '.join(element.id for element in self.elements)}"
            )
        if planes != len(drawn):
            raise UsageError(
                f"the keyframe at frame {keyframe.frame} has {counted(planes, 'plane')} "
                f"for {counted(len(drawn), 'element')}: {', '.join(drawn)}"
            )
        window = self.plate.format.data
        if tuple(size) != window.shape:
            raise InputError(
                f"the keyframe at frame {keyframe.frame} is {'x'.join(map(str, reversed(size)))}, "
                f"the data window of {self.plate.name} is {window.width}x{window.height}"
            )
        if keyframe.overlaps:
            names = [self.names[place] for place in self.plane_indices(drawn)]
            raise InputError(
                f"elements overlap in the keyframe at frame {keyframe.frame}: "
                f"{in_words(keyframe.overlaps, names)}"
            )

    def _check_drawn(self, element: Element) -> None:
        """Check that an element is visible in a keyframe and exists by its first keyframe."""
        drawing = [key for key in self.ordered if element.id in self.drawn_elements(key)]
        if not drawing:
            raise UsageError(f"no keyframe draws the element '{element.name}': draw it on one")
        if not any(self._is_seen(keyframe, element.id) for keyframe in drawing):
            frames = FrameRange.of(keyframe.frame for keyframe in drawing)
            raise InputError(
                f"the element '{element.name}' is empty in its keyframe at {frames}: "
                "no pixel of its mask is above 0"
            )
        first = drawing[0].frame
        before = [keyframe.frame for keyframe in self.ordered if keyframe.frame < first]
        if element.in_point is None:
            return
        if element.in_point > first:
            raise UsageError(
                f"the element '{element.name}' exists from its in-point {element.in_point} on, but "
                f"the keyframe at {first} draws it: move the in-point to {first} or before"
            )
        if before and element.in_point <= before[-1]:
            raise UsageError(
                f"the element '{element.name}' exists from its in-point {element.in_point} on, but "
                f"the keyframe at {before[-1]} does not draw it: draw it there (an empty mask says "
                f"that it is not in the picture), or move the in-point behind {before[-1]}"
            )
