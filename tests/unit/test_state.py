from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from rde_roto.net import Moment, RDENet
from rde_roto.propagator import Propagator
from rde_roto.state import MemoryState
from rde_roto.values.errors import InputError, OutputError
from rde_roto.values.preset import Bank, Tracking

CK, CV, H, W = 64, 128, 3, 5


def moment(seed: int, dtype: torch.dtype, elements: int = 2) -> Moment:
    draw = torch.Generator().manual_seed(seed)
    key = torch.randn(1, CK, H, W, generator=draw)
    return Moment(key.to(dtype), torch.randn(1, elements, CV, H, W, generator=draw).to(dtype))


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


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize("elements", [1, 3])
def test_a_saved_state_loads_bit_for_bit(tmp_path: Path, dtype: torch.dtype, elements: int) -> None:
    original = state(dtype, elements)
    original.recurrent.key[0, 0, 0, :4] = torch.tensor([-0.0, torch.inf, torch.nan, 6e-8])
    original.save(tmp_path / "1012.safetensors")
    loaded = MemoryState.load(tmp_path / "1012.safetensors")
    assert same_bits(loaded, original)
    assert loaded.nbytes == original.nbytes


def test_a_state_at_its_keyframe_is_one_moment(tmp_path: Path) -> None:
    """Until the first update the embedding is the anchor itself, and there is no latest moment."""
    anchor = moment(1, torch.float16)
    original = MemoryState(anchor, anchor, None)
    assert original.nbytes == state().nbytes / 3
    original.save(tmp_path / "state")
    loaded = MemoryState.load(tmp_path / "state")
    assert loaded.latest is None
    assert loaded.recurrent is loaded.anchor
    assert same_bits(loaded, original)


def test_moments_laid_out_channels_last_are_saved_too(tmp_path: Path) -> None:
    plain = state()
    key = plain.anchor.key.contiguous(memory_format=torch.channels_last)
    laid_out = MemoryState(Moment(key, plain.anchor.value), plain.recurrent, plain.latest)
    laid_out.save(tmp_path / "state")
    assert same_bits(MemoryState.load(tmp_path / "state"), plain)


@pytest.mark.parametrize("elements", [1, 2, 5])
@pytest.mark.parametrize(("dtype", "size"), [(torch.float16, 2), (torch.float32, 4)])
def test_size_of_a_state(dtype: torch.dtype, size: int, elements: int) -> None:
    assert state(dtype, elements).nbytes == size * 3 * H * W * (CK + CV * elements)


def test_size_of_a_live_state_at_480p(lite: RDENet, tmp_path: Path) -> None:
    """Whatever the length of the shot: rde-lite, one element, a grid of 30 x 54."""
    propagator = Propagator(lite, Tracking(), torch.device("cpu"))
    frame = propagator.encode([torch.zeros(480, 854, 3).numpy()])
    alpha = torch.zeros(1, 480, 854)
    alpha[:, 100:300, 200:400] = 1
    begun = propagator.begin(frame, alpha.numpy())
    probabilities = propagator.read(begun, frame)
    once = propagator.absorb(begun, frame, probabilities)
    twice = propagator.absorb(once, frame, probabilities)
    assert once.nbytes == twice.nbytes == 2 * 3 * 30 * 54 * (64 + 128)
    twice.save(tmp_path / "state")
    header = 1024  # names, shapes and offsets of six tensors
    assert twice.nbytes < (tmp_path / "state").stat().st_size < twice.nbytes + header


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
def test_a_history_loads_bit_for_bit_and_in_order(tmp_path: Path, updates: int) -> None:
    original = grown(updates)
    original.save(tmp_path / "state")
    loaded = MemoryState.load(tmp_path / "state")
    assert len(loaded.history) == updates
    assert loaded.latest is loaded.history[-1]
    assert same_bits(loaded, original)


def test_a_history_costs_a_moment_an_update(tmp_path: Path) -> None:
    """Its last moment is the latest: it is counted, and written, once."""
    one = state().nbytes // 3
    assert [grown(updates).nbytes // one for updates in (1, 2, 12)] == [3, 4, 14]
    grown(12).save(tmp_path / "state")
    assert (tmp_path / "state").stat().st_size < 15 * one


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


# Files that are no state.


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_truncated_file(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "state"
    state().save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="state is not a whole memory state: "):
        MemoryState.load(path)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    text, weights, half = tmp_path / "text", tmp_path / "weights", tmp_path / "half"
    text.write_text("no tensors at all, only words, and enough of them for a header")
    save_file({"decoder.pred.weight": torch.zeros(3)}, weights)
    save_file({"anchor.key": torch.zeros(3), "recurrent.key": torch.zeros(3)}, half)
    for path in (text, weights, half, tmp_path, tmp_path / "gone"):
        with pytest.raises(InputError, match=f"{path.name} is not a whole memory state: "):
            MemoryState.load(path)


# Writing.


def test_saving_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("an older one")
    state().save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert same_bits(MemoryState.load(path), state())


def test_a_save_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir()  # cannot be replaced by a file
    with pytest.raises(OutputError, match=r"cannot write .*state"):
        state().save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert list(path.iterdir()) == []
