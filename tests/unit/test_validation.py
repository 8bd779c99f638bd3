"""`rde-roto validate` finds what a compositor would refuse, and nothing in what we deliver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import cut_short, ramp, write_image
from OpenImageIO import TypeDesc

from rde_roto.doors import cli
from rde_roto.images.cryptomatte import Cryptomatte
from rde_roto.images.mattes import LABELS, open_matte_writer
from rde_roto.images.origin import Origin, Typed
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.validation import Finding, MatteSequence
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.preset import Output

HEIGHT, WIDTH = 12, 20
FRAMES = FrameRange.parse("1001-1004")
NAMES = ("hero", "car")
HALF_COVERED = np.full((HEIGHT, WIDTH, 1), 0.5, np.float32)
WINDOWS: dict[str, Any] = {"origin": (-2, 3), "display": (0, 0, 24, 16), "PixelAspectRatio": 2.0}
TIMECODE, RATE = 0x01020304, (24000, 1001)


def time(timecode: int | None = TIMECODE, rate: tuple[int, int] | None = RATE) -> dict[str, Any]:
    """The attributes of a timecode and a frame rate, where there are any."""
    said: dict[str, Any] = {}
    if timecode is not None:
        said["smpte__TimeCode"] = Typed(TypeDesc("timecode"), (timecode, 0))
    if rate is not None:
        said["FramesPerSecond"] = Typed(TypeDesc("rational"), rate)
    return said


@pytest.fixture
def plate(tmp_path: Path) -> str:
    """Four EXRs with windows, aspect, timecode and rate; the pattern that names them."""
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        path = tmp_path / f"plate/hero.{frame}.exr"
        write_image(path, ramp(HEIGHT, WIDTH), **WINDOWS, **time())
    return str(tmp_path / "plate/hero.####.exr")


def soft(count: int) -> FloatArray:
    alpha = np.random.default_rng(1).random((count, HEIGHT, WIDTH), np.float32) / count
    alpha[:, :3] = 0
    return alpha.astype(np.float32)


def deliver(
    tmp_path: Path,
    plate: str,
    output: Output | None = None,
    elements: tuple[str, ...] = NAMES,
    suffix: str = "exr",
    **said: str,
) -> Path:
    """Our own mattes of all frames; their folder."""
    origin = Origin.of(open_plate(plate))
    pattern = tmp_path / f"mattes/hero.####.{suffix}"
    provenance = {f"rde-roto:{key.replace('_', '-')}": text for key, text in said.items()}
    writer = open_matte_writer(str(pattern), origin, elements, output or Output(), provenance)
    for frame in FRAMES:
        writer.write(Matte(frame, soft(len(elements)), elements, f"d{frame}"))
    return pattern.parent


def foreign(tmp_path: Path, pixels: FloatArray = HALF_COVERED, **changed: Any) -> Path:
    """Mattes of somebody else's, right but for what is changed; their folder."""
    (tmp_path / "mattes").mkdir(exist_ok=True)
    says = {"channels": ("A",), **WINDOWS, **changed.pop("said", time()), **changed}
    for frame in FRAMES:
        write_image(tmp_path / f"mattes/hero.{frame}.exr", pixels, **says)
    return tmp_path / "mattes"


def found(mattes: Path, plate: str, frames: FrameRange = FRAMES) -> tuple[Finding, ...]:
    return MatteSequence.find(str(mattes)).findings(open_plate(plate), frames)


def the_one(mattes: Path, plate: str) -> Finding:
    (finding,) = found(mattes, plate)
    return finding


@pytest.mark.parametrize(
    "output",
    [
        Output(),
        Output(layer_prefix="matte_", compression="dwaa"),
        Output(data_window="fit"),
        Output(format="cryptomatte"),
        Output(format="rgba"),
    ],
    ids=lambda output: output.model_dump_json(exclude_defaults=True),
)
def test_nothing_is_wrong_with_what_we_deliver(tmp_path: Path, plate: str, output: Output) -> None:
    assert found(deliver(tmp_path, plate, output), plate) == ()
    assert found(deliver(tmp_path, plate, output, ("hero",)), plate) == ()


@pytest.mark.parametrize(
    ("suffix", "output"), [("png", Output()), ("tif", Output()), ("png", LABELS)]
)
def test_nothing_is_wrong_with_pictures(
    tmp_path: Path, plate: str, suffix: str, output: Output
) -> None:
    assert found(deliver(tmp_path, plate, output, ("hero",), suffix), plate) == ()


def test_somebody_elses_mattes_may_be_right_too(tmp_path: Path, plate: str) -> None:
    assert found(foreign(tmp_path), plate) == ()


def test_a_hole(tmp_path: Path, plate: str) -> None:
    mattes = deliver(tmp_path, plate)
    for frame in (1002, 1004):
        (mattes / f"hero.{frame}.exr").unlink()
    assert the_one(mattes, plate) == Finding(
        "holes", FrameRange.parse("1002,1004"), "no matte: render it"
    )
    assert found(mattes, plate, FrameRange.parse("1001-1003x2")) == ()


def test_mattes_counted_from_1(tmp_path: Path, plate: str) -> None:
    mattes = deliver(tmp_path, plate)
    for frame in FRAMES:
        (mattes / f"hero.{frame}.exr").rename(mattes / f"hero.{frame - 1000:04}.exr")
    holes, strays = found(mattes, plate)
    assert (holes.rule, holes.frames) == ("holes", FRAMES)
    assert (strays.rule, strays.frames) == ("numbers", FrameRange.parse("1-4"))
    assert "each number is 1000 too low" in strays.sentence


def test_a_frame_too_many(tmp_path: Path, plate: str) -> None:
    mattes = deliver(tmp_path, plate)
    write_image(mattes / "hero.1009.exr", HALF_COVERED, channels=("A",), **WINDOWS, **time())
    finding = the_one(mattes, plate)
    assert (finding.rule, finding.frames) == ("numbers", FrameRange.parse("1009"))
    assert "1001-1004" in finding.sentence


def test_a_matte_of_a_frame_that_the_plate_lacks_may_be_due(tmp_path: Path, plate: str) -> None:
    """As `--missing hold` makes it."""
    mattes = deliver(tmp_path, plate)
    Path(plate.replace("####", "1002")).unlink()
    assert [finding.rule for finding in found(mattes, plate, FrameRange.of([1001]))] == ["numbers"]
    assert found(mattes, plate, FRAMES) == ()


@pytest.mark.parametrize("part", [0.5, 0.0])
def test_damage(tmp_path: Path, plate: str, part: float) -> None:
    mattes = deliver(tmp_path, plate)
    cut_short(mattes / "hero.1003.exr", part)
    finding = the_one(mattes, plate)
    assert (finding.rule, finding.frames) == ("damage", FrameRange.of([1003]))
    assert "hero.1003.exr" in finding.sentence


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"display": (0, 0, 20, 12), "origin": (0, 0)}, "expected the plate's display window"),
        ({"origin": (-3, 3)}, "expected a data window inside the plate's, 20x12 at (-2, 3)"),
        ({"PixelAspectRatio": 1.0}, "expected the plate's pixel aspect, 2, got 1"),
    ],
)
def test_windows(tmp_path: Path, plate: str, changed: dict[str, Any], says: str) -> None:
    rules = {finding.rule for finding in found(foreign(tmp_path, **changed), plate)}
    sentences = [finding.sentence for finding in found(tmp_path / "mattes", plate)]
    assert rules == {"windows"}
    assert any(says in sentence for sentence in sentences)


def test_the_size_of_a_picture(tmp_path: Path, plate: str) -> None:
    for frame in FRAMES:
        write_image(tmp_path / f"hero.{frame}.png", HALF_COVERED[:-1], "uint16")
    (finding,) = found(tmp_path, plate)
    assert finding.rule == "windows"
    assert "expected 20x12, the plate's data window, got 20x11" in finding.sentence


def test_8_bits(tmp_path: Path, plate: str) -> None:
    for frame in FRAMES:
        write_image(tmp_path / f"hero.{frame}.png", HALF_COVERED, "uint8")
    (finding,) = found(tmp_path, plate)
    assert finding.rule == "depth"
    assert "8 bits" in finding.sentence


def cryptomatte(tmp_path: Path, pixel_type: str = "float", **changed: Any) -> Path:
    """Cryptomattes of somebody else's; their folder."""
    layer = Cryptomatte(NAMES)
    planes = layer.planes(soft(2))
    said = {**layer.attributes, **changed.pop("said", {})}
    says = {**WINDOWS, **time(), **{k: v for k, v in said.items() if v is not None}, **changed}
    (tmp_path / "mattes").mkdir()
    for frame in FRAMES:
        path = tmp_path / f"mattes/hero.{frame}.exr"
        pixels = np.stack(list(planes.values()), axis=2)
        write_image(path, pixels, pixel_type, tuple(planes), **says)
    return tmp_path / "mattes"


def test_a_cryptomatte_of_halves(tmp_path: Path, plate: str) -> None:
    rules = [finding.rule for finding in found(cryptomatte(tmp_path, "half"), plate)]
    assert rules == ["depth", "values", "values"]


def test_a_cryptomatte_packed_with_loss(tmp_path: Path, plate: str) -> None:
    findings = found(cryptomatte(tmp_path, compression="dwaa"), plate)
    assert findings[0].rule == "depth"
    assert "dwaa" in findings[0].sentence


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("manifest", None, "has no readable manifest"),
        ("manifest", "{", "has no readable manifest"),
        ("hash", "md5", "has the hash md5"),
        ("conversion", "none", "has the conversion none"),
    ],
)
def test_what_a_cryptomatte_must_say(
    tmp_path: Path, plate: str, key: str, text: str | None, says: str
) -> None:
    (name,) = (n for n in Cryptomatte(NAMES).attributes if n.endswith(key))
    finding = the_one(cryptomatte(tmp_path, said={name: text}), plate)
    assert finding.rule == "names"
    assert says in finding.sentence


def test_ids_that_nobody_knows(tmp_path: Path, plate: str) -> None:
    manifest = dict.fromkeys(NAMES, f"{7:08x}")
    (key,) = (n for n in Cryptomatte(NAMES).attributes if n.endswith("manifest"))
    rules = {f.rule for f in found(cryptomatte(tmp_path, said={key: json.dumps(manifest)}), plate)}
    assert rules == {"values"}


@pytest.mark.parametrize(
    ("channels", "says"),
    [
        (("Y",), "expected A, or an element's layer such as hero.A, got Y"),
        (("hero", "A"), "the channel hero has no layer: call it hero.A"),
        (("1001.A",), "the layer of 1001.A is only a number"),
        (("le héros.A",), "le héros.A is not a safe name"),
    ],
)
def test_names(tmp_path: Path, plate: str, channels: tuple[str, ...], says: str) -> None:
    pixels = HALF_COVERED.repeat(len(channels), axis=2)
    finding = the_one(foreign(tmp_path, pixels, channels=channels), plate)
    assert finding.rule == "names"
    assert says in finding.sentence


def test_names_that_change(tmp_path: Path, plate: str) -> None:
    mattes = foreign(tmp_path, channels=("hero.A",))
    write_image(mattes / "hero.1003.exr", HALF_COVERED, channels=("car.A",), **WINDOWS, **time())
    finding = the_one(mattes, plate)
    assert (finding.rule, finding.frames) == ("names", FrameRange.of([1003]))
    assert "hero.A, got car.A" in finding.sentence


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "not finite"), (-0.25, "below 0"), (1.25, "above 1")]
)
def test_values(tmp_path: Path, plate: str, value: float, says: str) -> None:
    pixels = HALF_COVERED.copy()
    pixels[4, 4] = value
    finding = the_one(foreign(tmp_path, pixels), plate)
    assert (finding.rule, finding.frames) == ("values", FRAMES)
    assert says in finding.sentence


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"timecode": None}, "timecode is missing"),
        ({"timecode": 5}, "timecode is not the plate's"),
        ({"rate": None}, "frame rate, 23.976, is missing"),
        ({"rate": (25, 1)}, "23.976, got 25"),
    ],
)
def test_time(tmp_path: Path, plate: str, changed: dict[str, Any], says: str) -> None:
    finding = the_one(foreign(tmp_path, said=time(**changed)), plate)
    assert (finding.rule, finding.frames) == ("time", FRAMES)
    assert says in finding.sentence


def test_frames_of_two_makings(tmp_path: Path, plate: str) -> None:
    mattes = deliver(tmp_path, plate, weights_sha256="a", version="1", keyframes="1001")
    old = (mattes / "hero.1002.exr").read_bytes()
    deliver(tmp_path, plate, weights_sha256="b", version="2", keyframes="1001,1004")
    (mattes / "hero.1002.exr").write_bytes(old)
    finding = the_one(mattes, plate)
    assert (finding.rule, finding.frames) == ("sameness", FrameRange.of([1002]))
    assert "another weights-sha256" in finding.sentence


def test_the_command_says_so_and_ends_with_7(
    tmp_path: Path, plate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mattes = deliver(tmp_path, plate)
    run([str(mattes), "--plate", plate])
    assert capsys.readouterr().out.splitlines() == [
        "hero.####.exr: 4 frames, 1001-1004",
        "no problems found",
    ]
    (mattes / "hero.1002.exr").unlink()
    with pytest.raises(PartialError, match="1 finding, at 1002") as error:
        run([str(mattes / "hero.####.exr"), "--plate", plate, "--json"])
    assert error.value.exit_code == 7
    assert json.loads(capsys.readouterr().out) == {
        "mattes": "hero.####.exr",
        "rule": "holes",
        "frames": "1002",
        "says": "no matte: render it",
    }


def test_several_sequences_are_checked_in_one_go(
    tmp_path: Path, plate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One PNG an element: `hero.hero.####.png` and `hero.car.####.png`."""
    mattes = deliver(tmp_path, plate, suffix="png")
    run([str(mattes / f"hero.{name}.####.png") for name in NAMES] + ["--plate", plate])
    assert capsys.readouterr().out.count("4 frames") == 2


def test_a_view_is_that_of_the_mattes_too(
    tmp_path: Path, plate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(tmp_path, plate).rename(tmp_path / "right")
    Path(plate).parent.rename(tmp_path / "plate_right")
    patterns = [str(tmp_path / name) for name in ("%V/hero.####.exr", "plate_%V/hero.####.exr")]
    run([patterns[0], "--plate", patterns[1], "--view", "right"])
    assert "no problems found" in capsys.readouterr().out
    with pytest.raises(UsageError, match="contains %V, a view's name: choose one"):
        run([patterns[0], "--plate", str(tmp_path / "plate_right")])


def run(arguments: list[str]) -> None:
    words = ["validate", *arguments]
    cli.command_line(words).main(words, standalone_mode=False)
