"""Encodes Pillow images and writes them to disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL.Image import Image

from rde_roto.atomic import write_bytes


def write_picture(picture: Image, path: Path, kind: str = "PNG", **options: Any) -> None:
    """Write an image, replacing an existing file.

    Args: as for `encoded`. Raises OutputError; nothing half-written stays.
    """
    write_bytes(path, encoded(picture, kind, **options))


def encoded(picture: Image, kind: str = "PNG", **options: Any) -> bytes:
    """Encode an image in memory: the libraries' encoders hide some errors of files on disk.

    Args: kind, Pillow's name of the format; options, those of its ``save``.
    """
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
