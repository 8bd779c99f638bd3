"""What is no regular file is refused, and never waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rde_roto.documents.yaml_text import MOST_BYTES, read_text
from rde_roto.images.color.input_space import SpaceChoice
from rde_roto.images.files import read_header
from rde_roto.images.masks import read_mask
from rde_roto.images.plates.movie_plate import open_movie
from rde_roto.values.digest import digest_file
from rde_roto.values.errors import DocumentError, InputError
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.regular_files import (
    PICTURE_BYTES,
    check_regular,
    read_regular,
    read_regular_text,
)

pytestmark = pytest.mark.timeout(20)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(PICTURE_BYTES + 1)


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (pipe, "it is a named pipe, not a file"),
    "socket": (listener, "it is a socket, not a file"),
    "device": (device, "it is a device, not a file"),
    "folder": (Path.mkdir, "Is a directory"),
    "huge": (huge, "it is larger than"),
}


@pytest.fixture(params=list(KINDS))
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    make, reason = KINDS[request.param]
    path = tmp_path / "bad.png"
    make(path)
    return path, reason


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    assert read_regular(path, 12) == b"\xef\xbb\xbfone\r\ntwo\n"
    assert read_regular_text(path, 12, "utf-8-sig") == "one\ntwo\n"
    assert check_regular(path, 12) == 12
    with pytest.raises(OSError, match="it is larger than 11 bytes"):
        read_regular(path, 11)


def test_a_high_limit_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"few")
    assert read_regular(tmp_path / "file", 1 << 60) == b"few"


def test_a_file_of_proc_that_says_it_is_empty_is_read_up_to_the_limit() -> None:
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("there is no /proc here")
    assert check_regular(path, 10) == 0
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(path, 10)


def test_what_is_no_file_is_refused_by_every_reader(bad: tuple[Path, str]) -> None:
    path, reason = bad
    with pytest.raises(OSError, match=reason):
        read_regular(path, PICTURE_BYTES)
    with pytest.raises(DocumentError, match=f"the job document cannot be read: {reason}"):
        read_text(path, "job document")
    window = Window(0, 0, 4, 4)
    with pytest.raises(InputError, match=reason):
        read_mask(path, PlateFormat(window, window, 1.0))
    with pytest.raises(InputError, match=reason):
        read_header(path)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_has_no_digest_and_is_no_movie(kind: str, tmp_path: Path) -> None:
    make, reason = KINDS[kind]
    make(tmp_path / "bad.mov")
    with pytest.raises(InputError, match=reason):
        digest_file(tmp_path / "bad.mov")
    pytest.importorskip("av")
    with pytest.raises(InputError, match=reason):
        open_movie(tmp_path / "bad.mov", SpaceChoice.of(None, None))


def test_a_document_is_of_a_sane_size(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("#" * MOST_BYTES)
    assert read_text(path, "preset") == "#" * MOST_BYTES
    path.write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(DocumentError, match="it is larger than 1 MB"):
        read_text(path, "preset")


@pytest.mark.parametrize(
    ("name", "reason"), [("a\0b", "holds a null character"), ("a" * 300, "File name too long")]
)
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        read_text(tmp_path / name, "preset")
