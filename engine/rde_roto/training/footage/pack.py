"""Packs training data into one portable zip: reduced pictures in their original layout."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import torch
from PIL import Image

from rde_roto.atomic import replacing
from rde_roto.images.mattes import davis_palette
from rde_roto.training.footage.archive import open_tree
from rde_roto.training.footage.pictures import PictureStore
from rde_roto.training.footage.readers import read_clips, read_stills
from rde_roto.training.footage.sets import Footage
from rde_roto.training.recipe import Data, VideoSource

_Entries: TypeAlias = dict[str, Callable[[], bytes]]
"""A function for the bytes of each file, by its path in the pack; folders end in a slash."""


@dataclass(frozen=True)
class PackReport:
    """The content of a pack; size_bytes is the size of the file."""

    sequences: int
    frames: int
    stills: int
    size_bytes: int


def pack(
    data: Data, out: Path, lines: int, quality: int, extra: Sequence[VideoSource] = ()
) -> PackReport:
    """Write the data of a recipe into one uncompressed zip, for use as ``data.root``.

    Pictures are reduced to a short side of ``lines`` pixels, not to ``data.lines``, and become JPEG
    of ``quality`` 1..95; masks become indexed PNGs. The frames of a clip are numbered from 0.
    Sequences that are left out become empty folders, so that a recipe may still name them;
    ``extra`` are further sources to pack, such as the sequences for scoring. Equal input and the
    same Pillow give equal bytes.

    Raises InputError for footage that cannot be read, OutputError when ``out`` cannot be written.
    """
    store = PictureStore(open_tree(Path(data.root)), lines, cache_bytes=0)
    entries: _Entries = {}
    clips: dict[PurePosixPath, Footage] = {}
    for video in (*data.videos, *extra):
        root = PurePosixPath(video.path)
        pictures = root if video.masks == "alpha" else root / "JPEGImages"
        entries |= {f"{pictures / name}/": bytes for name in video.leave_out}
        clips |= {root / clip.name: clip for clip in read_clips(store, video)}
    for path, clip in clips.items():
        pictures, masks = (path.parent / kind / path.name for kind in ("JPEGImages", "Annotations"))
        for index in range(len(clip)):
            if clip.has_labels:
                entries |= _frame(clip, index, quality, pictures / f"{index:05d}", masks)
            else:
                entries[f"{path / f'{index:05d}'}.png"] = partial(_rgba, clip, index)
    stills: dict[PurePosixPath, Footage] = {}
    for source in data.stills:
        root = PurePosixPath(source.path)
        for still in read_stills(store, source):
            name = PurePosixPath(still.name).name
            stills[root / name] = still
            if source.masks == "alpha":
                entries[f"{root / name}.png"] = partial(_rgba, still, 0)
            else:
                entries |= _frame(still, 0, quality, root / "images" / name, root / "masks")
    _write(entries, out)
    frames = sum(len(clip) for clip in clips.values())
    return PackReport(len(clips), frames, len(stills), out.stat().st_size)


def _frame(
    footage: Footage, index: int, quality: int, picture: PurePosixPath, masks: PurePosixPath
) -> _Entries:
    """The files of one frame; ``picture`` is the path of its JPEG without the suffix."""
    entries: _Entries = {f"{picture}.jpg": partial(_jpeg, footage, index, quality)}
    if footage.has_labels:
        entries[f"{masks / picture.name}.png"] = partial(_png, footage, index)
    return entries


def _jpeg(footage: Footage, index: int, quality: int) -> bytes:
    image = Image.fromarray(footage.frame(index).permute(1, 2, 0).contiguous().numpy())
    return _encoded(image, "JPEG", quality=quality)


def _png(footage: Footage, index: int) -> bytes:
    labels = footage.labels(index).numpy()
    image = Image.fromarray(labels)
    colours = davis_palette()[: int(labels.max()) + 1]  # a short palette takes few bits a pixel
    image.putpalette(colours.tobytes())
    return _encoded(image, "PNG")


def _rgba(cutout: Footage, index: int) -> bytes:
    alpha = cutout.alpha(index)
    assert alpha is not None
    planes = torch.cat([cutout.frame(index), alpha[None]]).permute(1, 2, 0).contiguous()
    return _encoded(Image.fromarray(planes.numpy()), "PNG")


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, optimize=True, **options)
    return file.getvalue()


def _write(entries: _Entries, out: Path) -> None:
    """Write an uncompressed zip, sorted by name, without traces of the host or the date."""
    with replacing(out) as temporary, ZipFile(temporary, "w", ZIP_STORED) as packed:
        for name in sorted(entries):
            info = ZipInfo(name)  # dated 1980
            info.create_system = 0  # without the permissions that other systems record
            packed.writestr(info, entries[name]())
