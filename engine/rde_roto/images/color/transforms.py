"""From a plate's colour space to the network's view: display-like sRGB in 0..1.

sRGB is used as it is, scene-linear Rec.709 goes through `_view`. Cineon log (`KodakLog` in
OpenImageIO) and the spaces of tagged movies have formulas. Every other space is converted to linear
Rec.709 by OpenColorIO inside OpenImageIO, with the configuration of `$OCIO` or else a pinned
builtin one that has the ACES spaces and the cameras' logs.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import OpenImageIO
from OpenImageIO import ImageBuf, ImageBufAlgo

from rde_roto.images.color.config import LINEAR, Config, Working
from rde_roto.images.color.curves import srgb_to_linear
from rde_roto.images.color.spaces import CODES, FORMULAS, SRGB, has_formula
from rde_roto.images.color.video import is_linear_video
from rde_roto.values.errors import UsageError
from rde_roto.values.input_transform import KNEE, MOST_LIGHT, InputTransform
from rde_roto.values.matte import FloatArray, HalfOrFloatArray

# Part of every plate's digest: increase the number when a formula here changes.
_VIEW_REVISION = "view-1"
_TRANSFORM_REVISION = "look-1"  # for spaces with an input transform; the old name is in digests
_CURVE_STEPS = 3 << 12
_MOST_ERROR = 1e-3  # of the view
_SAMPLES = 4096
_STRIP = 1 << 16
"""Values per pass: numpy makes 64-bit indices of them, which should fit into the CPU's cache."""


def transform_name(color_space: str) -> str:
    """Identify what `to_network_view` does with a canonical space, for use in digests."""
    revision = _VIEW_REVISION if input_transform_of(color_space) is None else _TRANSFORM_REVISION
    if has_formula(color_space):
        return f"{revision}:{color_space}"
    config = Config.now()
    return f"{revision}:{color_space}@{config.name}{config.state}"


def to_network_view(pixels: HalfOrFloatArray, color_space: str) -> FloatArray:
    """Convert pixels of a canonical colour space to the network's view.

    `pixels` is float16 or float32 [H, W, 3] RGB and is not changed. The result is float32 of the
    same shape: display-like sRGB in 0..1, every value finite. NaN counts as 0, infinity as the
    largest half float.

    sRGB is only clipped to 0..1. Everything else becomes linear Rec.709 light x >= 0 and then

        d = 12.92 x                       for x <= 0.0031308        (IEC 61966-2-1)
        d = 1.055 x^(1/2.4) - 0.055       above, also beyond 1
        y = d                             for d <= k = 0.8
        y = k + (1 - k) t / (1 + t)       above, t = (d - k) / (1 - k)

    This is the sRGB curve up to the knee, then a shoulder that continues with the same slope and
    approaches 1, so that highlights keep their shape (x = 1 gives 0.9, x = 16 gives 0.985). Light
    is rounded to half float first, as in EXR plates; for others that changes y by less than 2e-4.

    Raises UsageError when the colour configuration cannot convert the space.
    """
    if color_space == LINEAR:
        return _view(pixels)
    wide: FloatArray = pixels.astype(np.float32, copy=False)
    if color_space == SRGB:
        clipped: FloatArray = np.fmin(np.fmax(wide, np.float32(0)), np.float32(1))
        return clipped
    return _view(_light(wide, color_space, Config.now()))


def input_transform_of(color_space: str) -> InputTransform | None:
    """Return the input transform that lets a device do what `to_network_view` does.

    At most one in a thousand random colours is off by 1e-3 of the view or more. None for sRGB and
    linear light, which are cheap, and for spaces that are not one curve per channel and a matrix,
    such as a 3D table.

    Raises UsageError when the colour configuration cannot convert the space.
    """
    return _input_transform(color_space, Config.now())


@lru_cache
def _input_transform(color_space: str, config: Config) -> InputTransform | None:
    if color_space == SRGB or _is_linear(color_space, config):
        return None
    transform = _separated(color_space, config)
    colors = np.random.default_rng(0).uniform(0, 1, (1, _SAMPLES, 3)).astype(np.float32)
    light = [np.interp(colors[0, :, c], _steps(), transform.curves[c]) for c in range(3)]
    found = _view((transform.matrix @ np.array(light, np.float32)).T[None])
    error = np.abs(found - _view(_light(colors, color_space, config)))
    return transform if np.quantile(error, 0.999) < _MOST_ERROR else None


def _separated(color_space: str, config: Config) -> InputTransform:
    """The curves and the matrix of a space that consists of these.

    Its light is the sum of what each channel adds to the light of black: a curve times a colour.
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
    return np.linspace(*CODES, _CURVE_STEPS + 1, dtype=np.float32)


def _light(pixels: FloatArray, color_space: str, config: Config) -> FloatArray:
    """Convert pixels of any canonical space but sRGB to linear Rec.709."""
    if color_space == LINEAR:
        return pixels
    if not np.isfinite(pixels).all():  # else one bad channel would spoil the others
        pixels = np.nan_to_num(pixels, posinf=MOST_LIGHT, neginf=-MOST_LIGHT)
    if color_space in FORMULAS:
        return FORMULAS[color_space](pixels)
    matrix = _linear_matrix(color_space, config)
    if matrix is None:
        return _convert(pixels.clip(*CODES), color_space, config)
    return (pixels.reshape(-1, 3) @ matrix).reshape(pixels.shape)


def linear_space(color_space: str) -> str:
    """Return the scene-linear space to which `to_linear` converts a canonical space.

    A linear space of the configuration stays as it is; all others become linear Rec.709, or its
    substitute. Raises UsageError for a configuration that has neither.
    """
    if has_formula(color_space):
        return LINEAR
    config = Config.now()
    if _is_linear(color_space, config):
        return color_space
    working = Working.of(config)
    return working.space if working.stands_in else LINEAR


def _is_linear(color_space: str, config: Config) -> bool:
    if has_formula(color_space):
        return color_space == LINEAR or is_linear_video(color_space)
    return bool(config.loaded().isColorSpaceLinear(color_space))


def to_linear(pixels: FloatArray, color_space: str) -> FloatArray:
    """Convert pixels of a canonical space to scene-linear light, in the space of `linear_space`.

    `pixels` is float32 [H, W, 3] RGB; those of a linear space are returned unchanged. Raises
    UsageError when the colour configuration cannot convert the space.
    """
    if color_space == SRGB:
        return srgb_to_linear(pixels)
    if color_space in FORMULAS:
        return FORMULAS[color_space](pixels)
    if linear_space(color_space) == color_space:
        return pixels
    return _convert(pixels, color_space, Config.now())


def _view(linear: HalfOrFloatArray) -> FloatArray:
    view = np.empty(linear.shape, np.float32)
    source, target = linear.reshape(-1), view.reshape(-1)
    for start in range(0, source.size, _STRIP):
        strip = slice(start, start + _STRIP)
        with np.errstate(over="ignore"):  # overflow gives infinity, which has an entry too
            halves = source[strip].astype(np.float16, copy=False)
        # no index is out of bounds, and with this mode `take` needs no copy of what it takes
        np.take(_VIEW_OF_HALF, halves.view(np.uint16), out=target[strip], mode="clip")
    return view


def _make_view_table() -> FloatArray:
    """The view of every half float, indexed by its 16 bits."""
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
    """The 3x3 matrix to linear Rec.709 for RGB row vectors; None for a space that is not linear.

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
