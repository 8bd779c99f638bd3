"""Renders by the engine followed to their end, over engines that die and files that vanish."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_process import ended, kill

from rde_roto_client import Client, EngineError, Order, Watcher, follow
from rde_roto_client.following import frames_of

pytest_plugins = ("command_line_fixtures", "engine_fixtures")

Object = dict[str, Any]


class Doing(Watcher):
    """Does something whenever it is told how far the job is, and may not want it any more."""

    def __init__(self, do: Callable[[Object], object], wanted: float = math.inf) -> None:
        self.heard_of: list[Object] = []
        self._do = do
        self._wanted = wanted

    def on_status(self, said: Object) -> None:
        self.heard_of.append(said)
        self._do(said)

    def should_continue(self) -> bool:
        return len(self.heard_of) < self._wanted

    def pause(self) -> None:
        """Looks again at once."""


@pytest.fixture
def order(shot: Object, tmp_path: Path) -> Order:
    return Order(shot, "1001-1006", str(tmp_path / "mattes/hero.####.exr"))


def test_a_job_is_nobody_elses(client: Client, shot: Object, tmp_path: Path) -> None:
    """A client that slept over the engine's end is told so, whatever jobs the next one has."""
    out = str(tmp_path / "mattes/hero.####.exr")
    job, twin = (client.render(shot, "1001-1002", out) for _ in range(2))
    other = client.render(shot, "1001-1003", out)
    assert all(re.fullmatch("[0-9a-f]{16}-[0-9a-f]{16}", name) for name in (job, twin, other))
    assert job != twin
    assert job[:17] == twin[:17] != other[:17], "a name begins with what was asked for"
    assert ended(client, job)["state"] == "done"
    kill()
    with Client("another host") as another:
        theirs = another.prefetch(shot, "1001-1006")
        assert ended(another, theirs)["state"] == "done"
    assert theirs not in (job, twin, other)
    with pytest.raises(EngineError, match=f"there is no job {job}: the engine has restarted"):
        client.progress(job)


def test_an_engine_that_dies_again_and_again_is_not_asked_for_ever(
    client: Client, order: Order
) -> None:
    """One that dies once is followed by another: test_by_engine, and the tests of the hosts."""
    with pytest.raises(EngineError, match="the engine has ended 3 times at this shot") as error:
        follow(client, order, Doing(lambda said: kill()))
    assert (error.value.kind, error.value.code) == ("ended", 8)


def test_what_is_said_to_be_there_is_looked_for(client: Client, order: Order) -> None:
    out = Path(order.out)
    said = follow(client, order, Doing(lambda said: None))
    assert said["state"] == "done"

    def lose(said: Object) -> None:
        if said["state"] == "done":
            out.with_name("hero.1002.exr").unlink()
            out.with_name("hero.1004.exr").write_bytes(b"")

    with pytest.raises(
        EngineError, match=r"not all mattes .* are in .*\(missing: 1002, 1004\)"
    ) as error:
        follow(client, order, Doing(lose))
    assert (error.value.kind, error.value.code, error.value.frames) == ("output", 7, (1002, 1004))
    assert follow(client, order, Doing(lambda said: None))["state"] == "done"


def test_who_does_not_want_it_any_more_cancels_it(client: Client, order: Order) -> None:
    assert follow(client, order, Doing(lambda said: None, wanted=1))["state"] in (
        "cancelled",
        "done",  # by a machine that was quicker
    )
    jobs: list[Object] = []

    def fail(said: Object) -> None:
        jobs.append(said)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(client, order, Doing(fail))
    assert len(jobs) == 1


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("1001", [1001]),
        ("1001-1003,1010", [1001, 1002, 1003, 1010]),
        ("1-7x3", [1, 4, 7]),
        ("-3--1", [-3, -2, -1]),
    ],
)
def test_a_range_is_read_as_the_engine_says_it(text: str, frames: list[int]) -> None:
    assert frames_of(text) == frames
    with pytest.raises(ValueError, match="is no range of frames"):
        frames_of(f"{text},x")
