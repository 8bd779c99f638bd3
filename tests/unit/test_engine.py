from __future__ import annotations

import concurrent.futures
import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from scripted_nodes import FINISH, PATIENCE_S, STEP, Device, ScriptedNode, Word, wait_until_named
from toy_shots import ToyNode, a_shot, assert_same, mask, straight

from rde_roto.engine import Engine
from rde_roto.engine.requests import Priority
from rde_roto.propagation.walker import OnRaw, tell_nobody
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import CancelledError, InputError, OutOfMemoryError
from rde_roto.values.matte import Matte

INTERACTIVE, PREFETCH, BATCH = Priority


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(neighbours=0) as engine:
        yield engine


def finish_all(device: Device, count: int) -> list[str]:
    """Finishes whatever is begun, ``count`` times; what that was."""
    begun = []
    for _ in range(count):
        begun.append(device.begins())
        device.say(FINISH)
    return begun


# Who comes first.


def test_a_request_is_answered_with_the_matte_of_its_frame(engine: Engine, device: Device) -> None:
    future = engine.submit(ScriptedNode(device), 3, BATCH)
    assert device.begins() == "a3"
    device.say(FINISH)
    matte = future.result(PATIENCE_S)
    assert (matte.frame, matte.elements, matte.digest) == (3, ("a",), "a3")


def test_the_most_urgent_goes_first_and_equals_as_they_came(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE)
    assert device.begins() == "a1"
    for frame, priority in enumerate(
        [BATCH, PREFETCH, INTERACTIVE, BATCH, INTERACTIVE, PREFETCH], start=2
    ):
        engine.submit(node, frame, priority)
    wait_until_named(engine)
    device.say(FINISH)
    assert finish_all(device, 6) == ["a4", "a6", "a3", "a7", "a2", "a5"]


@pytest.mark.parametrize("urgent", [INTERACTIVE, PREFETCH])
def test_a_more_urgent_request_stops_the_one_that_runs_which_keeps_its_place(
    engine: Engine, device: Device, urgent: Priority
) -> None:
    node = ScriptedNode(device)
    running = engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    engine.submit(node, 2, BATCH)
    wait_until_named(engine)
    assert not device.stops()
    engine.submit(node, 3, urgent)
    wait_until_named(engine)
    assert device.stops()
    assert finish_all(device, 3) == ["a3", "a1", "a2"]
    assert running.result(PATIENCE_S).digest == "a1"


@pytest.mark.parametrize("priority", Priority)
def test_an_equally_urgent_request_waits(
    engine: Engine, device: Device, priority: Priority
) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, priority)
    assert device.begins() == "a1"
    engine.submit(node, 2, priority)
    wait_until_named(engine)
    assert not device.stops()
    device.say(FINISH)
    assert finish_all(device, 1) == ["a2"]


def test_what_is_in_ram_is_answered_while_the_device_is_busy(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE)
    assert finish_all(device, 1) == ["a1"]
    engine.submit(node, 2, INTERACTIVE)
    assert device.begins() == "a2"
    assert engine.submit(node, 1, BATCH).result(PATIENCE_S).digest == "a1"
    assert not device.has_begun()
    device.say(FINISH)


def test_neither_the_caller_nor_a_look_waits_for_the_hashing_of_a_batch(
    engine: Engine, device: Device
) -> None:
    hashed = threading.Event()

    def slowly(_frame: int) -> None:
        assert hashed.wait(PATIENCE_S)

    slow = engine.submit(ScriptedNode(device, "slow", hash_plates=slowly), 1, BATCH)
    look = engine.submit(ScriptedNode(device), 1, INTERACTIVE)
    assert finish_all(device, 1) == ["a1"]
    assert look.result(PATIENCE_S).digest == "a1"
    assert not slow.done()
    hashed.set()
    assert finish_all(device, 1) == ["slow1"]


class Watched(ToyNode):
    """A real node, with a toy behind it, that calls ``look`` before a walk's fifth step."""

    look: Callable[[], object]

    def matte(self, frame: int, cancel: Cancel = never, on_second: OnRaw = tell_nobody) -> Matte:
        steps = itertools.count(1)

        def asked() -> bool:
            if next(steps) == 5:
                self.look()
            return cancel()

        return super().matte(frame, asked, on_second)


def test_a_walk_that_was_stopped_goes_on_where_it_was_with_the_same_pixels(engine: Engine) -> None:
    shot = a_shot(mask(1001))
    node = Watched(shot)
    near: list[Future[Matte]] = []

    def look() -> None:
        near.append(engine.submit(node, 1003, INTERACTIVE))
        wait_until_named(engine, INTERACTIVE)
        near[0].add_done_callback(lambda _: walked.append(node.toy.steps["absorb"]))

    walked: list[int] = []
    node.look = look
    far = engine.submit(node, 1030, BATCH).result(PATIENCE_S)
    expected = straight(shot)
    assert_same(far, expected[1030])
    assert_same(near[0].result(PATIENCE_S), expected[1003])
    assert walked[0] < node.toy.steps["absorb"] == (1030 - 1001) // 3
    assert node.toy.steps["begin"] == 1


# A viewer looks at one frame.


def test_a_newer_look_cancels_the_viewer_s_older_ones_that_have_not_begun(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE, "other")
    assert device.begins() == "a1"
    spared = [
        engine.submit(node, 2, INTERACTIVE, "other screen"),
        engine.submit(node, 3, INTERACTIVE),
        engine.submit(node, 4, PREFETCH, "screen"),
        engine.submit(node, 5, BATCH, "screen"),
    ]
    looks = [engine.submit(node, frame, INTERACTIVE, "screen") for frame in (6, 7, 8)]
    assert [look.cancelled() for look in looks] == [True, True, False]
    engine.submit(node, 9, INTERACTIVE)
    wait_until_named(engine)
    device.say(FINISH)
    assert finish_all(device, 6) == ["a2", "a3", "a8", "a9", "a4", "a5"]
    assert all(future.result(PATIENCE_S) for future in [*spared, looks[2]])


def test_a_newer_look_stops_the_older_one_that_runs(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    older = engine.submit(node, 1, INTERACTIVE, "screen")
    assert device.begins() == "a1"
    engine.submit(node, 2, INTERACTIVE, "screen")
    wait_until_named(engine)
    assert older.cancelled()
    assert device.stops()
    assert finish_all(device, 1) == ["a2"]


def test_a_newer_look_at_what_is_in_ram_stops_the_older_one_too(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE, "screen")
    assert finish_all(device, 1) == ["a1"]
    wait_until_named(engine)
    older = engine.submit(node, 2, INTERACTIVE, "screen")
    assert device.begins() == "a2"
    engine.submit(node, 1, INTERACTIVE, "screen").result(PATIENCE_S)
    assert older.cancelled()
    assert device.stops()


def test_a_newer_look_at_what_is_being_made_is_answered_by_it(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    looks = [engine.submit(node, 1, INTERACTIVE, "screen")]
    assert device.begins() == "a1"
    looks.append(engine.submit(node, 1, INTERACTIVE, "screen"))
    wait_until_named(engine)
    assert not device.stops()
    device.say(FINISH)
    assert [look.result(PATIENCE_S).digest for look in looks] == ["a1", "a1"]
    assert not device.has_begun()


def test_what_a_newer_look_cancels_is_made_all_the_same_for_a_batch(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    batch = engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    engine.submit(node, 1, INTERACTIVE, "screen")
    wait_until_named(engine)
    engine.submit(node, 2, INTERACTIVE, "screen")
    wait_until_named(engine)
    assert device.stops()
    assert finish_all(device, 2) == ["a2", "a1"]
    assert batch.result(PATIENCE_S).digest == "a1"


# Equal digests.


def test_requests_of_one_digest_are_made_once_and_keep_their_own_frames_and_names(
    engine: Engine, device: Device
) -> None:
    held = ScriptedNode(device, "held", digests={1: "same", 2: "same"})
    renamed = ScriptedNode(device, "renamed", digests={5: "same"})
    futures = [engine.submit(held, 1, BATCH)]
    assert device.begins() == "same"
    futures += [engine.submit(held, 2, BATCH), engine.submit(renamed, 5, BATCH)]
    wait_until_named(engine)
    device.say(FINISH)
    mattes = [future.result(PATIENCE_S) for future in futures]
    labels = [(matte.frame, matte.elements, matte.digest) for matte in mattes]
    assert labels == [(1, ("held",), "same"), (2, ("held",), "same"), (5, ("renamed",), "same")]
    assert all(matte.alpha is mattes[0].alpha for matte in mattes)
    assert not device.has_begun()


def test_work_is_as_urgent_as_the_most_urgent_who_waits_for_it(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE)
    assert device.begins() == "a1"
    for frame in (2, 3):
        engine.submit(node, frame, BATCH)
    engine.submit(node, 4, PREFETCH)
    wait_until_named(engine)
    look = engine.submit(node, 3, INTERACTIVE)
    wait_until_named(engine)
    device.say(FINISH)
    assert device.begins() == "a3"
    assert not device.stops()
    look.cancel()
    assert device.stops()
    assert finish_all(device, 3) == ["a4", "a2", "a3"]


def test_work_that_runs_becomes_as_urgent_as_who_joins_it(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    engine.submit(node, 1, INTERACTIVE)
    wait_until_named(engine)
    engine.submit(node, 2, INTERACTIVE)
    engine.submit(node, 3, PREFETCH)
    wait_until_named(engine)
    assert not device.stops()
    device.say(FINISH)
    assert finish_all(device, 2) == ["a2", "a3"]


# Cancelling.


def test_a_request_cancelled_before_its_turn_is_never_begun(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    named = engine.submit(node, 2, BATCH)
    wait_until_named(engine)
    assert named.cancel()
    assert engine.submit(node, 3, BATCH).cancel()
    engine.submit(node, 4, BATCH)
    device.say(FINISH)
    assert finish_all(device, 1) == ["a4"]


def test_who_waits_for_a_cancelled_request_is_woken(engine: Engine, device: Device) -> None:
    future = engine.submit(ScriptedNode(device), 1, BATCH)
    assert device.begins() == "a1"
    future.cancel()
    assert concurrent.futures.wait([future], PATIENCE_S).done == {future}
    assert device.stops()


def test_work_stops_when_the_last_who_waited_for_it_has_left(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    first, second = engine.submit(node, 1, BATCH), engine.submit(node, 1, PREFETCH)
    assert device.begins() == "a1"
    wait_until_named(engine)
    assert first.cancel()
    assert not device.stops()
    assert second.cancel()
    assert device.stops()
    wait_until_named(engine)
    assert not device.has_begun()


def test_what_was_cancelled_while_it_ran_goes_on_when_it_is_asked_for_again_in_time(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    future = engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    future.cancel()
    again = engine.submit(node, 1, BATCH)
    wait_until_named(engine)
    assert not device.stops()
    again.cancel()
    assert device.stops()
    late = engine.submit(node, 1, BATCH)
    assert finish_all(device, 1) == ["a1"]
    assert late.result(PATIENCE_S).digest == "a1"


def test_a_request_cancelled_before_it_is_named_is_not_named(
    engine: Engine, device: Device
) -> None:
    hashed: list[int] = []
    hashing, may_go_on = threading.Event(), threading.Event()

    def slowly(frame: int) -> None:
        hashed.append(frame)
        hashing.set()
        assert may_go_on.wait(PATIENCE_S)

    node = ScriptedNode(device, hash_plates=slowly)
    first, second = (engine.submit(node, frame, BATCH) for frame in (1, 2))
    assert hashing.wait(PATIENCE_S)
    second.cancel()
    first.cancel()
    may_go_on.set()
    wait_until_named(engine)
    assert set(hashed) == {1}
    assert not device.has_begun()


def test_a_request_cancelled_while_it_is_named_leaves_nothing_behind(
    engine: Engine, device: Device
) -> None:
    hashing, hashed = threading.Event(), threading.Event()

    def slowly(_frame: int) -> None:
        hashing.set()
        assert hashed.wait(PATIENCE_S)

    node = ScriptedNode(device, hash_plates=slowly)
    look = engine.submit(node, 1, INTERACTIVE)
    assert hashing.wait(PATIENCE_S)
    look.cancel()
    hashed.set()
    wait_until_named(engine)
    assert not device.has_begun()
    engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    engine.submit(node, 2, PREFETCH)
    wait_until_named(engine)
    assert device.stops()
    assert finish_all(device, 2) == ["a2", "a1"]


@pytest.mark.parametrize("word", [FINISH, InputError("damaged")])
def test_a_request_cancelled_while_others_are_answered_does_not_disturb_them(
    engine: Engine, device: Device, word: Word
) -> None:
    node = ScriptedNode(device)
    futures = [engine.submit(node, 1, BATCH) for _ in range(3)]
    assert device.begins() == "a1"
    wait_until_named(engine)
    futures[0].add_done_callback(lambda _: futures[1].cancel())
    device.say(word)
    assert concurrent.futures.wait(futures, PATIENCE_S).not_done == set()
    assert [future.cancelled() for future in futures] == [False, True, False]


# Errors.


@pytest.mark.parametrize("kind", [InputError, ZeroDivisionError])
def test_an_error_goes_to_all_who_waited_and_the_next_request_is_answered(
    engine: Engine, device: Device, kind: type[Exception]
) -> None:
    node = ScriptedNode(device)
    futures = [engine.submit(node, 1, BATCH), engine.submit(node, 1, INTERACTIVE)]
    assert device.begins() == "a1"
    wait_until_named(engine)
    device.say(kind("frame 1 is damaged"))
    for future in futures:
        with pytest.raises(kind, match="frame 1 is damaged"):
            future.result(PATIENCE_S)
    again = engine.submit(node, 1, INTERACTIVE)
    assert finish_all(device, 1) == ["a1"]
    assert again.result(PATIENCE_S).digest == "a1"


def test_what_is_no_request_is_refused_and_leaves_nothing_behind(
    engine: Engine, device: Device
) -> None:
    """A frame read from a table is text: the viewer's next look was compared with it."""
    node = ScriptedNode(device)
    with pytest.raises(TypeError, match="expected a frame, such as 1001, not the str '"):
        engine.submit(node, "1", INTERACTIVE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'batch' is not a valid Priority"):
        engine.submit(node, 1, "batch")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        engine.submit(None, 1, INTERACTIVE).result(PATIENCE_S)  # type: ignore[arg-type]
    engine.submit(node, 2, INTERACTIVE)
    assert finish_all(device, 1) == ["a2"]


def test_an_error_in_naming_goes_to_who_asked(engine: Engine, device: Device) -> None:
    def unreadable(frame: int) -> None:
        if frame == 1:
            raise InputError("plate 1 is unreadable")

    node = ScriptedNode(device, hash_plates=unreadable)
    with pytest.raises(InputError, match="plate 1 is unreadable"):
        engine.submit(node, 1, INTERACTIVE).result(PATIENCE_S)
    engine.submit(node, 2, INTERACTIVE)
    assert finish_all(device, 1) == ["a2"]


def test_a_node_that_stops_unasked_has_failed(engine: Engine, device: Device) -> None:
    future = engine.submit(ScriptedNode(device), 1, INTERACTIVE)
    device.say(CancelledError("of its own accord"))
    with pytest.raises(CancelledError, match="of its own accord"):
        future.result(PATIENCE_S)


# Out of memory.


def test_without_a_smaller_node_running_out_of_memory_is_an_error(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device)
    future = engine.submit(node, 1, INTERACTIVE)
    device.say(OutOfMemoryError("memory ran out"))
    with pytest.raises(OutOfMemoryError, match="memory ran out"):
        future.result(PATIENCE_S)
    assert engine.serving(node) is node


def test_when_memory_runs_out_a_smaller_node_answers_all_that_waits_and_comes(
    engine: Engine, device: Device
) -> None:
    smallest = ScriptedNode(device, "smallest")
    node = ScriptedNode(device, less=ScriptedNode(device, "smaller", less=smallest))
    futures = [engine.submit(node, frame, INTERACTIVE) for frame in (1, 1, 2)]
    assert device.begins() == "a1"
    wait_until_named(engine)
    device.say(OutOfMemoryError("memory ran out"))
    assert device.begins() == "smaller1"
    assert engine.serving(node) is node.less
    futures.append(engine.submit(node, 3, INTERACTIVE))
    wait_until_named(engine)
    device.say(OutOfMemoryError("memory ran out"))
    assert finish_all(device, 3) == ["smallest1", "smallest2", "smallest3"]
    digests = [future.result(PATIENCE_S).digest for future in futures]
    assert digests == ["smallest1", "smallest1", "smallest2", "smallest3"]
    assert engine.serving(node) is smallest


def test_a_node_that_shared_the_work_of_one_without_memory_is_asked_itself(
    engine: Engine, device: Device
) -> None:
    node = ScriptedNode(device, less=ScriptedNode(device, "smaller"))
    twin = ScriptedNode(device, "twin", digests={1: "a1"})
    engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    shared = engine.submit(twin, 1, BATCH)
    wait_until_named(engine)
    device.say(OutOfMemoryError("memory ran out"))
    assert sorted(finish_all(device, 2)) == ["a1", "smaller1"]  # the lanes are two
    assert shared.result(PATIENCE_S).elements == ("twin",)
    assert engine.serving(twin) is twin


def test_what_is_named_while_memory_runs_out_is_named_again(engine: Engine, device: Device) -> None:
    hashing, hashed = threading.Event(), threading.Event()

    def slowly(frame: int) -> None:
        if frame == 2:
            hashing.set()
            assert hashed.wait(PATIENCE_S)

    node = ScriptedNode(device, less=ScriptedNode(device, "smaller"), hash_plates=slowly)
    engine.submit(node, 1, INTERACTIVE)
    assert device.begins() == "a1"
    late = engine.submit(node, 2, BATCH)
    assert hashing.wait(PATIENCE_S)
    device.say(OutOfMemoryError("memory ran out"))
    assert finish_all(device, 1) == ["smaller1"]
    hashed.set()
    assert finish_all(device, 1) == ["smaller2"]
    assert late.result(PATIENCE_S).digest == "smaller2"


# Neighbours.


def look(engine: Engine, device: Device, node: ScriptedNode, frame: int) -> None:
    """Looks at a frame from one screen, and returns when it was made and answered."""
    node.made.clear()
    future = engine.submit(node, frame, INTERACTIVE, "screen")
    wait_until_named(engine, INTERACTIVE)
    while device.begins() != node.digest(frame):
        assert device.stops()  # a neighbour of the frame before
    device.say(FINISH)
    future.result(PATIENCE_S)


@pytest.mark.parametrize(
    ("frames", "looks", "neighbours"),
    [
        ("1-20", [10], [11, 12, 13, 9, 8, 7]),
        ("1-20", [5, 10], [11, 12, 13, 9, 8, 7]),
        ("1-20", [15, 10], [9, 8, 7, 11, 12, 13]),
        ("1-20", [15, 10, 10], [9, 8, 7, 11, 12, 13]),
        ("1-20", [15, 4, 10], [11, 12, 13, 9, 8, 7]),
        ("1-20", [1], [2, 3, 4]),
        ("1-20", [19], [20, 18, 17, 16]),
        ("1-20x5,7", [7], [11, 16, 6, 1]),
        ("7", [7], []),
    ],
)
def test_when_all_is_answered_the_neighbours_of_a_look_are_made_those_ahead_first(
    device: Device, frames: str, looks: list[int], neighbours: list[int]
) -> None:
    node = ScriptedNode(device, frames=frames)
    with Engine(neighbours=3) as engine:
        for frame in looks:
            look(engine, device, node, frame)
        assert finish_all(device, len(neighbours)) == [f"a{frame}" for frame in neighbours]
    assert not device.has_begun()


def test_neighbours_are_dropped_as_soon_as_anything_is_asked_for(device: Device) -> None:
    node = ScriptedNode(device)
    with Engine(neighbours=2) as engine:
        look(engine, device, node, 4)
        assert device.begins() == "a5"
        assert not device.stops()
        engine.submit(node, 9, BATCH)
        wait_until_named(engine)
        assert device.stops()
        assert finish_all(device, 1) == ["a9"]
    assert not device.has_begun()


def test_a_neighbour_that_is_being_made_answers_a_look_at_it(device: Device) -> None:
    node = ScriptedNode(device)
    with Engine(neighbours=1) as engine:
        look(engine, device, node, 4)
        assert device.begins() == "a5"
        future = engine.submit(node, 5, INTERACTIVE, "screen")
        wait_until_named(engine)
        assert not device.stops()
        device.say(FINISH)
        assert future.result(PATIENCE_S).digest == "a5"
        assert finish_all(device, 1) == ["a6"]


def test_no_neighbours_are_made_while_a_batch_waits(device: Device) -> None:
    node = ScriptedNode(device)
    with Engine(neighbours=1) as engine:
        engine.submit(node, 1, INTERACTIVE)
        assert device.begins() == "a1"
        engine.submit(node, 8, BATCH)
        wait_until_named(engine)
        device.say(FINISH)
        assert device.begins() == "a8"
        assert not any(device.stops() for _ in range(50))
        device.say(FINISH)
    assert not device.has_begun()


# The end.


def test_closing_cancels_what_waits_and_stops_what_runs(device: Device) -> None:
    node = ScriptedNode(device)
    with Engine() as engine:
        running = engine.submit(node, 1, INTERACTIVE)
        assert device.begins() == "a1"
        waiting = [engine.submit(node, frame, BATCH) for frame in (2, 3)]
        wait_until_named(engine)
        running.add_done_callback(lambda _: device.say(STEP))
    assert all(future.cancelled() for future in [running, *waiting])
    assert not device.has_begun()
    with pytest.raises(RuntimeError, match="the engine is closed"):
        engine.submit(node, 1, INTERACTIVE)
    engine.close()


def test_an_answered_matte_is_kept_by_nobody_but_its_asker(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    engine.submit(node, 1, INTERACTIVE)
    assert device.begins() == "a1"
    wanted = [engine.submit(node, 2, priority) for priority in (BATCH, INTERACTIVE)]
    engine.submit(node, 3, PREFETCH)  # behind it there is still a place in the queue for 2
    wait_until_named(engine)
    device.say(FINISH)
    assert finish_all(device, 1) == ["a2"]
    alpha = weakref.ref(wanted[0].result(PATIENCE_S).alpha)
    assert device.begins() == "a3"
    gc.disable()
    try:
        wanted.clear()
        node.made.clear()
        assert alpha() is None
    finally:
        gc.enable()
        device.say(FINISH)


def test_a_node_that_was_given_up_is_not_kept(engine: Engine, device: Device) -> None:
    node = ScriptedNode(device)
    future = engine.submit(node, 1, BATCH)
    assert device.begins() == "a1"
    future.cancel()
    assert device.stops()
    engine.submit(ScriptedNode(device, "b"), 1, BATCH)
    assert device.begins() == "b1"  # the thread has let go of what it did before
    given_up = weakref.ref(node)
    gc.disable()
    try:
        del node
        assert given_up() is None
    finally:
        gc.enable()
        device.say(FINISH)


def test_a_shot_whose_plate_hangs_holds_nobody_up(device: Device) -> None:
    hashed = threading.Event()
    hanging = ScriptedNode(device, "hangs", hash_plates=lambda _: assert_set(hashed))
    with Engine(neighbours=0) as engine:
        stuck = [engine.submit(hanging, frame, INTERACTIVE) for frame in range(1, 9)]
        other = engine.submit(ScriptedNode(device), 1, INTERACTIVE)
        assert finish_all(device, 1) == ["a1"]
        assert other.result(PATIENCE_S).digest == "a1"
        assert not any(future.done() for future in stuck)
        hashed.set()
        assert finish_all(device, 8) == [f"hangs{frame}" for frame in range(1, 9)]


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def test_a_request_is_told_of_what_is_tracked_from_the_second_keyframe(engine: Engine) -> None:
    node, told = ToyNode(a_shot(mask(1001), mask(1030))), list[int]()
    engine.submit(node, 1002, BATCH, on_second=told.append).result(PATIENCE_S)
    assert 1002 in told
    assert max(told) > 1020, "the walk from there, before the frame is made"
