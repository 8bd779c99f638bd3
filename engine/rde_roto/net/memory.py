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


class Near(NamedTuple):
    """A memory frame that counts the less, the farther away from a query position its cells are.

    Half the squared distance is taken from the affinity, so the unit of length is the standard
    deviation of a Gaussian.

    frame: the memory frame. cells: [h * w, 2], where its cells are. positions: [P, 2], where the
    query positions are.
    """

    frame: MemoryFrame
    cells: Tensor
    positions: Tensor

    def penalty(self, rows: slice) -> Tensor:
        """What to take from the affinities of some query positions to all cells, [rows, h * w]."""
        return torch.cdist(self.positions[rows], self.cells).square() / 2

    def as_product(self) -> tuple[Tensor, Tensor]:
        """Minus the penalty as a product of two factors, [P, 4] and [4, h * w]."""
        places = self.positions, self.cells
        one, other = (torch.ones_like(each[:, :1]) for each in places)
        half, other_half = (-each.square().sum(dim=1, keepdim=True) / 2 for each in places)
        left = torch.cat([self.positions, half, one], dim=1)
        return left, torch.cat([self.cells, other, other_half], dim=1).T


def read_memory(
    bank: Sequence[MemoryFrame], query: Tensor, top_k: int | None, near: Near | None = None
) -> Tensor:
    """Read every element's value at each query position by attention over the bank.

    The affinity of memory position m and query position q is the negative squared distance, without
    the term that cancels in the softmax (STCN, Cheng et al., NeurIPS 2021):

        A[m, q] = (2 <k_m, k_q> - |k_m|^2) / sqrt(CK)

    Args:
        bank: memory frames, each [B, CK, h, w] and [B, K, CV, h, w]; one given twice counts twice.
        query: [B, CK, P] keys of P positions, of any number of frames.
        top_k: only the largest ``top_k`` affinities of a query count; None for all.
        near: the memory frame of the bank that is read near by, if there is one.

    Returns: [B, K, CV, P]. The softmax is computed in float32.
    """
    values = torch.cat([frame.value.flatten(3) for frame in bank], dim=3)
    flat = values.flatten(1, 2).transpose(1, 2)
    readout = _attend(bank, query, top_k, lambda weights: weights.to(flat.dtype) @ flat, near)
    return readout.transpose(1, 2).unflatten(1, values.shape[1:3])


def attention_shares(
    bank: Sequence[MemoryFrame], query: Tensor, top_k: int | None, near: Near | None = None
) -> Tensor:
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

    shares = _attend(bank, query, top_k, weigh, near).permute(0, 2, 3, 1)
    return shares / shares.sum(dim=2, keepdim=True)


def _attend(
    bank: Sequence[MemoryFrame],
    query: Tensor,
    top_k: int | None,
    use: Callable[[Tensor], Tensor],
    near: Near | None = None,
) -> Tensor:
    """Apply ``use`` to the attention weights [B, P, entries], some rows at a time: [B, P, ...]."""
    keys = torch.cat([frame.key.flatten(2) for frame in bank], dim=2)
    entries, positions = keys.shape[2], query.shape[2]
    rows = max(1, min(positions, _MAX_AFFINITY_ENTRIES // entries))
    used = []
    for first in range(0, positions, rows):
        part = slice(first, first + rows)
        affinity = _affinity(keys, query[..., part].transpose(1, 2))
        if near is not None:
            by_frame = affinity.unflatten(2, (len(bank), -1))
            by_frame[:, :, [one is near.frame for one in bank]] -= near.penalty(part).unsqueeze(1)
        used.append(use(_weights(affinity, top_k)))
    return torch.cat(used, dim=1)


def _affinity(keys: Tensor, query: Tensor) -> Tensor:
    """Affinities [B, P, entries] of keys [B, CK, entries] for a query [B, P, CK]."""
    keys, query = keys.float(), query.float()
    squared_norm = keys.square().sum(dim=1, keepdim=True)
    affinity: Tensor = (2 * (query @ keys) - squared_norm) / keys.shape[1] ** 0.5
    return affinity


def _weights(affinity: Tensor, top_k: int | None) -> Tensor:
    """Attention weights from affinities [B, P, entries]; each row sums to 1."""
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


def sharpened(probabilities: Tensor) -> Tensor:
    """Square probabilities [F, K + 1, H, W] and bring each pixel's sum back to 1: what is likely
    becomes likelier. 0, 1 and what is even stay.
    """
    squares = probabilities.square()
    return squares / squares.sum(dim=1, keepdim=True)
