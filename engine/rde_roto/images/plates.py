"""Plates from disk: EXR, DPX, TIFF, PNG and JPEG sequences; movies by way of `movies`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rde_roto.images.color import transform_name
from rde_roto.images.files import check_input, read_channels, read_headers
from rde_roto.images.input_space import InputSpace, SaidOfSpace, input_space
from rde_roto.images.layers import FIRST_PICTURE, PictureName
from rde_roto.images.movies import MOVIE_SUFFIXES, MoviePlate, open_movie
from rde_roto.images.origin import Attributes
from rde_roto.images.plate_memo import PlateMemo
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.images.spaced import SpacedPlate
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat
from rde_roto.values.regular_files import PICTURE_BYTES


def open_plate(
    text: str,
    color_space: str | None = None,
    memo: PlateMemo | None = None,
    picture: PictureName = FIRST_PICTURE,
    fallback_space: str | None = None,
) -> DiskPlate:
    """A plate named by a pattern, one of its frames, its folder, or a movie file.

    `color_space` is the artist's word, `fallback_space` the preset's: see `input_space`, which is
    asked about the first frame. `memo` knows the digests of files that have not changed since they
    were last read. `picture` says which view and layer of the files is the plate.

    Raises UsageError for a text that names no one plate, an unknown colour space or a movie's view
    or layer; InputError when the plate is missing, its first frame unreadable or without that view
    or layer.
    """
    said = SaidOfSpace.of(color_space, fallback_space)
    hash_file = digest_file if memo is None else memo.digest_file
    if Path(text).suffix.lower() in MOVIE_SUFFIXES:
        if picture != FIRST_PICTURE:
            raise UsageError(f"{text} is a movie, which has no views or layers: leave them out")
        return open_movie(Path(text), input_space(Path(text), None, said), hash_file)
    sequence = find_sequence(text)
    path = sequence.path(sequence.range.first)
    header = picture.find(path, read_headers(path)).header
    space = input_space(path, header, said)
    return SequencePlate(sequence, header.format, space, hash_file, picture)


@dataclass(frozen=True, eq=False)
class SequencePlate(SpacedPlate):
    """A plate of one image file a frame, all of which are in one colour space.

    `hash_file` gives the digest of a file's bytes.
    """

    sequence: FrameSequence
    format: PlateFormat
    space: InputSpace
    hash_file: Callable[[Path], str] = digest_file
    picture: PictureName = FIRST_PICTURE

    @property
    def name(self) -> str:
        """`hero.####.exr`."""
        return self.sequence.name

    @property
    def range(self) -> FrameRange:
        """The frames found on disk when the plate was opened."""
        return self.sequence.range

    def digest(self, frame: int) -> str:
        """Digest of the file's bytes, the view and layer that are asked for, and the colour
        transform.

        Raises InputError when the frame is missing.
        """
        path = self.sequence.path(frame)
        check_input(path, PICTURE_BYTES)
        content = self.hash_file(path)
        picture = (self.picture.view or "", self.picture.layer or "")
        return digest_of(content, *picture, transform_name(self.space.name))

    def attributes(self, frame: int) -> Attributes:
        """What the frame's header says that is true of its matte too (`Footage`)."""
        path = self.sequence.path(frame)
        return self.picture.find(path, read_headers(path)).header.attributes

    def _pixels(self, frame: int) -> FloatArray:
        """Grey becomes three channels; alpha is ignored.

        Raises InputError when the frame is missing, damaged, without colour channels, or differs
        from the first frame in size or windows.
        """
        path = self.sequence.path(frame)
        picture = self.picture.find(path, read_headers(path))
        if picture.header.format != self.format:
            expected, came = _tell_apart(self.format, picture.header.format)
            raise InputError(
                f"the plate {self.name} changes size at frame {frame}: "
                f"expected {expected}, came {came}"
            )
        pixels = read_channels(path, picture.channels, picture.header.part)
        if len(picture.channels) == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        return pixels


def _tell_apart(expected: PlateFormat, came: PlateFormat) -> tuple[str, str]:
    """Both formats in the words in which they differ."""
    if expected.data != came.data:
        return str(expected.data), str(came.data)
    if expected.display != came.display:
        return f"a display window of {expected.display}", f"one of {came.display}"
    return f"pixel aspect {expected.pixel_aspect:g}", f"{came.pixel_aspect:g}"


DiskPlate: TypeAlias = SequencePlate | MoviePlate
"""A plate that `open_plate` opens: `space` says what colours it is in, and who says so."""
