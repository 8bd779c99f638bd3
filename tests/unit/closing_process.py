"""A session in a process of its own that is closed while something is selected."""

from __future__ import annotations

import sys
import threading

import torch
from session_bench import ToySelector, working_on

from rde_roto.session.drawing.selection import Change, Hints
from rde_roto.values.matte import FloatArray


class LateSelector(ToySelector):
    """Computes until after the program's end."""

    def select(self, frame: int, before: FloatArray, hints: Hints) -> Change | None:
        threading.main_thread().join()
        layer = torch.nn.Conv2d(8, 8, 3)
        with torch.inference_mode():
            for _ in range(50):
                layer(torch.zeros(1, 8, 256, 256))
        print("selected", flush=True)
        return super().select(frame, before, hints)


def main(document: str) -> None:
    with working_on(document) as bench:
        sheet = bench.session.paint
        sheet.selecting._selector = LateSelector(bench.session.plate)
        sheet.choose_tool("smart")
        bench.until(lambda: not sheet.selecting._is_running)  # it has looked at the frame
        bench.stroke((30.0, 24.0))
        print("closed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
