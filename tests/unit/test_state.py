from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from rde_roto.model.forms import InferenceForms
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import MemoryFrame, RDENet
from rde_roto.values.bank import Bank
from rde_roto.values.errors import InputError
from rde_roto.values.preset import Tracking

CK, CV, H, W = 64, 128, 3, 5
_MOVING = ("recurrent", "latest")


def moment(seed: int, dtype: torch.dtype, elements: int = 2) -> MemoryFrame:
    draw = torch.Generator().manual_seed(seed)
    key = torch.randn(1, CK, H, W, generator=draw)
    return MemoryFrame(key.to(dtype), torch.randn(1, elements, CV, H, W, generator=draw).to(dtype))


def state(dtype: torch.dtype = torch.float16, elements: int = 2) -> MemoryState:
    anchor, recurrent, latest = (moment(seed, dtype, elements) for seed in range(3))
    return MemoryState(anchor, recurrent, latest)


def grown(updates: int, dtype: torch.dtype = torch.float16) -> MemoryState:
    """A state of the growing bank after so many updates."""
    history = tuple(moment(seed, dtype) for seed in range(10, 10 + updates))
    return MemoryState(moment(0, dtype), moment(1, dtype), history[-1], history)


def parts(state: MemoryState) -> list[Tensor]:
    moments = (state.anchor, state.recurrent, state.latest, *state.history)
    return [part for moment in moments if moment is not None for part in moment]


def same_bits(one: MemoryState, other: MemoryState) -> bool:
    """Equal as stored; the sign of zero and the payload of NaN count."""

    def stored(state: MemoryState) -> list[tuple[torch.dtype, tuple[int, ...], bytes]]:
        return [(t.dtype, tuple(t.shape), t.contiguous().numpy().tobytes()) for t in parts(state)]

    return stored(one) == stored(other)


def restored(state: MemoryState) -> MemoryState:
    """Taken apart, and put together again from copies."""

    def copied(half: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in half.items()}

    return MemoryState.restored(copied(state.anchors()), copied(state.moving()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("elements", [1, 3])
def test_a_saved_state_loads_bit_for_bit(dtype: torch.dtype, elements: int) -> None:
    original = state(dtype, elements)
    original.recurrent.key[0, 0, 0, :4] = torch.tensor([-0.0, torch.inf, torch.nan, 6e-8])
    loaded = restored(original)
    assert same_bits(loaded, original)
    assert loaded.nbytes == original.nbytes


def test_a_state_at_its_keyframe_is_one_moment() -> None:
    """Until the first update the embedding is the anchor itself, and there is no latest moment."""
    anchor = moment(1, torch.float16)
    original = MemoryState(anchor, anchor, None)
    assert original.nbytes == state().nbytes / 3
    loaded = restored(original)
    assert loaded.latest is None
    assert loaded.recurrent is loaded.anchor
    assert same_bits(loaded, original)


def test_a_state_without_an_embedding_loads_bit_for_bit() -> None:
    whole = state()
    original = dataclasses.replace(whole, recurrent=whole.anchor)
    assert set(original.moving()) == {"latest.key", "latest.value"}
    loaded = restored(original)
    assert loaded.recurrent is loaded.anchor
    assert same_bits(loaded, original)


def test_a_span_has_its_keyframes_in_common() -> None:
    """The half that every snapshot of a span would repeat, and the half that it brings."""
    between = dataclasses.replace(state(), far=moment(7, torch.float16))
    assert set(between.anchors()) == {"anchor.key", "anchor.value", "far.key", "far.value"}
    assert set(between.moving()) == {f"{m}.{f}" for m in _MOVING for f in ("key", "value")}
    assert between.nbytes == state().nbytes * 4 / 3
    loaded = restored(between)
    assert loaded.far is not None
    assert torch.equal(loaded.far.value, moment(7, torch.float16).value)
    assert same_bits(loaded, between)


@pytest.mark.parametrize("elements", [1, 2, 5])
@pytest.mark.parametrize(("dtype", "size"), [(torch.float16, 2), (torch.float32, 4)])
def test_size_of_a_state(dtype: torch.dtype, size: int, elements: int) -> None:
    assert state(dtype, elements).nbytes == size * 3 * H * W * (CK + CV * elements)


@pytest.mark.parametrize(("bank", "held"), [("2F+L", 2), ("2F+L+RDE", 3)])
def test_size_of_a_live_state_at_480p(lite: RDENet, bank: str, held: int) -> None:
    """Whatever the length of the shot: rde-lite, one element, a grid of 30 x 54; the keyframe, the
    latest memory frame and the embedding, if the bank reads it.
    """
    tracking = Tracking.model_validate({"bank": bank})
    propagator = RDETracker(InferenceForms(lite), tracking, torch.device("cpu"))
    frame = propagator.encode([torch.zeros(480, 854, 3).numpy()])
    alpha = torch.zeros(1, 480, 854)
    alpha[:, 100:300, 200:400] = 1
    begun = propagator.begin([(frame, alpha.numpy())])
    probabilities = propagator.read(begun, frame)
    once = propagator.absorb(begun, frame, probabilities)
    twice = propagator.absorb(once, frame, probabilities)
    assert once.nbytes == twice.nbytes == 2 * held * 30 * 54 * (64 + 128)


def test_conversion_makes_another_state() -> None:
    half = state()
    whole = half.to(torch.float32)
    assert {part.dtype for part in parts(half)} == {torch.float16}
    assert {part.dtype for part in parts(whole)} == {torch.float32}
    assert same_bits(whole.to(torch.float16), half)
    assert half.to(torch.device("meta")).anchor.key.device.type == "meta"
    assert MemoryState(half.anchor, half.anchor, None).to(torch.float32).latest is None


# The growing bank.


@pytest.mark.parametrize("updates", [1, 2, 12])
def test_a_history_loads_bit_for_bit_and_in_order(updates: int) -> None:
    original = grown(updates)
    loaded = restored(original)
    assert len(loaded.history) == updates
    assert loaded.latest is loaded.history[-1]
    assert same_bits(loaded, original)


def test_a_history_costs_a_moment_an_update() -> None:
    """Its last moment is the latest: it is counted once."""
    one = state().nbytes // 3
    assert [grown(updates).nbytes // one for updates in (1, 2, 12)] == [3, 4, 14]


def test_a_history_is_converted_too() -> None:
    half = grown(2)
    whole = half.to(torch.float32)
    assert {part.dtype for part in parts(whole)} == {torch.float32}
    assert same_bits(whole.to(torch.float16), half)


def test_what_the_growing_bank_reads() -> None:
    stm, after = Bank.parse("STM"), grown(3)
    assert after.bank(stm) == [after.anchor, *after.history]
    assert after.bank(Bank.parse("F+L")) == [after.latest, after.anchor]
    assert MemoryState(after.anchor, after.anchor, None).bank(stm) == [after.anchor]


# Two keyframes.


@pytest.mark.parametrize(
    ("bank", "begun", "later"),
    [
        ("2F+L+RDE", "AB", "RLAB"),
        ("F+L+RDE", "AA", "RLA"),
        ("2F+L", "AB", "LAB"),
        ("F", "A", "A"),
        ("3F+RDE", "AB", "RABA"),
        ("4F", "AB", "ABAB"),
        ("RDE", "A", "R"),
        ("STM", "AB", "AB"),
    ],
)
def test_two_keyframes_share_the_anchors_places(bank: str, begun: str, later: str) -> None:
    counts, far = Bank.parse(bank), moment(7, torch.float16)
    after = dataclasses.replace(state(), far=far)
    before = MemoryState(after.anchor, after.anchor, None, far=far)
    letters = {id(m): letter for m, letter in ((after.anchor, "A"), (far, "B"))}
    letters |= {id(after.recurrent): "R", id(after.latest): "L"}
    assert "".join(letters[id(moment)] for moment in before.bank(counts)) == begun
    assert "".join(letters[id(moment)] for moment in after.bank(counts)) == later


# Halves that make no state.


@pytest.mark.parametrize("missing", ["anchor.key", "recurrent.value", "latest.key"])
def test_a_half_that_lacks_something(missing: str) -> None:
    anchors, moving = state().anchors(), state().moving()
    anchors.pop(missing, None)
    moving.pop(missing, None)
    with pytest.raises(InputError, match=f"memory state is incomplete: '{missing}' is missing"):
        MemoryState.restored(anchors, moving)
