from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import cut_short
from numpy.typing import NDArray
from PIL import Image

from rde_roto.training.footage.pack import PackReport, pack
from rde_roto.training.footage.readers import read_footage
from rde_roto.training.footage.sets import Footage, FootageSet
from rde_roto.training.recipe import Data, StillSource, VideoSource
from rde_roto.values.errors import InputError, OutputError

HEIGHT, WIDTH = 72, 120
HELD_BACK = VideoSource(path="davis", only=["cod"])


def write_frame(picture: Path, mask: Path | None, *labels: int) -> None:
    """A smooth picture with noise, and a mask with a square of each label."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(len(picture.stem)).integers(0, 16, (HEIGHT, WIDTH, 3))
    pixels = np.stack([x + 40, y + 60, x + y], axis=2) + noise
    Image.fromarray(pixels.astype(np.uint8)).save(picture, quality=95)
    if mask is None:
        return
    mask.parent.mkdir(parents=True, exist_ok=True)
    numbers: NDArray[np.uint8] = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place, label in enumerate(labels):
        numbers[20:50, 10 + 36 * place : 34 + 36 * place] = label
    image = Image.fromarray(numbers)
    image.putpalette([0, 0, 0, *range(256)])
    image.save(mask)


def write_clip(root: Path, name: str, count: int, *labels: int, every: int = 1) -> None:
    for index in range(count):
        mask = root / "Annotations" / name / f"{index:05d}.png"
        picture = root / "JPEGImages" / name / f"{index:05d}.jpg"
        write_frame(picture, mask if index % every == 0 else None, *labels)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """One set of each layout, a sequence that is held back, and two kinds of stills."""
    root = tmp_path / "data"
    write_clip(root / "davis", "ant", 2, 255)
    write_clip(root / "davis", "boat", 3, 1, 2)
    write_clip(root / "davis", "cod", 2, 1)
    write_clip(root / "tube", "0a49", 5, 3, 255, every=2)
    (root / "tube" / "meta.json").write_text("{}")
    for name in ("x.1", "y"):
        still = root / "stills" / "horses"
        write_frame(still / "images" / f"{name}.jpg", still / "masks" / f"{name}.png", 4, 255)
    write_frame(root / "sky" / "images" / "z.png", root / "sky" / "masks" / "z.png", 1)
    leaf = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    (root / "stickers").mkdir()
    Image.fromarray(leaf).save(root / "stickers" / "leaf.png")
    (root / "actors" / "walk").mkdir(parents=True)
    for index in range(2):
        Image.fromarray(np.roll(leaf, index)).save(root / "actors" / "walk" / f"{index:05d}.png")
    return Data(
        root=str(root),
        videos=[
            VideoSource(path="davis", leave_out=["cod"]),
            VideoSource(path="tube", weight=3.0, jump_factor=0.2),
            VideoSource(path="actors", masks="alpha"),
        ],
        stills=[
            StillSource(path="stills/horses", masks="parts"),
            StillSource(path="sky", masks="none"),
            StillSource(path="stickers", masks="alpha"),
        ],
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "packs" / "set.zip"


def read_pack(data: Data, out: Path) -> FootageSet:
    return read_footage(data.model_copy(update={"root": str(out)}))


def all_of(found: FootageSet) -> list[Footage]:
    stills = (still for one in (*found.backgrounds, *found.cutouts) for still in one.stills)
    videos = (*found.videos, *found.moving_cutouts)
    return list(dict.fromkeys([*(clip for video in videos for clip in video.clips), *stills]))


def test_a_pack_reads_as_what_was_packed(data: Data, out: Path) -> None:
    report = pack(data, out, lines=360, quality=90)
    assert report == PackReport(4, 2 + 3 + 3 + 2, 4, out.stat().st_size)
    before, after = read_footage(data), read_pack(data, out)
    assert [(video.weight, video.jump_factor) for video in after.videos] == [(1.0, 1.0), (3.0, 0.2)]
    names = [footage.name for footage in all_of(after)]
    stills = ["horses/x.1", "horses/y", "sky/z", "stickers/leaf"]
    assert names == ["ant", "boat", "0a49", "walk", *stills]
    assert [footage.name for footage in all_of(before)] == names
    assert [still.name for still in after.subjects[0].stills] == ["horses/x.1", "horses/y"]
    given_leaf, kept_leaf = (one.cutouts[-1].stills[0].alpha(0) for one in (before, after))
    assert given_leaf is not None
    assert kept_leaf is not None
    assert torch.equal(given_leaf, kept_leaf), "an alpha is kept as it is"
    given_walk, kept_walk = (one.moving_cutouts[0].clips[0].alpha(1) for one in (before, after))
    assert given_walk is not None
    assert kept_walk is not None
    assert torch.equal(given_walk, kept_walk)
    for given, kept in zip(all_of(before), all_of(after), strict=True):
        assert (len(kept), kept.has_labels) == (len(given), given.has_labels)
        for index in range(len(given)):
            difference = kept.frame(index).float() - given.frame(index).float()
            # JPEG 90 of a picture with noise in its colours, which it halves in resolution
            assert difference.abs().mean() < 4
            assert not given.has_labels or torch.equal(kept.labels(index), given.labels(index))


def test_pictures_are_reduced_to_the_lines_of_the_pack(data: Data, out: Path) -> None:
    pack(data, out, lines=36, quality=50)
    before, after = read_footage(data), read_pack(data, out)
    for given, kept in zip(all_of(before), all_of(after), strict=True):
        assert kept.frame(0).shape == (3, 36, 60)
        if given.has_labels:
            assert kept.labels(0).shape == (36, 60)
            assert torch.equal(kept.labels(0).unique(), given.labels(0).unique())
    coarse = out.stat().st_size
    assert pack(data, out, lines=36, quality=90).size_bytes > coarse


def test_only_what_is_used_travels(data: Data, out: Path) -> None:
    pack(data, out, lines=360, quality=80)
    with zipfile.ZipFile(out) as archive:
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        assert archive.namelist() == sorted(
            [
                *(f"davis/JPEGImages/ant/{index:05d}.jpg" for index in range(2)),
                *(f"davis/JPEGImages/boat/{index:05d}.jpg" for index in range(3)),
                *(f"davis/Annotations/ant/{index:05d}.png" for index in range(2)),
                *(f"davis/Annotations/boat/{index:05d}.png" for index in range(3)),
                "davis/JPEGImages/cod/",
                *(f"tube/JPEGImages/0a49/{index:05d}.jpg" for index in range(3)),
                *(f"tube/Annotations/0a49/{index:05d}.png" for index in range(3)),
                *(f"stills/horses/images/{name}.jpg" for name in ("x.1", "y")),
                *(f"stills/horses/masks/{name}.png" for name in ("x.1", "y")),
                "sky/images/z.jpg",
                "stickers/leaf.png",
                *(f"actors/walk/{index:05d}.png" for index in range(2)),
            ]
        )


def test_extra_sequences_travel_and_are_still_left_out(data: Data, out: Path) -> None:
    report = pack(data, out, 360, 80, extra=[HELD_BACK])
    assert (report.sequences, report.frames) == (5, 12)
    assert [clip.name for clip in read_pack(data, out).videos[0].clips] == ["ant", "boat"]
    scored = read_footage(Data(root=str(out), videos=[HELD_BACK])).videos[0].clips
    assert [(clip.name, len(clip)) for clip in scored] == [("cod", 2)]


def test_an_unpacked_pack_is_the_same_set(data: Data, out: Path) -> None:
    pack(data, out, 360, 80, extra=[HELD_BACK])
    with zipfile.ZipFile(out) as archive:
        archive.extractall(out.with_suffix(""))
    packed = list(all_of(read_pack(data, out)))
    assert packed
    unpacked = all_of(read_pack(data, out.with_suffix("")))
    for zipped, loose in zip(packed, unpacked, strict=True):
        assert (zipped.name, len(zipped)) == (loose.name, len(loose))
        assert torch.equal(zipped.frame(0), loose.frame(0))


def test_a_pack_of_a_pack_has_the_same_masks(data: Data, out: Path) -> None:
    pack(data, out, lines=36, quality=90)
    again = out.with_name("again.zip")
    pack(data.model_copy(update={"root": str(out)}), again, lines=36, quality=90)
    with zipfile.ZipFile(out) as first, zipfile.ZipFile(again) as second:
        assert second.namelist() == first.namelist()
        for name in first.namelist():
            if name.endswith(".png"):
                assert second.read(name) == first.read(name)


def test_equal_input_gives_equal_bytes(data: Data, out: Path) -> None:
    pack(data, out, lines=48, quality=70)
    once = out.read_bytes()
    for path in Path(data.root).rglob("*.jpg"):
        path.touch()
    pack(data, out, lines=48, quality=70)
    assert out.read_bytes() == once


def test_footage_that_cannot_be_read_leaves_the_pack_of_before(data: Data, out: Path) -> None:
    pack(data, out, lines=48, quality=70)
    once = out.read_bytes()
    cut_short(Path(data.root) / "davis/JPEGImages/boat/00001.jpg")
    with pytest.raises(InputError, match=r"boat/00001.jpg is damaged"):
        pack(data, out, lines=48, quality=70)
    assert out.read_bytes() == once
    assert [path.name for path in out.parent.iterdir()] == ["set.zip"]


def test_a_place_that_cannot_be_written(data: Data, out: Path) -> None:
    out.mkdir(parents=True)
    with pytest.raises(OutputError, match=r"cannot write .*set.zip"):
        pack(data, out, lines=48, quality=70)
    assert [path.name for path in out.parent.iterdir()] == ["set.zip"]
