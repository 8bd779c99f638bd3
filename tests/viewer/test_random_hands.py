"""Whatever an artist does, in any order and at any moment, nothing is lost and nothing breaks."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from desk import Desk
from random_hands import Hands, nothing_escapes

pytest_plugins = ("command_line_fixtures", "viewer_fixtures")

ACTIONS = 50
QUICK, ALL = 2, 150
SEEDS = [
    *range(QUICK),
    *(
        pytest.param(seed, marks=[pytest.mark.slow, pytest.mark.timeout(600)])
        for seed in range(QUICK, ALL)
    ),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_anything_in_any_order(seed: int, desk: Desk, document: Path, tmp_path: Path) -> None:
    """What was done is printed, to do it again by hand. Threads take their time: a seed that fails
    once may pass the next time.
    """
    desk.window.resize(1280, 720)
    hands = Hands(desk, random.Random(seed), tmp_path, document)
    try:
        with nothing_escapes():
            hands.open(document)
            for _ in range(ACTIONS):
                hands.act()
            hands.check()
    finally:
        print("\n".join(hands.done))
