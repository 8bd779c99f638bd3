"""The network as a whole: encode a frame, encode masks, decode a readout, update the embedding."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.config import NetConfig
from rde_roto.net.efficientnet import EfficientNetKeyTrunk, MaskValueEncoder
from rde_roto.net.layers import ResBlock, conv3x3, he_initialise
from rde_roto.net.memory import MemoryFrame
from rde_roto.net.resnet import ResNetKeyTrunk, ResNetValueEncoder
from rde_roto.net.sam import SAM

STRIDE = 16
"""Input height and width must be multiples of this."""


class EncodedFrames(NamedTuple):
    """Everything that depends on the images alone, for F frames.

    key [F, CK, h, w] serves as query and as memory key; thin [F, CV, h, w] is the frame's own value
    for the decoder; f16, f8, f4 are trunk features at strides 16, 8 and 4; image [F, 3, H, W] is
    the normalised input, which the paper's value encoder reads again.
    """

    key: Tensor
    thin: Tensor
    f16: Tensor
    f8: Tensor
    f4: Tensor
    image: Tensor


class KeyProjection(nn.Module):
    """f16 to the memory key; orthogonal initial weights, no activation, no normalisation."""

    def __init__(self, in_dim: int, key_dim: int, gain: float) -> None:
        super().__init__()
        self.key_proj = conv3x3(in_dim, key_dim)
        nn.init.orthogonal_(self.key_proj.weight, gain)
        assert self.key_proj.bias is not None
        nn.init.zeros_(self.key_proj.bias)

    def forward(self, f16: Tensor) -> Tensor:
        key: Tensor = self.key_proj(f16)
        return key


class UpsampleBlock(nn.Module):
    """Doubles the size: skip features of F frames meet F * K element features."""

    def __init__(self, skip_dim: int, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.skip_conv = conv3x3(skip_dim, in_dim)
        self.out_conv = ResBlock(in_dim, out_dim)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """skip [F, C, 2h, 2w], computed once for all elements; x [F * K, in, h, w]."""
        doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        frames = skip.shape[0]
        merged = self.skip_conv(skip).unsqueeze(1) + doubled.unflatten(0, (frames, -1))
        out: Tensor = self.out_conv(merged.flatten(0, 1))
        return out


class Decoder(nn.Module):
    """Readout to logits: [F, K, CV, h, w] -> [F, K, H, W]."""

    def __init__(self, value_dim: int, skips: tuple[int, int], dims: tuple[int, int, int]) -> None:
        super().__init__()
        skip8, skip4 = skips
        dim16, dim8, dim4 = dims
        self.compress = ResBlock(2 * value_dim, dim16)
        self.up_16_8 = UpsampleBlock(skip8, dim16, dim8)
        self.up_8_4 = UpsampleBlock(skip4, dim8, dim4)
        self.pred = conv3x3(dim4, 1)

    def forward(self, readout: Tensor, frames: EncodedFrames) -> Tensor:
        thin = frames.thin.unsqueeze(1).expand_as(readout)
        x = self.compress(torch.cat([readout, thin], dim=2).flatten(0, 1))
        x = self.up_16_8(frames.f8, x)
        x = self.up_8_4(frames.f4, x)
        x = self.pred(F.relu(x))
        logits = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
        return logits.squeeze(1).unflatten(0, readout.shape[:2])


class RDENet(nn.Module):
    """RDE-VOS in the size that ``config`` describes. Parameter names follow the published code."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        compact = config.backbone == "efficientnet-lite"
        self.key_encoder = EfficientNetKeyTrunk() if compact else ResNetKeyTrunk()
        f16, f8, f4 = self.key_encoder.dims
        self.key_proj = KeyProjection(f16, config.key_dim, config.key_gain)
        self.key_comp = conv3x3(f16, config.value_dim)
        self.value_encoder: MaskValueEncoder | ResNetValueEncoder
        if compact:
            self.value_encoder = MaskValueEncoder(self.key_encoder.dims, config.value_dim)
        else:
            self.value_encoder = ResNetValueEncoder(5, f16, config.value_dim)
        self.decoder = Decoder(config.value_dim, (f8, f4), config.decoder_dims)
        self.mem_compress = SAM(config.key_dim, config.value_dim, config.bounded_recurrence)
        if compact:  # the paper's network starts as published
            he_initialise(self.key_comp, self.value_encoder, self.decoder)

    def encode_frames(self, image: Tensor) -> EncodedFrames:
        """Encode images [F, 3, H, W], normalised RGB, H and W multiples of 16."""
        f16, f8, f4 = self.key_encoder(image)
        return EncodedFrames(self.key_proj(f16), self.key_comp(f16), f16, f8, f4, image)

    def encode_masks(self, frames: EncodedFrames, masks: Tensor) -> Tensor:
        """Encode the soft masks of K elements: [F, K, H, W] in 0..1 -> values [F, K, CV, h, w]."""
        count = masks.shape[1]
        others = masks.sum(dim=1, keepdim=True) - masks
        planes = torch.stack([masks, others], dim=2)
        if isinstance(self.value_encoder, MaskValueEncoder):
            value = self.value_encoder(planes.flatten(0, 1), frames.f16, frames.f8, frames.f4)
        else:
            image = frames.image.unsqueeze(1).expand(-1, count, -1, -1, -1)
            f16 = frames.f16.repeat_interleave(count, dim=0)
            value = self.value_encoder(torch.cat([image, planes], dim=2).flatten(0, 1), f16)
        return value.unflatten(0, masks.shape[:2])

    def decode(self, readout: Tensor, frames: EncodedFrames) -> Tensor:
        """Decode a readout [F, K, CV, h, w] -> independent logits of each element [F, K, H, W]."""
        logits: Tensor = self.decoder(readout, frames)
        return logits

    def update(self, embedding: MemoryFrame, newest: MemoryFrame) -> MemoryFrame:
        """Update the recurrent dynamic embedding with one more memory frame."""
        updated: MemoryFrame = self.mem_compress(embedding, newest)
        return updated
