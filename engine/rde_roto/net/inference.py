"""The network's inference form, made from trained weights: the same function, but faster.

Batch norms are folded in, activations and sums are fused into the convolutions, tensors are
channels last, what elements share is computed once, and SAM's product without a softmax is taken in
the cheapest order. Submodules have the names of the plain form, which is the one that is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net import efficientnet, layers, network, resnet
from rde_roto.net.clicks import ClickNet
from rde_roto.net.fused import Activation, FusedConv, Kernel, to_channels_last
from rde_roto.net.inference_memory import read_bank
from rde_roto.net.inference_sam import InferenceSAM
from rde_roto.net.inference_trunk import Stem, key_trunk, stage
from rde_roto.net.memory import MemoryFrame, Near
from rde_roto.net.network import EncodedFrames, RDENet
from rde_roto.net.winograd import Conv, Make, WinogradConv, is_faster

_AFFINITIES = 1 << 25
_CACHED_AFFINITIES = 1 << 20
"""Affinities held at once: 128 MiB of float32 on a GPU; 4 MiB on a CPU, to fit its cache."""


class _InferenceParts(nn.Module):
    """What the inference forms of `RDENet` and of `ClickNet` share.

    Args:
        net: the plain form, in float32; it is not changed.
        dtype: the dtype of the convolutions. Keys and values stay in float32.
        on_cpu: whether it will run on a CPU: with oneDNN, if torch has it, and one map at a time.
    """

    def __init__(self, net: RDENet | ClickNet, dtype: torch.dtype, on_cpu: bool) -> None:
        super().__init__()
        self.config = net.config
        self.dtype = dtype
        self._on_cpu = on_cpu
        fuse, self._in_float32 = _makers(on_cpu)
        make = self._in_float32 if dtype == torch.float32 else fuse
        self.key_encoder = key_trunk(net.key_encoder, make)
        self.key_proj = make(Kernel.of(net.key_proj.key_proj), "none")
        self.key_comp = make(Kernel.of(net.key_comp), "none")
        self.value_encoder = _value_encoder(net.value_encoder, on_cpu, make)
        self.decoder = _Decoder(net.decoder, on_cpu, make)
        self.to(dtype)
        self.eval().requires_grad_(False)

    def encode_frames(self, image: Tensor) -> EncodedFrames:
        """As ``RDENet.encode_frames``; the key in float32, the features in ``dtype``."""
        parts = _portions(to_channels_last(image.to(self.dtype)), self._on_cpu)
        features = zip(*(self.key_encoder(part) for part in parts), strict=True)
        f16, f8, f4 = (_concatenated(of_each) for of_each in features)
        return EncodedFrames(self.key_proj(f16).float(), self.key_comp(f16), f16, f8, f4, image)

    def decode(self, readout: Tensor, frames: EncodedFrames) -> Tensor:
        """As ``RDENet.decode``, float32."""
        logits: Tensor = self.decoder(readout, frames)
        return logits.float()

    def read(
        self,
        bank: Sequence[MemoryFrame],
        query: Tensor,
        top_k: int | None,
        near: Near | None = None,
    ) -> Tensor:
        """As ``read_memory`` for one clip; the memory frames may have any dtype."""
        most = _CACHED_AFFINITIES if self._on_cpu else _AFFINITIES
        return read_bank(bank, query, top_k, most, near)


class InferenceNet(_InferenceParts):
    """``RDENet`` with fixed weights; methods of the same names give the same results."""

    def __init__(self, net: RDENet, dtype: torch.dtype, on_cpu: bool) -> None:
        super().__init__(net, dtype, on_cpu)
        self.mem_compress = InferenceSAM(net.mem_compress, self._in_float32)
        self.mem_compress.eval().requires_grad_(False)

    def encode_masks(self, frames: EncodedFrames, masks: Tensor) -> Tensor:
        """As ``RDENet.encode_masks``, float32."""
        others = masks.sum(dim=1, keepdim=True) - masks
        own = torch.stack([masks, others], dim=2).to(self.dtype)
        value: Tensor = self.value_encoder(own, frames)
        return value.float().unflatten(0, masks.shape[:2])

    def update(self, embedding: MemoryFrame, newest: MemoryFrame) -> MemoryFrame:
        """As ``RDENet.update``, float32."""
        updated: MemoryFrame = self.mem_compress(embedding, newest)
        return updated


class InferenceClickNet(_InferenceParts):
    """``ClickNet`` with fixed weights, for one frame at a time."""

    def forward(self, frames: EncodedFrames, planes: Tensor) -> Tensor:
        """As ``ClickNet.forward``, float32: planes [1, 3, H, W] -> logits [1, H, W]."""
        value = self.value_encoder(planes[:, None].to(self.dtype), frames).float()[:, None]
        read = self.read([MemoryFrame(frames.key, value)], frames.key.flatten(2), top_k=None)
        return self.decode((value + read.unflatten(3, value.shape[3:])) / 2, frames).squeeze(1)


def _makers(on_cpu: bool) -> tuple[Make, Make]:
    """What makes convolutions of any dtype, and what makes those in float32."""
    fused = on_cpu and torch.backends.mkldnn.is_available()

    def fuse(kernel: Kernel, activation: Activation) -> Conv:
        return FusedConv(kernel, fused, activation)

    def winograd_or_fused(kernel: Kernel, activation: Activation) -> Conv:
        return WinogradConv(kernel, activation) if is_faster(kernel) else fuse(kernel, activation)

    return fuse, winograd_or_fused if on_cpu else fuse


def _concatenated(parts: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _for_elements(shared: Tensor, count: int) -> Tensor:
    """Repeat what belongs to F frames for each of their elements: [F, ...] -> [F * K, ...]."""
    return shared if count == 1 else to_channels_last(shared.repeat_interleave(count, dim=0))


def _portions(x: Tensor, on_cpu: bool, count: int = 1) -> list[Tensor]:
    """Split a batch into what is processed at a time, each for ``count`` elements: single maps on a
    CPU, else everything.

    A CPU's caches are small, and a map that is processed alone has the same bits in any batch.
    """
    if on_cpu:
        return [part for part in x.split(1) for _ in range(count)]
    return [_for_elements(x, count)]


class _ResBlock(nn.Module):
    """``layers.ResBlock``."""

    def __init__(self, block: layers.ResBlock, make: Make) -> None:
        super().__init__()
        self.downsample = None
        if block.downsample is not None:
            self.downsample = make(Kernel.of(block.downsample), "none")
        self.conv1 = make(Kernel.of(block.conv1), "relu")
        self.conv2 = make(Kernel.of(block.conv2), "none")

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.conv2(self.conv1(F.relu(x)), shortcut)


class _SharedResBlock(nn.Module):
    """A ``layers.ResBlock`` on a concatenation: an element's own channels, then its frame's.

    own [F * K, C1, h, w], shared [F, C2, h, w] -> [F * K, out, h, w]. The frame's part, up to four
    fifths of the work, is done once for all its elements.
    """

    def __init__(self, block: layers.ResBlock, own: int, make: Make) -> None:
        super().__init__()
        assert block.downsample is not None
        (to_own, to_shared), (skip_own, skip_shared) = (
            Kernel.of(conv).split(own) for conv in (block.conv1, block.downsample)
        )
        self.own, self.shared = make(to_own, "relu"), make(to_shared, "none")
        self.own_skip, self.shared_skip = make(skip_own, "none"), make(skip_shared, "none")
        self.conv2 = make(Kernel.of(block.conv2), "none")

    def forward(self, own: Tensor, shared: Tensor) -> Tensor:
        count = own.shape[0] // shared.shape[0]
        inner = self.own(F.relu(own), _for_elements(self.shared(F.relu(shared)), count))
        shortcut = self.own_skip(own, _for_elements(self.shared_skip(shared), count))
        return self.conv2(inner, shortcut)


class _FeatureFusion(nn.Module):
    """``layers.FeatureFusion``; f16 is given once for each frame."""

    def __init__(self, fuser: layers.FeatureFusion, own: int, make: Make) -> None:
        super().__init__()
        self.block1 = _SharedResBlock(fuser.block1, own, make)
        self.attention = copy.deepcopy(fuser.attention)
        self.block2 = _ResBlock(fuser.block2, make)

    def forward(self, mask_features: Tensor, f16: Tensor) -> Tensor:
        x = self.block1(mask_features, f16)
        return self.block2(x + self.attention(x))


class _PlainValueEncoder(nn.Module):
    """The paper's value encoder: masks [F, K, 2, H, W], own and others -> [F * K, CV, h, w]."""

    def __init__(self, plain: resnet.ResNetValueEncoder, on_cpu: bool, make: Make) -> None:
        super().__init__()
        self._on_cpu = on_cpu
        self.to8 = nn.Sequential(
            Stem(plain.conv1, plain.bn1, make),
            stage(plain.layer1, make),
            stage(plain.layer2, make),
        )
        self.layer3 = stage(plain.layer3, make)
        self.fuser = _FeatureFusion(plain.fuser, 256, make)

    def forward(self, masks: Tensor, frames: EncodedFrames) -> Tensor:
        image = frames.image.to(masks.dtype).unsqueeze(1).expand(-1, masks.shape[1], -1, -1, -1)
        planes = to_channels_last(torch.cat([image, masks], dim=2).flatten(0, 1))
        features = [self.layer3(self.to8(part)) for part in _portions(planes, self._on_cpu)]
        return self.fuser(_concatenated(features), frames.f16)


class _MaskValueEncoder(nn.Module):
    """The compact value encoder: masks [F, K, 2, H, W], own and others -> [F * K, CV, h, w]."""

    def __init__(self, plain: efficientnet.MaskValueEncoder, on_cpu: bool, make: Make) -> None:
        super().__init__()
        self._on_cpu = on_cpu
        self.to_stride4 = make(Kernel.of(plain.to_stride4), "relu")
        self.skip4 = make(Kernel.of(plain.skip4), "none")
        self.to_stride8 = make(Kernel.of(plain.to_stride8), "none")
        self.skip8 = make(Kernel.of(plain.skip8), "none")
        self.block8 = _ResBlock(plain.block8, make)
        self.to_stride16 = make(Kernel.of(plain.to_stride16), "none")
        self.block16 = _ResBlock(plain.block16, make)
        self.fuser = _FeatureFusion(plain.fuser, 128, make)

    def forward(self, masks: Tensor, frames: EncodedFrames) -> Tensor:
        count = masks.shape[1]
        skip4 = _portions(self.skip4(frames.f4), self._on_cpu, count)
        skip8 = _portions(self.skip8(frames.f8), self._on_cpu, count)
        planes = _portions(to_channels_last(masks.flatten(0, 1)), self._on_cpu)
        features = [self._reduced(*part) for part in zip(planes, skip4, skip8, strict=True)]
        return self.fuser(_concatenated(features), frames.f16)

    def _reduced(self, planes: Tensor, skip4: Tensor, skip8: Tensor) -> Tensor:
        x = self.to_stride8(self.to_stride4(planes, skip4), skip8)
        return self.block16(self.to_stride16(F.relu(self.block8(x))))


def _value_encoder(
    plain: efficientnet.MaskValueEncoder | resnet.ResNetValueEncoder, on_cpu: bool, make: Make
) -> nn.Module:
    if isinstance(plain, resnet.ResNetValueEncoder):
        return _PlainValueEncoder(plain, on_cpu, make)
    return _MaskValueEncoder(plain, on_cpu, make)


class _UpsampleBlock(nn.Module):
    """``network.UpsampleBlock``."""

    def __init__(self, block: network.UpsampleBlock, make: Make) -> None:
        super().__init__()
        self.skip_conv = make(Kernel.of(block.skip_conv), "none")
        self.out_conv = _ResBlock(block.out_conv, make)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """skip, already through ``skip_conv``, [N, in, 2h, 2w]; x [N, in, h, w]."""
        doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out_conv(doubled.add_(skip))


class _Decoder(nn.Module):
    """``network.Decoder``."""

    def __init__(self, decoder: network.Decoder, on_cpu: bool, make: Make) -> None:
        super().__init__()
        self._on_cpu = on_cpu
        own = decoder.compress.conv1.in_channels // 2
        self.compress = _SharedResBlock(decoder.compress, own, make)
        self.up_16_8 = _UpsampleBlock(decoder.up_16_8, make)
        self.up_8_4 = _UpsampleBlock(decoder.up_8_4, make)
        self.pred = make(Kernel.of(decoder.pred), "none")

    def forward(self, readout: Tensor, frames: EncodedFrames) -> Tensor:
        own = to_channels_last(readout.flatten(0, 1).to(frames.thin.dtype))
        x = self.compress(own, frames.thin)
        count = readout.shape[1]
        skip8 = _portions(self.up_16_8.skip_conv(frames.f8), self._on_cpu, count)
        skip4 = _portions(self.up_8_4.skip_conv(frames.f4), self._on_cpu, count)
        parts = zip(_portions(x, self._on_cpu), skip8, skip4, strict=True)
        x = torch.cat([self._enlarged(*part) for part in parts])
        logits = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
        return logits.squeeze(1).unflatten(0, readout.shape[:2])

    def _enlarged(self, x: Tensor, skip8: Tensor, skip4: Tensor) -> Tensor:
        """Maps at stride 16 and their frames' skip features -> [N, 1, H / 4, W / 4]."""
        return self.pred(F.relu(self.up_8_4(skip4, self.up_16_8(skip8, x))))
