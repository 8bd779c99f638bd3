"""The network that selects by clicks, ready to run: its weights, and what it sees of a plate."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from rde_roto.documents.model_card import read_card
from rde_roto.model.devices import short_dtype
from rde_roto.model.geometry import Geometry, network_image
from rde_roto.model.network_view import Picture
from rde_roto.model.weight_files import build_click_net, checked_weights
from rde_roto.model.weights import ModelFile, user_model_folder
from rde_roto.net import ClickNet, EncodedFrames, InferenceClickNet
from rde_roto.values.errors import WeightsError

CLICK_FOLDER = "clicks"
"""Its folder in a folder of models. It does not track, so it is not listed among them."""
_FILE = Path(CLICK_FOLDER, "clicks.safetensors")


class ClickModel:
    """A `ClickNet` on a device. Without a state, so it may be used from several threads.

    Args: net, in float32, which is not changed; device, where it runs.
    """

    def __init__(self, net: ClickNet, device: torch.device) -> None:
        on_cpu = device.type == "cpu"
        self._net = InferenceClickNet(net, short_dtype(device), on_cpu).to(device)
        self._device = device

    @torch.inference_mode()
    def encode(self, picture: Picture, geometry: Geometry) -> EncodedFrames:
        """Encode the part of a plate frame that a geometry shows, once for all clicks."""
        view = picture.within(geometry.part).to_network_view().to(self._device)
        return self._net.encode_frames(network_image(view[None], geometry, self._net.config))

    @torch.inference_mode()
    def answer(self, frame: EncodedFrames, planes: Tensor) -> Tensor:
        """Return how much of each pixel the object covers, float32 [H, W], 0..1, on the CPU.

        Args: planes [3, H, W] in 0..1: adding clicks, subtracting clicks, the previous mask.
        """
        logits: Tensor = self._net(frame, planes[None].to(self._device))
        return logits[0].sigmoid().cpu()


def find_click_weights() -> ModelFile:
    """Find the weights: the user's own, if there are any, else those that are shipped.

    Raises WeightsError if there is none.
    """
    folders = user_model_folder(), Path(str(files("rde_roto") / "weights"))
    for path in (folder / _FILE for folder in folders):
        if path.is_file():
            return ModelFile(path, read_card(path))
    raise WeightsError(
        f"the weights of smart select ({_FILE}) are missing: install rde-roto again, or train and "
        "export your own (docs/training.md)"
    )


def load_click_model(device: torch.device) -> ClickModel:
    """Load the network. Raises WeightsError as `load_model` does."""
    found = find_click_weights()
    weights, _ = checked_weights(found.path, found.card)
    return ClickModel(build_click_net(weights, found.path), device)
