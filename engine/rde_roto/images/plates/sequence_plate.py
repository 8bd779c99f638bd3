"""Plates from disk: EXR, DPX, TIFF, PNG and JPEG sequences; movies by way of `movies`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rde_roto.images.color.input_space import InputSpace, SpaceChoice, input_space, primaries_in
from rde_roto.images.color.transforms import transform_name
from rde_roto.images.files import check_input, read_half_or_float, read_headers
from rde_roto.images.image_header import ImageHeader
from rde_roto.images.layers import FIRST_PICTURE, PictureName, PictureSource, view_within
from rde_roto.images.origin import Attributes
from rde_roto.images.plates.color_space_plate import ColorSpacePlate
from rde_roto.images.plates.file_contents import FileContents
from rde_roto.images.plates.movie_plate import MOVIE_SUFFIXES, MoviePlate, open_movie
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.sequences import FrameSequence, find_sequence, named_view
from rde_roto.images.windows import placed, windows_in_words
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import HalfOrFloatArray
from rde_roto.values.plate import FirstFrame, Plate, PlateFormat
from rde_roto.values.regular_files import PICTURE_BYTES


def open_plate(
    text: str | Path,
    color_space: str | None = None,
    memo: PlateMemo | None = None,
    picture: PictureName = FIRST_PICTURE,
    fallback_space: str | None = None,
    *,
    first_frame: FirstFrame = None,
) -> DiskPlate:
    """Open a plate by a pattern, one of its frames, its folder, or a movie file.

    `color_space` is the artist's choice, `fallback_space` the preset's: see `input_space`, which is
    applied to the first frame. `memo` has the digests of unchanged files. `picture` is the view and
    layer of the files to read; `%V` in the text stands for the view's name, `%v` for its first
    letter, and files found this way need not contain views. `first_frame` is the number of a
    movie's first frame.

    Raises UsageError for a text that names no plate or several, an unknown colour space, a view or
    layer of a movie, or a first frame of a sequence; InputError when the plate is missing, or its
    first frame is unreadable, deep, without that view or layer, or ambiguous.
    """
    text = str(text)
    if not text:
        raise UsageError("no plate is named: the text is empty")
    choice = SpaceChoice.of(color_space, fallback_space)
    hash_file = digest_file if memo is None else memo.digest_file
    if Path(text).suffix.lower() in MOVIE_SUFFIXES:
        if picture != FIRST_PICTURE:
            raise UsageError(f"{text} is a movie and has no views or layers: leave them out")
        return open_movie(Path(text), choice, first_frame, hash_file)
    if first_frame is not None:
        raise UsageError(
            f"{text} is not a movie, its files are numbered: leave the first frame out"
        )
    view_in_name, text = named_view(text, picture.view)
    sequence = find_sequence(text)
    path = sequence.path(sequence.range.first)
    headers = read_headers(path)
    if view_in_name:
        picture = replace(picture, view=view_within(picture.view, headers))
    found = picture.find(path, headers)
    space = input_space(path, found.header, choice)
    contents = FileContents(hash_file)
    return SequencePlate(sequence, _steady_format(sequence, found), space, contents, found)


@dataclass(frozen=True, eq=False)
class SequencePlate(ColorSpacePlate):
    """A plate with one image file per frame, all in one colour space.

    `picture` is that of the first frame; its view and layer apply to all frames.
    """

    sequence: FrameSequence
    format: PlateFormat
    space: InputSpace
    contents: FileContents
    picture: PictureSource

    @property
    def name(self) -> str:
        """`hero.####.exr`."""
        return self.sequence.name

    @property
    def range(self) -> FrameRange:
        """The frames found on disk when the plate was opened."""
        return self.sequence.range

    @property
    def reading(self) -> str:
        """How the files are read, in one line (`Footage`)."""
        turn = self.picture.header.orientation
        upright = "upright" if turn == 1 else f"turned upright from orientation {turn}"
        words = (*self.picture.words, upright, windows_in_words(self.format), self.space.words)
        return f"{self.name}: {', '.join(words)}"

    def digest(self, frame: int) -> str:
        """Return the digest of the file's bytes, of the part that is read, and the colour
        transform.

        Raises InputError when the frame is missing or was replaced.
        """
        content = self.file_digest(frame)
        picture = (self.picture.view or "", self.picture.layer)
        window = astuple(self.format.data)
        return digest_of(content, *picture, *window, transform_name(self.space.name))

    def file_digest(self, frame: int) -> str:
        """Return the digest of the file's bytes. Raises InputError as `digest`."""
        path = self.sequence.path(frame)
        check_input(path, PICTURE_BYTES)
        return self.contents.digest(frame, path)

    def attributes(self, frame: int) -> Attributes:
        """Return the frame's header attributes that its matte inherits (`Footage`)."""
        return self._picture(frame).header.attributes

    def _pixels(self, frame: int) -> HalfOrFloatArray:
        """Read a frame. Grey becomes three channels; alpha is ignored; missing pixels are 0.

        Raises InputError when the frame is missing, damaged, deep, without the first frame's layer,
        or different in size or windows, or was replaced. The data window may differ if the plate is
        read into its display window.
        """
        picture = self._picture(frame)
        own = picture.header.format
        expected = self.format
        if expected.data == expected.display:
            expected = replace(expected, data=own.data)
        if own != expected:
            self._check_first()
            wanted, got = _difference(self.format, own)
            raise InputError(
                f"the plate {self.name} changes size at frame {frame}: expected {wanted}, got {got}"
            )
        path = self.sequence.path(frame)
        pixels = read_half_or_float(path, picture.channels, picture.header.part)
        self.contents.check(frame, path)
        if len(picture.channels) == 1:
            # not `np.repeat`, which holds Python's lock: at 4K the window would stand still
            pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()
        return placed(pixels, own.data, self.format.data)

    def _picture(self, frame: int) -> PictureSource:
        """The first frame's picture, in the file of another."""
        path = self.sequence.path(frame)
        found = self.picture.same_in(path, read_headers(path), self._first)
        expected, got = _of_colours(self.picture.header), _of_colours(found.header)
        if expected != got and not self.space.is_set_by_artist:
            raise InputError(
                f"the plate {self.name} changes its colours at frame {frame}: {self._first.name} "
                f"has {expected}, {path.name} {got}: choose the colour space",
                keys=("plate.color_space",),
            )
        return found

    def _check_first(self) -> None:
        """Raise InputError if the first frame has another format than when the plate was opened."""
        now = self.picture.same_in(self._first, read_headers(self._first), self._first)
        if now.header.format != self.picture.header.format:
            raise self.contents.replaced(self._first)

    @property
    def _first(self) -> Path:
        return self.sequence.path(self.range.first)


def _of_colours(header: ImageHeader) -> str:
    """A file's kind of numbers and colour space: `float of lin_ap1_scene`; 8 bits are sRGB."""
    if header.pixel_type == "uint8":
        return "8 bits"
    kind = "float" if header.pixel_type in ("half", "float", "double") else "integer"
    return f"{kind} of {header.color_space or primaries_in(header) or 'no named colour space'}"


def view_of(plate: Plate) -> str | None:
    """Return the view that is read from a plate's files; None if they have no views."""
    return plate.picture.view if isinstance(plate, SequencePlate) else None


def _steady_format(sequence: FrameSequence, picture: PictureSource) -> PlateFormat:
    """The format of all frames: that of the first frame, but if data windows vary, with the display
    window as the data window.

    Reads the headers of other frames only if the first frame's two windows differ.
    """
    first, first_path = picture.header.format, sequence.path(sequence.range.first)
    if first.data == first.display:
        return first
    for frame in sequence.range:
        path = sequence.path(frame)
        with suppress(InputError):  # a damaged frame is an error only when it is requested
            found = picture.same_in(path, read_headers(path), first_path)
            if found.header.format.data != first.data:
                return replace(first, data=first.display)
    return first


def _difference(expected: PlateFormat, got: PlateFormat) -> tuple[str, str]:
    """Describe both formats by what differs."""
    if expected.pixel_aspect != got.pixel_aspect:
        return f"pixel aspect {expected.pixel_aspect:g}", f"{got.pixel_aspect:g}"
    if expected.data == got.data:
        return f"a display window of {expected.display}", f"one of {got.display}"
    return str(expected.data), str(got.data)


DiskPlate: TypeAlias = SequencePlate | MoviePlate
"""A plate from `open_plate`: `space` is its colour space and the source of that."""
