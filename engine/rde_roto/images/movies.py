"""Movies as plates, through PyAV (the `movie` extra), which is imported only when one is opened.

A movie has no frame numbers: its first frame is 1.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rde_roto.images.color import transform_name
from rde_roto.images.files import check_input
from rde_roto.images.input_space import InputSpace
from rde_roto.images.origin import Attributes, time_of
from rde_roto.images.spaced import SpacedPlate
from rde_roto.values.digest import digest_file, digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window, sound_aspect
from rde_roto.values.regular_files import MOVIE_BYTES
from rde_roto.values.timecode import Timecode

if TYPE_CHECKING:
    from av import VideoFrame

MOVIE_SUFFIXES = frozenset({".mov", ".mp4", ".mkv", ".avi", ".mxf"})

_FIRST_FRAME = 1
_TALLEST_SD_PX = 576  # taller pictures without a tag use the matrix of HD
_UNSPECIFIED_MATRIX = 2  # the tags are those of ITU-T H.273
_MATRIX_OF_TAG = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # to swscale's names of the same
_BT709, _BT601 = 1, 5
_FULL_RANGE = 2


def open_movie(
    path: Path, space: InputSpace, hash_file: Callable[[Path], str] = digest_file
) -> MoviePlate:
    """A movie as a plate; `space` is what its RGB is taken to be in.

    `hash_file` gives the digest of a file's bytes.

    Raises InputError when PyAV is not installed or the file is missing or no readable movie.
    """
    try:
        import av  # noqa: F401  (fails here, with a sentence, rather than at the first frame)
    except ImportError as error:
        raise InputError(
            f"{path} is a movie, which needs PyAV: run pip install 'rde-roto[movie]', "
            "or give an image sequence"
        ) from error
    check_input(path, MOVIE_BYTES)
    return MoviePlate(path, space, hash_file)


class MoviePlate(SpacedPlate):
    """A plate decoded from one video stream, turned upright as the file asks for.

    Reading forwards decodes each frame once; any other order seeks to the keyframe before. Only
    one decoded frame is held. One thread at a time decodes; others wait. ``timecode`` is that of
    the first frame as the file has it, `01:00:00:00`, or None.
    """

    def __init__(self, path: Path, space: InputSpace, hash_file: Callable[[Path], str]) -> None:
        self._path = path
        self.space = space
        self._hash_file = hash_file
        self._lock = Lock()
        self._hashing = Lock()
        self._digest: str | None = None
        self._decoder = _Decoder(path)
        first = self._decoder.frame(0)
        width, height, aspect = first.width, first.height, self._decoder.pixel_aspect
        if first.rotation % 180:
            width, height, aspect = height, width, 1 / aspect
        window = Window(0, 0, width, height)
        self.name = path.name
        self.range = FrameRange.of(range(_FIRST_FRAME, _FIRST_FRAME + len(self._decoder.times)))
        self.format = PlateFormat(window, window, aspect)
        self.timecode = self._decoder.timecode

    def digest(self, frame: int) -> str:
        """Digest of the movie's bytes, the frame's place in it and the colour transform."""
        index = self._index(frame)
        return digest_of(self._content, index, transform_name(self.space.name))

    def attributes(self, frame: int) -> Attributes:
        """The frame's timecode, and the movie's frame rate (`Footage`)."""
        rate = self._decoder.frame_rate
        if rate is None:
            return {}
        start = None if self.timecode is None else Timecode.parse(self.timecode, rate)
        return time_of(start, rate, self._index(frame))

    def _pixels(self, frame: int) -> FloatArray:
        """Raises InputError when it is missing, damaged or of another size than the first."""
        index = self._index(frame)
        with self._lock:
            decoded = self._decoder.frame(index)
            pixels = _upright(_to_rgb(decoded), decoded)
        if pixels.shape[:2] != self.format.data.shape:
            raise InputError(
                f"the plate {self.name} changes size at frame {frame}: "
                f"expected {self.format.data}, came {pixels.shape[1]}x{pixels.shape[0]}"
            )
        return pixels

    @property
    def _content(self) -> str:
        with self._hashing:  # before Python 3.12 a cached_property makes all movies wait for one
            if self._digest is None:
                self._digest = self._hash_file(self._path)
            return self._digest

    def _index(self, frame: int) -> int:
        if frame not in self.range:
            raise InputError(f"{self.name} has no frame {frame} (it has {self.range})")
        return frame - _FIRST_FRAME


class _Decoder:
    """The frames of a file's first video stream by their place in showing order.

    Frames are known by their showing time, which is the same however one came to them.
    """

    def __init__(self, path: Path) -> None:
        import av

        self._path = path
        self._errors = av.FFmpegError
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
            self.times, self._keys, self._key_starts = self._list_times()
        except IndexError as error:
            raise InputError(f"cannot read a video stream from {path}: it has none") from error
        except av.FFmpegError as error:
            raise InputError(f"cannot read a video stream from {path}: {error}") from error
        if not self._keys:
            raise InputError(f"{path} holds no video frame one could start from")
        self.pixel_aspect = sound_aspect(self._stream.sample_aspect_ratio)
        self.frame_rate = self._stream.average_rate
        tags = [part.metadata for part in (self._stream, *self._container.streams, self._container)]
        said = (value for tag in tags for key, value in tag.items() if key.lower() == "timecode")
        self.timecode = next(said, None)
        self._ahead: Iterator[VideoFrame] = iter(())
        self._shown: int | None = None

    def frame(self, index: int) -> VideoFrame:
        """The frame at `index`, from 0. Raises InputError when it cannot be decoded."""
        target = self.times[index]
        try:
            found = self._decode_until(target) if self._is_near(target) else None
            # a decoder may skip the frames a key frame leads in: then an earlier key is needed
            earlier_keys = reversed(range(bisect_right(self._keys, target)))
            while found is None:
                self._seek(self._key_starts[next(earlier_keys)])
                found = self._decode_until(target)
        except StopIteration:
            reason = "the frame cannot be decoded"
        except self._errors as error:
            reason = str(error)
        else:
            return found
        self._shown = None
        raise InputError(f"{self._path} is damaged at frame {index + _FIRST_FRAME}: {reason}")

    def _is_near(self, target: int) -> bool:
        """Whether decoding on comes to the target before any key frame one could seek to."""
        if self._shown is None or self._shown >= target:
            return False
        return bisect_right(self._keys, target) == bisect_right(self._keys, self._shown)

    def _seek(self, start: int) -> None:
        self._container.seek(start, stream=self._stream)
        self._ahead = self._container.decode(self._stream)
        self._shown = None

    def _decode_until(self, target: int) -> VideoFrame | None:
        for frame in self._ahead:
            if frame.pts is None:
                continue
            self._shown = frame.pts
            if frame.pts >= target:
                return frame if frame.pts == target and not frame.is_corrupt else None
        return None

    def _list_times(self) -> tuple[array[int], array[int], array[int]]:
        """Showing times of all frames, of the key frames, and where to seek for each of those.

        Containers seek by decoding time, which runs ahead of showing where frames are reordered.
        """
        times = array("q")
        keys: list[tuple[int, int]] = []
        for packet in self._container.demux(self._stream):
            if packet.pts is None or packet.is_discard:
                continue
            times.append(packet.pts)
            if packet.is_keyframe:
                keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
        keys.sort()
        starts = array("q", (start for _, start in keys))
        return array("q", sorted(times)), array("q", (time for time, _ in keys)), starts


def _to_rgb(frame: VideoFrame) -> FloatArray:
    """float32 [H, W, 3] in 0..1, with the matrix and range of the tags or their usual stand-ins.

    Untagged YUV is BT.709 in HD sizes, BT.601 in SD sizes (as the standards for broadcast have
    it), and limited in range; swscale's own default would be BT.601 for all.
    """
    from av.video.reformatter import Interpolation

    deep = max(component.bits for component in frame.format.components) > 8
    matrix = None
    if not frame.format.is_rgb:
        untagged = _BT709 if frame.height > _TALLEST_SD_PX else _BT601
        matrix = _MATRIX_OF_TAG.get(frame.colorspace, untagged)
    rgb = frame.reformat(
        format="rgb48le" if deep else "rgb24",
        src_colorspace=matrix,
        dst_color_range=_FULL_RANGE,
        interpolation=Interpolation.BICUBIC
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT,
    )
    pixels: FloatArray = rgb.to_ndarray().astype(np.float32)
    pixels /= 65535 if deep else 255
    return pixels


def _upright(pixels: FloatArray, frame: VideoFrame) -> FloatArray:
    """Turned by the display matrix of the file, in quarter turns, as players show it."""
    return np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
