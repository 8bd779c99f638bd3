"""Small pictures of frames with their mattes, made on a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from rde_roto.model.network_view import Picture
from rde_roto.session.mattes.backend import Post
from rde_roto.session.mattes.live_mattes import LiveMattes
from rde_roto.session.pictures.picture_cache import Bytes, PictureCache
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate

THUMBNAIL_PX = 76
"""Their width."""
_BUDGET_BYTES = 2_000_000
_TINT = 0.5


class Thumbnail(NamedTuple):
    """A frame with one element, by id, in a colour: RGB, 0..255."""

    frame: int
    element: str
    colour: tuple[int, int, int]


class Thumbnails:
    """The thumbnails of a shot. Used from one thread, the one that ``post`` leads to; must be
    closed.

    Keeps those that were looked at last, about a hundred.
    """

    def __init__(
        self, plate: Plate, live: LiveMattes, post: Post, changed: Callable[[], None]
    ) -> None:
        self._plate, self._live = plate, live
        self._cache = PictureCache(_BUDGET_BYTES, lambda _name, _error: post(changed))

    def get(self, wanted: Thumbnail) -> Bytes | None:
        """Return a thumbnail, [h, w, 3] RGB; None until it is ready, or if it cannot be made."""
        return self._cache.get(self._name(wanted))

    def request(self, wanted: Iterable[Thumbnail]) -> None:
        """Have thumbnails made, the first one first, instead of those requested before."""
        requests = []
        for one in wanted:
            seen = self._live.newest(one.frame)
            alpha = None if seen is None else seen.planes.get(one.element)
            make = partial(_drawn, self._plate, one.frame, alpha, one.colour)
            requests.append((self._name(one), make))
        self._cache.request(requests)

    def close(self) -> None:
        """End the thread."""
        self._cache.close()

    def _name(self, wanted: Thumbnail) -> Hashable:
        """With the digest of the matte: another matte, another picture."""
        seen = self._live.newest(wanted.frame)
        return wanted, None if seen is None else seen.digest


def _drawn(
    plate: Plate, frame: int, alpha: FloatArray | None, colour: tuple[int, int, int]
) -> Bytes:
    view = Picture.of(plate, frame).to_network_view().numpy()
    size = THUMBNAIL_PX, max(1, round(view.shape[0] * THUMBNAIL_PX / view.shape[1]))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA)
    if alpha is not None:
        share = _TINT * cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None]
        small = small + share * (np.array(colour, np.float32) / 255 - small)
    codes: Bytes = np.rint(small.clip(0, 1) * 255).astype(np.uint8)
    return codes
