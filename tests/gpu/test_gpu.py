"""What holds on a GPU: the CPU's mattes within a tolerance, and its own bits in any order.

``RDE_ROTO_GPU_TESTS_ON=cpu`` runs on the CPU what can run there, as a rehearsal of these tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stored import assert_same
from toy_shots import MemoryPlate, a_shot, mask

from rde_roto.engine.engine import Engine
from rde_roto.engine.requests import Priority
from rde_roto.images.color.transforms import input_transform_of
from rde_roto.matte.finish import finish
from rde_roto.matte.raw import RawMatte
from rde_roto.model.devices import choose_device, short_dtype
from rde_roto.model.forms import InferenceForms
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.model.rde_tracker import RDETracker
from rde_roto.model.state import MemoryState
from rde_roto.net import RDENet
from rde_roto.node import RotoNode
from rde_roto.stores import CacheSettings, Stores, open_stores
from rde_roto.training.processes import joined
from rde_roto.values.bank import Bank
from rde_roto.values.errors import OutOfMemoryError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window
from rde_roto.values.preset import Finish, Preset, Running, Tracking
from seeded import seeded_shot

pytestmark = pytest.mark.gpu

CPU = torch.device("cpu")
VIEWS, ALPHA = seeded_shot(10, 180, 300)
EVERYTHING = Bank.parse("2F+L+RDE")
PLATE = MemoryPlate(FrameRange.parse("1001-1014"), height=48, width=64)
ON = "RDE_ROTO_GPU_TESTS_ON"


@pytest.fixture
def device() -> torch.device:
    name = os.environ.get(ON, "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return choose_device(name)


@pytest.fixture
def cuda(device: torch.device) -> torch.device:
    """For what means nothing on another device."""
    if device.type != "cuda":
        pytest.skip(f"{ON}={device.type}: there is no such thing on it")
    return device


def tracker(net: RDENet, device: torch.device, **tracking: Any) -> RDETracker:
    values: dict[str, Any] = {"lines": 120, "bank": EVERYTHING, "crop": False, **tracking}
    return RDETracker(InferenceForms(net), Tracking(**values), device)


def walked(tracker: RDETracker) -> tuple[MemoryState, list[FloatArray]]:
    """Every frame of the seeded shot read, every third one absorbed."""
    state = tracker.begin([(tracker.encode(VIEWS[:1]), ALPHA)])
    mattes = []
    for index, view in enumerate(VIEWS[1:], start=1):
        frame = tracker.encode([view])
        probabilities = tracker.read(state, frame)
        mattes.append(probabilities.cpu().numpy())
        if index % 3 == 0:
            state = tracker.absorb(state, frame, probabilities)
    return state, mattes


# Against the CPU.


def test_float32_gives_the_cpus_mattes(lite: RDENet, device: torch.device) -> None:
    """Other sums round otherwise, by some 1e-6 of each number, and three memories pass it on."""
    _, expected = walked(tracker(lite, CPU, state_dtype="float32"))
    _, found = walked(tracker(lite, device, state_dtype="float32"))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-3)


def test_mixed_gives_nearly_the_cpus_mattes(lite: RDENet, device: torch.device) -> None:
    """bfloat16 keeps 8 bits, float16 11; other mattes altogether differ by 0.3 and more."""
    if short_dtype(device) == torch.float32:
        pytest.skip("this device has no 16 bits")
    _, expected = walked(tracker(lite, CPU))
    _, found = walked(tracker(lite, device, precision="mixed"))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() < 0.15
        assert np.abs(one - other).mean() < 0.01


def test_convolutions_in_float16_give_nearly_the_cpus_mattes(
    lite: RDENet, cuda: torch.device
) -> None:
    """As Volta and Turing have them."""
    _, expected = walked(tracker(lite, CPU))
    half = tracker(lite, cuda)
    half.net = InferenceForms(lite).get(torch.float16, cuda)
    _, found = walked(half)
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).max() < 0.05


@pytest.mark.parametrize("log", [None, "ARRI LogC4"])
@pytest.mark.parametrize("shaped", [{}, {"erode_px": 1.5, "feather_px": 3.0, "gamma": 1.2}])
def test_finishing_gives_the_cpus_mattes(
    device: torch.device, log: str | None, shaped: dict[str, float]
) -> None:
    """Two disks that touch, enlarged 4.5 times; other sums round otherwise."""
    geometry = Geometry.of((1080, 1920), 240)
    left, right, top, bottom = geometry.padding
    rows, columns = np.indices((240 + top + bottom, 427 + left + right)).astype(np.float32)
    disks = [60 - np.hypot(rows - 120, columns - middle) for middle in (140, 260)]
    raw = RawMatte((np.stack(disks) / 3 + 0.5).clip(0, 1).astype(np.float32), geometry)
    pixels = np.random.default_rng(0).random((1080, 1920, 3), dtype=np.float32)
    picture = Picture(pixels, None if log is None else input_transform_of(log))
    settings = Finish.model_validate(shaped)
    expected = finish(raw, picture, settings, CPU)
    found = finish(raw, picture, settings, device)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)
    np.testing.assert_array_equal(finish(raw, picture, settings, device), found)


# The same bits.


def node(
    net: RDENet, device: torch.device, stores: Stores | None = None, **tracking: Any
) -> RotoNode:
    """Two keyframes, two elements, a box that follows them."""
    preset = Preset(
        name="gpu",
        tracking=Tracking(**{"lines": 96, "bank": EVERYTHING, **tracking}),
        running=Running(snapshot_every=1),
    )
    keyframes = (mask(frame, "ab", plate=PLATE) for frame in (1001, 1012))
    shot = a_shot(*keyframes, plate=PLATE, elements=elements_named("a", "b"))
    forms = InferenceForms(net)
    return RotoNode(shot, preset, lambda tracking: RDETracker(forms, tracking, device), stores)


def mattes(node: RotoNode) -> dict[int, FloatArray]:
    return {matte.frame: matte.alpha for matte in node.render()}


def assert_same_mattes(found: dict[int, FloatArray], expected: dict[int, FloatArray]) -> None:
    assert found.keys() == expected.keys()
    for frame, alpha in expected.items():
        np.testing.assert_array_equal(found[frame], alpha, err_msg=str(frame))


@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_any_order_gives_the_same_bits(toy: RDENet, device: torch.device, precision: str) -> None:
    expected = mattes(node(toy, device, precision=precision))
    frames = np.random.default_rng(5).permutation(list(PLATE.range))
    one_by_one = node(toy, device, Stores.in_ram(10**5), precision=precision)
    assert_same_mattes(
        {int(frame): one_by_one.matte(int(frame)).alpha for frame in frames}, expected
    )


def test_a_run_that_goes_on_from_disk_gives_the_same_bits(
    toy: RDENet, device: torch.device, tmp_path: Path
) -> None:
    expected = mattes(node(toy, device))

    def stores() -> Stores:
        return open_stores(CacheSettings(tmp_path, 10**9, ram_bytes=0))

    first = node(toy, device, stores()).render()
    begun = {matte.frame: matte.alpha for matte, _ in zip(first, range(6), strict=False)}
    first.close()
    for raws in (tmp_path / "raws").rglob("*.safetensors"):
        raws.unlink()  # only states are left
    found = mattes(node(toy, device, stores()))
    assert_same_mattes(found, expected)
    assert_same_mattes(begun, {frame: expected[frame] for frame in begun})


def test_a_state_is_the_same_bits_after_a_journey(lite: RDENet, device: torch.device) -> None:
    there = tracker(lite, device)
    state, _ = walked(there)
    back = state.to(CPU)
    assert {tensor.device.type for tensor in back.moving().values()} == {"cpu"}
    again = there.restore(back.anchors(), back.moving())
    assert_same(again.to(CPU), back)
    frame = there.encode([VIEWS[-1]])
    assert torch.equal(there.read(again, frame), there.read(state, frame))


def test_a_state_of_another_device_is_read(lite: RDENet, device: torch.device) -> None:
    """Made on the CPU, as one is that a cache was given: the same mattes within the tolerance."""
    here, there = tracker(lite, CPU), tracker(lite, device)
    state, _ = walked(here)
    expected = here.read(state, here.encode([VIEWS[-1]]))
    moved = there.restore(state.anchors(), state.moving())
    found = there.read(moved, there.encode([VIEWS[-1]])).cpu()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


def test_two_shots_at_once_give_what_each_gives_alone(toy: RDENet, device: torch.device) -> None:
    expected = mattes(node(toy, device))
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(mattes, [node(toy, device) for _ in range(2)]):
            assert_same_mattes(found, expected)
    with Engine() as engine:
        asked = [
            (frame, engine.submit(shot, frame, Priority.BATCH))
            for shot in (node(toy, device), node(toy, device))
            for frame in PLATE.range
        ]
        for frame, future in asked:
            np.testing.assert_array_equal(future.result(timeout=120).alpha, expected[frame])


# What a step waits for, and what it holds.


@contextmanager
def no_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("bank", ["2F+L", "2F+L+RDE"])
def test_a_step_does_not_wait_for_the_device(lite: RDENet, cuda: torch.device, bank: str) -> None:
    """Without a box, whose numbers have to come to the CPU."""
    there = tracker(lite, cuda, bank=Bank.parse(bank))
    state, _ = walked(there)  # what is set up once has been
    with no_waiting():
        between = there.encode(VIEWS[5:7])
        there.read(state, between)
        frame = there.encode(VIEWS[7:8])
        after = there.absorb(state, frame, there.read(state, frame))
    assert after.latest is not None


def test_a_part_of_a_plate_is_uploaded_without_waiting(lite: RDENet, cuda: torch.device) -> None:
    there = tracker(lite, cuda)
    box = Window(20, 10, 200, 120)
    there.encode(VIEWS[:2], box)
    with no_waiting():
        encoded = there.encode(VIEWS[:2], box)
    expected = tracker(lite, CPU).encode(VIEWS[:2], box).frames.key
    torch.testing.assert_close(encoded.frames.key.cpu(), expected, rtol=0, atol=2e-3)


def test_memory_that_runs_out_is_free_again(lite: RDENet, cuda: torch.device) -> None:
    """A process that may have three gigabytes, nine tenths of them taken: of the 0.3 that are left,
    one layer at 1080 lines takes more, and all at 384 lines less.
    """
    total = torch.cuda.get_device_properties(cuda).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(3e9 / total, cuda)
    taken = torch.empty(int(0.9 * 3e9), dtype=torch.uint8, device=cuda)
    try:
        plate = MemoryPlate(FrameRange.parse("1001-1006"), height=1080, width=1920)
        preset = Preset(
            name="gpu",
            tracking=Tracking(lines=1080, crop=False),
            running=Running(when_memory_runs_out="smaller"),
        )
        forms = InferenceForms(lite)
        shot = a_shot(mask(1001, plate=plate), plate=plate)
        made = RotoNode(shot, preset, lambda tracking: RDETracker(forms, tracking, cuda))
        before = torch.cuda.memory_allocated(cuda)
        with pytest.raises(OutOfMemoryError):
            made.matte(1004)
        assert torch.cuda.memory_allocated(cuda) < before + 50e6  # the state at the keyframe
        smaller = made.smaller()
        while smaller is not None and smaller.preset.tracking.lines > 480:
            smaller = smaller.smaller()
        assert smaller is not None
        assert smaller.matte(1004).alpha.shape == (1, 1080, 1920)
    finally:
        del taken
        torch.cuda.set_per_process_memory_fraction(1.0, cuda)
        torch.cuda.empty_cache()


def test_cuda_without_a_number_shares_the_network_of_the_first(
    lite: RDENet, cuda: torch.device
) -> None:
    forms = InferenceForms(lite)
    one = forms.get(torch.float32, choose_device("cuda"))
    assert forms.get(torch.float32, choose_device("cuda:0")) is one


def test_a_process_of_torchrun_takes_its_own_gpu(
    cuda: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = torch.cuda.device_count() - 1
    facts = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_RANK": last, "MASTER_PORT": 29511}
    for name, value in {**facts, "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, str(value))
    with joined(cuda) as target:
        assert target == torch.device("cuda", last)
        assert torch.cuda.current_device() == last
    torch.cuda.set_device(0)
