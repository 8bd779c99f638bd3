"""Movies as plates, through PyAV (the `movie` extra).

A movie has no frame numbers: its first frame is 1, or as the artist chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rde_roto.images.color.input_space import SpaceChoice, movie_space
from rde_roto.images.color.transforms import transform_name
from rde_roto.images.color.video import space_of_tags
from rde_roto.images.files import check_input
from rde_roto.images.orientation import AS_STORED
from rde_roto.images.origin import Attributes, time_of
from rde_roto.images.plates.color_space_plate import ColorSpacePlate
from rde_roto.images.plates.file_contents import OpenFileContent
from rde_roto.images.plates.movie_frames import Decoder, tags_of, to_rgb, turn_of
from rde_roto.images.windows import windows_in_words
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import FirstFrame
from rde_roto.values.regular_files import MOVIE_BYTES
from rde_roto.values.timecode import Timecode

if TYPE_CHECKING:
    from av import VideoFrame

MOVIE_SUFFIXES = frozenset({".mov", ".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mxf"})

_FIRST_FRAME = 1
_SLACK_TICKS = 1.5  # of a steady rate: times are rounded to whole ticks
_SLACK_SHARE = 0.25  # of a frame, where a tick is long


def open_movie(
    path: Path,
    choice: SpaceChoice,
    first_frame: FirstFrame = None,
    hash_file: Callable[[Path], str] = digest_file,
) -> MoviePlate:
    """Open a movie as a plate, with frames numbered from `first_frame` on.

    `choice` is the colour space that people chose; `hash_file` gives the digest of a file's bytes.

    Raises InputError when PyAV is not installed, the file is missing or not a readable movie, its
    tags are unknown, or a timecode is needed for numbering and missing.
    """
    try:
        import av  # noqa: F401  (fails here, with a sentence, rather than at the first frame)
    except ImportError as error:
        raise InputError(
            f"{path} is a movie, which needs PyAV: run install.py movie where rde-roto was "
            "unpacked, or pip install 'rde-roto[movie]', or give an image sequence"
        ) from error
    check_input(path, MOVIE_BYTES)
    return MoviePlate(path, choice, first_frame, hash_file)


class MoviePlate(ColorSpacePlate):
    """A plate decoded from one video stream, rotated and mirrored as the file requires.

    Reading forwards decodes each frame once; any other order seeks to the previous key frame. Only
    one decoded frame is in memory. One thread decodes at a time; others wait. ``timecode`` is that
    of the first frame as in the file, `01:00:00:00`, or None.
    """

    def __init__(
        self,
        path: Path,
        choice: SpaceChoice,
        first_frame: FirstFrame,
        hash_file: Callable[[Path], str],
    ) -> None:
        self._path = path
        self._lock = Lock()
        self.contents = OpenFileContent(path, hash_file)
        self._decoder = _decoder = Decoder(path)
        self.name = path.name
        self.timecode = _decoder.timecode
        self._is_steady = _are_steady(_decoder.times)
        self._start = self._first_timecode()
        self._first_frame = self._numbered_from(first_frame)
        count = len(_decoder.times)
        self.range = FrameRange.of(range(self._first_frame, self._first_frame + count))
        first = _decoder.frame(0)
        self._tags = tags_of(first)
        self.space = movie_space(path, lambda: space_of_tags(path, self._tags), choice)
        try:
            self._turn = turn_of(first)
        except ValueError as error:
            raise InputError(f"cannot show {path}: {error}") from error
        self.format = self._turn.format(first.width, first.height, _decoder.pixel_aspect)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about anything unexpected that was done with the file."""
        return (*super().notes, *self._notes())

    def digest(self, frame: int) -> str:
        """Return the digest of the movie's bytes, the frame's index and the colour transform."""
        index = self._index(frame)
        return digest_of(self.file_digest(frame), index, transform_name(self.space.name))

    def file_digest(self, _frame: int) -> str:
        """Return the digest of the movie's bytes. Raises InputError as `digest`."""
        return self.contents.digest()

    @property
    def reading(self) -> str:
        """How the movie is read, in one line (`Footage`)."""
        stands = "upright" if self._turn == AS_STORED else "turned upright by its display matrix"
        words = ("first video stream", stands, windows_in_words(self.format), self.space.words)
        return f"{self.name}: {', '.join(words)}"

    def attributes(self, frame: int) -> Attributes:
        """Return the frame's timecode and frame rate (`Footage`); neither if the rate varies."""
        index, rate = self._index(frame), self._decoder.frame_rate
        return {} if rate is None or not self._is_steady else time_of(self._start, rate, index)

    def _pixels(self, frame: int) -> FloatArray:
        """Raises InputError when the frame is missing or damaged, differs in size or colour tags
        from the first, or the file was replaced.
        """
        index = self._index(frame)
        with self._lock:
            decoded = self._decoder.frame(index)
            if tags_of(decoded) != self._tags:
                raise InputError(
                    f"the plate {self.name} changes its colours at frame {frame}: its tags are "
                    f"{tuple(tags_of(decoded))}, those of its first frame {tuple(self._tags)}"
                )
            pixels = self._shown(decoded)
        self.contents.check()
        if pixels.shape[:2] != self.format.data.shape:
            raise InputError(
                f"the plate {self.name} changes size at frame {frame}: "
                f"expected {self.format.data}, got {pixels.shape[1]}x{pixels.shape[0]}"
            )
        return pixels

    def _shown(self, decoded: VideoFrame) -> FloatArray:
        try:
            return self._turn.upright(to_rgb(decoded))
        except ValueError as error:
            raise InputError(f"cannot show {self._path}: {error}") from error

    def _notes(self) -> Iterator[str]:
        if self._turn != AS_STORED:
            turned = (self._turn.rows, self._turn.columns, self._turn.swap)
            words = ("rows reversed", "columns reversed", "the two swapped")
            done = ", ".join(word for word, is_so in zip(words, turned, strict=True) if is_so)
            yield f"{self.name} is shown as its display matrix says: {done}"
        if not self._is_steady:
            yield (
                f"{self.name} has a variable frame rate: each of its {len(self.range)} frames is "
                "one frame of the plate, none is repeated or left out, and the mattes have no "
                "frame rate or timecode"
            )
        elif self.timecode is not None and self._start is None:
            yield (
                f"the timecode of {self.name}, {self.timecode} at "
                f"{float(self._decoder.frame_rate or 0):.5g} frames/s, is not valid in SMPTE ST "
                "12-1: the mattes have none"
            )

    def _first_timecode(self) -> Timecode | None:
        rate = self._decoder.frame_rate
        return None if self.timecode is None or not rate else Timecode.parse(self.timecode, rate)

    def _numbered_from(self, choice: FirstFrame) -> int:
        if choice != "timecode":
            return _FIRST_FRAME if choice is None else choice
        if self._start is None:
            raise InputError(
                f"{self._path} has no timecode from which to number its frames: give its first "
                "frame as a number, such as 1001"
            )
        return self._start.count

    def _index(self, frame: int) -> int:
        if frame not in self.range:
            raise InputError(f"{self.name} has no frame {frame} (it has {self.range.words})")
        return frame - self._first_frame


def _are_steady(times: Sequence[int]) -> bool:
    """Whether frames at these times have a constant rate."""
    steps = np.diff(np.array(times))
    if len(steps) == 0:
        return True
    usual = float(np.median(steps))
    return float(np.abs(steps - usual).max()) <= min(_SLACK_TICKS, _SLACK_SHARE * usual)
