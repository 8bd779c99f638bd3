"""SAM in its inference form: 2-D convolutions, and its product in the cheapest order."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net import sam
from rde_roto.net.fused import Kernel, to_channels_last
from rde_roto.net.winograd import Make


class _NonLocal(nn.Module):
    """``sam.NonLocal`` as one matrix [C, C] per sample that multiplies all its positions.

    Without a softmax, theta, the context and W are plain matrix products, so the small matrices are
    multiplied first.
    """

    theta: Tensor
    theta_bias: Tensor
    out: Tensor
    out_bias: Tensor

    def __init__(self, block: sam.NonLocal, make: Make) -> None:
        super().__init__()
        (phi_conv,), (g_conv,) = block.phi, block.g
        assert isinstance(phi_conv, sam.FoldedConv)
        assert isinstance(g_conv, sam.FoldedConv)
        phi, g = Kernel.of(phi_conv), Kernel.of(g_conv)
        assert phi.bias is not None
        assert g.bias is not None
        both = Kernel(torch.cat([phi.weight, g.weight]), torch.cat([phi.bias, g.bias]))
        self.phi_g = make(both, "none")
        theta, out = Kernel.of(block.theta), Kernel.of(block.W)
        self.register_buffer("theta", theta.weight.detach().flatten(1))  # [C/2, C]
        self.register_buffer("theta_bias", theta.bias)
        self.register_buffer("out", out.weight.detach().flatten(1).T.contiguous())  # [C/2, C]
        self.register_buffer("out_bias", out.bias)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.max_pool2d(self.phi_g(x), 2).permute(0, 2, 3, 1)
        rows = pooled.flatten(1, 2).unflatten(0, (-1, 2)).flatten(1, 2)  # [N, T P, C]
        phi, g = rows.chunk(2, dim=2)
        context = (phi.transpose(1, 2) @ g / rows.shape[1]) @ self.out  # [N, C/2, C]
        places = x.permute(0, 2, 3, 1)
        flat = places.flatten(1, 2).unflatten(0, (-1, 2)).flatten(1, 2)  # [N, T h w, C]
        shift = (self.theta_bias @ context + self.out_bias).unsqueeze(1)
        extracted = torch.baddbmm(flat, flat, self.theta.T @ context).add_(shift)
        return extracted.reshape(places.shape).permute(0, 3, 1, 2)


class _ASPP(nn.Module):
    """``sam.ASPP``."""

    def __init__(self, aspp: sam.ASPP, make: Make) -> None:
        super().__init__()
        branches = (aspp.aspp1, aspp.aspp2, aspp.aspp3, aspp.aspp4)
        self.branches = nn.ModuleList(make(Kernel.of(b.atrous_conv), "relu") for b in branches)
        self.conv1 = make(Kernel.of(aspp.conv1), "relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1(torch.cat([branch(x) for branch in self.branches], dim=1))


class _ExtractEnhance(nn.Module):
    """``sam.ExtractEnhance``."""

    def __init__(self, block: sam.ExtractEnhance, make: Make) -> None:
        super().__init__()
        self.conv1 = _ASPP(block.conv1, make)
        self.non_local = _NonLocal(block.non_local, make)

    def forward(self, x: Tensor) -> Tensor:
        extracted = self.non_local(x)
        return extracted + self.conv1(extracted)


class _Squeeze(nn.Module):
    """``sam.Squeeze``."""

    def __init__(self, squeeze: sam.Squeeze, make: Make) -> None:
        super().__init__()
        self.conv = make(Kernel.of(squeeze), "none")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(to_channels_last(x.unflatten(0, (-1, 2)).flatten(1, 2)))


class InferenceSAM(sam.Aggregation):
    """``sam.SAM``."""

    def __init__(self, plain: sam.SAM, make: Make) -> None:
        super().__init__()
        self.key_encoder = _ExtractEnhance(plain.key_encoder, make)
        self.value_encoder = _ExtractEnhance(plain.value_encoder, make)
        self.compress_key = _Squeeze(plain.compress_key, make)
        self.compress_value = _Squeeze(plain.compress_value, make)
        self.bounded = plain.bounded
