"""Select one object by clicks: the tracking network, reading the very frame that it looks at.

Where the tracker remembers a keyframe with its mask, this network remembers the frame itself with
clicks, and with the mask of the clicks before. What a click says spreads to places that look alike,
by the same attention. Clicks as planes and the previous mask fed back follow Sofiiuk et al.,
"Reviving Iterative Training with Mask Guidance for Interactive Segmentation" (ICIP 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rde_roto.net.config import RDE_LITE
from rde_roto.net.efficientnet import EfficientNetKeyTrunk, MaskValueEncoder
from rde_roto.net.layers import conv3x3, he_initialise
from rde_roto.net.memory import MemoryFrame, read_memory
from rde_roto.net.network import Decoder, EncodedFrames, KeyProjection, RDENet

CLICK_PLANES = 3
"""Adding clicks, subtracting clicks, the previous mask."""

CLICK_RADIUS_PX = 5
"""Radius of the disc that stands for a click in its plane."""


class ClickNet(nn.Module):
    """Clicks to the mask of one object. The parts have the names and sizes of rde-lite's."""

    def __init__(self) -> None:
        super().__init__()
        self.config = RDE_LITE
        self.key_encoder = EfficientNetKeyTrunk()
        f16, f8, f4 = dims = self.key_encoder.dims
        value_dim = self.config.value_dim
        self.key_proj = KeyProjection(f16, self.config.key_dim, self.config.key_gain)
        self.key_comp = conv3x3(f16, value_dim)
        self.value_encoder = MaskValueEncoder(dims, value_dim, CLICK_PLANES)
        self.decoder = Decoder(value_dim, (f8, f4), self.config.decoder_dims)
        he_initialise(self.key_comp, self.value_encoder, self.decoder)

    @torch.no_grad()
    def start_from(self, net: RDENet) -> None:
        """Take over the weights of rde-lite: both kinds of clicks start as masks."""
        theirs = net.state_dict()
        planes = "value_encoder.to_stride4.weight"
        mine = {name: theirs[name] for name in self.state_dict()}
        element, others = theirs[planes].split(1, dim=1)
        mine[planes] = torch.cat([element, others, element], dim=1)
        self.load_state_dict(mine)

    def encode_frames(self, image: Tensor) -> EncodedFrames:
        """Encode images [F, 3, H, W], normalised RGB, H and W multiples of 16, once for all
        clicks.
        """
        f16, f8, f4 = self.key_encoder(image)
        return EncodedFrames(self.key_proj(f16), self.key_comp(f16), f16, f8, f4, image)

    def forward(self, frames: EncodedFrames, planes: Tensor) -> Tensor:
        """Return the object's logits [F, H, W].

        Args: planes [F, 3, H, W] in 0..1: adding clicks, subtracting clicks, the previous mask.
        """
        value = self.value_encoder(planes, frames.f16, frames.f8, frames.f4).unsqueeze(1)
        memory = MemoryFrame(frames.key, value)
        with torch.autocast(frames.key.device.type, enabled=False):  # affinities are differences
            read = read_memory([memory], frames.key.flatten(2), top_k=None).unflatten(
                3, tuple(frames.key.shape[2:])
            )
        logits: Tensor = self.decoder((value + read) / 2, frames)
        return logits.squeeze(1)


def draw_click(plane: Tensor, row: float, column: float) -> None:
    """Draw the disc of a click into a plane [H, W]. Its centre counts in pixels, from the middle of
    the first one.
    """
    height, width = plane.shape
    rows = torch.arange(height, device=plane.device)[:, None] - row
    columns = torch.arange(width, device=plane.device)[None] - column
    plane[rows**2 + columns**2 <= CLICK_RADIUS_PX**2] = 1.0
