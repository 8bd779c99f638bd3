"""From a plate's colour space to what the network was trained on: display-like sRGB, 0..1.

Two spaces need no configuration: sRGB passes as it is, scene-linear Rec.709 goes through `_view`.
Cineon log (`KodakLog`, as OpenImageIO calls it) and the spaces of tagged movies have formulas.
Every other space is brought to linear Rec.709 by OpenColorIO inside OpenImageIO, with the
configuration of `$OCIO` or else a pinned builtin one that knows the ACES spaces and the cameras'
logs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import OpenImageIO
from OpenImageIO import ColorConfig, ImageBuf, ImageBufAlgo

from rde_roto.images.color_config import LINEAR as LINEAR
from rde_roto.images.color_config import Config, Working
from rde_roto.images.curves import cineon_to_linear, srgb_to_linear
from rde_roto.images.video import VIDEO_SPACES, ToLinear, is_linear_video
from rde_roto.values.errors import UsageError
from rde_roto.values.input_transform import KNEE, MOST_LIGHT, InputTransform
from rde_roto.values.matte import FloatArray

SRGB = "sRGB"
CINEON = "KodakLog"

_VIEW_REVISION = "view-1"  # part of every plate's digest: raise it when a formula here changes
_TRANSFORM_REVISION = "look-1"  # the same, of those that `look_of` has a look for
_FILE_RULES = "the colour configuration's file rules"
_CODES = (-1.0, 2.0)  # what lies outside is no code value, and its light would overflow
_LOOK_STEPS = 3 << 12
_LOOK_ERROR = 1e-3  # of the view
_SAMPLES = 4096


_OWN: Final[Mapping[str, ToLinear]] = {
    CINEON: lambda codes: cineon_to_linear(codes.clip(*_CODES)),
    **VIDEO_SPACES,
}
"""Spaces that have formulas, which bring pixels to linear Rec.709."""

_NAMES: Final = {name.lower(): name for name in (SRGB, LINEAR, *_OWN)}


def canonical_space(name: str) -> str:
    """One name for a space that needs no configuration, any other name as it came.

    Raises UsageError when neither this module nor the colour configuration knows it, and when the
    configuration cannot be read.
    """
    config = Config.now()
    known = _canonical(name, config)
    if known is None:
        raise UsageError(f"unknown colour space '{name}': {_nearest(name, config)}")
    return known


def known_space(name: str) -> str | None:
    """As `canonical_space`; None for a space that nobody knows."""
    return _canonical(name, Config.now())


@lru_cache
def _canonical(name: str, named: Config) -> str | None:
    own = _NAMES.get(name.lower())
    if own is not None:
        return own
    config = named.loaded()
    for light in (SRGB, LINEAR):
        if config.equivalent(name, light):
            return light
    return name if config.getColorSpaceIndex(config.resolve(name)) >= 0 else None


class Ruled(NamedTuple):
    """A space that file rules name, and who says so."""

    space: str
    said_by: str


def space_of_file_rules(path: Path) -> Ruled | None:
    """What the configuration's file rules say of a path; None where only the default rule fits,
    which says nothing of this file.

    Rules with patterns are asked about the absolute path. The rule that searches the path for
    names of spaces counts for whole words of the file's own name only, and for spaces of colour:
    a folder `faces` is no ACES. Raises UsageError when the configuration cannot be read.
    """
    named = Config.now()
    config, whole = named.loaded(), os.path.abspath(path)  # noqa: PTH100 - links stay
    if config.filepathOnlyMatchesDefaultRule(whole):
        return None
    space = config.getColorSpaceFromFilepath(whole)
    of_patterns = {config.resolve(name) for name in named.ruled}
    names = (space, *config.getAliases(space))
    is_searched = named.searches_names and any(name.lower() in whole.lower() for name in names)
    if not is_searched:
        return Ruled(space, _FILE_RULES)
    found = _named_in(path.stem, config)
    if found is not None:
        return found
    return Ruled(space, _FILE_RULES) if config.resolve(space) in of_patterns else None


def _named_in(stem: str, config: ColorConfig) -> Ruled | None:
    """The space whose name or alias is a word of a file's name: the last one, or the longest."""
    found = []
    for space in config.getColorSpaceNames():
        if config.isData(space):
            continue
        for name in (space, *config.getAliases(space)):
            word = re.compile(rf"(?<![^_.\-\s]){re.escape(name)}(?![^_.\-\s])", re.IGNORECASE)
            found += [(match.end(), len(name), space, match[0]) for match in word.finditer(stem)]
    if not found:
        return None
    *_, space, word_found = max(found)
    return Ruled(space, f"{_FILE_RULES} ('{word_found}' in its name)")


def _nearest(name: str, named: Config) -> str:
    names = [*_NAMES.values(), *named.loaded().getColorSpaceNames()]
    known = {known.lower(): known for known in names}
    near = [known[found] for found in get_close_matches(name.lower(), known, n=3, cutoff=0.4)]
    if not near:
        return f"{named.name} has {len(known)} others and none that is spelt alike"
    return f"did you mean {' or '.join(near)}? (of {named.name})"


def stand_in(color_space: str) -> str | None:
    """What the configuration lacks and what is taken for it, in words, where that matters to a
    canonical space. Raises UsageError where nothing can be.
    """
    if color_space in _NAMES.values():
        return None
    config = Config.now()
    working = Working.of(config)
    if not working.stands_in:
        return None
    return (
        f"{config.name} has no linear Rec.709 ({LINEAR}): its scene_linear, {working.space}, is "
        "taken for it"
    )


def transform_name(color_space: str) -> str:
    """What `to_network_view` does with a canonical space, as a name for digests."""
    revision = _VIEW_REVISION if input_transform_of(color_space) is None else _TRANSFORM_REVISION
    if color_space in _NAMES.values():
        return f"{revision}:{color_space}"
    config = Config.now()
    return f"{revision}:{color_space}@{config.name}{config.state}"


def to_network_view(pixels: FloatArray, color_space: str) -> FloatArray:
    """Bring pixels of a canonical colour space to the network's view.

    `pixels` is float32 [H, W, 3] RGB and is left alone; the result has the same shape, display-like
    sRGB in 0..1, every value finite. Values that are not a number count as 0, infinities as the
    largest half float.

    sRGB is only clipped to 0..1. Everything else becomes linear Rec.709 light x >= 0 and then

        d = 12.92 x                       for x <= 0.0031308        (IEC 61966-2-1)
        d = 1.055 x^(1/2.4) - 0.055       above, also beyond 1
        y = d                             for d <= k = 0.8
        y = k + (1 - k) t / (1 + t)       above, t = (d - k) / (1 - k)

    which is the sRGB curve up to the knee and a shoulder that joins it with the same slope, rises
    for ever and stays below 1, so that highlights keep their shape (x = 1 gives 0.9, x = 16 0.985).
    Light is rounded to half float first, as EXR plates hold it; for others that moves y by < 2e-4.

    Raises UsageError when the colour configuration cannot convert the space.
    """
    if color_space == SRGB:
        clipped: FloatArray = np.fmin(np.fmax(pixels, np.float32(0)), np.float32(1))
        return clipped
    return _view(_light(pixels, color_space, Config.now()))


def input_transform_of(color_space: str) -> InputTransform | None:
    """What `to_network_view` does with a canonical space that is not linear, for a device to do.

    Of a thousand colours drawn at random it is off by 1e-3 of the view or more in one at most.
    None where there is little to do, as for sRGB and linear light, or where a space is no curve a
    channel and a matrix, as one that a configuration takes from a table of colours.

    Raises UsageError when the colour configuration cannot convert the space.
    """
    return _input_transform(color_space, Config.now())


@lru_cache
def _input_transform(color_space: str, config: Config) -> InputTransform | None:
    if color_space == SRGB or _is_linear(color_space, config):
        return None
    look = _separated(color_space, config)
    colors = np.random.default_rng(0).uniform(0, 1, (1, _SAMPLES, 3)).astype(np.float32)
    light = [np.interp(colors[0, :, c], _steps(), look.curves[c]) for c in range(3)]
    found = _view((look.matrix @ np.array(light, np.float32)).T[None])
    error = np.abs(found - _view(_light(colors, color_space, config)))
    return look if np.quantile(error, 0.999) < _LOOK_ERROR else None


def _separated(color_space: str, config: Config) -> InputTransform:
    """The curves and the matrix of a space that is made of such.

    Light is then a sum of what each channel adds to the light of black: a curve times a colour.
    """
    steps = _steps()
    codes = np.zeros((4, len(steps), 3), np.float32)
    codes[(0, 1, 2), :, (0, 1, 2)] = steps
    *added, black = _light(codes, color_space, config).astype(np.float64)
    at_one = np.abs(steps - 1).argmin()
    matrix = np.stack([one[at_one] - black[0] for one in added], axis=1)
    directions = matrix / (matrix**2).sum(axis=0)
    curves = [(one - black) @ directions[:, c] for c, one in enumerate(added)]
    curves += np.linalg.solve(matrix, black[0])[:, None]
    return InputTransform(
        np.array(curves, np.float32), float(steps[0]), float(steps[-1]), matrix.astype(np.float32)
    )


def _steps() -> FloatArray:
    return np.linspace(*_CODES, _LOOK_STEPS + 1, dtype=np.float32)


def _light(pixels: FloatArray, color_space: str, config: Config) -> FloatArray:
    """Pixels of any canonical space but sRGB as linear Rec.709."""
    if color_space == LINEAR:
        return pixels
    if not np.isfinite(pixels).all():  # else one bad channel would spoil its neighbours
        pixels = np.nan_to_num(pixels, posinf=MOST_LIGHT, neginf=-MOST_LIGHT)
    if color_space in _OWN:
        return _OWN[color_space](pixels)
    matrix = _linear_matrix(color_space, config)
    if matrix is None:
        return _convert(pixels.clip(*_CODES), color_space, config)
    return (pixels.reshape(-1, 3) @ matrix).reshape(pixels.shape)


def linear_space(color_space: str) -> str:
    """The scene-linear space that `to_linear` brings a canonical space to: a linear one of a
    configuration is left as it is, all others become linear Rec.709, or what stands in for it.

    Raises UsageError for a configuration that has neither.
    """
    if color_space in _NAMES.values():
        return LINEAR
    config = Config.now()
    if _is_linear(color_space, config):
        return color_space
    working = Working.of(config)
    return working.space if working.stands_in else LINEAR


def _is_linear(color_space: str, config: Config) -> bool:
    if color_space in _NAMES.values():
        return color_space == LINEAR or is_linear_video(color_space)
    return bool(config.loaded().isColorSpaceLinear(color_space))


def to_linear(pixels: FloatArray, color_space: str) -> FloatArray:
    """Pixels of a canonical space as scene-linear light, in the space that `linear_space` names.

    `pixels` is float32 [H, W, 3] RGB; of a linear space they come back as they are. Raises
    UsageError when the colour configuration cannot convert the space.
    """
    if color_space == SRGB:
        return srgb_to_linear(pixels)
    if color_space in _OWN:
        return _OWN[color_space](pixels)
    if linear_space(color_space) == color_space:
        return pixels
    return _convert(pixels, color_space, Config.now())


def _view(linear: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):  # beyond the largest half lies infinity, which has its entry
        halves = linear.astype(np.float16)
    view: FloatArray = _VIEW_OF_HALF[halves.view(np.uint16)]
    return view


def _make_view_table() -> FloatArray:
    """The view of every half float, by its 16 bits."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    light = np.clip(np.nan_to_num(halves), 0, MOST_LIGHT)
    display = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    excess = np.maximum(display - KNEE, 0) / (1 - KNEE)
    shoulder = KNEE + (1 - KNEE) * excess / (1 + excess)
    table = np.where(display <= KNEE, display, shoulder).astype(np.float32)
    table.flags.writeable = False
    return table


_VIEW_OF_HALF = _make_view_table()


@lru_cache
def _linear_matrix(color_space: str, config: Config) -> FloatArray | None:
    """The 3x3 matrix to linear Rec.709, RGB rows on its left; None for a space that is not linear.

    A matrix product is many times faster than the general conversion, which gives the matrix.
    """
    if not _is_linear(color_space, config):
        return None
    matrix: FloatArray = _convert(np.eye(3, dtype=np.float32)[None], color_space, config)[0]
    return matrix


def _convert(pixels: FloatArray, color_space: str, config: Config) -> FloatArray:
    working = Working.of(config)
    source = ImageBuf(np.ascontiguousarray(pixels))
    converted = ImageBufAlgo.colorconvert(
        source, color_space, working.space, False, "", "", config.name
    )
    linear = None if converted.has_error else converted.get_pixels(OpenImageIO.FLOAT)
    if linear is None:
        unset = config.unset
        hint = f" (the configuration uses {', '.join(unset)}, which is not set)" if unset else ""
        raise UsageError(
            f"cannot convert from colour space '{color_space}': {converted.geterror()}{hint}"
        )
    return linear if working.matrix is None else linear @ working.matrix
