"""One network for all who track with it: nodes, shots and edits."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from image_files import ramp, write_image
from torch import nn
from toy_shots import a_shot, mask

from rde_roto.doors.hosts.shots import Shots
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.model.forms import InferenceForms
from rde_roto.model.learned import LearnedWeights
from rde_roto.model.rde_tracker import RDETracker, tracker_of
from rde_roto.model.weights import Model, load_model, with_learned
from rde_roto.net import InferenceNet, RDENet
from rde_roto.node import RotoNode
from rde_roto.values.preset import Preset, Tracking

CPU = torch.device("cpu")
SHOTS = 16


def model_of(net: RDENet) -> Model:
    return Model("toy", net, "0" * 64, "none")


def network(node: RotoNode) -> InferenceNet:
    tracker = node.walker.tracker
    assert isinstance(tracker, RDETracker)
    return tracker.net


def held_bytes(nets: list[InferenceNet]) -> int:
    """What all tensors of some networks take, those that they share counted once."""
    held = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for net in nets
        for part in net.modules()
        for tensor in (*part.parameters(False), *part.buffers(False), *vars(part).values())
        if isinstance(tensor, torch.Tensor)
    }
    assert held
    return sum(held.values())


def test_nodes_shots_and_edits_share_one_network(toy: RDENet) -> None:
    load = tracker_of(model_of(toy), CPU)
    node = RotoNode(a_shot(mask(1005)), Preset(name="toy", tracking=Tracking(lines=96)), load)
    edited = node.edited(preset=Preset(name="toy", tracking=Tracking(lines=128)))
    other = RotoNode(a_shot(mask(1001)), node.preset, load)
    pointers = [[p.data_ptr() for p in network(n).parameters()] for n in (node, edited, other)]
    assert pointers[0]
    assert pointers[0] == pointers[1] == pointers[2]


def test_another_dtype_and_learned_weights_have_a_form_of_their_own(toy: RDENet) -> None:
    forms = InferenceForms(toy)
    full, half = forms.get(torch.float32, CPU), forms.get(torch.bfloat16, CPU)
    assert full is not half
    assert (full.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    model = model_of(toy)
    name, weight = next((n, w) for n, w in toy.state_dict().items() if n.endswith("weight"))
    learned = with_learned(model, LearnedWeights.of({name: weight + 1}, model.sha256))
    assert learned.forms.get(torch.float32, CPU) is not model.forms.get(torch.float32, CPU)


def test_threads_that_come_at_once_build_one(toy: RDENet) -> None:
    forms, start = InferenceForms(toy), Barrier(4)

    def get(_: int) -> InferenceNet:
        start.wait()
        return forms.get(torch.float32, CPU)

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(get, range(4))
    assert all(other is first for other in others)


def test_a_form_that_nobody_uses_any_more_is_freed(toy: RDENet) -> None:
    model = model_of(toy)
    tracker = tracker_of(model, CPU)(Tracking())
    form = weakref.ref[nn.Module](tracker.net)
    other = tracker.for_plate(2.0, None)
    del tracker
    gc.collect()
    assert form() is other.net
    del other
    gc.collect()
    assert form() is None


def test_sixteen_open_shots_of_one_model_cost_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "plate").mkdir()
    write_image(tmp_path / "plate" / "p.1001.png", ramp(64, 96), "uint8")
    keyframe = np.zeros((64, 96, 1), np.float32)
    keyframe[16:48, 16:48] = 1
    write_image(tmp_path / "mask.png", keyframe, "uint8")

    def said(number: int) -> dict[str, Any]:
        text: dict[str, Any] = {
            "schema": "rde-roto.shot/1",
            "plate": {"path": str(tmp_path / "plate")},
            "elements": [{"id": f"hero{number}"}],
            "keyframes": [{"frame": 1001, "mask": str(tmp_path / "mask.png")}],
        }
        return text

    with PlateMemo(tmp_path / "cache") as memo:
        shots = Shots(CPU, memo)
        nets = [network(node) for node in {shots.get(said(n)).node for n in range(SHOTS)}]
    assert len(nets) == SHOTS
    own = InferenceForms(load_model("rde-lite").net).get(nets[0].dtype, CPU)
    assert held_bytes(nets) == held_bytes([own])
