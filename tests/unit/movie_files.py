"""Real movies for the tests of this folder, written through PyAV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

av = pytest.importorskip("av", reason="PyAV (the movie extra) is not installed")


def write_movie(
    path: Path, codec: str, pix_fmt: str, pictures: list[NDArray[np.uint8]], **options: Any
) -> Path:
    """Encode pictures [H, W, 3] at 24 frames/s with a key frame every 8 and B-frames if it can."""
    rotation = options.pop("rotation", 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = 8
        stream.bit_rate = 4_000_000
        if codec in ("libx264", "mpeg4"):
            stream.codec_context.max_b_frames = 2
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_yuv(path: Path, size: tuple[int, int], yuv: tuple[int, int, int], **tags: int) -> Path:
    """One lossless frame of these 8-bit code values; `tags` are those of ITU-T H.273."""
    width, height = size
    planes = [np.full(height * width, code) for code in yuv]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        for tag, value in tags.items():
            setattr(stream.codec_context, tag, value)
        codes = np.concatenate(planes).astype(np.uint8).reshape(3, height, width)
        frame = av.VideoFrame.from_ndarray(codes, "yuv444p")
        for tag, value in tags.items():
            setattr(frame, tag, value)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_codes(path: Path, codes: NDArray[np.uint16], bits: int = 10, **tags: int) -> Path:
    """One lossless frame of RGB code values [H, W, 3] of so many bits, full in range unless it is
    tagged otherwise.
    """
    height, width = codes.shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, f"gbrp{bits}le"
        frame = av.VideoFrame.from_ndarray(codes, f"gbrp{bits}le")
        for tag, value in {"color_range": 2, **tags}.items():
            setattr(stream.codec_context, tag, value)
            setattr(frame, tag, value)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
