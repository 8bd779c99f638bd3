"""Blocks that several parts of the network share.

The structure follows RDE-VOS (Li et al., CVPR 2022) and, for the residual block, the fuser and the
decoder, STCN (Cheng et al., NeurIPS 2021). Attribute names are those of the published checkpoints.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def conv3x3(in_dim: int, out_dim: int) -> nn.Conv2d:
    """Return a 3x3 convolution of stride 1 with bias that keeps the size."""
    return nn.Conv2d(in_dim, out_dim, 3, padding=1)


_GAINS = {
    "downsample": 1.0,  # a shortcut: its input is not rectified
    "skip_conv": 1.0,
    "skip4": 1.0,
    "skip8": 1.0,
    "conv2": 0.5 * 2**0.5,  # a residual branch starts at half the size of its shortcut
    "to_stride4": 6.0,  # mask planes are flat and mostly zero
    "pred": 0.1,  # the first mattes should be undecided, not wrong
}


def he_initialise(*modules: nn.Module) -> None:
    """Initialise weights so that they preserve the variance of their input; biases are zero.

    Convolutions assume a rectified input (He et al., ICCV 2015), except those in ``_GAINS``.
    """
    for module in modules:
        for name, part in module.named_modules():
            if isinstance(part, nn.Conv2d):
                gain = _GAINS.get(name.rpartition(".")[2], 2**0.5)
                nn.init.normal_(part.weight, std=gain / part.weight[0].numel() ** 0.5)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)


def channels_last(module: M) -> M:
    """Convert a module's convolutions to channels last, in place; CPUs and tensor cores prefer
    that.

    ``Module.to(memory_format=...)`` fails on the 5-D weights of SAM.
    """
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return module


class ResBlock(nn.Module):
    """Pre-activation residual block without normalisation: [N, in, h, w] -> [N, out, h, w].

    If the width changes, the shortcut is a 3x3 convolution of the raw input.
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.downsample = conv3x3(in_dim, out_dim) if in_dim != out_dim else None
        self.conv1 = conv3x3(in_dim, out_dim)
        self.conv2 = conv3x3(out_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(F.relu(self.conv1(F.relu(x)), inplace=True))
        shortcut = x if self.downsample is None else self.downsample(x)
        return shortcut + residual


class ChannelGate(nn.Module):
    """CBAM's channel attention (Woo et al., ECCV 2018): mean and maximum through one MLP."""

    def __init__(self, dim: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = dim // reduction
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3))))
        return x * gate[:, :, None, None]


class SpatialConv(nn.Module):
    """The convolution of the spatial gate, one level down to keep the checkpoint's names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.conv(x)
        return gate


class SpatialGate(nn.Module):
    """CBAM's spatial attention: channel-wise maximum and mean, in this order."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = SpatialConv()

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.spatial(pooled))


class CBAM(nn.Module):
    """Channel attention, then spatial attention: [N, C, h, w] -> the same shape."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.ChannelGate = ChannelGate(dim)
        self.SpatialGate = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = self.SpatialGate(self.ChannelGate(x))
        return attended


class FeatureFusion(nn.Module):
    """Mixes an element's mask features with the frame's key features into its memory value.

    Args of ``forward``: ``mask_features`` [N, C1, h, w], ``f16`` [N, C2, h, w]; C1 + C2 = in_dim.
    Returns [N, out_dim, h, w].
    """

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.block1 = ResBlock(in_dim, out_dim)
        self.attention = CBAM(out_dim)
        self.block2 = ResBlock(out_dim, out_dim)

    def forward(self, mask_features: Tensor, f16: Tensor) -> Tensor:
        x = self.block1(torch.cat([mask_features, f16], dim=1))
        fused: Tensor = self.block2(x + self.attention(x))
        return fused
