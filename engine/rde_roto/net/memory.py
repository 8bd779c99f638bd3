"""Moments of memory, how they are read, and how several elements share one pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_MAX_AFFINITY_ENTRIES = 1 << 25
"""Largest affinity matrix held at once (128 MiB of float32); wider queries are read in rows."""


class Moment(NamedTuple):
    """One moment of memory: what a frame looked like and where each element was.

    key: [B, CK, h, w], shared by all elements. value: [B, K, CV, h, w].
    """

    key: Tensor
    value: Tensor


def read_memory(bank: Sequence[Moment], query: Tensor, top_k: int | None) -> Tensor:
    """Reads every element's value at each query position by attention over the bank.

    Affinity of memory position m and query position q, the negative squared distance less the
    term that cancels in the softmax (STCN, Cheng et al., NeurIPS 2021; reference section 2.5):

        A[m, q] = (2 <k_m, k_q> - |k_m|^2) / sqrt(CK)

    Args:
        bank: moments, each [B, CK, h, w] and [B, K, CV, h, w]; a moment given twice counts twice.
        query: [B, CK, P] keys of P positions, of any number of frames.
        top_k: only the largest ``top_k`` affinities of a query take part; None for all.

    Returns: [B, K, CV, P]. The softmax is float32, its row maximum subtracted.
    """
    keys = torch.cat([moment.key.flatten(2) for moment in bank], dim=2)
    values = torch.cat([moment.value.flatten(3) for moment in bank], dim=3)
    entries, positions = keys.shape[2], query.shape[2]
    flat = values.flatten(1, 2).transpose(1, 2)
    rows = max(1, min(positions, _MAX_AFFINITY_ENTRIES // entries))
    readout = [
        _attention(keys, part, top_k).to(flat.dtype) @ flat
        for part in query.transpose(1, 2).split(rows, dim=1)
    ]
    return torch.cat(readout, dim=1).transpose(1, 2).unflatten(1, values.shape[1:3])


def _attention(keys: Tensor, query: Tensor, top_k: int | None) -> Tensor:
    """Weights [B, P, entries] of keys [B, CK, entries] for a query [B, P, CK]; rows sum to 1."""
    squared_norm = keys.float().square().sum(dim=1, keepdim=True)
    affinity = (2 * (query @ keys).float() - squared_norm) / keys.shape[1] ** 0.5
    if top_k is None or top_k >= affinity.shape[2]:
        return affinity.softmax(dim=2)
    largest, where = affinity.topk(top_k, dim=2, sorted=False)
    return torch.zeros_like(affinity).scatter_(2, where, largest.softmax(dim=2))


def aggregate(alpha: Tensor) -> Tensor:
    """Soft aggregation: elements and background share each pixel.

    The background's probability is the product of the complements; odds are renormalised over
    all channels (STM, Oh et al., ICCV 2019; reference section 4).

    Args: alpha [F, K, H, W], independent probabilities of the elements.
    Returns: logits [F, K + 1, H, W], float32, channel 0 the background; their softmax over
        channels is the aggregated probability.
    """
    alpha = alpha.float()
    background = (1 - alpha).prod(dim=1, keepdim=True)
    return torch.cat([background, alpha], dim=1).clamp(1e-7, 1 - 1e-7).logit()
