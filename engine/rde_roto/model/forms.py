"""The inference forms of one network, each built once and shared by all who track with it."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

import torch

from rde_roto.net import InferenceNet, RDENet


class InferenceForms:
    """The inference forms of a network with fixed weights, by dtype and device. Thread-safe.

    A form exists as long as a tracker uses it: nodes, shots and edits that are open at the same
    time share it, and it is freed with the last of them.

    Args: net, the plain form; its weights must not change from now on.
    """

    def __init__(self, net: RDENet) -> None:
        self._net = net
        self._lock = Lock()
        self._forms: WeakValueDictionary[tuple[torch.dtype, torch.device], InferenceNet] = (
            WeakValueDictionary()
        )

    def get(self, dtype: torch.dtype, device: torch.device) -> InferenceNet:
        """The form whose convolutions have this dtype, on this device."""
        with self._lock:  # held while it is built: a second caller waits rather than build another
            form = self._forms.get((dtype, device))
            if form is None:
                form = InferenceNet(self._net, dtype, on_cpu=device.type == "cpu").to(device)
                self._forms[dtype, device] = form
            return form
