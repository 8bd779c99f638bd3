"""Whatever is asked of an engine, in whatever order: beside it, a plain list of all requests."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scripted_nodes import FINISH, PATIENCE_S, STEP, Device, ScriptedNode, wait_until_named

from rde_roto.engine import Engine
from rde_roto.engine.requests import Priority
from rde_roto.values.errors import InputError
from rde_roto.values.matte import Matte


@dataclass(eq=False)
class Asked:
    """What the test knows of a request."""

    future: Future[Matte]
    digest: str
    priority: Priority
    viewer: Hashable
    number: int

    @property
    def place(self) -> tuple[Priority, int]:
        return (self.priority, self.number)


class Session(RuleBasedStateMachine):
    """An engine beside a plain list of requests, which says what has to happen next."""

    def __init__(self) -> None:
        super().__init__()
        self.device = Device()
        self.engine = Engine(neighbours=0)
        shared = {1: "same1", 2: "same2", 3: "same2"}
        made: dict[str, Matte] = {}
        self.nodes = [ScriptedNode(self.device, name, "1-4", shared, made=made) for name in "ab"]
        self.asked: list[Asked] = []
        self.running: str | None = None
        self.dropped: set[int] = set()

    @property
    def waiting(self) -> list[Asked]:
        return [asked for asked in self.asked if not asked.future.done()]

    @property
    def served(self) -> list[Asked]:
        """Those who wait for what is being made."""
        return [asked for asked in self.waiting if asked.digest == self.running]

    @rule(
        node=st.integers(0, 1),
        frame=st.integers(1, 4),
        priority=st.sampled_from(Priority),
        viewer=st.sampled_from([None, "left", "right"]),
    )
    def submit(self, node: int, frame: int, priority: Priority, viewer: Hashable) -> None:
        digest = self.nodes[node].digest(frame)
        older = [a for a in self.waiting if a.viewer == viewer and viewer is not None]
        future = self.engine.submit(self.nodes[node], frame, priority, viewer)
        self.asked.append(Asked(future, digest, priority, viewer, len(self.asked)))
        wait_until_named(self.engine, priority)
        for asked in older:
            spared = asked.digest == digest == self.running
            if priority is asked.priority is Priority.INTERACTIVE and not spared:
                self.dropped.add(asked.number)
        if self.running is None:
            self.go_on()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.waiting))
        assert asked.future.cancel()
        self.dropped.add(asked.number)

    @precondition(lambda self: self.running)
    @rule()
    def step(self) -> None:
        served = min((asked.priority for asked in self.served), default=None)
        wanted = served is not None and served == min(a.priority for a in self.waiting)
        assert self.device.stops() == (not wanted)
        if not wanted:
            self.go_on()

    @precondition(lambda self: self.served)
    @rule()
    def finish(self) -> None:
        served = self.served
        self.device.say(FINISH)
        for asked in served:
            assert asked.future.result(PATIENCE_S).digest == self.running
        self.go_on()

    @precondition(lambda self: self.served)
    @rule()
    def fail(self) -> None:
        served = self.served
        self.device.say(InputError("damaged"))
        for asked in served:
            assert isinstance(asked.future.exception(PATIENCE_S), InputError)
        self.go_on()

    def go_on(self) -> None:
        """The device has ended or put off what it did: it begins with who comes first."""
        self.running = None
        if self.waiting:
            self.running = self.device.begins()
            assert self.running == min(self.waiting, key=lambda asked: asked.place).digest
            assert self.running not in self.nodes[0].made, "made once is enough"

    @invariant()
    def nothing_is_begun_or_cancelled_that_should_not_be(self) -> None:
        assert not self.device.has_begun()
        cancelled = {asked.number for asked in self.asked if asked.future.cancelled()}
        assert cancelled == self.dropped

    def teardown(self) -> None:
        if self.served:
            self.served[0].future.add_done_callback(lambda _: self.device.say(STEP))
        elif self.running:
            self.device.say(STEP)
        self.engine.close()
        assert all(asked.future.done() for asked in self.asked)
        assert not self.device.has_begun()


Session.TestCase.settings = settings(max_examples=60, stateful_step_count=30)

# Every request is answered or cancelled, made once, and none before a more urgent one.
TestWhateverIsAsked = Session.TestCase
