"""`rde-roto validate` over time: what is suddenly gone, sudden areas, frames that repeat; and none
of that in right deliveries, whatever their elements do.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from image_files import write_image, write_parts

from rde_roto.images.mattes import LABELS, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.validation import Finding, MatteSequence
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Output

HEIGHT, WIDTH, COUNT, FIRST = 48, 72, 16, 1001
FRAMES = FrameRange.of(range(FIRST, FIRST + COUNT))
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
NONE = np.zeros((HEIGHT, WIDTH), np.float32)
Planes = Sequence[FloatArray]


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Grain that changes from frame to frame."""
    folder, noise = tmp_path_factory.mktemp("plate"), np.random.default_rng(0)
    for frame in FRAMES:
        write_image(folder / f"hero.{frame}.exr", noise.random((HEIGHT, WIDTH, 3)))
    return str(folder / "hero.####.exr")


def disc(x: float, y: float = 24, radius: float = 9) -> FloatArray:
    """With an edge that is two pixels soft."""
    distance = np.hypot(COLUMNS - x, ROWS - y)
    return np.asarray(np.clip((radius - distance) / 2 + 0.5, 0, 1), np.float32)


def hard(plane: FloatArray) -> FloatArray:
    return np.asarray(plane > 0.5, np.float32)


def across(n: int) -> FloatArray:
    return disc(14 + 3 * n)


def behind_a_pillar(n: int) -> FloatArray:
    """Gone altogether for some frames."""
    return np.asarray(np.where(np.abs(COLUMNS - 36) < 13, 0, disc(12 + 3.2 * n)), np.float32)


def through_the_picture(n: int) -> FloatArray:
    """Comes in and leaves within a frame, twice."""
    return disc((-40 + 45 * n) % 340)


def comes_in_and_leaves(n: int) -> FloatArray:
    return disc(-12 + 7 * n)


def shrinks_to_nothing(n: int) -> FloatArray:
    return disc(36, radius=10 - 0.9 * n)


def nearer(n: int) -> FloatArray:
    return disc(36, radius=3 * 1.13**n)


def slow_and_hard(n: int) -> FloatArray:
    """Two thirds of a pixel a frame: a hard edge stands still every third."""
    return hard(disc(20 + 0.67 * n))


def held(n: int) -> FloatArray:
    return disc(36)


def stops(n: int) -> FloatArray:
    return disc(16 + 10 * (1 - 0.6**n))


MOTIONS = [
    across,
    behind_a_pillar,
    through_the_picture,
    comes_in_and_leaves,
    shrinks_to_nothing,
    nearer,
    slow_and_hard,
    held,
    stops,
]
FORMATS = [
    ("exr", Output(), ("hero",)),
    ("exr", Output(layer_prefix="matte_", compression="dwaa"), ("hero", "car")),
    ("exr", Output(data_window="fit"), ("hero",)),
    ("exr", Output(data_window="fit"), ("hero", "car")),
    ("exr", Output(format="cryptomatte"), ("hero", "car")),
    ("exr", Output(format="cryptomatte"), ("hero",)),
    ("exr", Output(format="rgba"), ("hero",)),
    ("png", Output(), ("hero",)),
    ("tif", Output(), ("hero",)),
    ("png", LABELS, ("hero",)),
]
DELIVERIES = [(FORMATS[n % len(FORMATS)], MOTIONS[n % len(MOTIONS)]) for n in range(20)]


def deliver(
    folder: Path,
    plate: str,
    planes: Planes,
    suffix: str = "exr",
    output: Output | None = None,
    elements: tuple[str, ...] = ("hero",),
    keyframes: str = "1001",
) -> Path:
    """The mattes of all frames; a second element stands still below."""
    origin = Origin.of(open_plate(plate))
    pattern = folder / f"mattes/m.####.{suffix}"
    said = {"rde-roto:keyframes": keyframes}
    writer = open_matte_writer(str(pattern), origin, elements, output or Output(), said)
    for frame, plane in zip(FRAMES, planes, strict=True):
        others = [disc(36, 44, 3) * (1 - plane)] * (len(elements) - 1)
        writer.write(Matte(frame, np.stack([plane, *others]), elements, f"d{frame}"))
    return pattern.parent


def found(mattes: Path, plate: str, frames: FrameRange = FRAMES) -> tuple[Finding, ...]:
    return MatteSequence.find(str(mattes)).findings(open_plate(plate), frames)


@pytest.mark.parametrize(
    ("kind", "motion"),
    DELIVERIES,
    ids=[f"{n}-{motion.__name__}" for n, (_, motion) in enumerate(DELIVERIES)],
)
def test_nothing_is_wrong_with_a_right_delivery(
    tmp_path: Path,
    plate: str,
    kind: tuple[str, Output, tuple[str, ...]],
    motion: Callable[[int], FloatArray],
) -> None:
    planes = [motion(n) for n in range(COUNT)]
    assert found(deliver(tmp_path, plate, planes, *kind), plate) == ()


def spoilt(change: dict[int, FloatArray]) -> list[FloatArray]:
    return [change.get(n, across(n)) for n in range(COUNT)]


SPOILT = [
    pytest.param({5: NONE}, "empty", "1006", id="one is empty"),
    pytest.param(dict.fromkeys((5, 6, 7), NONE), "empty", "1006-1008", id="some are empty"),
    pytest.param({1: NONE}, "empty", "1002", id="the second is empty"),
    pytest.param({0: NONE}, "empty", "1001", id="the first is empty"),
    pytest.param({15: NONE}, "empty", "1016", id="the last is empty"),
    pytest.param(dict.fromkeys(range(5), NONE), "empty", "1001-1005", id="gone at first"),
    pytest.param(dict.fromkeys(range(9, 16), NONE), "empty", "1010-1016", id="gone to the end"),
    pytest.param(dict.fromkeys(range(3, 12), NONE), "empty", "1004-1012", id="gone for long"),
    pytest.param({8: disc(38, radius=4)}, "area", "1009", id="one is small"),
    pytest.param({8: disc(38, radius=20)}, "area", "1009", id="one is large"),
    pytest.param(
        {n: disc(14 + 3 * n, radius=4) for n in range(8, COUNT)}, "area", "1009", id="small from on"
    ),
    pytest.param({6: across(5)}, "repeats", "1007", id="one repeats"),
    pytest.param({n: across(9) for n in range(10, 16)}, "repeats", "1011-1016", id="it is stuck"),
]


@pytest.mark.parametrize("kind", [FORMATS[0], FORMATS[4], FORMATS[9]])
@pytest.mark.parametrize(("change", "rule", "frames"), SPOILT)
def test_what_is_sudden_is_found_at_its_frame(
    tmp_path: Path,
    plate: str,
    change: dict[int, FloatArray],
    rule: str,
    frames: str,
    kind: tuple[str, Output, tuple[str, ...]],
) -> None:
    (finding,) = found(deliver(tmp_path, plate, spoilt(change), *kind), plate)
    assert (finding.rule, str(finding.frames)) == (rule, frames)


def test_an_element_that_fills_the_picture_cannot_be_gone_for_a_frame(
    tmp_path: Path, plate: str
) -> None:
    """It touches the border all the time; but it comes back to where it was."""
    planes = [disc(20 + n, 30, 25) if n != 7 else NONE for n in range(COUNT)]
    (finding,) = found(deliver(tmp_path, plate, planes), plate)
    assert (finding.rule, str(finding.frames)) == ("empty", "1008")


def test_an_element_may_begin_at_a_later_keyframe(tmp_path: Path, plate: str) -> None:
    planes = spoilt(dict.fromkeys(range(6), NONE))
    assert found(deliver(tmp_path / "a", plate, planes, keyframes="1001,1007"), plate) == ()
    (finding,) = found(deliver(tmp_path / "b", plate, planes, keyframes="1007"), plate)
    assert (finding.rule, str(finding.frames)) == ("empty", "1001-1006")


def test_what_stands_in_for_a_missing_frame_may_be_empty(tmp_path: Path, plate: str) -> None:
    """As the mattes of ``--missing black`` are."""
    mattes = deliver(tmp_path, plate, spoilt({7: NONE}))
    folder = tmp_path / "plate"
    shutil.copytree(Path(plate).parent, folder)
    (folder / "hero.1008.exr").unlink()
    assert found(mattes, str(folder)) == ()


def test_each_part_of_a_file_is_looked_at(tmp_path: Path, plate: str) -> None:
    """An element a part, all of whose channels have one name."""
    for frame in FRAMES:
        gone = NONE if frame == 1006 else across(frame - FIRST)
        parts = (("hero", gone), ("car", disc(36, 40, 4)))
        planes = [(name, None, ("A",), plane[..., None]) for name, plane in parts]
        write_parts(tmp_path / f"m.{frame}.exr", *planes)
    (finding,) = found(tmp_path, plate)
    assert (finding.rule, str(finding.frames)) == ("empty", "1006")
    assert finding.sentence.startswith("hero A is empty")


@pytest.mark.parametrize("kind", [FORMATS[0], FORMATS[9]])
def test_a_sequence_that_is_empty_throughout(
    tmp_path: Path, plate: str, kind: tuple[str, Output, tuple[str, ...]]
) -> None:
    (finding,) = found(deliver(tmp_path, plate, [NONE] * COUNT, *kind), plate)
    assert (finding.rule, finding.frames) == ("empty", FRAMES)


def test_a_plate_that_repeats_may_have_mattes_that_do(tmp_path: Path, plate: str) -> None:
    """As of footage that was brought to another frame rate."""
    folder = tmp_path / "plate"
    folder.mkdir()
    for frame in FRAMES:
        source = Path(plate.replace("####", str(frame - (frame == 1007))))
        (folder / f"hero.{frame}.exr").write_bytes(source.read_bytes())
    repeating = str(folder / "hero.####.exr")
    assert found(deliver(tmp_path, repeating, spoilt({6: across(5)})), repeating) == ()


def test_nothing_is_sudden_across_a_hole(tmp_path: Path, plate: str) -> None:
    mattes = deliver(tmp_path, plate, spoilt({n: disc(60, radius=3) for n in range(9, COUNT)}))
    for frame in (1008, 1009, 1010):
        (mattes / f"m.{frame}.exr").unlink()
    assert [finding.rule for finding in found(mattes, plate)] == ["holes"]
    every_other = FrameRange.of(range(FIRST, FIRST + COUNT, 2))
    for frame in FRAMES.difference(every_other):
        (mattes / f"m.{frame}.exr").unlink(missing_ok=True)
    assert [f.rule for f in found(mattes, plate, every_other)] == ["holes"]


def test_a_layer_that_comes_and_goes_is_found_where_it_differs(tmp_path: Path, plate: str) -> None:
    """Also where the odd one is the first."""
    mattes = deliver(tmp_path, plate, spoilt({}), elements=("hero", "car"))
    for frame in (1001, 1009):
        pixels = across(frame - FIRST)[..., None]
        write_image(mattes / f"m.{frame}.exr", pixels, channels=("hero.A",))
    names = [f for f in found(mattes, plate) if f.rule == "names"]
    assert [str(finding.frames) for finding in names] == ["1001,1009"]
    assert "of most frames, car.A, hero.A, got hero.A" in names[0].sentence


def write_whole_numbers(path: Path, value: int) -> None:
    """An EXR of one channel A of unsigned 32 bits, not packed (OpenEXR file layout)."""

    def attribute(name: str, kind: str, content: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(content)) + content

    box = struct.pack("<4i", 0, 0, WIDTH - 1, HEIGHT - 1)
    head = struct.pack("<2i", 20000630, 2)
    head += attribute(
        "channels", "chlist", b"A\0" + struct.pack("<i4B2i", 0, 0, 0, 0, 0, 1, 1) + b"\0"
    )
    head += attribute("compression", "compression", b"\0")
    head += attribute("dataWindow", "box2i", box) + attribute("displayWindow", "box2i", box)
    head += attribute("lineOrder", "lineOrder", b"\0")
    head += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    row = struct.pack("<I", value) * WIDTH
    first = len(head) + 8 * HEIGHT
    offsets = b"".join(struct.pack("<Q", first + y * (8 + len(row))) for y in range(HEIGHT))
    rows = b"".join(struct.pack("<2i", y, len(row)) + row for y in range(HEIGHT))
    path.write_bytes(head + offsets + rows)


def test_whole_numbers_of_32_bits(tmp_path: Path, plate: str) -> None:
    for frame in FRAMES:
        write_whole_numbers(tmp_path / f"m.{frame}.exr", 0xFFFFFFFF)
    (finding,) = found(tmp_path, plate)
    assert (finding.rule, finding.frames) == ("depth", FRAMES)
    assert "expected half floats, got uint" in finding.sentence
