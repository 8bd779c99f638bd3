"""Both key trunks in their inference form, and the stages that the value encoders share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net import efficientnet, resnet
from rde_roto.net.fused import Kernel
from rde_roto.net.winograd import Conv, Make

_LARGE_BYTES = 1 << 25
"""A larger map is made in bands: glibc maps memory of 32 MiB and more anew each time, and to clear
its pages takes longer than to calculate what is written into them."""
_BAND_BYTES = 1 << 23
"""How large a band's map is: small enough for the CPU's cache, but threads wait for each other
after every band of every layer."""


class _Residual(nn.Module):
    """A chain of convolutions; the input, as it is or projected, is added to the last one."""

    def __init__(self, convs: Iterable[Conv], shortcut: Conv | None, adds: bool = True) -> None:
        super().__init__()
        self.convs = nn.ModuleList(convs)
        self.shortcut = shortcut
        self._adds = adds

    def forward(self, x: Tensor) -> Tensor:
        y = x
        *inner, last = self.convs
        for conv in inner:
            y = conv(y)
        if not self._adds:
            return last(y)
        return last(y, x if self.shortcut is None else self.shortcut(x))


def _bottleneck(block: resnet.Bottleneck, make: Make) -> _Residual:
    pairs = [(block.conv1, block.bn1), (block.conv2, block.bn2), (block.conv3, block.bn3)]
    return _normalised_block(pairs, block.downsample, make)


def _basic_block(block: resnet.BasicBlock, make: Make) -> _Residual:
    pairs = [(block.conv1, block.bn1), (block.conv2, block.bn2)]
    return _normalised_block(pairs, block.downsample, make)


def _normalised_block(
    pairs: list[tuple[nn.Conv2d, resnet.FrozenBatchNorm]],
    downsample: nn.Sequential | None,
    make: Make,
) -> _Residual:
    convs = [make(Kernel.of(conv).normalised(norm), "relu") for conv, norm in pairs]
    if downsample is None:
        return _Residual(convs, None)
    conv, norm = downsample
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, resnet.FrozenBatchNorm)
    return _Residual(convs, make(Kernel.of(conv).normalised(norm), "none"))


class _InvertedBottleneck(_Residual):
    """1x1 expand, depthwise, 1x1 project. On a CPU a large map between them is made in bands of
    rows, which has the same bits.
    """

    def __init__(self, block: efficientnet.InvertedBottleneck, make: Make) -> None:
        assert block.expand is not None
        kernels = [Kernel.of(conv) for conv in (block.expand, block.depthwise)]
        convs = [make(kernel, "relu6") for kernel in kernels]
        convs.append(make(Kernel.of(block.project), "none"))
        super().__init__(convs, None, adds=block.keeps_shape)
        self._channels, self._size = len(kernels[0].weight), kernels[1].weight.shape[2]
        self._stride, self._padding = kernels[1].stride, kernels[1].padding

    def forward(self, x: Tensor) -> Tensor:
        row_bytes = self._channels * x.shape[3] * x.element_size()
        if not x.is_cpu or len(x) > 1 or x.shape[2] * row_bytes <= _LARGE_BYTES:
            return super().forward(x)
        rows = max(1, _BAND_BYTES // (row_bytes * self._stride))
        return torch.cat(list(self._bands(x, rows)), dim=2)

    def _bands(self, x: Tensor, rows: int) -> Iterator[Tensor]:
        """Make so many rows of the result at a time, from all they depend on: rows next to a cut,
        where the depthwise convolution sees padding in place of the map, are dropped.
        """
        expand, depthwise, project = self.convs
        stride, reach = self._stride, -(-self._padding // self._stride)
        height = (x.shape[2] + 2 * self._padding - self._size) // stride + 1
        for top in range(0, height, rows):
            end = min(top + rows, height)
            first = max(0, top - reach)
            wide = depthwise(expand(x[:, :, first * stride : (end + reach) * stride]))
            own = wide[:, :, top - first : end - first]
            yield project(own, x[:, :, top:end]) if self._adds else project(own)


def _inverted_bottleneck(block: efficientnet.InvertedBottleneck, make: Make) -> _Residual:
    if block.expand is not None:
        return _InvertedBottleneck(block, make)
    convs = [make(Kernel.of(block.depthwise), "relu6"), make(Kernel.of(block.project), "none")]
    return _Residual(convs, None, adds=block.keeps_shape)


def stage(blocks: nn.Module, make: Make) -> nn.Sequential:
    """Return a stage of either trunk: its blocks in sequence."""
    made = []
    for block in blocks.children():
        if isinstance(block, resnet.Bottleneck):
            made.append(_bottleneck(block, make))
        elif isinstance(block, resnet.BasicBlock):
            made.append(_basic_block(block, make))
        else:
            assert isinstance(block, efficientnet.InvertedBottleneck)
            made.append(_inverted_bottleneck(block, make))
    return nn.Sequential(*made)


class Stem(nn.Module):
    """The first convolution of a ResNet and its pooling: to stride 4."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, make: Make) -> None:
        super().__init__()
        self.conv1 = make(Kernel.of(conv).normalised(norm), "relu")

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(self.conv1(x), 3, stride=2, padding=1)


class _KeyTrunk(nn.Module):
    """image [F, 3, H, W] -> f16, f8, f4, for either key trunk."""

    def __init__(
        self,
        to4: nn.Module,
        to8: nn.Module,
        to16: nn.Module,
        scales: tuple[float, float, float] | None = None,
    ) -> None:
        super().__init__()
        self.to4, self.to8, self.to16 = to4, to8, to16
        self._scales = scales

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f4 = self.to4(image)
        f8 = self.to8(f4)
        f16 = self.to16(f8)
        if self._scales is None:
            return f16, f8, f4
        to16, to8, to4 = self._scales
        return f16 * to16, f8 * to8, f4 * to4


def key_trunk(
    trunk: efficientnet.EfficientNetKeyTrunk | resnet.ResNetKeyTrunk, make: Make
) -> _KeyTrunk:
    if isinstance(trunk, resnet.ResNetKeyTrunk):
        to4 = nn.Sequential(Stem(trunk.conv1, trunk.bn1, make), stage(trunk.res2, make))
        return _KeyTrunk(to4, stage(trunk.layer2, make), stage(trunk.layer3, make))
    stem = make(Kernel.of(trunk.stem), "relu6")
    to4 = nn.Sequential(stem, stage(trunk.stage1, make), stage(trunk.stage2, make))
    to16 = nn.Sequential(stage(trunk.stage4, make), stage(trunk.stage5, make))
    return _KeyTrunk(to4, stage(trunk.stage3, make), to16, trunk.scales)
