"""A change of the code that changes delivered pixels is named in `digests.MATTE_REVISION`."""

from __future__ import annotations

from importlib import import_module

import make_mattes
import numpy as np
import pytest
from make_mattes import STORED, TOLERANCE, mattes
from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, mask

from rde_roto.propagation import digests
from rde_roto.values.frames import FrameRange


def changed() -> set[str]:
    """The mattes whose pixels are others than those of the revision."""
    made = mattes()
    with np.load(STORED) as stored:
        assert sorted(stored) == sorted([*made, "revision"]), "make mattes.npz anew"
        return {name for name in made if not (abs(made[name] - stored[name]) <= TOLERANCE).all()}


def test_the_revision_is_that_of_the_pixels() -> None:
    with np.load(STORED) as stored:
        assert int(stored["revision"]) == digests.MATTE_REVISION, (
            "run tests/golden/make_mattes.py, and look at what has changed"
        )
    assert changed() == set(), (
        "delivered mattes have other pixels: raise propagation.digests.MATTE_REVISION, so that "
        "old ones are made again, and run tests/golden/make_mattes.py"
    )


# The smallest changes that somebody may make, and whose pixels they are.
EDITS = [
    ("matte.edges", "_ROUNDS", 9, {"finished", "shaped"}),
    ("matte.guided_filter", "_SLIGHT_VARIANCE", 6e-3, {"finished", "shaped"}),
    ("matte.guided_filter", "_LEAST_MISFIT", 1.2e-3, {"finished", "shaped"}),
    ("matte.guided_filter", "_LEAST_VARIANCE", 1.2e-4, {"finished", "shaped"}),
    ("matte.dechatter", "_ALIKE", 0.061, {"steadied"}),
    ("matte.dechatter", "_LEVELS", 1, {"steadied"}),
    ("matte.dechatter", "_ROUNDS", 1, {"steadied"}),
    (
        "matte.blend",
        "_certainty",
        lambda raw: np.maximum(raw.max(axis=0), 0.5),
        {"blended", "blended-boxes"},
    ),
]


@pytest.mark.parametrize(("module", "name", "value", "seen"), EDITS)
def test_an_edit_of_the_code_is_seen(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str, value: object, seen: set[str]
) -> None:
    monkeypatch.setattr(import_module(f"rde_roto.{module}"), name, value)
    assert changed() >= seen


def test_pixels_are_not_made_anew_under_the_old_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("rde_roto.matte.edges"), "_ROUNDS", 9)
    before = STORED.read_bytes()
    with pytest.raises(SystemExit, match="raise propagation"):
        make_mattes._make()
    assert STORED.read_bytes() == before


def test_another_revision_is_another_name_for_every_matte(monkeypatch: pytest.MonkeyPatch) -> None:
    plate = MemoryPlate(FrameRange.parse("1001-1012"))
    shot = a_shot(mask(1002), mask(1008), plate=plate)
    finish = PRESET.finish.model_copy(update={"dechatter": 0.5})
    for preset in (PRESET, PRESET.model_copy(update={"finish": finish})):
        now = [ToyNode(shot, preset).digest(frame) for frame in plate.range]
        monkeypatch.setattr(digests, "MATTE_REVISION", digests.MATTE_REVISION + 1)
        after = [ToyNode(shot, preset).digest(frame) for frame in plate.range]
        monkeypatch.undo()
        assert not set(now) & set(after)
