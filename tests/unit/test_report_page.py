"""The page of a report, made from figures and made-up pictures."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from page_reader import Page
from PIL import Image

from rde_roto.images.report import report_page
from rde_roto.values.delivery import Delivery
from rde_roto.values.frames import FrameRange
from rde_roto.values.report import ElementTrack, Remark, Report, Run, Still

FORTY = FrameRange.parse("1001-1040")


def still(frame: int, count: int = 1) -> Still:
    random = np.random.default_rng(frame)
    plate = random.random((9, 16, 3), np.float32)
    return Still(frame, plate, np.eye(count, 144, dtype=np.float32).reshape(count, 9, 16))


def element(name: str, frames: FrameRange, doubtful: str | None = None) -> ElementTrack:
    doubts = FrameRange.of([]) if doubtful is None else FrameRange.parse(doubtful)
    sure = {frame: 0.6 if frame in doubts else 0.9 for frame in frames}
    return ElementTrack(name, sure, {}, doubts)


CLEAN = Report(
    shot="hero",
    plate="hero.####.exr",
    size="1920x1080",
    aspect=16 / 9,
    preset="draft, 240 lines",
    run=Run(FORTY, "toy: CC0; commercial use: allowed", Delivery(30, 10, 75.0)),
    frames=FORTY,
    keyframes=FrameRange.parse("1001"),
    tracks=(element("hero", FORTY),),
    remarks=(),
    stills=(still(1001), still(1020)),
)
DOUBTFUL = dataclasses.replace(
    CLEAN,
    tracks=(
        dataclasses.replace(element("hero", FORTY, "1010-1012,1030"), correct_at=1011),
        element("car", FORTY),
    ),
    remarks=(Remark("hero may be wrong", 1030), Remark("a note", None, is_warning=False)),
    stills=tuple(still(frame, 2) for frame in (1001, 1011, 1020, 1030)),
)


def test_everything_is_in_the_page_and_nothing_is_fetched() -> None:
    page = Page(report_page(DOUBTFUL))
    assert page.count("script") == page.count("link") == page.count("iframe") == 0
    pictures, links = page.values("src"), page.values("href")
    assert pictures
    assert all(value.startswith("data:image/jpeg;base64,") for value in pictures)
    assert links
    assert all(value.startswith("#f") for value in links)
    ids = page.values("id")
    assert ids == ["f1011", "f1030", "f1001", "f1020"]  # those worth a look come first
    assert {value.removeprefix("#") for value in links} <= set(ids)
    assert "url(" not in report_page(DOUBTFUL)


def test_a_picture_is_the_matte_over_the_plate() -> None:
    (first, *_) = Page(report_page(CLEAN)).values("src")
    with Image.open(io.BytesIO(base64.b64decode(first.partition(",")[2]))) as image:
        assert (image.format, image.size) == ("JPEG", (16, 9))


def test_a_clean_report_says_so_and_how_it_was_made() -> None:
    page = Page(report_page(CLEAN))
    assert page.count("section", "verdict good") == 1
    for text in (
        "Nothing looks wrong",
        "hero.####.exr, 1920x1080, frames 1001-1040",
        "1001-1040 (40)",
        "toy: CC0; commercial use: allowed",
        "draft, 240 lines",
        "30 mattes in 1 min 15 s, 0.40 frames/s; 10 were there already",
        "no frame looks wrong",
    ):
        assert text in page.texts
    assert page.count("rect") == 0
    one_kept = dataclasses.replace(CLEAN, run=Run(FORTY, "toy", Delivery(39, 1, 75.0)))
    assert any("; 1 was there already" in text for text in Page(report_page(one_kept)).texts)
    untimed = dataclasses.replace(CLEAN, run=Run(FORTY, "toy"))
    assert "Time" in page.texts
    assert "Time" not in Page(report_page(untimed)).texts


def test_doubts_are_named_shaded_and_shown() -> None:
    page = Page(report_page(DOUBTFUL))
    assert page.count("section", "verdict bad") == 1
    assert page.texts.index("Correct hero at 1011 first") < page.texts.index("hero may be wrong")
    assert page.count("li", "warning") == page.count("li", "note") == 1
    assert page.count("svg") == 2
    assert page.count("rect", "doubt") == 2  # 1010-1012 and 1030, of hero alone
    assert page.count("path", "next") == 1
    assert page.count("path", "key") == 2  # in either curve
    assert page.texts.count("hero 0.60") == 2
    assert "4 of 40 frames may be wrong" in page.texts


def test_the_axis_has_the_plates_own_frame_numbers() -> None:
    texts = Page(report_page(CLEAN)).texts
    assert texts[texts.index("1001") :][:4] == ["1001", "1005", "1010", "1015"]


@pytest.mark.parametrize("frames", ["7", "-3-2", "1-2", "1001-1100x3", "5,900"])
def test_any_frames_have_a_curve(frames: str) -> None:
    asked = FrameRange.parse(frames)
    report = dataclasses.replace(
        CLEAN, frames=asked, keyframes=asked, tracks=(element("hero", asked, frames),)
    )
    page = Page(report_page(report))
    (line,) = [values["d"] for tag, values in page.tags if values.get("class") == "line"]
    assert line.startswith("M")
    assert "nan" not in line


def test_frames_that_were_not_looked_at_interrupt_the_curve() -> None:
    asked = FrameRange.parse("1-10,20-30")
    report = dataclasses.replace(CLEAN, frames=asked, tracks=(element("hero", asked),))
    (line,) = [v["d"] for _, v in Page(report_page(report)).tags if v.get("class") == "line"]
    assert line.count("M") == 2
    assert line.count("L") == 9 + 10


def test_names_are_text_whatever_they_are() -> None:
    evil = "<script>alert('\"&</script>"
    track = dataclasses.replace(element(evil, FORTY, "1020"), correct_at=1020)
    report = dataclasses.replace(
        CLEAN,
        shot=evil,
        plate=evil,
        size=evil,
        preset=evil,
        run=Run(FORTY, evil),
        tracks=(track,),
        remarks=(Remark(evil, 1020),),
    )
    page = Page(report_page(report))
    assert page.count("script") == 0
    assert page.texts.count(evil) >= 5
    assert f"Correct {evil} at 1020 first" in page.texts
    no_text = dataclasses.replace(CLEAN, plate="a\udcff.####.exr")
    assert "a?.####.exr, 1920x1080, frames 1001-1040" in Page(report_page(no_text)).texts


def test_a_long_shot_has_no_larger_page() -> None:
    """Of 100,000 frames every third is doubtful and each a keyframe: 450 columns show them."""
    frames = FrameRange.of(range(100_000))
    doubts = ElementTrack(
        "hero",
        {frame: 0.4 + 0.1 * (frame % 5) for frame in frames},
        {},
        FrameRange.of(range(0, 100_000, 3)),
    )
    report = dataclasses.replace(CLEAN, frames=frames, keyframes=frames, tracks=(doubts,))
    html = report_page(report)
    assert len(html) < 120_000
    assert Page(html).count("rect") == 1
