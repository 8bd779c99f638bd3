"""Weights out of a run: ``python -m rde_roto.training.export RUN WEIGHTS.safetensors``.

Takes the averaged weights of ``RUN/checkpoint.pt`` in float16 and prints the file's sha256, which
the model card must name.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from rde_roto.models import save_weights


def main() -> None:
    """Reads the checkpoint, writes the weights."""
    parser = argparse.ArgumentParser(prog="python -m rde_roto.training.export", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("weights", type=Path, help="file to write")
    arguments = parser.parse_args()
    state = torch.load(arguments.run / "checkpoint.pt", map_location="cpu", weights_only=True)
    weights = {name: tensor.half() for name, tensor in state["average"].items()}
    arguments.weights.parent.mkdir(parents=True, exist_ok=True)
    print(f"iteration {state['iteration']}, sha256 {save_weights(weights, arguments.weights)}")


if __name__ == "__main__":
    main()
