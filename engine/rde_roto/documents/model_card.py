"""The card beside a model's weights, and the default model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from rde_roto.documents.yaml_text import MOST_BYTES, Source, value_in
from rde_roto.values.errors import DocumentError, WeightsError
from rde_roto.values.regular_files import read_regular_text

DEFAULT_MODEL: Final = "rde-lite"

CommercialUse: TypeAlias = Literal["allowed", "not allowed", "unknown"]
"""Whether the terms of the weights and of their training data allow paid work."""


@dataclass(frozen=True)
class ModelChoice:
    """The weights that track a shot: a model's name or file, and what it learned from the shot.

    `learned` is a file of learned weights (`model.learned`); None to use the model as it is.
    """

    name: str
    learned: Path | None = None


class ModelCard(BaseModel):
    """What is known about a weights file. Unknown keys are refused, so a typo is noticed.

    ``licence`` is a sentence for people, ``commercial_use`` its meaning for software; ``origin``
    says who made the weights and where they were published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    architecture: str
    sha256: str
    licence: str
    commercial_use: CommercialUse = "unknown"
    origin: str = ""
    summary: str
    training_data: tuple[str, ...] = ()
    trained_at: str = ""
    figures: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()


# What is known about the paper's checkpoint, which has no card.
PUBLISHED_RDE_VOS: Final[Mapping[str, Any]] = {
    "licence": "none stated for the weights (their code is MIT): ask their authors",
    "commercial_use": "unknown",
    "origin": "Li et al., Recurrent Dynamic Embedding for Video Object Segmentation, CVPR 2022; "
    "https://github.com/Limingxing00/RDE-VOS-CVPR2022",
    "summary": "RDE-VOS on ResNet-50, the paper's network; taken for the published checkpoint "
    "because it has the same names and shapes",
    "training_data": (
        "static images with masks: FSS, DUTS, ECSSD, BIG, HRSOD (each has terms of its own)",
        "BL30K (its textures are for non-commercial use), unless this is a file made without it",
        "DAVIS 2017",
        "YouTube-VOS",
    ),
}


def read_card(weights: Path) -> ModelCard | None:
    """Read the card beside a weights file; None if there is none.

    Raises WeightsError when it is damaged or has an unknown key.
    """
    path = weights.with_suffix(".yaml")
    if not path.is_file():
        return None
    try:
        content = value_in(read_regular_text(path, MOST_BYTES), Source(path.name))
        return ModelCard.model_validate(content)
    except (OSError, ValidationError, DocumentError, UnicodeDecodeError) as error:
        reason = card_fault(error)
        raise WeightsError(f"the model card {path} cannot be read: {reason}") from error


def card_fault(error: Exception) -> str:
    """Return what is wrong with a card in one clause: an unknown key first, as it may be a typo."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    faults = error.errors(include_url=False)
    fault = min(faults, key=lambda each: each["type"] != "extra_forbidden")
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}'"
    if fault["type"] == "missing":
        return f"the key '{key}' is missing"
    return f"{key}: {fault['msg']}" if key else fault["msg"]
