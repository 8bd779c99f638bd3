"""Readers of footage with masks: files are listed once and decoded on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from rde_roto.training.footage.archive import open_tree
from rde_roto.training.footage.pictures import PictureStore
from rde_roto.training.footage.sets import Footage, FootageSet, StillSet, VideoSet
from rde_roto.training.recipe import Data, StillSource, VideoSource
from rde_roto.values.errors import InputError
from rde_roto.values.plain_text import counted

_PICTURES = (".jpg", ".jpeg", ".png")


def read_footage(data: Data) -> FootageSet:
    """List the data of a recipe; reads only the headers of pictures.

    Raises InputError when a folder, a sequence or a mask is missing, when the first picture of a
    clip or a still is damaged or differs in size from its mask, or when there is no footage at all.
    """
    store = PictureStore(open_tree(Path(data.root)), data.lines, data.cache_mb * 1_000_000)
    clips = [(source, read_clips(store, source)) for source in data.videos]
    videos, of_videos = _of_kind(clips, "labels")
    moving_cutouts, cut_out_of_videos = _of_kind(clips, "alpha")
    stills = {
        kind: [
            _still_set(read_stills(store, source), source.weight)
            for source in data.stills
            if source.masks in kinds
        ]
        for kind, kinds in _KINDS.items()
    }
    if not clips and not any(stills.values()):
        raise InputError("there is no training data: data names neither videos nor stills")
    subjects = (*stills["subjects"], *of_videos)
    return FootageSet(
        videos,
        subjects,
        cutouts=(*subjects, *stills["cutouts"], *cut_out_of_videos),
        backgrounds=(*subjects, *stills["backgrounds"]),
        moving_cutouts=moving_cutouts,
    )


def read_clips(store: PictureStore, source: VideoSource) -> tuple[Footage, ...]:
    """List the sequences of a source, sorted by name, if they have at least two usable frames.

    Layout: ``JPEGImages/SEQUENCE/NNNNN.jpg`` and ``Annotations/SEQUENCE/NNNNN.png``, optionally
    with a folder ``480p``. Every picture needs a mask, as in DAVIS; with a ``meta.json`` beside
    JPEGImages, as in YouTube-VOS, pictures without a mask are left out. With ``source.masks`` as
    "alpha": ``SEQUENCE/NNNNN.png``, RGBA.

    Raises InputError when no sequence is left, a named one or a mask is missing, or the first
    picture and its mask are damaged or differ in size.
    """
    root = PurePosixPath(source.path)
    clip_type: type[_StoredFootage]
    if source.masks == "alpha":
        clip_type, expected = _StoredCutouts, "NAME"
        found = {name: _unpaired(store, root / name) for name in _selected(source, store, root)}
    else:
        clip_type, expected = _StoredFootage, "JPEGImages/NAME"
        pictures, masks = (
            _resolution(store, root / kind) for kind in ("JPEGImages", "Annotations")
        )
        sparse = "meta.json" in store.tree.names(root)
        found = {
            name: _paired(store, pictures / name, masks / name, sparse)
            for name in _selected(source, store, pictures)
        }
    clips = tuple(
        clip_type(store, name, frames, merged=False)
        for name, frames in found.items()
        if len(frames) > 1
    )
    if not clips:
        raise InputError(
            f"there is no usable sequence in {store.tree.where(root)}: expected two frames or "
            f"more in {expected}"
        )
    return clips


def read_stills(store: PictureStore, source: StillSource) -> tuple[Footage, ...]:
    """List the pictures of ``images``, each with the PNG of the same name in ``masks``.

    There are no masks if ``source.masks`` is "none" or "alpha"; with "alpha" the pictures are RGBA
    in the folder itself.

    Raises InputError when there is no picture, a mask is missing, or a picture and its mask are
    damaged or differ in size.
    """
    root = PurePosixPath(source.path)
    images = root / "images"
    if source.masks == "alpha":
        images = root
    if source.masks in ("alpha", "none"):
        frames = _unpaired(store, images)
    else:
        frames = _paired(store, images, root / "masks")
    frames = _without(frames, source.leave_out, str(store.tree.where(images)))
    if not frames:
        raise InputError(
            f"there is no picture in {store.tree.where(images)}: expected .jpg or .png"
        )
    still_type = _StoredCutouts if source.masks == "alpha" else _StoredFootage
    merged = source.masks == "parts"
    return tuple(
        still_type(store, f"{root.name}/{frame.picture.stem}", [frame], merged) for frame in frames
    )


def _without(frames: list[_FramePaths], names: Sequence[str], where: str) -> list[_FramePaths]:
    """Leave out pictures by name. Raises InputError for one that is not there."""
    known = {frame.picture.stem for frame in frames}
    for name in names:
        if name not in known:
            raise InputError(f"there is no picture '{name}' in {where}: correct its name")
    return [frame for frame in frames if frame.picture.stem not in names]


_KINDS = {"subjects": ("labels", "parts"), "cutouts": ("alpha",), "backgrounds": ("none",)}
"""The uses of a source's pictures, by its ``masks``; subjects are used for all three."""


def _still_set(stills: tuple[Footage, ...], weight: float | None) -> StillSet:
    return StillSet(stills, float(len(stills)) if weight is None else weight)


def _of_kind(
    clips: Sequence[tuple[VideoSource, tuple[Footage, ...]]], masks: str
) -> tuple[tuple[VideoSet, ...], list[StillSet]]:
    """The sources with masks of a kind, and those of their frames that are used as stills."""
    of_kind = [(source, found) for source, found in clips if source.masks == masks]
    videos = tuple(VideoSet(found, one.weight, one.jump_factor) for one, found in of_kind)
    frames = (_single_frames(found, source.stills_every) for source, found in of_kind)
    return videos, [_still_set(stills, None) for stills in frames if stills]


def _single_frames(clips: Sequence[Footage], every: int) -> tuple[Footage, ...]:
    """Every ``every``-th frame of clips as a still; none for 0."""
    if every == 0:
        return ()
    return tuple(
        _SingleFrame(clip, index) for clip in clips for index in range(0, len(clip), every)
    )


@dataclass(frozen=True)
class _FramePaths:
    """The paths of a frame's picture and mask."""

    picture: PurePosixPath
    mask: PurePosixPath | None


class _StoredFootage:
    """Footage in files. ``merged``: all numbers of a mask except 0 become label 1."""

    def __init__(
        self, store: PictureStore, name: str, frames: Sequence[_FramePaths], merged: bool
    ) -> None:
        first = frames[0]
        self.name = name
        self.has_labels = first.mask is not None
        self._store = store
        self._frames = frames
        self._merged = merged
        self._size = store.size(first.picture)
        if first.mask is not None:
            store.require_size(first.mask, self._size)

    def __len__(self) -> int:
        return len(self._frames)

    def frame(self, index: int) -> Tensor:
        return self._store.picture(self._frames[index].picture, self._size)

    def labels(self, index: int) -> Tensor:
        mask = self._frames[index].mask
        assert mask is not None, f"{self.name} has no masks"
        return self._store.labels(mask, self._size, self._merged)

    def alpha(self, index: int) -> Tensor | None:
        return None


class _StoredCutouts(_StoredFootage):
    """Pictures with alpha: one subject without a background."""

    def labels(self, index: int) -> Tensor:
        return (self.alpha(index) > 127).to(torch.uint8)

    def alpha(self, index: int) -> Tensor:
        return self._store.alpha(self._frames[index].picture, self._size)


class _SingleFrame:
    """One frame of a clip as a still."""

    has_labels = True

    def __init__(self, clip: Footage, index: int) -> None:
        self.name = f"{clip.name}/{index}"
        self._clip, self._index = clip, index

    def __len__(self) -> int:
        return 1

    def frame(self, index: int) -> Tensor:
        return self._clip.frame(self._index)

    def labels(self, index: int) -> Tensor:
        return self._clip.labels(self._index)

    def alpha(self, index: int) -> Tensor | None:
        return self._clip.alpha(self._index)


def _selected(source: VideoSource, store: PictureStore, folder: PurePosixPath) -> list[str]:
    """The sequences of a source that are used for training; each is a folder in ``folder``."""
    known = store.tree.names(folder)
    for name in (*source.leave_out, *source.only):
        if name not in known:
            where = store.tree.where(folder)
            raise InputError(f"there is no sequence '{name}' in {where}: correct its name")
    wanted = set(source.only or known) - set(source.leave_out)
    return [name for name in known if name in wanted]


def _paired(
    store: PictureStore, pictures: PurePosixPath, masks: PurePosixPath, sparse: bool = False
) -> list[_FramePaths]:
    """The pictures of a folder with their masks; ``sparse`` leaves out those without a mask."""
    found = set(store.tree.names(masks))
    frames, missing = [], []
    for name in _picture_names(store, pictures):
        mask = f"{PurePosixPath(name).stem}.png"
        if mask in found:
            frames.append(_FramePaths(pictures / name, masks / mask))
        else:
            missing.append(mask)
    if missing and not sparse:
        count = counted(len(frames) + len(missing), "picture")
        raise InputError(
            f"{store.tree.where(masks / missing[0])} is missing: {len(missing)} of {count} in "
            f"{store.tree.where(pictures)} without a mask"
        )
    return frames


def _unpaired(store: PictureStore, folder: PurePosixPath) -> list[_FramePaths]:
    """The pictures of a folder without masks."""
    return [_FramePaths(folder / name, None) for name in _picture_names(store, folder)]


def _picture_names(store: PictureStore, folder: PurePosixPath) -> list[str]:
    """The pictures of a folder, sorted. Raises InputError for two that would share a mask."""
    names = [name for name in store.tree.names(folder) if name.lower().endswith(_PICTURES)]
    stems = [PurePosixPath(name).stem for name in names]
    for first, second in pairwise(sorted(stems)):
        if first == second:
            raise InputError(f"{store.tree.where(folder)} has two pictures named {first}")
    return names


def _resolution(store: PictureStore, folder: PurePosixPath) -> PurePosixPath:
    """The folder itself, or its subfolder for the resolution."""
    names = store.tree.names(folder)
    if not names:
        raise InputError(
            f"there is no footage in {store.tree.where(folder)}: expected a folder laid out as "
            "DAVIS or YouTube-VOS is"
        )
    return folder / "480p" if "480p" in names else folder
