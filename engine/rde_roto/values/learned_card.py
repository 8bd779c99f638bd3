"""What is known of what a model has learned of a shot: the card beside the learned weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rde_roto.values.digest import digest_of
from rde_roto.values.errors import WeightsError
from rde_roto.values.matte import FloatArray
from rde_roto.values.model_card import CommercialUse


class LearnedCard(BaseModel):
    """How learned weights came to be, in the order in which people ask.

    `kept` tells whether they were better than what was there, `why` what spoke against them; only
    if they were better is there a file, whose sha256 is `sha256`. `base_sha256` is that of the
    model that they stand on, `from_sha256` that of the weights with which it began, which may be
    learned ones. `licence` is the base model's: what is learned on it stays under it. `before` and
    `after` are mean J, 0..1, by kind of check.
    `studied` maps frames to the digest of their plate and mattes; one of them, `held_out`, was
    examined before it was studied, if there were two or more. `visited` are frames that were looked
    at without a matte. `lesson` names all that decided what was learned.
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

    def to_yaml(self) -> str:
        """The card as text."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def truth_digest(plate_frame: str, alpha: FloatArray) -> str:
    """Names a studied frame: the digest of the plate's frame, and float32 [K, H, W] in 0..1, the
    mattes of all elements of the shot."""
    return digest_of("truth", plate_frame, alpha)


def card_path(weights: Path) -> Path:
    """Where the card of learned weights lies."""
    return weights.with_suffix(".yaml")


def read_learned_card(path: Path) -> LearnedCard | None:
    """A card, None when there is none.

    Raises WeightsError when it is damaged or has a key that no card has.
    """
    if not path.is_file():
        return None
    try:
        return LearnedCard.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"the card {path} cannot be read: {reason}") from error
