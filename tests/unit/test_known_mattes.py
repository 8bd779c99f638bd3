"""What is known of mattes: which came first, which go after undo, and that it stays small."""

from __future__ import annotations

import numpy as np

from rde_roto.session.mattes.known_mattes import KnownMattes
from rde_roto.stores import Stores

FRAMES = range(1001, 1011)


def digests_at(edit: int) -> dict[int, str]:
    return {frame: f"{frame}-{edit}" for frame in FRAMES}


def edited(known: KnownMattes, edit: int, *, forgets: bool = False, made: bool = True) -> None:
    """Another step of the history, whose mattes are made unless that is not wanted."""
    known.begin_step(edit, forgets=forgets)
    known.set_ids(("hero",))
    known.set_digests(digests_at(edit), set())
    for frame in FRAMES if made else ():
        known.add(frame, f"{frame}-{edit}")


def test_a_hundred_edits_keep_one_matte_of_each_frame() -> None:
    known, mattes = KnownMattes(), Stores.in_ram().mattes
    for edit in range(100):
        edited(known, edit)
    held = {name: value for name, value in vars(known).items() if hasattr(value, "__len__")}
    assert len(held) == 4
    assert {len(value) for value in held.values()} <= {1, len(FRAMES)}
    assert known.newest(1001, mattes) is None  # none is in memory here
    assert known.made == set(FRAMES)


def test_undo_forgets_what_only_later_steps_had_and_nothing_older() -> None:
    known = KnownMattes()
    edited(known, 1)
    edited(known, 2, made=False)
    assert all(known.is_stale(frame) for frame in FRAMES)
    known.add(1005, "1005-2")
    edited(known, 3, made=False)
    edited(known, 1, forgets=True, made=False)
    known.set_digests(digests_at(9), set())  # as if nothing of the first step were stored
    assert not known.is_stale(1005)
    assert all(known.is_stale(frame) for frame in FRAMES if frame != 1005)


def test_a_matte_that_comes_back_belongs_to_the_first_step_that_had_it() -> None:
    known, mattes = KnownMattes(), Stores.in_ram().mattes
    edited(known, 1)
    for frame in FRAMES:
        mattes.put(f"{frame}-1", np.ones((1, 2, 2), np.float32))
    edited(known, 2, made=False)
    known.begin_step(3, forgets=False)
    known.set_digests(digests_at(1), set())  # the third edit takes the second back
    seen = known.newest(1001, mattes)
    assert seen is not None
    assert seen.is_current
    known.begin_step(2, forgets=True)
    known.set_digests(digests_at(2), set())
    assert known.is_stale(1001)
