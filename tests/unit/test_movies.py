from __future__ import annotations

import ast
import os
import re
import struct
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from image_files import cut_short, write_image
from movie_files import write_movie, write_yuv
from numpy.typing import NDArray
from OpenImageIO import TypeDesc

from rde_roto.images.origin import Typed, frame_rate
from rde_roto.images.plates.movie_plate import MOVIE_SUFFIXES, MoviePlate
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange

av = pytest.importorskip("av", reason="PyAV (the movie extra) is not installed")

COUNT = 30


def decode_yuv(yuv: tuple[int, int, int], kr: float, kb: float, full: bool) -> list[float]:
    """RGB of code values by the equations of BT.601, 709 and 2020, which differ in kr and kb."""
    y = yuv[0] / 255 if full else (yuv[0] - 16) / 219
    cb, cr = ((code - 128) / (255 if full else 224) for code in yuv[1:])
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return [red, (y - kr * red - kb * blue) / (1 - kr - kb), blue]


def flat_pictures(count: int = COUNT) -> list[NDArray[np.uint8]]:
    return [np.full((48, 64, 3), 8 * index, np.uint8) for index in range(count)]


CODECS = [
    ("mp4", "libx264", "yuv420p"),
    ("mkv", "libx264", "yuv420p"),
    ("mov", "prores_ks", "yuv422p10le"),
    ("mov", "png", "rgb24"),
    ("avi", "mpeg4", "yuv420p"),
    ("m4v", "mpeg4", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
]


@pytest.mark.parametrize(("suffix", "codec", "pix_fmt"), CODECS)
def test_every_frame_is_the_same_in_any_order(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    pictures = flat_pictures()
    path = write_movie(tmp_path / f"a film.{suffix}", codec, pix_fmt, pictures)
    plate = open_plate(str(path))
    assert plate.name == f"a film.{suffix}"
    assert plate.range == FrameRange.parse(f"1-{COUNT}")
    assert plate.format.data.shape == (48, 64)
    forwards = [plate.read(frame) for frame in plate.range]
    for picture, pixels in zip(pictures, forwards, strict=True):
        assert pixels.dtype == np.float32
        # neighbours differ by 8 codes, so this is the right frame and no other
        assert np.abs(pixels[24, 32] * 255 - picture[0, 0]).max() < 4
    for frame in [30, 1, 9, 8, 17, 16, 30, 29, 2, 3, 25, 3]:
        assert np.array_equal(plate.read(frame), forwards[frame - 1])


@pytest.mark.parametrize("cut", [3, 11])
def test_a_movie_cut_without_encoding_begins_between_key_frames(tmp_path: Path, cut: int) -> None:
    """What an edit list cuts off is no frame, but its key frame is needed: it was refused as
    damaged. Phones and copying cutters write such files.
    """
    whole = write_movie(tmp_path / "whole.mp4", "libx264", "yuv420p", flat_pictures())
    path = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        frame = int(1 / (stream.average_rate * stream.time_base))
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - cut * frame, packet.dts - cut * frame
                packet.stream = copied
                target.mux(packet)
    plate = open_plate(str(path))
    assert plate.range == FrameRange.parse(f"1-{COUNT - cut}")
    for number in (COUNT - cut, 1, 6, 5, 2):
        assert abs(plate.read(number)[24, 32, 0] * 255 - 8 * (number - 1 + cut)) < 4


def test_10_bit_movies_keep_more_than_8_bits(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (48, 1, 3))
    path = write_movie(tmp_path / "a.mov", "prores_ks", "yuv422p10le", [ramp])
    codes = open_plate(str(path)).read(1) * 255
    assert np.abs(codes - np.rint(codes)).max() > 0.1


@pytest.mark.parametrize(
    ("size", "tags", "kr", "kb", "full"),
    [
        ((720, 576), {}, 0.299, 0.114, False),  # untagged SD is BT.601
        ((1280, 720), {}, 0.2126, 0.0722, False),  # untagged HD is BT.709
        ((1280, 720), {"colorspace": 5}, 0.299, 0.114, False),
        ((720, 576), {"colorspace": 1}, 0.2126, 0.0722, False),
        ((1280, 720), {"color_range": 2}, 0.2126, 0.0722, True),
        ((720, 576), {"color_range": 2}, 0.299, 0.114, True),
        ((1280, 720), {"color_range": 1}, 0.2126, 0.0722, False),
        ((720, 576), {"colorspace": 6}, 0.299, 0.114, False),  # SMPTE 170M: the same as 601
        ((1280, 720), {"colorspace": 9}, 0.2627, 0.0593, False),  # BT.2020, not constant luminance
        ((1280, 720), {"colorspace": 9, "color_range": 2}, 0.2627, 0.0593, True),
    ],
)
def test_matrix_and_range(
    tmp_path: Path,
    size: tuple[int, int],
    tags: dict[str, int],
    kr: float,
    kb: float,
    full: bool,
) -> None:
    yuv = (120, 100, 160)
    path = write_yuv(tmp_path / "a.mkv", size, yuv, **tags)
    found = open_plate(str(path)).read(1)[size[1] // 2, size[0] // 2]
    # rounded to 8 bits, and swscale's own fixed-point arithmetic; the matrices are 10 codes apart
    assert np.abs(found - decode_yuv(yuv, kr, kb, full)).max() < 1.6 / 255


@pytest.mark.parametrize(("rotation", "corner"), [(90, (63, 0)), (-90, (0, 47)), (180, (47, 63))])
def test_a_turned_movie_is_shown_upright(
    tmp_path: Path, rotation: int, corner: tuple[int, int]
) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16] = 255  # the upper left corner of what the camera stored
    path = write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", [picture], rotation=rotation)
    plate = open_plate(str(path))
    pixels = plate.read(1)
    assert pixels.shape[:2] == plate.format.data.shape
    assert pixels[corner].min() > 0.9  # counterclockwise, as the display matrix is defined
    assert (pixels[..., 0] > 0.5).mean() == pytest.approx(1 / 12, abs=0.01)


TURNS = [
    pytest.param(turn, id=",".join(map(str, turn)))
    for turn in [
        (1, 0, 0, 1),  # upright
        (-1, 0, 0, 1),  # mirrored
        (1, 0, 0, -1),  # upside down
        (-1, 0, 0, -1),
        (0, 1, -1, 0),
        (0, -1, 1, 0),
        (0, 1, 1, 0),  # mirrored and turned
        (0, -1, -1, 0),
    ]
]


def with_display_matrix(path: Path, turn: tuple[float, float, float, float]) -> Path:
    """x' = a x + c y and y' = b x + d y, in the track header (ISO/IEC 14496-12, 8.3.2)."""
    content = bytearray(path.read_bytes())
    (a, b, c, d), place = turn, content.index(b"tkhd") + 44
    numbers = [*(round(n * 65536) for n in (a, b, 0, c, d, 0, 0, 0)), 1 << 30]
    content[place : place + 36] = struct.pack(">9i", *numbers)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "m4v"])
@pytest.mark.parametrize("turn", TURNS)
def test_a_movie_is_shown_as_its_display_matrix_says(
    tmp_path: Path, suffix: str, turn: tuple[int, int, int, int]
) -> None:
    """Turned, mirrored where the determinant is below 0, or upside down: each pixel is followed."""
    blocks = 20 * np.arange(12, dtype=np.uint8).reshape(3, 4)
    picture = np.repeat(blocks.repeat(16, 0).repeat(16, 1)[..., None], 3, axis=2)
    path = write_movie(tmp_path / f"a.{suffix}", "mpeg4", "yuv420p", [picture])
    plate = open_plate(str(with_display_matrix(path, turn)))
    a, b, c, d = turn
    expected = {(a * x + c * y, b * x + d * y): blocks[y, x] for y in range(3) for x in range(4)}
    left, top = (min(place[axis] for place in expected) for axis in (0, 1))
    shown = plate.read(1)[8::16, 8::16, 0] * 255
    assert plate.format.data.shape == plate.read(1).shape[:2]
    assert shown.size == len(expected)
    for (x, y), grey in expected.items():
        # the code is lossy; blocks are 20 apart, so this is the right one and no other
        assert abs(shown[y - top, x - left] - grey) < 8
    assert len(plate.notes) == (turn != (1, 0, 0, 1))
    assert all("shown as its display matrix says" in note for note in plate.notes)


def test_a_turn_by_no_quarters_is_refused(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", "mpeg4", "yuv420p", flat_pictures(1))
    with_display_matrix(path, (0.866, 0.5, -0.5, 0.866))
    with pytest.raises(InputError, match=r"cannot show .*a\.mp4: .* rotates it by an angle"):
        open_plate(str(path))


def test_pixel_aspect_is_turned_with_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(flat_pictures(1)[0], "rgb24")))
        container.mux(stream.encode(None))
    assert open_plate(str(path)).format.pixel_aspect == 2
    assert open_plate(str(with_display_matrix(path, (0, 1, 1, 0)))).format.pixel_aspect == 0.5


# --- how fast, and from which frame on ------------------------------------------------------------


def write_timed(path: Path, times: list[int], rate: Fraction, timecode: str | None = None) -> Path:
    """Frames shown at these times, in ticks of 1/600 s."""
    with av.open(str(path), "w") as container:
        if timecode is not None:
            container.metadata["timecode"] = timecode
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 600)
        for time, picture in zip(times, flat_pictures(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv"])
@pytest.mark.parametrize(
    "times",
    [
        [0, 25, 50, 100, 125, 150],  # one is left out
        [0, 25, 50, 60, 85, 110],  # one is short
        [0, 20, 50, 70, 100, 120],  # a telephone's
    ],
)
def test_a_variable_frame_rate_is_said(tmp_path: Path, suffix: str, times: list[int]) -> None:
    path = write_timed(tmp_path / f"a.{suffix}", times, Fraction(24), "01:00:00:00")
    plate = open_plate(str(path))
    assert plate.range == FrameRange.parse("1-6")
    (note,) = plate.notes
    assert "variable frame rate: each of its 6 frames is one frame of the plate" in note
    assert plate.attributes(4) == {}, "a rate or a timecode would be wrong"
    for frame in plate.range:  # the code is lossy; neighbours are 8 apart
        assert abs(plate.read(frame)[24, 32, 0] * 255 - 8 * (frame - 1)) < 4


@pytest.mark.parametrize("suffix", ["mov", "mp4", "mkv", "avi"])
@pytest.mark.parametrize("rate", [Fraction(24), Fraction(24000, 1001), Fraction(50), Fraction(120)])
def test_a_steady_rate_is_passed_on(tmp_path: Path, suffix: str, rate: Fraction) -> None:
    """Also in a Matroska, whose times are whole milliseconds."""
    with av.open(str(tmp_path / f"a.{suffix}"), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, picture in enumerate(flat_pictures()):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    plate = open_plate(str(tmp_path / f"a.{suffix}"))
    assert plate.notes == ()
    said = plate.attributes(1)["FramesPerSecond"]
    assert isinstance(said, Typed)
    assert Fraction(*said.value) == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("timecode", ["00:00:41:17", "01:00:00:00"])
def test_the_first_frame_is_what_you_say(tmp_path: Path, timecode: str) -> None:
    path = write_timed(tmp_path / "a.mov", [0, 25, 50, 75], Fraction(24), timecode)
    plain, plate = open_plate(str(path)), open_plate(str(path), first_frame=1001)
    assert plate.range == FrameRange.parse("1001-1004")
    assert np.array_equal(plate.read(1003), plain.read(3))
    assert plate.digest(1003) == plain.digest(3), "a number is no content"
    assert plate.attributes(1003) == plain.attributes(3)
    with pytest.raises(InputError, match=r"a\.mov has no frame 1 \(it has 1001-1004\)"):
        plate.read(1)
    counted = {"00:00:41:17": 1001, "01:00:00:00": 86400}[timecode]
    assert open_plate(str(path), first_frame="timecode").range.first == counted


def test_a_first_frame_that_cannot_be_is_refused(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mov", [0, 25, 50], Fraction(24))
    with pytest.raises(InputError, match=r"a\.mov has no timecode .* such as 1001"):
        open_plate(str(path), first_frame="timecode")
    write_image(tmp_path / "b.1001.png", np.zeros((4, 6, 3)), "uint8")
    with pytest.raises(UsageError, match="leave the first frame out"):
        open_plate(str(tmp_path / "b.1001.png"), first_frame=1)


@pytest.mark.parametrize(
    ("rate", "timecode", "frame", "packed"),
    [
        (Fraction(50), "01:00:00:48", 1, 0x01000024),
        (Fraction(50), "01:00:00:48", 2, 0x01000024 | 1 << 15),  # the later one of its pair
        (Fraction(50), "01:00:00:48", 3, 0x01000100),
        (Fraction(60000, 1001), "00:00:59;58", 3, 0x00010002 | 0x40),
        (Fraction(60), "01:00:00:00", 4, 0x01000001 | 1 << 15),
    ],
)
def test_above_30_frames_a_second_pairs_share_a_timecode(
    tmp_path: Path, rate: Fraction, timecode: str, frame: int, packed: int
) -> None:
    """SMPTE ST 12-1, 12.1: frame pairs, and the field mark flag."""
    plate = open_plate(str(write_steady(tmp_path / "a.mov", rate, timecode)))
    assert plate.attributes(frame)["smpte:TimeCode"] == Typed(TypeDesc("timecode"), (packed, 0))
    assert plate.notes == ()


def test_a_rate_without_timecodes_is_said(tmp_path: Path) -> None:
    plate = open_plate(str(write_steady(tmp_path / "a.mov", Fraction(120), "01:00:00:00")))
    assert set(plate.attributes(1)) == {"FramesPerSecond"}
    (note,) = plate.notes
    assert re.search(r"01:00:00:0+ at 120 frames/s, is not valid in SMPTE ST 12-1: ", note)


def write_steady(path: Path, rate: Fraction, timecode: str) -> Path:
    with av.open(str(path), "w") as container:
        container.metadata["timecode"] = timecode
        stream = container.add_stream("png", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        for index, picture in enumerate(flat_pictures(6)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("timecode", ["01:00:00:00", "10:59:58;12", None])
@pytest.mark.parametrize(("suffix", "codec"), [("mov", "png"), ("mkv", "ffv1")])
def test_the_timecode_of_the_file_is_known(
    tmp_path: Path, suffix: str, codec: str, timecode: str | None
) -> None:
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        if timecode is not None:
            container.metadata["timecode"] = timecode
        stream = container.add_stream(codec, rate=Fraction(30000, 1001))
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "rgb24" if codec == "png" else "yuv444p"
        frame = av.VideoFrame.from_ndarray(flat_pictures(1)[0], "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    plate = open_plate(str(path))
    assert isinstance(plate, MoviePlate)
    assert plate.timecode == timecode
    passed_on = plate.attributes(1)
    assert passed_on["FramesPerSecond"] == frame_rate(Fraction(30000, 1001))
    if timecode is None:
        assert "smpte:TimeCode" not in passed_on
    else:
        packed = {"01:00:00:00": 0x01000000, "10:59:58;12": 0x10595812 | 0x40}[timecode]
        assert passed_on["smpte:TimeCode"] == Typed(TypeDesc("timecode"), (packed, 0))


def test_digests_tell_frames_contents_and_spaces_apart(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", flat_pictures(4))
    other = write_movie(tmp_path / "b.mp4", "libx264", "yuv420p", flat_pictures(5))
    plate = open_plate(str(path))
    digests = [plate.digest(frame) for frame in plate.range]
    digests += [open_plate(str(path), "lin_rec709").digest(1), open_plate(str(other)).digest(1)]
    assert len(set(digests)) == 6
    assert open_plate(str(path)).digest(3) == digests[2]
    with PlateMemo(tmp_path / "cache") as memo:
        assert open_plate(str(path), memo=memo).digest(3) == digests[2]


@pytest.mark.parametrize("is_told", [False, True])
def test_a_movie_that_was_replaced_is_no_more_read(tmp_path: Path, is_told: bool) -> None:
    """Before its digest is told, or after."""
    path = write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", flat_pictures(4))
    other = write_movie(tmp_path / "b.mp4", "libx264", "yuv420p", flat_pictures(5))
    plate = open_plate(str(path))
    if is_told:
        digest = plate.digest(1)
        os.utime(path, (9, 9))
        assert plate.digest(1) == digest, "another time alone is no other movie"
        plate.read(1)
    other.replace(path)
    for ask in (plate.digest, *([plate.read] if is_told else [])):
        with pytest.raises(InputError, match=r"a\.mp4 was replaced after the shot was opened"):
            ask(1)
    assert plate.contents.have_changed
    assert len(open_plate(str(path)).range) == 5


def test_frames_outside_are_named(tmp_path: Path) -> None:
    plate = open_plate(str(write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", flat_pictures(4))))
    for ask in (plate.read, plate.digest):
        for frame in (0, 5):
            with pytest.raises(InputError, match=rf"a\.mp4 has no frame {frame} \(it has 1-4\)"):
                ask(frame)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_what_is_no_movie_is_an_input_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(InputError, match="does not exist"):
        open_plate(str(path))
    path.write_bytes(b"not a movie" * 100)
    with pytest.raises(InputError, match=rf"cannot read a video stream from .*a\.{suffix}"):
        open_plate(str(path))


@pytest.mark.parametrize(
    ("suffix", "codec", "says"),
    [
        ("mp4", "libx264", "it has none"),
        ("mov", "prores_ks", "it has none"),
        ("avi", "mpeg4", "has no key frame to start decoding from"),
        ("mkv", "ffv1", "End of file"),
    ],
)
def test_a_movie_without_frames_is_an_input_error(
    tmp_path: Path, suffix: str, codec: str, says: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match=rf"a\.{suffix}.*{says}"):
        open_plate(str(path))


def test_a_movie_of_sound_alone_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"cannot read a video stream from .*a\.mp4: it has none"):
        open_plate(str(path))


def test_an_mp4_cut_short_is_an_input_error(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mp4", "libx264", "yuv420p", flat_pictures())
    cut_short(path)
    with pytest.raises(InputError, match=r"a\.mp4"):
        open_plate(str(path))


def test_damage_inside_a_movie_names_the_frame(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    path = write_movie(tmp_path / "a.mov", "png", "rgb24", list(noise))
    whole = open_plate(str(path))
    whole.read(4)
    content = bytearray(path.read_bytes())
    second = content.find(b"\x89PNG", content.find(b"\x89PNG") + 4)
    content[second + 200 : second + 800] = bytes(600)
    path.write_bytes(content)
    plate = open_plate(str(path))
    with pytest.raises(InputError, match=r"a\.mov is damaged at frame 2"):
        plate.read(2)
    assert np.array_equal(plate.read(3), whole.read(3))


def test_without_pyav_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # what an import of a missing package does
    with pytest.raises(InputError, match=r"pip install 'rde-roto\[movie\]'"):
        open_plate(str(tmp_path / "a.mov"))


def test_blender_knows_the_same_movies() -> None:
    """Its extension has a list of its own, since it imports nothing of the engine."""
    source = Path(__file__).parents[2] / "plugin/blender/plates.py"
    lines = source.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("_MOVIES = ")]
    assert ast.literal_eval(line.removeprefix("_MOVIES = ")) == MOVIE_SUFFIXES
