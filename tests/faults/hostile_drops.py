"""Things that should never be dropped into a hot folder, and are.

Each makes one entry of the inbox and says what has to become of it: the place where the job ends,
and words of its reason. They work on a `Ground`: the hot folder, a plate and a mask that are good,
and what lies outside, of which nothing may change.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from toy_worker import job_text

from rde_roto.doors.watchfolder.hot_folder import HotFolder

FRAMES = "1001-1003"
_HUGE_BYTES = 64 << 30


class Outcome(NamedTuple):
    """Where a drop ends: `done` or `failed`, and words of the reason that it fails for."""

    end: str
    reason: str = ""


DONE = Outcome("done")


@dataclass(frozen=True)
class Ground:
    """A hot folder and what lies around it; `bad` is for things that drops name."""

    folder: HotFolder
    plate: Path
    mask: Path
    outside: Path
    bad: Path

    def text(
        self, more: str = "", plate: Path | str | None = None, mask: Path | None = None
    ) -> str:
        """A good job, but for what is said."""
        return job_text(Path(plate or self.plate), mask or self.mask, FRAMES, more)

    def copied(self, into: Path) -> Path:
        """A folder with the plate and its mask, without a document."""
        shutil.copytree(self.plate.parent, into)
        shutil.copy(self.mask, into / "mask.1001.png")
        return into

    def came_back(self, into: Path, **said: object) -> Path:
        """The folder of a job that was begun before; `said` is what its status says."""
        (into / "job").mkdir(parents=True)
        (into / "job/hero.yaml").write_text(self.text())
        status = {"schema": "rde-roto.status/1", "name": "hero", "state": "waiting", **said}
        (into / "status.json").write_text(json.dumps(status))
        return into


Drop = Callable[[Ground, Path], Outcome]
"""Makes a drop at a path, whose name it may change, outside of the inbox."""


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def listener(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


def device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def huge(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(_HUGE_BYTES)
    return path


def written(content: bytes, reason: str) -> Drop:
    def drop(_: Ground, path: Path) -> Outcome:
        path.write_bytes(content)
        return Outcome("failed", reason)

    return drop


def special(make: Callable[[Path], Path], reason: str) -> Drop:
    def drop(_: Ground, path: Path) -> Outcome:
        make(path)
        return Outcome("failed", reason)

    return drop


def link(target: str, reason: str) -> Drop:
    def drop(_: Ground, path: Path) -> Outcome:
        path.symlink_to(target)
        return Outcome("failed", reason)

    return drop


def job(make: Callable[[Ground], str], reason: str = "") -> Drop:
    def drop(ground: Ground, path: Path) -> Outcome:
        path.write_text(make(ground))
        return Outcome("failed", reason) if reason else DONE

    return drop


def _plate_with(make: Callable[[Path], Path]) -> Callable[[Ground], str]:
    """A job whose plate has a good first frame, and something else as its second."""

    def text(ground: Ground) -> str:
        folder = ground.bad / f"plate_{make.__name__}"
        shutil.copytree(ground.plate.parent, folder)
        (folder / "plate.1002.png").unlink()
        make(folder / "plate.1002.png")
        return ground.text(plate=folder / "plate.####.png")

    return text


def _mask_of(make: Callable[[Path], Path]) -> Callable[[Ground], str]:
    return lambda ground: ground.text(mask=make(ground.bad / f"mask_{make.__name__}.png"))


def _named(make: Callable[[Path], Path], key: str, suffix: str) -> Callable[[Ground], str]:
    """A job that names a special file as its preset, its model or its shot."""

    def text(ground: Ground) -> str:
        path = make(ground.bad / f"{key}_{make.__name__}{suffix}")
        if key == "shot":
            return f"schema: rde-roto.job/1\nshot: {path}\n"
        return ground.text(f"{key}: {path}\n")

    return text


def _output_in_a_planted_link(ground: Ground) -> str:
    (ground.folder.root / "mattes").mkdir(exist_ok=True)
    (ground.folder.root / "mattes/elsewhere").symlink_to(ground.outside)
    return ground.text("output: mattes/elsewhere/a.####.exr\n")


def _default_output_is_a_planted_link(ground: Ground, path: Path) -> Outcome:
    (ground.folder.root / "mattes").mkdir(exist_ok=True)
    (ground.folder.root / "mattes" / path.stem).symlink_to(ground.outside)
    path.write_text(ground.text("overrides: {finish.gamma: 1.5}\n"))  # like no other's
    return Outcome("failed", "is a link to")


DOCUMENTS: dict[str, Drop] = {
    "pipe.yaml": special(pipe, "it is a named pipe, not a file"),
    "socket.yaml": special(listener, "it is a socket, not a file"),
    "device.yaml": special(device, "it is a device, not a file"),
    "terminal.yaml": link("/dev/tty", "it is a device, not a file"),
    "huge.yaml": special(huge, "it is larger than"),
    "proc.yaml": link("/proc/kmsg", ""),
    "nothing.yaml": link("nowhere", "is a broken link"),
    "loop.yaml": link("loop.yaml", "is a broken link"),
    "empty.yaml": written(b"", "the file is empty"),
    "binary.yaml": written(bytes(range(256)) * 64, "not UTF-8"),
    "zeros.json": written(bytes(4096), "not valid YAML"),
    "wide.yaml": written("schema: rde-roto.job/1\n".encode("utf-16"), "not UTF-8"),
    "newlines.yaml": written(b"\n" * (1 << 16) + b"shot: a\n", "schema"),
    "priorities.yaml": written(b"priority\n" * 7000, ""),
    "list.yaml": written(b"- a\n- b\n", ""),
    b"caf\xe9.yaml".decode("utf-8", "surrogateescape"): job(Ground.text),
    "a\nhero: done, forged\x1b[31m.yaml": job(Ground.text),
    "x" * 250 + ".yaml": job(Ground.text),
    "null.yaml": job(
        lambda ground: ground.text(plate="a\\0b.####.png").replace("'", '"'), "no file"
    ),
    "long.yaml": job(lambda ground: ground.text(plate="a" * 5000), "too long"),
    "preset.yaml": job(_named(pipe, "preset", ".yaml"), "it is a named pipe"),
    "shot.yaml": job(_named(listener, "shot", ".shot.yaml"), "it is a socket"),
    "mask_pipe.yaml": job(_mask_of(pipe), "it is a named pipe"),
    "mask_device.yaml": job(_mask_of(device), "it is a device"),
    "plate_pipe.yaml": job(_plate_with(pipe), "it is a named pipe"),
    "plate_huge.yaml": job(_plate_with(huge), "it is larger than"),
    "root.yaml": job(lambda ground: ground.text(plate="/"), "holds no numbered"),
    "outside.yaml": job(
        lambda ground: ground.text(f"output: {ground.outside}/a.####.exr\n"), "may write into"
    ),
    "above.yaml": job(
        lambda ground: ground.text("output: mattes/../../outside/a.####.exr\n"), "may write into"
    ),
    "linked.yaml": job(_output_in_a_planted_link, "may write into"),
    "planted.yaml": _default_output_is_a_planted_link,
}


def folder(make: Callable[[Ground, Path], object], reason: str = "") -> Drop:
    """A good folder without a document to which something is done."""

    def drop(ground: Ground, path: Path) -> Outcome:
        make(ground, ground.copied(path))
        return Outcome("failed", reason) if reason else DONE

    return drop


def back(make: Callable[[Ground, Path], object] = lambda *_: None, **said: object) -> Drop:
    """The folder of a job that was begun before, with something planted in it."""

    def drop(ground: Ground, path: Path) -> Outcome:
        make(ground, ground.came_back(path, **said))
        return DONE

    return drop


def _systems_files(_: Ground, path: Path) -> None:
    for name in (".DS_Store", "._plate.1001.png", ".nfs00001", "Thumbs.db", "desktop.ini"):
        (path / name).write_bytes(b"junk")
    (path / "@eaDir").mkdir()


def _links_to_itself(_: Ground, path: Path) -> None:
    for name in ("a", "b", "c"):
        (path / name).symlink_to(".")


def _deep(_: Ground, path: Path) -> None:
    for depth in range(200):
        path /= f"d{depth}"
        path.mkdir()


def _wide(_: Ground, path: Path) -> None:
    (path / "many").mkdir()
    for number in range(5000):
        (path / "many" / f"{number}").touch()


def _plate_frame_is_a_pipe(_: Ground, path: Path) -> None:
    (path / "plate.1002.png").unlink()
    pipe(path / "plate.1002.png")


def _movie_is_a_pipe(_: Ground, path: Path) -> None:
    for frame in path.glob("plate.*"):
        frame.unlink()
    pipe(path / "plate.mov")


def _mask_is_huge(_: Ground, path: Path) -> None:
    (path / "mask.1001.png").unlink()
    huge(path / "mask.1001.png")


def _job_is_a_link(ground: Ground, path: Path) -> None:
    ground.came_back(path / "made")
    (path / "made/status.json").rename(path / "status.json")
    (path / "job").symlink_to(ground.outside)


def _report_is_a_link(ground: Ground, path: Path) -> None:
    (path / "report.html").symlink_to(ground.outside / "precious.txt")


def _temporaries_are_links(ground: Ground, path: Path) -> None:
    for name in (".status.json.tmp", ".owner.json.tmp", "owner.json", "reason.txt", "sheet.png"):
        (path / name).symlink_to(ground.outside / "precious.txt")


def _reason_is_a_folder(_: Ground, path: Path) -> None:
    (path / "reason.txt").mkdir()
    (path / "reason.txt/mine").touch()


def _deep_status(_: Ground, path: Path) -> None:
    (path / "status.json").write_text("[" * 100_000)


def _empty(_: Ground, path: Path) -> Outcome:
    path.mkdir()
    return Outcome("failed", "holds no mask")


def _linked_elsewhere(ground: Ground, path: Path) -> Outcome:
    """To a job's folder outside, of which nothing may be written."""
    path.symlink_to(ground.outside / "came_back")
    return Outcome("failed", "")


FOLDERS: dict[str, Drop] = {
    "itself": folder(_links_to_itself),
    "everything": folder(lambda _, path: (path / "all").symlink_to("/")),
    "deep": folder(_deep),
    "wide": folder(_wide),
    "systems": folder(_systems_files),
    b"caf\xe9".decode("utf-8", "surrogateescape"): folder(lambda *_: None, "not UTF-8, rename it"),
    "b\nhero: done, forged\x1b[2J": folder(lambda *_: None),
    "y" * 255: folder(lambda *_: None),
    "empty": _empty,
    "mask_huge": folder(_mask_is_huge, "it is larger than"),
    "plate_pipe": folder(_plate_frame_is_a_pipe, "it is a named pipe"),
    "movie_pipe": folder(_movie_is_a_pipe, "it is a named pipe"),
    "document_pipe": folder(lambda _, path: pipe(path / "job.yaml"), "it is a named pipe"),
    "job_link": folder(_job_is_a_link, "this document has schema"),
    "above_back": back(name="../../outside/x"),
    "absolute_back": back(name="/tmp/x"),
    "null_back": back(name="a\0b"),
    "nameless_back": back(name=""),
    "status_back": back(_deep_status),
    "report_back": back(_report_is_a_link),
    "temporaries_back": back(_temporaries_are_links),
    "reason_back": back(_reason_is_a_folder),
    "linked_back": _linked_elsewhere,
}
