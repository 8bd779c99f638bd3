"""The inference form against the plain one, from which it is made.

Its sums are taken in another order: a float32 rounding is 6e-8, which some fifty layers of random
weights amplify to 2e-5 of an output's spread. ``ROUNDING`` is five times that.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rde_roto.model.devices import short_dtype
from rde_roto.net import (
    RDE_LITE,
    RDE_R50,
    ClickNet,
    InferenceClickNet,
    InferenceNet,
    MemoryFrame,
    Near,
    RDENet,
    inference_trunk,
    read_memory,
)
from rde_roto.net.efficientnet import InvertedBottleneck
from rde_roto.net.fused import Activation, FusedConv, Kernel
from rde_roto.net.inference_memory import by_product, read_bank
from rde_roto.net.inference_trunk import stage
from rde_roto.net.winograd import WinogradConv, is_faster
from seeded import seeded_network

CPU = torch.device("cpu")
ROUNDING = 1e-4
SIZE = (96, 160)


@pytest.fixture(scope="module", params=[RDE_LITE, RDE_R50], ids=lambda config: config.name)
def plain(request: pytest.FixtureRequest) -> RDENet:
    return seeded_network(request.param).eval().requires_grad_(False)


@pytest.fixture(scope="module", params=[True, False], ids=["cpu", "elsewhere"])
def form(request: pytest.FixtureRequest, plain: RDENet) -> InferenceNet:
    """Made for a CPU, and as it is made for a GPU."""
    return InferenceNet(plain, torch.float32, on_cpu=request.param)


def assert_near(actual: Tensor, expected: Tensor) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    assert float((actual - expected).abs().max()) < ROUNDING * float(expected.std())


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def masks(frames: int, elements: int) -> Tensor:
    return draw(2, frames, elements + 1, *SIZE).softmax(dim=1)[:, 1:]


@pytest.mark.parametrize(("frames", "elements"), [(1, 1), (1, 3), (2, 2)])
def test_every_step_gives_what_the_plain_form_gives(
    plain: RDENet, form: InferenceNet, frames: int, elements: int
) -> None:
    image = draw(1, frames, 3, *SIZE)
    encoded = plain.encode_frames(image)
    found = form.encode_frames(image)
    for actual, expected in zip(found, encoded, strict=True):
        assert_near(actual, expected)
    values = plain.encode_masks(encoded, masks(frames, elements))
    assert_near(form.encode_masks(encoded, masks(frames, elements)), values)
    assert_near(form.decode(values, encoded), plain.decode(values, encoded))


@pytest.mark.parametrize("on_cpu", [True, False], ids=["cpu", "elsewhere"])
def test_clicks_give_what_the_plain_form_gives(lite: RDENet, on_cpu: bool) -> None:
    plain = ClickNet().eval().requires_grad_(False)
    plain.start_from(lite)
    form = InferenceClickNet(plain, torch.float32, on_cpu)
    image, planes = draw(1, 1, 3, *SIZE), draw(2, 1, 3, *SIZE).sigmoid()
    expected = plain(plain.encode_frames(image), planes)
    assert_near(form(form.encode_frames(image), planes), expected)


@pytest.mark.parametrize("elements", [1, 3])
@pytest.mark.parametrize("grid", [(6, 10), (7, 9)])
def test_an_update_gives_what_the_plain_form_gives(
    plain: RDENet, form: InferenceNet, elements: int, grid: tuple[int, int]
) -> None:
    """Also on odd grids, whose last row and column the pooling drops."""
    config = plain.config
    old, new = (
        MemoryFrame(
            draw(s, 1, config.key_dim, *grid), draw(s, 1, elements, config.value_dim, *grid)
        )
        for s in (3, 4)
    )
    for actual, expected in zip(form.update(old, new), plain.update(old, new), strict=True):
        assert_near(actual, expected)


def test_the_plain_form_is_left_as_it_is() -> None:
    plain = seeded_network(RDE_LITE)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    form = InferenceNet(plain, torch.bfloat16, on_cpu=True)
    form.encode_frames(draw(1, 1, 3, *SIZE))
    after = plain.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert plain.training
    assert all(parameter.requires_grad for parameter in plain.parameters())
    assert not any(parameter.requires_grad for parameter in form.parameters())


def test_a_cpu_takes_frames_one_by_one(lite: RDENet) -> None:
    """So a trunk's features have the same bits whatever else is encoded with them."""
    form = InferenceNet(lite, torch.float32, on_cpu=True)
    image = draw(1, 2, 3, *SIZE)
    both, alone = form.encode_frames(image), form.encode_frames(image[1:])
    for name in ("f16", "f8", "f4"):
        assert torch.equal(getattr(both, name)[1:], getattr(alone, name))


@pytest.mark.parametrize(
    ("dtype", "on_cpu", "most"),
    [
        pytest.param(
            torch.bfloat16,
            True,
            0.05,
            marks=pytest.mark.skipif(short_dtype(CPU) != torch.bfloat16, reason="no bfloat16"),
        ),
        (torch.bfloat16, False, 0.05),
        (torch.float16, False, 0.01),
    ],
)
def test_16_bits_are_in_the_convolutions_alone(
    lite: RDENet, dtype: torch.dtype, on_cpu: bool, most: float
) -> None:
    """bfloat16 keeps 8 bits, 0.004 of each number, of which many layers make some hundredths;
    float16 keeps 11.
    """
    form = InferenceNet(lite, dtype, on_cpu)
    image = draw(1, 1, 3, *SIZE)
    encoded, expected = form.encode_frames(image), lite.encode_frames(image)
    assert encoded.f16.dtype == encoded.thin.dtype == dtype
    assert encoded.key.dtype == encoded.image.dtype == torch.float32
    assert (encoded.key - expected.key).std() < most * expected.key.std()
    values = form.encode_masks(encoded, masks(1, 2))
    assert values.dtype == form.decode(values, encoded).dtype == torch.float32
    newest = MemoryFrame(encoded.key, values)
    for actual, wanted in zip(
        form.update(newest, newest), lite.update(newest, newest), strict=True
    ):
        assert_near(actual, wanted)


# Reading.


def bank_of(seed: int, counts: list[int], size: tuple[int, int]) -> list[MemoryFrame]:
    """Moments as often as the counts say."""
    moments = [
        MemoryFrame(draw(seed + i, 1, 8, *size), draw(seed + 50 + i, 1, 2, 5, *size))
        for i in range(len(counts))
    ]
    return [moment for moment, n in zip(moments, counts, strict=True) for _ in range(n)]


@given(
    seed=st.integers(0, 1000),
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    top_k=st.none() | st.integers(1, 60),
    most=st.sampled_from([1, 40, 1000]),
    has_near=st.booleans(),
)
@settings(max_examples=100)
def test_a_recall_is_a_read(
    seed: int,
    counts: list[int],
    size: tuple[int, int],
    top_k: int | None,
    most: int,
    has_near: bool,
) -> None:
    """However often a moment is named and however many rows are taken at a time."""
    bank, query = bank_of(seed, counts, size), draw(seed + 100, 1, 8, 7)
    cells, positions = draw(seed, size[0] * size[1], 2), draw(seed + 1, 7, 2)
    near = Near(bank[-1], cells, positions) if has_near else None
    expected = read_memory(bank, query, top_k, near)
    read = read_bank(bank, query, top_k, most, near)
    torch.testing.assert_close(read, expected, rtol=0, atol=5e-5)


def test_a_device_without_gathering_reads_by_a_product() -> None:
    """Sums of seven products near 1, in another order."""
    table, weights = draw(1, 20, 6), draw(2, 5, 7)
    where = torch.rand(5, 20, generator=torch.Generator().manual_seed(3)).topk(7).indices
    expected = F.embedding_bag(where, table, per_sample_weights=weights, mode="sum")
    torch.testing.assert_close(by_product(weights, where, table), expected, rtol=0, atol=1e-5)


def test_half_a_moment_is_recalled_in_float32() -> None:
    bank = [MemoryFrame(m.key.half(), m.value.half()) for m in bank_of(1, [1, 1], (3, 4))]
    query = draw(2, 1, 8, 7)
    wide = [MemoryFrame(m.key.float(), m.value.float()) for m in bank]
    assert torch.equal(read_bank(bank, query, 5, 1000), read_bank(wide, query, 5, 1000))


@pytest.mark.parametrize("top_k", [None, 3])
@pytest.mark.parametrize("spread", [100.0, 1e6])
def test_affinities_beyond_the_range_of_exp(spread: float, top_k: int | None) -> None:
    (moment,) = bank_of(3, [1], (3, 4))
    far = MemoryFrame(spread * moment.key, moment.value)
    read = read_bank([far, far], 1.01 * far.key.flatten(2), top_k, 1000)
    torch.testing.assert_close(read, far.value.flatten(3), rtol=0, atol=5e-5)


# Convolutions with fewer multiplications.


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("height", [20, 23])
@pytest.mark.parametrize(("size", "stride", "out"), [(3, 1, 8), (5, 1, 8), (3, 2, 12), (5, 2, 12)])
def test_a_block_in_bands_has_the_same_bits(
    size: int, stride: int, out: int, height: int, rows: int
) -> None:
    torch.manual_seed(0)
    block, fused = InvertedBottleneck(8, out, size, stride, 6), torch.backends.mkldnn.is_available()
    made = stage(nn.Sequential(block), lambda one, activation: FusedConv(one, fused, activation))
    x = draw(1, 1, 8, height, 24).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), pytest.MonkeyPatch.context() as monkeypatch:
        whole = made(x)
        monkeypatch.setattr(inference_trunk, "_LARGE_BYTES", 0)
        monkeypatch.setattr(inference_trunk, "_BAND_BYTES", 4 * 48 * 24 * stride * rows)
        in_bands = made(x)
    assert torch.equal(in_bands, whole)
    assert in_bands.stride() == whole.stride()


def kernel_of(seed: int, out: int, of: int, **geometry: int) -> Kernel:
    return Kernel(draw(seed, out, of, 3, 3) / (3 * of**0.5), draw(seed + 1, out), **geometry)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 9), (60, 54), (5, 600)])
def test_winograds_convolution_is_a_convolution(
    size: tuple[int, int], activation: Activation
) -> None:
    """On odd sizes, with and without a sum, over several bands: within the rounding of numbers that
    pass through a polynomial's points, a dozen times that of a sum.
    """
    kernel, x, plus = kernel_of(1, 5, 4, padding=1), draw(3, 2, 4, *size), draw(4, 2, 5, *size)
    spare, fused = WinogradConv(kernel, activation), FusedConv(kernel, False, activation)
    for added in (plus, None):
        torch.testing.assert_close(spare(x, added), fused(x, added), rtol=0, atol=1e-5)


def test_winograds_convolution_takes_each_map_alone() -> None:
    conv, x = WinogradConv(kernel_of(1, 5, 4, padding=1)), draw(3, 3, 4, 20, 30)
    assert torch.equal(conv(x)[1:2], conv(x[1:2]))


def test_winograds_convolution_is_for_wide_kernels_of_its_shape() -> None:
    assert is_faster(kernel_of(1, 256, 256, padding=1))
    assert not is_faster(kernel_of(1, 64, 256, padding=1))
    assert not is_faster(kernel_of(1, 256, 256, padding=1, stride=2))
    assert not is_faster(kernel_of(1, 256, 256, padding=2, dilation=2))
    assert not is_faster(Kernel(draw(1, 256, 256, 1, 1), None))
