"""The network: images, masks and memory in, logits and memory out.

Pure tensor code. It opens no file and knows neither device names nor frame numbers.

Axes, everywhere in this package: ``B`` clips (1 when propagating), ``F`` frames, ``K`` elements,
``CK`` and ``CV`` channels of memory keys and values, ``H x W`` pixels (multiples of 16),
``h x w`` the stride-16 grid.
"""

from rde_roto.net.clicks import CLICK_RADIUS_PX, ClickNet, draw_click
from rde_roto.net.config import RDE_LITE, RDE_R50, NetConfig
from rde_roto.net.inference import InferenceClickNet, InferenceNet
from rde_roto.net.layers import channels_last
from rde_roto.net.memory import (
    MemoryFrame,
    Near,
    aggregate,
    attention_shares,
    read_memory,
    sharpened,
)
from rde_roto.net.network import EncodedFrames, RDENet

__all__ = [
    "CLICK_RADIUS_PX",
    "RDE_LITE",
    "RDE_R50",
    "ClickNet",
    "EncodedFrames",
    "InferenceClickNet",
    "InferenceNet",
    "MemoryFrame",
    "Near",
    "NetConfig",
    "RDENet",
    "aggregate",
    "attention_shares",
    "channels_last",
    "draw_click",
    "read_memory",
    "sharpened",
]
