from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rde_roto.net import RDE_LITE, RDE_R50, MemoryFrame
from rde_roto.net.sam import ASPP, SAM, ExtractEnhance, FoldedConv, NonLocal, Squeeze

KEY_DIM, VALUE_DIM = 16, 32


def sam(bounded: bool) -> SAM:
    """SAM with its initial weights, the same each time, biases drawn too."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        module = SAM(KEY_DIM, VALUE_DIM, bounded)
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.1)
    return module.requires_grad_(False)


def moment(
    seed: int, elements: int = 2, size: tuple[int, int] = (4, 5), rms: float = 1
) -> MemoryFrame:
    draw = torch.Generator().manual_seed(seed)
    key = rms * torch.randn(1, KEY_DIM, *size, generator=draw)
    return MemoryFrame(key, rms * torch.randn(1, elements, VALUE_DIM, *size, generator=draw))


def rms(x: Tensor) -> Tensor:
    """Of each sample, over its last three axes."""
    return x.double().square().mean(dim=(-3, -2, -1)).sqrt().float()


# The published arrangement, in 3-D: [N, C, T = 2, h, w], t = 0 the embedding, t = 1 the newest.


def conv3d(conv: FoldedConv | Squeeze, x: Tensor) -> Tensor:
    dilation = getattr(conv, "dilation", 1)
    reach = dilation * (conv.weight.shape[-1] // 2)
    return F.conv3d(
        x, conv.weight, conv.bias, padding=(0, reach, reach), dilation=(1, dilation, dilation)
    )


def extract_3d(block: NonLocal, x: Tensor) -> Tensor:
    (phi_conv,), (g_conv,) = block.phi.children(), block.g.children()
    assert isinstance(phi_conv, FoldedConv)
    assert isinstance(g_conv, FoldedConv)
    theta = conv3d(block.theta, x)
    phi = F.max_pool3d(conv3d(phi_conv, x), (1, 2, 2)).flatten(2)
    g = F.max_pool3d(conv3d(g_conv, x), (1, 2, 2)).flatten(2)
    affinity = theta.flatten(2).transpose(1, 2) @ phi / phi.shape[2]
    y = (affinity @ g.transpose(1, 2)).transpose(1, 2).reshape_as(theta)
    return x + conv3d(block.W, y)


def enhance_3d(aspp: ASPP, x: Tensor) -> Tensor:
    branches = (aspp.aspp1, aspp.aspp2, aspp.aspp3, aspp.aspp4)
    views = [F.relu(conv3d(branch.atrous_conv, x)) for branch in branches]
    return F.relu(conv3d(aspp.conv1, torch.cat(views, dim=1)))


def update_3d(block: ExtractEnhance, squeeze: Squeeze, old: Tensor, new: Tensor) -> Tensor:
    extracted = extract_3d(block.non_local, torch.stack([old, new], dim=2))
    return conv3d(squeeze, extracted + enhance_3d(block.conv1, extracted)).squeeze(2)


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (2, 3), (3, 2), (7, 10)])
def test_the_folded_form_is_the_published_3d_one(size: tuple[int, int]) -> None:
    """Also on odd grids, whose last row and column the pooling drops."""
    module = sam(bounded=False)
    old, new = moment(1, 3, size), moment(2, 3, size)
    updated = module(old, new)
    key = update_3d(module.key_encoder, module.compress_key, old.key, new.key)
    value = update_3d(module.value_encoder, module.compress_value, old.value[0], new.value[0])
    # Results are of the order of 1; float32 sums of at most 18 * 32 terms, in another order.
    torch.testing.assert_close(updated.key, key, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(updated.value, value[None], rtol=1e-5, atol=1e-5)


def test_the_bounded_form_is_the_3d_one_between_two_normalisations() -> None:
    module = sam(bounded=True)
    old, new = moment(3, 1, (5, 7), rms=20), moment(4, 1, (5, 7), rms=3)
    plain = update_3d(
        module.key_encoder, module.compress_key, old.key / rms(old.key), new.key / rms(new.key)
    )
    expected = plain / rms(plain) * rms(new.key)
    torch.testing.assert_close(module(old, new).key, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("bounded", [False, True])
def test_elements_do_not_see_each_other(bounded: bool) -> None:
    module = sam(bounded)
    old, new = moment(5, elements=3), moment(6, elements=3)
    updated = module(old, new)
    changed = new.value.clone()
    changed[:, 1] += 1
    other = module(old, MemoryFrame(new.key, changed))
    assert torch.equal(other.key, updated.key)
    assert torch.equal(other.value[:, [0, 2]], updated.value[:, [0, 2]])
    assert not torch.equal(other.value[:, 1], updated.value[:, 1])
    for element in range(3):
        part = slice(element, element + 1)
        alone = module(
            MemoryFrame(old.key, old.value[:, part]), MemoryFrame(new.key, new.value[:, part])
        )
        # A batch of another size may be summed in another order.
        torch.testing.assert_close(alone.value, updated.value[:, part], rtol=1e-5, atol=1e-5)


def test_a_thousand_bounded_updates_stay_as_large_as_the_newest_moment() -> None:
    module = sam(bounded=True)
    draw = torch.Generator().manual_seed(8)
    embedding = moment(8)
    for step in range(1000):
        size = 10 ** (3 * float(torch.rand(1, generator=draw)) - 1)  # 0.1 to 100
        newest = moment(10_000 + step, rms=size)
        embedding = module(embedding, newest)
        for part, new in zip(embedding, newest, strict=True):
            assert part.isfinite().all(), step
            # float32 means of some hundred squares, and 1e-8 beside them.
            torch.testing.assert_close(rms(part), rms(new), rtol=1e-4, atol=1e-6)


def test_unbounded_updates_with_the_same_weights_overflow() -> None:
    """What the bound is there for: SAM is cubic in its input."""
    module = sam(bounded=False)
    embedding, newest = moment(9, rms=30), moment(10, rms=30)
    for _ in range(10):
        embedding = module(embedding, newest)
    assert not embedding.value.isfinite().all()


def test_a_moment_of_nothing_is_no_division_by_zero() -> None:
    empty = MemoryFrame(*(torch.zeros_like(part) for part in moment(0)))
    for part in sam(bounded=True)(empty, empty):
        assert part.isfinite().all()
        assert rms(part).max() < 1e-3


def test_only_the_compact_network_is_bounded() -> None:
    assert RDE_LITE.bounded_recurrence
    assert not RDE_R50.bounded_recurrence
