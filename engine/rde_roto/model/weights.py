"""Models: found by name, checked and loaded.

A model is a weights file and a YAML card of the same name beside it. Names are looked up in the
package, then in the user's model folder; anything with a suffix or a folder is a path.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from torch import Tensor

from rde_roto.atomic import replacing, write_text
from rde_roto.documents.model_card import (
    PUBLISHED_RDE_VOS,
    CommercialUse,
    ModelCard,
    ModelChoice,
    read_card,
)
from rde_roto.model.forms import InferenceForms
from rde_roto.model.learned import LearnedWeights, read_learned
from rde_roto.model.learned_edges import LearnedEdges
from rde_roto.model.weight_files import build, check_keys, checked_weights, save_weights
from rde_roto.net import RDE_R50, RDENet
from rde_roto.values.errors import UsageError, WeightsError


@dataclass(frozen=True)
class ModelFile:
    """A weights file and its card, None if it has none."""

    path: Path
    card: ModelCard | None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.path.stem

    @property
    def licence(self) -> str:
        """From the card; "unknown" without one."""
        return "unknown" if self.card is None else self.card.licence

    @property
    def commercial_use(self) -> CommercialUse:
        """From the card; "unknown" without one."""
        return "unknown" if self.card is None else self.card.commercial_use


@dataclass(frozen=True, eq=False)
class Model:
    """A network ready to run. ``sha256`` is the hash of the file of its weights.

    If the model has learned from a shot, ``net`` has the weights of ``learned``, and ``sha256`` is
    the hash of their file without learned edges, which are another network. ``forms`` is what
    tracks; the weights of ``net`` never change.
    """

    name: str
    net: RDENet
    sha256: str
    licence: str
    commercial_use: CommercialUse = "unknown"
    learned: LearnedWeights | None = None
    forms: InferenceForms = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "forms", InferenceForms(self.net))  # frozen

    @property
    def base_sha256(self) -> str:
        """The hash of the base model's file, without learned weights."""
        return self.sha256 if self.learned is None else self.learned.base

    @property
    def edges(self) -> LearnedEdges | None:
        """What the model has learned about the edges of a shot, if anything."""
        return self.learned.edges if self.learned else None


def licence_line(model: ModelFile | Model) -> str:
    """Return a model's name and licence in one line, the same everywhere."""
    return f"{model.name}: {model.licence}; commercial use: {model.commercial_use}"


def model_folders() -> tuple[Path, ...]:
    """Return the folders in which names are looked up: the package's, then the user's."""
    return Path(str(files("rde_roto") / "weights")), user_model_folder()


def user_model_folder() -> Path:
    """Return the folder into which ``install_model`` puts weights."""
    return platformdirs.user_data_path("rde-roto", appauthor=False) / "models"


def list_models() -> Iterator[ModelFile]:
    """List all installed models. Raises WeightsError for a damaged card."""
    for path in _installed().values():
        yield ModelFile(path, read_card(path))


def find_model(name_or_path: str) -> ModelFile:
    """Find a model by name or path. Raises WeightsError, listing the installed models."""
    installed = _installed()
    path = installed.get(name_or_path, Path(name_or_path))
    if path.is_file():
        return ModelFile(path, read_card(path))
    if path.suffix or path.parent != Path():
        raise WeightsError(f"there is no weights file {path}")
    raise WeightsError(
        f"there is no model '{name_or_path}'; installed are: {', '.join(installed) or 'none'}. "
        "Weights of your own: name their file, or install them with rde-roto model install",
        keys=("model",),
    )


def load_model(choice: str | Path | ModelChoice) -> Model:
    """Find, check and load a network, on the CPU, in float32, including learned weights.

    Args: choice, a name or path, or the choice of a shot document (`OpenedShot.model`).

    Raises WeightsError when a file is missing, damaged, not the one of its card, or does not fit
    its architecture in every key and shape, and when weights were learned on another model.
    """
    choice = choice if isinstance(choice, ModelChoice) else ModelChoice(str(choice))
    found = find_model(choice.name)
    weights, sha256 = checked_weights(found.path, found.card)
    net = build(weights, found.path, _architecture(found.card))
    model = Model(found.name, net, sha256, found.licence, found.commercial_use)
    return model if choice.learned is None else with_learned(model, read_learned(choice.learned))


def with_learned(model: Model, learned: LearnedWeights) -> Model:
    """Make a model with learned weights; the given model is not changed.

    Raises WeightsError when they were learned on another model, or do not fit.
    """
    if learned.base != model.base_sha256:
        raise WeightsError(
            f"{learned.source} was learned on another model (sha256 {learned.base[:12]}…) than "
            f"{model.name} ({model.base_sha256[:12]}…): choose that model, or forget what was "
            "learned, and learn again",
            keys=("learned",),
        )
    net = copy.deepcopy(model.net)
    own = net.state_dict()
    merged = {**own, **learned.weights}
    check_keys(merged, own, learned.source, net.config.name)
    net.load_state_dict(merged)
    return replace(model, net=net, sha256=learned.tracker_sha256, learned=learned)


def install_model(source: Path, name: str | None = None) -> ModelFile:
    """Check a weights file and copy it as safetensors, with a card, into the user's folder.

    A card beside the source is copied too. Without one, the new card says what is known about the
    paper's checkpoint, if all its names match, or else that the licence is unknown. Raises
    WeightsError as ``load_model``, UsageError when the name is that of a shipped model or leads out
    of the folder, OutputError when the folder is not writable.
    """
    name = name or source.stem
    if name.startswith(".") or "/" in name or "\\" in name:
        raise UsageError(f"'{name}' cannot name a model: give it another with --name")
    if not source.is_file():
        raise WeightsError(f"there is no weights file {source}")
    packaged, folder = model_folders()
    if (packaged / f"{name}.safetensors").exists():
        raise UsageError(f"'{name}' is a shipped model: give yours another name with --name")
    card = read_card(source)
    weights, _ = checked_weights(source, card)
    net = build(weights, source, _architecture(card))
    target = folder / f"{name}.safetensors"
    known = _known_of(net, weights, source) if card is None else card.model_dump()
    with replacing(target) as temporary:  # renamed only after its card is written
        sha256 = save_weights(net.state_dict(), temporary)
        own = {"name": name, "architecture": net.config.name, "sha256": sha256}
        installed = ModelCard(**{**known, **own})
        write_card(installed, target)
    return ModelFile(target, installed)


def write_card(card: ModelCard, weights: Path) -> None:
    """Write the card beside its weights. Raises OutputError."""
    text = yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(weights.with_suffix(".yaml"), text)


def _installed() -> dict[str, Path]:
    """All weights files by name; those of the package have precedence."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, path)
    return found


def _architecture(card: ModelCard | None) -> str | None:
    return None if card is None else card.architecture


def _known_of(net: RDENet, weights: Mapping[str, Tensor], source: Path) -> Mapping[str, Any]:
    """The facts for the card of weights that came without one."""
    if net.config is RDE_R50 and weights.keys() == net.state_dict().keys():
        return PUBLISHED_RDE_VOS
    return {"licence": "unknown: ask whoever gave you the file", "summary": f"from {source.name}"}
