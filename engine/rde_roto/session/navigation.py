"""Where one looks: a frame, in and out, the light; and the plate's pictures, ready before that."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial

from rde_roto.images.origin import FRAME_RATE
from rde_roto.session.display_pixels import Light, shown
from rde_roto.session.live_mattes import Post
from rde_roto.session.picture_cache import Bytes, LookAhead, Want
from rde_roto.shot_files.opening import Parts
from rde_roto.values.errors import RotoError

_BUDGET_BYTES = 10**9
_MOST_AHEAD = 48
_USUAL_FPS = 24.0
_DARKEST, _BRIGHTEST = -8.0, 8.0
_LEAST_GAMMA, _MOST_GAMMA = 0.2, 5.0


class Sight:
    """A place in a plate. Used from one thread, that which ``post`` leads to; to be closed.

    Args:
        parts: the plate that is looked at, and the frames that one can go to.
        frame: where to begin.
        post: leads from other threads to that of the session.
        changed: told that what is seen of this frame is another, with a sentence where it has none.
    """

    def __init__(
        self,
        parts: Parts,
        frame: int,
        post: Post,
        changed: Callable[[str | None], None],
    ) -> None:
        self.plate = parts.plate
        self.range = parts.range
        self.frame = frame
        self.bounds = (self.range.first, self.range.last)
        self.also: Callable[[int], list[Want]] = lambda _frame: []
        self.light = Light()
        self._heading = 1
        self._here: frozenset[Hashable] = frozenset()  # names of what is seen at this frame
        self._post, self._changed = post, changed
        self.pictures = LookAhead(_BUDGET_BYTES, self._ready)
        self.look_ahead()

    @property
    def fps(self) -> float:
        """The plate's own frame rate, 24 where it says none."""
        with suppress(RotoError):
            said = self.plate.attributes(self.range.first).get(FRAME_RATE)
            if said is not None and not isinstance(said, str) and said.value[1]:
                return float(said.value[0]) / float(said.value[1])
        return _USUAL_FPS

    def picture(self) -> Bytes | None:
        """The plate at this frame for the screen, [H, W, 4] BGRA; None until it is ready."""
        return self.pictures.get(self._name(self.frame))

    def go(self, frame: int) -> bool:
        """Looks at a frame, the nearest of the range; whether it is another."""
        near = min(max(frame, self.range.first), self.range.last)
        if near not in self.range:
            near = min(self.range, key=lambda other: abs(other - near))
        if near == self.frame:
            return False
        self._heading = 1 if near > self.frame else -1
        self.frame = near
        self.look_ahead()
        return True

    def beside(self, by: int) -> int:
        """The frame so many on, of those that there are."""
        end = self.range.last if by > 0 else self.range.first
        frames = list(self.range.walk(self.frame, end))
        return frames[min(abs(by), len(frames) - 1)]

    def looped(self, by: int) -> int:
        """The frame one on within in and out, the other end behind the last one."""
        first, last = self.bounds
        inside = first <= self.frame + by <= last
        return self.beside(by) if inside else first if by > 0 else last

    def bound(self, first: int | None, last: int | None) -> None:
        """Sets in, out, or both."""
        low, high = self.bounds
        low, high = low if first is None else first, high if last is None else last
        self.bounds = (min(low, high), max(low, high))

    def set_light(self, light: Light) -> None:
        """Shows the plate darker or brighter."""
        exposure = min(max(light.exposure, _DARKEST), _BRIGHTEST)
        self.light = Light(exposure, min(max(light.gamma, _LEAST_GAMMA), _MOST_GAMMA))
        self.look_ahead()

    def look_ahead(self) -> None:
        """Has what is looked at next made ready, this frame first, and what ``also`` names."""
        height, width = self.plate.format.data.shape
        many = max(1, min(_MOST_AHEAD, _BUDGET_BYTES // (6 * height * width) - 2))
        first, last = self.bounds if self._heading > 0 else self.bounds[::-1]
        ahead = list(self.range.walk(self.frame, last))[: many + 1]
        if len(ahead) <= many:  # it plays in a loop
            ahead += list(self.range.walk(first, self.frame))[: many - len(ahead)]
        behind = self.frame - self._heading
        frames = [*ahead[:2], *([behind] if behind in self.range else []), *ahead[2:]]
        wants: list[Want] = []
        for one in frames:
            wants.append((self._name(one), partial(shown, self.plate, one, self.light)))
            wants += self.also(one)
            if one == self.frame:
                self._here = frozenset(name for name, _ in wants)
        self.pictures.want(wants)

    def close(self) -> None:
        """Ends the thread of its own."""
        self.pictures.close()

    def _name(self, frame: int) -> Hashable:
        return ("plate", frame, self.light)

    def _ready(self, name: Hashable, error: Exception | None) -> None:
        self._post(partial(self._came, name, error))

    def _came(self, name: Hashable, error: Exception | None) -> None:
        if error is not None or name in self._here:
            self._changed(None if error is None else str(error))
