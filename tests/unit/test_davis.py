from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rde_roto.evaluation.davis import DavisSet, SequenceResult, SetResult
from rde_roto.evaluation.metrics import SequenceScore
from rde_roto.images.masks import read_labels
from rde_roto.images.mattes import DIGEST_KEY, ELEMENTS_KEY, OUTPUT_KEY, davis_palette
from rde_roto.model.weights import Model
from rde_roto.net import RDENet
from rde_roto.values.bank import Bank
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.preset import Preset, Tracking

CPU = torch.device("cpu")
PRESET = Preset(name="test", tracking=Tracking(lines=96, memory_every=2))
COUNT, HEIGHT, WIDTH = 5, 64, 96

Labels = NDArray[np.uint8]


def two_objects(frame: int) -> Labels:
    """Objects 1 and 3 (a number may be left out), drifting apart."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[10:40, 30 - 2 * frame : 50 - 2 * frame] = 1
    labels[20:60, 50 + 2 * frame : 70 + 2 * frame] = 3
    return labels


def write_sequence(root: Path, name: str, one_bit: bool = False) -> None:
    """Five frames in the colours of their labels with some noise, and their annotations."""
    pictures, masks = root / "JPEGImages" / name, root / "Annotations" / name
    pictures.mkdir(parents=True)
    masks.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 64, (HEIGHT, WIDTH, 3), np.uint8)
    for frame in range(COUNT):
        labels = two_objects(frame)
        picture = Image.fromarray(davis_palette()[labels] + noise)
        picture.save(pictures / f"{frame:05d}.jpg", quality=95)
        if one_bit:
            Image.fromarray(labels > 0).save(masks / f"{frame:05d}.png")
        else:
            write_labels(masks / f"{frame:05d}.png", labels)


def write_labels(path: Path, labels: Labels, info: PngInfo | None = None) -> None:
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    image.save(path, pnginfo=info)


def rewrite(path: Path, labels: Labels) -> None:
    """Other pixels under the same digest, as if the tracker had made them."""
    with Image.open(path) as image:
        info = PngInfo()
        for key in (DIGEST_KEY, OUTPUT_KEY, ELEMENTS_KEY):
            info.add_text(key, image.info[key])
    write_labels(path, labels, info)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_sequence(tmp_path / "davis", "pair")
    return tmp_path / "davis"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def model(lite: RDENet) -> Model:
    return Model("seeded", lite, "no file", "none")


@pytest.fixture
def small(toy: RDENet) -> Model:
    """For what does not hang on the network's size."""
    return Model("toy", toy, "no file", "none")


def preset(**tracking: Any) -> Preset:
    return Preset(name="test", tracking=Tracking(lines=96, **tracking))


def figures(result: SequenceResult) -> Iterator[float]:
    yield from (result.j, result.f, result.j_and_f, *result.j_by_part(4))
    for score in result.scores:
        yield from itertools.chain(score.region, score.boundary)


def test_objects_of_later_masks_are_those_of_the_first(root: Path) -> None:
    """Objects were counted anew in each given mask: one that had gone, or another one that had
    come, gave its place to the next.
    """
    for frame, numbers in ((2, {1: 3, 3: 7}), (4, {3: 0})):
        table = np.arange(256, dtype=np.uint8)
        for old, new in numbers.items():
            table[old] = new
        write_labels(root / f"Annotations/pair/{frame:05d}.png", table[two_objects(frame)])
    first, middle, last = DavisSet(root, keyframes=3).shot("pair").ordered
    np.testing.assert_array_equal(first.alpha, [two_objects(0) == 1, two_objects(0) == 3])
    np.testing.assert_array_equal(middle.alpha, [np.zeros((HEIGHT, WIDTH)), two_objects(2) == 1])
    np.testing.assert_array_equal(last.alpha, [two_objects(4) == 1, np.zeros((HEIGHT, WIDTH))])


def test_a_sequence_is_tracked_into_label_images_and_scored(
    root: Path, out: Path, model: Model
) -> None:
    result = DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    assert result.name == "pair"
    assert [len(score.region) for score in result.scores] == [COUNT - 2] * 2
    assert all(0 <= figure <= 1 for figure in figures(result))
    assert result.j_and_f == pytest.approx((result.j + result.f) / 2)
    assert (result.delivery.made, result.delivery.kept) == (COUNT, 0)
    written = sorted((out / "pair").iterdir())
    assert [path.name for path in written] == [f"{frame:05d}.png" for frame in range(COUNT)]
    for path in written:
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("P", (WIDTH, HEIGHT))
            palette = image.getpalette()
            assert palette == davis_palette().flatten().tolist()
            assert set(np.unique(np.asarray(image))) <= {0, 1, 2}
    given = np.searchsorted([0, 1, 3], two_objects(0))
    np.testing.assert_array_equal(read_labels(written[0]), given)


def test_a_second_run_keeps_every_file(root: Path, out: Path, model: Model) -> None:
    first = DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    before = {path: path.stat().st_mtime_ns for path in (out / "pair").iterdir()}
    second = DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    assert (second.delivery.made, second.delivery.kept) == (0, COUNT)
    assert {path: path.stat().st_mtime_ns for path in (out / "pair").iterdir()} == before
    assert list(figures(second)) == list(figures(first))
    other = PRESET.model_copy(update={"tracking": Tracking(lines=96, memory_every=3)})
    third = DavisSet(root).evaluate("pair", other, model, CPU, out)
    assert (third.delivery.made, third.delivery.kept) == (COUNT - 1, 1), "the keyframe alone stays"


def test_the_files_are_what_is_scored(root: Path, out: Path, model: Model) -> None:
    data = DavisSet(root)
    data.evaluate("pair", PRESET, model, CPU, out)
    paths = sorted((out / "pair").iterdir())
    for frame, path in enumerate(paths):
        rewrite(path, np.searchsorted([0, 1, 3], two_objects(frame)).astype(np.uint8))
    assert set(figures(data.evaluate("pair", PRESET, model, CPU, out))) == {1.0}
    rewrite(paths[2], np.zeros((HEIGHT, WIDTH), np.uint8))
    lost = data.evaluate("pair", PRESET, model, CPU, out)
    assert [score.region.tolist() for score in lost.scores] == [[1, 0, 1]] * 2
    assert lost.j == pytest.approx(2 / 3)


def test_files_of_an_earlier_longer_run_are_left_alone(root: Path, out: Path, model: Model) -> None:
    DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    stale = out / "pair" / "00099.png"
    write_labels(stale, two_objects(0))
    result = DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    assert [len(score.region) for score in result.scores] == [COUNT - 2] * 2
    assert stale.exists()


def test_masks_of_one_bit_are_one_element(tmp_path: Path, out: Path, model: Model) -> None:
    root = tmp_path / "davis-2016"
    write_sequence(root, "pair", one_bit=True)
    with Image.open(root / "Annotations" / "pair" / "00000.png") as image:
        assert image.mode == "1"
    result = DavisSet(root).evaluate("pair", PRESET, model, CPU, out)
    assert [len(score.region) for score in result.scores] == [COUNT - 2]
    assert all(0 <= figure <= 1 for figure in figures(result))
    given = read_labels(out / "pair" / "00000.png")
    np.testing.assert_array_equal(given, two_objects(0) > 0)


def test_a_folder_for_the_resolution_is_passed_through(root: Path, out: Path, model: Model) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (root / kind).rename(root / "480p")
        (root / kind).mkdir()
        (root / "480p").rename(root / kind / "480p")
    assert DavisSet(root).names() == ("pair",)
    assert DavisSet(root).evaluate("pair", PRESET, model, CPU, out).delivery.made == COUNT


def test_sequences_are_named(root: Path) -> None:
    write_sequence(root, "another")
    (root / "Annotations" / "notes.txt").touch()
    assert DavisSet(root).names() == ("another", "pair")
    assert DavisSet(root).names(("pair",)) == ("pair",)
    with pytest.raises(UsageError, match="there is no sequence 'pear' in "):
        DavisSet(root).names(("pair", "pear"))


def test_a_folder_that_is_missing_is_an_input_error(root: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there is no .*JPEGImages: expected a folder laid out as"
    ):
        DavisSet(tmp_path / "nowhere")
    (root / "Annotations").rename(root / "annotations of old")
    with pytest.raises(InputError, match=r"there is no .*Annotations"):
        DavisSet(root)


def test_a_set_without_a_sequence_is_an_input_error(tmp_path: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / kind).mkdir()
    with pytest.raises(InputError, match="no sequence"):
        DavisSet(tmp_path).names()


def test_a_sequence_without_pictures_is_an_input_error(root: Path, out: Path, model: Model) -> None:
    for path in (root / "JPEGImages" / "pair").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no numbered"):
        DavisSet(root).evaluate("pair", PRESET, model, CPU, out)


def test_a_picture_that_is_missing_is_not_passed_over(root: Path, out: Path, model: Model) -> None:
    (root / "JPEGImages" / "pair" / "00002.jpg").unlink()
    with pytest.raises(InputError, match="lacks requested frames: 2 "):
        DavisSet(root).evaluate("pair", PRESET, model, CPU, out)


def test_a_sequence_too_short_to_score_is_an_input_error(
    root: Path, out: Path, model: Model
) -> None:
    for frame in range(2, COUNT):
        (root / "Annotations" / "pair" / f"{frame:05d}.png").unlink()
    with pytest.raises(InputError, match="at least 3 frames"):
        DavisSet(root).evaluate("pair", PRESET, model, CPU, out)


# What it takes, and runs longer than the footage.

MOMENT_BYTES = 2 * (HEIGHT // 16) * (WIDTH // 16) * (16 + 2 * 32)  # toy, two elements, float16


@pytest.mark.parametrize(
    ("bank", "memory_every", "updates", "moments"),
    [("2F+L+RDE", 1, 3, 3), ("F", 2, 1, 2), ("STM", 1, 3, 4), ("STM", 2, 1, 2), ("STM", 4, 0, 1)],
)
def test_the_size_of_the_memory(
    root: Path, out: Path, small: Model, bank: str, memory_every: int, updates: int, moments: int
) -> None:
    """Five frames: the last is never absorbed. The growing bank holds one moment more an update."""
    settings = preset(bank=Bank.parse(bank), memory_every=memory_every)
    result = DavisSet(root).evaluate("pair", settings, small, CPU, out)
    assert (result.updates, result.state_bytes) == (updates, moments * MOMENT_BYTES)


def test_a_sequence_is_played_to_and_fro(root: Path, out: Path, small: Model) -> None:
    data = DavisSet(root, play=6)
    result = data.evaluate("pair", preset(memory_every=2), small, CPU, out)
    assert (result.updates, result.lap, result.delivery.made) == (6, 8, 15)
    order = [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2]
    paths = sorted((out / "pair").iterdir())
    assert [path.name for path in paths] == [f"{frame:05d}.png" for frame in range(len(order))]
    for path, picture in zip(paths, order, strict=True):
        rewrite(path, np.searchsorted([0, 1, 3], two_objects(picture)).astype(np.uint8))
    perfect = data.evaluate("pair", preset(memory_every=2), small, CPU, out)
    assert perfect.delivery.kept == len(order)
    assert set(figures(perfect)) == {1.0}, "scored against the picture that was shown"
    for path in paths[9:]:  # the second time round
        rewrite(path, np.zeros((HEIGHT, WIDTH), np.uint8))
    lost = data.evaluate("pair", preset(memory_every=2), small, CPU, out)
    assert lost.j_of_laps == pytest.approx((1.0, 3 / 8))


def test_a_played_run_begins_like_a_plain_one(root: Path, out: Path, small: Model) -> None:
    DavisSet(root).evaluate("pair", preset(memory_every=2), small, CPU, out)
    played = DavisSet(root, play=3).evaluate("pair", preset(memory_every=2), small, CPU, out)
    assert (played.delivery.made, played.delivery.kept) == (9 - COUNT, COUNT)


def test_a_plain_run_has_no_laps(root: Path, out: Path, small: Model) -> None:
    assert DavisSet(root).evaluate("pair", PRESET, small, CPU, out).j_of_laps is None


def test_a_single_picture_cannot_be_played(root: Path, out: Path, small: Model) -> None:
    for frame in range(1, COUNT):
        (root / "Annotations" / "pair" / f"{frame:05d}.png").unlink()
    with pytest.raises(InputError, match="needs 2 frames, this one has 1"):
        DavisSet(root, play=3).evaluate("pair", PRESET, small, CPU, out)


def test_a_set_counts_elements_and_frames(root: Path, out: Path, small: Model) -> None:
    """As DAVIS does: a sequence of two elements weighs twice as much as one of a single element."""
    write_sequence(root, "single", one_bit=True)
    data = DavisSet(root)
    pair, single = (data.evaluate(name, PRESET, small, CPU, out) for name in ("pair", "single"))
    total = SetResult((pair, single))
    assert total.j == pytest.approx((2 * pair.j + single.j) / 3)
    assert total.f == pytest.approx((2 * pair.f + single.f) / 3)
    assert total.j_and_f == pytest.approx((total.j + total.f) / 2)
    assert total.state_bytes == pair.state_bytes > single.state_bytes
    seconds = pair.delivery.seconds + single.delivery.seconds
    assert total.frames_per_second == pytest.approx(2 * COUNT / seconds)
    kept = SetResult((data.evaluate("pair", PRESET, small, CPU, out),))
    assert kept.frames_per_second == 0


def test_parts_are_means_over_the_elements(root: Path, out: Path, small: Model) -> None:
    result = DavisSet(root).evaluate("pair", PRESET, small, CPU, out)
    flat = [SequenceScore(np.full(20, j), np.full(20, j)) for j in (0.25, 0.75)]
    halves = dataclasses.replace(result, scores=tuple(flat))
    assert halves.j_by_part(10) == (0.5,) * 10
