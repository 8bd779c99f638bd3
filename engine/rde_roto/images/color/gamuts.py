"""Primaries and whites of RGB spaces, and the matrices between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rde_roto.values.matte import FloatArray

_D65: Final = (0.3127, 0.3290)

REC709: Final = "Rec.709"
ACES: Final = "ACES"
ACESCG: Final = "ACEScg"
CHROMATICITIES: Final = {
    REC709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "P3-D65": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    "P3-DCI": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    ACES: ((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.077), (0.32168, 0.33767)),
    ACESCG: ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), (0.32168, 0.33767)),
}
"""CIE x and y of red, green, blue and white: ITU-R BT.709 and 2020, SMPTE EG 432-1 and RP 431-2,
SMPTE ST 2065-1, ACES S-2014-004."""
_SAME_XY: Final = 0.002  # programs round to two or three digits

_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def primaries_of(chromaticities: Sequence[float]) -> str | None:
    """Return the name in `CHROMATICITIES` of 8 numbers in its order; None if they have none."""
    for name, known in CHROMATICITIES.items():
        if np.allclose(chromaticities, np.ravel(known), rtol=0, atol=_SAME_XY):
            return name
    return None


def luminance_of(primaries: str) -> FloatArray:
    """Return the luminance weights of linear red, green and blue: float32 [3], with sum 1."""
    weights: FloatArray = _to_xyz(primaries)[1].astype(np.float32)
    return weights


def to_rec709(primaries: str) -> FloatArray:
    """Return the matrix to linear Rec.709 for RGB row vectors, float32 [3, 3]; Bradford adaptation
    keeps white white.
    """
    own, rec709 = _to_xyz(primaries), _to_xyz(REC709)
    cones = (_BRADFORD @ rec709.sum(axis=1)) / (_BRADFORD @ own.sum(axis=1))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ own
    matrix: FloatArray = np.linalg.solve(rec709, adapted).T.astype(np.float32)
    return matrix


def _to_xyz(primaries: str) -> FloatArray:
    """The matrix from linear RGB column vectors to CIE XYZ; white has Y = 1."""
    xy = np.array(CHROMATICITIES[primaries])
    xyz = np.stack([xy[:, 0], xy[:, 1], 1 - xy.sum(axis=1)]) / xy[:, 1]
    matrix: FloatArray = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
    return matrix
