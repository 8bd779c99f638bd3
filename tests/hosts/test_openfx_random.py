"""Random renders of the OpenFX plug-in: tiles of odd sizes, scales, depths and layouts of memory,
in any order from several threads, while keyframes and Source change between them.

Every pixel is compared with what the engine has made for exactly that shot and frame.
"""

from __future__ import annotations

import json
import math
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, Floats, Object, matte_of, needed_of
from ofx_host import FILTER, GENERAL, OK, Effect, Host, instance
from ofx_values import Array, Image

pytest_plugins = ("openfx_fixtures",)

WIDTH, HEIGHT = 25, 17  # odd, so that no proxy is as large as its plate
FIRST, LAST = 1001, 1020
MATTE, CUT, OVERLAY = range(3)
SCALES = (1.0, 1.0, 0.5, 0.25)
DTYPES = (np.float32, np.float16, np.uint16, np.uint8)
UNDRAWN = 7
BATCH, THREADS = 12, 4
SHOT: Object = {"element": "hero", "keyframes": '[[1001,"/kept/a.exr"]]'}
FILES = "/shots/010/hero.####.exr"

Random = np.random.Generator


def picture(frame: int, edited: int) -> Array:
    """[height, width, 4], row 0 the lowest."""
    rng = np.random.default_rng([frame, edited])
    return rng.random((HEIGHT, WIDTH, 4), np.float32) * 3 - 1


def sent(pixels: Array, scale: float) -> Floats:
    """A frame as the engine has to be given it; of a proxy, enlarged to the plate's size."""
    proxy = Image(pixels).at_scale(scale).pixels
    if scale != 1:
        rows, columns = (
            ((np.arange(side) + 0.5) * scale).astype(int).clip(0, there - 1)
            for side, there in zip((HEIGHT, WIDTH), proxy.shape[:2], strict=True)
        )
        proxy = proxy[rows][:, columns]
    return np.ascontiguousarray(proxy[::-1, :, :3])


@dataclass
class Node:
    """An instance, and what its Source is at the moment."""

    effect: Effect
    is_pushed: bool
    edited: int = 0

    def source(self, time: float) -> Image:
        """Files are shown by a Source that lies elsewhere than the plate."""
        pixels = picture(int(time), self.edited)
        return Image(pixels) if self.is_pushed else Image(pixels[:11, :19], x=3, y=-2)

    @property
    def shot(self) -> Object:
        """What the engine has to be told, but for the plate."""
        keyframes = json.loads(self.effect.params["keyframes"].value)
        return {
            "schema": "rde-roto.shot/1",
            "plate": {"path": FILES},
            "elements": [{"id": "hero"}],
            "keyframes": [{"frame": f, "mask": m, "mask_as": "matte"} for f, m in keyframes],
            "preset": "standard",
        }

    def matte(self, frame: int, plate_scale: float) -> Floats:
        """The engine's matte, row 0 the lowest."""
        shot = self.shot
        if self.is_pushed:
            frames = (picture(f, self.edited) for f in needed_of(shot, frame))
            shot["plate"] = [zlib.crc32(sent(one, plate_scale).tobytes()) for one in frames]
        return matte_of(shot, frame, HEIGHT, WIDTH)[::-1]


@dataclass
class Render:
    """A request: which pixels of which frame, and into what memory."""

    node: Node
    frame: int
    scale: float
    output: int
    target: Image
    window: tuple[int, int, int, int]
    aborted: bool
    status: int = -1
    found: Array = field(default_factory=lambda: np.zeros(0))


def random_render(rng: Random, nodes: list[Node]) -> Render:
    """An image about the plate, and a window of it."""
    scale = float(rng.choice(SCALES))
    width, height = (math.ceil(side * scale) for side in (WIDTH, HEIGHT))
    x, y = (int(rng.integers(-4, side)) for side in (width, height))
    size = int(rng.integers(1, height + 5)), int(rng.integers(1, width + 5))
    shape = (*size, int(rng.choice([1, 4])))
    target = Image(
        np.full(shape, UNDRAWN, rng.choice(np.array(DTYPES))),
        x,
        y,
        scale=scale,
        top_first=bool(rng.integers(2)),
        padding_bytes=4 * int(rng.integers(4)),
    )
    x1, y1, x2, y2 = target.bounds
    left, right = sorted(int(side) for side in rng.choice(np.arange(x1, x2 + 1), 2, replace=False))
    low, high = sorted(int(side) for side in rng.choice(np.arange(y1, y2 + 1), 2, replace=False))
    return Render(
        node=nodes[int(rng.integers(len(nodes)))],
        frame=int(rng.integers(FIRST, LAST + 1)),
        scale=scale,
        output=int(rng.integers(3)),
        target=target,
        window=(left, low, right, high),
        aborted=bool(rng.random() < 0.05),
    )


def scaled(matte: Floats, scale: float) -> Floats:
    """The mean of the plate's pixels that one of the host's covers; beyond the plate there is 0."""
    step = round(1 / scale)
    height, width = (math.ceil(side / step) for side in matte.shape)
    whole = np.zeros((height * step, width * step))
    whole[:HEIGHT, :WIDTH] = matte
    if step == 1:
        return matte
    means: Floats = whole.reshape(height, step, width, step).mean(axis=(1, 3)).astype(np.float32)
    return means


def placed(pixels: Array, x: int, y: int, render: Render) -> Array:
    """The pixels of an image within a render's window, 0 where it has none."""
    x1, y1, x2, y2 = render.window
    found = np.zeros((y2 - y1, x2 - x1, *pixels.shape[2:]), np.float32)
    cut = Image(pixels if pixels.ndim == 3 else pixels[..., None], x, y).within((x1, y1, x2, y2))
    if cut is not None:
        left, low, right, high = cut.bounds
        inner = cut.pixels if pixels.ndim == 3 else cut.pixels[..., 0]
        found[low - y1 : high - y1, left - x1 : right - x1] = inner
    return found


def expected(render: Render, plate_scale: float) -> Array:
    """The window as floats, [height, width, channels]."""
    node, output = render.node, render.output
    alpha = placed(scaled(node.matte(render.frame, plate_scale), render.scale), 0, 0, render)
    alpha = alpha[..., None]
    if output == MATTE:
        whole = np.repeat(alpha, 4, axis=2)
    else:
        source = node.source(render.frame).at_scale(render.scale)
        shown = placed(source.pixels, source.x, source.y, render)
        red = np.array([1, 0, 0, 1], np.float32)
        whole = shown * alpha
        if output == OVERLAY:
            whole = shown + (red - shown) * np.float32(0.5) * alpha
    return whole if render.target.pixels.shape[2] == 4 else whole[..., 3:]


def is_right(render: Render, plate_scale: float) -> bool:
    """Whether the window has the engine's matte, at the target's depth."""
    x1, y1, x2, y2 = render.window
    left, low = render.target.x, render.target.y
    found = render.found[y1 - low : y2 - low, x1 - left : x2 - left]
    wanted = expected(render, plate_scale)
    if np.issubdtype(found.dtype, np.integer):
        most = np.iinfo(found.dtype).max
        # half a step, and what float32 products and sums may be off
        return bool(np.abs(found / most - wanted.clip(0, 1)).max() <= 0.5 / most + 1e-6)
    if (
        render.output == OVERLAY
    ):  # three float32 steps on numbers up to 2; a step of a half is 2^-10
        tolerance = 1e-6 if found.dtype == np.float32 else 2**-10
        return bool(np.abs(found.astype(np.float64) - wanted).max() <= tolerance)
    # two NaN or -0 never meet here: equal numbers are equal bits
    return bool((found == wanted.astype(found.dtype)).all())


def is_untouched_elsewhere(render: Render) -> bool:
    """Whether nothing was drawn but the window."""
    x1, y1, x2, y2 = render.window
    left, low = render.target.x, render.target.y
    outside = np.ones(render.found.shape[:2], bool)
    outside[y1 - low : y2 - low, x1 - left : x2 - left] = False
    return bool((render.found[outside] == UNDRAWN).all()) and render.target.padding_is_whole()


def change_something(host: Host, rng: Random, node: Node) -> None:
    """A new keyframe, one less, an undo in one batch, or another Source."""
    effect, frame = node.effect, int(rng.integers(FIRST, LAST + 1))
    keyframes = json.loads(effect.params["keyframes"].value)
    choice = int(rng.integers(4))
    if choice == 0 and "Mask" in effect.clips:
        mask = Image(rng.random((HEIGHT, WIDTH, 1), np.float32))
        host.connect(effect, "Mask", lambda _: mask)
        assert host.change(effect, "setKeyframe", frame) == OK
        assert frame in dict(json.loads(effect.params["keyframes"].value)), host.messages
    elif choice == 1 and len(keyframes) > 1:
        assert host.change(effect, "removeKeyframe", keyframes[0][0]) == OK
    elif choice == 2:
        effect.params["keyframes"].value = f'[[{frame},"/kept/undone.exr"]]'
        assert host.change_all(effect, ["keyframes", "learned"]) == OK
    elif node.is_pushed:
        node.edited += 1
        assert host.change_clip(effect, "Source") == OK


@pytest.fixture
def nodes(host: Host, engine: FakeEngine) -> Iterator[list[Node]]:
    """Two plates that are pushed, in both contexts, and one with files."""
    engine.data = engine.display = [0, 0, WIDTH, HEIGHT]
    kinds = [(GENERAL, ""), (FILTER, ""), (GENERAL, FILES)]
    with ExitStack() as stack:
        found = []
        for context, plate in kinds:
            effect = stack.enter_context(instance(host, context, {**SHOT, "plate": plate}))
            node = Node(effect, is_pushed=not plate)
            host.connect(effect, "Source", node.source, (float(FIRST), float(LAST)))
            found.append(node)
        yield found


def draw(host: Host, render: Render, here: threading.local) -> None:
    here.aborted = render.aborted
    render.status = host.render(
        render.node.effect, render.frame, render.target, render.window, render.scale
    )
    render.found = render.target.read()


@pytest.mark.parametrize("count", [96, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_renders_have_the_engines_mattes(host: Host, nodes: list[Node], count: int) -> None:
    rng = np.random.default_rng(count)
    here = threading.local()
    host.aborts = lambda: bool(getattr(here, "aborted", False))
    compared = 0
    with ThreadPoolExecutor(THREADS) as pool:
        while compared < count:
            output = {id(node): int(rng.integers(3)) for node in nodes}
            renders = [random_render(rng, nodes) for _ in range(BATCH)]
            for render in renders:
                render.output = output[id(render.node)]
                render.node.effect.params["output"].value = render.output
            list(pool.map(lambda render: draw(host, render, here), renders))
            for render in renders:
                check(render, host)
            compared += len(renders)
            here.aborted = False
            change_something(host, rng, nodes[int(rng.integers(len(nodes)))])
    assert [said for said in host.messages if said.kind == "OfxMessageError"] == []


def check(render: Render, host: Host) -> None:
    assert render.status == OK, host.messages
    assert is_untouched_elsewhere(render), render
    if not render.aborted:
        # a proxy is made from proxies, unless all the frames were there at full size already
        plate_scales = {1.0, render.scale} if render.node.is_pushed else {1.0}
        assert any(is_right(render, scale) for scale in plate_scales), render


def test_a_wrong_pixel_is_noticed(host: Host, nodes: list[Node]) -> None:
    """The comparison itself."""
    rng = np.random.default_rng(5)
    here: Any = threading.local()
    host.aborts = lambda: False
    render = random_render(rng, nodes)
    render.node.effect.params["output"].value = render.output = MATTE
    draw(host, render, here)
    check(render, host)
    x1, y1, _, _ = render.window
    pixel = render.found[y1 - render.target.y, x1 - render.target.x]
    pixel[:] = 1 - (pixel > 0)
    assert not is_right(render, 1.0)
    assert not is_right(render, render.scale)
