"""Learned weights on disk: what a model has learned from one shot, in write-once files.

A file holds the weights that changed, as safetensors, and names its base model. The file name is
derived from the sha256 of its bytes, so a damaged or swapped file is detected when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rde_roto.atomic import write_bytes
from rde_roto.values.errors import WeightsError
from rde_roto.values.regular_files import read_regular

_BASE_KEY = "base"
_TOKEN_DIGITS = 16
_MOST_BYTES = 1 << 30
"""Many times the whole of the largest network."""


@dataclass(frozen=True, eq=False)
class LearnedWeights:
    """Weights by name; `base` is the sha256 of the base model's weights.

    content: the bytes of their file; source: where it was read, for messages.
    """

    weights: Mapping[str, Tensor]
    base: str
    content: bytes
    source: Path = Path("what was learned")

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], base: str) -> LearnedWeights:
        """Prepare weights for writing: equal weights give equal bytes."""
        contiguous = {name: weight.contiguous() for name, weight in weights.items()}
        # one metadata entry only: the order of several is not defined
        return cls(weights, base, save(contiguous, {_BASE_KEY: base}))

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def write(self, folder: Path) -> Path:
        """Write the file unless it exists undamaged; returns its path. Raises OutputError."""
        path = folder / learned_name(self.sha256)
        try:
            is_intact = read_regular(path, _MOST_BYTES) == self.content
        except OSError:
            is_intact = False
        if not is_intact:
            write_bytes(path, self.content)
        return path


def read_learned(path: Path) -> LearnedWeights:
    """Read learned weights, on the CPU, in their stored dtype.

    Raises WeightsError when the file is missing, damaged, swapped, or holds no learned weights.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if path.name != learned_name(hashlib.sha256(content).hexdigest()):
        raise _unusable(path, "it is damaged, or not the file that was written with this name")
    try:
        weights = load(content)
    except SafetensorError as error:
        raise _unusable(path, "it is not a safetensors file") from error
    length = int.from_bytes(content[:8], "little")
    base = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get(_BASE_KEY)
    if base is None:
        raise _unusable(path, "it does not name its base model")
    return LearnedWeights(weights, base, content, path)


def learned_name(sha256: str) -> str:
    """Return the file name for that sha256."""
    return f"{sha256[:_TOKEN_DIGITS]}.safetensors"


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot use the learned weights {path}: {reason}. Restore the file, or continue without: "
        "rde-roto shot learn SHOT --forget"
    )
