"""The OpenFX plug-in in a host: how it is described, what it renders, what its buttons do.

When something is missing or goes wrong is in test_openfx_failures.py.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, Floats, matte_of
from ofx_host import FAILED, FILTER, GENERAL, OK, Effect, Host, instance
from ofx_values import DEPTHS, OPAQUE, PREMULTIPLIED, STRAIGHT, Image, Properties
from openfx_plugin import HEIGHT, SHOT, WIDTH, empty, same_bits

pytest_plugins = ("openfx_fixtures",)

MATTE, CUT, OVERLAY = range(3)
SENT = {
    "schema": "rde-roto.shot/1",
    "plate": {"path": "/shots/010/hero.####.exr"},
    "elements": [{"id": "hero"}],
    "keyframes": [{"frame": 1001, "mask": "/kept/a.exr", "mask_as": "matte"}],
    "preset": "standard",
}


def expected(frame: int, shot: dict[str, Any] = SENT) -> Floats:
    """The engine's matte of a frame as OpenFX counts rows: the lowest first."""
    return matte_of(shot, frame, HEIGHT, WIDTH)[::-1]


def drawn(host: Host, effect: Effect, frame: float, image: Image, **more: Any) -> Any:
    """The pixels after a frame was rendered into an image."""
    assert host.render(effect, frame, image, **more) == OK, host.messages
    assert image.padding_is_whole()
    return image.read()


# Description.


def test_the_binary_holds_one_plug_in(host: Host) -> None:
    assert (host.count, host.beyond) == (1, False)
    assert host.plugin.api == b"OfxImageEffectPluginAPI"
    assert (host.plugin.api_version, host.plugin.major) == (1, 1)
    assert not set(host.plugin.identifier.decode()) & set(" \t\n")


def test_it_says_what_it_can(host: Host) -> None:
    said = host.describe().properties
    assert said["OfxImageEffectPropSupportedContexts"] == [FILTER, GENERAL]
    assert said["OfxImageEffectPluginRenderThreadSafety"] == ["OfxImageEffectRenderFullySafe"]
    assert said["OfxImageEffectInstancePropSequentialRender"] == [0]
    assert said["OfxImageEffectPropTemporalClipAccess"] == [1]
    assert said["OfxImageEffectPropSupportsTiles"] == [1]
    assert sorted(said["OfxImageEffectPropSupportedPixelDepths"]) == sorted(DEPTHS)


def test_of_a_host_without_other_times_it_asks_for_none(binary: Path) -> None:
    host = Host(binary, temporal=False)
    assert host.load() == OK
    assert host.describe().properties["OfxImageEffectPropTemporalClipAccess"] == [0]
    for clip in host.describe_in(GENERAL).clips.values():
        assert clip.properties["OfxImageEffectPropTemporalClipAccess"] == [0]


def test_it_claims_only_depths_that_the_host_offers(binary: Path) -> None:
    for depths in (["OfxBitDepthFloat"], ["OfxBitDepthByte", "OfxBitDepthShort"]):
        host = Host(binary, depths)
        assert host.load() == OK
        said = host.describe().properties["OfxImageEffectPropSupportedPixelDepths"]
        assert sorted(said) == sorted(depths)


@pytest.mark.parametrize(
    ("context", "clips"), [(FILTER, {"Source", "Output"}), (GENERAL, {"Source", "Output", "Mask"})]
)
def test_its_clips_are_those_of_the_context(host: Host, context: str, clips: set[str]) -> None:
    found = host.describe_in(context).clips
    assert set(found) == clips
    for name, clip in found.items():
        assert clip.properties.get("OfxImageClipPropOptional", [0]) == [int(name == "Mask")]
        assert set(clip.properties["OfxImageEffectPropSupportedComponents"]) == {
            "OfxImageComponentRGBA",
            "OfxImageComponentAlpha",
        }


def test_its_parameters(host: Host) -> None:
    params = host.describe_in(GENERAL).params
    kinds = {name: param.kind.removeprefix("OfxParamType") for name, param in params.items()}
    assert kinds == {
        "plate": "String",
        "colorSpace": "String",
        "element": "String",
        "preset": "String",
        "model": "String",
        "output": "Choice",
        "frameOffset": "Integer",
        "setKeyframe": "PushButton",
        "removeKeyframe": "PushButton",
        "learn": "PushButton",
        "forgetLearned": "PushButton",
        "propagate": "PushButton",
        "status": "String",
        "keyframes": "String",
        "learned": "String",
        "plateSize": "String",
    }
    assert params["plate"].properties["OfxParamPropStringMode"] == ["OfxParamStringIsSingleLine"]
    assert params["output"].properties["OfxParamPropChoiceOption"] == [
        "Matte",
        "Source x matte",
        "Overlay",
    ]
    for name in ("keyframes", "learned", "plateSize"):
        assert params[name].properties["OfxParamPropSecret"] == [1]
    assert params["status"].properties["OfxParamPropEnabled"] == [0]
    assert params["status"].properties["OfxParamPropEvaluateOnChange"] == [0]
    everything = ["OfxParamInvalidateAll"]
    for name, param in params.items():
        of_matte = name != "status" and kinds[name] != "PushButton"
        invalidates = param.properties.get("OfxParamPropCacheInvalidation")
        assert invalidates == (everything if of_matte else None), name


def test_a_still_source_has_another_matte_at_each_frame(host: Host, node: Effect) -> None:
    action = "OfxImageEffectActionGetClipPreferences"
    out = Properties(f"{action} out")
    assert host.act(action, node, Properties(action), out) == OK
    assert out["OfxImageEffectFrameVarying"] == [1]
    assert out["OfxImageEffectPropPreMultiplication"] == [PREMULTIPLIED]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_each_output_is_as_large_as_what_it_shows(
    host: Host, node: Effect, engine: FakeEngine, scale: float
) -> None:
    engine.display = [10, 20, 40, 30]
    host.connect(node, "Source", lambda _: Image(np.zeros((5, 6, 4), np.float32), x=-1, y=2))
    host.connect(node, "Mask", lambda _: empty())
    assert host.region_of_definition(node, 1001, scale) == (0, 0, 40, 30)
    for output in (CUT, OVERLAY):
        node.params["output"].value = output
        assert host.region_of_definition(node, 1001, scale) == (-1, 2, 5, 7)


def test_of_source_a_window_is_wanted_and_of_mask_nothing(host: Host, node: Effect) -> None:
    window = (3.0, 4.0, 10.0, 11.0)
    assert host.interests(node, 1001, window)["Source"] == window
    assert host.interests(node, 1001, window)["Mask"] == (0, 0, 0, 0)
    with instance(host, FILTER, SHOT) as effect:
        assert set(host.interests(effect, 1001, window)) == {"Source", "Output"}


# Rendering.


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("top_first", [False, True])
def test_a_matte_has_the_bits_of_the_engines(
    host: Host, node: Effect, engine: FakeEngine, channels: int, top_first: bool
) -> None:
    image = empty(channels=channels, top_first=top_first, padding_bytes=12)
    found = drawn(host, node, 1004, image)
    for channel in range(channels):
        assert same_bits(found[..., channel], expected(1004))


def test_a_matte_keeps_what_is_no_usual_number(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    odd = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    odd[0, :6] = [-0.0, 1e-42, np.inf, -2, 3, 1]

    def answer(connection: Any, said: dict[str, Any]) -> None:
        sizes = {"width": WIDTH, "height": HEIGHT, "elements": ["hero"]}
        connection.send_pixels({"id": said["id"], "ok": True, **sizes}, odd)

    engine.instead["matte"] = answer
    assert same_bits(drawn(host, node, 1004, empty(channels=1))[..., 0], odd[::-1])
    whole = drawn(host, node, 1004, empty(np.uint8, 1))[..., 0]
    assert whole[-1, :6].tolist() == [0, 0, 255, 0, 255, 255]
    assert not whole[0].any()


def test_every_depth_gets_the_nearest_value(host: Host, node: Effect, engine: FakeEngine) -> None:
    matte = expected(1002).astype(np.float64)
    for dtype, most in ((np.uint8, 255), (np.uint16, 65535)):
        found = drawn(host, node, 1002, empty(dtype))[..., 3]
        # half a step, and what a float32 product may be off
        assert np.abs(found / most - matte).max() <= 0.5 / most + 1e-7
    found = drawn(host, node, 1002, empty(np.float16))[..., 0]
    assert same_bits(found, expected(1002).astype(np.float16))


def test_halves_are_numpys_halves(host: Host, node: Effect, engine: FakeEngine) -> None:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 1 << 32, WIDTH * HEIGHT, np.uint64).astype(np.uint32)
    values = bits.view(np.float32).reshape(HEIGHT, WIDTH).copy()
    values[:8] = np.ldexp(rng.random((8, WIDTH)), rng.integers(-27, 17, (8, WIDTH)))
    values[8, :8] = [65519.9, 65520, 2.0**-25, 2.0**-24 * 1.5, 2.0**-14, 1 + 2**-11, 0, -(2.0**-26)]
    values[np.isnan(values)] = 1

    def answer(connection: Any, said: dict[str, Any]) -> None:
        sizes = {"width": WIDTH, "height": HEIGHT, "elements": ["hero"]}
        connection.send_pixels({"id": said["id"], "ok": True, **sizes}, values)

    engine.instead["matte"] = answer
    with np.errstate(over="ignore"):
        halves = values[::-1].astype(np.float16)
    assert same_bits(drawn(host, node, 1002, empty(np.float16, 1))[..., 0], halves)


def test_frames_in_any_order_from_many_threads(host: Host, engine: FakeEngine) -> None:
    frames = list(range(1001, 1011)) * 3
    random.Random(5).shuffle(frames)
    other = {**SENT, "plate": {"path": "/other.####.exr"}}
    with (
        instance(host, GENERAL, SHOT) as one,
        instance(host, FILTER, {**SHOT, "plate": "/other.####.exr"}) as two,
    ):

        def right(index: int, frame: int) -> bool:
            effect, shot = ((one, SENT), (two, other))[index % 2]
            image = empty(channels=1)
            return host.render(effect, frame, image) == OK and same_bits(
                image.read()[..., 0], expected(frame, shot)
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(right, range(len(frames)), frames))


def test_only_the_window_is_drawn_and_tiles_make_the_whole(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    image = empty(channels=1)
    found = drawn(host, node, 1003, image, window=(5, 3, 9, 10))[..., 0]
    wanted = np.full((HEIGHT, WIDTH), 7, np.float32)
    wanted[3:10, 5:9] = expected(1003)[3:10, 5:9]
    assert same_bits(found, wanted)
    for x in range(0, WIDTH, 10):
        for y in range(0, HEIGHT, 7):
            drawn(host, node, 1003, image, window=(x, y, min(x + 10, WIDTH), min(y + 7, HEIGHT)))
    assert same_bits(image.read()[..., 0], expected(1003))


def test_a_window_beyond_the_image_is_cut(host: Host, node: Effect, engine: FakeEngine) -> None:
    image = Image(np.zeros((4, 5, 1), np.float32), x=2, y=3, padding_bytes=4)
    found = drawn(host, node, 1003, image, window=(-50, -50, 500, 500))
    assert same_bits(found[..., 0], expected(1003)[3:7, 2:7])
    assert drawn(host, node, 1003, image, window=(50, 50, 60, 60)) is not None


def test_the_data_window_lies_where_the_plate_has_it(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    # display 40 x 30 from (10, 20); data 24 x 16 with its upper left corner at (13, 26)
    engine.display, engine.data = [10, 20, 40, 30], [13, 26, WIDTH, HEIGHT]
    found = drawn(host, node, 1005, Image(np.ones((30, 40, 1), np.float32)))[..., 0]
    from_above = np.zeros((30, 40), np.float32)
    from_above[6 : 6 + HEIGHT, 3 : 3 + WIDTH] = matte_of(SENT, 1005, HEIGHT, WIDTH)
    assert same_bits(found, np.ascontiguousarray(from_above[::-1]))


def test_at_half_the_scale_a_pixel_is_the_mean_of_four(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    found = drawn(host, node, 1005, Image(np.ones((8, 12, 1), np.float32)), scale=0.5)[..., 0]
    four = expected(1005).astype(np.float64).reshape(8, 2, 12, 2)
    assert same_bits(found, four.mean(axis=(1, 3)).astype(np.float32))


def test_at_any_scale_the_mean_is_kept(host: Host, node: Effect, engine: FakeEngine) -> None:
    for scale in (1 / 3, 0.375, 0.99, 2.0):
        size = int(np.ceil(HEIGHT * scale)), int(np.ceil(WIDTH * scale))
        image = Image(np.ones((*size, 1), np.float32))
        found = drawn(host, node, 1005, image, scale=scale).astype(np.float64)
        area = found.sum() / scale**2
        # each float32 is off by 2^-24 at most
        assert area == pytest.approx(expected(1005).astype(np.float64).sum(), rel=1e-6)


def source(rng: np.random.Generator, premultiplication: str) -> Image:
    return Image(rng.random((HEIGHT, WIDTH, 4), np.float32), premultiplication=premultiplication)


@pytest.mark.parametrize("premultiplication", [PREMULTIPLIED, STRAIGHT, OPAQUE])
def test_source_is_cut_out_premultiplied(
    host: Host, node: Effect, engine: FakeEngine, premultiplication: str
) -> None:
    image = source(np.random.default_rng(1), premultiplication)
    host.connect(node, "Source", lambda _: image)
    node.params["output"].value = CUT
    found = drawn(host, node, 1002, empty())
    whole = image.pixels.copy()
    if premultiplication == OPAQUE:
        whole[..., 3] = 1
    if premultiplication == STRAIGHT:
        whole[..., :3] *= whole[..., 3:]
    assert same_bits(found, whole * expected(1002)[..., None])


def test_source_of_another_size_is_nothing_where_it_is_not(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    image = Image(np.full((6, 7, 4), 0.5, np.float32), x=4, y=-2, top_first=True)
    host.connect(node, "Source", lambda _: image)
    node.params["output"].value = CUT
    found = drawn(host, node, 1002, empty())
    whole = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    whole[:4, 4:11] = 0.5
    assert same_bits(found, whole * expected(1002)[..., None])


@pytest.mark.parametrize("output", [CUT, OVERLAY])
def test_tiles_of_source_make_the_whole(
    host: Host, node: Effect, engine: FakeEngine, output: int
) -> None:
    image = Image(np.random.default_rng(8).random((11, 17, 4), np.float32), x=3, y=-2)
    host.connect(node, "Source", lambda _: image)
    node.params["output"].value = output
    whole, tiled = empty(), empty()
    drawn(host, node, 1002, whole)
    for x in range(0, WIDTH, 7):
        for y in range(0, HEIGHT, 5):
            drawn(host, node, 1002, tiled, window=(x, y, min(x + 7, WIDTH), min(y + 5, HEIGHT)))
    assert same_bits(tiled.read(), whole.read())


def test_half_a_source_is_refused(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Source", lambda _: empty())
    node.params["output"].value = CUT
    host.gives_only = (0, 0, WIDTH, HEIGHT / 2)
    assert host.render(node, 1002, empty()) == FAILED
    assert "gives only a part of Source" in host.messages[-1].text
    drawn(host, node, 1002, empty(), window=(0, 0, WIDTH, HEIGHT // 2))


def test_the_overlay_is_red_where_the_matte_is(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    image = source(np.random.default_rng(2), PREMULTIPLIED)
    host.connect(node, "Source", lambda _: image)
    node.params["output"].value = OVERLAY
    half = expected(1002)[..., None].astype(np.float64) / 2
    red = np.array([1, 0, 0, 1])
    # float32 arithmetic of three steps on numbers up to 1
    wanted = image.pixels * (1 - half) + red * half
    np.testing.assert_allclose(drawn(host, node, 1002, empty()), wanted, rtol=0, atol=4e-7)


def test_alpha_alone_is_cut_by_the_matte(host: Host, node: Effect, engine: FakeEngine) -> None:
    rng = np.random.default_rng(4)
    whole = (rng.random((HEIGHT, WIDTH, 1)) * 65535).astype(np.uint16)
    host.connect(node, "Source", lambda _: Image(whole))
    node.params["output"].value = CUT
    found = drawn(host, node, 1002, empty(channels=1))
    alpha = whole.astype(np.float32) / np.float32(65535)
    assert same_bits(found, alpha * expected(1002)[..., None])


def test_the_engine_hears_the_whole_shot(host: Host, engine: FakeEngine) -> None:
    values = {
        "plate": '/shots/Grün "a"\\b\t\x01/hero.####.exr',
        "element": "hero",
        "colorSpace": "ARRI LogC4",
        "preset": "./mine.yaml",
        "model": "rde-r50",
        "keyframes": '[[1001,"/kept/\\u00fc\\ud83d\\ude00.exr"],[-3,"/kept/b.exr"]]',
    }
    with instance(host, FILTER, values) as effect:
        drawn(host, effect, 1007, empty())
    (asked,) = engine.asked("matte")
    assert (asked["frame"], asked["element"]) == (1007, "hero")
    assert asked["shot"] == {
        "schema": "rde-roto.shot/1",
        "plate": {"path": values["plate"], "color_space": "ARRI LogC4"},
        "elements": [{"id": "hero"}],
        "keyframes": [
            {"frame": -3, "mask": "/kept/b.exr", "mask_as": "matte"},
            {"frame": 1001, "mask": "/kept/ü😀.exr", "mask_as": "matte"},
        ],
        "preset": "./mine.yaml",
        "model": "rde-r50",
    }
    assert engine.hellos[0]["protocol"] == 1


def test_a_time_between_frames_is_the_nearest_one(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    node.params["frameOffset"].value = 1001
    for time, frame in ((0, 1001), (2.4, 1003), (2.5, 1004), (-0.6, 1000)):
        assert same_bits(drawn(host, node, time, empty(channels=1))[..., 0], expected(frame))


def test_pixels_come_behind_the_message_over_tcp(host: Host, node: Effect, ofx_run: Path) -> None:
    with FakeEngine(ofx_run, tcp=True) as engine:
        assert same_bits(drawn(host, node, 1004, empty(channels=1))[..., 0], expected(1004))
        assert engine.hellos[0]["pixels"] == "stream"


# Buttons.


def mask_image(seed: int = 0, dtype: Any = np.float32, channels: int = 1, **more: Any) -> Image:
    values = np.random.default_rng(seed).random((HEIGHT, WIDTH, channels), np.float32)
    return Image((values * 255).astype(dtype) if dtype == np.uint8 else values, **more)


def connect_mask(host: Host, effect: Effect, image: Image) -> None:
    host.connect(effect, "Mask", lambda _: image)


def keyframes(effect: Effect) -> dict[int, str]:
    text = effect.params["keyframes"].value
    return dict(json.loads(text)) if text else {}


def test_a_keyframe_is_kept_from_the_mask(host: Host, node: Effect, engine: FakeEngine) -> None:
    image = mask_image(1)
    host.connect(node, "Mask", lambda time: image if time == 1005 else None)
    assert host.change(node, "setKeyframe", 1005) == OK
    assert host.messages == []
    found = keyframes(node)
    assert set(found) == {1001, 1005}
    assert same_bits(engine.masks[found[1005]], image.pixels[::-1, :, 0])
    assert node.params["status"].value == "keyframes: 1001, 1005"
    drawn(host, node, 1006, empty())
    (asked,) = engine.asked("matte")
    assert asked["shot"]["keyframes"][1] == {
        "frame": 1005,
        "mask": found[1005],
        "mask_as": "matte",
    }


@pytest.mark.parametrize("before", ["", SHOT["keyframes"]])
def test_a_keyframe_is_as_large_as_the_plates_display_window(
    host: Host, engine: FakeEngine, before: str
) -> None:
    # without a keyframe the engine cannot be asked before the mask was sent once
    engine.display, engine.data = [10, 20, 40, 30], [13, 26, WIDTH, HEIGHT]
    image = Image(np.random.default_rng(2).random((30, 20, 1), np.float32))
    with instance(host, GENERAL, {**SHOT, "keyframes": before}) as effect:
        host.connect(effect, "Mask", lambda _: image)
        assert host.change(effect, "setKeyframe", 1005) == OK
        found = keyframes(effect)[1005]
    from_above = np.zeros((30, 40), np.float32)
    from_above[:, :20] = image.pixels[::-1, :, 0]
    assert same_bits(engine.masks[found], from_above)
    assert engine.kept[-1] == (10, 20)
    assert len(engine.kept) == (1 if before else 2)


def test_before_the_first_keyframe_the_plate_is_as_large_as_source(
    host: Host, engine: FakeEngine
) -> None:
    with instance(host, GENERAL, {**SHOT, "keyframes": ""}) as effect:
        host.connect(effect, "Source", lambda _: empty())
        host.connect(effect, "Mask", lambda _: Image(np.ones((4, 5, 1), np.float32), x=2, y=3))
        assert host.change(effect, "setKeyframe", 1005) == OK
        (found,) = keyframes(effect).values()
    from_below = np.zeros((HEIGHT, WIDTH), np.float32)
    from_below[3:7, 2:7] = 1
    assert same_bits(engine.masks[found], from_below[::-1])
    assert engine.kept == [(0, 0)]


def test_a_mask_is_alpha_or_an_opaque_pictures_red(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    for premultiplication, channel in ((PREMULTIPLIED, 3), (STRAIGHT, 3), (OPAQUE, 0)):
        image = mask_image(3, np.uint8, 4, premultiplication=premultiplication)
        connect_mask(host, node, image)
        assert host.change(node, "setKeyframe", 1005) == OK
        wanted = image.pixels[::-1, :, channel].astype(np.float32) / np.float32(255)
        assert same_bits(engine.masks[keyframes(node)[1005]], wanted)


def test_a_mask_holds_numbers_from_0_to_1(host: Host, node: Effect, engine: FakeEngine) -> None:
    image = mask_image(4)
    image.pixels[0, :4, 0] = [np.nan, -1, 2, np.inf]
    host.connect(node, "Mask", lambda _: Image(image.pixels))
    assert host.change(node, "setKeyframe", 1005) == OK
    assert engine.masks[keyframes(node)[1005]][-1, :4].tolist() == [0, 0, 1, 1]


def test_in_the_filter_context_the_mask_is_sources_alpha(host: Host, engine: FakeEngine) -> None:
    image = mask_image(5, channels=4)
    with instance(host, FILTER, {**SHOT, "keyframes": ""}) as effect:
        host.connect(effect, "Source", lambda _: image)
        assert host.change(effect, "setKeyframe", 1002) == OK
        found = keyframes(effect)
    assert same_bits(engine.masks[found[1002]], np.ascontiguousarray(image.pixels[::-1, :, 3]))


def test_a_keyframe_is_replaced_and_removed(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Mask", lambda time: mask_image(int(time)))
    for time in (1009, 1005, 990, 1001):
        assert host.change(node, "setKeyframe", time) == OK
    assert list(keyframes(node)) == [990, 1001, 1005, 1009]
    assert keyframes(node)[1001] != "/kept/a.exr"
    assert host.change(node, "removeKeyframe", 1005) == OK
    assert list(keyframes(node)) == [990, 1001, 1009]
    assert host.change(node, "removeKeyframe", 1005) == OK
    assert node.params["status"].value == "no keyframe at 1005"
    assert list(keyframes(node)) == [990, 1001, 1009]


def test_a_copy_never_changes_its_original(host: Host, node: Effect, engine: FakeEngine) -> None:
    host.connect(node, "Mask", lambda _: mask_image(6))
    assert host.change(node, "setKeyframe", 1005) == OK
    before = keyframes(node)
    other = host.copy(node)
    assert other.params["status"].value == "keyframes: 1001, 1005"
    host.connect(other, "Mask", lambda _: mask_image(7))
    assert host.change(other, "setKeyframe", 1005) == OK
    assert host.change(other, "removeKeyframe", 1001) == OK
    assert keyframes(node) == before
    assert len({before[1005], keyframes(other)[1005]} & set(engine.masks)) == 2
    assert host.destroy(other) == OK
    assert keyframes(node) == before


def test_undone_keyframes_are_said(host: Host, node: Effect) -> None:
    node.params["keyframes"].value = '[[7,"/kept/a.exr"]]'
    assert host.change(node, "keyframes") == OK
    assert node.params["status"].value == "keyframes: 7"


def test_propagate_begins_a_job_and_then_says_how_far_it_is(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.change(node, "propagate", 1001) == OK
    (asked,) = engine.asked("prefetch")
    assert (asked["frames"], asked["shot"]) == ("1001-1010", SENT)
    assert "1001-1010" in node.params["status"].value
    for state in ("running", "done"):
        engine.jobs["job-1"] = {"done": 4, "total": 10, "state": state}
        assert host.change(node, "propagate", 1001) == OK
        assert node.params["status"].value == f"{state}: 4 of 10 frames"
    assert len(engine.asked("prefetch")) == 1
    assert host.change(node, "propagate", 1001) == OK  # that one was done: begins anew
    assert len(engine.asked("prefetch")) == 2
    assert host.messages == []


def test_learn_begins_a_lesson_and_takes_what_was_learned(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.change(node, "learn") == OK
    assert [asked["shot"] for asked in engine.asked("learn")] == [SENT]
    assert node.params["status"].value == "learning: press again for progress"
    engine.jobs["job-1"] = {"state": "running", "sentence": "step 4, 30 s left", "learned": None}
    assert host.change(node, "learn") == OK
    assert node.params["status"].value == "step 4, 30 s left"
    assert node.params["learned"].value == ""
    said = {"state": "done", "sentence": "learned: clips 0.70 → 0.90", "learned": "/kept/größer"}
    engine.jobs["job-1"] = said
    assert host.change(node, "learn") == OK
    assert node.params["status"].value == said["sentence"]
    assert node.params["learned"].value == "/kept/größer"
    assert host.change(node, "propagate") == OK  # with what was learned
    assert engine.asked("prefetch")[0]["shot"] == {**SENT, "learned": "/kept/größer"}
    assert host.change(node, "forgetLearned") == OK
    assert node.params["learned"].value == ""
    assert host.messages == []


def test_a_lesson_and_a_propagation_are_not_taken_for_each_other(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.change(node, "propagate") == OK
    engine.jobs["job-1"] = {"done": 4, "total": 10, "state": "running"}
    assert host.change(node, "learn") == OK  # another thing: it is begun
    assert len(engine.asked("learn")) == 1
    error = {"kind": "usage", "code": 2, "sentence": "there is nothing to learn from"}
    failed = {"state": "failed", "sentence": error["sentence"], "learned": None, "error": error}
    engine.jobs["job-1"] = failed
    assert host.change(node, "learn") == OK
    assert [message.text for message in host.messages] == [error["sentence"]]
    assert node.params["learned"].value == ""


def test_another_shot_is_propagated_anew(host: Host, node: Effect, engine: FakeEngine) -> None:
    assert host.change(node, "propagate") == OK
    node.params["preset"].value = "hair"
    assert host.change(node, "preset") == OK
    assert host.change(node, "propagate") == OK
    assert [asked["shot"]["preset"] for asked in engine.asked("prefetch")] == ["standard", "hair"]


def test_a_job_that_failed_is_told_with_its_sentence(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.change(node, "propagate") == OK
    error = {"kind": "input", "code": 4, "sentence": "frame 1004 is not there"}
    engine.jobs["job-1"] = {"done": 3, "total": 10, "state": "failed", "error": error}
    assert host.change(node, "propagate") == OK
    assert [message.text for message in host.messages] == ["frame 1004 is not there"]
    assert node.params["status"].value == "failed: 3 of 10 frames"


def test_nothing_is_asked_when_a_value_is_set_by_the_host(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    for name in ("setKeyframe", "propagate"):
        assert host.change(node, name, 1001, "OfxChangeTime") == OK
    assert engine.said == []


def test_a_source_that_is_not_there_is_no_matter_for_a_matte(
    host: Host, node: Effect, engine: FakeEngine
) -> None:
    assert host.render(node, 1001, empty()) == OK
    node.params["output"].value = CUT
    assert host.render(node, 1001, empty()) == FAILED
