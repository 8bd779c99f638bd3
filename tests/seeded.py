"""A network and a shot out of nothing but names and sizes, the same on every machine.

Only whole numbers and the exact uniform floats of numpy's PCG64 go in, so no libm decides a bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.net import NetConfig, RDENet
from rde_roto.values.matte import FloatArray

# What is multiplied where the plain scale would leave the network deaf or deafening: mask planes
# that count, attention neither flat nor one-hot, a SAM that stays near the mean of its moments.
_FACTORS: Final = {
    "non_local": 0.3,
    "compress_": 0.3,
    "key_proj": 2.0,
    "decoder.pred": 2.0,
}


def seeded_network(config: NetConfig) -> RDENet:
    """A network of that size whose weights follow from their names, on the CPU, in float32.

    Its mattes are not saturated and depend on the mask, on every moment and on top-k: each of
    them, changed or left out, moves some probability by about 0.01 or more.
    """
    net = RDENet(config)
    net.load_state_dict({name: _drawn(name, like) for name, like in net.state_dict().items()})
    return net


def _drawn(name: str, like: Tensor) -> Tensor:
    if not like.is_floating_point():
        return torch.zeros_like(like)  # batch norm's counter
    uniform = np.random.default_rng(list(name.encode())).random(tuple(like.shape), np.float32)
    drawn = torch.from_numpy(np.asarray(2 * uniform - 1))
    if name.endswith("running_var"):
        return 1 + 0.2 * drawn.abs()
    if name.endswith(("bias", "running_mean")):
        return 0.1 * drawn
    if like.dim() == 1:
        return 1 + 0.2 * drawn  # batch norm's scale
    drawn *= (3 / like[0].numel()) ** 0.5  # variance 1 / fan in
    for part, factor in _FACTORS.items():
        if part in name:
            drawn *= factor
    if name in ("value_encoder.conv1.weight", "value_encoder.to_stride4.weight"):
        drawn[:, -2:] *= 8  # the mask planes, which come last
    if "compress_" in name:
        drawn[:, :, :, 1, 1] += 0.5 * torch.eye(len(drawn))[:, :, None]
    return drawn


def seeded_shot(count: int, height: int, width: int) -> tuple[list[FloatArray], FloatArray]:
    """A disc and a box drifting over a drifting background, each with a texture of its own.

    Returns: views, ``count`` times [height, width, 3] in 0..1, and the first frame's alpha
        [2, height, width], hard edges.
    """
    random = np.random.default_rng([count, height, width])
    ground, paint = (_texture(random, height + count, width + count) for _ in range(2))
    rows, columns = np.mgrid[:height, :width]
    views, alphas = [], []
    for t in range(count):
        disc = (rows - height // 2 - t) ** 2 + (columns - width // 4 - 2 * t) ** 2
        in_box = (abs(rows - height // 3) < height // 6) & (
            abs(columns - 3 * width // 4 + 2 * t) < width // 8
        )
        in_disc = (disc < (height // 4) ** 2) & ~in_box
        view = ground[t : t + height, t : t + width].copy()
        view[in_disc] = paint[:height, :width][in_disc]
        view[in_box] = 255 - paint[:height, :width][in_box]
        views.append(view.astype(np.float32) / np.float32(255))
        alphas.append(np.stack([in_disc, in_box]).astype(np.float32))
    return views, alphas[0]


def _texture(random: np.random.Generator, height: int, width: int) -> NDArray[np.int64]:
    """Smooth noise of whole numbers in 0..255, [height, width, 3]."""
    noise = random.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    noise = noise.repeat(4, axis=0).repeat(4, axis=1)
    for axis in (0, 1):
        noise = sum((np.roll(noise, shift, axis) for shift in range(8)), np.zeros_like(noise))
    smooth: NDArray[np.int64] = noise[:height, :width] // 64
    return smooth
