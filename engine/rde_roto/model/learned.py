"""Learned weights on disk: what a model has learned of one shot, in write-once files.

A file holds the weights that have changed, as safetensors, and says on which model it stands. It is
named after the sha256 of its bytes, so that one that was damaged, or put in the place of another,
is found out when it is read.
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

_STANDS_ON = "base"
_TOKEN_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Learned:
    """Weights by name; `base` is the sha256 of the model that they stand on.

    content: the file that keeps them; source: where it was read, for messages.
    """

    weights: Mapping[str, Tensor]
    base: str
    content: bytes
    source: Path = Path("what was learned")

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], base: str) -> Learned:
        """On their way to a file: the same weights are the same bytes."""
        whole = {name: weight.contiguous() for name, weight in weights.items()}
        # with one text alone the order of what is written is certain
        return cls(weights, base, save(whole, {_STANDS_ON: base}))

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def write(self, folder: Path) -> Path:
        """Writes the file, unless it is there and undamaged. Raises OutputError."""
        path = folder / learned_name(self.sha256)
        try:
            is_there = path.read_bytes() == self.content
        except OSError:
            is_there = False
        if not is_there:
            write_bytes(path, self.content)
        return path


def read_learned(path: Path) -> Learned:
    """Learned weights, on the CPU, in the type they are kept in.

    Raises WeightsError when the file is missing, damaged or another one, or holds none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if path.name != learned_name(hashlib.sha256(content).hexdigest()):
        raise _unusable(path, "it is damaged, or not the file that was written under this name")
    try:
        weights = load(content)
    except SafetensorError as error:
        raise _unusable(path, "it is no safetensors") from error
    length = int.from_bytes(content[:8], "little")
    base = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get(_STANDS_ON)
    if base is None:
        raise _unusable(path, "it does not say on which model it stands")
    return Learned(weights, base, content, path)


def learned_name(sha256: str) -> str:
    """The name of the file with that sha256."""
    return f"{sha256[:_TOKEN_DIGITS]}.safetensors"


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot use the learned weights {path}: {reason}. Put the file back, or go on without it: "
        "rde-roto shot learn SHOT --forget"
    )
