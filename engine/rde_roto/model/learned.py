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
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.values.errors import WeightsError
from rde_roto.values.regular_files import read_regular

_BASE_KEY = "base"
_EDGES = "edges."
"""Prefix of the weights of learned edges."""
_TOKEN_DIGITS = 16
_MOST_BYTES = 1 << 30
"""Many times the whole of the largest network."""


@dataclass(frozen=True, eq=False)
class LearnedWeights:
    """The tracker's weights by name; `base` is the sha256 of the base model's weights.

    content: the bytes of their file; source: where it was read, for messages; edges: what was
    learned about the shot's edges, which is in the same file, if anything.
    """

    weights: Mapping[str, Tensor]
    base: str
    content: bytes
    source: Path = Path("what was learned")
    edges: LearnedEdges | None = None

    @classmethod
    def of(
        cls, weights: Mapping[str, Tensor], base: str, edges: LearnedEdges | None = None
    ) -> LearnedWeights:
        """Prepare weights for writing: equal weights give equal bytes."""
        own = {} if edges is None else edges.weights
        every = {**weights, **{_EDGES + name: weight for name, weight in own.items()}}
        contiguous = {name: weight.contiguous() for name, weight in every.items()}
        # one metadata entry only: the order of several is not defined
        return cls(weights, base, save(contiguous, {_BASE_KEY: base}), edges=edges)

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the file."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def tracker_sha256(self) -> str:
        """What it would be without learned edges, or the base's if nothing else was learned: edges
        that were learned again track nothing again.
        """
        if not self.weights:
            return self.base
        return self.sha256 if self.edges is None else self.of(self.weights, self.base).sha256

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
    own = {name[len(_EDGES) :]: w for name, w in weights.items() if name.startswith(_EDGES)}
    trackers = {name: w for name, w in weights.items() if not name.startswith(_EDGES)}
    try:
        edges = LearnedEdges.of(own) if own else None
    except RuntimeError as error:
        raise _unusable(path, "its learned edges do not fit this version of rde-roto") from error
    return LearnedWeights(trackers, base, content, path, edges)


def learned_name(sha256: str) -> str:
    """Return the file name for that sha256."""
    return f"{sha256[:_TOKEN_DIGITS]}.safetensors"


def _unusable(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"cannot use the learned weights {path}: {reason}. Restore the file, or forget what was "
        "learned",
        keys=("learned",),
    )
