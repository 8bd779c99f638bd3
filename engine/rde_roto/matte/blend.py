"""Two tracks of one frame, from the keyframe before it and from the one behind it, made one."""

from __future__ import annotations

import numpy as np

from rde_roto.matte.raw import RawMatte
from rde_roto.values.matte import FloatArray


def blended(forwards: RawMatte, backwards: RawMatte, share: float) -> RawMatte:
    """The mixture of two raw mattes of a frame.

    At each pixel a track counts by how near its keyframe is, times how sure it is there: the
    probability of what it holds most likely, an element or the background.

    Args: share, how far the frame is from the forward track's keyframe: 0 at it, 1 at the
        backward track's.
    """
    forwards, backwards = forwards.beside(backwards)
    back = np.float32(share) * _sureness(backwards.planes)
    ahead = np.float32(1 - share) * _sureness(forwards.planes)
    weight: FloatArray = back / (back + ahead)
    mixture = forwards.planes + (backwards.planes - forwards.planes) * weight
    return RawMatte(mixture, forwards.geometry)


def _sureness(raw: FloatArray) -> FloatArray:
    """[H, W], above 0: the largest of the probabilities that share a pixel."""
    sureness: FloatArray = np.maximum(raw.max(axis=0), 1 - raw.sum(axis=0))
    return sureness
