"""The roto node: a shot's mattes, made from a keyframe outwards, a few plates at a time.

A frame's way: its plate is read ahead on a thread, encoded, read from the memory state, finished at
plate size, handed out. Every ``memory_every``-th frame from the keyframe is a memory frame: it is
read like the others and then absorbed into the state.

Every matte is named before it is made. The digest of a memory state follows from the digest of the
one before and the plate it absorbs, that of a matte from its state and plate; so a caller who keeps
mattes by digest can say which are there already, and only what the rest needs is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from rde_roto.finish import finish, finish_keyframe
from rde_roto.models import Model
from rde_roto.propagator import Propagator, numerics
from rde_roto.streams import read_ahead
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, OutOfMemoryError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Keyframe, Shot, Span

IsKept = Callable[[int, str], bool]
"""Whether the matte of a frame is there already under this digest."""

_STEPS_AHEAD = 1


def _nothing_is_kept(_frame: int, _digest: str) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class _Step:
    """Plates to be read from one state: a memory frame alone, or the frames between two.

    ``views`` has the fixed length of its kind, the last view repeated. ``wanted`` gives the place
    in ``views``, frame and digest of every matte that is asked for.
    """

    is_memory: bool
    views: list[FloatArray]
    wanted: list[tuple[int, int, str]]


class RotoNode:
    """The mattes of a shot.

    Args:
        shot: plate, range, elements and its keyframe (one, in this version).
        preset: tracking and finish.
        model: the network; its weights' sha256 enters every digest.
        device: where it runs.

    Raises UsageError for a shot with none or several keyframes, InputError when the plate lacks a
    frame that the memory needs on its way.
    """

    def __init__(self, shot: Shot, preset: Preset, model: Model, device: torch.device) -> None:
        if len(shot.keyframes) != 1:
            raise UsageError(f"expected one keyframe, got {len(shot.keyframes)}: give one a run")
        _require_memory_frames(shot, preset.tracking.memory_every)
        self.shot = shot
        self.preset = preset
        self._weights = model.sha256
        self._propagator = Propagator(model.net, preset.tracking, device)
        self._geometry = self._propagator.geometry(shot.plate.format.data.shape)

    def render(
        self, is_kept: IsKept = lambda _frame, _digest: False
    ) -> Generator[Matte, None, None]:
        """The mattes of the range that are not kept: the keyframe, forwards, then backwards.

        Raises InputError when a plate cannot be read; all before it are handed out first.
        OutOfMemoryError says which setting needs less.
        """
        (keyframe,) = self.shot.keyframes
        digest = digest_of("keyframe", keyframe.digest, self.preset.finish.digest)
        if not is_kept(keyframe.frame, digest):
            alpha = finish_keyframe(keyframe.alpha, self.preset.finish)
            yield Matte(keyframe.frame, alpha, self.shot.elements, digest)
        for span in self.shot.spans():
            try:
                yield from self._walk(span, is_kept)
            except (MemoryError, torch.OutOfMemoryError) as error:
                raise OutOfMemoryError(self._how_to_need_less(str(error))) from error

    def _walk(self, span: Span, is_kept: IsKept) -> Iterator[Matte]:
        """One span's mattes: the only place where the recurrence advances."""
        propagator = self._propagator
        state, newest = None, None
        for step in read_ahead(self._steps(span, is_kept), _STEPS_AHEAD):
            if state is None:
                view = self.shot.plate.read(span.keyframe.frame)
                state = propagator.begin(propagator.encode([view]), span.keyframe.alpha)
            if newest is not None:
                state, newest = propagator.absorb(state, *newest), None
            encoded = propagator.encode(step.views)
            probabilities = propagator.read(state, encoded)
            if step.is_memory:
                newest = (encoded, probabilities)
            for index, frame, digest in step.wanted:
                alpha = finish(probabilities[index], self._geometry, self.preset.finish)
                yield Matte(frame, alpha, self.shot.elements, digest)

    def _steps(self, span: Span, is_kept: IsKept) -> Iterator[_Step]:
        """What has to be read for the mattes that are not kept, plates decoded.

        Memory frames are passed over until a matte behind them is wanted.
        """
        plate, theta = self.shot.plate, self.preset.tracking.memory_every
        chain = self._chain_start(span.keyframe, span.step)
        passed: list[int] = []
        between: list[tuple[int, str]] = []
        for distance, frame in enumerate(span, start=1):
            is_memory = distance % theta == 0
            wanted = None
            if frame in self.shot.range or is_memory:
                pixels = plate.digest(frame)
                wanted = self._wanted(frame, digest_of("raw", chain, pixels), is_kept)
                chain = digest_of("state", chain, pixels) if is_memory else chain
            if wanted and not is_memory:
                between.append((frame, wanted))
            if between and (is_memory or frame == span.stop):
                yield from self._memory_steps(passed)
                yield self._between_step(between, theta - 1)
                passed, between = [], []
            if is_memory and wanted:
                yield from self._memory_steps(passed)
                yield _Step(True, [plate.read(frame)], [(0, frame, wanted)])
                passed = []
            elif is_memory:
                passed.append(frame)

    def _memory_steps(self, frames: list[int]) -> Iterator[_Step]:
        """Memory frames whose own mattes nobody asks for."""
        for frame in frames:
            yield _Step(True, [self.shot.plate.read(frame)], [])

    def _between_step(self, frames: list[tuple[int, str]], size: int) -> _Step:
        views = [self.shot.plate.read(frame) for frame, _ in frames]
        wanted = [(index, frame, digest) for index, (frame, digest) in enumerate(frames)]
        return _Step(False, views + views[-1:] * (size - len(views)), wanted)

    def _wanted(self, frame: int, raw: str, is_kept: IsKept) -> str | None:
        """The digest of a frame's matte, when it is asked for and not kept."""
        if frame not in self.shot.range:
            return None
        digest = digest_of("matte", raw, self.preset.finish.digest)
        return None if is_kept(frame, digest) else digest

    def _chain_start(self, keyframe: Keyframe, step: int) -> str:
        """The digest of the state at the keyframe, before any frame is absorbed."""
        anchor = (keyframe.digest, self.shot.plate.digest(keyframe.frame))
        return digest_of(self._recipe, step, *self.shot.elements, *anchor)

    @cached_property
    def _recipe(self) -> str:
        numeric = numerics(self._propagator.device)
        return digest_of(numeric, self._weights, self.preset.tracking.digest)

    def _how_to_need_less(self, reason: str) -> str:
        height, width = self._geometry.working
        first_line = reason.strip().splitlines()[0] if reason.strip() else "allocation failed"
        return (
            f"memory ran out while tracking {len(self.shot.elements)} element(s) at "
            f"{width}x{height} ({first_line}): lower tracking.lines, now "
            f"{self.preset.tracking.lines}, for example with --set "
            f"tracking.lines={max(96, height // 2)}"
        )


def _require_memory_frames(shot: Shot, memory_every: int) -> None:
    needed = (
        frame
        for span in shot.spans()
        for distance, frame in enumerate(span, start=1)
        if distance % memory_every == 0
    )
    missing = FrameRange.of(frame for frame in needed if frame not in shot.plate.range)
    if missing:
        raise InputError(
            f"{shot.plate.name} lacks {missing}, which the memory needs on its way from the "
            f"keyframe at {shot.keyframes[0].frame}: restore what is missing"
        )
