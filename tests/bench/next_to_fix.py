"""Is the suggested frame worth correcting? ``python tests/bench/next_to_fix.py DAVIS [NAME …]``.

Each sequence is tracked by rde-lite at 240 lines from its first mask. Then a second keyframe with
the true mask is put at the frame that ``next_to_fix`` suggests, and, instead, at each of ten frames
spread over the sequence: mean J&F of the whole sequence, as it was, with the suggestion, with one
of the ten on average, and with the best of them. Without a suggestion nothing is corrected.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from lines import report

from rde_roto.advice import next_to_fix
from rde_roto.evaluation.metrics import SequenceScore
from rde_roto.images.masks import read_labels, read_mask
from rde_roto.images.plates import open_plate
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.models import load_model
from rde_roto.node import RotoNode
from rde_roto.propagator import tracker_of
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot

DEVELOPMENT = ("bear", "breakdance-flare", "scooter-gray")
TRIED = 10


def truth_at(truth: FrameSequence, plate: Plate, frame: int) -> Keyframe:
    """The true mask of a frame, of one element."""
    alpha, _ = read_mask(truth.path(frame), plate.format, "labels")
    return Keyframe(frame, alpha)


def j_and_f(node: RotoNode, truth: FrameSequence) -> float:
    """Of the whole shot."""
    found = {matte.frame: matte.alpha[0] >= 0.5 for matte in node.render()}
    pairs = ((read_labels(truth.path(frame)) > 0, found[frame]) for frame in node.shot.range)
    return SequenceScore.of(pairs).j_and_f


def measure(root: Path, name: str) -> None:
    """One line."""
    plate = open_plate(str(root / "JPEGImages" / name))
    truth = find_sequence(str(root / "Annotations" / name))
    frames = list(truth.range)
    keyframe = truth_at(truth, plate, frames[0])
    shot = Shot(plate, truth.range, elements_named("element"), (keyframe,))
    load = tracker_of(load_model("rde-lite"), torch.device("cpu"))
    node = RotoNode(shot, Preset(name="bench", tracking=Tracking(lines=240)), load)

    def corrected(frame: int) -> float:
        keyframes = (keyframe, truth_at(truth, plate, frame))
        return j_and_f(node.edited(shot=replace(shot, keyframes=keyframes)), truth)

    before = j_and_f(node, truth)
    suggestion = next_to_fix(node)
    spread = np.linspace(len(frames) / 11, len(frames) - 1, TRIED).round().astype(int)
    tried = [corrected(frames[place]) for place in spread]
    report(
        bench="next_to_fix",
        sequence=name,
        as_it_was=before,
        suggested_frame=None if suggestion is None else suggestion.frame,
        suggested=before if suggestion is None else corrected(suggestion.frame),
        any_frame=fmean(tried),
        best_of_ten=max(tried),
    )


def main() -> None:
    """Prints a line for each sequence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="*", default=DEVELOPMENT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.sequences:
        measure(arguments.root, name)


if __name__ == "__main__":
    main()
