"""Other mattes beside those of now, and keyframes as they are delivered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from session_bench import Bench, paint, set_points, working_on

from rde_roto.session.document.frame_states import FORWARD
from rde_roto.session.mattes.comparison import Against
from rde_roto.session.pictures.picture_cache import Bytes
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")


def tracked(bench: Bench, frame: int) -> None:
    bench.session.go_to(1001)
    bench.session.propagate(FORWARD)
    bench.propagated()
    bench.session.go_to(frame)


def codes(bench: Bench) -> Bytes:
    found = bench.session.shown.codes("hero")
    assert found is not None
    return found


def others(bench: Bench) -> Bytes:
    found = bench.session.shown.comparison_codes("hero")
    assert found is not None
    return found


def test_the_version_before_lies_beside_that_of_now(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        tracked(bench, 1009)
        first = codes(bench)
        with pytest.raises(UsageError, match="no version before"):
            session.compare(Against.BEFORE)
        paint(bench, 1005, 60)
        tracked(bench, 1009)
        steps = bench.toys.steps
        session.compare(Against.BEFORE)
        bench.until(lambda: session.shown.comparison_codes("hero") is not None)
        assert bench.toys.steps == steps
        np.testing.assert_array_equal(others(bench), first)
        assert not np.array_equal(codes(bench), first)


def test_one_keyframe_alone_lies_beside_both(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        tracked(bench, 1009)
        alone = codes(bench)
        paint(bench, 1015, 60)
        tracked(bench, 1009)
        session.compare(Against.EARLIER)
        bench.until(lambda: session.shown.comparison_codes("hero") is not None)
        np.testing.assert_array_equal(others(bench), alone)
        session.compare(Against.LATER)
        # an empty side alone would look as if the element had been lost
        assert session.comparison.words(1009) == "the keyframe after, alone: being made…"
        bench.until(lambda: session.shown.comparison_codes("hero") is not None)
        assert session.comparison.words(1009) == "the keyframe after, alone"
        assert not np.array_equal(others(bench), alone)
        session.go_to(1020)
        with pytest.raises(UsageError, match="no keyframe lies after"):
            session.compare(Against.LATER)
        assert session.comparison.against is Against.LATER
        assert session.comparison.words(1020) == "the keyframe after, alone: no matte here"


def test_an_element_that_a_keyframe_does_not_draw_has_no_other_matte(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.add_element("hand")
        paint(bench, 1010, 60)
        tracked(bench, 1005)
        session.compare(Against.LATER)
        bench.until(lambda: session.shown.comparison_codes("hand") is not None)
        assert session.shown.comparison_codes("hero") is None


def test_keyframes_are_shown_as_they_are_delivered_or_as_they_are_drawn(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        set_points(bench, [(20, 20), (60, 20), (60, 60), (20, 60)])
        finish = session.draft.preset.finish.model_copy(update={"erode_px": 4.0})
        session.set_preset(session.draft.preset.model_copy(update={"finish": finish}))
        bench.named()
        drawn = session.shown.alpha("hero")
        assert drawn is not None
        session.toggle_finish()
        bench.until(lambda: session.live.newest(session.frame) is not None)
        seen = session.live.newest(session.frame)
        assert seen is not None
        delivered = session.shown.alpha("hero")
        assert delivered is not None
        np.testing.assert_array_equal(delivered, seen.planes["hero"])
        assert delivered.sum() < drawn.sum()
        np.testing.assert_array_equal(session.paint.pixels(), drawn)
        session.toggle_finish()
        assert session.shown.alpha("hero") is drawn
