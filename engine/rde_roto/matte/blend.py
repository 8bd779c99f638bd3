"""Blends the two raw mattes of a frame between keyframes: tracked forwards and backwards."""

from __future__ import annotations

import numpy as np

from rde_roto.matte.raw import RawMatte
from rde_roto.values.matte import FloatArray


def blend(forwards: RawMatte, backwards: RawMatte, share: float) -> RawMatte:
    """Blend two raw mattes of a frame.

    At each pixel the weight of a matte is how close its keyframe is, times its certainty there: the
    largest of the probabilities of the elements and the background.

    Args: share, how far the frame is on its way from the forward keyframe (0) to the backward
        keyframe (1).
    """
    forwards, backwards = forwards.aligned_with(backwards)
    backward_weight = np.float32(share) * _certainty(backwards.planes)
    forward_weight = np.float32(1 - share) * _certainty(forwards.planes)
    weight: FloatArray = backward_weight / (backward_weight + forward_weight)
    mixture = forwards.planes + (backwards.planes - forwards.planes) * weight
    return RawMatte(mixture, forwards.geometry)


def _certainty(raw: FloatArray) -> FloatArray:
    """[H, W], above 0: the largest probability at each pixel, the background included."""
    certainty: FloatArray = np.maximum(raw.max(axis=0), 1 - raw.sum(axis=0))
    return certainty
