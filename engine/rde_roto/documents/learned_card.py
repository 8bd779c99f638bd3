"""The card beside learned weights: how a model learned from a shot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rde_roto.documents.model_card import CommercialUse, card_fault
from rde_roto.documents.yaml_text import MOST_BYTES
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import WeightsError
from rde_roto.values.matte import FloatArray
from rde_roto.values.regular_files import read_regular_text


class EdgesCard(BaseModel):
    """The history of a shot's learned edges.

    `kept` tells whether there are any, `why` what spoke against them. `digest` is that of their
    weights, `studied` the frames, `before` and `after` the error where held out, times 1000: drawn
    after the plate alone, and learned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kept: bool
    why: str = ""
    digest: str = ""
    studied: tuple[int, ...] = ()
    iterations: int = 0
    seconds: float = 0.0
    before: Mapping[str, float] = {}
    after: Mapping[str, float] = {}


class LearnedCard(BaseModel):
    """The history of learned weights, the most interesting facts first.

    `kept` tells whether they were better than the previous weights, `why` what spoke against them.
    `edges` tells the same of the shot's edges, None if they were not thought of. If something was
    kept there is a file, with the hash `sha256`. `base_sha256` is the hash of
    the base model, `from_sha256` that of the weights at the start, which may be learned ones.
    `licence` is the base model's, which covers what is learned on it. `share_kept` is the share of
    each weight's change that they have, None in cards from before it was chosen. `before` and
    `after` are mean J, 0..1, by kind of check. `studied` maps frames to the digest of their plate
    and mattes; one of them, `held_out`, was examined before it was studied, if there were two or
    more. `visited` are frames used without a matte. `lesson` is the digest of everything that
    decided the result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kept: bool
    why: str = ""
    sha256: str
    base: str
    base_sha256: str
    from_sha256: str
    licence: str
    commercial_use: CommercialUse
    steps: int
    share_kept: float | None = None
    seconds: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    studied: Mapping[int, str]
    held_out: int | None = None
    visited: tuple[int, ...]
    seed: int
    threads: int
    device: str
    torch: str
    recipe: Mapping[str, Any]
    lesson: str
    edges: EdgesCard | None = None

    @property
    def has_file(self) -> bool:
        """Whether anything was kept."""
        return self.kept or self.has_edges

    @property
    def has_edges(self) -> bool:
        """Whether the file has learned edges."""
        return self.edges is not None and self.edges.kept

    @property
    def edges_sentence(self) -> str:
        """What became of the shot's edges; empty if they were not thought of."""
        edges = self.edges
        if edges is None:
            return ""
        if not edges.kept:
            return f"edges are not learned: {edges.why}"
        figures = ", ".join(f"{k} {old} -> {edges.after[k]}" for k, old in edges.before.items())
        return f"edges learned, {edges.seconds:.0f} s; where held out: {figures}"

    def to_yaml(self) -> str:
        """Write the card as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def truth_digest(plate_frame: str, alpha: FloatArray) -> str:
    """Return the digest of a studied frame: of the plate frame's digest and the mattes of all
    elements of the shot, float32 [K, H, W] in 0..1.
    """
    return digest_of("truth", plate_frame, alpha)


def card_path(weights: Path) -> Path:
    """Return the path of the card of learned weights."""
    return weights.with_suffix(".yaml")


def read_learned_card(path: Path) -> LearnedCard | None:
    """Read a card; None if there is none.

    Raises WeightsError when it is damaged or has an unknown key.
    """
    if not path.is_file():
        return None
    try:
        return LearnedCard.model_validate(yaml.safe_load(read_regular_text(path, MOST_BYTES)))
    # ValueError: another key or value, no UTF-8, or a text that only looks like a date
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        reason = card_fault(error)
        raise WeightsError(f"the card {path} cannot be read: {reason}") from error
