"""The frames of a movie's video stream, decoded by PyAV, and their pixels.

PyAV is imported only when a movie is opened.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from rde_roto.images.color.video import ColorTags
from rde_roto.images.orientation import AS_STORED, Turn
from rde_roto.values.errors import InputError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import sound_aspect

if TYPE_CHECKING:
    from av import VideoFrame
    from av.buffer import Buffer

_TALLEST_SD_PX: Final = 576  # taller pictures without a tag use the matrix of HD
_UNSPECIFIED: Final = 2  # the tags are those of ITU-T H.273
_MATRIX_OF_TAG: Final = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # to swscale's names of the same
_BT709, _BT601 = 1, 5
_LIMITED_RANGE, _FULL_RANGE = 1, 2
_TURN_SLACK: Final = 0.01  # of a side: half a degree


class Decoder:
    """Decodes the frames of a file's first video stream, by index in presentation order.

    A frame is identified by its presentation time, which does not depend on seeking. `times` are
    all presentation times, ascending, in units of the stream's `time_base` (s). Not thread-safe.

    Raises InputError for a file without a readable video stream.
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
        except MemoryError:  # one of FFmpeg's errors too
            raise
        except av.FFmpegError as error:
            raise InputError(f"cannot read a video stream from {path}: {error}") from error
        if not self._keys:
            raise InputError(f"{path} has no key frame to start decoding from")
        self.pixel_aspect = sound_aspect(self._stream.sample_aspect_ratio)
        self.frame_rate = self._stream.average_rate
        self.time_base = self._stream.time_base
        tags = [part.metadata for part in (self._stream, *self._container.streams, self._container)]
        timecodes = (
            value for tag in tags for key, value in tag.items() if key.lower() == "timecode"
        )
        self.timecode = next(timecodes, None)
        self._ahead: Iterator[VideoFrame] = iter(())
        self._shown: int | None = None

    def frame(self, index: int) -> VideoFrame:
        """Return the frame at `index`, from 0. Raises InputError when it cannot be decoded."""
        target = self.times[index]
        try:
            found = self._decode_until(target) if self._is_near(target) else None
            # a decoder may skip frames right after a key frame: then an earlier key is needed
            earlier_keys = reversed(range(bisect_right(self._keys, target)))
            while found is None:
                self._seek(self._key_starts[next(earlier_keys)])
                found = self._decode_until(target)
        except StopIteration:
            reason = "the frame cannot be decoded"
        except MemoryError:
            raise
        except self._errors as error:
            reason = str(error)
        else:
            return found
        self._shown = None
        raise InputError(f"{self._path} is damaged at frame {index + 1} of its frames: {reason}")

    def _is_near(self, target: int) -> bool:
        """Whether decoding on reaches the target before any key frame to which one could seek."""
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
        """The presentation times of all frames and of key frames, and where to seek for each key.

        Frames that an edit list cuts off are no frames of the movie, but decoding begins at them.
        Containers seek by decoding time, which is earlier if frames are reordered.
        """
        times = array("q")
        keys: list[tuple[int, int]] = []
        for packet in self._container.demux(self._stream):
            if packet.pts is None:
                continue
            if not packet.is_discard:
                times.append(packet.pts)
            if packet.is_keyframe:  # a discarded one, before the start of a cut movie, is needed
                keys.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
        keys.sort()
        starts = array("q", (start for _, start in keys))
        return array("q", sorted(times)), array("q", (time for time, _ in keys)), starts


def tags_of(frame: VideoFrame) -> ColorTags:
    """Return the colour tags of a frame."""
    return ColorTags(frame.color_primaries, frame.color_trc, frame.colorspace)


def to_rgb(frame: VideoFrame) -> FloatArray:
    """Convert a frame to float32 [H, W, 3] in 0..1, with the matrix and range of its tags.

    Untagged YUV is limited range, with BT.709 in HD sizes and BT.601 in SD sizes, as in broadcast;
    swscale would use BT.601 for all. RGB is limited range only if tagged so. Raises ValueError,
    which says why, for an unknown matrix.
    """
    from av.video.reformatter import Interpolation

    bits = max(component.bits for component in frame.format.components)
    is_rgb, deep = frame.format.is_rgb, bits > 8
    rgb = frame.reformat(
        format="rgb48le" if deep else "rgb24",
        src_colorspace=None if is_rgb else _matrix(frame),
        dst_color_range=_FULL_RANGE,
        interpolation=Interpolation.BICUBIC
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT,
    )
    pixels: FloatArray = rgb.to_ndarray().astype(np.float32)
    pixels /= 65535 if deep else 255
    if is_rgb and frame.color_range == _LIMITED_RANGE:  # swscale leaves RGB as it is
        black, white = (np.float32((code << (bits - 8)) / ((1 << bits) - 1)) for code in (16, 235))
        pixels -= black
        pixels /= white - black
        pixels.clip(0, 1, out=pixels)
    return pixels


def _matrix(frame: VideoFrame) -> int:
    """The matrix of a YUV frame, as swscale numbers it."""
    if frame.colorspace == _UNSPECIFIED:
        return _BT709 if frame.height > _TALLEST_SD_PX else _BT601
    matrix = _MATRIX_OF_TAG.get(frame.colorspace)
    if matrix is None:
        raise ValueError(
            f"its colours use matrix {frame.colorspace} of ITU-T H.273, which rde-roto does not "
            "support: convert it to BT.709 or BT.2020"
        )
    return matrix


def turn_of(frame: VideoFrame) -> Turn:
    """Return the turn that makes a frame upright, from the file's display matrix: x' = a x + c y
    and y' = b x + d y, with x to the right and y downwards.

    Raises ValueError, which says why, for a rotation that is not a multiple of 90 degrees.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return AS_STORED
    a, b, _, c, d = np.frombuffer(bytes(cast("Buffer", matrix)), np.int32)[:5].tolist()
    straight, crossed = max(abs(a), abs(d)), max(abs(b), abs(c))
    if min(straight, crossed) > _TURN_SLACK * max(straight, crossed):
        raise ValueError(
            "its display matrix rotates it by an angle that is not a multiple of 90 degrees: save "
            "it upright"
        )
    if crossed > straight:
        return Turn(rows=c < 0, columns=b < 0, swap=True)
    return Turn(rows=d < 0, columns=a < 0)
