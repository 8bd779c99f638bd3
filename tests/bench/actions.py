"""How much an artist has to do in the window: ``python tests/bench/actions.py DATA SEQUENCE...``.

DATA has ``JPEGImages/SEQUENCE`` and ``Annotations/SEQUENCE``. The scripted artist of
`tests/viewer/artist.py` draws the first mask with the select tool and the lasso until its IoU is
0.95, propagates, and corrects a frame at a time, the one that the window suggests, until J&F over
the sequence is 0.90. J&F is measured beside: the artist does not know it. An action is a key or a
press of a button, however long the drag; ``travel`` is the length of all drags, in heights of the
picture. One line of JSON for each sequence.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

sys.path += [str(Path(__file__).parents[1] / name) for name in ("", "unit", "viewer")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from artist import Artist, Hints, at_a_window
from desk import Desk
from lines import report
from PySide6.QtWidgets import QApplication
from whole_roto import score

from rde_roto.images.sequences import find_sequence

FIRST_MASK, FIRST_DRAWN, CORRECTED, WHOLE = 0.93, 0.95, 0.95, 0.90
_MOST_AT_A_FRAME = 12


def open_plate(desk: Desk, plate: Path, folder: Path, lines: int) -> None:
    document = folder / "hero.shot.yaml"
    document.write_text(
        f"schema: rde-roto.shot/1\nplate: {{path: '{plate.resolve()}'}}\n"
        f"elements:\n  - {{id: hero}}\noverrides: {{tracking.lines: {lines}}}\n",
        encoding="utf-8",
    )
    assert desk.window.open(str(document))
    desk.until(lambda: desk.session.navigation.picture() is not None)


def measure(artist: Artist, most_rounds: int) -> dict[str, object]:
    """Roto of the open shot, from nothing; what it took."""
    desk, steps = artist.desk, [(0, 0.0)]
    for value in artist.draw(FIRST_DRAWN):
        steps.append((desk.actions, value))
    first = next((actions for actions, value in steps if value >= FIRST_MASK), None)
    travel, height = desk.travel_px, artist.session.size[0]
    rounds: list[tuple[int, float]] = []
    frames: list[int] = []
    while len(rounds) <= most_rounds:
        artist.propagate("Ctrl+P")
        done = desk.actions
        rounds.append((done, score(artist)))
        if rounds[-1][1] >= WHOLE or len(rounds) > most_rounds:
            break
        frames.append(artist.look_for_trouble())
        for _ in artist.draw(CORRECTED, _MOST_AT_A_FRAME):
            pass
    return {
        "actions_first_mask": first,
        "first_mask_iou": max(value for _, value in steps),
        "first_mask": [(actions, round(value, 3)) for actions, value in steps[1:]],
        "travel_first_mask": travel / height,
        "actions_sequence": next((done for done, value in rounds if value >= WHOLE), None),
        "rounds": rounds,
        "corrected": frames,
        "travel": desk.travel_px / height,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sequences", nargs="+")
    parser.add_argument("--hints", choices=get_args(Hints), default="scribbles")
    parser.add_argument("--lines", type=int, default=240)
    parser.add_argument(
        "--most-rounds", type=int, default=6, help="of corrections; -1: the first mask alone"
    )
    asked = parser.parse_args()
    app = QApplication(sys.argv[:1])
    for name in asked.sequences:
        start = time.process_time()
        plate, truth = asked.data / "JPEGImages" / name, asked.data / "Annotations" / name
        with tempfile.TemporaryDirectory() as folder, at_a_window(app) as desk:
            open_plate(desk, plate, Path(folder), asked.lines)
            found = measure(Artist(desk, find_sequence(str(truth)), asked.hints), asked.most_rounds)
        how = {"hints": asked.hints, "lines": asked.lines}
        report(sequence=name, **how, **found, cpu_s=time.process_time() - start)


if __name__ == "__main__":
    main()
