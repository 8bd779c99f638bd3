from __future__ import annotations

import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from image_files import cut_short
from numpy.typing import NDArray
from PIL import Image

from rde_roto.training.footage.readers import read_footage
from rde_roto.training.footage.sets import Footage, FootageSet, StillSet
from rde_roto.training.recipe import Data, StillSource, VideoSource
from rde_roto.values.errors import InputError

HEIGHT, WIDTH = 48, 80
DAVIS = VideoSource(path="davis")


def shade(number: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A picture [H, W, 3] of one colour, which tells its number."""
    return np.full((height, width, 3), (20 + 10 * number, 100, 200), np.uint8)


def square(*labels: int, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Label numbers [H, W]: a square of each label, side by side, on 0."""
    mask = np.zeros((height, width), np.uint8)
    for place, label in enumerate(labels):
        mask[10:30, 4 + 24 * place : 20 + 24 * place] = label
    return mask


def save(path: Path, pixels: NDArray[np.uint8], indexed: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if indexed:
        image.putpalette([0, 0, 0, *range(256)])
    image.save(path)
    return path


def write_clip(root: Path, name: str, masks: Sequence[NDArray[np.uint8] | None]) -> None:
    """Frames numbered from 0, each with its mask, or without where that is None."""
    for index, mask in enumerate(masks):
        save(root / "JPEGImages" / name / f"{index:05d}.jpg", shade(index))
        if mask is not None:
            save(root / "Annotations" / name / f"{index:05d}.png", mask)


def write_still(root: Path, name: str, mask: NDArray[np.uint8] | None = None) -> None:
    save(root / "images" / f"{name}.jpg", shade(3))
    if mask is not None:
        save(root / "masks" / f"{name}.png", mask)


def read(root: Path, *videos: VideoSource, lines: int = 360, cache_mb: int = 10) -> FootageSet:
    return read_footage(Data(root=str(root), videos=list(videos), lines=lines, cache_mb=cache_mb))


def clips_of(root: Path, source: VideoSource = DAVIS) -> tuple[Footage, ...]:
    return read(root, source).videos[0].clips


def still_of(root: Path, masks: Literal["labels", "parts", "none"] = "labels") -> Footage:
    data = Data(root=str(root), stills=[StillSource(path="stills/set", masks=masks)])
    return stills_of(read_footage(data).backgrounds)[0]


def stills_of(sets: tuple[StillSet, ...]) -> list[Footage]:
    return [still for one in sets for still in one.stills]


def packed(folder: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    """All files of a folder in a zip beside it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of four frames and two, binary masks."""
    root = tmp_path / "data"
    write_clip(root / "davis", "boat", [square(255)] * 4)
    write_clip(root / "davis", "ant", [square(255)] * 2)
    return root


# Layouts


@pytest.mark.parametrize("kind", ["folder", "stored", "deflated"])
def test_clips_are_listed_by_name_and_decoded_by_frame(root: Path, kind: str) -> None:
    if kind != "folder":
        root = packed(root, zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED)
    ant, boat = clips_of(root)
    assert (ant.name, len(ant), boat.name, len(boat)) == ("ant", 2, "boat", 4)
    assert boat.has_labels
    frame, labels = boat.frame(2), boat.labels(2)
    assert (frame.dtype, frame.shape) == (torch.uint8, (3, HEIGHT, WIDTH))
    # JPEG turns colours into luma and chroma and back, each rounded.
    assert (frame.int() - torch.tensor([40, 100, 200])[:, None, None]).abs().max() <= 2
    assert frame.is_contiguous()
    np.testing.assert_array_equal(labels.numpy(), square(1))


def test_a_folder_for_the_resolution_may_lie_between(root: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        below = root / "davis" / kind
        moved = below.rename(root / "moved")
        below.mkdir()
        moved.rename(below / "480p")
    assert [clip.name for clip in clips_of(root)] == ["ant", "boat"]


def test_png_and_jpeg_pictures_are_read_and_other_files_are_not(tmp_path: Path) -> None:
    for index, suffix in enumerate(("png", "jpeg", "JPG")):
        save(tmp_path / "davis" / "JPEGImages" / "boat" / f"{index:05d}.{suffix}", shade(index))
        save(tmp_path / "davis" / "Annotations" / "boat" / f"{index:05d}.png", square(255))
    folder = tmp_path / "davis" / "JPEGImages"
    for name in ("boat/notes.txt", "boat/.00007.jpg", ".hidden", "readme.md"):
        (folder / name).write_text("no picture")
    (clip,) = clips_of(tmp_path)
    assert len(clip) == 3


def test_sequences_are_chosen(root: Path) -> None:
    def names(source: VideoSource) -> list[str]:
        return [clip.name for clip in clips_of(root, source)]

    assert names(VideoSource(path="davis", leave_out=["ant"])) == ["boat"]
    assert names(VideoSource(path="davis", only=["ant"])) == ["ant"]
    both = VideoSource(path="davis", only=["ant", "boat"], leave_out=["boat"])
    assert names(both) == ["ant"]


def test_weights_come_with_the_clips_of_their_source(root: Path) -> None:
    sources = [DAVIS, VideoSource(path="davis", only=["ant"], weight=5.0, jump_factor=0.2)]
    first, second = read(root, *sources).videos
    assert (first.weight, first.jump_factor, len(first.clips)) == (1.0, 1.0, 2)
    assert (second.weight, second.jump_factor, len(second.clips)) == (5.0, 0.2, 1)


def test_a_sequence_of_one_frame_is_dropped(root: Path) -> None:
    write_clip(root / "davis", "still", [square(255)])
    (root / "davis" / "JPEGImages" / "empty").mkdir()
    assert [clip.name for clip in clips_of(root)] == ["ant", "boat"]


def test_with_a_meta_json_frames_without_a_mask_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "davis"
    write_clip(root, "fox", [square(1, 2), None, None, square(1, 2), None, square(2)])
    write_clip(root, "owl", [square(1), None, None])
    write_clip(root, "eel", [None, None])
    (root / "meta.json").write_text("{}")
    (fox,) = clips_of(tmp_path)
    assert (fox.name, len(fox)) == ("fox", 3)
    assert [int(fox.frame(index)[0, 0, 0]) for index in range(3)] == pytest.approx(
        [20, 50, 70], abs=2
    )
    assert [fox.labels(index).unique().tolist() for index in range(3)] == [
        [0, 1, 2],
        [0, 1, 2],
        [0, 2],
    ]


# Masks


@pytest.mark.parametrize(
    ("given", "indexed", "expected"),
    [
        (square(255), False, square(1)),
        (square(255), True, square(255)),
        (square(1, 2, 7), True, square(1, 2, 7)),
        (square(3, 255), False, square(3, 255)),
        (square(), False, square()),
    ],
)
def test_the_numbers_of_a_mask_are_its_labels(
    tmp_path: Path, given: NDArray[np.uint8], indexed: bool, expected: NDArray[np.uint8]
) -> None:
    write_clip(tmp_path / "davis", "boat", [given] * 2)
    save(tmp_path / "davis" / "Annotations" / "boat" / "00001.png", given, indexed)
    np.testing.assert_array_equal(clips_of(tmp_path)[0].labels(1).numpy(), expected)


def test_a_mask_of_one_bit_is_label_1(root: Path) -> None:
    path = root / "davis" / "Annotations" / "boat" / "00001.png"
    Image.fromarray(square(1) > 0).save(path)
    np.testing.assert_array_equal(clips_of(root)[1].labels(1).numpy(), square(1))


def test_a_mask_in_colour_is_refused(root: Path) -> None:
    path = save(root / "davis" / "Annotations" / "boat" / "00001.png", shade(1))
    clip = clips_of(root)[1]
    with pytest.raises(InputError, match=rf"{path} holds no label numbers.*got RGB"):
        clip.labels(1)


# Stills


def test_stills_are_subjects_where_they_have_masks_and_backgrounds_always(tmp_path: Path) -> None:
    write_still(tmp_path / "stills" / "set", "b", square(1, 4))
    write_still(tmp_path / "stills" / "set", "a", square(255))
    write_still(tmp_path / "stills" / "sky", "c", square(9))
    sources = [
        StillSource(path="stills/set"),
        StillSource(path="stills/sky", masks="none"),
    ]
    found = read_footage(Data(root=str(tmp_path), stills=sources))
    assert found.videos == ()
    subjects, backgrounds = stills_of(found.subjects), stills_of(found.backgrounds)
    assert [still.name for still in subjects] == ["set/a", "set/b"]
    assert [still.name for still in backgrounds] == ["set/a", "set/b", "sky/c"]
    assert [still.has_labels for still in backgrounds] == [True, True, False]
    assert all(len(still) == 1 for still in backgrounds)
    assert backgrounds[2].frame(0).shape == (3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(subjects[1].labels(0).numpy(), square(1, 4))
    assert found.cutouts == found.subjects


def test_pictures_with_an_alpha_are_cutouts_alone(tmp_path: Path) -> None:
    soft = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    soft[..., 1] = 200
    soft[:9, :, 3] = 100
    soft[:6, :, 3] = 255
    save(tmp_path / "stickers" / "leaf.png", soft)
    found = read_footage(
        Data(root=str(tmp_path), stills=[StillSource(path="stickers", masks="alpha")])
    )
    (leaf,) = stills_of(found.cutouts)
    assert found.subjects == found.backgrounds == ()
    np.testing.assert_array_equal(leaf.alpha(0), soft[..., 3])
    np.testing.assert_array_equal(leaf.labels(0), soft[..., 3] == 255)
    np.testing.assert_array_equal(leaf.frame(0)[1], soft[..., 1])


def test_sequences_that_come_cut_out_move_in_composites_alone(tmp_path: Path) -> None:
    for index in range(3):
        soft = np.full((HEIGHT, WIDTH, 4), 10 * index, np.uint8)
        save(tmp_path / "actors" / "walk" / f"{index}.png", soft)
    save(tmp_path / "actors" / "alone" / "0.png", soft)
    found = read(tmp_path, VideoSource(path="actors", masks="alpha", weight=2.0, stills_every=2))
    assert not found.videos
    assert not found.subjects
    assert not found.backgrounds
    (source,) = found.moving_cutouts
    (walk,) = source.clips  # a single frame does not move
    assert (source.weight, walk.name, len(walk), walk.has_labels) == (2.0, "walk", 3, False)
    np.testing.assert_array_equal(walk.alpha(2), np.full((HEIGHT, WIDTH), 20))
    assert [still.name for still in stills_of(found.cutouts)] == ["walk/0", "walk/2"]
    with pytest.raises(InputError, match=r"no usable sequence.*two frames or more in NAME"):
        read(tmp_path, VideoSource(path="actors", masks="alpha", only=["alone"]))


def test_a_picture_without_an_alpha_is_no_cutout(tmp_path: Path) -> None:
    path = save(tmp_path / "stickers" / "leaf.png", shade(1))
    found = read_footage(
        Data(root=str(tmp_path), stills=[StillSource(path="stickers", masks="alpha")])
    )
    with pytest.raises(InputError, match=rf"{path} has no alpha channel.*got RGB"):
        stills_of(found.cutouts)[0].alpha(0)


def test_frames_of_a_clip_serve_as_stills(root: Path) -> None:
    source = VideoSource(path="davis", only=["boat"], stills_every=2)
    found = read(root, source)
    (clip,) = found.videos[0].clips
    stills = stills_of(found.subjects)
    assert [still.name for still in stills] == [f"boat/{i}" for i in range(0, len(clip), 2)]
    assert found.subjects[0].weight == len(stills)
    assert torch.equal(stills[1].frame(0), clip.frame(2))
    assert torch.equal(stills[1].labels(0), clip.labels(2))
    assert stills_of(found.backgrounds) == stills


def test_parts_are_one_subject(tmp_path: Path) -> None:
    write_still(tmp_path / "stills" / "set", "a", square(3, 255, 7))
    expected = square(1, 1, 1)
    np.testing.assert_array_equal(still_of(tmp_path, "parts").labels(0).numpy(), expected)
    np.testing.assert_array_equal(still_of(tmp_path).labels(0).numpy(), square(3, 255, 7))


def test_a_source_of_stills_weighs_what_it_has_or_what_it_says(tmp_path: Path) -> None:
    write_still(tmp_path / "stills" / "set", "a", square(1))
    write_still(tmp_path / "stills" / "set", "b", square(1))
    sources = [StillSource(path="stills/set"), StillSource(path="stills/set", weight=0.5)]
    found = read_footage(Data(root=str(tmp_path), stills=sources))
    for sets in (found.subjects, found.cutouts, found.backgrounds):
        assert [one.weight for one in sets] == [2, 0.5]


# Size


@pytest.mark.parametrize(
    ("size", "expected"),
    [((96, 160), (64, 107)), ((160, 96), (107, 64)), ((64, 100), (64, 100)), ((40, 90), (40, 90))],
)
def test_larger_pictures_are_reduced_to_the_lines_asked_for(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    height, width = size
    for index in range(2):
        save(tmp_path / "davis/JPEGImages/boat" / f"{index}.png", shade(index, height, width))
        mask = square(2, 200, height=height, width=width)
        save(tmp_path / "davis/Annotations/boat" / f"{index}.png", mask)
    (clip,) = read(tmp_path, DAVIS, lines=64).videos[0].clips
    frame, labels = clip.frame(1), clip.labels(1)
    assert (frame.shape[1:], labels.shape) == (expected, expected)
    assert (frame == torch.tensor([30, 100, 200])[:, None, None]).all(), "bicubic keeps flat colour"
    assert set(labels.unique().tolist()) == {0, 2, 200}, "no label between two others"
    share = (labels == 2).float().mean()
    # a pixel more or less on each side of the square
    assert share == pytest.approx(20 * 16 / (height * width), rel=0.15)


# The cache


def test_what_was_decoded_is_kept_while_the_budget_lasts(root: Path) -> None:
    clip = read(root, DAVIS, cache_mb=1).videos[0].clips[1]
    first, labels = clip.frame(0), clip.labels(0)
    uncached = read(root, DAVIS, cache_mb=0).videos[0].clips[1]
    assert uncached.frame(0) is not uncached.frame(0)
    assert torch.equal(uncached.frame(0), first)
    for path in (root / "davis").glob("*/boat/00000.*"):
        path.unlink()
    assert clip.frame(0) is first
    assert clip.labels(0) is labels
    with pytest.raises(InputError, match=r"cannot read .*00000.jpg"):
        uncached.frame(0)


def test_the_picture_unused_for_longest_goes_first(tmp_path: Path) -> None:
    # One picture and one mask fill the megabyte: 500 x 500 x (3 + 1) bytes.
    for index in range(2):
        save(tmp_path / "davis/JPEGImages/boat" / f"{index}.png", shade(index, 500, 500))
        mask = square(255, height=500, width=500)
        save(tmp_path / "davis/Annotations/boat" / f"{index}.png", mask)
    (clip,) = read(tmp_path, DAVIS, lines=500, cache_mb=1).videos[0].clips
    oldest, labels = clip.frame(0), clip.labels(0)
    assert clip.frame(0) is oldest
    assert clip.labels(0) is labels
    clip.frame(1)
    assert clip.labels(0) is labels, "used after the first picture"
    assert clip.frame(0) is not oldest


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("cache_mb", [0, 1])
def test_threads_read_the_same_as_one(root: Path, zipped: bool, cache_mb: int) -> None:
    place = packed(root) if zipped else root
    clips = read(place, DAVIS, cache_mb=cache_mb).videos[0].clips
    wanted = [(clip, index) for clip in clips for index in range(len(clip))]
    expected = [(clip.frame(index).clone(), clip.labels(index).clone()) for clip, index in wanted]
    fresh = read(place, DAVIS, cache_mb=cache_mb).videos[0].clips
    jobs = [(fresh[clips.index(clip)], index) for clip, index in wanted] * 20
    with ThreadPoolExecutor(8) as pool:
        frames = list(pool.map(lambda job: job[0].frame(job[1]), jobs))
        labels = list(pool.map(lambda job: job[0].labels(job[1]), jobs))
    for place_in_list, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        assert torch.equal(frame, expected[place_in_list % len(wanted)][0])
        assert torch.equal(label, expected[place_in_list % len(wanted)][1])


# Bad input


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*nowhere: expected a folder"):
        read(tmp_path / "nowhere", DAVIS)


def test_a_root_that_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"data.zip is neither a folder nor a whole .zip"):
        read(path, DAVIS)


def test_a_zip_cut_short(root: Path) -> None:
    path = packed(root)
    cut_short(path, 0.9)
    with pytest.raises(InputError, match=r"data.zip is neither a folder nor a whole .zip"):
        read(path, DAVIS)


def test_a_zip_with_a_damaged_picture(root: Path) -> None:
    path = packed(root)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("davis/JPEGImages/boat/00002.jpg").header_offset
    content = bytearray(path.read_bytes())
    content[start + 200] ^= 0xFF
    path.write_bytes(content)
    clip = clips_of(path)[1]
    with pytest.raises(InputError, match=r"cannot read .*data.zip.davis.JPEGImages.boat.00002.jpg"):
        clip.frame(2)


def test_a_source_that_is_missing(root: Path) -> None:
    with pytest.raises(InputError, match=r"there is no footage in .*other.JPEGImages: expected"):
        clips_of(root, VideoSource(path="other"))
    with pytest.raises(InputError, match=r"there is no picture in .*set.images: expected .jpg"):
        still_of(root, "none")
    with pytest.raises(InputError, match=r"there is no picture in .*set.images: expected .jpg"):
        still_of(root)


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data names neither videos nor stills"):
        read(tmp_path)


def test_no_sequence_is_left(root: Path) -> None:
    with pytest.raises(InputError, match=r"no usable sequence in .*davis: expected two"):
        clips_of(root, VideoSource(path="davis", leave_out=["ant", "boat"]))


@pytest.mark.parametrize(
    "source",
    [
        VideoSource(path="davis", leave_out=["ant", "baot"]),
        VideoSource(path="davis", only=["ant", "baot"]),
    ],
)
def test_a_sequence_with_a_wrong_name(root: Path, source: VideoSource) -> None:
    with pytest.raises(InputError, match=r"there is no sequence 'baot' in .*JPEGImages"):
        clips_of(root, source)


def test_missing_masks_are_named_and_counted(root: Path) -> None:
    masks = root / "davis" / "Annotations" / "boat"
    (masks / "00001.png").unlink()
    (masks / "00003.png").unlink()
    missing = masks / "00001.png"
    with pytest.raises(InputError, match=rf"{missing} is missing: 2 of 4 pictures in .*boat"):
        clips_of(root)


def test_a_still_without_its_mask(tmp_path: Path) -> None:
    write_still(tmp_path / "stills" / "set", "a", square(1))
    write_still(tmp_path / "stills" / "set", "b")
    with pytest.raises(InputError, match=r"b.png is missing: 1 of 2 pictures in .*images"):
        still_of(tmp_path)


def test_two_pictures_for_one_mask(root: Path) -> None:
    save(root / "davis" / "JPEGImages" / "boat" / "00002.png", shade(2))
    with pytest.raises(InputError, match=r"boat has two pictures named 00002"):
        clips_of(root)


def test_a_first_mask_of_another_size_is_found_while_listing(root: Path) -> None:
    path = save(root / "davis/Annotations/boat/00000.png", square(255, height=36, width=60))
    with pytest.raises(InputError, match=rf"{path} is 60x36 pixels: expected 80x48"):
        clips_of(root)


def test_a_stills_mask_of_another_size(tmp_path: Path) -> None:
    write_still(tmp_path / "stills" / "set", "a", square(1, height=36, width=60))
    with pytest.raises(InputError, match=r"a.png is 60x36 pixels: expected 80x48"):
        still_of(tmp_path)


def test_later_frames_of_another_size_are_found_when_read(root: Path) -> None:
    picture = save(root / "davis/JPEGImages/boat/00002.jpg", shade(2, 36, 60))
    mask = save(root / "davis/Annotations/boat/00003.png", square(255, height=36, width=60))
    clip = clips_of(root)[1]
    with pytest.raises(InputError, match=rf"{picture} is 60x36 pixels: expected 80x48"):
        clip.frame(2)
    with pytest.raises(InputError, match=rf"{mask} is 60x36 pixels: expected 80x48"):
        clip.labels(3)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 0.5, 0.7])
def test_files_cut_short(root: Path, part: float) -> None:
    cut_short(root / "davis/JPEGImages/boat/00002.jpg", part)
    cut_short(root / "davis/Annotations/boat/00002.png", part)
    clip = clips_of(root)[1]
    with pytest.raises(InputError, match=r"00002.jpg is damaged, cut short or no picture"):
        clip.frame(2)
    with pytest.raises(InputError, match=r"00002.png is damaged, cut short or no picture"):
        clip.labels(2)


def test_any_damaged_byte_of_a_mask_is_an_input_error_or_harmless(root: Path) -> None:
    path = root / "davis/Annotations/boat/00002.png"
    whole = path.read_bytes()
    clip = read(root, DAVIS, cache_mb=0).videos[0].clips[1]
    refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            clip.labels(2)
        except InputError:
            refused += 1
    assert refused > len(whole) // 2, "the checksums of PNG find nearly all"


def test_a_file_that_vanished(root: Path) -> None:
    clip = clips_of(root)[1]
    path = root / "davis/JPEGImages/boat/00002.jpg"
    path.unlink()
    with pytest.raises(InputError, match=rf"cannot read {path}: No such file"):
        clip.frame(2)


# The real set


def test_the_reference_data_are_read(shared: Path) -> None:
    held_back = ["bear", "breakdance-flare", "scooter-gray"]
    data = Data(
        root=str(shared / "data"),
        videos=[VideoSource(path="davis2016-train", leave_out=held_back)],
        stills=[
            StillSource(path="stills/coco128_seg"),
            StillSource(path="stills/davis17_test_firstframes"),
            StillSource(path="stills/weizmann_horse", masks="parts"),
            StillSource(path="stills/bsds500", masks="none"),
        ],
    )
    found = read_footage(data)
    assert len(found.videos[0].clips) == 27
    subjects, backgrounds = stills_of(found.subjects), stills_of(found.backgrounds)
    assert (len(subjects), len(backgrounds)) == (128 + 30 + 328, 986)
    for footage in (found.videos[0].clips[0], subjects[0], subjects[-1]):
        frame, labels = footage.frame(len(footage) - 1), footage.labels(len(footage) - 1)
        assert frame.shape[1:] == labels.shape
        assert min(labels.shape) <= 360
        assert labels.any()
