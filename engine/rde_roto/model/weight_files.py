"""Weights files: read without executing anything, checked to the last key, built into a network."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load
from torch import Tensor

from rde_roto.documents.model_card import ModelCard
from rde_roto.model.tensors import save_tensors
from rde_roto.net import RDE_LITE, RDE_R50, ClickNet, NetConfig, RDENet
from rde_roto.values.errors import WeightsError, is_out_of_memory
from rde_roto.values.regular_files import read_regular

CONFIGS: Final[tuple[NetConfig, ...]] = (RDE_LITE, RDE_R50)

_MASK_PLANES = "value_encoder.conv1.weight"
_EMBEDDING = "mem_compress."
_NESTS = ("state_dict", "model")
_DATA_PARALLEL = "module."
_MOST_BYTES: Final = 8 << 30  # forty times the paper's network


def build(weights: Mapping[str, Tensor], source: Path, architecture: str | None = None) -> RDENet:
    """Build a network with exactly these weights, in float32.

    The architecture is the card's, or else derived from the keys. A stage-0 checkpoint of the paper
    (one mask plane, no embedding) is completed as by its authors: the plane of the other elements
    gets orthogonal weights, SAM starts untrained; both from a fixed seed.

    Raises WeightsError that lists every missing, unexpected, misshapen and unusable key.
    """
    config = _config(weights, source, architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = RDENet(config)
        weights = _completed(weights, net.state_dict())
    check_keys(weights, net.state_dict(), source, config.name)
    net.load_state_dict(weights)
    return net


def build_click_net(weights: Mapping[str, Tensor], source: Path) -> ClickNet:
    """Build the network that selects by clicks with exactly these weights, in float32.

    Raises WeightsError that lists every missing, unexpected, misshapen and unusable key.
    """
    with torch.random.fork_rng(devices=[]):
        net = ClickNet()
    check_keys(weights, net.state_dict(), source, "clicks")
    net.load_state_dict(weights)
    return net


def checked_weights(path: Path, card: ModelCard | None) -> tuple[dict[str, Tensor], str]:
    """Read the weights of a safetensors or torch file, and its sha256, which must match its card,
    if any: both of the same bytes, also if the file is replaced meanwhile.

    Raises WeightsError.
    """
    try:
        content = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if card is not None and card.sha256 != sha256:
        raise WeightsError(
            f"{path} is damaged or was replaced: its card says sha256 {card.sha256[:12]}…, "
            f"the file has {sha256[:12]}…; install it again"
        )
    return _read(content, path), sha256


def _read(content: bytes, path: Path) -> dict[str, Tensor]:
    """The weights in the bytes of a file. Raises WeightsError."""
    try:
        if path.suffix == ".safetensors":
            found: object = load(content)
        else:
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's message suggests loading it anyway
        raise WeightsError(
            f"cannot read the weights {path}: it is damaged, or contains more than tensors, which "
            "is not loaded because it could run code"
        ) from error
    except Exception as error:  # damaged files raise a dozen classes, struct.error among them
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or "it is cut short"
        kind = type(error).__name__
        raise WeightsError(f"cannot read the weights {path}: {reason} ({kind})") from error
    return _unwrapped(found, path)


def save_weights(weights: Mapping[str, Tensor], path: Path) -> str:
    """Write safetensors atomically; returns the file's sha256.

    The folder is created if missing. Raises OutputError when the file cannot be written.
    """
    save_tensors(weights, path)
    return sha256_of(path)


def check_keys(
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
    floats = [key for key in weights.keys() & expected.keys() if expected[key].is_floating_point()]
    if broken := sorted(key for key in floats if not _are_weights(weights[key])):
        problems.append(f"no finite floats: {', '.join(broken)}")
    if problems:
        raise WeightsError(f"{source} does not fit {name}; {'; '.join(problems)}")


def _are_weights(values: Tensor) -> bool:
    """Whether these are finite floats. Fast convolutions make 0 of NaN where they cut negative
    values off, and so mattes of what cannot be computed.
    """
    if not values.is_floating_point():
        return False
    return not values.numel() or bool(values.float().abs().amax().isfinite())  # NaN if any is


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


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


def _unwrapped(content: object, path: Path) -> dict[str, Tensor]:
    """Weights by name, without the wrappers that training scripts often add.

    A table under one of ``_NESTS`` replaces everything around it. The prefix ``module.`` of
    DataParallel is dropped if all names have it.
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
