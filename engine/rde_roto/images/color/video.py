"""The colour spaces of movies, from the tags of their streams (ITU-T H.273).

The name of a tagged space has a curve and primaries: `PQ BT.2020`, `HLG BT.2020`, `SDR P3-D65`,
`Linear BT.2020`. An ordinary Rec.709 movie has no such name: its code values are for display, so it
counts as sRGB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from rde_roto.images.color.curves import hlg_to_linear, pq_to_linear, srgb_to_linear
from rde_roto.images.color.gamuts import (
    ACES,
    ACESCG,
    CHROMATICITIES,
    REC709,
    luminance_of,
    to_rec709,
)
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray

ToLinear: TypeAlias = Callable[[FloatArray], FloatArray]

# The primaries of SD television (4 to 7, 22) are close to Rec.709 and count as such.
_PRIMARIES: Final = {
    **dict.fromkeys((1, 2, 4, 5, 6, 7, 22), REC709),
    9: "BT.2020",
    11: "P3-DCI",
    12: "P3-D65",
}
_PQ, _HLG, _SDR, _LINEAR = "PQ", "HLG", "SDR", "Linear"
# The camera curves of television (1, 6, 14, …) are meant for a display: its light counts.
_CURVES: Final = {
    **dict.fromkeys((1, 2, 4, 5, 6, 7, 11, 12, 13, 14, 15), _SDR),
    8: _LINEAR,
    16: _PQ,
    18: _HLG,
}
_ORDINARY: Final = f"{_SDR} {REC709}"


class ColorTags(NamedTuple):
    """Primaries, transfer and matrix of a stream by their numbers in H.273; 2 is unspecified."""

    primaries: int
    transfer: int
    matrix: int


def space_of_tags(path: Path, tags: ColorTags) -> str | None:
    """Return the colour space of a movie's tags; None if they are missing or ordinary.

    Linear Rec.709 is `lin_rec709`. Raises InputError for unknown tags.
    """
    curve, primaries = _CURVES.get(tags.transfer), _PRIMARIES.get(tags.primaries)
    if curve is None or primaries is None:
        tag = ("transfer", tags.transfer) if curve is None else ("primaries", tags.primaries)
        raise InputError(
            f"{path} is tagged with {tag[0]} {tag[1]} of ITU-T H.273, which rde-roto does not "
            "know: choose the colour space",
            keys=("plate.color_space",),
        )
    name = f"{curve} {primaries}"
    if name == _ORDINARY:
        return None
    return "lin_rec709" if name == f"{_LINEAR} {REC709}" else name


def _linear(matrix: FloatArray, curve: ToLinear, pixels: FloatArray) -> FloatArray:
    light: FloatArray = curve(pixels) @ matrix
    return light


def _curve(curve: str, primaries: str) -> ToLinear:
    if curve == _HLG:
        return partial(hlg_to_linear, luminance=luminance_of(primaries))
    return {_PQ: pq_to_linear, _SDR: srgb_to_linear, _LINEAR: lambda light: light}[curve]


VIDEO_SPACES: Final[Mapping[str, ToLinear]] = {
    f"{curve} {primaries}": partial(_linear, to_rec709(primaries), _curve(curve, primaries))
    for curve in (_PQ, _HLG, _SDR, _LINEAR)
    for primaries in CHROMATICITIES
    if primaries not in (ACES, ACESCG) and (primaries != REC709 or curve in (_PQ, _HLG))
}
"""Converts pixels [H, W, 3] of each tagged space to linear Rec.709, with display white at 1."""


def is_linear_video(color_space: str) -> bool:
    """Return whether a space of `VIDEO_SPACES` is linear light."""
    return color_space.startswith(f"{_LINEAR} ")
