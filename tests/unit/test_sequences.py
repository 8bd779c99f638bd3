from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rde_roto.images.sequences import FramePattern, FrameSequence, find_sequence
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange


def find(folder: Path, files: str, ask: str) -> FrameSequence:
    for name in files.split():
        (folder / name).touch()
    return find_sequence(str(folder / ask))


def names(sequence: FrameSequence) -> list[str]:
    return [sequence.path(frame).name for frame in sequence.range]


@pytest.mark.parametrize(
    "ask", ["", "hero.####.exr", "hero.%04d.exr", "hero.@@@@.exr", "hero.%d.exr", "hero.0999.exr"]
)
def test_a_sequence_is_found_by_pattern_frame_or_folder(tmp_path: Path, ask: str) -> None:
    """ "Padding and range are detected from disk when a pattern or a single frame's path is given"
    (conventions, Frames)."""
    files = "hero.0998.exr hero.0999.exr hero.1000.exr hero.exr notes.txt .hero.0997.tmp.exr"
    sequence = find(tmp_path, files, ask)
    assert sequence.name == "hero.####.exr"
    assert sequence.range == FrameRange.parse("998-1000")
    assert names(sequence) == ["hero.0998.exr", "hero.0999.exr", "hero.1000.exr"]


@pytest.mark.parametrize("ask", ["", "a.###.exr", "a.####.exr", "a.1000.exr", "a.998.exr"])
def test_numbers_outgrow_their_padding(tmp_path: Path, ask: str) -> None:
    """ "Numbers grow past their padding (998, 999, 1000 with ###)" (conventions, Frames)."""
    sequence = find(tmp_path, "a.998.exr a.999.exr a.1000.exr", ask)
    assert (sequence.name, str(sequence.range)) == ("a.###.exr", "998-1000")
    assert names(sequence) == ["a.998.exr", "a.999.exr", "a.1000.exr"]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ("c.-2.exr c.-1.exr c.0.exr c.10.exr", "c.#.exr"),
        ("c.-002.exr c.-001.exr c.0000.exr c.0010.exr", "c.####.exr"),  # as printf pads
        ("c.-0002.exr c.-0001.exr c.0000.exr c.0010.exr", "c.####.exr"),  # sign outside
    ],
)
def test_negative_frames_and_gaps(tmp_path: Path, files: str, name: str) -> None:
    """ "Any first frame, negatives, gaps" (conventions, Frames)."""
    sequence = find(tmp_path, files, files.split()[0])
    assert (sequence.name, str(sequence.range)) == (name, "-2-0,10")
    assert names(sequence) == files.split()


def test_a_hyphen_after_a_word_is_no_minus(tmp_path: Path) -> None:
    sequence = find(tmp_path, "bear-0001.png bear-0002.png", "")
    assert (sequence.name, str(sequence.range)) == ("bear-####.png", "1-2")


@pytest.mark.parametrize(
    ("files", "ask", "name", "frames"),
    [
        ("h_v03.0001.EXR h_v03.0003.EXR", "", "h_v03.####.EXR", "1,3"),
        ("hero.1001_2k.exr hero.1002_2k.exr", "hero.####_2k.exr", "hero.####_2k.exr", "1001-1002"),
        ("shot1001.dpx shot1002.dpx", "", "shot####.dpx", "1001-1002"),
        ("a.1.exr a.0001.exr a.1001.exr", "a.1001.exr", "a.####.exr", "1,1001"),
        ("a.1.exr a.0001.exr a.1001.exr", "a.#.exr", "a.#.exr", "1"),
    ],
)
def test_ways_to_name_files(tmp_path: Path, files: str, ask: str, name: str, frames: str) -> None:
    sequence = find(tmp_path, files, ask)
    assert (sequence.name, str(sequence.range)) == (name, frames)


@pytest.mark.parametrize("ask", ["", "00001.jpg", "#####.jpg", "%05d.jpg"])
def test_a_name_that_is_only_a_number_goes_by_its_folder(tmp_path: Path, ask: str) -> None:
    folder = tmp_path / "bear"
    folder.mkdir()
    sequence = find(folder, "00000.jpg 00001.jpg", ask)
    assert (sequence.name, str(sequence.range)) == ("bear/#####.jpg", "0-1")
    assert sequence.path(1) == folder / "00001.jpg"


def test_spaces_and_unicode_in_paths(tmp_path: Path) -> None:
    folder = tmp_path / "Plan séquence #1 主役"
    folder.mkdir()
    (folder / "le héros.1001.exr").touch()
    sequence = find_sequence(str(folder / "le héros.####.exr"))
    assert sequence.path(1001) == folder / "le héros.1001.exr"


def test_a_relative_pattern_is_looked_for_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.0001.exr").touch()
    monkeypatch.chdir(tmp_path)
    assert find_sequence("a.####.exr").path(1).is_file()


def test_a_folder_of_several_sequences_lists_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 sequences") as caught:
        find(tmp_path, "a.0001.exr a.0002.exr b.7.png", "")
    assert "a.####.exr (1-2), b.#.png (7)" in str(caught.value)


def test_a_pattern_between_two_paddings_lists_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.#\.exr \(1\), a\.####\.exr \(1\)"):
        find(tmp_path, "a.1.exr a.0001.exr", "a.##.exr")


@pytest.mark.parametrize(
    ("files", "ask", "says"),
    [
        ("a.0001.exr", "b.####.exr", "no file matches"),
        ("a.0001.exr", "a.0002.exr", "does not exist"),
        ("a.0001.exr", "nowhere/a.####.exr", "cannot list the folder"),
        ("a.0001.exr", "still.exr", "does not exist"),
        ("notes.txt", "", "holds no numbered"),
    ],
)
def test_nothing_there_is_an_input_error(tmp_path: Path, files: str, ask: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find(tmp_path, files, ask)


@pytest.mark.parametrize(
    ("files", "ask", "says"),
    [
        ("still.exr", "still.exr", "has no frame number: expected a folder, a pattern"),
        ("hero_v03.exr", "hero_v03.exr", "has no frame number"),  # a version is no frame
        ("a.0001.exr", "a.##.##.exr", "holds 2 frame tokens"),
    ],
)
def test_a_text_that_names_no_sequence_is_a_usage_error(
    tmp_path: Path, files: str, ask: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        find(tmp_path, files, ask)


def test_a_missing_frame_is_named(tmp_path: Path) -> None:
    sequence = find(tmp_path, "a.0001.exr a.0003.exr", "")
    with pytest.raises(InputError, match=r"a\.####\.exr has no frame 2 \(it has 1,3\)"):
        sequence.path(2)


@pytest.mark.parametrize(
    ("first", "then", "later"),
    [
        ("a.10.exr a.11.exr", "a.8.exr a.9.exr", "8-9"),  # copied in the order of their names
        ("a.100.exr", "a.99.exr a.101.exr", "99,101"),
        ("a.1000.exr", "a.0999.exr", "999"),
        ("a.998.exr", "a.1000.exr", "1000"),
        ("a.-2.exr a.-1.exr", "a.0.exr", "0"),
        ("a.0998.exr", "a.99.exr b.0999.exr", ""),  # another padding, another name
    ],
)
def test_frames_that_came_later(tmp_path: Path, first: str, then: str, later: str) -> None:
    sequence = find(tmp_path, first, "")
    assert not sequence.later_frames()
    for name in then.split():
        (tmp_path / name).touch()
    assert str(sequence.later_frames()) == later


def test_one_scan_of_the_folder_is_enough_for_ten_thousand_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for frame in range(1001, 11001):
        (tmp_path / f"hero.{frame:04d}.exr").touch()
    scans: list[Path] = []
    real_iterdir = Path.iterdir

    def count(folder: Path) -> Iterator[Path]:
        scans.append(folder)
        return real_iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", count)
    for ask in ("", "hero.####.exr", "hero.1001.exr"):
        assert str(find_sequence(str(tmp_path / ask)).range) == "1001-11000"
    assert scans == [tmp_path] * 3


@pytest.mark.parametrize(
    ("text", "frame", "name"),
    [
        ("m/hero.####.exr", 7, "hero.0007.exr"),
        ("m/hero.%04d.exr", 12345, "hero.12345.exr"),
        ("m/hero.@@@.exr", -7, "hero.-07.exr"),
        ("m/hero.%d.exr", 7, "hero.7.exr"),
        ("m/hero.%010d.exr", 7, "hero.0000000007.exr"),
    ],
)
def test_a_pattern_gives_the_path_of_any_frame(text: str, frame: int, name: str) -> None:
    pattern = FramePattern.parse(text)
    assert pattern is not None
    assert pattern.path(frame) == Path("m") / name


def test_a_path_without_a_token_is_no_pattern() -> None:
    assert FramePattern.parse("m####/hero.exr") is None
