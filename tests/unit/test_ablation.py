from __future__ import annotations

import pytest

from rde_roto.evaluation.ablation import ablations
from rde_roto.values.bank import Bank
from rde_roto.values.errors import UsageError
from rde_roto.values.preset import Preset, Tracking

PRESET = Preset(name="mine", tracking=Tracking(lines=240, memory_every=4, bank=Bank.parse("F+L")))


def test_the_banks_of_the_paper_and_the_growing_one() -> None:
    varied = ablations(PRESET, ("bank",))
    assert len(varied) == 11
    assert [name for name in varied if "STM" in name] == ["bank=STM"]
    for name, preset in varied.items():
        assert name == f"bank={preset.tracking.bank}"
        assert preset.tracking == Tracking(lines=240, memory_every=4, bank=preset.tracking.bank)


def test_theta_with_the_bank_of_the_preset() -> None:
    varied = ablations(PRESET, ("theta",))
    assert list(varied) == ["theta=2", "theta=3", "theta=4", "theta=5"]
    for name, preset in varied.items():
        assert name == f"theta={preset.tracking.memory_every}"
        assert preset.tracking.bank == PRESET.tracking.bank


def test_both_one_after_the_other() -> None:
    both = ablations(PRESET, ("bank", "theta"))
    assert both == ablations(PRESET, ("bank",)) | ablations(PRESET, ("theta",))


@pytest.mark.parametrize("asked", [("banks",), ("bank", ""), ("top_k",)])
def test_what_cannot_be_varied(asked: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"'{asked[-1]}' cannot be varied: expected bank, theta"):
        ablations(PRESET, asked)
