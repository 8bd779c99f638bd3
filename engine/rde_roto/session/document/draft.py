"""All that an artist decides about a shot, as one immutable value that undo can go back to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rde_roto.documents.shot_document import LockEntry
from rde_roto.images.masks import element_names
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.pictures.element_colours import colour_of
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import Element, Keyframe, Lock
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

Drawing: TypeAlias = Mapping[str, Plane]
"""The drawings at a frame, by element id."""


@dataclass(frozen=True, eq=False)
class Draft:
    """Elements, drawings by frame, locks and settings. Every change returns a new draft.

    `preset` holds all settings, including the document's overrides. `learned` is the file of what
    the model has learned from the shot.
    """

    elements: tuple[Element, ...]
    drawings: Mapping[int, Drawing]
    locks: tuple[LockEntry, ...]
    preset: Preset
    learned: Path | None = None

    def drawn(self, frame: int, element: str) -> Plane | None:
        """Return the drawing of an element at a frame, if there is one."""
        return self.drawings.get(frame, {}).get(element)

    def locked(self, frame: int) -> frozenset[str]:
        """Return the ids of the elements that are locked at a frame."""
        return frozenset(e for lock in self.locks if frame in lock.frames for e in lock.elements)

    def is_locked(self, frame: int) -> bool:
        """Whether every element that has mattes is locked at a frame."""
        locked = self.locked(frame)
        return bool(locked) and locked >= self.seen

    @property
    def frames_with_locks(self) -> frozenset[int]:
        """The frames at which any element is locked."""
        return frozenset(frame for lock in self.locks for frame in lock.frames)

    @cached_property
    def seen(self) -> frozenset[str]:
        """The ids of the elements with a drawn pixel: others have no mattes."""
        drawn = (planes.items() for planes in self.drawings.values())
        return frozenset(k for planes in drawn for k, plane in planes if not plane.is_empty)

    @property
    def whole(self) -> tuple[int, ...]:
        """The frames at which every element that exists there is drawn, in order."""
        return tuple(
            frame
            for frame, drawing in sorted(self.drawings.items())
            if all(e.id in drawing or (e.in_point or frame) > frame for e in self.elements)
        )

    def frames_changed_since(self, before: Draft) -> frozenset[int]:
        """Return the frames whose drawings or locks are not those of another draft."""
        drawn = {*self.drawings, *before.drawings}
        changed = {at for at in drawn if self.drawings.get(at) is not before.drawings.get(at)}
        locks = *self.locks, *before.locks
        moved = (lock for lock in locks if (lock in self.locks) != (lock in before.locks))
        return frozenset(changed.union(*(lock.frames for lock in moved)))

    def element(self, key: str) -> Element:
        """Return the element with an id."""
        return next(element for element in self.elements if element.id == key)

    def with_plane(self, frame: int, element: str, plane: Plane) -> Draft:
        """Return the draft with another drawing of an element at a frame."""
        drawing = {**self.drawings.get(frame, {}), element: plane}
        return replace(self, drawings={**self.drawings, frame: drawing})

    def without_plane(self, frame: int, element: str) -> Draft:
        """Return the draft without the drawing of an element at a frame."""
        if self.drawn(frame, element) is None:
            return self
        drawing = {key: p for key, p in self.drawings[frame].items() if key != element}
        rest = {at: planes for at, planes in self.drawings.items() if at != frame}
        return replace(self, drawings={**rest, frame: drawing} if drawing else rest)

    def with_element(self, name: str) -> Draft:
        """Return the draft with one more element. Raises UsageError for an invalid name."""
        (clean,) = element_names([name])
        self._refuse(clean)
        key, taken, number = re.sub(r"^_+(?=[A-Za-z])", "", clean), set(self._ids), 2
        stem = key
        while key in taken:
            key, number = f"{stem}_{number}", number + 1
        return replace(self, elements=(*self.elements, Element(key, clean)))

    def renamed(self, element: str, name: str) -> Draft:
        """Return the draft with another name for an element, whose id stays. Raises UsageError."""
        (clean,) = element_names([name])
        if clean == self.element(element).name:
            return self
        self._refuse(clean)
        elements = tuple(replace(e, name=clean) if e.id == element else e for e in self.elements)
        return replace(self, elements=elements)

    def coloured(self, element: str, color: str) -> Draft:
        """Return the draft with another display colour, `#rrggbb`, for an element."""
        elements = (replace(e, color=color) if e.id == element else e for e in self.elements)
        return replace(self, elements=tuple(elements))

    def without_element(self, element: str) -> Draft:
        """Return the draft without an element, its drawings and its locks.

        Raises UsageError for the last element.
        """
        if len(self.elements) == 1:
            raise UsageError("a shot needs at least one element: rename this one instead")
        draft = self
        for frame in self.drawings:
            draft = draft.without_plane(frame, element)
        locks = [
            lock.model_copy(update={"elements": [e for e in lock.elements if e != element]})
            for lock in self.locks
        ]
        place = self._ids.index(element)
        moved = (
            replace(e, color=colour_of(e.id, self.elements)) for e in self.elements[place + 1 :]
        )
        elements = *self.elements[:place], *moved  # each keeps the colour that its place gave it
        return replace(draft, elements=elements, locks=tuple(k for k in locks if k.elements))

    def with_locks_in(self, folder: Path) -> Draft:
        """Return the draft with whole paths in its locks, which were relative to a folder."""
        locks = (
            lock.model_copy(update={"mattes": str((folder / lock.mattes).absolute())})
            for lock in self.locks
        )
        return replace(self, locks=tuple(locks))

    @property
    def _ids(self) -> tuple[str, ...]:
        return tuple(element.id for element in self.elements)

    def _refuse(self, name: str) -> None:
        if name in [element.name for element in self.elements]:
            raise UsageError(f"there is an element named '{name}' already: choose another name")


@dataclass
class ShotBuilder:
    """Make shots from drafts.

    Keyframes that stay the same are the same objects, whose digests are known, and no other pixels
    are held.
    """

    plate: Plate
    range: FrameRange
    _made: dict[int, tuple[Drawing, tuple[str, ...], Keyframe]] = field(default_factory=dict)

    def of(self, draft: Draft, locks: tuple[Lock, ...]) -> Shot | None:
        """Return the shot of a draft as far as it can be tracked; None while nothing is drawn.

        An element without a drawn pixel is not part of it yet.
        """
        seen = draft.seen
        elements = tuple(element for element in draft.elements if element.id in seen)
        ids = tuple(element.id for element in elements)
        made = {
            frame: self._keyframe(frame, drawing, ids)
            for frame, drawing in draft.drawings.items()
            if frame in self.range and seen.intersection(drawing)
        }
        self._made = made
        if not made:
            return None
        within = tuple(lock for lock in locks if set(lock.elements) <= set(ids))
        keyframes = tuple(keyframe for _, _, keyframe in made.values())
        return Shot(self.plate, self.range, elements, keyframes, within)

    def _keyframe(
        self, frame: int, drawing: Drawing, ids: tuple[str, ...]
    ) -> tuple[Drawing, tuple[str, ...], Keyframe]:
        keys = tuple(key for key in ids if key in drawing)
        known = self._made.get(frame)
        if known is not None and known[0] is drawing and known[1] == keys:
            return known
        alpha = np.stack([drawing[key].pixels for key in keys])
        alpha.flags.writeable = False  # so that the keyframe needs no copy
        return drawing, keys, Keyframe(frame, alpha, keys)
