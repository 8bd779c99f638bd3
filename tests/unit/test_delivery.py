"""Mattes into files, while somebody is busy in the folder."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from image_files import write_image
from toy_shots import HEIGHT, WIDTH, MemoryPlate, ToyNode, a_shot, mask

from rde_roto.atomic import write_bytes
from rde_roto.delivery import Delivery, FrameReporter, deliver
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.output_claims import Claim, claim_outputs
from rde_roto.values.delivery import PartialError
from rde_roto.values.errors import InputError, OutOfMemoryError, OutputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.matte import Matte
from rde_roto.values.preset import Output
from rde_roto.values.shot import Shot


@pytest.mark.parametrize("moved", ["out", "out/m.1004.exr"])
def test_what_is_moved_away_meanwhile_is_not_delivered(tmp_path: Path, moved: str) -> None:
    """The whole folder, in whose place the rest makes another one, or one matte of it."""
    node = ToyNode(a_shot(mask(1001), frames="1001-1008"))
    origin = Origin(node.shot.plate.format)
    writer = open_matte_writer(str(tmp_path / "out/m.####.exr"), origin, ("a",), Output(), {})
    asked = node.shot.range

    def move(frame: int, _kept: bool) -> None:
        if frame == 1005:
            (tmp_path / moved).rename(tmp_path / "elsewhere")

    with pytest.raises(PartialError, match=r"out have disappeared: .*; not delivered: 1") as e:
        deliver(node, asked, writer, FrameReporter(move))
    there = {int(path.suffixes[0][1:]) for path in (tmp_path / "out").iterdir()}
    assert set(e.value.frames) == set(asked) - there
    assert set(e.value.frames) == ({1004} if moved.endswith(".exr") else {*range(1001, 1006)})
    (tmp_path / "elsewhere").rename(tmp_path / "seen")
    assert deliver(node, asked, writer, FrameReporter(lambda *_: None)).made == len(e.value.frames)


def test_of_two_runs_into_the_same_files_one_is_told(tmp_path: Path) -> None:
    """As a corrected shot that is submitted while its first version still renders: both ended with
    exit code 0, and the files were some of the one and some of the other.
    """

    def delivered(node: ToyNode, frames: str, on_frame: Callable[[int, bool], None]) -> Delivery:
        pattern, origin = str(tmp_path / "m.####.exr"), Origin(node.shot.plate.format)
        writer = open_matte_writer(pattern, origin, ("a",), Output(), {})
        return deliver(node, FrameRange.parse(frames), writer, FrameReporter(on_frame))

    def nobody(_frame: int, _kept: bool) -> None:
        pass

    def disturb(frame: int, _kept: bool) -> None:
        if frame == 1006:  # as from a machine whose locks this one does not see
            other = ToyNode(a_shot(mask(1001, draw=1)))
            origin = Origin(other.shot.plate.format)
            writer = open_matte_writer(str(tmp_path / "m.####.exr"), origin, ("a",), Output(), {})
            for made in other.render(FrameRange.parse("1002-1004")):
                writer.write(made)

    node = ToyNode(a_shot(mask(1001)))
    with pytest.raises(
        PartialError, match=r"replaced meanwhile: another run .*; not delivered: 1002-1004"
    ) as e:
        delivered(node, "1001-1006", disturb)
    assert e.value.frames == FrameRange.parse("1002-1004")
    again = delivered(node, "1001-1006", nobody)
    assert (again.made, again.kept) == (3, 3)


def test_a_run_into_files_that_another_one_writes_is_refused_at_its_start(tmp_path: Path) -> None:
    """From another plate, masks or settings. The same run again, other frames, and other names are
    no harm.
    """

    def delivered(
        node: ToyNode,
        frames: str,
        name: str,
        on_frame: Callable[[int, bool], None],
        output: Output | None = None,
    ) -> Delivery:
        origin = Origin(node.shot.plate.format)
        writer = open_matte_writer(str(tmp_path / name), origin, ("a",), output or Output(), {})
        return deliver(node, FrameRange.parse(frames), writer, FrameReporter(on_frame))

    def nobody(_frame: int, _kept: bool) -> None:
        pass

    own, other = ToyNode(a_shot(mask(1001))), ToyNode(a_shot(mask(1001, draw=1)))
    rerendered = ToyNode(a_shot(mask(1001), plate=MemoryPlate(edited=frozenset(range(1001, 1031)))))
    said: list[str] = []

    def meanwhile(frame: int, _kept: bool) -> None:
        if frame == 1003:
            assert delivered(ToyNode(a_shot(mask(1001))), "1001-1002", "m.####.exr", nobody).kept
            assert delivered(other, "1007-1008", "m.####.exr", nobody).made == 2
            assert delivered(other, "1001-1002", "n.####.exr", nobody).made == 2
            with pytest.raises(
                PartialError, match=r"\.exr.* into .*, from another plate, masks"
            ) as e:
                delivered(other, "1005-1007", "m.%d.exr", nobody)  # other padding, the same files
            said.append(str(e.value))
            for differs, output in ((own, Output(compression="zips")), (rerendered, None)):
                with pytest.raises(PartialError, match="from another plate, masks or settings"):
                    delivered(differs, "1001-1006", "m.####.exr", nobody, output)

    assert delivered(own, "1001-1006", "m.####.exr", meanwhile).made == 6
    assert f"process {os.getpid()} on " in said[0]
    assert "m.1005.exr and 1 more" in said[0]
    assert delivered(other, "1001-1006", "m.####.exr", nobody).made == 6
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_share_without_locks_holds_no_run_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is claimed there, and nothing is left."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    names = ["m.1001.exr"]
    with (
        claim_outputs(tmp_path, Claim.of_this_process(names, "own")),
        claim_outputs(tmp_path, Claim.of_this_process(names, "other")),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_claims_of_other_chunks_cost_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A farm starts hundreds of chunks at once, of one job or of several into one folder."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with ExitStack() as running:
        for frame in range(1001, 1011):
            for job in ("own", "other"):
                claim = Claim.of_this_process([f"{job}.{frame}.exr"], job)
                running.enter_context(claim_outputs(tmp_path, claim))
        assert not waits
        again = Claim.of_this_process(["own.1001.exr"], "corrected")
        with pytest.raises(OutputError), claim_outputs(tmp_path, again):
            pass
        assert waits


def test_a_claim_is_seen_by_other_users(tmp_path: Path) -> None:
    """An artist's run beside a farm's, whatever the umask."""
    before = os.umask(0o077)
    try:
        with claim_outputs(tmp_path, Claim.of_this_process(["m.1001.exr"], "own")):
            (claim,) = tmp_path.glob(".*.rde-roto-run")
            (lock,) = tmp_path.glob(".*.rde-roto-run.lock")
            assert claim.stat().st_mode & 0o044 == 0o044  # they read what it says
            assert lock.stat().st_mode & 0o066 == 0o066  # and try to lock
    finally:
        os.umask(before)


def test_of_two_runs_that_claim_in_the_same_moment_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each looked for the other's claim before that was there."""
    own, other = (Claim.of_this_process(["m.1001.exr"], name) for name in ("own", "other"))
    to_write = "rde_roto.output_claims.write_bytes"
    with ExitStack() as running:

        def meanwhile(path: Path, data: bytes, **how: Any) -> None:
            monkeypatch.setattr(to_write, write_bytes)
            running.enter_context(claim_outputs(tmp_path, other))
            write_bytes(path, data, **how)

        monkeypatch.setattr(to_write, meanwhile)
        with pytest.raises(OutputError, match="is writing"), claim_outputs(tmp_path, own):
            pass
        assert len(list(tmp_path.glob(".*.rde-roto-run"))) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"names": 5}', '{"names": [[]]}', "[" * 99999])
def test_what_is_no_claim_holds_no_run_up(tmp_path: Path, text: str) -> None:
    (tmp_path / ".planted.rde-roto-run").write_text(text)
    with claim_outputs(tmp_path, Claim.of_this_process(["m.1001.exr"], "own")):
        pass
    assert not list(tmp_path.iterdir())


def test_a_planted_lock_creates_no_file_elsewhere(tmp_path: Path) -> None:
    """By a link, anybody who can write beside the mattes chose where."""
    out = tmp_path / "out"
    out.mkdir()
    (out / ".planted.rde-roto-run").write_text("{}")
    (out / ".planted.rde-roto-run.lock").symlink_to(tmp_path / "elsewhere")
    with claim_outputs(out, Claim.of_this_process(["m.1001.exr"], "own")):
        pass
    assert list(tmp_path.iterdir()) == [out]


def test_a_run_holds_its_claim_until_it_has_checked_its_files(tmp_path: Path) -> None:
    """A run that waited for its end would replace them before they are checked."""

    @dataclass(frozen=True)
    class WatchedWriter:
        inner: MatteWriter
        held: list[int]

        def has_digest(self, frame: int, digest: str) -> bool:
            self.held.append(len(list(tmp_path.glob(".*.rde-roto-run"))))
            return self.inner.has_digest(frame, digest)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    node = ToyNode(a_shot(mask(1001)))
    origin, held = Origin(node.shot.plate.format), list[int]()
    writer = open_matte_writer(str(tmp_path / "m.####.exr"), origin, ("a",), Output(), {})
    reporter = FrameReporter(lambda _frame, _kept: None)
    watched = cast(MatteWriter, WatchedWriter(writer, held))
    deliver(node, FrameRange.parse("1001-1002"), watched, reporter)
    assert held == [1, 1]


def test_what_a_killed_run_has_claimed_is_free(tmp_path: Path) -> None:
    """Its claim stays beside the mattes, and is removed by the next run."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from rde_roto.output_claims import Claim, claim_outputs\n"
        "claim = Claim.of_this_process(['m.1001.exr'], 'other')\n"
        "with claim_outputs(Path(sys.argv[1]), claim): os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    assert len(list(tmp_path.glob(".*.rde-roto-run"))) == 1
    with claim_outputs(tmp_path, Claim.of_this_process(["m.1001.exr"], "own")):
        assert len(list(tmp_path.glob(".*.rde-roto-run"))) == 1
    assert not list(tmp_path.iterdir())


def test_what_a_run_leaves_that_was_killed_while_it_claimed_is_removed_a_day_later(
    tmp_path: Path,
) -> None:
    """Hidden files of nobody stayed beside the mattes for ever, and went with each delivery."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from rde_roto import atomic; from rde_roto.output_claims import Claim, claim_outputs\n"
        "atomic._write = lambda path, *_: (open(path, 'x'), os._exit(9))\n"
        "claim = Claim.of_this_process(['m.1001.exr'], 'other')\n"
        "with claim_outputs(Path(sys.argv[1]), claim): pass\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    left = set(tmp_path.iterdir())
    assert len(left) == 2
    own = Claim.of_this_process(["m.1001.exr"], "own")
    with claim_outputs(tmp_path, own):
        assert left < set(tmp_path.iterdir()), "a run may be about to take its lock"
    yesterday = time.time() - 2 * 86400
    for path in left:
        os.utime(path, (yesterday, yesterday))
    with claim_outputs(tmp_path, own):
        pass
    assert not list(tmp_path.iterdir())


def test_a_plate_that_is_rendered_again_behind_the_tracker_is_told_of(tmp_path: Path) -> None:
    """Frames that were read before they were replaced. One that has gone is no error."""
    shape = (HEIGHT, WIDTH, 3)
    files = {frame: tmp_path / f"p.{frame}.png" for frame in range(1001, 1009)}
    for frame, file in files.items():
        write_image(file, np.full(shape, frame % 10 / 10), "uint16")

    def delivered(on_frame: Callable[[int, bool], None]) -> Delivery:
        plate = open_plate(str(tmp_path / "p.####.png"))
        shot = Shot(plate, plate.range, elements_named("a"), (mask(1001),))
        pattern, origin = str(tmp_path / "out/m.####.exr"), Origin(plate.format)
        writer = open_matte_writer(pattern, origin, ("a",), Output(), {})
        return deliver(ToyNode(shot), shot.range, writer, FrameReporter(on_frame))

    def replace(frame: int, _kept: bool) -> None:
        if frame == 1008:
            write_image(files[1004], np.full(shape, 0.85), "uint16")

    def remove(frame: int, _kept: bool) -> None:
        if frame == 1008:
            files[1002].unlink()

    with pytest.raises(InputError, match=r"p\.1004\.png was replaced after"):
        delivered(replace)
    assert len(list((tmp_path / "out").iterdir())) == len(files)
    again = delivered(remove)
    assert (again.made, again.kept) == (5, 3)


@dataclass(frozen=True)
class Starved:
    """A writer for which no memory is left at one frame."""

    plain: MatteWriter
    at: int
    take: Callable[[], object]

    def path(self, frame: int) -> Path:
        return self.plain.path(frame)

    def files(self, frame: int) -> tuple[Path, ...]:
        return self.plain.files(frame)

    @property
    def form(self) -> str:
        return self.plain.form

    def is_written(self, frame: int, digest: str) -> bool:
        return self.plain.is_written(frame, digest)

    def has_digest(self, frame: int, digest: str) -> bool:
        return self.plain.has_digest(frame, digest)

    def write(self, matte: Matte) -> None:
        if matte.frame == self.at:
            self.take()
        self.plain.write(matte)


@pytest.mark.parametrize("take", [lambda: np.empty(1 << 50), lambda: torch.empty(1 << 60)])
def test_a_writer_without_memory_ends_a_delivery_that_goes_on_later(
    tmp_path: Path, take: Callable[[], object]
) -> None:
    node = ToyNode(a_shot(mask(1001), frames="1001-1008"))
    origin = Origin(node.shot.plate.format)
    plain = open_matte_writer(str(tmp_path / "m.####.exr"), origin, ("a",), Output(), {})
    with pytest.raises(
        OutOfMemoryError, match=r"ran out while writing mattes of \d+x\d+ \(.*again"
    ):
        deliver(node, node.shot.range, Starved(plain, 1004, take), FrameReporter(lambda *_: None))
    there = sorted(path.name for path in tmp_path.iterdir())
    assert there == ["m.1001.exr", "m.1002.exr", "m.1003.exr"]
    again = deliver(node, node.shot.range, plain, FrameReporter(lambda *_: None))
    assert (again.made, again.kept) == (5, 3)


class Noted:
    """Notes finished frames and shares, in order."""

    def __init__(self) -> None:
        self.said: list[int | float] = []

    def __call__(self, frame: int, kept: bool) -> None:
        self.said.append(frame)

    def advance(self, share: float) -> None:
        self.said.append(share)


def reported(node: ToyNode, folder: Path, frames: str | None = None) -> list[int | float]:
    origin = Origin(node.shot.plate.format)
    writer = open_matte_writer(str(folder / "m.####.exr"), origin, ("a",), Output(), {})
    noted = Noted()
    deliver(node, FrameRange.parse(frames) if frames else node.shot.range, writer, noted)
    return noted.said


def test_from_one_keyframe_each_frame_is_a_share_of_the_work(tmp_path: Path) -> None:
    said = reported(ToyNode(a_shot(mask(1001), frames="1001-1008")), tmp_path)
    assert said == [one for n in range(1, 9) for one in (1000 + n, n / 8)]


@pytest.mark.parametrize("before", [0, 7])
def test_between_two_keyframes_both_passes_count(tmp_path: Path, before: int) -> None:
    """Also if some mattes are there already."""
    shot = a_shot(mask(1001), mask(1030))
    if before:
        reported(ToyNode(shot), tmp_path, f"1001-{1001 + before}")
    said = reported(ToyNode(shot), tmp_path)
    shares = [one for one in said if isinstance(one, float)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(one for one in said if isinstance(one, int)) == list(shot.range)
    if not before:
        first_tracked = said[: said.index(1002)]
        assert first_tracked.count(1001) == first_tracked.count(1030) == 1
        assert first_tracked[-1] >= (2 + 9) / 58  # the backward pass's memory frames at least
        assert len(first_tracked) >= 4 + 9
