"""Memory frames, how they are read, and how several elements share one pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_MAX_AFFINITY_ENTRIES = 1 << 25
"""The largest affinity matrix held at once (128 MiB of float32); larger queries are split."""

_SILENCE = 1e-6
"""Added to the norm of a value, so that shares are defined where all values are zero."""


class MemoryFrame(NamedTuple):
    """A frame in memory: what it looked like and where each element was.

    The recurrent dynamic embedding (RDE), which summarises all memory frames, has this form too.

    key: [B, CK, h, w], shared by all elements. value: [B, K, CV, h, w].
    """

    key: Tensor
    value: Tensor


def read_memory(bank: Sequence[MemoryFrame], query: Tensor, top_k: int | None) -> Tensor:
    """Read every element's value at each query position by attention over the bank.

    The affinity of memory position m and query position q is the negative squared distance, without
    the term that cancels in the softmax (STCN, Cheng et al., NeurIPS 2021):

        A[m, q] = (2 <k_m, k_q> - |k_m|^2) / sqrt(CK)

    Args:
        bank: memory frames, each [B, CK, h, w] and [B, K, CV, h, w]; one given twice counts twice.
        query: [B, CK, P] keys of P positions, of any number of frames.
        top_k: only the largest ``top_k`` affinities of a query count; None for all.

    Returns: [B, K, CV, P]. The softmax is computed in float32.
    """
    values = torch.cat([frame.value.flatten(3) for frame in bank], dim=3)
    flat = values.flatten(1, 2).transpose(1, 2)
    readout = _attend(bank, query, top_k, lambda weights: weights.to(flat.dtype) @ flat)
    return readout.transpose(1, 2).unflatten(1, values.shape[1:3])


def attention_shares(bank: Sequence[MemoryFrame], query: Tensor, top_k: int | None) -> Tensor:
    """Return how much of what ``read_memory`` reads for each element comes from which memory frame.

    All elements share the attention weights, but what they transport are the element's own values.
    So an element's share weights each memory cell by the norm of its value there (after Kobayashi
    et al., EMNLP 2020): a cell that holds nothing of the element does not count.

    Args: as ``read_memory``.
    Returns: [B, K, len(bank), P], float32, 0..1; they sum to 1 over the bank.
    """
    lengths = [frame.value.float().norm(dim=2).flatten(2) for frame in bank]
    value_norms = torch.stack(lengths, dim=2) + _SILENCE

    def weigh(weights: Tensor) -> Tensor:
        by_frame = weights.unflatten(2, (len(bank), -1))
        return torch.einsum("bpme,bkme->bpkm", by_frame, value_norms)

    shares = _attend(bank, query, top_k, weigh).permute(0, 2, 3, 1)
    return shares / shares.sum(dim=2, keepdim=True)


def _attend(
    bank: Sequence[MemoryFrame], query: Tensor, top_k: int | None, use: Callable[[Tensor], Tensor]
) -> Tensor:
    """Apply ``use`` to the attention weights [B, P, entries], some rows at a time: [B, P, ...]."""
    keys = torch.cat([frame.key.flatten(2) for frame in bank], dim=2)
    entries, positions = keys.shape[2], query.shape[2]
    rows = max(1, min(positions, _MAX_AFFINITY_ENTRIES // entries))
    parts = query.transpose(1, 2).split(rows, dim=1)
    return torch.cat([use(_weights(keys, part, top_k)) for part in parts], dim=1)


def _weights(keys: Tensor, query: Tensor, top_k: int | None) -> Tensor:
    """Attention weights [B, P, entries] of keys [B, CK, entries] for a query [B, P, CK]; each row
    sums to 1.
    """
    keys, query = keys.float(), query.float()
    squared_norm = keys.square().sum(dim=1, keepdim=True)
    affinity = (2 * (query @ keys) - squared_norm) / keys.shape[1] ** 0.5
    if top_k is None or top_k >= affinity.shape[2]:
        return affinity.softmax(dim=2)
    largest, where = affinity.topk(top_k, dim=2, sorted=False)
    return torch.zeros_like(affinity).scatter_(2, where, largest.softmax(dim=2))


def aggregate(alpha: Tensor) -> Tensor:
    """Soft aggregation: make elements and background share each pixel.

    The background's probability is the product of the complements; odds are renormalised over all
    channels (STM, Oh et al., ICCV 2019).

    Args: alpha [F, K, H, W], independent probabilities of the elements.
    Returns: logits [F, K + 1, H, W], float32, channel 0 the background; their softmax over
        channels is the aggregated probability.
    """
    alpha = alpha.float()
    background = (1 - alpha).prod(dim=1, keepdim=True)
    return torch.cat([background, alpha], dim=1).clamp(1e-7, 1 - 1e-7).logit()
