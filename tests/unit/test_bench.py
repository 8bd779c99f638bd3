from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import Run, refused
from PIL import Image

from rde_roto.evaluation.speed import STAGES, Case, NetworkBench, flops_of
from rde_roto.evaluation.timing import (
    forget_peak_bytes,
    held_bytes,
    in_turn,
    peak_bytes,
    peak_flops,
    ratios,
)
from rde_roto.net import RDE_LITE
from rde_roto.values.preset import Tracking

pytest_plugins = ("command_line_fixtures",)
pytestmark = pytest.mark.usefixtures("home")

Said = Callable[..., list[Any]]
CPU = torch.device("cpu")
TOY = dataclasses.replace(RDE_LITE, key_dim=16, value_dim=32, decoder_dims=(32, 24, 16))


def case(elements: int = 1, every: int = 3, bank: str = "2F+L+RDE") -> Case:
    settings = {"lines": 96, "crop": False, "memory_every": every, "bank": bank}
    return Case(TOY, (96, 128), elements, Tracking.model_validate(settings))


@pytest.fixture
def said(run: Run, capsys: pytest.CaptureFixture[str]) -> Said:
    """The JSON lines of ``rde-roto bench`` with some words, which ends well."""

    def said(*words: object) -> list[Any]:
        assert run("bench", *words) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return said


# Clocks.


def test_steps_take_turns() -> None:
    calls: list[str] = []
    steps = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    taken = in_turn(steps, 3, CPU)
    assert calls == ["a", "b"] * 3
    assert [len(times) for times in taken.values()] == [3, 3]


def test_ratios_are_those_of_the_pairs() -> None:
    assert ratios([4.0, 9.0], [2.0, 3.0]) == (2.0, 3.0)


def test_what_the_device_can_do_at_most() -> None:
    """No CPU that torch runs on does less than 0.1 GFLOP/s, none a petaflop."""
    assert 1e8 < peak_flops(torch.float32, CPU) < 1e15


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="known on Linux alone")
def test_memory_held_at_most() -> None:
    before = peak_bytes(CPU)
    assert before is not None
    held = torch.ones(1 << 26)  # 256 MiB
    after = peak_bytes(CPU)
    assert after is not None
    assert after >= before
    assert after > held.nbytes
    weighed = held.nbytes
    del held
    forget_peak_bytes(CPU)
    forgotten, now = peak_bytes(CPU), held_bytes(CPU)
    assert forgotten is not None
    assert now is not None
    assert forgotten < after - weighed / 2
    assert now <= forgotten


# Operations.


def test_each_element_costs_the_same_operations_and_what_they_share_once() -> None:
    one, two, three = (flops_of(case(elements)) for elements in (1, 2, 3))
    assert two - one == pytest.approx(three - two)
    assert 0 < two - one < one


def test_a_frame_that_is_no_memory_frame_costs_the_same_in_any_cycle() -> None:
    two, three, four = (every * flops_of(case(every=every)) for every in (2, 3, 4))
    assert three - two == pytest.approx(four - three)
    assert three - two < two / 2  # a memory frame costs more


def test_an_embedding_that_is_not_read_costs_no_operations() -> None:
    assert flops_of(case(bank="2F+L")) < flops_of(case())
    bench = NetworkBench(case(bank="2F+L"), CPU)
    state = bench.begin()
    assert state.recurrent is state.anchor
    assert tuple(bench.stages(state)) == STAGES[:-1]


def test_the_forms_that_are_timed_can_be_run() -> None:
    bench = NetworkBench(case(elements=2), CPU)
    state = bench.begin()
    after = bench.frames(state)
    assert after.anchor is state.anchor
    assert not torch.equal(after.recurrent.value, state.recurrent.value)
    bench.plain_frames(state)()
    stages = bench.stages(state)
    assert tuple(stages) == STAGES
    for step in stages.values():
        step()


# The command.


@pytest.mark.slow
def test_the_network_at_480_lines(said: Said, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    (line,) = said("--rounds", "1", "--plain", "--device", "cpu", "--table", table)
    assert line["plate"] == "854x480"
    assert all(line[f"{part}_ms"] > 0 for part in STAGES[:-1])
    assert "update_ms" not in line  # the default bank reads no embedding
    assert line["ratios"][0] == pytest.approx(line["plain_ms"] / line["frame_ms"], rel=0.01)
    achieved = 1e9 * line["gflop"] / (line["frame_ms"] / 1000)
    expected = line["share_of_peak"] * 1e9 * line["peak_gflops"]
    assert achieved == pytest.approx(expected, rel=0.01)
    assert {"commit", "torch", "threads", "device"} <= line.keys()
    head, rule, row = table.read_text(encoding="utf-8").splitlines()
    assert head.startswith("| model | plate | elements | dtype | gflop | cold | frame | encode |")
    assert row.startswith("| rde-lite | 854x480 | 1 | float32 |")
    assert head.count("|") == rule.count("|") == row.count("|")


def test_a_shot_in_its_stages(said: Said) -> None:
    words = ("pipeline", "--set", "tracking.lines=96", "--rounds", "1", "--device", "cpu")
    (line,) = said(*words)
    stages = {name: line[f"{name}_ms"] for name in ("read", "colour", "network", "finish", "write")}
    assert line["slowest"] == max(stages, key=lambda name: stages[name])
    assert line["frames_per_second"] == pytest.approx(1000 / line["frame_ms"], rel=0.01)


def test_two_commands_side_by_side(said: Said) -> None:
    one, other = (f"{sys.executable} -c '{text}'" for text in ("sum(range(10**6))", "pass"))
    (line,) = said("compare", one, other, "--rounds", 1)
    assert (line["one"], line["other"]) == (one, other)
    assert line["ratios"] == [pytest.approx(line["one_ms"] / line["other_ms"], rel=0.01)]


def test_a_command_beside_a_callable(said: Said) -> None:
    (line,) = said("compare", f"{sys.executable} -c pass", "rde_roto.model.devices:usable_devices")
    assert line["other"] == "rde_roto.model.devices:usable_devices"
    assert len(line["ratios"]) == 3
    assert min(line["ratios"]) > 1


def test_a_command_that_fails(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    failing = f"{sys.executable} -c 'import sys; sys.exit(\"no such plate\")'"
    assert run("bench", "compare", failing, failing) == 2
    assert "ended with 1: no such plate" in refused(capsys)


def test_the_memory_of_a_shot_stays_or_grows(said: Said, tmp_path: Path) -> None:
    plot = tmp_path / "length.png"
    lengths = ("--frames", "30", "--growing", "30", "--rounds", "5")
    constant, growing = said("length", *lengths, "--plot", str(plot), "--device", "cpu")
    assert constant["state_mb_at_end"] == constant["state_mb_at_begin"]
    assert growing["state_mb_at_end"] > 2 * growing["state_mb_at_begin"]
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 16) or ()) > 4


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("--size", "500"), "--size 500: expected some of 480, 720, 1080, 4k"),
        (("--elements", "0"), "--elements 0: expected numbers of elements"),
        (("--model", "unet"), "--model unet: expected one of the networks rde-lite, rde-r50"),
        (("length", "--plot", "a.jpg"), "expected a name that ends in .png"),
        (("compare", " ", "true"), "expected two commands"),
        (("compare", "/no/such/program", "true"), "cannot run /no/such/program"),
        (("compare", "no.such:thing", "true"), "cannot call no.such:thing"),
        (("compare", "rde_roto:thing", "true"), "cannot call rde_roto:thing"),
    ],
)
def test_what_cannot_be_timed(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], about: str
) -> None:
    assert run("bench", *words) == 2
    assert about in refused(capsys)
