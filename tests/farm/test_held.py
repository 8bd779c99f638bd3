"""Mattes go where a job may write, whatever is put into that place meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rde_roto.doors.watchfolder.held_folder import HeldMatteWriter, hold_folder
from rde_roto.images.mattes import LABELS, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.values.errors import OutputError
from rde_roto.values.matte import Matte
from rde_roto.values.plate import PlateFormat, Window

WINDOW = Window(0, 0, 6, 4)


def matte(frame: int) -> Matte:
    return Matte(frame, np.ones((1, 4, 6), dtype=np.float32), ("a",), "digest")


@contextmanager
def writing(folder: Path) -> Iterator[HeldMatteWriter]:
    with hold_folder(folder) as kept:
        pattern = str(kept.alias / "hero.####.png")
        plain = open_matte_writer(pattern, Origin(PlateFormat(WINDOW, WINDOW)), ("a",), LABELS, {})
        yield HeldMatteWriter(plain, kept)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_mattes_are_written_and_found_at_the_folders_path(tmp_path: Path) -> None:
    with writing(tmp_path / "a/b") as writer:
        writer.write(matte(1001))
        assert writer.path(1001) == tmp_path / "a/b/hero.1001.png"
        assert writer.files(1002) == (tmp_path / "a/b/hero.1002.png",)
        assert writer.is_written(1001, "digest")
    assert names(tmp_path / "a/b") == ["hero.1001.png"]


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "mattes").symlink_to(tmp_path / "outside")
    for place in (tmp_path / "mattes", tmp_path / "mattes/hero"):
        with pytest.raises(OutputError), writing(place):
            pass
    assert names(tmp_path / "outside") in ([], ["hero"])  # an empty folder at most


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors have no names here")
def test_a_link_that_takes_its_place_in_the_middle_of_a_write_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment: after all that is looked at, right before the file is made."""
    import rde_roto.images.mattes

    folder, outside = tmp_path / "mattes", tmp_path / "outside"
    outside.mkdir()
    (outside / "hero.1002.png").write_text("somebody's")
    save = rde_roto.images.mattes._save

    def swapped(*arguments: object) -> None:
        folder.rename(tmp_path / "moved")
        folder.symlink_to(outside)
        save(*arguments)  # type: ignore[arg-type]

    with writing(folder) as writer:
        writer.write(matte(1001))
        monkeypatch.setattr(rde_roto.images.mattes, "_save", swapped)
        with pytest.raises(OutputError, match=r"mattes was moved, or replaced by a link"):
            writer.write(matte(1002))
        with pytest.raises(OutputError, match=r"mattes was moved, or replaced by a link"):
            writer.write(matte(1003))
    assert names(outside) == ["hero.1002.png"]
    assert (outside / "hero.1002.png").read_text() == "somebody's"
    assert names(tmp_path / "moved") == ["hero.1001.png", "hero.1002.png"]


def test_a_folder_that_was_removed_is_told_by_its_name(tmp_path: Path) -> None:
    with writing(tmp_path / "mattes") as writer:
        (tmp_path / "mattes").rmdir()
        with pytest.raises(OutputError, match=f"^{tmp_path}/mattes was moved"):
            writer.write(matte(1001))
    assert names(tmp_path) == []
