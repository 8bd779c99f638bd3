from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest

from rde_roto.background import WriteBehind, read_ahead

PATIENCE_S = 30.0
"""How long a test waits for what should come at once, before it fails."""


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def threads() -> int:
    return threading.active_count()


class Source:
    """Numbers, and a note of how many of them the consumer had when each was made."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.received = 0
        self.received_when_made: list[int] = []
        self.makers: set[int] = set()
        self.cleaned_up = False
        self._made = threading.Condition()

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self.count):
                with self._made:
                    self.makers.add(threading.get_ident())
                    self.received_when_made.append(self.received)
                    self._made.notify_all()
                yield number
        finally:
            self.cleaned_up = True

    def wait_until_made(self, count: int) -> None:
        with self._made:
            assert self._made.wait_for(lambda: len(self.received_when_made) >= count, PATIENCE_S)


# Reading ahead.


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_items_come_in_order_and_once(count: int, depth: int) -> None:
    source = Source(count)
    assert list(read_ahead(iter(source), depth)) == list(range(count))
    assert source.cleaned_up


def test_items_that_are_none_are_items() -> None:
    assert list(read_ahead(iter([None, 0, None]), 2)) == [None, 0, None]


@pytest.mark.parametrize("depth", [1, 3])
def test_depth_items_are_made_ahead_and_no_more(depth: int) -> None:
    source = Source(50)
    for number in read_ahead(iter(source), depth):
        source.received += 1
        # this one is in hand, and depth more come while it is looked at
        source.wait_until_made(min(number + 1 + depth, source.count))
    ahead = [made - received for made, received in enumerate(source.received_when_made, start=1)]
    # the one that is being handed out counts as made and not yet as received
    assert max(ahead) <= depth + 1
    assert len(source.makers) == 1
    assert threading.get_ident() not in source.makers


def test_nothing_is_made_before_the_first_is_asked_for() -> None:
    source = Source(3)
    before = threads()
    items = read_ahead(iter(source), 2)
    assert (threads(), source.received_when_made) == (before, [])
    assert next(items) == 0
    items.close()


def test_an_error_comes_in_the_place_of_its_item() -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)
        raise OSError("frame 3 is damaged")

    items = read_ahead(numbers(), 5)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="frame 3 is damaged"):
        next(items)
    assert list(items) == []


def test_closing_early_ends_the_thread_and_the_source() -> None:
    source = Source(1000)
    before = threads()
    items = read_ahead(iter(source), 3)
    assert next(items) == 0
    assert threads() == before + 1
    items.close()
    assert threads() == before
    assert source.cleaned_up
    assert len(source.received_when_made) <= 5


def test_closing_early_closes_the_source_though_somebody_still_holds_it() -> None:
    source = Source(1000)
    held = iter(source)
    items = read_ahead(held, 3)
    assert next(items) == 0
    items.close()
    assert source.cleaned_up
    assert list(held) == []


def test_an_error_of_the_consumer_ends_the_thread_and_the_source() -> None:
    source = Source(1000)

    def consume() -> NoReturn:
        for number in read_ahead(iter(source), 2):
            raise ValueError(f"cannot use {number}")
        raise AssertionError

    with pytest.raises(ValueError, match="cannot use 0") as caught:
        consume()
    del caught  # its traceback holds what was being read
    assert source.cleaned_up


# Writing behind.


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_items_are_written_in_order_on_one_other_thread(depth: int) -> None:
    written: list[int] = []
    writers: set[int] = set()

    def write(item: int) -> None:
        writers.add(threading.get_ident())
        written.append(item)

    with WriteBehind(write, depth) as behind:
        for item in range(20):
            behind(item)
    assert written == list(range(20))
    assert len(writers) == 1
    assert threading.get_ident() not in writers


def test_nothing_to_write() -> None:
    with WriteBehind(pytest.fail) as behind:
        assert isinstance(behind, WriteBehind)


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_than_depth_items_wait(depth: int) -> None:
    accepted, started = 0, 0
    waiting: list[int] = []
    full = threading.Event()

    def write(item: int) -> None:
        nonlocal started
        # the caller goes on while the first is being written, until depth of them are on the way
        assert full.wait(PATIENCE_S)
        waiting.append(accepted - started)
        started += 1

    with WriteBehind(write, depth) as behind:
        for item in range(50):
            behind(item)
            accepted += 1
            if accepted == depth:
                full.set()
    assert started == 50
    # accepted is counted a moment after the item is, so it may lag, never lead
    assert max(waiting) == depth


def test_an_error_comes_up_at_a_later_item() -> None:
    tried: list[int] = []

    def write(item: int) -> None:
        tried.append(item)
        raise OSError(f"disk full at {item}")

    handed_in: list[int] = []

    def run() -> None:
        with WriteBehind(write, 2) as behind:
            for item in range(1000):
                behind(item)
                handed_in.append(item)

    with pytest.raises(OSError, match="disk full at 0"):
        run()
    assert handed_in == [0, 1]
    assert tried == [0]


def test_an_error_of_the_last_item_comes_up_on_leaving() -> None:
    def write(item: int) -> None:
        if item == 3:
            raise OSError("disk full")

    def run() -> None:
        with WriteBehind(write, 2) as behind:
            for item in range(4):
                behind(item)

    with pytest.raises(OSError, match="disk full"):
        run()


def test_what_waits_behind_an_error_is_not_written() -> None:
    may_fail = threading.Event()
    tried: list[int] = []

    def write(item: int) -> None:
        tried.append(item)
        assert may_fail.wait(PATIENCE_S)
        raise OSError("disk full")

    def run() -> None:
        with WriteBehind(write, 5) as behind:
            for item in range(5):
                behind(item)
            may_fail.set()

    with pytest.raises(OSError, match="disk full"):
        run()
    assert tried == [0]


def test_what_is_handed_in_is_written_when_its_maker_fails() -> None:
    written: list[int] = []

    def run() -> None:
        with WriteBehind(written.append, 5) as behind:
            for item in range(4):
                behind(item)
            raise ValueError("the next plate is damaged")

    with pytest.raises(ValueError, match="the next plate is damaged"):
        run()
    assert written == [0, 1, 2, 3]
