"""How large the OpenFX plug-in says that it is, in every state of the engine.

Hosts keep the answer and render no pixel outside it. So a matte whose Source is smaller than the
plate is either whole, or the node fails with a sentence: never a part of the matte at status OK.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_engine
import numpy as np
import pytest
from fake_engine import Connection, FakeEngine, Object, matte_of, stop_program
from ofx_host import BACKGROUND, FAILED, FILTER, GENERAL, OK, Effect, Host, instance
from ofx_values import Image
from openfx_plugin import HEIGHT, SHOT, WIDTH, empty, same_bits, write_launch

pytest_plugins = ("openfx_fixtures",)

PLATE = (0, 0, WIDTH, HEIGHT)
KEPT = json.dumps([SHOT["plate"], WIDTH, HEIGHT])
OUTPUTS = MATTE, CUT, OVERLAY = range(3)


def cropped(_: float) -> Image:
    """A Source that is smaller than the plate."""
    return Image(np.zeros((5, 6, 4), np.float32), x=-1, y=2)


def squeezed(aspect: float) -> Callable[[float], Image]:
    return lambda _: Image(np.zeros((5, 6, 4), np.float32), aspect=aspect)


def connect(host: Host, effect: Effect, pixels: Callable[[float], Image] = cropped) -> None:
    host.connect(effect, "Source", pixels, (1001, 1010))


class Viewer:
    """Views a node as hosts do that keep what they were told: only a parameter or an input that has
    changed makes such a host ask again.
    """

    def __init__(self, host: Host, effect: Effect) -> None:
        self._host, self._effect = host, effect
        self._region: Any = None
        self._known: Any = None

    def view(self, frame: int) -> tuple[int, Any]:
        """The status, and the matte where that is OK."""
        values = {n: p.value for n, p in self._effect.params.items() if n != "status"}
        if values != self._known:
            self._region = self._known = None
        if self._region is None:
            status, self._region = self._host.try_region_of_definition(self._effect, frame)
            if status != OK:
                return status, None
            self._known = values
        left, bottom, right, top = map(int, self._region)
        image = Image(np.full((top - bottom, right - left, 1), 7, np.float32), x=left, y=bottom)
        status = self._host.render(self._effect, frame, image)
        return status, image.read()[..., 0]


def is_whole(matte: Any, frame: int = 1004) -> bool:
    shot = {
        "schema": "rde-roto.shot/1",
        "plate": {"path": SHOT["plate"]},
        "elements": [{"id": "hero"}],
        "keyframes": [{"frame": 1001, "mask": "/kept/a.exr", "mask_as": "matte"}],
        "preset": "standard",
    }
    return same_bits(matte, matte_of(shot, frame, HEIGHT, WIDTH)[::-1])


def launches(folder: Path, ofx_run: Path) -> None:
    write_launch(folder / "config", [sys.executable, fake_engine.__file__, str(ofx_run)])


def is_missing(connection: Connection, said: Object) -> None:
    error = {"kind": "input", "code": 4, "sentence": "the plate's files are not there"}
    connection.send({"id": said["id"], "error": error})


# The engine is not there, comes, goes.


def test_while_the_engine_starts_a_matte_is_waited_for_whole(
    fresh: Host, ofx_run: Path, tmp_path: Path
) -> None:
    """A scene from before the size was kept, rendered where nobody waits."""
    fresh.properties[BACKGROUND] = [1]
    launches(tmp_path, ofx_run)
    with instance(fresh, GENERAL, SHOT) as effect:
        connect(fresh, effect)
        try:
            status, matte = Viewer(fresh, effect).view(1004)
        finally:
            stop_program(ofx_run)
    assert status == OK, fresh.messages
    assert is_whole(matte)


def test_a_host_with_windows_never_waits_while_the_engine_starts(
    fresh: Host, ofx_run: Path, tmp_path: Path
) -> None:
    """It may ask from the thread that draws them. This engine ends at once, as after an update that
    was interrupted.
    """
    write_launch(tmp_path / "config", [sys.executable, "-c", "pass"])
    with instance(fresh, GENERAL, SHOT) as effect:
        connect(fresh, effect)
        begun = time.monotonic()
        assert Viewer(fresh, effect).view(1004) == (FAILED, None)
        assert time.monotonic() - begun < 2
    assert "being started" in fresh.messages[-1].text
    assert "rde-roto serve" in fresh.messages[-1].text, "where to see why it stays so"


def test_a_host_with_windows_waits_three_seconds_for_an_engine_that_hangs(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    engine.instead["open"] = lambda connection, said: connection.wait_until_closed()
    connect(host, node)
    begun = time.monotonic()
    assert Viewer(host, node).view(1004) == (FAILED, None)
    assert time.monotonic() - begun < 6
    assert "busy" in host.messages[-1].text


def test_the_size_that_is_kept_needs_no_engine(fresh: Host, ofx_run: Path, tmp_path: Path) -> None:
    launches(tmp_path, ofx_run)
    with instance(fresh, GENERAL, {**SHOT, "plateSize": KEPT}) as effect:
        connect(fresh, effect)
        viewer = Viewer(fresh, effect)
        assert fresh.region_of_definition(effect, 1001) == PLATE
        assert not ofx_run.exists(), "no engine was started"
        try:
            status, matte = viewer.view(1004)
        finally:
            stop_program(ofx_run)
    assert status == OK, fresh.messages
    assert is_whole(matte)


def test_without_any_engine_the_node_says_so_and_is_whole_once_there_is_one(
    fresh: Host, ofx_run: Path
) -> None:
    with instance(fresh, GENERAL, SHOT) as effect:
        connect(fresh, effect)
        viewer = Viewer(fresh, effect)
        assert viewer.view(1004) == (FAILED, None)
        assert [(said.persistent, "No engine runs" in said.text) for said in fresh.messages] == [
            (True, True)
        ]
        with FakeEngine(ofx_run):
            status, matte = viewer.view(1004)
        assert status == OK
        assert is_whole(matte)
        assert fresh.messages[-1].text == "", "taken back"


def test_a_plate_whose_files_come_later(host: Host, node: Effect, engine: FakeEngine) -> None:
    connect(host, node)
    viewer = Viewer(host, node)
    engine.instead["open"] = is_missing
    assert viewer.view(1004) == (FAILED, None)
    assert "not there" in host.messages[-1].text
    del engine.instead["open"]
    status, matte = viewer.view(1004)
    assert status == OK
    assert is_whole(matte)


def test_a_host_that_aborts_is_not_told_a_size(fresh: Host, ofx_run: Path, tmp_path: Path) -> None:
    write_launch(tmp_path / "config", [sys.executable, "-c", "pass"])
    fresh.aborts = lambda: True
    with instance(fresh, GENERAL, SHOT) as effect:
        connect(fresh, effect)
        assert Viewer(fresh, effect).view(1004) == (FAILED, None)
    assert fresh.messages == []


def test_what_shows_source_never_asks_the_engine(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    connect(host, node)
    for output in (CUT, OVERLAY):
        node.params["output"].value = output
        assert host.region_of_definition(node, 1001) == (-1, 2, 5, 7)
    node.params["output"].value, node.params["keyframes"].value = MATTE, ""
    assert host.region_of_definition(node, 1001) == (-1, 2, 5, 7)
    assert host.render(node, 1001, empty()) == FAILED, "there is no matte without a keyframe"
    assert engine.asked("open") == []


# The size that is kept.


@pytest.mark.parametrize("context", [GENERAL, FILTER])
def test_a_keyframe_keeps_the_size_of_the_plate(
    host: Host, engine: FakeEngine, context: str
) -> None:
    engine.display = [10, 20, 40, 30]
    with instance(host, context, {**SHOT, "keyframes": ""}) as effect:
        host.connect(effect, "Source", lambda _: empty())
        if context == GENERAL:
            host.connect(effect, "Mask", lambda _: empty())
        assert host.change(effect, "setKeyframe", 1002) == OK
        assert json.loads(effect.params["plateSize"].value) == [SHOT["plate"], 40, 30]
        asked = len(engine.asked("open"))
        assert host.region_of_definition(effect, 1002) == (0, 0, 40, 30)
        assert len(engine.asked("open")) == asked
        with instance(host, context, {}) as other:
            for name, param in effect.params.items():
                other.params[name].value = param.value
            assert host.region_of_definition(other, 1002) == (0, 0, 40, 30)


@pytest.mark.parametrize("button", ["propagate", "learn"])
def test_a_job_keeps_it_too_and_goes_on(
    host: Host, node: Effect, engine: FakeEngine, button: str
) -> None:
    engine.jobs["job-1"] = {"state": "running", "done": 1, "total": 10, "sentence": "learning"}
    for _ in range(2):
        assert host.change(node, button) == OK
    assert json.loads(node.params["plateSize"].value) == json.loads(KEPT)
    assert len(engine.asked("progress")) == 1, "the second press asked for the job of the first"


def test_other_files_have_another_size(host: Host, node: Effect, engine: FakeEngine) -> None:
    node.params["plateSize"].value = KEPT
    node.params["plate"].value = "/shots/020/hero.####.exr"
    engine.display = [0, 0, 40, 30]
    assert host.region_of_definition(node, 1001) == (0, 0, 40, 30)


@pytest.mark.parametrize(
    "kept",
    ["[", "{}", f'["{SHOT["plate"]}",0,16]', f'["{SHOT["plate"]}",24,16385]', KEPT[:-1] + ",1]"],
)
def test_a_kept_size_that_is_none_is_not_used(
    host: Host, node: Effect, engine: FakeEngine, kept: str
) -> None:
    node.params["plateSize"].value = kept
    assert host.region_of_definition(node, 1001) == PLATE
    assert len(engine.asked("open")) == 1


def test_a_matte_is_never_cropped_to_a_kept_size_that_is_wrong(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    """The plate was replaced and its keyframes set anew, then the size alone was undone."""
    connect(host, node)
    node.params["plateSize"].value = json.dumps([SHOT["plate"], WIDTH // 2, HEIGHT // 2])
    viewer = Viewer(host, node)
    status, _ = viewer.view(1004)
    assert status == FAILED
    assert "24x16 now, and was 12x8" in host.messages[-1].text
    assert host.change(node, "propagate") == OK
    status, matte = viewer.view(1004)
    assert status == OK
    assert is_whole(matte)
    node.params["plateSize"].value = json.dumps([SHOT["plate"], WIDTH // 2, HEIGHT // 2])
    node.params["output"].value = CUT
    assert host.render(node, 1004, empty()) == OK, "what shows Source is as large as that"


# Pixels that are not square.


def test_a_matte_is_as_wide_as_its_pixels(host: Host, node: Effect, engine: FakeEngine) -> None:
    connect(host, node, squeezed(2))
    assert host.region_of_definition(node, 1001) == (0, 0, 2 * WIDTH, HEIGHT)


def test_without_source_the_pixels_are_those_of_the_output(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    node.clips["Output"].properties["OfxImagePropPixelAspectRatio"] = [2.0]
    assert host.region_of_definition(node, 1001) == (0, 0, 2 * WIDTH, HEIGHT)


@pytest.mark.parametrize("aspect", [0.0, -1.0, 0.05, 20.0, float("nan")])
def test_an_aspect_that_no_plate_has_is_a_message(
    host: Host, node: Effect, engine: FakeEngine, aspect: float
) -> None:
    connect(host, node)
    host.connect(node, "Mask", cropped)
    node.clips["Source"].properties["OfxImagePropPixelAspectRatio"] = [aspect]
    assert Viewer(host, node).view(1004) == (FAILED, None)
    assert "no pixel aspect ratio that a plate can have" in host.messages[-1].text
    node.params["keyframes"].value = ""
    assert host.change(node, "setKeyframe", 1001) == OK
    assert "no pixel aspect ratio" in node.params["status"].value
