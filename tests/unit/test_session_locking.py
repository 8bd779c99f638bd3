"""Locks that take a moment, while the artist goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH
from PIL import Image
from session_bench import Bench, paint, working_on

from rde_roto.images.mattes import davis_palette
from rde_roto.session.document.frame_states import FORWARD, FrameState
from rde_roto.session.drawing.painting import Brush
from rde_roto.session.drawing.planes import Plane
from rde_roto.shot_files import ShotFile

pytest_plugins = ("command_line_fixtures", "session_fixtures")
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def locking(document: Path) -> Iterator[Bench]:
    """Two elements that are drawn and tracked; the frame that is shown is drawn last, and is being
    locked.
    """
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.session.add_element("rope")
        paint(bench, 1001, x=70)
        bench.session.propagate(FORWARD)
        bench.propagated()
        paint(bench, 1010)
        bench.named()
        bench.session.toggle_lock()
        bench.until(lambda: bench.log.sentences[-1] == "locking 1010…")
        yield bench


def ended(bench: Bench) -> None:
    bench.done_with("rde-roto-aside")
    bench.session.editor.wait_until_saved()


def refused(bench: Bench) -> bool:
    ended(bench)
    is_said = "1010 changed while it was locked: lock it again" in bench.log.sentences
    return is_said and not bench.session.draft.locks


def test_a_lock_that_nothing_comes_between_is_there(locking: Bench) -> None:
    ended(locking)
    assert locking.session.state(1010) is FrameState.LOCKED


def test_what_is_drawn_elsewhere_meanwhile_does_not_matter(locking: Bench) -> None:
    paint(locking, 1005)
    ended(locking)
    assert locking.session.state(1010) is FrameState.LOCKED
    locking.session.undo()
    assert not locking.session.draft.locks
    locking.named()
    assert locking.session.state(1010) is FrameState.STALE  # the other element is, after 1005


def test_two_locks_at_a_time_are_one(locking: Bench) -> None:
    locking.session.lock_bounds()
    ended(locking)
    locking.until(lambda: locking.session.state(1020) is FrameState.LOCKED)
    assert locking.session.state(1010) is FrameState.LOCKED
    assert not any("lock it again" in said for said in locking.log.sentences)


def test_what_is_drawn_on_the_frame_meanwhile_is_not_hidden(locking: Bench) -> None:
    paint(locking, 1010, x=40)
    assert refused(locking)
    assert locking.session.paint.pixels()[22, 50] > 0.5


def test_the_document_can_be_opened_if_an_element_is_deleted_meanwhile(
    locking: Bench, document: Path
) -> None:
    locking.session.remove_element("rope")
    assert refused(locking)
    assert ShotFile.read(document).open().shot.ids == ("hero",)


def test_what_is_undone_meanwhile_can_be_redone(locking: Bench) -> None:
    drawn = locking.session.draft
    locking.session.undo()
    assert refused(locking)
    locking.session.redo()
    assert locking.session.draft is drawn


def test_a_lock_says_that_what_was_undone_before_it_came_is_gone(locking: Bench) -> None:
    paint(locking, 1005)
    locking.session.undo()
    ended(locking)
    assert locking.session.state(1010) is FrameState.LOCKED
    assert locking.log.sentences[-1] == "locked 1010; what was undone is gone"


def test_another_document_gets_no_locks_of_the_first(locking: Bench, tmp_path: Path) -> None:
    locking.session.editor.save_as(tmp_path / "other.shot.yaml")
    assert refused(locking)


def test_locks_stay_when_the_shot_goes_on_elsewhere(document: Path, tmp_path: Path) -> None:
    """Under another name in another folder, and from there in a third: with later changes, undo and
    more locks.
    """
    copies = tmp_path / "second/a.shot.yaml", tmp_path / "third/b.shot.yaml"
    with working_on(document) as bench:
        session = bench.session
        for frame, copy in zip((1001, 1004), copies, strict=True):
            paint(bench, frame)
            bench.named()
            session.toggle_lock()
            ended(bench)
            copy.parent.mkdir()
            session.editor.save_as(copy)
            paint(bench, frame + 1)
            session.undo()
            bench.named()
            assert not session.live.has_failed
            session.editor.wait_until_saved()
        session.undo()  # back to the locks of the first folder
        session.editor.wait_until_saved()
        assert len(session.draft.locks) == 1
        ShotFile.read(copies[1]).open().shot.locks[0].read(1001)
        session.redo()
    for copy in copies:
        locks = ShotFile.read(copy).open().shot.locks
        assert [frame for lock in locks for frame in lock.frames] == [1001, 1004]
        for lock in locks:
            assert lock.read(lock.frames.first).max() == 1


def test_deleting_an_element_leaves_other_drawings_the_same(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        before = bench.session.draft
        bench.session.add_element("rope")
        bench.session.remove_element("rope")
        assert not bench.session.draft.frames_changed_since(before)


def locked_hero(bench: Bench) -> Plane:
    """The hero is drawn at the first frame and locked; another element is chosen."""
    session = bench.session
    session.paint.brush = Brush(8, 1.0)
    bench.stroke((20, 20), (60, 20))
    bench.named()
    session.toggle_lock()
    bench.until(lambda: bool(session.draft.locks))
    bench.named()
    session.add_element("car")
    return session.draft.drawings[1001]["hero"]


def is_beside(bench: Bench, hero: Plane) -> bool:
    car = bench.session.draft.drawn(1001, "car")
    assert car is not None
    return bool((car.pixels + hero.pixels).max() <= 1 + 1e-6)


def test_the_drawing_below_a_lock_stays_where_its_matte_is_smaller(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    document.write_text(text.replace("overrides: {", "overrides: {finish.erode_px: 4, "), "utf-8")
    with working_on(document) as bench:
        hero = locked_hero(bench)
        bench.session.live.request(1001)
        bench.until(lambda: bench.session.live.newest(1001) is not None)
        bench.stroke((20, 20), (90, 20))
        assert bench.session.draft.drawn(1001, "hero") is hero
        assert is_beside(bench, hero)
        assert "which is locked here" in bench.log.sentences[-1]
        bench.named()  # nothing overlaps


def test_a_lock_is_kept_before_its_matte_is_in_memory(document: Path) -> None:
    with working_on(document) as bench:
        locked_hero(bench)
    with working_on(document) as bench:
        hero = bench.session.draft.drawings[1001]["hero"]
        bench.session.choose_element("car")
        bench.session.paint.brush = Brush(8, 1.0)
        assert bench.session.live.newest(1001) is None
        bench.stroke((50, 20), (90, 20))
        assert bench.session.draft.drawn(1001, "hero") is hero
        assert is_beside(bench, hero)
        assert "left out" in bench.log.sentences[-1]
        bench.named()


def test_a_lock_whose_files_are_lost_does_not_stop_the_brush(document: Path) -> None:
    with working_on(document) as bench:
        locked_hero(bench)
    for file in (document.parent / "hero.shot.d/locks").iterdir():
        file.unlink()
    with working_on(document) as bench:
        hero = bench.session.draft.drawings[1001]["hero"]
        bench.session.choose_element("car")
        bench.stroke((50, 20), (90, 20))
        assert bench.session.draft.drawn(1001, "hero") is hero
        assert is_beside(bench, hero)


def test_an_imported_mask_leaves_locked_elements_as_they_are(
    document: Path, tmp_path: Path
) -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[:10], labels[-10:] = 1, 2
    image, mask = Image.fromarray(labels, "P"), tmp_path / "two.png"
    image.putpalette(davis_palette().tobytes())
    image.save(mask)
    with working_on(document) as bench:
        hero = locked_hero(bench)
        bench.import_file(mask)
        assert bench.session.draft.drawn(1001, "hero") is hero
        car = bench.session.draft.drawn(1001, "car")
        assert car is not None
        assert car.pixels[-1].min() == 1
        assert "hero is locked here and stays" in bench.log.sentences[-1]


def test_a_frame_shows_its_matte_until_that_of_the_lock_is_ready(document: Path) -> None:
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        session.propagate(FORWARD)
        bench.propagated()
        session.go_to(1010)
        bench.until(lambda: session.shown.codes("hero") is not None)
        tracked = session.shown.codes("hero")
        session.navigation.pictures.close()  # no other one will be ready
        session.toggle_lock()
        ended(bench)
        bench.named()
        bench.until(lambda: session.live.newest(1010).is_current)  # type: ignore[union-attr]
        assert session.state(1010) is FrameState.LOCKED
        assert not session.shown.is_ready
        assert session.shown.codes("hero") is tracked
        session.go_to(1011)
        assert session.shown.codes("hero") is not tracked


def test_the_key_that_locks_never_unlocks_another_element_in_silence(document: Path) -> None:
    """A new element made a locked frame look unlocked, and locking it again took the lock away."""
    with working_on(document) as bench:
        session = bench.session
        paint(bench, 1001)
        bench.named()
        session.add_element("rope")
        session.choose_element("hero")
        lock(bench)
        assert session.state(1001) is FrameState.LOCKED  # the rope has no matte to lock
        paint_rope(bench)
        assert session.state(1001) is not FrameState.LOCKED
        lock(bench)
        assert session.draft.locked(1001) == {"hero", "rope"}
        session.toggle_lock()
        assert not session.draft.locks
        assert bench.log.sentences[-1] == "unlocked 1001"


def test_a_locked_element_is_unlocked_by_the_key_that_its_message_names(document: Path) -> None:
    with working_on(document) as bench:
        paint(bench, 1001)
        bench.named()
        lock(bench)
        bench.session.add_element("rope")
        paint_rope(bench)
        bench.session.choose_element("hero")
        bench.stroke((20, 20), (30, 20))
        assert bench.log.sentences[-1] == "frame 1001 is locked: unlock it first (Shift+X)"
        bench.session.toggle_lock()
        assert not bench.session.draft.locks


def lock(bench: Bench) -> None:
    bench.session.toggle_lock()
    bench.until(lambda: bench.log.sentences[-1:] == ["locking 1001…"])
    ended(bench)


def paint_rope(bench: Bench) -> None:
    bench.session.choose_element("rope")
    paint(bench, 1001, x=70)
    bench.named()


def test_a_lock_ends_where_a_frame_of_the_plate_cannot_be_read_any_more(document: Path) -> None:
    """It said for ever that frames were being locked."""
    gone = document.parent / "plate/hero.1011.exr"
    with working_on(document) as bench:
        gone.unlink()
        gone.mkdir()
        paint(bench, 1003)
        bench.session.toggle_lock()
        assert bench.session.editor.locking == "locking 1003…"
        bench.until(lambda: bench.session.live.has_failed)
        assert not bench.session.editor.locking
        assert f"cannot read {gone}" in bench.log.sentences[-1]
