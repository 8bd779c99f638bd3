"""How far propagation has come, while edits replace the node that it runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from rde_roto.delivery import Passes
from rde_roto.node import RotoNode
from rde_roto.session.mattes.backend import Post
from rde_roto.values.frames import FrameRange


class PassesDone:
    """The share of the network's passes that is done, 0..1. Used on the session's thread.

    A frame between two keyframes takes two passes. An edit on the way changes how many there are:
    the share stays where it is then, and goes on to 1 from there.

    Args:
        post: leads back to the session's thread.
        changed: called when the share has grown.
    """

    def __init__(self, post: Post, changed: Callable[[], None]) -> None:
        self.share = 0.0
        self._before = 0.0  # the share when these passes began
        self._passes: Passes | None = None
        self._edition = 0  # of the passes: others may still report
        self._post = post
        self._changed = changed

    def begin(self) -> None:
        """Begin again at 0, with other frames."""
        self.share = 0.0
        self.go_on()

    def go_on(self) -> None:
        """Go on from this share, with another node or more frames."""
        self._before, self._passes = self.share, None
        self._edition += 1

    def of(self, node: RotoNode, frames: Iterable[int]) -> Callable[[int], None]:
        """Return what counts second passes; after `begin` and `go_on` those of these frames, which
        are not looked at otherwise.
        """
        if self._passes is None:
            report = partial(self._report, self._edition)
            self._passes = Passes(node, FrameRange.of(frames), report)
        return self._passes.count_second

    def finish(self, frame: int) -> None:
        """A frame is finished, however it came about."""
        if self._passes is not None:
            self._passes.finish(frame)

    def _report(self, edition: int, share: float) -> None:
        """Called on threads of the engine."""
        self._post(partial(self._grow, edition, share))

    def _grow(self, edition: int, share: float) -> None:
        if edition == self._edition:
            self.share = self._before + (1 - self._before) * share
            self._changed()
