"""Reports on toy shots: what is said, what is shown, and what it costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from page_reader import Page
from PIL import Image
from toy_shots import PRESET, MemoryPlate, ToyNode, a_shot, mask

from rde_roto.advice import advise
from rde_roto.documents.model_card import ModelChoice
from rde_roto.images.origin import Origin
from rde_roto.report import report_on, write_report, write_sheet
from rde_roto.shot_files import OpenedShot
from rde_roto.values.errors import InputError, OutputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.keyframe import elements_named
from rde_roto.values.plate import MissingPolicy
from rde_roto.values.report import Report, Run
from rde_roto.values.shot import Shot

EMPTY = FrameRange.of([])


def opened(shot: Shot, gaps: FrameRange = EMPTY, missing: MissingPolicy = "error") -> OpenedShot:
    origin = Origin(shot.plate.format)
    return OpenedShot(
        shot, PRESET, ModelChoice("toy"), (), gaps, missing, origin, Path("x/hero.shot.yaml")
    )


def report_of(node: ToyNode, asked: str, shot: OpenedShot | None = None) -> Report:
    frames = FrameRange.parse(asked)
    advice = advise(node, frames.intersection(node.shot.range))
    return report_on(node, shot or opened(node.shot), advice, Run(frames, "toy: CC0"))


def test_a_report_tells_what_the_advice_does() -> None:
    elements = elements_named("hero", "car")
    shot = a_shot(mask(1003, ("hero", "car")), mask(1020, ("hero",)), elements=elements)
    node = ToyNode(shot)
    report = report_of(node, "1001-1025")
    advice = advise(node, FrameRange.parse("1001-1025"))
    assert (report.shot, report.plate, report.size) == ("hero", "memory.####.exr", "12x8")
    assert report.frames == FrameRange.parse("1001-1025")
    assert report.keyframes == FrameRange.parse("1003,1020")
    assert [track.name for track in report.tracks] == ["hero", "car"]
    for track in report.tracks:
        assert track.doubtful == advice.doubtful[track.name]
        assert track.confidences == {f: by[track.name] for f, by in advice.confidences.items()}
    assert advice.next is not None  # noise, which the toy is never sure of
    assert report.to_correct is not None
    assert report.to_correct.name == advice.next.element
    assert report.to_correct.correct_at == advice.next.frame
    assert advice.next.frame in [still.frame for still in report.stills]
    warned = [remark.is_warning for remark in report.remarks]
    assert warned == sorted(warned, reverse=True)


def test_its_pictures_are_the_mattes_and_the_only_cost() -> None:
    plate = MemoryPlate(FrameRange.parse("1-400"))
    node = ToyNode(a_shot(mask(1), plate=plate))
    advice = advise(node)
    steps = node.steps
    plate.read_frames.clear()
    report = report_on(node, opened(node.shot), advice, Run(plate.range, "toy"))
    shown = [still.frame for still in report.stills]
    assert node.steps == steps
    assert set(plate.read_frames) <= set(shown)
    assert 9 <= len(shown) <= 24
    assert shown == sorted(shown)
    for still in report.stills:
        assert still.plate.shape == (277, 416, 3)
        assert still.alpha.shape == (1, 277, 416)
        # Lanczos keeps the mean but for its clipped overshoots
        assert still.alpha.mean() == pytest.approx(node.matte(still.frame).alpha.mean(), abs=0.02)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("hold", "The plate lacks frames 1004-1005: the nearest earlier frame stands in"),
        ("black", "The plate lacks frames 1004-1005: black stands in"),
    ],
)
def test_frames_that_are_made_up_are_told(missing: MissingPolicy, said: str) -> None:
    node = ToyNode(a_shot(mask(1001)))
    gaps = FrameRange.parse("1004-1005,1020")
    report = report_of(node, "1001-1010", opened(node.shot, gaps, missing))
    (remark,) = [one for one in report.remarks if "lacks" in one.sentence]
    assert (remark.sentence, remark.at) == (said, 1004)
    assert 1004 in [still.frame for still in report.stills]
    assert "lacks" not in " ".join(
        one.sentence for one in report_of(node, "1001-1003", opened(node.shot, gaps)).remarks
    )


def test_frames_that_are_skipped_are_told() -> None:
    node = ToyNode(a_shot(mask(1001), frames="1001-1003,1005-1010"))
    shot = opened(node.shot, FrameRange.parse("1004"), "skip")
    report = report_of(node, "1001-1010", shot)
    (remark,) = [one for one in report.remarks if "lacks" in one.sentence]
    assert remark.sentence == "The plate lacks frame 1004: it is left out"
    assert remark.at is None
    assert 1004 not in report.frames
    with pytest.raises(InputError, match=r"memory\.####\.exr has none of the frames 1004"):
        report_of(node, "1004", shot)


def test_it_is_written_as_a_page_and_as_a_sheet(tmp_path: Path) -> None:
    report = report_of(ToyNode(a_shot(mask(1001))), "1001-1010")
    out = tmp_path / "reports/hero.html"
    write_report(report, out)
    page = Page(out.read_text(encoding="utf-8"))
    assert page.count("img") == len(report.stills)
    assert [path.name for path in out.parent.iterdir()] == ["hero.html"]
    write_sheet(report, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        rows = (np.asarray(sheet)[..., 0] > 0).any(axis=1).sum()
        assert rows >= len(report.stills) * 277
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*hero\.html"):
        write_report(report, tmp_path / "file/hero.html")
