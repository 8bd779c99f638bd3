"""Is the suggested frame worth correcting? ``python tests/bench/next_to_fix.py DAVIS [NAME …]``.

Each sequence is tracked by rde-lite at 240 lines from its first mask. Then a second keyframe with
the true mask is put at the frame that ``next_to_fix`` suggests, and, instead, at each of ten frames
spread over the sequence: mean J&F of the whole sequence, as it was, with the suggestion, with one
of the ten on average, and with the best of them. Without a suggestion nothing is corrected.
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
from known_truth import KnownTruth, measure_each
from lines import report

from rde_roto.advice import next_to_fix

TRIED = 10


def measure(known: KnownTruth) -> None:
    """One line."""
    frames = known.frames

    def corrected(frame: int) -> float:
        return known.j_and_f(known.corrected(frame))

    before = known.j_and_f(known.from_first)
    suggestion = next_to_fix(known.from_first)
    spread = np.linspace(len(frames) / 11, len(frames) - 1, TRIED).round().astype(int)
    tried = [corrected(frames[place]) for place in spread]
    report(
        bench="next_to_fix",
        sequence=known.name,
        as_it_was=before,
        suggested_frame=None if suggestion is None else suggestion.frame,
        suggested=before if suggestion is None else corrected(suggestion.frame),
        any_frame=fmean(tried),
        best_of_ten=max(tried),
    )


if __name__ == "__main__":
    measure_each(__doc__, measure)
