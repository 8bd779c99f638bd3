"""Trains rde-lite: ``python -m rde_roto.training DATA --out DIR`` (alone or under torchrun).

DATA holds ``davis2016-train`` (JPEGImages, Annotations) and ``stills`` (GROUP/images, GROUP/masks).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist

from rde_roto.net import RDE_LITE, RDENet
from rde_roto.net.efficientnet import EfficientNetKeyTrunk
from rde_roto.training.clips import ClipSampler
from rde_roto.training.footage import read_clips, read_stills
from rde_roto.training.pretrained import load_lite0
from rde_roto.training.trainer import Trainer, TrainingConfig

DEVELOPMENT = frozenset({"bear", "breakdance-flare", "scooter-gray"})
"""Never trained on: the sequences on which figures are reported while working."""


def main() -> None:
    """Reads the data, trains within the budget, and leaves ``checkpoint.pt`` and ``log.csv``."""
    parser = argparse.ArgumentParser(prog="python -m rde_roto.training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with davis2016-train and stills")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and log")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="budget")
    arguments = parser.parse_args()
    rank = 0
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
        rank = dist.get_rank()
    config = TrainingConfig(minutes=arguments.minutes)
    torch.manual_seed(config.seed)
    net = RDENet(RDE_LITE)
    assert isinstance(net.key_encoder, EfficientNetKeyTrunk)
    load_lite0(net.key_encoder)
    sampler = ClipSampler(
        read_clips(arguments.data / "davis2016-train", leave_out=DEVELOPMENT),
        read_stills(arguments.data / "stills"),
        config.size_px,
        torch.Generator().manual_seed(config.seed + rank),
    )
    Trainer(net, sampler, config).run(arguments.out)


if __name__ == "__main__":
    main()
