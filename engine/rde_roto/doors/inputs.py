"""Inputs are only ever read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rde_roto.images.missing_frames import on_disk
from rde_roto.images.plates import SequencePlate
from rde_roto.values.errors import UsageError
from rde_roto.values.plate import Plate


def refuse_to_overwrite(plate: Plate, others: Iterable[Path], targets: Iterable[Path]) -> None:
    """Raises UsageError when a target would take the place of a plate's file or another input."""
    source = on_disk(plate)
    files = map(source.sequence.path, source.range) if isinstance(source, SequencePlate) else ()
    inputs = {path.resolve() for path in (*others, *files)}
    for target in targets:
        if target.resolve() in inputs:
            raise UsageError(f"--out would overwrite its own input {target}: choose another")
