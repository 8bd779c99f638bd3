"""Makes own_parity.npz: what the code gave on the day its numbers were last meant to change.

The golden fixtures of the published network lie outside the repository; this one lies in it, so
that any clone can tell whether a change of the code changed its pixels. Run it after a change that
is meant to, from the repository's root, with the package installed, and say so in the commit:

    PYTHONPATH=tests python tests/golden/make_own_parity.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch

from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.net import RDE_LITE, RDE_R50, RDENet
from rde_roto.values.bank import Bank
from rde_roto.values.matte import FloatArray
from rde_roto.values.preset import Tracking
from seeded import seeded_network, seeded_shot

STORED: Final = Path(__file__).with_name("own_parity.npz")
TOP_K: Final = {"full": None, "top10": 10}

SIZE: Final = {"rde-r50": (96, 128), "rde-lite": (90, 125)}
"""The larger one is 6 x 8 places of stride 16, enough for the widest dilation of SAM; the other
needs padding, odd to the right."""


def propagate(net: RDENet, top_k: int | None) -> FloatArray:
    """Two elements through a seeded shot, updates at frames 2 and 4.

    Returns: probabilities [3, 3, H / 3, W / 3], of frames 1, 3 and 5 (no update before them, one,
        two), background first, every third row and column.
    """
    bank = Bank.parse("2F+L+RDE")
    tracking = Tracking(memory_every=2, top_k=top_k, bank=bank, state_dtype="float32")
    propagator = RDETracker(InferenceForms(net), tracking, torch.device("cpu"))
    views, alpha = seeded_shot(6, *SIZE[net.config.name])
    geometry = propagator.geometry(alpha.shape[1:])
    state, kept = propagator.begin([(propagator.encode(views[:1]), alpha)]), []
    for index, view in enumerate(views[1:], start=1):
        frame = propagator.encode([view])
        probabilities = propagator.read(state, frame)
        if index % 2 == 0:
            state = propagator.absorb(state, frame, probabilities)
        else:
            kept.append(geometry.to_plate(probabilities)[..., 1::3, 1::3])
    sampled: FloatArray = torch.cat(kept).numpy()
    return sampled


def _make() -> None:
    torch.set_num_threads(1)
    arrays: dict[str, FloatArray] = {}
    for config in (RDE_LITE, RDE_R50):
        net = seeded_network(config)
        for name, top_k in TOP_K.items():
            arrays[f"{config.name}_{name}"] = propagate(net, top_k)
    np.savez_compressed(STORED, **arrays)  # type: ignore[arg-type]
    print(f"{STORED}: {STORED.stat().st_size} bytes")


if __name__ == "__main__":
    _make()
