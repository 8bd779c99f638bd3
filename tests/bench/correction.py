"""What an edit costs in steps of the network: ``python tests/bench/correction.py``.

A shot of 300 frames with keyframes at 1, 100, 200 and 300, rendered whole, then edited. Steps do
not depend on the network, so the toy of the tests takes them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lines import report

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "unit")]

from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, mask

from rde_roto.stores import Stores
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Finish, Preset
from rde_roto.values.shot import Shot


def main() -> None:
    """Prints the line."""
    stores = Stores.in_ram(10**9)
    frames = FrameRange.parse("1-300")
    plate = MemoryPlate(frames)
    keyframes = [mask(frame) for frame in (1, 100, 200, 300)]

    def steps(shot: Shot, preset: Preset = PRESET) -> int:
        node = ToyNode(shot, preset, stores)
        for _ in node.render():
            pass
        return node.steps

    before = a_shot(*keyframes, plate=plate)
    corrected = a_shot(*keyframes[:2], mask(200, draw=1), keyframes[3], plate=plate)
    added = a_shot(*keyframes, mask(150), plate=plate)
    repaired = a_shot(*keyframes, plate=MemoryPlate(frames, edited=frozenset({250})))
    feathered = PRESET.model_copy(update={"finish": Finish(feather_px=2)})
    report(
        bench="steps after an edit",
        frames=len(frames),
        whole=steps(before),
        keyframe_200_redrawn=steps(corrected),
        keyframe_150_added=steps(added),
        plate_250_repaired=steps(repaired),
        feather=steps(before, feathered),
        undo=steps(before),
    )


if __name__ == "__main__":
    main()
