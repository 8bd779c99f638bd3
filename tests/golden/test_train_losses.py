"""The loss and its gradients against one training step of the published code, on the CPU.

Tolerances are those of the fixtures' README: losses 1e-4, gradient norms 1e-3, relative. Weights of
all terms are 10, bootstrapping runs from iteration 20,000 to 70,000, as in the fixtures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rde_roto.model.weight_files import build
from rde_roto.net import RDENet
from rde_roto.training.clips.sampler import Batch
from rde_roto.training.objective import Objective, Terms
from rde_roto.training.recipe import Losses, Phase, Reads, Recipe
from rde_roto.values.bank import Bank


def recipe(banks: tuple[str, ...]) -> Recipe:
    return Recipe(
        name="golden",
        network="rde-r50",
        curriculum=[Phase(until=1.0, frames=5, clips=2, size_px=64)],
        reads=Reads(banks=[Bank.parse(text) for text in banks]),
        losses=Losses(bootstrap_start=20000, bootstrap_end=70000),
    )


def batch(inputs: ModuleType, frames: int, elements: int) -> Batch:
    """Two clips; the second has one element only. First masks are rolled by two pixels."""
    images, masks = [], []
    for b in (0, 1):
        clip, labels = inputs.make_clip(frames, 64, 64, seed=3000 + 10 * b)
        images.append(torch.from_numpy(clip).permute(0, 3, 1, 2) / 255)
        kinds = [labels == 1, (labels == 2) & (b == 0)][:elements]
        masks.append(torch.from_numpy(np.stack(kinds, axis=1)).float())
    clean = torch.stack(masks, dim=1)
    present = torch.tensor([[1.0, 1.0], [1.0, 0.0]])[:, :elements]
    return Batch(torch.stack(images, dim=1), clean, clean[0].roll(2, dims=-1), present)


def weights(inputs: ModuleType, shapes: Mapping[str, list[int]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(w) for name, w in inputs.make_state_dict(shapes).items()}


def gradient_norms(net: RDENet) -> dict[str, float]:
    """Of each top-level module; of SAM, of each part."""
    squares: dict[str, float] = {}
    for name, parameter in net.named_parameters():
        if parameter.grad is None:
            continue
        parts = name.split(".")
        module = ".".join(parts[:2]) if parts[0] == "mem_compress" else parts[0]
        squares[module] = squares.get(module, 0.0) + float(parameter.grad.double().square().sum())
    return {module: square**0.5 for module, square in squares.items()}


def step(net: RDENet, banks: tuple[str, ...], clips: Batch, iteration: int) -> Terms:
    net.eval().zero_grad(set_to_none=True)
    terms = Objective(net, recipe(banks))(clips, iteration, torch.Generator())
    terms.total.backward()
    return terms


def check(net: RDENet, terms: Terms, expected: Mapping[str, Any]) -> None:
    losses = expected["losses"]
    frames = sorted(key for key in losses if key.startswith("loss_"))
    segmentation = sum(losses[key] / 2 ** (len(frames) - i) for i, key in enumerate(frames))
    guidance = sum(value for key, value in losses.items() if "distillation" in key)
    assert terms.total.item() == pytest.approx(losses["total_loss"], rel=1e-4)
    assert terms.segmentation.item() == pytest.approx(segmentation, rel=1e-4)
    assert terms.consistency.item() == pytest.approx(losses["klloss_loss"], rel=1e-4)
    assert terms.guidance.item() == pytest.approx(guidance, rel=1e-4, abs=1e-9)
    found = gradient_norms(net)
    assert found == pytest.approx(expected["grad_norm_by_module"], rel=1e-3)
    for name, norm in expected["grad_norm_by_param"].items():
        gradient = net.get_parameter(name).grad
        assert gradient is not None
        if name == "value_encoder.conv1.weight":
            gradient = gradient[:, : 5 if "mem_compress.compress_key" in found else 4]
        assert gradient.norm().item() == pytest.approx(norm, rel=1e-3), name


@pytest.mark.parametrize("iteration", [25001, 5])
def test_a_step_of_the_video_stages(
    shared: Path, inputs: ModuleType, golden: Path, iteration: int
) -> None:
    shapes = json.loads((shared / "reference/state_dict.json").read_text())
    net = build(weights(inputs, shapes), golden)
    terms = step(net, ("STM", "RDE"), batch(inputs, frames=5, elements=2), iteration)
    expected = json.loads((golden / "train_losses.json").read_text())
    check(net, terms, expected[f"stage2_it{iteration}"])


def test_a_step_of_stage_0(shared: Path, inputs: ModuleType, golden: Path) -> None:
    shapes = json.loads((shared / "reference/state_dict.json").read_text())
    shapes = {name: shape for name, shape in shapes.items() if not name.startswith("mem_compress.")}
    shapes["value_encoder.conv1.weight"] = [64, 4, 7, 7]
    net = build(weights(inputs, shapes), golden)
    terms = step(net, ("STM",), batch(inputs, frames=3, elements=1), 25001)
    expected = json.loads((golden / "train_losses.json").read_text())
    check(net, terms, expected["stage0_it25001"])
