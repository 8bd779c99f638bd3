from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from rde_roto.net import (
    MemoryFrame,
    Near,
    aggregate,
    attention_shares,
    memory,
    read_memory,
    sharpened,
)

Float64Array = NDArray[np.float64]

# Rounding of a float32 affinity of up to about 50 is 4e-6, which the exponential passes on as a
# relative error of the weights; ten times that for sums. Values are of the order of 1.
TOLERANCE = 5e-5


def moment(
    seed: int, elements: int = 2, size: tuple[int, int] = (2, 3), spread: float = 1
) -> MemoryFrame:
    draw = torch.Generator().manual_seed(seed)
    key = spread * torch.randn(1, 8, *size, generator=draw)
    return MemoryFrame(key, torch.randn(1, elements, 5, *size, generator=draw))


def keys_of(seed: int, positions: int, spread: float = 1) -> Tensor:
    draw = torch.Generator().manual_seed(1_000_000 + seed)
    return spread * torch.randn(1, 8, positions, generator=draw)


def affinities(bank: list[MemoryFrame], query: Tensor) -> Float64Array:
    """[entries, P] straight from the distance: -|k_m - q|^2 / sqrt(CK), one pair at a time."""
    keys = np.concatenate([m.key.flatten(2)[0].double().numpy().T for m in bank])
    queries = query[0].double().numpy().T
    pairs = [[-np.sum((key - q) ** 2) for q in queries] for key in keys]
    return np.array(pairs) / math.sqrt(keys.shape[1])


def weighted(bank: list[MemoryFrame], affinity: Float64Array, top_k: int | None) -> Tensor:
    """The readout [1, K, CV, P] by the definition, in float64."""
    values = np.concatenate([m.value.flatten(3)[0].double().numpy() for m in bank], axis=2)
    columns = []
    for column in affinity.T:
        chosen = np.argsort(-column)[:top_k]
        weights = np.exp(column[chosen] - column[chosen].max())
        columns.append(values[:, :, chosen] @ (weights / weights.sum()))
    return torch.from_numpy(np.stack(columns, axis=2))[None].float()


def assert_near(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE)


@given(
    seed=st.integers(0, 1000),
    moments=st.integers(1, 3),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    positions=st.integers(1, 5),
    top_k=st.none() | st.integers(1, 30),
)
@settings(max_examples=50)
def test_a_read_is_attention_by_distance(
    seed: int, moments: int, size: tuple[int, int], positions: int, top_k: int | None
) -> None:
    bank = [moment(seed + i, size=size) for i in range(moments)]
    query = keys_of(seed, positions)
    expected = weighted(bank, affinities(bank, query), top_k)
    assert_near(read_memory(bank, query, top_k), expected)


def test_top_k_of_all_entries_is_the_full_softmax_and_of_one_the_nearest() -> None:
    bank, query = [moment(1), moment(2)], keys_of(1, 7)
    full = read_memory(bank, query, None)
    assert torch.equal(read_memory(bank, query, 12), full)
    assert torch.equal(read_memory(bank, query, 4096), full)
    assert (read_memory(bank, query, 11) - full).abs().max() > 0
    nearest = torch.from_numpy(affinities(bank, query).argmax(axis=0))
    values = torch.cat([m.value.flatten(3) for m in bank], dim=3)
    assert torch.equal(read_memory(bank, query, 1), values[..., nearest])


@pytest.mark.parametrize("top_k", [None, 3])
@pytest.mark.parametrize("spread", [100.0, 1e6])
def test_affinities_beyond_the_range_of_exp(spread: float, top_k: int | None) -> None:
    """Taken naively, every exponential of these is 0 or infinite; the nearest entry has it all."""
    bank = [moment(1, spread=spread), moment(2, spread=spread)]
    query = torch.cat([m.key.flatten(2) for m in bank], dim=2) * 1.01
    keys = query / 1.01
    affinity = (2 * keys.transpose(1, 2) @ query - keys.square().sum(1)[..., None]) / 8**0.5
    assert affinity.amax(dim=1).min() > 89  # float32 overflows in exp from 88.7 on
    values = torch.cat([m.value.flatten(3) for m in bank], dim=3)
    assert_near(read_memory(bank, query, top_k), values)


def test_far_from_every_memory_the_weights_still_sum_to_one() -> None:
    bank = [moment(3, spread=100.0)]
    ones = [MemoryFrame(bank[0].key, torch.ones_like(bank[0].value))]
    query = torch.zeros(1, 8, 4)  # every affinity is far below -104, where a naive exp gives 0
    assert_near(read_memory(ones, query, None), torch.ones(1, 2, 5, 4))


def test_a_moment_given_twice_counts_as_ln_2_more() -> None:
    first, other = moment(4), moment(5)
    query = keys_of(4, 6)
    affinity = affinities([first, other], query)
    affinity[:6] += math.log(2)
    expected = weighted([first, other], affinity, None)
    assert_near(read_memory([first, other, first], query, None), expected)


def test_a_moment_given_twice_takes_two_places_of_the_top_k() -> None:
    bank, query = [moment(6)], keys_of(6, 6)
    assert_near(read_memory(bank * 2, query, 6), read_memory(bank, query, 3))


@pytest.mark.parametrize("top_k", [None, 5])
@pytest.mark.parametrize("most", [1, 40, 100])
def test_a_wide_query_is_read_in_columns(
    monkeypatch: pytest.MonkeyPatch, most: int, top_k: int | None
) -> None:
    bank, query = [moment(7), moment(8)], keys_of(7, 31)
    whole = read_memory(bank, query, top_k)
    monkeypatch.setattr(memory, "_MAX_AFFINITY_ENTRIES", most)
    # A product of another width may add in another order.
    assert_near(read_memory(bank, query, top_k), whole)


def near_by(frame: MemoryFrame, seed: int, positions: int, apart: float = 0) -> Near:
    """Places within a few units; the frame's cells are so far apart from the positions."""
    draw = torch.Generator().manual_seed(2_000_000 + seed)
    cells = 3 * torch.rand(frame.key[0, 0].numel(), 2, generator=draw) + apart
    return Near(frame, cells, 3 * torch.rand(positions, 2, generator=draw))


@given(seed=st.integers(0, 1000), top_k=st.none() | st.integers(1, 20))
@settings(max_examples=30)
def test_a_frame_read_near_by_counts_by_the_distance_in_the_picture_too(
    seed: int, top_k: int | None
) -> None:
    first, other = moment(seed), moment(seed + 1)
    query, near = keys_of(seed, 7), near_by(other, seed, 7)
    affinity = affinities([first, other], query)
    for cell, position in np.ndindex(6, 7):
        apart = (near.cells[cell] - near.positions[position]).double().square().sum()
        affinity[6 + cell, position] -= float(apart) / 2
    expected = weighted([first, other], affinity, top_k)
    assert_near(read_memory([first, other], query, top_k, near), expected)


@given(seed=st.integers(0, 1000), cells=st.integers(1, 9), positions=st.integers(1, 9))
@settings(max_examples=30)
def test_the_penalty_is_a_product(seed: int, cells: int, positions: int) -> None:
    near = near_by(moment(seed, size=(1, cells)), seed, positions)
    left, right = near.as_product()
    assert_near(left @ right, -near.penalty(slice(None)))
    assert_near(near.penalty(slice(1, None)), near.penalty(slice(None))[1:])


@given(seed=st.integers(0, 1000), top_k=st.integers(1, 12))
@settings(max_examples=30)
def test_what_comes_back_elsewhere_is_read_from_the_keyframe(seed: int, top_k: int) -> None:
    """Far from everything in the frame that is read near by, the others are read as without it."""
    keyframe, latest, query = moment(seed), moment(seed + 1), keys_of(seed, 7)
    near = near_by(latest, seed, 7, apart=100)
    read = read_memory([keyframe, keyframe, latest], query, top_k, near)
    assert_near(read, read_memory([keyframe, keyframe], query, top_k))
    shares = attention_shares([keyframe, keyframe, latest], query, top_k, near)
    assert shares[:, :, 2].max() == 0


def test_clips_of_a_batch_do_not_mix() -> None:
    banks, queries = [moment(9), moment(10)], [keys_of(9, 4), keys_of(10, 4)]
    together = MemoryFrame(*(torch.cat(parts) for parts in zip(*banks, strict=True)))
    both = read_memory([together], torch.cat(queries), None)
    alone = [read_memory([m], q, None) for m, q in zip(banks, queries, strict=True)]
    assert_near(both, torch.cat(alone))


# Shares.


@given(seed=st.integers(0, 1000), top_k=st.none() | st.integers(1, 20))
@settings(max_examples=30)
def test_shares_are_attention_by_the_length_of_the_values(seed: int, top_k: int | None) -> None:
    """A read of lengths in place of values, all but one moment's 0, is what that one brings."""
    bank, query = [moment(seed), moment(seed + 1), moment(seed + 2)], keys_of(seed, 7)
    brought = []
    for told in bank:
        lengths = [m.value.norm(dim=2, keepdim=True) * float(m is told) for m in bank]
        only = [MemoryFrame(m.key, length) for m, length in zip(bank, lengths, strict=True)]
        brought.append(read_memory(only, query, top_k)[:, :, 0])
    expected = torch.stack(brought, dim=2)
    shares = attention_shares(bank, query, top_k)
    assert_near(shares, expected / expected.sum(dim=2, keepdim=True))
    assert_near(shares.sum(dim=2), torch.ones(1, 2, 7))
    assert shares.min() >= 0


def test_in_what_a_moment_does_not_know_of_an_element_it_has_no_share() -> None:
    loud, silent = moment(1), moment(2)
    silent.value[:, 1] = 0
    before = attention_shares([loud, moment(2)], keys_of(1, 7), None)
    first, second = attention_shares([loud, silent], keys_of(1, 7), None)[0]
    assert torch.equal(first, before[0, 0])
    assert_near(second[0], torch.ones(7))


def test_shares_of_an_element_that_nothing_knows_are_those_of_attention() -> None:
    bank = [MemoryFrame(m.key, torch.zeros_like(m.value)) for m in (moment(1), moment(2))]
    alike = [MemoryFrame(m.key, torch.ones_like(m.value)) for m in bank]
    query = keys_of(1, 7)
    assert_near(attention_shares(bank, query, 4), attention_shares(alike, query, 4))


def test_shares_of_a_wide_query_are_taken_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    bank, query = [moment(7), moment(8)], keys_of(7, 31)
    whole = attention_shares(bank, query, 5)
    monkeypatch.setattr(memory, "_MAX_AFFINITY_ENTRIES", 40)
    # A product of another width may add in another order.
    assert_near(attention_shares(bank, query, 5), whole)


def test_a_wide_query_is_taken_in_rows_of_its_places_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bank, query = [moment(7), moment(8)], keys_of(7, 31)
    near = near_by(bank[1], 7, 31)
    whole = read_memory(bank, query, 5, near)
    monkeypatch.setattr(memory, "_MAX_AFFINITY_ENTRIES", 40)
    # A product of another width may add in another order.
    assert_near(read_memory(bank, query, 5, near), whole)


# Aggregation.


def test_aggregation_of_one_pixel_by_hand() -> None:
    """Odds: background 0.5 * 0.75 = 0.375 -> 3/5; elements 1 and 1/3; they sum to 29/15."""
    logits = aggregate(torch.tensor([0.5, 0.25]).view(1, 2, 1, 1))
    expected = torch.tensor([9 / 29, 15 / 29, 5 / 29])
    torch.testing.assert_close(logits.softmax(dim=1).flatten(), expected)
    torch.testing.assert_close(logits.exp().flatten(), torch.tensor([0.6, 1.0, 1 / 3]))


def test_one_element_of_one_half_is_a_draw() -> None:
    probabilities = aggregate(torch.full((1, 1, 1, 1), 0.5)).softmax(dim=1)
    torch.testing.assert_close(probabilities.flatten(), torch.tensor([0.5, 0.5]))


@given(
    alpha=st.lists(st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=5)
)
def test_aggregated_probabilities_are_probabilities(alpha: list[float]) -> None:
    probabilities = aggregate(torch.tensor(alpha).view(1, -1, 1, 1)).softmax(dim=1).flatten()
    assert probabilities.isfinite().all()
    assert probabilities.min() >= 0
    assert abs(float(probabilities.sum()) - 1) < 1e-6
    ordered = probabilities[1:][torch.tensor(alpha).argsort()]
    assert (ordered.diff() >= 0).all()


def test_hard_masks_stay_hard() -> None:
    """The clamp at 1e-7 leaves the winner all but 2e-7 of the pixel, and a tie is shared."""
    alpha = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]).T.reshape(1, 2, 1, 3)
    background, first, second = aggregate(alpha).softmax(dim=1)[0, :, 0]
    expected = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0, 1, 0.5]), torch.tensor([0, 0, 0.5])
    for actual, wanted in zip((background, first, second), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=0, atol=1e-6)


def test_half_precision_is_aggregated_in_float32() -> None:
    alpha = torch.tensor([0.5, 0.25], dtype=torch.float16).view(1, 2, 1, 1)
    assert aggregate(alpha).dtype == torch.float32
    assert torch.equal(aggregate(alpha), aggregate(alpha.float()))


@given(seed=st.integers(0, 1000), elements=st.integers(1, 4))
def test_sharpened_probabilities_are_probabilities_in_the_same_order(
    seed: int, elements: int
) -> None:
    draw = torch.Generator().manual_seed(seed)
    soft = torch.randn(2, elements + 1, 3, 4, generator=draw).softmax(dim=1)
    sharp = sharpened(soft)
    assert_near(sharp.sum(dim=1), torch.ones(2, 3, 4))
    assert torch.equal(sharp.argmax(dim=1), soft.argmax(dim=1))
    assert (sharp.amax(dim=1) >= soft.amax(dim=1)).all()
    decided = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert torch.equal(sharpened(decided), decided)
