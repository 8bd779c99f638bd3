"""The frame that is shown, in and out, and the plate's pictures, made ready ahead of time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial

from rde_roto.images.origin import FRAME_RATE
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import Post
from rde_roto.session.pictures.display_pixels import ViewExposure, plate_pixels
from rde_roto.session.pictures.picture_cache import Bytes, PictureCache, PictureRequest
from rde_roto.shot_files.opening import Parts
from rde_roto.values.errors import RotoError

_BUDGET_BYTES = 10**9
_MOST_AHEAD = 48
_USUAL_FPS = 24.0
_DARKEST, _BRIGHTEST = -8.0, 8.0
_LEAST_GAMMA, _MOST_GAMMA = 0.2, 5.0


class Navigation:
    """A position in a plate. Used from one thread, the one that ``post`` leads to; must be closed.
    Nothing is read before the first ``prefetch``.

    Args:
        parts: the plate, and the frames that can be shown.
        frame: where to begin.
        post: leads from other threads to that of the session.
        changed: called when this frame's picture has changed, with a sentence if it has none.
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
        self.extra_pictures: Callable[[int], list[PictureRequest]] = lambda _frame: []
        self.exposure = ViewExposure()
        self._direction = 1
        self._current_names: frozenset[Hashable] = frozenset()  # of this frame's pictures
        self._post, self._changed = post, changed
        # one more thread for mattes alone: a stroke or undo is shown while a slow disk is read
        self.pictures = PictureCache(_BUDGET_BYTES, self._ready, threads=2)

    @property
    def fps(self) -> float:
        """The plate's frame rate, 24 if it has none."""
        with suppress(RotoError):
            rate = self.plate.attributes(self.range.first).get(FRAME_RATE)
            if rate is not None and not isinstance(rate, str) and rate.value[1]:
                return float(rate.value[0]) / float(rate.value[1])
        return _USUAL_FPS

    def picture(self) -> Bytes | None:
        """Return the plate at this frame for the screen, [H, W, 4] BGRA; None until it is ready."""
        return self.pictures.get(self._name(self.frame))

    def error(self) -> str:
        """Return why the plate at this frame cannot be shown; "" if it can, or is being read."""
        error = self.pictures.error(self._name(self.frame))
        return "" if error is None else sentence(error)

    def go_to(self, frame: int) -> bool:
        """Go to a frame, the nearest of the range; whether that is another one."""
        near = min(max(frame, self.range.first), self.range.last)
        if near not in self.range:
            near = min(self.range, key=lambda other: abs(other - near))
        if near == self.frame:
            return False
        self._direction = 1 if near > self.frame else -1
        self.frame = near
        self.try_again()
        return True

    def try_again(self) -> None:
        """Read what could not be read: a lost disk may be back."""
        self.pictures.forget_errors()
        self.prefetch()

    def frame_after(self, by: int) -> int:
        """Return the frame so many frames on, or back if negative, of those that exist."""
        end = self.range.last if by > 0 else self.range.first
        frames = list(self.range.walk(self.frame, end))
        return frames[min(abs(by), len(frames) - 1)]

    def next_in_loop(self, by: int) -> int:
        """Return the frame one step on between in and out, which continues at the other end."""
        first, last = self.bounds
        inside = first <= self.frame + by <= last
        return self.frame_after(by) if inside else first if by > 0 else last

    def set_bounds(self, first: int | None, last: int | None) -> None:
        """Set in, out, or both."""
        low, high = self.bounds
        low, high = low if first is None else first, high if last is None else last
        self.bounds = (min(low, high), max(low, high))

    def set_exposure(self, light: ViewExposure) -> None:
        """Show the plate darker or brighter."""
        exposure = min(max(light.exposure, _DARKEST), _BRIGHTEST)
        self.exposure = ViewExposure(exposure, min(max(light.gamma, _LEAST_GAMMA), _MOST_GAMMA))
        self.prefetch()

    def prefetch(self) -> None:
        """Request the pictures that are needed next, this frame's first. Those of
        ``extra_pictures`` come before the plate's: once that is there, all can be drawn.
        """
        height, width = self.plate.format.data.shape
        many = max(1, min(_MOST_AHEAD, _BUDGET_BYTES // (6 * height * width) - 2))
        first, last = self.bounds if self._direction > 0 else self.bounds[::-1]
        ahead = list(self.range.walk(self.frame, last))[: many + 1]
        if len(ahead) <= many:  # playback loops
            ahead += list(self.range.walk(first, self.frame))[: many - len(ahead)]
        behind = self.frame - self._direction
        frames = [*ahead[:2], *([behind] if behind in self.range else []), *ahead[2:]]
        wants: list[PictureRequest] = []
        mattes: list[PictureRequest] = []
        for one in frames:
            extra = self.extra_pictures(one)
            mattes += extra
            plate = self._name(one), partial(plate_pixels, self.plate, one, self.exposure)
            wants += [*extra, plate]
            if one == self.frame:
                self._current_names = frozenset(name for name, _ in wants)
        self.pictures.request(wants, mattes)

    def request_again(self, name: Hashable) -> None:
        """Request the pictures if nobody makes one that is missing: mattes of work that is stopped
        may still come into the stores, and nobody tells of them.
        """
        if not self.pictures.is_awaited(name) and self.pictures.error(name) is None:
            self.prefetch()

    def close(self) -> None:
        """End the picture threads."""
        self.pictures.close()

    def _name(self, frame: int) -> Hashable:
        return ("plate", frame, self.exposure)

    def _ready(self, name: Hashable, error: Exception | None) -> None:
        self._post(partial(self._came, name, error))

    def _came(self, name: Hashable, error: Exception | None) -> None:
        if name in self._current_names:
            self._changed(None if error is None else sentence(error))
