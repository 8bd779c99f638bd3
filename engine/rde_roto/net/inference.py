"""The network's form for inference, made from trained weights: the same function, sooner.

Batch norms are folded, activations and sums go into the convolutions, tensors lie channels last,
what elements share is worked out once, and SAM's product without a softmax is taken in the order
that costs least. Submodules are called as in the plain form, which is the one that is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rde_roto.net import efficientnet, layers, network, resnet, sam
from rde_roto.net.fused import Activation, FusedConv, Kernel
from rde_roto.net.memory import Moment
from rde_roto.net.network import EncodedFrames, RDENet
from rde_roto.net.recall import recall
from rde_roto.net.winograd import WinogradConv, pays

Conv = FusedConv | WinogradConv
Make = Callable[[Kernel, Activation], Conv]

_AFFINITIES = 1 << 25
_CACHED_AFFINITIES = 1 << 20
"""Held at once: 128 MiB of float32 on a GPU, 4 MiB on a CPU, which has to sort them from memory."""


class InferenceNet(nn.Module):
    """``RDENet`` with its weights fixed; the methods of the same names give the same.

    Args:
        net: the plain form, in float32, which is left as it is.
        dtype: of the convolutions. Keys and values come out in float32, and SAM stays in it.
        on_cpu: whether it will run on a CPU: through oneDNN, if torch has it, and map by map.
    """

    def __init__(self, net: RDENet, dtype: torch.dtype, on_cpu: bool) -> None:
        super().__init__()
        self.config = net.config
        self.dtype = dtype
        self._on_cpu = on_cpu
        fused = on_cpu and torch.backends.mkldnn.is_available()

        def fuse(kernel: Kernel, activation: Activation = "none") -> Conv:
            return FusedConv(kernel, fused, activation)

        def spare(kernel: Kernel, activation: Activation = "none") -> Conv:
            return WinogradConv(kernel, activation) if pays(kernel) else fuse(kernel, activation)

        in_float32 = spare if on_cpu else fuse
        make = in_float32 if dtype == torch.float32 else fuse
        self.key_encoder = _key_trunk(net.key_encoder, make)
        self.key_proj = make(Kernel.of(net.key_proj.key_proj))
        self.key_comp = make(Kernel.of(net.key_comp))
        self.value_encoder = _ValueEncoder(net.value_encoder, on_cpu, make)
        self.decoder = _Decoder(net.decoder, on_cpu, make)
        self.to(dtype)
        self.mem_compress = _SAM(net.mem_compress, in_float32)
        self.eval().requires_grad_(False)

    def encode_frames(self, image: Tensor) -> EncodedFrames:
        """As ``RDENet.encode_frames``; the key in float32, the features in the form's dtype."""
        parts = _portions(_laid_out(image.to(self.dtype)), self._on_cpu)
        features = zip(*(self.key_encoder(part) for part in parts), strict=True)
        f16, f8, f4 = (_together(of_each) for of_each in features)
        return EncodedFrames(self.key_proj(f16).float(), self.key_comp(f16), f16, f8, f4, image)

    def encode_masks(self, frames: EncodedFrames, masks: Tensor) -> Tensor:
        """As ``RDENet.encode_masks``, float32."""
        others = masks.sum(dim=1, keepdim=True) - masks
        own = torch.stack([masks, others], dim=2).to(self.dtype)
        image = frames.image.to(self.dtype).unsqueeze(1).expand(-1, masks.shape[1], -1, -1, -1)
        planes = torch.cat([image, own], dim=2).flatten(0, 1)
        value: Tensor = self.value_encoder(_laid_out(planes), frames.f16)
        return value.float().unflatten(0, masks.shape[:2])

    def decode(self, readout: Tensor, frames: EncodedFrames) -> Tensor:
        """As ``RDENet.decode``, float32."""
        logits: Tensor = self.decoder(readout, frames)
        return logits.float()

    def read(self, bank: Sequence[Moment], query: Tensor, top_k: int | None) -> Tensor:
        """As ``read_memory`` of one clip, whose moments may be in any dtype."""
        return recall(bank, query, top_k, _CACHED_AFFINITIES if self._on_cpu else _AFFINITIES)

    def update(self, embedding: Moment, newest: Moment) -> Moment:
        """As ``RDENet.update``, float32."""
        updated: Moment = self.mem_compress(embedding, newest)
        return updated


def _laid_out(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _together(parts: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _for_elements(shared: Tensor, count: int) -> Tensor:
    """What F frames have in common, for each of their elements: [F, ...] -> [F * K, ...]."""
    return shared if count == 1 else _laid_out(shared.repeat_interleave(count, dim=0))


def _portions(x: Tensor, on_cpu: bool, count: int = 1) -> list[Tensor]:
    """What is worked on at a time, each for ``count`` elements: a map on a CPU, else all of them.

    A CPU's caches are small, and what it takes alone has the same bits whatever else is there.
    """
    if on_cpu:
        return [part for part in x.split(1) for _ in range(count)]
    return [_for_elements(x, count)]


class _Residual(nn.Module):
    """Convolutions one behind the other; to the last is added the input, as it is or projected."""

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


def _inverted_bottleneck(block: efficientnet.InvertedBottleneck, make: Make) -> _Residual:
    wide = [block.depthwise] if block.expand is None else [block.expand, block.depthwise]
    convs = [make(Kernel.of(conv), "relu6") for conv in wide]
    convs.append(make(Kernel.of(block.project), "none"))
    return _Residual(convs, None, adds=block.keeps_shape)


def _stage(blocks: nn.Module, make: Make) -> nn.Sequential:
    """The blocks of a stage of either trunk, one behind the other."""
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


class _Stem(nn.Module):
    """The first convolution of a ResNet and its pooling: to stride 4."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, make: Make) -> None:
        super().__init__()
        self.conv1 = make(Kernel.of(conv).normalised(norm), "relu")

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(self.conv1(x), 3, stride=2, padding=1)


class _KeyTrunk(nn.Module):
    """image [F, 3, H, W] -> f16, f8, f4, as either key trunk."""

    def __init__(self, to4: nn.Module, to8: nn.Module, to16: nn.Module) -> None:
        super().__init__()
        self.to4, self.to8, self.to16 = to4, to8, to16

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        f4 = self.to4(image)
        f8 = self.to8(f4)
        return self.to16(f8), f8, f4


def _key_trunk(
    trunk: efficientnet.EfficientNetKeyTrunk | resnet.ResNetKeyTrunk, make: Make
) -> _KeyTrunk:
    if isinstance(trunk, resnet.ResNetKeyTrunk):
        to4 = nn.Sequential(_Stem(trunk.conv1, trunk.bn1, make), _stage(trunk.res2, make))
        return _KeyTrunk(to4, _stage(trunk.layer2, make), _stage(trunk.layer3, make))
    stem = make(Kernel.of(trunk.stem), "relu6")
    to4 = nn.Sequential(stem, _stage(trunk.stage1, make), _stage(trunk.stage2, make))
    to16 = nn.Sequential(_stage(trunk.stage4, make), _stage(trunk.stage5, make))
    return _KeyTrunk(to4, _stage(trunk.stage3, make), to16)


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
    """A ``layers.ResBlock`` of a concatenation: each element's own channels, then its frame's.

    own [F * K, C1, h, w], shared [F, C2, h, w] -> [F * K, out, h, w]. The frame's part, which may
    be four fifths of the work, is done once for all its elements.
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
    """``layers.FeatureFusion``; f16 is that of the frames."""

    def __init__(self, fuser: layers.FeatureFusion, own: int, make: Make) -> None:
        super().__init__()
        self.block1 = _SharedResBlock(fuser.block1, own, make)
        self.attention = copy.deepcopy(fuser.attention)
        self.block2 = _ResBlock(fuser.block2, make)

    def forward(self, mask_features: Tensor, f16: Tensor) -> Tensor:
        x = self.block1(mask_features, f16)
        return self.block2(x + self.attention(x))


class _ValueEncoder(nn.Module):
    """Either value encoder: planes [F * K, 5, H, W], f16 [F, C, h, w] -> [F * K, CV, h, w]."""

    def __init__(
        self,
        plain: efficientnet.PlainValueEncoder | resnet.ResNetValueEncoder,
        on_cpu: bool,
        make: Make,
    ) -> None:
        super().__init__()
        self._on_cpu = on_cpu
        if isinstance(plain, resnet.ResNetValueEncoder):
            self.to8 = nn.Sequential(
                _Stem(plain.conv1, plain.bn1, make),
                _stage(plain.layer1, make),
                _stage(plain.layer2, make),
            )
            self.layer3: nn.Module = _stage(plain.layer3, make)
            self.fuser = _FeatureFusion(plain.fuser, 256, make)
            return
        self.to8 = nn.Sequential(
            make(Kernel.of(plain.to_stride2), "relu"),
            make(Kernel.of(plain.to_stride4), "relu"),
            make(Kernel.of(plain.to_stride8), "none"),
            _ResBlock(plain.block8, make),
            nn.ReLU(inplace=True),
        )
        self.layer3 = nn.Sequential(
            make(Kernel.of(plain.to_stride16), "none"), _ResBlock(plain.block16, make)
        )
        self.fuser = _FeatureFusion(plain.fuser, 128, make)

    def forward(self, planes: Tensor, f16: Tensor) -> Tensor:
        features = [self.layer3(self.to8(part)) for part in _portions(planes, self._on_cpu)]
        return self.fuser(_together(features), f16)


class _UpsampleBlock(nn.Module):
    """``network.UpsampleBlock``."""

    def __init__(self, block: network.UpsampleBlock, make: Make) -> None:
        super().__init__()
        self.skip_conv = make(Kernel.of(block.skip_conv), "none")
        self.out_conv = _ResBlock(block.out_conv, make)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """skip, through ``skip_conv`` already, [N, in, 2h, 2w]; x [N, in, h, w]."""
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
        own = _laid_out(readout.flatten(0, 1).to(frames.thin.dtype))
        x = self.compress(own, frames.thin)
        count = readout.shape[1]
        skip8 = _portions(self.up_16_8.skip_conv(frames.f8), self._on_cpu, count)
        skip4 = _portions(self.up_8_4.skip_conv(frames.f4), self._on_cpu, count)
        parts = zip(_portions(x, self._on_cpu), skip8, skip4, strict=True)
        x = torch.cat([self._enlarged(*part) for part in parts])
        logits = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
        return logits.squeeze(1).unflatten(0, readout.shape[:2])

    def _enlarged(self, x: Tensor, skip8: Tensor, skip4: Tensor) -> Tensor:
        """Maps at stride 16 and the skips of their frames -> [N, 1, H / 4, W / 4]."""
        return self.pred(F.relu(self.up_8_4(skip4, self.up_16_8(skip8, x))))


class _NonLocal(nn.Module):
    """``sam.NonLocal`` as one matrix [C, C] of each sample, by which its positions are multiplied.

    Without a softmax theta, the context and W are products of matrices, so the small ones are
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
        return self.conv(_laid_out(x.unflatten(0, (-1, 2)).flatten(1, 2)))


class _SAM(sam.Aggregation):
    """``sam.SAM``."""

    def __init__(self, plain: sam.SAM, make: Make) -> None:
        super().__init__()
        self.key_encoder = _ExtractEnhance(plain.key_encoder, make)
        self.value_encoder = _ExtractEnhance(plain.value_encoder, make)
        self.compress_key = _Squeeze(plain.compress_key, make)
        self.compress_value = _Squeeze(plain.compress_value, make)
        self.bounded = plain.bounded
