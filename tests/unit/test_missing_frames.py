"""Missing plate frames: "policy error, hold, skip or black, reported; later frames never shift"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Run, mattes, refused
from image_files import ramp, read_image, write_image

from rde_roto.documents.shot_document import parse_shot_document
from rde_roto.images.origin import Footage
from rde_roto.images.plates.missing_frames import FilledPlate, on_disk
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray

pytest_plugins = ("command_line_fixtures",)


@pytest.fixture
def source(tmp_path: Path) -> Footage:
    """Frames 3, 4 and 7."""
    for frame in (3, 4, 7):
        write_image(tmp_path / f"a.{frame}.exr", ramp(seed=frame))
    return open_plate(str(tmp_path))


def test_a_held_frame_is_the_nearest_earlier_one(source: Footage) -> None:
    plate = FilledPlate(source, FrameRange.parse("1-9"), "hold")
    held = {1: 3, 2: 3, 3: 3, 4: 4, 5: 4, 6: 4, 7: 7, 8: 7, 9: 7}
    for frame, shown in held.items():
        np.testing.assert_array_equal(plate.read(frame), source.read(shown))
        assert plate.digest(frame) == source.digest(shown)
    assert (plate.name, plate.format, str(plate.range)) == (source.name, source.format, "1-9")
    assert on_disk(plate) is source
    assert on_disk(source) is source


def test_a_black_frame_has_a_digest_of_its_own(source: Footage) -> None:
    plate = FilledPlate(source, FrameRange.parse("1-9"), "black")
    for frame in (1, 5, 9):
        assert plate.read(frame).dtype == np.float32
        assert plate.read(frame).shape == (36, 64, 3)
        assert not plate.read(frame).any()
    np.testing.assert_array_equal(plate.read(4), source.read(4))
    assert plate.digest(1) == plate.digest(5)
    assert len({plate.digest(frame) for frame in (1, 3, 4, 7)}) == 4


def test_a_frame_that_nobody_asked_for_is_not_made_up(source: Footage) -> None:
    for fill in ("hold", "black"):
        plate = FilledPlate(source, FrameRange.parse("1-9"), fill)
        for ask in (plate.read, plate.digest):
            with pytest.raises(InputError, match="has no frame 10"):
                ask(10)


# On the command line: the plate has 1001-1006, of which 1004 is taken away.


@pytest.fixture
def holed(plate: Path) -> Path:
    (plate.parent / "hero.1004.exr").unlink()
    return plate


@pytest.fixture
def propagate(run: Run, holed: Path, mask: Path, weights: Path, tmp_path: Path) -> Run:
    """``rde-roto propagate`` from 1001 into ``mattes``."""

    def propagate(*more: object) -> int:
        options = ["--keyframe", f"1001:hero={mask}", "--out", tmp_path / "mattes/hero.####.exr"]
        options += ["--model", weights, "--set", "tracking.lines=96"]
        return run("propagate", holed, *options, *more)

    return propagate


def alpha(tmp_path: Path, frame: int) -> FloatArray:
    return read_image(tmp_path / f"mattes/hero.{frame}.exr")[1]


def names(*frames: int) -> list[str]:
    return [f"hero.{frame}.exr" for frame in frames]


def test_an_error_is_the_default(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Policy error, reported, its own exit code" (conventions, Frames)."""
    assert propagate() == 4
    assert "goes from 1001 to 1006 but lacks 1004" in refused(capsys)
    assert propagate("--frames", "1001-1006", "--missing", "error") == 4
    assert "lacks requested frames: 1004" in refused(capsys)
    assert mattes(tmp_path) == []


@pytest.mark.parametrize(
    ("policy", "says"),
    [("hold", "the nearest earlier frame is held"), ("black", "black frames stand in")],
)
def test_what_stands_in_is_said_once(
    propagate: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    says: str,
) -> None:
    """ "Hold, black: reported; later frames never shift" (conventions, Frames)."""
    assert propagate("--missing", policy) == 0
    assert f"hero.####.exr lacks 1004: {says}" in refused(capsys)
    assert mattes(tmp_path) == names(*range(1001, 1007))
    whole = {frame: alpha(tmp_path, frame) for frame in range(1001, 1007)}
    for path in (tmp_path / "mattes").iterdir():
        path.unlink()
    assert propagate("--missing", policy, "--frames", "1001-1003,1005-1006") == 0
    assert "lacks" not in capsys.readouterr().err
    for frame in (1002, 1005, 1006):  # 1004 is a memory frame: the range changes no pixel
        np.testing.assert_array_equal(alpha(tmp_path, frame), whole[frame])


def test_held_pixels_are_those_of_a_copied_file(
    propagate: Run, holed: Path, tmp_path: Path
) -> None:
    assert propagate("--missing", "hold", "--frames", "1001-1008") == 0
    held = {frame: alpha(tmp_path, frame) for frame in range(1001, 1009)}
    for copy, file in ((1004, 1003), (1007, 1006), (1008, 1006)):
        content = (holed.parent / f"hero.{file}.exr").read_bytes()
        (holed.parent / f"hero.{copy}.exr").write_bytes(content)
    assert propagate() == 0  # all are kept: the digests are those of the copies
    for frame, pixels in held.items():
        np.testing.assert_array_equal(alpha(tmp_path, frame), pixels)


def test_skipped_frames_are_left_out_and_told(
    propagate: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "Skip: reported; later frames never shift" (conventions, Frames)."""
    assert propagate("--missing", "skip") == 7
    assert "hero.####.exr lacks 1004: skipped, not delivered" in refused(capsys)
    assert mattes(tmp_path) == names(1001, 1002, 1003, 1005, 1006)
    skipped = {frame: alpha(tmp_path, frame) for frame in (1005, 1006)}
    assert propagate("--missing", "skip", "--frames", "1001-1003,1005,1006") == 0
    for frame, pixels in skipped.items():
        np.testing.assert_array_equal(alpha(tmp_path, frame), pixels)


def test_where_nothing_is_left_there_is_nothing_to_skip(
    propagate: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate("--missing", "skip", "--frames", "1004") == 4
    assert "lacks requested frames: 1004" in refused(capsys)


def test_a_document_keeps_the_policy(
    run: Run,
    holed: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shot = tmp_path / "hero.shot.yaml"
    options = ["--keyframe", f"1001:hero={mask}", "--model", weights, "--missing", "skip"]
    options += ["--set", "tracking.lines=96"]
    assert run("shot", "new", holed, *options, "--out", shot) == 0
    says = parse_shot_document(shot, shot.read_text(encoding="utf-8")).value
    assert (says.plate.missing, str(says.range)) == ("skip", "1001-1006")
    assert run("shot", "show", shot) == 0
    assert "lacks 1004: skip" in capsys.readouterr().out
    assert run("shot", "render", shot, "--frames", "1004") == 7
    assert "lacks 1004: skipped" in refused(capsys)
    assert run("shot", "render", shot, "--frames", "1003-1005") == 7
    assert mattes(tmp_path) == names(1003, 1005)


def test_a_held_plate_is_not_overwritten(
    propagate: Run, holed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate("--missing", "hold", "--out", holed) == 2
    assert "would overwrite its own input" in refused_last(capsys)


def refused_last(capsys: pytest.CaptureFixture[str]) -> str:
    """The last sentence on standard error: the first says what stands in."""
    return capsys.readouterr().err.splitlines()[-1]
