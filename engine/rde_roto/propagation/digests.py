"""The name of everything on the way to a matte, told without making any of it.

A memory state is named after the state before and the plate that was absorbed; a raw matte, the
network's own, after its state and its plate; a matte after its raw mattes, the finish, the revision
of the code that finishes, and the lock, and those of the frames beside it where it is de-chattered.
Nothing is ever invalidated: what has changed has another name, and undo gives the old one back.
"""

from __future__ import annotations

from threading import Lock as Mutex

from rde_roto.values.digest import DigestPart, Digests, digest_of
from rde_roto.values.keyframe import Keyframe
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Span, Stretch

MATTE_REVISION = 1
"""Raised with every change of the code that makes a delivered matte of raw ones, or writes it, and
changes its pixels: those of ``matte`` and the layouts of files. So mattes
on disk that another version made are made again; ``tests/golden/test_finished_mattes.py`` keeps to
it."""

MISSING = "missing"
"""Stands for the digest of a plate frame that is not there."""


class PlateDigests:
    """A plate's digests as they were when first asked for. Safe to ask from several threads."""

    def __init__(self, plate: Plate) -> None:
        self._plate = plate
        self._known = Digests()

    def __call__(self, frame: int) -> str:
        """The digest of a frame, ``MISSING`` where the plate has none.

        Raises InputError when it is there but cannot be read.
        """
        digest = self._known.get(frame)
        if digest is None:
            digest = self._plate.digest(frame) if frame in self._plate.range else MISSING
            self._known.put(frame, digest)
        return digest


class _States:
    """The names of a span's states, from its beginning on."""

    def __init__(self) -> None:
        self.count = 0
        self._names = Digests()

    def __getitem__(self, index: int) -> str:
        name = self._names.get(index)
        assert name is not None, index
        return name

    def append(self, name: str) -> None:
        self._names.put(self.count, name)
        self.count += 1


class Chain:
    """The digests of one shot under one preset and one tracker. Safe to ask from several threads.

    Names of plates and states are kept once they are known, some twenty bytes a frame: what has
    changed on disk since is seen by a new chain. Element ids and names enter no digest: a renamed
    element keeps its mattes.

    Args:
        shot: what is tracked.
        preset: tracking enters through ``tracker``, the finish here.
        tracker: the digest of the tracker (``tracker.Tracker.digest``).
        plates: the digests of the shot's plate.
    """

    def __init__(self, shot: Shot, preset: Preset, tracker: str, plates: PlateDigests) -> None:
        self.shot = shot
        self.plates = plates
        self.memory_every = preset.tracking.memory_every
        self._finish = digest_of(MATTE_REVISION, preset.finish.digest)
        self._dechatter = preset.finish.dechatter
        self._tracker = tracker
        self._spans: dict[tuple[int, int, int | None], _States] = {}
        self._lock = Mutex()
        self._locks: dict[tuple[int, int], str] = {}

    def state(self, span: Span, index: int) -> str:
        """The digest of a span's state after ``index`` memory frames; 0 is its beginning."""
        far = None if span.far is None else span.far.frame
        known = self._spans.setdefault((span.keyframe.frame, span.step, far), _States())
        while known.count <= index:
            # plates are hashed outside the lock: who looks does not wait for what a batch hashes
            place = known.count
            if place == 0:
                name = self._beginning(span)
            else:
                plate = self.plates(self.memory_frame(span, place))
                name = digest_of("state", known[place - 1], plate)
            with self._lock:
                if known.count == place:
                    known.append(name)
        return known[index]

    def memory_frame(self, span: Span, index: int) -> int:
        """The frame of a span's ``index``-th memory frame, counted from 1."""
        return span.keyframe.frame + span.step * self.memory_every * index

    def index(self, span: Span, frame: int) -> int:
        """How many memory frames the state has seen from which a frame of the span is read."""
        return (span.distance(frame) - 1) // self.memory_every

    def is_memory_frame(self, span: Span, frame: int) -> bool:
        """Whether a frame of the span is absorbed after it was read."""
        return span.distance(frame) % self.memory_every == 0

    def raw(self, span: Span, frame: int) -> str:
        """The digest of the network's own matte of a frame, read in this span."""
        return digest_of("raw", self.state(span, self.index(span, frame)), self.plates(frame))

    def matte(self, frame: int) -> str:
        """The digest of a frame's matte. Raises InputError for an unreadable plate on the way."""
        parts: list[DigestPart] = []
        for place, lock in enumerate(self.shot.locks):
            if frame in lock.frames:
                if (place, frame) not in self._locks:
                    self._locks[place, frame] = lock.digest(frame)
                parts += [str(self.shot.places(lock.elements)), self._locks[place, frame]]
        if not parts:
            return self._tracked(frame)
        below = None if self.shot.is_locked(frame) else self._tracked(frame)
        return digest_of("locked", *parts, below)

    def _tracked(self, frame: int) -> str:
        keyframe = self.shot.keyframe_at(frame)
        if keyframe is not None:
            return digest_of("keyframe", *self._planes(keyframe, self.shot.ids), self._finish)
        stretch = self.shot.stretch_at(frame)
        own = self._raws(stretch, frame)
        beside = self.shot.beside(frame) if self._dechatter else ()
        if not beside:
            return digest_of("matte", *own, self._finish)
        neighbours = (self._neighbour(stretch, neighbour) for neighbour in beside)
        return digest_of("steadied", *own, *neighbours, self._dechatter, self._finish)

    def _raws(self, stretch: Stretch, frame: int) -> list[DigestPart]:
        """What makes a frame's matte before it is finished."""
        parts: list[DigestPart] = [self._existing(frame)]
        for span in stretch.spans:
            # where it stands between its keyframes decides how much each pass counts
            distance = span.distance(frame) if len(stretch.spans) > 1 else None
            parts += [self.raw(span, frame), distance]
        return parts

    def _neighbour(self, stretch: Stretch, frame: int) -> str:
        """What frames of a stretch see of one beside them, which may be a keyframe at its end."""
        keyframe = self.shot.keyframe_at(frame)
        if keyframe is None:
            return digest_of("neighbour", *self._raws(stretch, frame))
        planes = self._planes(keyframe, stretch.spans[0].elements)
        return digest_of("neighbour", self._existing(frame), self.plates(frame), *planes)

    def _existing(self, frame: int) -> str:
        return str(self.shot.places(self.shot.existing(frame)))

    def _beginning(self, span: Span) -> str:
        anchors: list[DigestPart] = []
        for keyframe in (span.keyframe, span.far):
            if keyframe is not None:
                anchors += [self.plates(keyframe.frame), *self._planes(keyframe, span.elements)]
        return digest_of("span", self._tracker, span.step, *anchors)

    def _planes(self, keyframe: Keyframe, elements: tuple[str, ...]) -> list[DigestPart]:
        """What each element's mask at a keyframe is made from: None where it does not exist."""
        drawn = dict(zip(self.shot.drawn(keyframe), keyframe.plane_digests, strict=True))
        known = self.shot.known(keyframe)
        carrying = self.shot.carrying(keyframe)
        parts: list[DigestPart] = []
        for element in elements:
            if element in drawn or element not in known or carrying is None:
                parts.append(drawn.get(element))
            else:
                place = carrying.elements.index(element)
                parts.append(digest_of("carried", self.raw(carrying, keyframe.frame), place))
        return parts
