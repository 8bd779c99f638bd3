"""How the inference form reads memory: ``memory.read_memory`` with less memory traffic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.net.memory import MemoryFrame, Near


def read_bank(
    bank: Sequence[MemoryFrame],
    query: Tensor,
    top_k: int | None,
    most: int,
    near: Near | None = None,
) -> Tensor:
    """Read every element's value at each query position by attention over the bank.

    Each memory frame is processed once, weighted by how often the bank names it. With ``top_k`` the
    selected values are gathered; a product would go through all of them.

    Args:
        bank: memory frames of one clip, each [1, CK, h, w] and [1, K, CV, h, w], of any dtype.
        query: [1, CK, P] keys of P positions, float32.
        top_k: only the largest ``top_k`` affinities of a query count, where each cell of a memory
            frame that is named twice takes two slots; None for all.
        most: how many affinities to hold at once.
        near: the memory frame of the bank that is read near by, if there is one.

    Returns: [1, K, CV, P], float32.
    """
    frames = list({id(frame): frame for frame in bank}.values())
    keys = torch.cat([frame.key[0].flatten(1).float() for frame in frames], dim=1)
    values = [frame.value[0].permute(2, 3, 0, 1).flatten(2).flatten(0, 1) for frame in frames]
    table = torch.cat(values).float()  # [entries, K * CV]
    cells = keys.shape[1] // len(frames)
    times = (float(sum(one is frame for one in bank)) for frame in frames)
    copies = torch.cat([keys.new_full((cells,), count) for count in times])

    scale = keys.shape[0] ** -0.5
    offset = -scale * keys.square().sum(dim=0)
    scaled, queries = 2 * scale * keys, query[0].T
    if near is not None:
        left, right = near.as_product()
        nothing = torch.zeros_like(right)
        columns = [right if one is near.frame else nothing for one in frames]
        scaled = torch.cat([scaled, torch.cat(columns, dim=1)])
        queries = torch.cat([queries, left], dim=1)
    everything = top_k is None or top_k >= len(bank) * bank[0].key[0, 0].numel()
    if everything:
        offset = offset + copies.log()
    read = []
    for part in queries.split(max(1, most // keys.shape[1])):
        affinity = torch.addmm(offset, part, scaled)
        if top_k is None or everything:
            read.append(affinity.softmax(dim=1) @ table)
        else:
            read.append(_gathered(affinity, table, copies, top_k))
    return torch.cat(read).T.reshape(1, *bank[0].value.shape[1:3], -1)


def _gathered(affinity: Tensor, table: Tensor, copies: Tensor, top_k: int) -> Tensor:
    """Affinities [P, entries] -> values [P, K * CV], from the ``top_k`` largest of each row."""
    largest, where = affinity.topk(min(top_k, affinity.shape[1]), dim=1)
    wanted = copies[where]
    before = wanted.cumsum(dim=1) - wanted
    taken = torch.minimum(wanted, (top_k - before).clamp(min=0))
    weights = (largest + taken.log()).softmax(dim=1)
    if affinity.is_mps:  # has no embedding_bag
        return by_product(weights, where, table)
    return F.embedding_bag(where, table, per_sample_weights=weights, mode="sum")


def by_product(weights: Tensor, where: Tensor, table: Tensor) -> Tensor:
    """Sums of some of a table's rows: weights and their rows [P, k], table [entries, C] -> [P, C].

    The same as ``embedding_bag``, but it goes through the whole table.
    """
    spread = weights.new_zeros(len(weights), len(table)).scatter_(1, where, weights)
    return spread @ table
