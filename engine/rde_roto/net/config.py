"""The two sizes of the network, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NetConfig:
    """One size of the network.

    Attributes:
        name: the architecture's name, as a model card gives it.
        backbone: which pair of key and value trunks the encoders are built on.
        mean, std: input normalisation of RGB in 0..1; padding is zero *after* it.
        key_dim, value_dim: channels of a memory key (CK) and of an element's memory value (CV).
        decoder_dims: decoder channels at strides 16, 8 and 4.
        key_gain: scale of the first, orthogonal key weights. Affinities are squared distances
            between keys, so this sets the initial temperature of attention. If the best memory cell
            beats the next by hundreds of nats, attention is one-hot and no gradient reaches the
            keys.
        bounded_recurrence: bring both memory frames to unit RMS before SAM, and its output to the
            RMS of the newest one. SAM is cubic in its input, and nothing in the paper's network
            bounds it over hundreds of updates. The compact network does this; the paper's network
            stays as published.
        sharpened_memory: a tracker squares the probabilities that it remembers. Remembered as it
            is, a faint mistake is found again in the next frames; sharpened, it fades. The artist's
            masks stay as drawn.
        reach: how far from its place a cell of the latest memory frame is still read: the standard
            deviation of a Gaussian over the distance, as a share of the picture's height, for each
            frame between two memory frames. Things move little in a few frames, and look-alikes are
            elsewhere. None: from everywhere alike, as the keyframe always is.
    """

    name: str
    backbone: Literal["resnet", "efficientnet-lite"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    key_dim: int
    value_dim: int
    decoder_dims: tuple[int, int, int]
    key_gain: float
    bounded_recurrence: bool
    sharpened_memory: bool
    reach: float | None


RDE_R50 = NetConfig(
    name="rde-r50",
    backbone="resnet",
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    key_dim=64,
    value_dim=512,
    decoder_dims=(512, 256, 256),
    key_gain=1.0,
    bounded_recurrence=False,
    sharpened_memory=False,
    reach=None,
)
"""The paper's network, 64,020,836 parameters, named as in the published checkpoints."""

RDE_LITE = NetConfig(
    name="rde-lite",
    backbone="efficientnet-lite",
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
    key_dim=64,
    value_dim=128,
    decoder_dims=(128, 80, 48),
    key_gain=0.8,
    bounded_recurrence=True,
    sharpened_memory=True,
    reach=0.05,
)
"""The same design on EfficientNet-Lite0 features, for laptops and CPUs."""
