"""Convolutions for inference: norms folded in, activation and sum in the same pass over memory.

On a CPU a small network spends most of its time on passes over memory, not on multiplications.
oneDNN can apply an activation and a sum while a convolution's result is still in the cache; torch
has an operator for that, which its compiler uses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.efficientnet import SameConv
from rde_roto.net.sam import FoldedConv, Squeeze

Activation = Literal["none", "relu", "relu6"]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A convolution as plain tensors: weight [out, in / groups, k, k], bias [out]."""

    weight: Tensor
    bias: Tensor | None
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    @classmethod
    def of(cls, conv: nn.Conv2d | FoldedConv | Squeeze) -> Kernel:
        """Return the kernel of one of the network's convolutions."""
        if isinstance(conv, Squeeze):
            return cls(conv.weight.transpose(1, 2).flatten(1, 2), conv.bias, padding=1)
        if isinstance(conv, FoldedConv):
            weight = conv.weight.squeeze(2)
            return cls(weight, conv.bias, padding=conv.padding, dilation=conv.dilation)
        weight, stride = conv.weight, conv.stride[0]
        padding = conv.kernel_size[0] // 2
        if isinstance(conv, SameConv) and stride == 2:
            # SAME pads the high side more: a first row and column of zeros makes it symmetric
            weight = F.pad(weight, (1, 0, 1, 0))
        return cls(weight, conv.bias, stride, padding, groups=conv.groups)

    def normalised(self, norm: nn.BatchNorm2d) -> Kernel:
        """Fold in the stored statistics of the batch norm that follows."""
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        shift = norm.bias.double() - norm.running_mean.double() * scale
        if self.bias is not None:
            shift = shift + self.bias.double() * scale
        weight = self.weight.double() * scale.view(-1, 1, 1, 1)
        return replace(self, weight=weight.float(), bias=shift.float())

    def split(self, first: int) -> tuple[Kernel, Kernel]:
        """Split into two kernels whose results add up to this one's: for the first input channels
        and for the rest. The second has the bias.
        """
        own, rest = self.weight[:, :first], self.weight[:, first:]
        return replace(self, weight=own, bias=None), replace(self, weight=rest)


def activate_(y: Tensor, activation: Activation) -> Tensor:
    """Apply the activation in place."""
    if activation == "relu":
        return y.relu_()
    return y.clamp_(0, 6) if activation == "relu6" else y


class FusedConv(nn.Module):
    """``activation(conv(x) + plus)``, in one pass if ``fused``: on a CPU with oneDNN."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, kernel: Kernel, fused: bool, activation: Activation = "none") -> None:
        super().__init__()
        weight = kernel.weight.detach().contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", None if kernel.bias is None else kernel.bias.detach())
        self._stride, self._padding = [kernel.stride] * 2, [kernel.padding] * 2
        self._dilation, self._groups = [kernel.dilation] * 2, kernel.groups
        self._fused = fused
        self._activation = activation

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """x [N, in, h, w], plus of the result's shape -> [N, out, h', w']."""
        if self._fused:
            return self._in_one_pass(x, plus)
        geometry = (self._stride, self._padding, self._dilation, self._groups)
        y = F.conv2d(x, self.weight, self.bias, *geometry)
        if plus is not None:
            y = y.add_(plus)
        return activate_(y, self._activation)

    def _in_one_pass(self, x: Tensor, plus: Tensor | None) -> Tensor:
        weights = (self.weight, self.bias)
        geometry = (self._padding, self._stride, self._dilation, self._groups)
        operator = torch.ops.mkldnn._convolution_pointwise
        if plus is None:
            within_6 = self._activation == "relu6"
            name, limits = ("hardtanh", [0.0, 6.0]) if within_6 else (self._activation, [])
            return operator(x, *weights, *geometry, name, limits, "")
        activation = None if self._activation == "none" else self._activation
        return operator.binary(x, plus, *weights, *geometry, "add", None, activation, [], None)


def to_channels_last(x: Tensor) -> Tensor:
    """Convert to the channels-last layout."""
    return x.contiguous(memory_format=torch.channels_last)
