"""The OpenFX plug-in and the engine itself, from the first keyframe to an engine that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from ofx_host import GENERAL, OK, Effect, Host, instance
from ofx_values import Image
from openfx_plugin import same_bits, write_launch

from rde_roto_client import Client
from rde_roto_client.places import read_endpoint

pytest_plugins = ("openfx_fixtures", "command_line_fixtures")

HEIGHT, WIDTH = 64, 96  # of the display window
TOP, LEFT, DATA_HEIGHT, DATA_WIDTH = 4, 8, 50, 80
FRAMES = range(1001, 1007)
PATIENCE_S = 60
SERVE = [sys.executable, "-m", "rde_roto.doors.cli", "serve", "--idle", "60"]


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Six EXRs in a folder whose name is no plain ASCII; the pattern that names them.

    Their display window does not begin at 0, 0, and their data window leaves an edge of it out.
    """
    folder = tmp_path / "größer"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for frame in FRAMES:
        spec = oiio.ImageSpec(DATA_WIDTH, DATA_HEIGHT, 3, "half")
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = 10, 20, WIDTH, HEIGHT
        spec.x, spec.y = 10 + LEFT, 20 + TOP
        buffer = oiio.ImageBuf(spec)
        pixels = rng.random((DATA_HEIGHT, DATA_WIDTH, 3), np.float32)
        assert buffer.set_pixels(buffer.roi, pixels)
        assert buffer.write(str(folder / f"hero.{frame}.exr"))
    return folder / "hero.####.exr"


@pytest.fixture
def serves(ofx_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in may start an engine, which is ended with the test; nothing of it is left."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "cache"))
    write_launch(tmp_path / "config", SERVE)
    yield
    if read_endpoint() is not None:
        kill()


def kill() -> None:
    endpoint = read_endpoint()
    assert endpoint is not None
    os.kill(endpoint["pid"], signal.SIGKILL)


def painted() -> Image:
    """A soft mask, row 0 the lowest."""
    alpha = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    alpha[5:40, 20:70] = 1
    alpha[40:44, 20:70] = np.float32(0.3)
    return Image(alpha)


def displayed(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """A matte of the data window, row 0 on top, as the host sees it: row 0 the lowest."""
    whole = np.zeros((HEIGHT, WIDTH), np.float32)
    whole[TOP : TOP + DATA_HEIGHT, LEFT : LEFT + DATA_WIDTH] = data
    return np.ascontiguousarray(whole[::-1])


def rendered(host: Host, effect: Effect, frame: int) -> NDArray[np.float32]:
    """The matte, row 0 the lowest."""
    image = Image(np.full((HEIGHT, WIDTH, 1), 7, np.float32))
    assert host.render(effect, frame, image) == OK, host.messages
    return image.read()[..., 0]


def of_client(client: Client, effect: Effect, frame: int) -> NDArray[np.float32]:
    """What another client is given for the same shot, as the host has to see it."""
    keyframes = json.loads(effect.params["keyframes"].value)
    shot: dict[str, Any] = {
        "schema": "rde-roto.shot/1",
        "plate": {"path": effect.params["plate"].value},
        "elements": [{"id": "hero"}],
        "keyframes": [{"frame": f, "mask": m, "mask_as": "matte"} for f, m in keyframes],
        "preset": "draft",
        "model": effect.params["model"].value,
    }
    matte = client.matte(shot, frame, "hero")
    return displayed(np.frombuffer(matte.pixels, np.float32).reshape(DATA_HEIGHT, DATA_WIDTH))


def propagated(host: Host, effect: Effect) -> str:
    """Presses Propagate until it says something else than that it is running."""
    end = time.monotonic() + PATIENCE_S
    assert host.change(effect, "propagate") == OK
    while True:
        assert host.change(effect, "propagate") == OK
        status = str(effect.params["status"].value)
        if not status.startswith("running"):
            return status
        assert time.monotonic() < end


def test_a_shot_from_its_first_keyframe_to_an_engine_that_is_killed(
    host: Host, serves: None, plate: Path, weights: Path
) -> None:
    values = {"plate": str(plate), "element": "hero", "preset": "draft", "model": str(weights)}
    with instance(host, GENERAL, values) as node, Client("tests") as client:
        host.connect(node, "Mask", lambda _: painted())
        assert host.change(node, "setKeyframe", 1003) == OK
        assert "being started" in host.messages.pop().text
        client.hello()  # waits until it is there
        assert host.change(node, "setKeyframe", 1003) == OK
        assert node.params["status"].value == "keyframes: 1003"

        keyframe = painted().pixels[::-1, :, 0][TOP : TOP + DATA_HEIGHT, LEFT : LEFT + DATA_WIDTH]
        assert same_bits(rendered(host, node, 1003), displayed(keyframe))
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda frame: rendered(host, node, frame), reversed(FRAMES)))
        for frame, matte in zip(reversed(FRAMES), found, strict=True):
            assert same_bits(matte, of_client(client, node, frame))
        assert propagated(host, node) == "done: 6 of 6 frames"

        shutil.copy(plate.with_name("hero.1006.exr"), plate.with_name("hero.1007.exr"))
        assert propagated(host, node) == "done: 7 of 7 frames", "the plate has grown meanwhile"
        rendered(host, node, 1007)

        kill()
        again = rendered(host, node, 1006)  # which starts another one
        assert same_bits(again, found[0])
        assert host.messages == []

        node.params["plate"].value = "/nowhere/hero.####.exr"
        image = Image(np.zeros((HEIGHT, WIDTH, 1), np.float32))
        assert host.render(node, 1003, image) != OK
        assert "/nowhere" in host.messages[-1].text


# Source instead of files.


def source(edited: int = 0) -> Callable[[float], Image | None]:
    """Six pictures with light above 1 and below 0."""

    def give(time: float) -> Image | None:
        rng = np.random.default_rng([int(time), edited])
        pixels = rng.random((HEIGHT, WIDTH, 4), np.float32) * 3 - np.float32(0.5)
        return Image(pixels) if int(time) in FRAMES else None

    return give


def floats(folder: Path) -> Path:
    """The same pictures in float EXRs; the pattern that names them."""
    folder.mkdir()
    for frame in FRAMES:
        buffer = oiio.ImageBuf(oiio.ImageSpec(WIDTH, HEIGHT, 3, "float"))
        image = source()(frame)
        assert image is not None
        pixels = np.ascontiguousarray(image.pixels[::-1, :, :3])
        assert buffer.set_pixels(buffer.roi, pixels)
        assert buffer.write(str(folder / f"hero.{frame}.exr"))
    return folder / "hero.####.exr"


def test_mattes_of_source_are_those_of_its_files_bit_for_bit(
    host: Host,
    serves: None,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Out of order, in two instances, over a change upstream and its undo, and a killed engine."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # on which last bits depend
    values = {"element": "hero", "preset": "draft", "model": str(weights)}
    ends = float(FRAMES[0]), float(FRAMES[-1])
    with (
        Client("tests") as client,
        instance(host, GENERAL, values) as node,
        instance(host, GENERAL, {**values, "plate": str(floats(tmp_path / "floats"))}) as by_path,
    ):
        client.hello()  # waits until it is there
        for effect in (node, by_path):
            host.connect(effect, "Mask", lambda _: painted())
            host.connect(effect, "Source", source(), ends)
            assert host.change(effect, "setKeyframe", 1003) == OK
            assert effect.params["status"].value == "keyframes: 1003", host.messages
        assert host.frames_needed(node, 1005) == [1005, 1003, 1004]
        expected = {frame: rendered(host, by_path, frame) for frame in FRAMES}
        for frame in (1005, 1001, 1006, 1003, 1002, 1004):
            assert same_bits(rendered(host, node, frame), expected[frame])
        assert host.frames_needed(node, 1005) == [1005]

        made = cached(tmp_path)
        other = host.copy(node)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda frame: rendered(host, other, frame), reversed(FRAMES)))
        for frame, matte in zip(reversed(FRAMES), found, strict=True):
            assert same_bits(matte, expected[frame])
        assert cached(tmp_path) == made, "two instances share all that is made"
        assert host.destroy(other) == OK

        host.connect(node, "Source", source(edited=1), ends)
        assert host.change_clip(node, "Source") == OK
        assert not same_bits(rendered(host, node, 1006), expected[1006])
        made = cached(tmp_path)
        host.connect(node, "Source", source(), ends)
        assert host.change_clip(node, "Source") == OK
        assert same_bits(rendered(host, node, 1006), expected[1006])
        assert cached(tmp_path) == made, "undo takes no step"

        proxy = host.copy(node)  # whose frames the engine lacks at full size
        image = Image(np.full((HEIGHT // 2, WIDTH // 2, 1), 7, np.float32))
        assert host.render(proxy, 1004, image, scale=0.5) == OK, host.messages
        assert 0 <= image.read().min() <= image.read().max() <= 1
        assert host.render(proxy, 1003, image, scale=0.5) == OK, host.messages
        four = painted().pixels.astype(np.float64).reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 1)
        assert same_bits(image.read(), four.mean(axis=(1, 3)).astype(np.float32))
        assert host.destroy(proxy) == OK
        said = [message.kind for message in host.messages]  # a keyframe depends on no proxy
        assert said == ["OfxMessageWarning", "clear"]
        host.messages.clear()

        kill()
        for frame in FRAMES:
            assert same_bits(rendered(host, node, frame), expected[frame])
        assert host.messages == []


def cached(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.safetensors"))
