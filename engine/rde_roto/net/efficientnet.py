"""The compact encoders: EfficientNet-Lite0 to stride 16 (key), masks on its features (value).

EfficientNet-Lite (Tan and Le, ICML 2019; the Lite family of 2020) is EfficientNet without
squeeze-and-excitation and with ReLU6. Its batch normalisation is constant at inference and is
folded into the convolutions here, so a block is only convolutions with bias: fewer passes over
memory, which is what a CPU spends its time on. ``training.pretrained`` folds published weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.layers import FeatureFusion, ResBlock, conv3x3


class SameConv(nn.Conv2d):
    """Convolution padded like TensorFlow's SAME for even sizes: (k - stride) // 2 on the low side.

    The published weights were trained with that rule; at stride 2 its padding is not symmetric.
    """

    def __init__(self, in_dim: int, out_dim: int, kernel: int, stride: int, groups: int) -> None:
        total = kernel - stride
        low, high = total // 2, total - total // 2
        own = low if low == high else 0
        super().__init__(in_dim, out_dim, kernel, stride=stride, padding=own, groups=groups)
        self._pad = None if low == high else (low, high, low, high)

    def forward(self, input: Tensor) -> Tensor:
        if self._pad is not None:
            input = F.pad(input, self._pad)
        if not self._has_slow_gradient(input):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)

    def _has_slow_gradient(self, input: Tensor) -> bool:
        """Return whether float32 is faster: on a CPU the gradient of a strided depthwise
        convolution takes ten times as long in bfloat16."""
        short = input.dtype == torch.bfloat16 and input.device.type == "cpu"
        return short and input.requires_grad and self.groups > 1 and self.stride[0] > 1


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
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.keeps_shape else y


def _stage(
    in_dim: int, out_dim: int, count: int, kernel: int, stride: int, expand: int = 6
) -> nn.Sequential:
    blocks = [InvertedBottleneck(in_dim, out_dim, kernel, stride, expand)]
    blocks += [InvertedBottleneck(out_dim, out_dim, kernel, 1, expand) for _ in range(count - 1)]
    return nn.Sequential(*blocks)


class EfficientNetKeyTrunk(nn.Module):
    """Lite0 to its fifth stage: image [F, 3, H, W] -> f16 [.., 112], f8 [.., 40], f4 [.., 24].

    Features come out at about unit size. The published weights give standard deviations of 4.4, 6.9
    and 11 at strides 16, 8 and 4, which would dominate whatever they are added to.
    """

    dims = (112, 40, 24)
    scales = (1 / 4, 1 / 8, 1 / 8)
    """Factors of f16, f8 and f4: powers of two, which change no bit of the mantissa."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2, groups=1)
        self.stage1 = _stage(32, 16, count=1, kernel=3, stride=1, expand=1)
        self.stage2 = _stage(16, 24, count=2, kernel=3, stride=2)
        self.stage3 = _stage(24, 40, count=2, kernel=5, stride=2)
        self.stage4 = _stage(40, 80, count=3, kernel=3, stride=2)
        self.stage5 = _stage(80, 112, count=3, kernel=5, stride=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f4 = self.stage2(self.stage1(F.relu6(self.stem(image), inplace=True)))
        f8 = self.stage3(f4)
        f16 = self.stage5(self.stage4(f8))
        to16, to8, to4 = self.scales
        return f16 * to16, f8 * to8, f4 * to4


class MaskValueEncoder(nn.Module):
    """Mask planes through strided convolutions, joined at every stride by the trunk's features.

    planes [N, P, H, W]: an element's mask and the sum of the others' (P = 2), or what `ClickNet` is
    told; features f16, f8, f4 of F frames, N = F * K -> memory values [N, value_dim, h, w]. The
    trunk's features already hold edges and textures from ImageNet, so only the shape is left to
    encode, and what depends on the frame alone is computed once for all its elements.
    """

    def __init__(self, trunk_dims: tuple[int, int, int], value_dim: int, planes: int = 2) -> None:
        super().__init__()
        dim16, dim8, dim4 = trunk_dims
        self.to_stride4 = nn.Conv2d(planes, 48, 7, stride=4, padding=3)
        self.skip4 = conv3x3(dim4, 48)
        self.to_stride8 = nn.Conv2d(48, 96, 3, stride=2, padding=1)
        self.skip8 = conv3x3(dim8, 96)
        self.block8 = ResBlock(96, 96)
        self.to_stride16 = nn.Conv2d(96, 128, 3, stride=2, padding=1)
        self.block16 = ResBlock(128, 128)
        self.fuser = FeatureFusion(128 + dim16, value_dim)

    def forward(self, planes: Tensor, f16: Tensor, f8: Tensor, f4: Tensor) -> Tensor:
        count = planes.shape[0] // f16.shape[0]
        skip4 = self.skip4(f4).repeat_interleave(count, dim=0)
        x = F.relu(self.to_stride4(planes) + skip4)
        x = self.to_stride8(x) + self.skip8(f8).repeat_interleave(count, dim=0)
        x = self.to_stride16(F.relu(self.block8(x)))
        shared = f16.repeat_interleave(count, dim=0)
        value: Tensor = self.fuser(self.block16(x), shared)
        return value
