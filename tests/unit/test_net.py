from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rde_roto.net import (
    RDE_LITE,
    RDE_R50,
    ClickNet,
    EncodedFrames,
    MemoryFrame,
    NetConfig,
    RDENet,
    channels_last,
    draw_click,
    read_memory,
)
from rde_roto.net.efficientnet import InvertedBottleneck, SameConv
from rde_roto.net.resnet import FrozenBatchNorm
from seeded import seeded_network


def images(count: int, height: int = 48, width: int = 64) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def masks(count: int, elements: int, height: int = 48, width: int = 64) -> Tensor:
    """Soft masks that together cover at most the pixel."""
    draw = torch.Generator().manual_seed(2)
    shares = torch.randn(count, elements + 1, height, width, generator=draw).softmax(dim=1)
    return shares[:, 1:]


def readouts(net: RDENet, frames: EncodedFrames, elements: int) -> Tensor:
    draw = torch.Generator().manual_seed(3)
    count, _, height, width = frames.key.shape
    return torch.randn(count, elements, net.config.value_dim, height, width, generator=draw)


def frame_of(frames: EncodedFrames, index: int) -> EncodedFrames:
    return EncodedFrames(*(part[index : index + 1] for part in frames))


def assert_near(actual: Tensor, expected: Tensor) -> None:
    """Equal up to what another batch size may do to float32 sums, some 1e-6 of the spread."""
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4 * float(expected.std()))


# Shapes, without arithmetic: on the meta device both sizes take milliseconds.


@pytest.mark.parametrize(
    ("config", "dims", "million_parameters"),
    [(RDE_LITE, (112, 40, 24), 4.4), (RDE_R50, (1024, 512, 256), 64.0)],
    ids=lambda value: value.name if isinstance(value, NetConfig) else "",
)
def test_shapes(config: NetConfig, dims: tuple[int, int, int], million_parameters: float) -> None:
    with torch.device("meta"):
        net = RDENet(config)
        frames = net.encode_frames(torch.empty(2, 3, 64, 96))
        values = net.encode_masks(frames, torch.empty(2, 3, 64, 96))
        logits = net.decode(values, frames)
        newest = MemoryFrame(frames.key[:1], values[:1])
        updated = net.update(newest, newest)
        readout = read_memory([updated, newest], frames.key[:1].flatten(2), 5)
    grid = (4, 6)
    assert frames.key.shape == (2, config.key_dim, *grid)
    assert frames.thin.shape == (2, config.value_dim, *grid)
    assert frames.f16.shape == (2, dims[0], *grid)
    assert frames.f8.shape == (2, dims[1], 8, 12)
    assert frames.f4.shape == (2, dims[2], 16, 24)
    assert values.shape == (2, 3, config.value_dim, *grid)
    assert logits.shape == (2, 3, 64, 96)
    assert updated.key.shape == newest.key.shape
    assert updated.value.shape == newest.value.shape
    assert readout.shape == (1, 3, config.value_dim, 24)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    assert round(parameters / 1e6, 1) == million_parameters


# Elements and frames in one batch.


def test_a_mask_is_encoded_beside_the_sum_of_the_others(toy: RDENet) -> None:
    frames, alpha = toy.encode_frames(images(1)), masks(1, 3)
    together = toy.encode_masks(frames, alpha)
    for element in range(3):
        own = alpha[:, element]
        pair = torch.stack([own, alpha.sum(dim=1) - own], dim=1)
        assert_near(together[:, element], toy.encode_masks(frames, pair)[:, 0])


def test_the_others_are_seen(toy: RDENet) -> None:
    frames, alpha = toy.encode_frames(images(1)), masks(1, 2)
    alone = toy.encode_masks(frames, alpha[:, :1])
    assert (toy.encode_masks(frames, alpha)[:, :1] - alone).abs().max() > 0.01 * alone.std()
    without = torch.stack([alpha[:, 0], torch.zeros_like(alpha[:, 0])], dim=1)
    assert_near(toy.encode_masks(frames, without)[:, :1], alone)


def test_elements_decoded_together_are_those_decoded_alone(toy: RDENet) -> None:
    frames = toy.encode_frames(images(2))
    readout = readouts(toy, frames, elements=3)
    together = toy.decode(readout, frames)
    for element in range(3):
        part = slice(element, element + 1)
        assert_near(together[:, part], toy.decode(readout[:, part], frames))


def test_frames_encoded_and_decoded_together_are_those_one_by_one(toy: RDENet) -> None:
    frames, alpha = toy.encode_frames(images(3)), masks(3, 2)
    values = toy.encode_masks(frames, alpha)
    readout = readouts(toy, frames, elements=2)
    logits = toy.decode(readout, frames)
    for index in range(3):
        part = slice(index, index + 1)
        for together, alone in zip(
            frame_of(frames, index), toy.encode_frames(images(3)[part]), strict=True
        ):
            assert_near(together, alone)
        assert_near(values[part], toy.encode_masks(frame_of(frames, index), alpha[part]))
        assert_near(logits[part], toy.decode(readout[part], frame_of(frames, index)))


def test_soft_masks_are_not_thresholded(toy: RDENet) -> None:
    frames, alpha = toy.encode_frames(images(1)), masks(1, 1)
    hard = toy.encode_masks(frames, (alpha > 0.5).float())
    assert (toy.encode_masks(frames, alpha) - hard).abs().max() > 0.01 * hard.std()


def test_channels_last_changes_the_layout_alone() -> None:
    convolution_weight = "key_encoder.stem.weight"
    net = seeded_network(RDE_LITE).requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    expected = net.encode_frames(images(1)).key
    assert channels_last(net) is net
    after = net.state_dict()
    assert after[convolution_weight].is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert_near(net.encode_frames(images(1)).key, expected)


# Blocks.


def same_padded(image: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's SAME convolution of one channel, from its definition."""
    size, taps = len(image), len(kernel)
    out = -(-size // stride)
    total = max((out - 1) * stride + taps - size, 0)
    low = total // 2
    padded = np.pad(image, (low, total - low))
    windows = [
        [padded[r * stride : r * stride + taps, c * stride : c * stride + taps] for c in range(out)]
        for r in range(out)
    ]
    return np.array([[(window * kernel).sum() for window in row] for row in windows])


@pytest.mark.parametrize("size", [4, 8, 14])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_of_even_sizes(kernel: int, stride: int, size: int) -> None:
    """Whole numbers, so both ways give the same bits."""
    random = np.random.default_rng(kernel * 100 + stride * 10 + size)
    image = random.integers(-9, 10, (size, size)).astype(np.float32)
    taps = random.integers(-9, 10, (kernel, kernel)).astype(np.float32)
    conv = SameConv(1, 1, kernel, stride, groups=1).requires_grad_(False)
    conv.weight.copy_(torch.from_numpy(taps)[None, None])
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    actual = conv(torch.from_numpy(image)[None, None])[0, 0].numpy()
    assert np.array_equal(actual, same_padded(image, taps, stride))


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_strided_depthwise_convolution_trains_in_float32(kernel: int) -> None:
    """On a CPU it does: bfloat16 takes ten times as long there. What it passes on stays short."""
    conv = SameConv(4, 4, kernel, 2, groups=4)
    images = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(kernel)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        actual = conv(images.requires_grad_())
    (gradient,) = torch.autograd.grad(actual.sum(), conv.weight)
    expected = conv(images.float())
    (exact,) = torch.autograd.grad(expected.sum(), conv.weight)
    assert torch.equal(actual, expected.bfloat16())
    assert torch.equal(gradient, exact)


@pytest.mark.parametrize(
    ("in_dim", "out_dim", "stride", "keeps"), [(8, 8, 1, True), (8, 8, 2, False), (8, 4, 1, False)]
)
def test_a_bottleneck_has_a_shortcut_where_the_shape_stays(
    in_dim: int, out_dim: int, stride: int, keeps: bool
) -> None:
    block = InvertedBottleneck(in_dim, out_dim, 3, stride, expand=6).requires_grad_(False)
    nn.init.zeros_(block.project.weight)
    assert block.project.bias is not None
    nn.init.zeros_(block.project.bias)
    x = torch.randn(1, in_dim, 4, 4, generator=torch.Generator().manual_seed(4))
    expected = x if keeps else torch.zeros(1, out_dim, 4 // stride, 4 // stride)
    assert torch.equal(block(x), expected)


def test_training_leaves_the_statistics_of_batch_norm_alone() -> None:
    norm = FrozenBatchNorm(4).train()
    before = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    x = 5 + 3 * torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(5))
    y = norm(x)
    assert all(torch.equal(buffer, before[name]) for name, buffer in norm.named_buffers())
    # Mean 0 and variance 1 are stored, so nothing but eps = 1e-5 changes the input.
    torch.testing.assert_close(y, x / (1 + 1e-5) ** 0.5)
    y.sum().backward()
    assert norm.weight.grad is not None
    assert norm.bias.grad is not None


def test_no_batch_norm_of_the_network_ever_trains_its_statistics() -> None:
    with torch.device("meta"):
        net = RDENet(RDE_R50).train()
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 58
    assert all(isinstance(norm, FrozenBatchNorm) and not norm.training for norm in norms)
    assert net.decoder.training


def test_a_fresh_network_starts_from_orthogonal_keys() -> None:
    projection = RDENet(RDE_LITE).key_proj.key_proj
    rows = projection.weight.detach().flatten(1) / RDE_LITE.key_gain
    torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)), rtol=0, atol=1e-5)
    assert projection.bias is not None
    assert not projection.bias.any()


def clicked(*at: tuple[int, int]) -> Tensor:
    """Planes of adding clicks [1, 3, 48, 64]."""
    planes = torch.zeros(1, 3, 48, 64)
    for row, column in at:
        draw_click(planes[0, 0], row, column)
    return planes


def test_a_click_net_starts_as_the_tracker_that_remembers_this_very_frame(lite: RDENet) -> None:
    net = ClickNet().requires_grad_(False)
    net.start_from(lite)
    image, planes = images(1), clicked((10, 20))
    frames = lite.encode_frames(image)
    for actual, expected in zip(net.encode_frames(image), frames, strict=True):
        assert_near(actual, expected)
    value = lite.encode_masks(frames, planes[:, :1])
    read = read_memory([MemoryFrame(frames.key, value)], frames.key.flatten(2), None)
    read = read.unflatten(3, value.shape[3:])
    assert_near(net(frames, planes), lite.decode((value + read) / 2, frames)[:, 0])
    assert (net(frames, planes) - net(frames, clicked((30, 50)))).abs().max() > 0.01


def test_a_click_is_a_disc_even_at_the_edge_of_the_picture() -> None:
    assert clicked((24, 32)).sum() == 81  # of the whole pixels within five
    assert 20 < clicked((0, 0)).sum() < 41
