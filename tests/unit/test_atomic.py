"""What is written is whole, or what was there before stays; each kind of trouble on a real disk."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rde_roto.atomic import clear_leftovers, is_temporary, replacing, write_bytes, write_text
from rde_roto.images.exr import FLOAT, Encoding, write_planes
from rde_roto.images.exr_index import refuse_torn_index
from rde_roto.images.files import read_channels
from rde_roto.values.errors import InputError, OutputError
from rde_roto.values.plate import PlateFormat, Window


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A file that is to be replaced, alone in its folder."""
    path = tmp_path / "kept" / "hero.1001.exr"
    path.parent.mkdir()
    path.write_bytes(b"before")
    return path


def assert_kept(path: Path) -> None:
    assert path.read_bytes() == b"before"
    assert [path] == list(path.parent.iterdir())


def test_it_takes_the_place_of_what_was_there(there: Path) -> None:
    write_bytes(there, b"after")
    assert there.read_bytes() == b"after"
    with replacing(there) as temporary:
        temporary.write_bytes(b"again")
        assert is_temporary(temporary.name)
        assert there.read_bytes() == b"after"
    assert there.read_bytes() == b"again"
    assert [there] == list(there.parent.iterdir())


def test_an_error_on_the_way_keeps_what_was_there(there: Path) -> None:
    def stumble() -> None:
        with replacing(there) as temporary:
            temporary.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert_kept(there)


def test_what_is_read_back_decides(there: Path) -> None:
    def check(_: Path) -> None:
        raise InputError("cut short")

    with (
        pytest.raises(OutputError, match=r"cannot write .*hero\.1001\.exr: .*cut short"),
        replacing(there, check) as temporary,
    ):
        temporary.write_bytes(b"torn")
    assert_kept(there)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE])
def test_an_error_that_comes_late(there: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """As quotas and network shares have it: every write was taken, and then it was not. What comes
    with the closing of a file is among the faults of `tests/faults`.
    """

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=os.strerror(code)) as caught:
        write_bytes(there, b"after")
    assert caught.value.exit_code == 7
    monkeypatch.undo()
    assert_kept(there)


def test_only_some_of_the_bytes_arrive(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def lose(file: int) -> None:
        os.ftruncate(file, 3)
        fsync(file)

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(OutputError, match="only 3 of 5 bytes were written"):
        write_bytes(there, b"after")
    assert_kept(there)


def test_permissions_are_there_before_the_text(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_text(path, "ä", mode=0o600)
    assert path.read_bytes() == "ä".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_as_long_as_a_name_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + "a.exr")
    write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "mattes").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"):
        write_bytes(tmp_path / "mattes/m.1001.exr", b"whole")


@pytest.mark.parametrize("compression", ["zip", "zips", "rle", "piz", "none", "dwaa", "dwab"])
@pytest.mark.parametrize("pixel_type", ["half", "float"])
def test_a_torn_exr_never_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: str, pixel_type: str
) -> None:
    """Its header is whole, and so is all but the last of its rows."""
    path, window = tmp_path / "m.1001.exr", Window(0, 0, 96, 64)
    plane = np.random.default_rng(0).random((64, 96), np.float32)
    encoding = Encoding(pixel_type, compression)  # type: ignore[arg-type]

    def write() -> None:
        write_planes(path, {"A": plane}, PlateFormat(window, window), {}, encoding)

    write()
    assert abs(read_channels(path, ["A"])[..., 0] - plane).max() < 0.05
    before = path.read_bytes()
    fsync = os.fsync

    def lose_the_end(file: int) -> None:
        os.ftruncate(file, os.fstat(file).st_size - 40)
        fsync(file)

    monkeypatch.setattr(os, "fsync", lose_the_end)
    with pytest.raises(OutputError, match="the file differs from what was written"):
        write()
    assert path.read_bytes() == before
    assert [path] == list(tmp_path.iterdir())


def test_an_exr_without_its_table_of_rows_never_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenEXR reads every pixel of it: the table, which is written last, is all that is lost."""
    path, window = tmp_path / "m.1001.exr", Window(0, 0, 96, 64)
    plane = np.random.default_rng(0).random((64, 96), np.float32)

    def write() -> None:
        write_planes(path, {"A": plane}, PlateFormat(window, window), {}, FLOAT)

    write()
    before = path.read_bytes()
    blocks = 64 // 16  # of zip
    table = next(
        place
        for place in range(8, len(before))
        if int.from_bytes(before[place : place + 8], "little") == place + 8 * blocks
    )

    def lose_the_table(file: int) -> None:
        os.pwrite(file, bytes(8 * blocks), table)

    monkeypatch.setattr(os, "fsync", lose_the_table)
    with pytest.raises(OutputError, match="its index of rows is incomplete"):
        write()
    assert path.read_bytes() == before
    path.write_bytes(before[:table] + bytes(8 * blocks) + before[table + 8 * blocks :])
    assert np.array_equal(read_channels(path, ["A"])[..., 0], plane)
    with pytest.raises(InputError, match="its index of rows is incomplete"):
        refuse_torn_index(path)


def test_other_pixels_are_no_matte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that decodes, with a row of another picture in it."""
    window = Window(0, 0, 96, 64)
    planes = np.random.default_rng(0).random((2, 64, 96), np.float32)
    other = tmp_path / "other.exr"
    write_planes(other, {"A": planes[1]}, PlateFormat(window, window), {})

    def swap(file: int) -> None:
        os.ftruncate(file, 0)
        os.pwrite(file, other.read_bytes(), 0)

    monkeypatch.setattr(os, "fsync", swap)
    with pytest.raises(OutputError, match="its pixels differ"):
        write_planes(tmp_path / "m.exr", {"A": planes[0]}, PlateFormat(window, window), {})
    assert [other] == list(tmp_path.iterdir())


# What killed processes left.

_DIES = """
import os, signal, sys
from pathlib import Path
from rde_roto.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_run_clears_what_a_killed_one_left_of_its_files(tmp_path: Path) -> None:
    targets = [tmp_path / f"hero.{frame}.exr" for frame in (1001, 1002)]
    for target in [*targets, tmp_path / "other.1001.exr"]:
        command = [sys.executable, "-c", _DIES, str(target)]
        assert subprocess.run(command, check=False).returncode == -9
    others = [".hero.1001.exr.tmp", ".hero.1001.exr.0123abcd.tmp", "hero.1001.exr.part"]
    for name in others:
        (tmp_path / name).touch()
    with replacing(targets[0]) as mine:  # of a process that lives
        mine.touch()
        clear_leftovers(targets)
        left = {path.name for path in tmp_path.iterdir()}
        assert left > {mine.name, *others}
        (other,) = left - {mine.name, *others}
        assert other.startswith(".other.1001.exr.")


@pytest.mark.parametrize(("age_s", "stays"), [(86000, True), (87000, False)])
def test_what_another_machine_left_goes_after_a_day(
    tmp_path: Path, age_s: int, stays: bool
) -> None:
    """By the clock that dates the folder's files."""
    left = tmp_path / ".hero.1001.exr.00000000-1.0123abcd.tmp"
    left.touch()
    seen = left.stat().st_mtime - age_s
    os.utime(left, (seen, seen))
    clear_leftovers([tmp_path / "hero.1001.exr"])
    assert left.exists() == stays


def test_a_folder_that_is_not_there_has_nothing_left(tmp_path: Path) -> None:
    clear_leftovers([tmp_path / "gone/hero.1001.exr"])
    assert list(tmp_path.iterdir()) == []
