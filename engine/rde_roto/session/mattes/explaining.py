"""Explain the frame that is shown: why its matte looks as it does (`rde_roto.explanation`)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from rde_roto.engine import Engine, Priority
from rde_roto.engine.requests import OnSecond
from rde_roto.explanation import explain
from rde_roto.images.pictures.explanation import ReadingPictures
from rde_roto.model.network_view import Picture
from rde_roto.node import RotoNode
from rde_roto.session.error_words import sentence
from rde_roto.session.mattes.backend import Post
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import CancelledError
from rde_roto.values.explanation import Reading
from rde_roto.values.matte import Matte
from rde_roto.values.shot import Shot

_VIEWER = "rde-roto view, explaining"


@dataclass(frozen=True, eq=False)
class ExplainedFrame:
    """A frame, or a sentence that says why it is not explained."""

    frame: int
    readings: tuple[tuple[Reading, ReadingPictures], ...] = ()
    refusal: str = ""


class ExplainingNode:
    """Makes explanations instead of mattes, on the engine's device thread (`requests.Node`)."""

    def __init__(self, node: RotoNode) -> None:
        self._node = node.edited()  # a node must not be used from two threads
        self.explained: ExplainedFrame | None = None

    @property
    def shot(self) -> Shot:
        """See `requests.Node`."""
        return self._node.shot

    def digest(self, frame: int) -> str:
        """See `requests.Node`; other than that of the matte alone."""
        return f"explained {self._node.digest(frame)}"

    def stored(self, frame: int) -> Matte | None:
        """See `requests.Node`; None, since a matte says nothing of what was read."""
        return None

    def matte(self, frame: int, cancel: Cancel, on_second: OnSecond) -> Matte:
        """See `requests.Node`. The explanation is in `explained`."""
        explanation = explain(self._node, frame, cancel)
        matte = self._node.matte(frame, cancel, on_second)
        plate = Picture.of(self.shot.plate, frame).to_network_view().numpy()
        drawn = ((one, ReadingPictures.of(plate, matte, one)) for one in explanation.readings)
        self.explained = ExplainedFrame(frame, tuple(drawn))
        return matte

    def smaller(self) -> None:
        """See `requests.Node`; an explanation is of the settings that made the matte."""
        return


class Explaining:
    """The explanation of one frame. Used on one thread, the one that ``post`` leads to.

    Args:
        live: the mattes that are explained.
        engine: makes the explanations, before it goes on with what is being propagated.
        post: leads back to the session's thread.
        changed: called when there is another explanation.
    """

    def __init__(
        self, live: LiveMattes, engine: Engine, post: Post, changed: Callable[[], None]
    ) -> None:
        self.explained: ExplainedFrame | None = None
        self._live, self._engine, self._post, self._changed = live, engine, post, changed
        self._asked: tuple[int, str | None, bool] | None = None
        self._future: Future[Matte] | None = None

    def request(self, frame: int) -> None:
        """Explain a frame's matte as it is now, if that was not asked for last."""
        key = frame, self._live.digest(frame), self._live.is_made(frame)
        if key == self._asked or not self._live.is_settled:
            return
        self.cancel()
        self._asked = key
        node = self._live.node
        if node is None or not self._live.is_made(frame):
            self._set(
                ExplainedFrame(frame, refusal="there is no matte to explain: propagate first")
            )
            return
        asked = ExplainingNode(node)
        self._future = future = self._engine.submit(asked, frame, Priority.PREFETCH, _VIEWER)
        future.add_done_callback(lambda done: self._post(partial(self._came, asked, frame, done)))

    def cancel(self) -> None:
        """Stop explaining, and forget what was explained."""
        future, self._future = self._future, None
        self._asked = self.explained = None
        if future is not None:
            future.cancel()

    def _came(self, asked: ExplainingNode, frame: int, future: Future[Matte]) -> None:
        if future is not self._future:
            return
        try:
            future.result()
        except (FutureCancelled, CancelledError):
            return
        except Exception as error:  # of any kind: the artist gets a message
            self._set(ExplainedFrame(frame, refusal=sentence(error)))
        else:
            if asked.explained is not None:
                self._set(asked.explained)

    def _set(self, explained: ExplainedFrame) -> None:
        self.explained = explained
        self._changed()
