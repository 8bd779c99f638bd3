"""What a model has learned about the edges of one shot: the weights of a small network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rde_roto.net.edge_net import EdgeNet
from rde_roto.values.digest import digest_of


@dataclass(frozen=True, eq=False)
class LearnedEdges:
    """The edge network's weights by name, on the CPU, and their digest."""

    weights: Mapping[str, Tensor]
    digest: str

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> LearnedEdges:
        """Take over weights in any order; equal ones have equal digests. Raises RuntimeError for
        weights of another network.
        """
        _net_of(weights)
        ordered = dict(sorted(weights.items()))
        return cls(ordered, digest_of("edges", *(w.numpy() for w in ordered.values())))

    def network(self, device: torch.device) -> EdgeNet:
        """Return the network, on a device."""
        return _net_of(self.weights).to(device).requires_grad_(False)


def _net_of(weights: Mapping[str, Tensor]) -> EdgeNet:
    with torch.device("meta"):  # new weights would be drawn from torch's own generator
        net = EdgeNet()
    net.load_state_dict(dict(weights), assign=True)
    return net
