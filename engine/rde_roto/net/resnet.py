"""The paper's trunks: ResNet-50 (key) and ResNet-18 (value) up to stride 16.

He et al., CVPR 2016, in the variant v1.5: a bottleneck's stride is on its 3x3 convolution. Batch
normalisation always uses its stored statistics, as in RDE-VOS even while training, so these modules
never update them.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.layers import FeatureFusion


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch normalisation with stored statistics, in training too; scale and shift still learn."""

    def train(self, mode: bool = True) -> FrozenBatchNorm:
        super().train(False)
        return self


def _shortcut(in_dim: int, out_dim: int, stride: int, bias: bool) -> nn.Sequential | None:
    if stride == 1 and in_dim == out_dim:
        return None
    conv = nn.Conv2d(in_dim, out_dim, 1, stride=stride, bias=bias)
    return nn.Sequential(conv, FrozenBatchNorm(out_dim))


class Bottleneck(nn.Module):
    """1x1, 3x3 (strided), 1x1; the output is four times as wide as the middle."""

    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__()
        out_dim = 4 * dim
        self.conv1 = nn.Conv2d(in_dim, dim, 1, bias=False)
        self.bn1 = FrozenBatchNorm(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, stride=stride, padding=1, bias=False)
        self.bn2 = FrozenBatchNorm(dim)
        self.conv3 = nn.Conv2d(dim, out_dim, 1, bias=False)
        self.bn3 = FrozenBatchNorm(out_dim)
        self.downsample = _shortcut(in_dim, out_dim, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, the first strided. All convolutions have a bias besides their norm."""

    def __init__(self, in_dim: int, dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, dim, 3, stride=stride, padding=1)
        self.bn1 = FrozenBatchNorm(dim)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)
        self.bn2 = FrozenBatchNorm(dim)
        self.downsample = _shortcut(in_dim, dim, stride, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def _bottlenecks(in_dim: int, dim: int, count: int, stride: int) -> nn.Sequential:
    blocks = [Bottleneck(in_dim, dim, stride)]
    blocks += [Bottleneck(4 * dim, dim, 1) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


def _basic_blocks(in_dim: int, dim: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(in_dim, dim, stride), BasicBlock(dim, dim, 1))


class ResNetKeyTrunk(nn.Module):
    """ResNet-50 to layer 3: image [F, 3, H, W] -> f16 [.., 1024], f8 [.., 512], f4 [.., 256]."""

    dims = (1024, 512, 256)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm(64)
        self.res2 = _bottlenecks(64, 64, count=3, stride=1)
        self.layer2 = _bottlenecks(256, 128, count=4, stride=2)
        self.layer3 = _bottlenecks(512, 256, count=6, stride=2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image))), 3, stride=2, padding=1)
        f4 = self.res2(x)
        f8 = self.layer2(f4)
        return self.layer3(f8), f8, f4


class ResNetValueEncoder(nn.Module):
    """ResNet-18 to layer 3 on an image and mask planes, fused with the frame's key features.

    planes [N, planes, H, W], f16 [N, key_dim, h, w] -> memory values [N, value_dim, h, w].
    """

    def __init__(self, planes: int, key_dim: int, value_dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes, 64, 7, stride=2, padding=3)
        self.bn1 = FrozenBatchNorm(64)
        self.layer1 = _basic_blocks(64, 64, stride=1)
        self.layer2 = _basic_blocks(64, 128, stride=2)
        self.layer3 = _basic_blocks(128, 256, stride=2)
        self.fuser = FeatureFusion(256 + key_dim, value_dim)

    def forward(self, planes: Tensor, f16: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(planes))), 3, stride=2, padding=1)
        value: Tensor = self.fuser(self.layer3(self.layer2(self.layer1(x))), f16)
        return value
