"""Ablations: vary one setting of a preset and keep everything else."""

from __future__ import annotations

from typing import Final

from rde_roto.values.bank import Bank
from rde_roto.values.errors import UsageError
from rde_roto.values.preset import Preset

BANKS: Final = (
    "RDE",
    "F",
    "F+RDE",
    "L",
    "L+RDE",
    "F+L",
    "F+L+RDE",
    "2F+L",
    "F+2L",
    "2F+L+RDE",
    "STM",
)
"""The banks of table 5 of the RDE-VOS paper, and the growing bank for comparison."""

THETAS: Final = (2, 3, 4, 5)
"""Values of tracking.memory_every."""


def ablations(preset: Preset, settings: tuple[str, ...]) -> dict[str, Preset]:
    """Make a preset for each value, with a name such as `bank=F+L`.

    `settings` are varied one after the other: "bank", "theta" or both. Raises UsageError for
    anything else.
    """
    changes: dict[str, dict[str, object]] = {}
    for setting in settings:
        if setting == "bank":
            changes |= {f"bank={text}": {"bank": Bank.parse(text)} for text in BANKS}
        elif setting == "theta":
            changes |= {f"theta={theta}": {"memory_every": theta} for theta in THETAS}
        else:
            raise UsageError(f"'{setting}' cannot be varied: expected bank, theta or bank,theta")
    return {
        name: preset.model_copy(update={"tracking": preset.tracking.model_copy(update=change)})
        for name, change in changes.items()
    }
