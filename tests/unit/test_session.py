"""A shot being worked on, over the toy and real files, without a window."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import session_process
from command_line import HEIGHT, WIDTH
from image_files import ramp, write_image
from session_bench import FRAMES, Bench, Toys, paint, working_on

from rde_roto.documents.preset_files import load_preset
from rde_roto.session.document.frame_states import BACKWARD, BOTH, FORWARD, TO_KEYFRAME, FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.tools import PenEvent
from rde_roto.session.pictures.display_pixels import matte_pixels
from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")


def states(bench: Bench) -> dict[int, FrameState]:
    return {frame: bench.session.state(frame) for frame in bench.session.navigation.range}


def test_a_stroke_makes_a_keyframe_of_exactly_these_pixels(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1003)
        shown = bench.session.shown.alpha("hero")
        assert shown is not None
        bench.session.editor.wait_until_saved()
        keyframe = ShotFile.read(document).open().shot.keyframe_at(1003)
        assert keyframe is not None
        np.testing.assert_array_equal(keyframe.alpha[0], shown)
        assert shown.max() > 0.99
        assert shown[20, 20:40].min() > 0.9
        assert bench.session.state(1003) is FrameState.KEYFRAME


def test_propagate_makes_every_frame_in_walking_order(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1010)
        bench.session.propagate(FORWARD)
        bench.propagated()
        found = states(bench)
        assert {f for f, state in found.items() if state is FrameState.MADE} == set(
            range(1011, 1031)
        )
        assert found[1009] is FrameState.EMPTY
        bench.session.propagate(BACKWARD)
        bench.propagated()
        assert set(states(bench).values()) == {FrameState.KEYFRAME, FrameState.MADE}
        bench.until(lambda: bench.session.live.advice is not None)
        assert bench.session.quality.confidences(bench.session.element)[1010] == 1


def test_a_correction_makes_stale_only_what_it_must(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        paint(bench, 1015, 30)
        bench.session.go_to(1001)
        bench.session.propagate(FORWARD)
        bench.propagated()
        before = bench.session.live.node
        assert before is not None
        paint(bench, 1025, 24)
        bench.named()
        found = states(bench)
        stale = {frame for frame, state in found.items() if state is FrameState.STALE}
        assert stale == set(FRAMES[15:]) - {1025}
        bench.session.undo()
        bench.named()
        assert FrameState.STALE not in states(bench).values()


def test_a_keyframe_of_one_element_is_out_of_date_while_another_one_is_there(
    document: Path,
) -> None:
    """It was a keyframe whatever became of the other element, whose old matte was shown."""
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.add_element("rope")
        paint(bench, 1001, x=70)
        session.propagate(FORWARD)
        bench.propagated()
        session.choose_element("hero")
        paint(bench, 1005)
        bench.named()
        assert session.state(1005) is FrameState.KEYFRAME
        session.choose_element("rope")
        paint(bench, 1001, x=60)
        bench.named()
        assert session.state(1001) is FrameState.KEYFRAME
        assert session.state(1005) is session.state(1004) is FrameState.STALE
        session.propagate(FORWARD)
        bench.propagated()
        assert session.state(1005) is FrameState.KEYFRAME


def test_a_correction_while_it_runs_goes_on_with_what_is_left(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.until(lambda: bench.session.live.is_made(1004))
        paint(bench, 1020)
        bench.propagated()
        node = bench.session.live.node
        assert node is not None
        assert [keyframe.frame for keyframe in node.shot.ordered] == [1001, 1020]
        late = [bench.session.state(frame) for frame in range(1021, 1031)]
        assert late == [FrameState.MADE] * 10


def test_progress_counts_both_passes_between_keyframes_and_never_falls(document: Path) -> None:
    """The pass from the far keyframe, over its memory frames, ends before a frame is finished."""
    with working_on(document) as bench:
        live, shares = bench.session.live, [0.0]
        paint(bench, 1001)
        paint(bench, 1021)
        bench.session.go_to(1001)
        bench.session.propagate(TO_KEYFRAME)

        def noted() -> bool:
            if live.remaining and live.passes_done.share != shares[-1]:
                shares.append(live.passes_done.share)
            return live.is_made(1002)

        bench.until(noted)
        assert live.remaining == live.total - 1
        assert len(shares) > 4, shares  # the memory frames 1018, 1015 … 1003
        paint(bench, 1030)  # an edit, which more passes follow
        bench.until(lambda: noted() and live.is_settled and live.remaining == 0)
        assert len(shares) > 15
        assert shares == sorted(shares)
        bench.until(lambda: live.passes_done.share > 1 - 1e-9)


@pytest.mark.parametrize("erases", [False, True])
def test_without_a_drawn_pixel_nothing_is_awaited(document: Path, erases: bool) -> None:
    """Neither before the first stroke nor where a drawing is empty."""
    with working_on(document) as bench:
        session = bench.session
        if erases:
            session.paint.choose_tool("eraser")
            bench.stroke((20.0, 20.0), (40.0, 24.0))
            assert session.draft.drawings
        for ask in (partial(session.propagate, FORWARD), session.toggle_lock):
            ask()
            bench.named()
            assert session.live.remaining == 0
            assert bench.log.sentences[-1].startswith("nothing is drawn yet")
        session.paint.choose_tool("brush")
        paint(bench, 1003)
        bench.named()
        bench.done_with("rde-roto-aside")
        assert session.draft.locks == ()  # the lock that was refused does not come later
        assert {FrameState.WAITING, FrameState.LOCKED}.isdisjoint(states(bench).values())


def test_cancel_stops_at_once_and_keeps_what_is_made(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.until(lambda: bench.session.live.is_made(1003))
        bench.session.escape()
        assert bench.session.live.remaining == 0
        bench.named()
        assert bench.session.state(1003) is FrameState.MADE
        assert bench.session.state(1030) is FrameState.EMPTY


def test_propagate_up_to_the_next_keyframe_or_both_ways(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1020)
        paint(bench, 1005)
        bench.session.propagate(TO_KEYFRAME)
        bench.propagated()
        made = {f for f, state in states(bench).items() if state is FrameState.MADE}
        assert made == set(range(1006, 1020))
        bench.session.propagate(BOTH)
        bench.propagated()
        assert set(states(bench).values()) == {FrameState.KEYFRAME, FrameState.MADE}


def test_propagate_the_other_way_meanwhile_makes_both(document: Path) -> None:
    """The second one took the place of what was left of the first."""
    with working_on(document) as bench:
        paint(bench, 1010)
        bench.named()
        bench.session.propagate(FORWARD)
        bench.session.propagate(BACKWARD)
        assert bench.session.live.total == bench.session.live.remaining == 29
        bench.propagated()
        assert set(states(bench).values()) == {FrameState.KEYFRAME, FrameState.MADE}


def test_propagate_makes_the_elements_that_the_keyframe_it_starts_from_does_not_draw(
    document: Path,
) -> None:
    with working_on(document) as bench:
        paint(bench, 1003)
        bench.session.add_element("car")
        paint(bench, 1008, 30)
        assert set(bench.session.draft.drawings[1008]) == {"car"}
        bench.session.propagate(BOTH)
        bench.propagated()
        hero = bench.session.shown.alpha("hero")
        assert hero is not None
        assert hero.any()


def test_a_keyframe_is_ready_for_the_screen_before_its_plate_is(document: Path) -> None:
    """At 4K its conversion would hold the window up: it is made by the thread that reads ahead."""
    with working_on(document) as bench:
        for frame in (1003, 1005):
            paint(bench, frame)
    with working_on(document) as bench:
        session = bench.session
        for frame in (1003, 1005):
            session.go_to(frame)
            bench.until(lambda: session.navigation.picture() is not None)
            plane = session.draft.drawn(frame, "hero")
            assert plane is not None
            codes = session.navigation.pictures.get(plane)
            assert codes is not None
            assert session.shown.codes("hero") is codes


def test_a_matte_that_comes_after_tracking_was_stopped_is_shown(document: Path) -> None:
    """It was not until another frame had been looked at: its picture was never made."""
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.named()
        bench.session.go_to(1002)
        bench.session.live._builder._executor.submit(lambda: None).result()  # advice has come
        bench.session.navigation.pictures.settle()
        bench.done_with("rde-roto-aside")
        assert bench.session.shown.codes("hero") is None
        bench.toys.nodes[-1].edited().matte(1002)  # as the step does that Esc waits for
        bench.until(lambda: bench.session.shown.codes("hero") is not None)
        assert bench.session.shown.is_ready


def test_a_hundred_steps_of_undo_and_redo(document: Path) -> None:
    with working_on(document) as bench:
        shown = []
        for number in range(100):
            paint(bench, 1001 + number % 5, 5 + number % 50)
            alpha = bench.session.shown.alpha("hero")
            assert alpha is not None
            shown.append((bench.session.frame, alpha.copy()))
        for _ in range(100):
            bench.session.undo()
        assert not bench.session.draft.drawings
        bench.session.undo()
        assert bench.log.sentences[-1] == "nothing to undo"
        for frame, expected in shown:
            bench.session.redo()
            bench.session.go_to(frame)
            found = bench.session.shown.alpha("hero")
            assert found is not None
            np.testing.assert_array_equal(found, expected)


def test_undo_goes_to_the_frame_that_it_changes(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1003)
        paint(bench, 1010)
        bench.session.undo()
        assert bench.session.frame == 1010
        assert bench.log.flashes == 0  # the artist looked at it
        bench.session.go_to(1028)
        bench.session.undo()
        assert bench.session.frame == 1003
        assert bench.log.flashes == 1
        bench.session.redo()
        bench.session.redo()
        assert bench.session.frame == 1010
        assert bench.log.flashes == 2


def test_undo_leaves_nothing_of_what_was_undone(document: Path) -> None:
    """Mattes that only the undone keyframe had go, and nothing is tracked by itself."""
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        paint(bench, 1010)
        session.propagate(FORWARD)
        bench.propagated()
        assert session.state(1030) is FrameState.MADE
        session.undo()
        bench.named()
        assert {session.state(f) for f in range(1002, 1031)} == {FrameState.EMPTY}
        session.redo()
        bench.named()
        assert session.state(1030) is FrameState.MADE
        paint(bench, 1001, 30)
        session.go_to(1001)
        session.propagate(FORWARD)
        session.undo()
        assert "tracking has stopped" in bench.log.sentences[-1]
        bench.named()
        assert session.live.remaining == 0
        assert FrameState.STALE not in states(bench).values()


def test_undo_and_redo_keep_older_mattes_that_are_out_of_date(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.propagate(FORWARD)
        bench.propagated()
        paint(bench, 1010)
        paint(bench, 1015)
        session.undo()
        bench.named()
        assert session.state(1020) is FrameState.STALE  # from before both
        session.undo()
        bench.named()
        assert session.state(1020) is FrameState.MADE
        session.redo()
        session.redo()
        bench.named()
        assert session.state(1020) is FrameState.STALE  # as when it was painted
        session.propagate(FORWARD)
        bench.propagated()
        session.undo()
        session.undo()
        bench.named()
        assert FrameState.STALE not in states(bench).values()


def test_a_plate_is_named_after_what_it_shows(document: Path) -> None:
    plate = document.parent / "plate"
    with working_on(plate) as bench:
        assert bench.session.editor.name == "hero"
    for frame in FRAMES:
        (plate / f"hero.{frame}.exr").rename(plate / f"{frame}.exr")
    with working_on(plate) as bench:
        assert bench.session.editor.name == document.parent.name


def test_painting_on_a_tracked_frame_starts_from_its_matte(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.propagated()
        bench.session.go_to(1012)
        tracked = bench.session.shown.alpha("hero")
        assert tracked is not None
        bench.session.paint.brush = Brush(3, 1.0)
        bench.stroke((70, 40), (72, 40))
        corrected = bench.session.shown.alpha("hero")
        assert corrected is not None
        np.testing.assert_array_equal(corrected[:30, :60], tracked[:30, :60])
        assert corrected[40, 71] == 1


def test_a_feather_takes_no_step_of_the_network(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.propagated()
        steps = bench.toys.steps
        preset = bench.session.draft.preset
        finish = preset.finish.model_copy(update={"feather_px": 4.0})
        bench.session.set_preset(preset.model_copy(update={"finish": finish}))
        bench.named()
        bench.session.propagate(FORWARD)
        bench.propagated()
        assert bench.toys.steps == steps
        bench.session.editor.wait_until_saved()
        overrides = ShotFile.read(document).content.overrides
        assert overrides == {"tracking.lines": 96, "finish.feather_px": 4.0}


def test_another_preset_and_settings_that_are_undone_are_in_the_document(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        before = session.draft.preset
        finish = before.finish.model_copy(update={"feather_px": 4.0})
        session.set_preset(before.model_copy(update={"finish": finish}))
        session.editor.wait_until_saved()
        assert ShotFile.read(document).content.overrides["finish.feather_px"] == 4.0
        session.undo()
        session.editor.wait_until_saved()
        assert ShotFile.read(document).content.overrides == {"tracking.lines": 96}
        session.set_preset(load_preset("draft"))
        session.editor.wait_until_saved()
        found = ShotFile.read(document)
        assert (found.content.preset, found.content.overrides) == ("draft", {})
        assert found.preset() == load_preset("draft")
        session.undo()
        session.editor.wait_until_saved()
        assert ShotFile.read(document).preset() == before


def test_what_people_wrote_stays_in_the_document(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1003)
        bench.session.editor.wait_until_saved()
    text = document.read_text(encoding="utf-8")
    assert "# the plate of the second unit\nplate: {path: plate/hero.####.exr}\n" in text
    assert "hero.shot.d/keyframes/hero." in text


def test_a_document_that_somebody_else_changed_is_not_overwritten(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1003)
        bench.session.editor.wait_until_saved()
        text = document.read_text(encoding="utf-8") + "model: rde-lite\n"
        document.write_text(text, encoding="utf-8")
        paint(bench, 1004)
        bench.session.editor.wait_until_saved()
        bench.until(lambda: "changed by somebody else" in " ".join(bench.log.sentences))
        assert document.read_text(encoding="utf-8") == text
        other = document.with_name("other.shot.yaml")
        bench.session.editor.save_as(other)
        assert {key.frame for key in ShotFile.read(other).open().shot.keyframes} == {1003, 1004}
        paint(bench, 1005)
        bench.session.editor.wait_until_saved()
        assert len(ShotFile.read(other).content.keyframes) == 3


def test_two_who_work_on_one_plate_do_not_overwrite_each_other(document: Path) -> None:
    plate = document.parent / "plate"
    with working_on(plate) as one, working_on(plate) as other:
        paint(one, 1001)
        one.session.editor.wait_until_saved()
        paint(other, 1002)
        other.session.editor.wait_until_saved()
        other.until(lambda: "changed by somebody" in " ".join(other.log.sentences))
        assert [k.frame for k in ShotFile.read(one.session.editor.document).content.keyframes] == [
            1001
        ]


def test_undo_while_the_pen_is_down_drops_the_stroke(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.paint.press(_hand(40, 40))
        bench.session.undo()
        bench.session.paint.release(_hand(60, 40))
        assert not bench.session.draft.drawings


def test_a_plate_alone_is_found_again_as_it_was_left(document: Path) -> None:
    plate = document.parent / "plate"
    with working_on(plate) as bench:
        assert not bench.session.editor.document.exists()
        paint(bench, 1007)
        left = bench.session.shown.alpha("element1")
    with working_on(plate) as bench:
        assert bench.session.frame == 1007
        found = bench.session.shown.alpha("element1")
        assert left is not None
        assert found is not None
        np.testing.assert_array_equal(found, left)
    assert sorted(path.suffix for path in plate.iterdir()) == [".exr"] * len(FRAMES)


def test_a_kill_loses_no_stroke_that_was_saved(document: Path) -> None:
    """Killed right after some stroke, the document opens with that stroke."""
    script = Path(session_process.__file__)
    paths = os.pathsep.join([str(script.parents[1]), *sys.path])
    with subprocess.Popen(
        [sys.executable, str(script), str(document)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        assert process.stdout is not None
        last = -1
        for line in process.stdout:
            last = int(line.split()[1])
            if last == 6:
                process.kill()
                break
    shot = ShotFile.read(document).open().shot
    columns = shot.keyframes[0].alpha[0, 20]
    assert (columns[4 : 4 + last + 1] > 0.99).all()
    with working_on(document) as bench:
        bench.named()
        assert bench.session.state(1001) is FrameState.KEYFRAME


def test_locked_frames_stay_whatever_is_drawn_later(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.editor.lock(FrameRange.parse("1004-1006"))
        bench.until(lambda: bench.session.state(1005) is FrameState.LOCKED)
        bench.named()
        bench.session.go_to(1005)
        bench.session.propagate(FORWARD)
        bench.propagated()
        bench.until(lambda: bench.session.shown.alpha("hero") is not None)
        locked = bench.session.shown.alpha("hero")
        bench.session.paint.press(hand := _hand(30, 30))
        bench.session.paint.release(hand)
        assert "is locked" in bench.log.sentences[-1]
        paint(bench, 1001, 50)
        bench.named()
        bench.session.go_to(1005)
        bench.until(lambda: bench.session.live.newest(1005) is not None)
        found = bench.session.shown.alpha("hero")
        assert locked is not None
        assert found is not None
        np.testing.assert_array_equal(found, locked)
        bench.session.editor.wait_until_saved()
        assert str(ShotFile.read(document).content.locks[0].frames) == "1004-1006"
        bench.session.toggle_lock()
        assert bench.session.state(1005) is not FrameState.LOCKED
        bench.session.undo()
        assert bench.session.state(1005) is FrameState.LOCKED


def test_a_lock_that_comes_after_the_end_is_none(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.named()
        bench.session.editor.lock(FrameRange.parse("1004-1006"))
        bench.session.close()
        bench.done_with("rde-roto-aside")
        assert not bench.session.draft.locks
    assert not ShotFile.read(document).content.locks


def test_elements_are_added_renamed_and_taken_away(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.add_element("blue car")
        assert bench.session.element == "blue_car"
        bench.named()
        assert bench.session.live.node is not None
        assert bench.session.live.node.shot.ids == ("hero",)  # nothing of the car is drawn yet
        paint(bench, 1001, 50)
        bench.session.rename("blue_car", "red car")
        bench.named()
        assert bench.session.live.node.shot.names == ("hero", "red_car")
        with pytest.raises(UsageError, match="already"):
            bench.session.add_element("hero")
        bench.session.remove_element("hero")
        assert bench.session.element == "blue_car"
        with pytest.raises(UsageError, match="at least one"):
            bench.session.remove_element("blue_car")
        for _ in range(4):
            bench.session.undo()
        assert [element.id for element in bench.session.draft.elements] == ["hero"]


def test_the_longest_name_of_an_element_can_be_saved(document: Path) -> None:
    """Nothing was saved any more after a longer one, and renaming did not help: the id stays."""
    with working_on(document) as bench:
        for other in ("rope", "car"):  # the second one's id gets a number
            bench.session.add_element("x" * 200)
            paint(bench, 1001)
            bench.session.rename(bench.session.element, other)
        bench.session.editor.wait_until_saved()
        assert bench.session.editor.unsaved == ""
        with pytest.raises(UsageError, match="too long"):
            bench.session.add_element("x" * 201)


def test_a_colour_is_kept_and_changes_no_name_of_a_matte(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.propagated()
        before = bench.session.live.node
        bench.session.set_colour("hero", "#ff8000")
        bench.named()
        after = bench.session.live.node
        assert before is not None
        assert after is not None
        assert after is not before
        assert [after.digest(f) for f in FRAMES] == [before.digest(f) for f in FRAMES]
        assert bench.session.state(1030) is FrameState.MADE
    with working_on(document) as bench:
        assert bench.session.draft.element("hero").color == "#ff8000"
    with working_on(document) as bench:
        bench.session.set_colour("hero", "#0080ff")
        bench.session.undo()
        assert bench.session.draft.element("hero").color == "#ff8000"


def test_frames_to_correct_are_a_list_that_can_be_gone_through(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        session.go_to_suggested()
        assert bench.log.sentences[-1].startswith("propagate first")
        paint(bench, 1001)
        session.propagate(FORWARD)
        bench.propagated()
        bench.until(lambda: len(session.quality.suggestions) > 1)
        first, second, *_ = session.quality.suggestions
        assert first.gain >= second.gain
        assert abs(first.frame - second.frame) >= 12
        session.go_to_suggested()
        assert session.frame == first.frame
        session.go_to_suggested()
        assert session.frame == second.frame
        session.go_to(first.frame)
        session.pass_over()
        assert session.quality.suggestions[0] == second
        assert session.frame == second.frame
        session.toggle_lock()
        bench.until(lambda: session.state(second.frame) is FrameState.LOCKED)
        assert second.frame not in [one.frame for one in session.quality.suggestions]
        bench.named()
        # a matte that was fine is on the list again once it is another one
        paint(bench, 1001, 40)
        session.propagate(FORWARD)
        bench.propagated()
        bench.until(lambda: first.frame in [one.frame for one in session.quality.suggestions])


def test_a_plate_that_vanishes_is_said_and_shown_when_it_is_back(document: Path) -> None:
    """The window said that it was reading such a frame, for ever, also when its disk was back."""
    plate, away = document.parent / "plate", document.parent / "away"
    with working_on(document) as bench:
        session = bench.session
        session.navigation.pictures.settle()
        plate.rename(away)
        session.change_exposure(0.5)  # all pictures are made again
        bench.until(lambda: bool(session.navigation.error()))
        assert "hero.1001.exr does not exist" in session.navigation.error()
        bench.until(lambda: session.navigation.error() in bench.log.sentences)
        bench.stroke((20, 20), (40, 20))  # nobody sees on what
        assert bench.log.sentences[-1].startswith("frame 1001 cannot be shown, so nothing is drawn")
        assert not session.draft.drawings
        bench.until(lambda: bool(session.navigation.error()))
        away.rename(plate)
        bench.stroke((20, 20), (40, 20))  # which reads it again: a still has no other frame
        assert not session.draft.drawings
        bench.until(lambda: session.navigation.picture() is not None)
        plate.rename(away)
        session.change_exposure(0.5)
        bench.until(lambda: bool(session.navigation.error()))
        away.rename(plate)
        session.step(1)
        session.step(-1)
        bench.until(lambda: session.navigation.picture() is not None)
        assert not session.navigation.error()


def test_a_frame_that_was_away_is_tracked_when_it_is_back(document: Path) -> None:
    """The last change was said to be processed for ever, until another one was made."""
    frame = document.parent / "plate/hero.1006.exr"
    with working_on(document) as bench:
        session = bench.session
        frame.rename(frame.with_suffix(".away"))
        paint(bench, 1001)
        bench.until(lambda: session.live.has_failed)
        frame.with_suffix(".away").rename(frame)
        session.propagate(FORWARD)
        bench.propagated()
        assert session.live.is_settled
        assert states(bench)[1012] is FrameState.MADE


def test_a_plate_with_the_longest_name_is_saved(tmp_path: Path, home: Path) -> None:
    """Its own document in the user's folder had a longer name than a file system allows."""
    name = "n" * 246
    for frame in (1, 2):
        write_image(tmp_path / f"{name}.{frame:04}.exr", ramp(HEIGHT, WIDTH, seed=frame))
    for plate in (f"{name}.0001.exr", f"{name}.####.exr"):
        with working_on(tmp_path / plate) as bench:
            assert not bench.session.draft.drawings
            paint(bench, 1)
            bench.session.editor.wait_until_saved()
            assert not bench.session.editor.unsaved
            assert bench.session.editor.name == name


def test_escape_drops_what_a_tool_has_begun(document: Path) -> None:
    with working_on(document) as bench:
        bench.session.paint.press(_hand(20, 20))
        bench.session.paint.drag(_hand(40, 20))
        assert bench.session.paint.pixels().max() == 1
        bench.session.escape()
        assert not bench.session.paint.pixels().any()
        bench.session.paint.release(_hand(40, 20))
        assert not bench.session.draft.drawings


def test_grow_shrink_copy_clear_and_import(document: Path, mask: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        bench.import_file(mask)
        area = session.paint.pixels().sum()
        session.paint.grow(2)
        shown = matte_pixels(session.paint.pixels())  # which a thread converts
        bench.until(lambda: np.array_equal(session.shown.codes("hero"), shown))  # type: ignore[arg-type]
        assert session.paint.pixels().sum() > area
        session.paint.grow(-2)
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(1004)
        session.paint.copy_matte()
        assert session.state(1004) is FrameState.KEYFRAME
        session.paint.clear_frame()
        bench.named()
        assert session.state(1004) is FrameState.MADE
        session.paint.clear_frame()
        assert "is not a keyframe" in bench.log.sentences[-1]


def test_an_element_that_begins_later_without_a_keyframe_is_named(document: Path) -> None:
    """Before the first keyframe that draws it its mattes are empty, once another is drawn there."""
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        paint(bench, 1010)
        session.go_to(1010)
        session.set_bounds(1001, 1010)
        session.clear_bounds()
        assert bench.log.sentences[-1] == "deleted the keyframes at 1001: propagate"
        session.undo()
        session.add_element("car")
        paint(bench, 1001, 50.0)
        session.choose_element("hero")
        session.go_to(1010)
        session.clear_bounds()
        begins = "hero is empty before 1010 now, as its first keyframe is there"
        assert bench.log.sentences[-1] == f"deleted the keyframes at 1001: propagate; {begins}"
        session.undo()
        session.go_to(1001)
        session.paint.clear_frame()
        assert bench.log.sentences[-1] == f"deleted the keyframe at 1001; {begins}"


def test_what_was_made_yesterday_is_there_today(document: Path) -> None:
    toys = Toys()
    with working_on(document, toys) as bench:
        paint(bench, 1001)
        bench.session.propagate(FORWARD)
        bench.propagated()
    steps = toys.steps
    with working_on(document, toys) as bench:
        bench.named()
        assert bench.session.state(1017) is FrameState.MADE
        bench.session.go_to(1017)
        bench.until(lambda: bench.session.shown.alpha("hero") is not None)
    assert toys.steps == steps


def _hand(x: float, y: float) -> PenEvent:
    return PenEvent((x, y))
