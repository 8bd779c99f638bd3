"""Footage with masks, decoded once and held in memory as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from rde_roto.values.errors import InputError

_SHORT_SIDE = 360
"""Pixels; larger pictures are reduced to this before they are kept."""

_PARTS_OF_ONE = frozenset({"ccp", "human_seg290", "weizmann_horse"})
"""Folders of stills whose labels are parts, or grey levels, of a single subject."""

_WITHOUT_BACKGROUND = frozenset({"bsds500"})
"""Folders whose masks are region maps: no label is the background, so none is an element."""


@dataclass(frozen=True)
class Footage:
    """Consecutive frames of one picture: a clip, or a still of length 1.

    frames uint8 [N, 3, H, W] RGB, planar; labels uint8 [N, H, W], 0 the background, or None where a
    still has no mask and serves as a background.
    """

    name: str
    frames: Tensor
    labels: Tensor | None


def read_clips(root: Path, leave_out: frozenset[str]) -> list[Footage]:
    """All sequences of a DAVIS 2016 layout (binary masks) but those of ``leave_out``.

    Raises InputError when there is none, or when a frame or its mask cannot be read.
    """
    clips = []
    for folder in sorted((root / "JPEGImages").glob("*")):
        pictures = sorted(folder.glob("*.jpg"))
        if folder.name in leave_out or not pictures:
            continue
        masks = [root / "Annotations" / folder.name / f"{path.stem}.png" for path in pictures]
        frames = np.stack([_picture(path) for path in pictures])
        labels = np.stack([_labels(path) > 0 for path in masks]).astype(np.uint8)
        clips.append(Footage(folder.name, torch.from_numpy(frames), torch.from_numpy(labels)))
    if not clips:
        raise InputError(f"no sequence to train on in {root}: expected JPEGImages/NAME/*.jpg")
    return clips


def read_stills(root: Path) -> list[Footage]:
    """All pictures of ``root/*/images``, with the label masks of ``root/*/masks`` where usable."""
    stills = []
    for folder in sorted(root.glob("*/images")):
        group = folder.parent
        for path in sorted(folder.iterdir()):
            frames = torch.from_numpy(_picture(path))[None]
            mask = group / "masks" / f"{path.stem}.png"
            labels = None
            if group.name not in _WITHOUT_BACKGROUND and mask.exists():
                found = _labels(mask)
                found = (found > 0).astype(np.uint8) if group.name in _PARTS_OF_ONE else found
                labels = torch.from_numpy(found)[None]
            if labels is None or labels.shape[1:] == frames.shape[2:]:
                stills.append(Footage(f"{group.name}/{path.stem}", frames, labels))
    return stills


def _picture(path: Path) -> NDArray[np.uint8]:
    """uint8 [3, H, W]"""
    pixels = _decoded(path, "RGB", Image.Resampling.BICUBIC)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _labels(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W], the numbers of the file as they are"""
    return _decoded(path, None, Image.Resampling.NEAREST)


def _decoded(path: Path, mode: str | None, resample: Image.Resampling) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            converted = image if mode is None else image.convert(mode)
            return np.array(_reduced(converted, resample)).astype(np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _reduced(image: Image.Image, resample: Image.Resampling) -> Image.Image:
    scale = _SHORT_SIDE / min(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), resample)
