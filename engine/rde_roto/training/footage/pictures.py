"""Decodes pictures and label masks on demand, with a cache in memory."""

from __future__ import annotations

import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rde_roto.training.footage.archive import FileTree
from rde_roto.values.errors import InputError

Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels, as in the file"""

_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error),
    Image.DecompressionBombError,
)
"""What Pillow raises on a damaged file, depending on where the damage is."""


class PictureStore:
    """The pictures of a tree, reduced to a short side of ``lines`` pixels if they are larger.

    Decoded pictures are shared and cached up to ``cache_bytes``; the least recently used go first.
    Thread-safe; threads decode in parallel.
    """

    def __init__(self, tree: FileTree, lines: int, cache_bytes: int) -> None:
        self.tree = tree
        self._lines = lines
        self._cache = _Cache(cache_bytes)

    def size(self, path: PurePosixPath) -> Size:
        """Return the size of a picture, from its header. Raises InputError if that is damaged."""
        with self._opened(path) as image:
            return image.size

    def require_size(self, path: PurePosixPath, size: Size) -> None:
        """Raise InputError for a picture of another size, from its header."""
        with self._opened(path) as image:
            self._require_size(path, image, size)

    def picture(self, path: PurePosixPath, size: Size) -> Tensor:
        """Decode uint8 [3, H, W] RGB, planar. Raises InputError for damage or another size."""
        return self._cache.get((path, "picture"), lambda: self._picture(path, size))

    def alpha(self, path: PurePosixPath, size: Size) -> Tensor:
        """Decode a picture's alpha channel, uint8 [H, W]. Raises InputError if it has none."""
        return self._cache.get((path, "alpha"), lambda: self._alpha(path, size))

    def labels(self, path: PurePosixPath, size: Size, merged: bool) -> Tensor:
        """Decode labels, uint8 [H, W], 0 the background; ``merged`` makes all other numbers 1.

        An indexed PNG gives its indices. Grey gives its numbers, including 255, but grey with only
        0 and 255 is label 1. Raises InputError for colour, damage or another size.
        """
        kind = "merged" if merged else "labels"
        return self._cache.get((path, kind), lambda: self._labels(path, size, merged))

    def _picture(self, path: PurePosixPath, size: Size) -> Tensor:
        with self._opened(path) as image:
            self._require_size(path, image, size)
            reduced = self._reduced(image.convert("RGB"), Image.Resampling.BICUBIC)
            return torch.from_numpy(np.array(reduced)).permute(2, 0, 1).contiguous()

    def _alpha(self, path: PurePosixPath, size: Size) -> Tensor:
        with self._opened(path) as image:
            self._require_size(path, image, size)
            if "A" not in image.getbands():
                raise InputError(
                    f"{self.tree.where(path)} has no alpha channel: expected RGBA, got {image.mode}"
                )
            reduced = self._reduced(image.getchannel("A"), Image.Resampling.BICUBIC)
            return torch.from_numpy(np.array(reduced))

    def _labels(self, path: PurePosixPath, size: Size, merged: bool) -> Tensor:
        with self._opened(path) as image:
            self._require_size(path, image, size)
            if image.mode not in ("1", "L", "P"):
                raise InputError(
                    f"the mask {self.tree.where(path)} holds no label numbers: expected an indexed "
                    f"PNG or 8-bit grey, got {image.mode}"
                )
            numbers = np.array(self._reduced(image, Image.Resampling.NEAREST), dtype=np.uint8)
            if merged or (image.mode == "L" and np.isin(numbers, (0, 255)).all()):
                numbers = (numbers > 0).astype(np.uint8)
            return torch.from_numpy(numbers)

    def _require_size(self, path: PurePosixPath, image: Image.Image, size: Size) -> None:
        if image.size != size:
            raise InputError(
                f"{self.tree.where(path)} is {image.width}x{image.height} pixels: expected "
                f"{size[0]}x{size[1]}, the size of the footage's first picture"
            )

    def _reduced(self, image: Image.Image, resample: Image.Resampling) -> Image.Image:
        scale = self._lines / min(image.size)
        if scale >= 1:
            return image
        return image.resize((round(image.width * scale), round(image.height * scale)), resample)

    @contextmanager
    def _opened(self, path: PurePosixPath) -> Iterator[Image.Image]:
        try:
            with self.tree.open(path) as file, Image.open(file) as image:
                yield image
        except _DAMAGE as error:
            raise InputError(
                f"{self.tree.where(path)} is damaged, cut short or no picture: {error}"
            ) from error


class _Cache:
    """Tensors by key, up to a budget in bytes; the least recently used go first."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._used_bytes = 0
        self._entries: OrderedDict[tuple[PurePosixPath, str], Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[PurePosixPath, str], decode: Callable[[], Tensor]) -> Tensor:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        picture = decode()  # without the lock: two threads may decode the same picture
        with self._lock:
            if key not in self._entries:
                self._entries[key] = picture
                self._used_bytes += picture.nbytes
            while self._used_bytes > self._budget_bytes:
                _, oldest = self._entries.popitem(last=False)
                self._used_bytes -= oldest.nbytes
        return picture
