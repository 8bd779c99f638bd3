"""Weights on disk: found by name, checked to the last key and byte, never executed.

A model is a weights file and, beside it, a card of the same name in YAML. Names are looked up in
the package, then in the user's model folder; anything with a suffix or a folder is a path.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import platformdirs
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from rde_roto.atomic import replacing, write_text
from rde_roto.documents.model_card import (
    PUBLISHED_RDE_VOS,
    CommercialUse,
    ModelCard,
    ModelChoice,
    read_card,
)
from rde_roto.model.learned import LearnedWeights, read_learned
from rde_roto.model.tensors import save_tensors
from rde_roto.net import RDE_LITE, RDE_R50, NetConfig, RDENet
from rde_roto.values.errors import UsageError, WeightsError

CONFIGS: Final[tuple[NetConfig, ...]] = (RDE_LITE, RDE_R50)

_MASK_PLANES = "value_encoder.conv1.weight"
_EMBEDDING = "mem_compress."
_NESTS = ("state_dict", "model")
_DATA_PARALLEL = "module."


@dataclass(frozen=True)
class ModelFile:
    """A weights file and its card; a file without a card has None."""

    path: Path
    card: ModelCard | None

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        return self.path.stem

    @property
    def licence(self) -> str:
        """What its card says, "unknown" without one."""
        return "unknown" if self.card is None else self.card.licence

    @property
    def commercial_use(self) -> CommercialUse:
        """What its card says, "unknown" without one."""
        return "unknown" if self.card is None else self.card.commercial_use


@dataclass(frozen=True, eq=False)
class Model:
    """A network ready to run. ``sha256`` is that of the file its weights came from.

    Of a model that has learned a shot it is that of the file of ``learned``, which are then in
    ``net`` already.
    """

    name: str
    net: RDENet
    sha256: str
    licence: str
    commercial_use: CommercialUse = "unknown"
    learned: LearnedWeights | None = None

    @property
    def base_sha256(self) -> str:
        """Of the file of the model without what it has learned."""
        return self.sha256 if self.learned is None else self.learned.base


def licence_line(model: ModelFile | Model) -> str:
    """The one form in which a model's licence is said: after its name, in one line."""
    return f"{model.name}: {model.licence}; commercial use: {model.commercial_use}"


def model_folders() -> tuple[Path, ...]:
    """Where names are looked up: the package's weights, then the user's model folder."""
    return Path(str(files("rde_roto") / "weights")), user_model_folder()


def user_model_folder() -> Path:
    """The folder into which ``install_model`` puts weights."""
    return platformdirs.user_data_path("rde-roto", appauthor=False) / "models"


def list_models() -> Iterator[ModelFile]:
    """Every model that can be asked for by name. Raises WeightsError for a damaged card."""
    for path in _installed().values():
        yield ModelFile(path, read_card(path))


def find_model(name_or_path: str) -> ModelFile:
    """The model of that name or path. Raises WeightsError naming what there is."""
    installed = _installed()
    path = installed.get(name_or_path, Path(name_or_path))
    if path.is_file():
        return ModelFile(path, read_card(path))
    if path.suffix or path.parent != Path():
        raise WeightsError(f"there is no weights file {path}")
    raise WeightsError(
        f"there is no model '{name_or_path}'; installed are: {', '.join(installed) or 'none'}. "
        "Weights of your own: rde-roto model install FILE, or --model PATH"
    )


def load_model(asked: str | ModelChoice) -> Model:
    """Finds, checks and loads a network, on the CPU, in float32, with what it learned of a shot.

    Args: asked, a name or path, or what a shot document says (`OpenedShot.model`).

    Raises WeightsError when a file is missing, damaged, not the one its card names, or does not
    fit its architecture to the last key and shape, and when weights were learned on another model.
    """
    choice = ModelChoice(asked) if isinstance(asked, str) else asked
    found = find_model(choice.name)
    weights, sha256 = _checked_weights(found)
    net = build(weights, found.path, _architecture(found.card))
    model = Model(found.name, net, sha256, found.licence, found.commercial_use)
    return model if choice.learned is None else with_learned(model, read_learned(choice.learned))


def with_learned(model: Model, learned: LearnedWeights) -> Model:
    """The model with learned weights in the place of its own; the given one is left as it is.

    Raises WeightsError when they were learned on another model, or do not fit.
    """
    if learned.base != model.base_sha256:
        raise WeightsError(
            f"{learned.source} was learned on another model (sha256 {learned.base[:12]}…) than "
            f"{model.name} ({model.base_sha256[:12]}…): choose that model, or learn again with "
            "this one (rde-roto shot learn SHOT --forget, then rde-roto shot learn SHOT)"
        )
    net = copy.deepcopy(model.net)
    own = net.state_dict()
    merged = {**own, **learned.weights}
    _check_keys(merged, own, learned.source, net.config.name)
    net.load_state_dict(merged)
    return replace(model, net=net, sha256=learned.sha256, learned=learned)


def install_model(source: Path, name: str | None = None) -> ModelFile:
    """Checks a weights file and copies it as safetensors, with a card, into the user's folder.

    A card beside the source is taken along. Without one a new card says what is known of the
    paper's checkpoint, when all its names are there, or that the licence is unknown. Raises
    WeightsError as ``load_model`` does, UsageError when the name is that of a shipped model or
    leads out of the folder, OutputError when the folder cannot be written into.
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
    weights, _ = _checked_weights(ModelFile(source, card))
    net = build(weights, source, _architecture(card))
    target = folder / f"{name}.safetensors"
    known = _known_of(net, weights, source) if card is None else card.model_dump()
    with replacing(target) as temporary:  # which gets its name once it has its card
        sha256 = save_weights(net.state_dict(), temporary)
        own = {"name": name, "architecture": net.config.name, "sha256": sha256}
        installed = ModelCard(**{**known, **own})
        write_card(installed, target)
    return ModelFile(target, installed)


def save_weights(weights: Mapping[str, Tensor], path: Path) -> str:
    """Writes safetensors, under the final name only when whole; returns the file's sha256.

    The folder is made when it is missing. Raises OutputError when the file cannot be written.
    """
    save_tensors(weights, path)
    return _sha256(path)


def write_card(card: ModelCard, weights: Path) -> None:
    """Writes the card beside its weights. Raises OutputError when it cannot."""
    text = yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(weights.with_suffix(".yaml"), text)


def build(weights: Mapping[str, Tensor], source: Path, architecture: str | None = None) -> RDENet:
    """A network with exactly these weights, in float32.

    The architecture is the card's, else told by the names. A stage-0 checkpoint of the paper (one
    mask plane, no embedding) is completed as its authors do: the plane of the other elements is
    drawn orthogonal, SAM starts untrained; both from a fixed seed.

    Raises WeightsError that names every missing, unexpected and misshapen key.
    """
    config = _config(weights, source, architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = RDENet(config)
        weights = _completed(weights, net.state_dict())
    _check_keys(weights, net.state_dict(), source, config.name)
    net.load_state_dict(weights)
    return net


def _installed() -> dict[str, Path]:
    """Weights files by name; the package's hide the user's."""
    found: dict[str, Path] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.safetensors")):
            found.setdefault(path.stem, path)
    return found


def _checked_weights(found: ModelFile) -> tuple[dict[str, Tensor], str]:
    """The weights of a file and the file's sha256, which its card, if any, must name."""
    sha256 = _sha256(found.path)
    card = found.card
    if card is not None and card.sha256 != sha256:
        raise WeightsError(
            f"{found.path} is damaged or was replaced: its card says sha256 {card.sha256[:12]}…, "
            f"the file has {sha256[:12]}…; install it again"
        )
    return _read_weights(found.path), sha256


def _architecture(card: ModelCard | None) -> str | None:
    return None if card is None else card.architecture


def _known_of(net: RDENet, weights: Mapping[str, Tensor], source: Path) -> Mapping[str, Any]:
    """What a card can say of weights that came without one."""
    if net.config is RDE_R50 and weights.keys() == net.state_dict().keys():
        return PUBLISHED_RDE_VOS
    return {"licence": "unknown: ask whoever gave you the file", "summary": f"from {source.name}"}


def _config(weights: Mapping[str, Tensor], source: Path, architecture: str | None) -> NetConfig:
    if architecture is None:
        architecture = "rde-lite" if "key_encoder.stem.weight" in weights else "rde-r50"
    for config in CONFIGS:
        if config.name == architecture:
            return config
    known = ", ".join(config.name for config in CONFIGS)
    raise WeightsError(f"the card of {source} says architecture '{architecture}'; known: {known}")


def _completed(weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    planes = weights.get(_MASK_PLANES)
    stage_0 = planes is not None and planes.dim() == 4 and planes.shape[1] == 4
    if planes is None or not stage_0 or any(name.startswith(_EMBEDDING) for name in weights):
        return weights
    others = torch.nn.init.orthogonal_(torch.empty(planes.shape[0], 1, *planes.shape[2:]))
    embedding = {name: value for name, value in fresh.items() if name.startswith(_EMBEDDING)}
    return {**weights, **embedding, _MASK_PLANES: torch.cat([planes.float(), others], dim=1)}


def _check_keys(
    weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Path, name: str
) -> None:
    problems = []
    if missing := sorted(expected.keys() - weights.keys()):
        problems.append(f"missing: {', '.join(missing)}")
    if unexpected := sorted(weights.keys() - expected.keys()):
        problems.append(f"unexpected: {', '.join(unexpected)}")
    misshapen = [
        f"{key} is {list(weights[key].shape)}, expected {list(expected[key].shape)}"
        for key in sorted(expected.keys() & weights.keys())
        if weights[key].shape != expected[key].shape
    ]
    if misshapen:
        problems.append(f"misshapen: {', '.join(misshapen)}")
    if problems:
        raise WeightsError(f"{source} does not fit {name}; {'; '.join(problems)}")


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words propose to load it all the same
        raise WeightsError(
            f"cannot read the weights {path}: it is damaged, or holds more than tensors, which is "
            "not loaded because it could run code"
        ) from error
    except Exception as error:  # damaged bytes end in a dozen classes, struct.error among them
        reason = " ".join(str(error).split()) or "it is cut short"
        kind = type(error).__name__
        raise WeightsError(f"cannot read the weights {path}: {reason} ({kind})") from error
    return _unwrapped(content, path)


def _unwrapped(content: object, path: Path) -> dict[str, Tensor]:
    """Weights by name, freed of what training scripts often put around them.

    A table under one of ``_NESTS`` takes the place of all that surrounds it. The ``module.`` of
    DataParallel is dropped when every name begins with it.
    """
    if isinstance(content, dict):
        nested = [content[key] for key in _NESTS if isinstance(content.get(key), dict)]
        content = nested[0] if len(nested) == 1 else content
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise WeightsError(
            f"{path} holds no table of weights by name, neither alone nor under "
            f"{' or '.join(map(repr, _NESTS))}"
        )
    if all(name.startswith(_DATA_PARALLEL) for name in content):
        return {name.removeprefix(_DATA_PARALLEL): value for name, value in content.items()}
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
