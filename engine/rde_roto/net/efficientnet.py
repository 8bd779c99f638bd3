"""The compact trunks: EfficientNet-Lite0 to stride 16 (key), a few plain convolutions (value).

EfficientNet-Lite (Tan and Le, ICML 2019; the Lite family of 2020) is EfficientNet without
squeeze-and-excitation and with ReLU6. Its batch normalisation is constant at inference and is
folded into the convolutions here, so a block is only convolutions with bias: fewer passes over
memory, which is what a CPU spends its time on. ``training.pretrained`` folds published weights.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.layers import FeatureFusion, ResBlock


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME rule pads an even size: low side k-2 over 2.

    The published weights were trained with that rule; at stride 2 its padding is not symmetric.
    """

    def __init__(self, in_dim: int, out_dim: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__(in_dim, out_dim, kernel, stride=stride, groups=groups)
        total = kernel - stride
        low = total // 2
        self.pad = (low, total - low, low, total - low)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.pad))


class InvertedBottleneck(nn.Module):
    """1x1 expand, depthwise, 1x1 project (linear); a shortcut where the shape stays."""

    def __init__(self, in_dim: int, out_dim: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        dim = in_dim * expand
        self.expand = nn.Conv2d(in_dim, dim, 1) if expand > 1 else None
        self.depthwise = SameConv(dim, dim, kernel, stride, groups=dim)
        self.project = nn.Conv2d(dim, out_dim, 1)
        self.keeps_shape = stride == 1 and in_dim == out_dim

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.keeps_shape else y


def _stage(
    in_dim: int, out_dim: int, count: int, kernel: int, stride: int, expand: int = 6
) -> nn.Sequential:
    blocks = [InvertedBottleneck(in_dim, out_dim, kernel, stride, expand)]
    blocks += [InvertedBottleneck(out_dim, out_dim, kernel, 1, expand) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


class EfficientNetKeyTrunk(nn.Module):
    """Lite0 to its fifth stage: image [F, 3, H, W] -> f16 [.., 112], f8 [.., 40], f4 [.., 24]."""

    dims = (112, 40, 24)

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2, groups=1)
        self.stage1 = _stage(32, 16, count=1, kernel=3, stride=1, expand=1)
        self.stage2 = _stage(16, 24, count=2, kernel=3, stride=2)
        self.stage3 = _stage(24, 40, count=2, kernel=5, stride=2)
        self.stage4 = _stage(40, 80, count=3, kernel=3, stride=2)
        self.stage5 = _stage(80, 112, count=3, kernel=5, stride=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f4 = self.stage2(self.stage1(F.relu6(self.stem(image))))
        f8 = self.stage3(f4)
        return self.stage5(self.stage4(f8)), f8, f4


class PlainValueEncoder(nn.Module):
    """Strided convolutions on an image and mask planes, fused with the frame's key features.

    planes [N, planes, H, W], f16 [N, key_dim, h, w] -> memory values [N, value_dim, h, w].
    Appearance comes from the key trunk at the fusion, so what is left to encode is the shape.
    """

    def __init__(self, planes: int, key_dim: int, value_dim: int) -> None:
        super().__init__()
        self.to_stride2 = nn.Conv2d(planes, 24, 3, stride=2, padding=1)
        self.to_stride4 = nn.Conv2d(24, 48, 3, stride=2, padding=1)
        self.to_stride8 = nn.Conv2d(48, 96, 3, stride=2, padding=1)
        self.block8 = ResBlock(96, 96)
        self.to_stride16 = nn.Conv2d(96, 128, 3, stride=2, padding=1)
        self.block16 = ResBlock(128, 128)
        self.fuser = FeatureFusion(128 + key_dim, value_dim)

    def forward(self, planes: Tensor, f16: Tensor) -> Tensor:
        x = F.relu(self.to_stride4(F.relu(self.to_stride2(planes))))
        x = self.block8(self.to_stride8(x))
        value: Tensor = self.fuser(self.block16(self.to_stride16(F.relu(x))), f16)
        return value
