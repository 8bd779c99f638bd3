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
from rde_roto.net.layers import conv3x3
from rde_roto.net.memory import MemoryFrame, read_memory
from rde_roto.net.network import Decoder, EncodedFrames, KeyProjection, RDENet

_PLANES = 3
"""Adding clicks, subtracting clicks, the previous mask."""


class ClickNet(nn.Module):
    """Clicks to the mask of one object, on the trunk of rde-lite, which it shares unchanged."""

    def __init__(self) -> None:
        super().__init__()
        f16, f8, f4 = dims = EfficientNetKeyTrunk.dims
        value_dim = RDE_LITE.value_dim
        self.key_proj = KeyProjection(f16, RDE_LITE.key_dim, RDE_LITE.key_gain)
        self.key_comp = conv3x3(f16, value_dim)
        self.value_encoder = MaskValueEncoder(dims, value_dim, _PLANES)
        self.decoder = Decoder(value_dim, (f8, f4), RDE_LITE.decoder_dims)

    @torch.no_grad()
    def start_from(self, net: RDENet) -> None:
        """Take over the weights of a tracking network: both kinds of clicks start as masks."""
        theirs = net.state_dict()
        planes = "value_encoder.to_stride4.weight"
        mine = {name: theirs[name] for name in self.state_dict()}
        element, others = theirs[planes].split(1, dim=1)
        mine[planes] = torch.cat([element, others, element], dim=1)
        self.load_state_dict(mine)

    def encode(self, features: tuple[Tensor, Tensor, Tensor], image: Tensor) -> EncodedFrames:
        """Encode frames once for all clicks, from the trunk's features f16, f8, f4 of their images
        [F, 3, H, W], normalised RGB, H and W multiples of 16.
        """
        f16, f8, f4 = features
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
