"""What is known of the mattes of a draft's frames: their digests now, and the newest of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rde_roto.stores import MatteStore
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True, eq=False)
class FrameMattes:
    """A frame's mattes by element id, float32 [H, W], read-only.

    `is_current` is false for mattes that an edit has made out of date.
    """

    digest: str
    planes: Mapping[str, FloatArray]
    is_current: bool


class _Newest(NamedTuple):
    """The newest matte of a frame: the elements it has, and the first step of the history that had
    it.
    """

    digest: str
    ids: tuple[str, ...]
    step: int


class KnownMattes:
    """The mattes of a shot that changes, as digests: one for a frame as it is now, and at most one
    that an edit has made out of date.
    """

    def __init__(self) -> None:
        self._ids: tuple[str, ...] = ()
        self._digests: dict[int, str] = {}
        self._made: set[int] = set()
        self._newest: dict[int, _Newest] = {}
        self._step = self._digests_step = 0
        self._forgets_after: int | None = None  # the step from which the mattes of others go

    def begin_step(self, step: int, *, forgets: bool) -> None:
        """Continue with another step of the history. With ``forgets``, mattes that only later steps
        had go as soon as the digests of this one are known.
        """
        self._step = step
        if forgets:
            known = self._forgets_after
            self._forgets_after = step if known is None else min(known, step)

    def set_ids(self, ids: tuple[str, ...]) -> None:
        """Continue with a shot of these elements, by id."""
        if ids != self._ids:
            self._ids, self._digests, self._made = ids, {}, set()

    def set_digests(self, digests: dict[int, str], made: set[int]) -> None:
        """Set the digests of all frames at the current step, and which need no steps of the network
        any more.
        """
        step = self._digests_step = self._step
        came = {f for f, newest in self._newest.items() if digests.get(f) == newest.digest}
        self._digests, self._made = digests, made | came
        for frame in came:
            newest = self._newest[frame]
            self._newest[frame] = newest._replace(step=min(newest.step, step))
        after, self._forgets_after = self._forgets_after, None
        if after is not None:
            self._newest = {
                frame: newest
                for frame, newest in self._newest.items()
                if frame in self._made or newest.step <= after
            }

    def add(self, frame: int, digest: str) -> None:
        """Note that the matte of a frame as it is now was made."""
        self._digests[frame] = digest
        self._made.add(frame)
        self._note(frame, digest, self._step)

    def clear(self) -> None:
        """Forget what there is to make, since nothing is drawn."""
        self._digests, self._made = {}, set()

    def newest(self, frame: int, mattes: MatteStore) -> FrameMattes | None:
        """Return the newest matte of a frame that is in memory."""
        digest, newest = self._digests.get(frame), self._newest.get(frame)
        known = [] if digest is None else [(digest, self._ids)]
        known += [] if newest is None else [(newest.digest, newest.ids)]
        for candidate, ids in known:
            kept = mattes.get(candidate)
            if kept is not None and len(kept.planes) == len(ids):
                if candidate == digest:
                    self._note(frame, candidate, self._digests_step)
                planes = dict(zip(ids, kept.planes, strict=True))
                return FrameMattes(candidate, planes, candidate == digest)
        return None

    def digest(self, frame: int) -> str | None:
        """Return the digest of a frame's matte now; None as long as it is not known."""
        return self._digests.get(frame)

    @property
    def made(self) -> frozenset[int]:
        """The frames whose mattes, as the shot is now, need no more steps of the network."""
        return frozenset(self._made)

    def is_made(self, frame: int) -> bool:
        """Whether a frame is one of ``made``."""
        return frame in self._made

    def is_stale(self, frame: int) -> bool:
        """Whether a frame has a matte, but not that of the shot as it is now."""
        return frame not in self._made and frame in self._newest

    def _note(self, frame: int, digest: str, step: int) -> None:
        """Note the newest matte of a frame, which an earlier step may have had already."""
        known = self._newest.get(frame)
        if known is not None and known.digest == digest:
            step = known.step
        self._newest[frame] = _Newest(digest, self._ids, step)
