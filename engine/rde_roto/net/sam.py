"""SAM, the spatio-temporal aggregation module: two memory frames in, one out.

Extract (non-local), enhance (ASPP), squeeze (RDE-VOS, section 3.2). The published weights belong to
3-D convolutions over two time steps; all but the last have a time kernel of 1, so time is folded
into the batch here, which is the same arithmetic in 2-D.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net.memory import MemoryFrame


class FoldedConv(nn.Module):
    """A convolution whose weight keeps the published 3-D shape [out, in, 1, k, k]."""

    def __init__(self, in_dim: int, out_dim: int, kernel: int, dilation: int, bias: bool) -> None:
        super().__init__()
        fan_in = in_dim * kernel * kernel
        weight = torch.randn(out_dim, in_dim, 1, kernel, kernel) / fan_in**0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(out_dim)) if bias else None
        self.padding = dilation * (kernel // 2)
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.squeeze(2)
        return F.conv2d(x, weight, self.bias, padding=self.padding, dilation=self.dilation)


class NonLocal(nn.Module):
    """Extract: every position attends to every pooled position of both memory frames, without a
    softmax.

    [N * T, C, h, w] (T = 2 memory frames of the same N samples, sample-major) -> the same shape.
    The product is taken right to left, so its cost is linear in the number of positions.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        inner = dim // 2
        self.g = nn.Sequential(FoldedConv(dim, inner, 1, 1, bias=True))
        self.phi = nn.Sequential(FoldedConv(dim, inner, 1, 1, bias=True))
        self.theta = FoldedConv(dim, inner, 1, 1, bias=True)
        self.W = FoldedConv(inner, dim, 1, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.theta(x).unflatten(0, (-1, 2)).transpose(1, 2).flatten(2)  # [N, C/2, T h w]
        phi = self._pooled(self.phi(x))
        g = self._pooled(self.g(x))
        context = (g @ phi.transpose(1, 2) / phi.shape[2]) @ theta
        context = context.unflatten(2, (2, *x.shape[2:])).transpose(1, 2).flatten(0, 1)
        extracted: Tensor = x + self.W(context)
        return extracted

    @staticmethod
    def _pooled(x: Tensor) -> Tensor:
        """[N * T, C, h, w] -> [N, C, T * floor(h/2) * floor(w/2)]"""
        return F.max_pool2d(x, 2).unflatten(0, (-1, 2)).transpose(1, 2).flatten(2)


class AtrousConv(nn.Module):
    """One branch of the ASPP; one level down to keep the checkpoint's names."""

    def __init__(self, in_dim: int, out_dim: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.atrous_conv = FoldedConv(in_dim, out_dim, kernel, dilation, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.atrous_conv(x))


class ASPP(nn.Module):
    """Enhance: four branches of growing dilation, mixed. [N, C, h, w] -> the same shape."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.aspp1 = AtrousConv(dim, dim // 4, 1, 1)
        self.aspp2 = AtrousConv(dim, dim // 4, 3, 2)
        self.aspp3 = AtrousConv(dim, dim // 4, 3, 4)
        self.aspp4 = AtrousConv(dim, dim // 4, 3, 6)
        self.conv1 = FoldedConv(dim, dim, 3, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        views = torch.cat([self.aspp1(x), self.aspp2(x), self.aspp3(x), self.aspp4(x)], dim=1)
        return F.relu(self.conv1(views))


class ExtractEnhance(nn.Module):
    """The non-local block and the ASPP around a residual."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = ASPP(dim)
        self.non_local = NonLocal(dim)

    def forward(self, x: Tensor) -> Tensor:
        extracted = self.non_local(x)
        enhanced: Tensor = extracted + self.conv1(extracted)
        return enhanced


class Squeeze(nn.Module):
    """Merge two memory frames into one by a single convolution: [N * 2, C, h, w] -> [N, C, h, w].

    The weight keeps the published 3-D shape [C, C, 2, 3, 3]. It starts near the plain mean of the
    two, so that an untrained recurrence already forgets slowly.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        weight = 0.1 * torch.randn(dim, dim, 2, 3, 3) / (18 * dim) ** 0.5
        weight[:, :, :, 1, 1] += 0.5 * torch.eye(dim)[:, :, None]
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        pair = x.unflatten(0, (-1, 2)).flatten(1, 2)
        return F.conv2d(pair, self.weight.transpose(1, 2).flatten(1, 2), self.bias, padding=1)


class Aggregation(nn.Module):
    """Updates the recurrent dynamic embedding with the newest memory frame; base of both forms.

    Keys and values go through separate stacks; elements are independent samples of the value stack.
    With ``bounded`` the embedding's magnitude cannot grow, however often it is updated (see
    ``NetConfig.bounded_recurrence``).
    """

    key_encoder: nn.Module
    value_encoder: nn.Module
    compress_key: nn.Module
    compress_value: nn.Module
    bounded: bool

    def forward(self, embedding: MemoryFrame, newest: MemoryFrame) -> MemoryFrame:
        """Update the embedding; all keys are [B, CK, h, w], all values [B, K, CV, h, w]."""
        key = self._update(self.key_encoder, self.compress_key, embedding.key, newest.key)
        elements = newest.value.shape[:2]
        old, new = embedding.value.flatten(0, 1), newest.value.flatten(0, 1)
        value = self._update(self.value_encoder, self.compress_value, old, new)
        return MemoryFrame(key, value.unflatten(0, elements))

    def _update(self, enhance: nn.Module, squeeze: nn.Module, old: Tensor, new: Tensor) -> Tensor:
        size = _rms(new)
        pair = [old / _rms(old), new / size] if self.bounded else [old, new]
        update: Tensor = squeeze(enhance(torch.stack(pair, dim=1).flatten(0, 1)))
        return update * (size / _rms(update)) if self.bounded else update


class SAM(Aggregation):
    """SAM in the form that is trained."""

    key_encoder: ExtractEnhance
    value_encoder: ExtractEnhance
    compress_key: Squeeze
    compress_value: Squeeze

    def __init__(self, key_dim: int, value_dim: int, bounded: bool) -> None:
        super().__init__()
        self.key_encoder = ExtractEnhance(key_dim)
        self.value_encoder = ExtractEnhance(value_dim)
        self.compress_key = Squeeze(key_dim)
        self.compress_value = Squeeze(value_dim)
        self.bounded = bounded


def _rms(x: Tensor) -> Tensor:
    """The root mean square of each sample, never zero: [N, C, h, w] -> [N, 1, 1, 1]."""
    return x.square().mean(dim=(1, 2, 3), keepdim=True).add(1e-8).sqrt()
