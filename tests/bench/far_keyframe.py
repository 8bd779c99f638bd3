"""What a second keyframe brings: ``python tests/bench/far_keyframe.py DAVIS [NAME …]``.

Each sequence is tracked by rde-lite at 240 lines from its first mask alone, then with the true mask
of its last frame as a second keyframe: mean J&F of the middle half of the sequence and of its last
quarter without the last frame, which is then a keyframe.
"""

from __future__ import annotations

from known_truth import KnownTruth, measure_each
from lines import report


def measure(known: KnownTruth) -> None:
    """One line."""
    frames, quarter = known.frames, len(known.frames) // 4
    one, two = known.from_first, known.corrected(frames[-1])
    middle, end = frames[quarter:-quarter], frames[-quarter:-1]
    report(
        bench="far_keyframe",
        sequence=known.name,
        middle_one=known.j_and_f(one, middle),
        middle_two=known.j_and_f(two, middle),
        end_one=known.j_and_f(one, end),
        end_two=known.j_and_f(two, end),
    )


if __name__ == "__main__":
    measure_each(__doc__, measure)
