"""A shot: a plate, the artist's keyframes and the frames that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate


@dataclass(frozen=True, eq=False)
class Keyframe:
    """The artist's word at one frame, returned untouched there.

    `alpha` is float32 [K, H, W] in 0..1 over the plate's data window, row 0 on top, one plane per
    element. Nobody writes to it once the keyframe exists.
    """

    frame: int
    alpha: FloatArray

    @cached_property
    def digest(self) -> str:
        """Hex digest of the pixels alone: a renumbered plate keeps it."""
        return digest_of(self.alpha)


@dataclass(frozen=True)
class Span:
    """One keyframe's frames in one direction: `step` is +1 or -1, `stop` the last frame, included.

    Iterating gives every number after the keyframe in walking order, also numbers the plate has
    no frame for: a walk over a plate with gaps passes over those not in `plate.range`.
    """

    keyframe: Keyframe
    step: int
    stop: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.keyframe.frame + self.step, self.stop + self.step, self.step))


@dataclass(frozen=True)
class Shot:
    """Everything that decides which mattes are asked for, checked when it is made.

    Raises UsageError when the range or the elements are empty or a name repeats, when a keyframe
    lies outside the range or shares its frame with another, or when its planes are not one per
    element; InputError when the plate lacks a frame of the range, when a keyframe is not as large
    as the plate's data window, or when an element has no pixel above 0 in any keyframe.
    """

    plate: Plate
    range: FrameRange
    elements: tuple[str, ...]
    keyframes: tuple[Keyframe, ...]

    def __post_init__(self) -> None:
        self._check_range()
        self._check_elements()
        for keyframe in self.keyframes:
            self._check_keyframe(keyframe)
        frames = [keyframe.frame for keyframe in self.keyframes]
        for frame in frames:
            if frames.count(frame) > 1:
                raise UsageError(f"frame {frame} has {frames.count(frame)} keyframes: give it one")
        self._check_nobody_is_empty()

    def spans(self) -> tuple[Span, ...]:
        """Each keyframe's walks, by keyframe, forwards first; walks without a frame left out.

        A walk ends at the end of the range or just before the next keyframe.
        """
        ordered = sorted(self.keyframes, key=lambda keyframe: keyframe.frame)
        spans: list[Span] = []
        for index, keyframe in enumerate(ordered):
            later, earlier = ordered[index + 1 :], ordered[:index]
            stop = later[0].frame - 1 if later else self.range.last
            if stop > keyframe.frame:
                spans.append(Span(keyframe, 1, stop))
            stop = earlier[-1].frame + 1 if earlier else self.range.first
            if stop < keyframe.frame:
                spans.append(Span(keyframe, -1, stop))
        return tuple(spans)

    def _check_range(self) -> None:
        if not self.range:
            raise UsageError(
                f"no frame of {self.plate.name} is asked for: it has {self.plate.range}"
            )
        missing = self.range.difference(self.plate.range)
        if missing:
            raise InputError(
                f"{self.plate.name} lacks frames that are asked for: {missing} "
                f"(it has {self.plate.range})"
            )

    def _check_elements(self) -> None:
        if not self.elements:
            raise UsageError("a shot needs at least one element")
        for name in self.elements:
            if self.elements.count(name) > 1:
                raise UsageError(f"two elements are named '{name}': give each its own name")

    def _check_keyframe(self, keyframe: Keyframe) -> None:
        if keyframe.frame not in self.range:
            raise UsageError(
                f"the keyframe at frame {keyframe.frame} lies outside the range {self.range}: "
                "move it or widen --frames"
            )
        planes, *size = keyframe.alpha.shape
        if planes != len(self.elements):
            raise UsageError(
                f"the keyframe at frame {keyframe.frame} has {planes} planes "
                f"for {len(self.elements)} elements: {', '.join(self.elements)}"
            )
        window = self.plate.format.data
        if tuple(size) != window.shape:
            raise InputError(
                f"the keyframe at frame {keyframe.frame} is {'x'.join(map(str, reversed(size)))}, "
                f"the data window of {self.plate.name} is {window.width}x{window.height}"
            )

    def _check_nobody_is_empty(self) -> None:
        for index, name in enumerate(self.elements):
            if self.keyframes and not any(key.alpha[index].max() > 0 for key in self.keyframes):
                frames = FrameRange.of(keyframe.frame for keyframe in self.keyframes)
                raise InputError(
                    f"the element '{name}' is empty in its keyframe at {frames}: "
                    "no pixel of its mask is above 0"
                )
