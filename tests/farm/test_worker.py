"""Jobs through a worker, with the toy: what becomes of each."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from image_files import read_image, write_deep
from toy_worker import job_text, toy_make, write_mask, write_plate

from rde_roto.documents.job_status import JobStatus
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.doors.watchfolder.inbox import Inbox
from rde_roto.doors.watchfolder.job_folder import status_of
from rde_roto.doors.watchfolder.job_reader import JobReader
from rde_roto.doors.watchfolder.job_run import PreparedNode, PrepareNode
from rde_roto.doors.watchfolder.owners import DeadWorkers, Owner
from rde_roto.doors.watchfolder.scanner import Scanner, run_until_stopped
from rde_roto.doors.watchfolder.worker import Worker
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.stores import Stores
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import Matte
from toy_tracker import ToyTracker

FRAMES = range(1001, 1007)


@dataclass
class Farm:
    """A hot folder, a plate and a mask beside it, and workers that track with the toy."""

    root: Path
    memo: PlateMemo
    said: list[str] = field(default_factory=list)
    now: float = 0.0
    made: list[OpenedShot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hot = HotFolder.create(self.root / "hot")
        self.plate = write_plate(self.root / "plate", len(FRAMES))
        self.mask = write_mask(self.root / "mask.png")
        self.stores = Stores.in_ram()

    def drop(self, name: str, frames: str = "1001-1006", more: str = "") -> Path:
        return self.drop_text(name, job_text(self.plate, self.mask, frames, more))

    def drop_text(self, name: str, text: str) -> Path:
        (self.hot.inbox / name).write_text(text, encoding="utf-8")
        return self.hot.inbox / name

    def make(self, opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        self.made.append(opened)
        return toy_make(self.stores)(opened, cancel)

    def worker(self, make: PrepareNode | None = None) -> Worker:
        dead_workers = DeadWorkers(lambda: self.now)
        return Worker(
            Scanner(self.hot, Inbox(self.hot.inbox), dead_workers, self.said.append),
            JobReader(self.hot, self.memo),
            make or self.make,
            Owner.of_this_process(),
            lambda: self.now,
        )

    def drain(self, worker: Worker | None = None, stop: Event | None = None) -> None:
        """Works until the inbox is empty; time passes only where a worker would wait."""

        def pause(seconds: float) -> bool:
            self.now += seconds
            return False

        run_until_stopped(
            worker or self.worker(), stop or Event(), pause, lambda: self.now, 1.0, once=True
        )

    def status(self, place: str) -> JobStatus:
        status = status_of(self.hot.root / place)
        assert status is not None, self.places()
        return status

    def places(self) -> list[str]:
        """Where jobs are, such as `done/hero`; what waits in the inbox too."""
        found = [self.hot.inbox, self.hot.running, *self.hot.ends]
        return sorted(f"{place.name}/{path.name}" for place in found for path in place.iterdir())

    def mattes(self, name: str = "hero") -> dict[int, np.ndarray[Any, Any]]:
        files = sorted((self.hot.root / "mattes" / name).glob("*.exr"))
        return {int(path.name.split(".")[-2]): read_image(path)[1] for path in files}


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with PlateMemo(tmp_path / "cache") as memo:
        yield Farm(tmp_path, memo)


def test_a_job_gets_its_mattes(farm: Farm) -> None:
    farm.drop("hero.yaml")
    farm.drain()
    status = farm.status("done/hero")
    assert (status.state, status.frames, status.done, status.total, status.kept, status.tries) == (
        "done",
        "1001-1006",
        6,
        6,
        0,
        0,
    )
    assert status.mattes == str(farm.hot.root / "mattes/hero/hero.####.exr")
    assert sorted(farm.mattes()) == list(FRAMES)
    assert farm.places() == ["done/hero"]
    assert farm.said == ["hero: started", "hero: done, 6 mattes made, 0 kept"]
    header, _ = read_image(farm.hot.root / "mattes/hero/hero.1003.exr")
    assert header.get_string_attribute("rde-roto:model") == "toy"


def test_a_job_gets_a_report_and_a_contact_sheet(farm: Farm) -> None:
    farm.drop("hero.yaml", "1002-1004")
    farm.drain()
    page = (farm.hot.root / "done/hero/report.html").read_text(encoding="utf-8")
    assert "<title>hero" in page
    assert "1002-1004" in page
    assert "toy: none" in page
    assert read_image(farm.hot.root / "done/hero/sheet.png")[0].width > 500
    status = farm.status("done/hero")
    assert status.confidence is not None
    assert 0 < status.confidence < 1


def test_a_job_does_not_fail_for_want_of_a_report(farm: Farm) -> None:
    farm.drop("hero.yaml")

    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        (farm.hot.running / "hero" / "report.html").mkdir()  # nothing can be written there
        return farm.make(opened, cancel)

    farm.drain(farm.worker(make))
    (note,) = farm.status("done/hero").look_at
    assert note == "the report could not be written: Is a directory"


def test_a_job_says_whether_its_shot_is_learned_first(farm: Farm) -> None:
    farm.drop("asks.yaml", more="learn: true\n")
    farm.drop("says-nothing.yaml", "1002")
    farm.drain()
    (farm.hot.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\nlearn: true\n")
    farm.drop("declines.yaml", "1003", more="learn: false\n")
    farm.drop("is-told.yaml", "1004")
    farm.drop("by-override.yaml", "1001-1002", more="overrides: {running.learn: false}\n")
    text = job_text(farm.plate, farm.mask, "1002-1003")
    chunk = text.replace("]}\n", "], overrides: {running.learn: false}}\n")
    assert chunk != text
    farm.drop_text("chunk.yaml", chunk)
    farm.drain()
    (farm.hot.root / "defaults.yaml").unlink()
    by_preset = "overrides: {running.learn: true}\n"
    farm.drop("by-preset.yaml", "1005", more=by_preset)
    farm.drop("overrules.yaml", "1006", more=f"learn: false\n{by_preset}")
    farm.drain()
    wishes = {opened.document.stem: opened.learns for opened in farm.made if opened.document}
    learning = {name for name, learns in wishes.items() if learns}
    assert (len(wishes), learning) == (8, {"asks", "is-told", "by-preset"})
    assert {opened.learn_into for opened in farm.made} == {farm.hot.root / "learned"}


def test_json_is_understood_too(farm: Farm) -> None:
    shot = {
        "plate": {"path": str(farm.plate)},
        "keyframes": [{"frame": 1001, "mask": str(farm.mask)}],
    }
    farm.drop_text(
        "hero.json", json.dumps({"schema": "rde-roto.job/1", "shot": shot, "frames": 1002})
    )
    farm.drain()
    assert list(farm.mattes()) == [1002]


def test_a_folder_without_a_document_is_a_shot(farm: Farm) -> None:
    """`plate.1001.png …` and `mask.1001.png`; presets and overrides are those of the folder."""
    dropped = farm.hot.inbox / "hero"
    shutil.copytree(farm.plate.parent, dropped)
    shutil.copy(farm.mask, dropped / "mask_car.1001.png")
    write_mask(dropped / "mask_dog.1003.png", left=6)
    (dropped / "reference.png").write_bytes(farm.mask.read_bytes())
    (farm.hot.root / "defaults.yaml").write_text(
        "schema: rde-roto.watch/1\npreset: draft\noverrides: {finish.gain: 0.5}\nmodel: some\n"
    )
    farm.drain()
    (opened,) = farm.made
    assert opened.shot.names == ("car", "dog")
    assert [keyframe.frame for keyframe in opened.shot.ordered] == [1001, 1003]
    assert (opened.preset.name, opened.preset.finish.gain, opened.model.name) == (
        "draft",
        0.5,
        "some",
    )
    header, _ = read_image(farm.hot.root / "mattes/hero/hero.1001.exr")
    assert header.channelnames == ("car.A", "dog.A")
    assert (farm.hot.root / "done/hero/job/hero/plate.1001.png").is_file()


def test_a_plate_may_be_a_folder_beside_its_mask(farm: Farm) -> None:
    dropped = farm.hot.inbox / "hero"
    shutil.copytree(farm.plate.parent, dropped / "beauty")
    shutil.copy(farm.mask, dropped / "Mask_1001.png")
    farm.drain()
    assert sorted(farm.mattes()) == list(FRAMES)


def test_a_folder_may_bring_its_document(farm: Farm) -> None:
    """Its paths start at the folder, whatever the folder is called and wherever it is moved."""
    for name in ("by-job", "by-shot"):
        shutil.copytree(farm.plate.parent, farm.hot.inbox / name / "plate")
        shutil.copy(farm.mask, farm.hot.inbox / name / "drawn.png")
    shot = "plate: {path: plate}\nkeyframes: [{frame: 1001, mask: drawn.png}]\n"
    (farm.hot.inbox / "by-shot/a.shot.yaml").write_text(f"schema: rde-roto.shot/1\n{shot}")
    inline = shot.replace("\n", "\n  ").rstrip()
    (farm.hot.inbox / "by-job/job.yaml").write_text(
        f"schema: rde-roto.job/1\nframes: 1002\nshot:\n  {inline}\n"
    )
    farm.drain()
    assert farm.places() == ["done/by-job", "done/by-shot"]
    assert [len(farm.mattes(name)) for name in ("by-job", "by-shot")] == [1, 6]


def test_a_job_may_name_a_shot_document(farm: Farm) -> None:
    document = farm.root / "hero.shot.yaml"
    document.write_text(
        "schema: rde-roto.shot/1\nplate: {path: plate/plate.####.png}\n"
        "keyframes: [{frame: 1001, mask: mask.png}]\n"
        "preset: draft\noverrides: {finish.gain: 0.5, finish.gamma: 2}\n"
    )
    more = "overrides: {finish.gain: 0.25}\n"
    for name, said in (("own", more), ("other", f"preset: fine\n{more}")):
        farm.drop_text(
            f"{name}.yaml", f"schema: rde-roto.job/1\nshot: {document}\nframes: 1002\n{said}"
        )
    farm.drain()
    assert farm.places() == ["done/other", "done/own"]
    presets = {opened.preset.name: opened.preset.finish for opened in farm.made}
    assert {name: (f.gain, f.gamma) for name, f in presets.items()} == {
        "draft": (0.25, 2.0),
        "fine": (0.25, 2.0),
    }


@pytest.mark.parametrize("more", ["", "learn: true\n"])  # which tries its place beforehand
def test_the_same_job_is_done_once(farm: Farm, more: str) -> None:
    farm.drop("a.yaml", more=more)
    farm.drop("b.yaml", more=f"priority: 40\n{more}")  # two names for one job
    farm.drain()
    assert farm.status("done/b").same_as == "a"
    assert farm.status("done/b").kept == 6
    assert farm.status("done/b").mattes == farm.status("done/a").mattes
    assert not (farm.hot.root / "mattes/b").exists()


def test_the_same_document_with_another_plate_is_another_job(farm: Farm) -> None:
    farm.drop("a.yaml")
    farm.drain()
    before = farm.mattes("a")
    write_plate(farm.plate.parent, len(FRAMES), seed=1)
    farm.drop("a.yaml")
    farm.drain()
    assert farm.status("done/a-2").same_as is None
    after = farm.mattes("a-2")
    assert sorted(after) == list(FRAMES)
    assert not np.array_equal(before[1004], after[1004])
    np.testing.assert_array_equal(farm.mattes("a")[1004], before[1004])


def test_mattes_of_a_job_that_was_cleared_are_never_replaced(farm: Farm) -> None:
    """Another job of its name has a folder of its own; the same job keeps them."""
    farm.drop("hero.yaml")
    farm.drain()
    before = farm.mattes()
    shutil.rmtree(farm.hot.root / "done/hero")
    farm.drop("hero.yaml", more="overrides: {finish.gain: 0.5}\n")
    farm.drain()
    assert farm.status("done/hero").mattes == str(farm.hot.root / "mattes/hero-2/hero-2.####.exr")
    mattes = farm.hot.root / "mattes"
    why = f", in {mattes / 'hero-2'}, since {mattes / 'hero'} has those of an earlier job"
    assert farm.said[-1].endswith(why)
    (farm.hot.root / "done/hero").rename(farm.hot.inbox / "hero")  # again: where it was
    farm.drain()
    assert farm.status("done/hero").kept == len(FRAMES)
    after = farm.mattes()
    assert sorted(after) == list(FRAMES)
    for frame, pixels in before.items():
        np.testing.assert_array_equal(after[frame], pixels)
    assert sorted(farm.mattes("hero-2")) == list(FRAMES)
    shutil.rmtree(farm.hot.root / "done/hero")
    farm.drop("hero.yaml")
    farm.drain()
    assert (farm.status("done/hero").kept, farm.status("done/hero").done) == (6, 6)
    assert farm.status("done/hero").mattes == str(farm.hot.root / "mattes/hero/hero.####.exr")


def test_a_job_keeps_its_place_where_the_hot_folder_has_another_path(farm: Farm) -> None:
    """Workers mount a share at paths of their own: what comes back is made where it was."""
    farm.drop("hero.yaml")
    farm.drain()
    before = farm.mattes()
    farm.hot = HotFolder.create(farm.hot.root.rename(farm.root / "mounted elsewhere"))
    write_plate(farm.plate.parent, len(FRAMES), seed=1)
    (farm.hot.root / "done/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    assert farm.status("done/hero").mattes == str(farm.hot.root / "mattes/hero/hero.####.exr")
    assert not np.array_equal(before[1004], farm.mattes()[1004])


@pytest.mark.parametrize("more", ["", "learn: true\n"])
def test_a_job_waits_while_another_worker_does_the_same(farm: Farm, more: str) -> None:
    farm.drop("a.yaml", more=more)
    first = farm.worker()

    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        farm.drop("b.yaml", more=more)
        second = farm.worker()
        second.scanner.scan()
        assert list(second.scan()) == ["b.yaml"]
        made = farm.make(opened, cancel)
        if len(farm.made) == 1:  # a's digest is known once it has begun
            farm.hot.claim_digest(digest_of_job(made.node), "a")
        second.take("b.yaml", Event())
        assert farm.said[-1] == "b: a already makes the same mattes; the job goes back to the inbox"
        assert not (farm.hot.root / "mattes/b").exists()
        assert [list(second.scan()), list(second.scan())] == [[], []]
        farm.now += 1
        return made

    def digest_of_job(node: RotoNode) -> str:
        from rde_roto.values.digest import digest_of

        output = node.preset.output.model_dump_json()
        return digest_of(None, output, *(node.digest(frame) for frame in FRAMES))

    first.prepare = make
    first.scanner.scan()
    (entry,) = first.scan()
    first.take(entry, Event())
    first.prepare = farm.make
    farm.drain(first)
    assert (farm.status("done/b").same_as, farm.status("done/b").kept) == ("a", 6)


def test_a_deep_plate_fails_with_a_sentence(farm: Farm) -> None:
    write_deep(farm.root / "deep.1001.exr")
    farm.drop_text("hero.yaml", job_text(farm.root / "deep.1001.exr", farm.mask, "1001"))
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, "is deep: flatten it first" in error.sentence) == (4, True)


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ('{"schema": "rde-ro', 3, "hero.yaml:1: this is not valid YAML"),
        ("", 3, "hero.yaml: the file is empty; expected a job document"),
        ("schema: rde-roto.job/2\nshot: a\n", 3, "hero.yaml:1: this document has schema"),
        ("schema: rde-roto.job/1\nshto: a\n", 3, "hero.yaml:2: unknown key 'shto'; did you mean"),
        ("schema: rde-roto.job/1\nframes: 1\n", 3, "hero.yaml: shot is missing"),
        ("schema: rde-roto.job/1\nshot: gone.shot.yaml\n", 3, "gone.shot.yaml: the shot document"),
        (
            "schema: rde-roto.job/1\nshot:\n  plate: {path: a}\n  keyframes:\n    - {frmae: 1}\n",
            3,
            "hero.yaml:5: unknown key 'frmae' in keyframes; did you mean 'frame'",
        ),
    ],
)
def test_a_document_that_is_wrong_fails_with_a_sentence(
    farm: Farm, text: str, code: int, sentence: str
) -> None:
    farm.drop_text("hero.yaml", text)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, sentence in error.sentence) == (code, True), error.sentence
    assert (farm.hot.root / "failed/hero/reason.txt").read_text() == error.sentence + "\n"
    assert (farm.hot.root / "failed/hero/job/hero.yaml").read_text() == text


@pytest.mark.parametrize(
    ("frames", "more", "sentence"),
    [
        ("990-1002", "", "the shot has 1001-1006, not 990-1000"),
        ("1001", "preset: drafd\n", "did you mean 'draft'"),
        ("1001", "overrides: {finish.fether_px: 1}\n", "did you mean 'feather_px'"),
        ("1001", "output: a.exr\n", "a.exr, in "),
        ("1001", "output: mattes/a.exr\n", "has no frame number"),
        ("1001", "output: mattes/../../a.####.exr\n", "jobs of this folder may write into"),
        ("1001", "output: /etc/a.####.exr\n", "jobs of this folder may write into"),
        ("1001", "output: inbox/a.####.exr\n", "jobs of this folder may write into"),
        ("1001", "output: link/a.####.exr\n", "jobs of this folder may write into"),
    ],
)
def test_what_a_job_may_not_ask_for_fails(
    farm: Farm, frames: str, more: str, sentence: str
) -> None:
    (farm.hot.root / "link").symlink_to("/tmp")
    farm.drop("hero.yaml", frames, more)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert sentence in error.sentence
    assert "/proc/self" not in error.sentence
    assert not list(farm.root.glob("a.*"))


def test_a_job_may_write_where_the_folder_allows(farm: Farm) -> None:
    (farm.root / "shows").mkdir()
    (farm.hot.root / "defaults.yaml").write_text(
        f"schema: rde-roto.watch/1\nroots: ['{farm.root}/shows']\nmattes: '{farm.root}/out'\n"
    )
    farm.drop("hero.yaml", "1002", f"output: {farm.root}/shows/x/../y z/hero.####.exr\n")
    farm.drop("robot.yaml", "1003")
    farm.drain()
    assert (farm.root / "shows/y z/hero.1002.exr").is_file()
    assert (farm.root / "out/robot/robot.1003.exr").is_file()


@pytest.mark.parametrize("place", ["inbox", "inbox/out", "running", "done", "failed/hero/out"])
@pytest.mark.parametrize("chooser", ["output", "mattes"])
def test_mattes_never_go_where_jobs_lie(farm: Farm, chooser: str, place: str) -> None:
    """In the inbox they would be the next job, and moved away from where people look for them."""
    defaults = {"output": "roots: [.]", "mattes": f"mattes: {place}"}[chooser]
    (farm.hot.root / "defaults.yaml").write_text(f"schema: rde-roto.watch/1\n{defaults}\n")
    output = f"output: {place}/a.####.exr\n"
    farm.drop("hero.yaml", "1001", output if chooser == "output" else "")
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert f"which is in {place.partition('/')[0]}/, where jobs lie" in error.sentence
    assert not list(farm.hot.root.glob("**/*.exr"))


@pytest.mark.parametrize(
    ("output", "code", "sentence"),
    [
        ("{root}/mask.png/hero.####.exr", 7, "cannot write into"),
        ("{root}/out/hero.####.jpg", 2, "must end in .exr"),
        ("{root}/plate/plate.####.png", 2, "overwrite its own input"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_a_shot_is_learned(
    farm: Farm, output: str, code: int, sentence: str
) -> None:
    roots = f"roots: ['{farm.root}']\n"
    (farm.hot.root / "defaults.yaml").write_text(f"schema: rde-roto.watch/1\n{roots}")
    farm.drop("hero.yaml", more=f"learn: true\noutput: '{output.format(root=farm.root)}'\n")
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert sentence in error.sentence
    assert error.code == code
    assert farm.made == []


def test_an_input_is_never_written_over(farm: Farm) -> None:
    (farm.hot.root / "defaults.yaml").write_text(
        f"schema: rde-roto.watch/1\nroots: ['{farm.plate.parent}']\n"
    )
    before = (farm.plate.parent / "plate.1002.png").read_bytes()
    farm.drop("hero.yaml", more=f"output: '{farm.plate}'\noverrides: {{output.format: labels}}\n")
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert "overwrite its own input" in error.sentence
    assert (farm.plate.parent / "plate.1002.png").read_bytes() == before


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no mask"),
        (["plate.1001.png"], "holds no mask"),
        (["mask.1001.png"], "holds 0 plates (none)"),
        (["mask.1001.png", "a.1001.png", "b.1001.png"], "holds 2 plates (a.1001.png, b.1001.png)"),
        (["mask.1009.png", "plate.1001.png"], "1009"),
    ],
)
def test_a_folder_that_is_no_shot_fails_with_what_was_expected(
    farm: Farm, names: list[str], sentence: str
) -> None:
    (farm.hot.inbox / "hero").mkdir()
    for name in names:
        shutil.copy(farm.mask, farm.hot.inbox / "hero" / name)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert sentence in error.sentence


def test_a_mask_without_an_element_beside_named_ones_is_refused(farm: Farm) -> None:
    """It was taken for the element that another mask names."""
    dropped = farm.hot.inbox / "hero"
    shutil.copytree(farm.plate.parent, dropped)
    shutil.copy(farm.mask, dropped / "mask.1001.png")
    write_mask(dropped / "mask_car.1003.png", left=6)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert "hero holds masks of car, and mask.1001.png, which names no element" in error.sentence


def test_links_are_followed_for_reading(farm: Farm) -> None:
    (farm.root / "shot").mkdir()
    for path in (*farm.plate.parent.iterdir(), farm.mask):
        name = "mask.1001.png" if path == farm.mask else path.name
        (farm.root / "shot" / name).symlink_to(path)
    (farm.hot.inbox / "hero").symlink_to(farm.root / "shot")
    farm.drain()
    assert sorted(farm.mattes()) == list(FRAMES)
    assert len(list((farm.root / "shot").iterdir())) == 7


def test_a_link_to_nothing_fails(farm: Farm) -> None:
    (farm.hot.inbox / "hero.yaml").symlink_to("../elsewhere.yaml")
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert "is a broken link" in error.sentence


def test_an_input_that_is_deleted_while_it_runs_fails_and_keeps_what_is_done(farm: Farm) -> None:
    farm.drop("hero.yaml")

    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        (farm.plate.parent / "plate.1005.png").unlink()
        return farm.make(opened, cancel)

    farm.drain(farm.worker(make))
    error = farm.status("failed/hero").error
    assert error is not None
    assert error.code == 4
    assert "plate.1005.png" in error.sentence


def test_frames_that_are_skipped_are_told_of(farm: Farm) -> None:
    (farm.plate.parent / "plate.1003.png").unlink()
    text = job_text(farm.plate, farm.mask).replace(".png'}", ".png', missing: skip}", 1)
    farm.drop_text("hero.yaml", text)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, "lacks 1003: skipped" in error.sentence) == (7, True)
    assert sorted(farm.mattes()) == [1001, 1002, 1004, 1005, 1006]


def test_a_plate_that_is_still_copied_is_not_done(farm: Farm) -> None:
    """Its last frames came after the job was opened, which ended as done without them."""
    late = farm.plate.parent / "plate.1006.png"
    late.rename(farm.root / "late.png")

    def copy_meanwhile(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        if not late.exists():
            shutil.copy(farm.root / "late.png", late)
        return farm.make(opened, cancel)

    text = job_text(farm.plate, farm.mask).replace("frames: 1001-1006\n", "")
    farm.drop_text("hero.yaml", text)
    farm.drain(farm.worker(copy_meanwhile))
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, error.sentence) == (
        7,
        "plate.####.png has got frames since this began, 1006: run it again to make their mattes "
        "from them",
    )
    assert sorted(farm.mattes()) == [1001, 1002, 1003, 1004, 1005]

    (farm.hot.root / "failed/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    status = farm.status("done/hero")
    assert (status.done, status.kept) == (6, 5)
    late.unlink()
    farm.drop("named.yaml", "1001-1005")
    farm.drain(farm.worker(copy_meanwhile))
    assert farm.status("done/named").done == 5


@pytest.mark.parametrize("late", ["mask.1004.png", "mask.1001.png", "job.yaml"])
def test_what_comes_late_into_a_dropped_folder_is_told_of(farm: Farm, late: str) -> None:
    """A copy that paused: the job ended as done, without a keyframe or with other settings."""
    dropped = farm.hot.inbox / "hero"
    shutil.copytree(farm.plate.parent, dropped)
    shutil.copy(farm.mask, dropped / "mask.1001.png")

    def copy_meanwhile(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        saved_again = farm.mask.read_bytes() + b" "
        (farm.hot.running / "hero/job/hero" / late).write_bytes(saved_again)
        return farm.make(opened, cancel)

    farm.drain(farm.worker(copy_meanwhile))
    error = farm.status("failed/hero").error
    assert error is not None
    assert error.code == 7
    assert error.sentence.startswith(f"{late} came or changed since this began")
    assert len(farm.mattes()) == len(FRAMES)


def test_a_document_that_goes_on_after_it_was_read_is_told_of(farm: Farm) -> None:
    """A copy that paused between two lines: the job ended as done, with the first ones alone."""
    whole = job_text(farm.plate, farm.mask)
    farm.drop_text("hero.yaml", whole.replace("frames: 1001-1006\n", "frames: 1001-1003\n"))

    def copy_meanwhile(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        (farm.hot.running / "hero/job/hero.yaml").write_text(whole, encoding="utf-8")
        return farm.make(opened, cancel)

    farm.drain(farm.worker(copy_meanwhile))
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, error.sentence.partition(":")[0]) == (
        7,
        "hero.yaml came or changed since this began",
    )
    (farm.hot.root / "failed/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    assert (farm.status("done/hero").done, farm.status("done/hero").kept) == (6, 3)


def test_files_of_other_programs_that_a_job_replaces_are_named(
    farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    out = farm.hot.root / "mattes/own"
    out.mkdir(parents=True)
    shutil.copy(farm.plate.parent / "plate.1002.png", out / "m.1002.png")
    more = "output: mattes/own/m.####.png\n"
    farm.drop("hero.yaml", more=more)
    farm.drain()
    assert "has saved again: 1002, such as m.1002.png" in capsys.readouterr().err


def test_times_that_come_late_fail_no_job(farm: Farm) -> None:
    """On a share: a mask whose time alone changed failed a job with every matte delivered."""
    dropped = farm.hot.inbox / "hero"
    shutil.copytree(farm.plate.parent, dropped)
    shutil.copy(farm.mask, dropped / "mask.1001.png")
    farm.drop("named.yaml", "1001-1002")

    def change_times(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        for file in farm.hot.running.glob("*/job/**/*"):
            os.utime(file, (2_000_000_000, 2_000_000_000))
        return farm.make(opened, cancel)

    farm.drain(farm.worker(change_times))
    assert {path.name for path in (farm.hot.root / "done").iterdir()} == {"hero", "named"}


def test_a_gap_that_is_filled_meanwhile_is_told_of(farm: Farm) -> None:
    gap = farm.plate.parent / "plate.1003.png"
    gap.rename(farm.root / "late.png")

    def copy_meanwhile(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        shutil.copy(farm.root / "late.png", gap)
        return farm.make(opened, cancel)

    text = job_text(farm.plate, farm.mask).replace(".png'}", ".png', missing: hold}", 1)
    farm.drop_text("hero.yaml", text)
    farm.drain(farm.worker(copy_meanwhile))
    error = farm.status("failed/hero").error
    assert error is not None
    assert error.code == 7
    assert "has got frames since this began, 1003: run it again" in error.sentence
    held = farm.mattes()[1003]

    (farm.hot.root / "failed/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    assert farm.status("done/hero").kept == 5  # 1003 was a held picture
    assert not np.array_equal(farm.mattes()[1003], held)


def test_a_bug_ends_the_job_and_not_the_worker(
    farm: Farm, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        raise LookupError("a bug")

    farm.drop("hero.yaml")
    farm.drain(farm.worker(make))
    error = farm.status("failed/hero").error
    assert error is not None
    assert (error.code, error.sentence) == (1, "LookupError: a bug")
    assert "Traceback" in capsys.readouterr().err


def test_a_job_without_memory_says_so(farm: Farm, capsys: pytest.CaptureFixture[str]) -> None:
    farm.drop("hero.yaml")
    farm.drain(farm.worker(lambda *_: np.empty(1 << 50)))  # type: ignore[arg-type]
    error = farm.status("failed/hero").error
    assert error is not None
    assert error.code == 6
    assert error.sentence.startswith("memory ran out (Unable to allocate")
    assert "Traceback" not in capsys.readouterr().err


# Stopping, moving, trying again.


def stopped_after(farm: Farm, frames: int, then: Callable[[], object]) -> PrepareNode:
    """Makes nodes that do something just before they hand out their matte of that number."""

    class Interrupted(RotoNode):
        def render(self, *arguments: Any, **named: Any) -> Generator[Matte, None, None]:
            for number, matte in enumerate(super().render(*arguments, **named), start=1):
                if number == frames:
                    then()
                yield matte

    def make(opened: OpenedShot, cancel: Cancel) -> PreparedNode:
        node = Interrupted(opened.shot, opened.preset, ToyTracker, farm.stores)
        return dataclasses.replace(farm.make(opened, cancel), node=node)

    return make


def test_a_stopped_worker_gives_its_job_back_and_another_goes_on(farm: Farm) -> None:
    farm.drop("hero.yaml")
    stop = Event()
    farm.drain(farm.worker(stopped_after(farm, 3, stop.set)), stop)
    assert farm.places() == ["inbox/hero"]
    assert farm.status("inbox/hero").tries == 0
    done = len(farm.mattes())
    assert 3 <= done < 6
    farm.drain()
    status = farm.status("done/hero")
    assert (status.done, status.kept) == (6, done)


def test_a_job_that_is_moved_is_cancelled(farm: Farm) -> None:
    farm.drop("hero.yaml")

    def cancel() -> None:
        (farm.hot.running / "hero").rename(farm.hot.root / "cancelled/hero")
        farm.now += 2  # it is looked for every second

    farm.drain(farm.worker(stopped_after(farm, 2, cancel)))
    assert farm.places() == ["cancelled/hero"]
    assert len(farm.mattes()) < 6
    assert farm.status("cancelled/hero").state == "cancelled"
    assert farm.said[-1] == "hero: moved away while it ran; finished mattes are kept"
    (farm.hot.root / "cancelled/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    assert farm.status("done/hero").done == 6


def test_a_job_that_is_moved_before_its_report_leaves_nothing_in_its_place(farm: Farm) -> None:
    farm.drop("hero.yaml")

    def cancel() -> None:
        (farm.hot.running / "hero").rename(farm.hot.root / "cancelled/hero")

    farm.drain(farm.worker(stopped_after(farm, 6, cancel)))
    assert farm.places() == ["cancelled/hero"]
    assert len(farm.mattes()) == 6
    assert farm.status("cancelled/hero").look_at == (), "nobody looks for a report there"


def test_a_job_whose_owner_cannot_be_read_for_a_moment_is_not_given_up(farm: Farm) -> None:
    """As when a share answers with an error: here a folder lies in the place of the file."""
    farm.drop("hero.yaml")

    def harm() -> None:
        (farm.hot.running / "hero/owner.json").unlink()
        (farm.hot.running / "hero/owner.json").mkdir()
        farm.now += 2  # it is looked for every second

    farm.drain(farm.worker(stopped_after(farm, 3, harm)))
    assert farm.places() == ["done/hero"]
    assert farm.status("done/hero").done == 6


def test_a_worker_that_was_taken_for_dead_leaves_the_job_alone(farm: Farm) -> None:
    farm.drop("hero.yaml")

    def take_over() -> None:
        farm.hot.give_back(farm.hot.running / "hero")
        assert farm.hot.claim("hero", Owner("another", "elsewhere", 1)) is not None

    farm.drain(farm.worker(stopped_after(farm, 3, take_over)))
    assert farm.places() == ["running/hero"]
    assert farm.status("running/hero").worker == "elsewhere:1"


def test_a_job_that_kills_its_workers_is_set_aside(farm: Farm) -> None:
    (farm.hot.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 2\n")
    farm.drop("hero.yaml")
    dead = Owner("dead", "elsewhere", 1)
    for entry in ("hero.yaml", "hero"):
        claim = farm.hot.claim(entry, dead)
        assert claim is not None
        farm.hot.give_back(claim.folder)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert "died 2 times without an error" in error.sentence
    assert farm.made == []
    (farm.hot.root / "failed/hero").rename(farm.hot.inbox / "hero")
    farm.drain()  # tried again because somebody says so
    assert farm.places() == ["done/hero"]


class KilledError(BaseException):
    """As good as a kill: nothing of ours catches it."""


def die() -> None:
    raise KilledError


def test_a_job_that_comes_on_is_not_set_aside(farm: Farm) -> None:
    """However often its workers die: only tries without a frame more count."""
    (farm.hot.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 2\n")
    entry = farm.drop("hero.yaml").name
    for frames in range(1, 5):
        with pytest.raises(KilledError):
            farm.worker(stopped_after(farm, 2, die)).take(entry, Event())
        farm.hot.give_back(farm.hot.running / "hero")
        entry = "hero"
        assert len(farm.mattes()) >= frames
    farm.drain()
    assert farm.places() == ["done/hero"]


def test_a_wrong_defaults_document_fails_no_job(farm: Farm) -> None:
    farm.drop("hero.yaml")
    (farm.hot.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntires: 2\n")
    worker = farm.worker()
    assert [list(worker.scan()), list(worker.scan())] == [[], []]
    assert len(farm.said) == 1
    assert "unknown key 'tires'; did you mean 'tries'" in farm.said[0]
    (farm.hot.root / "defaults.yaml").write_text("schema: rde-roto.watch/1\ntries: 2\n")
    farm.drain(worker)
    assert farm.places() == ["done/hero"]


def test_presets_are_read_anew_for_each_job(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDE_ROTO_PRESETS", str(farm.root / "presets"))
    (farm.root / "presets").mkdir()
    worker = farm.worker()
    for gain in (0.25, 0.5):
        (farm.root / "presets/show.yaml").write_text(f"extends: draft\nfinish: {{gain: {gain}}}\n")
        farm.drop(f"{gain}.yaml", "1002", "preset: show\n")
        farm.drain(worker)
    assert [opened.preset.finish.gain for opened in farm.made] == [0.25, 0.5]


def test_ten_thousand_junk_files_are_left_lying(farm: Farm) -> None:
    for number in range(10_000):
        (farm.hot.inbox / f"junk.{number}.exr").touch()
    farm.drop("hero.yaml", "1002")
    farm.drain()
    assert (farm.hot.root / "done/hero").is_dir()
    assert len(list(farm.hot.inbox.iterdir())) == 10_000


# Disks.


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the space of a small disk; the file that does."""
    filler = disk / "filler"
    with filler.open("wb", 0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


def test_an_entry_that_cannot_be_taken_keeps_no_other_one_waiting(
    farm: Farm, mounted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is a disk of its own, for example, cannot be renamed."""
    stuck = farm.hot.inbox / "a_stuck"
    stuck.mkdir()
    subprocess.run(["mount", "--bind", str(mounted), str(stuck)], check=True)
    try:
        for name in ("b", "c"):
            farm.drop(f"{name}.yaml", "1002")
        with pytest.raises(UsageError, match=r"the hot folder cannot be used: .*a_stuck"):
            farm.drain()
    finally:
        subprocess.run(["umount", str(stuck)], check=True)
    assert farm.places() == ["done/b", "done/c", "inbox/a_stuck"]
    assert capsys.readouterr().err.count("a_stuck") >= 1


def test_the_digest_of_a_job_is_no_way_out(farm: Farm) -> None:
    """Of two jobs that deliver the same, the later takes the place that the first one's status
    says, if jobs may write there.
    """
    farm.drop("a.yaml")
    farm.drain()
    path = farm.hot.root / "done/a/status.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "mattes": str(farm.root / "outside/x.####.exr")}))
    farm.drop("b.yaml", more="priority: 40\n")
    farm.drain()
    error = farm.status("failed/b").error
    assert error is not None
    assert "jobs of this folder may write into" in error.sentence
    assert not (farm.root / "outside").exists()


def test_a_job_whose_disk_is_full_fails_and_goes_on_later(farm: Farm, mounted: Path) -> None:
    defaults = f"schema: rde-roto.watch/1\nmattes: '{mounted}/mattes'\n"
    (farm.hot.root / "defaults.yaml").write_text(defaults)
    farm.drop("hero.yaml")
    (mounted / "mattes/hero").mkdir(parents=True)
    filler = fill(mounted)
    farm.drain()
    error = farm.status("failed/hero").error
    assert error is not None
    assert error.code == 7
    filler.unlink()
    (farm.hot.root / "failed/hero").rename(farm.hot.inbox / "hero")
    farm.drain()
    assert len(list((mounted / "mattes/hero").glob("hero.*.exr"))) == 6


def test_in_a_hot_folder_on_a_full_disk_jobs_wait(farm: Farm, mounted: Path) -> None:
    farm.hot = HotFolder.create(mounted / "hot")
    farm.drop("hero.yaml")
    filler = fill(mounted)
    with pytest.raises(UsageError, match=r"the hot folder cannot be used: .*No space left"):
        farm.drain()
    assert farm.places() == ["inbox/hero.yaml"]
    filler.unlink()
    farm.drain()
    assert sorted(farm.mattes()) == list(FRAMES)


def test_a_read_only_folder_is_told_of_and_nothing_is_lost(farm: Farm, mounted: Path) -> None:
    farm.hot = HotFolder.create(mounted / "hot")
    farm.drop("hero.yaml")
    remount = ["mount", "-o", "remount,ro", str(mounted)]
    subprocess.run(remount, check=True)
    with pytest.raises(UsageError, match=r"the hot folder cannot be used: .*Read-only"):
        farm.drain()
    subprocess.run([*remount[:2], "remount,rw", str(mounted)], check=True)
    farm.drain()
    assert sorted(farm.mattes()) == list(FRAMES)
    assert list(farm.hot.running.iterdir()) == []
