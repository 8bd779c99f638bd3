"""The OpenFX plug-in without the plate's files: Source is pushed to the engine, frame by frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_engine import Connection, FakeEngine, Floats, Object, matte_of
from ofx_host import FAILED, GENERAL, OK, REPLY_DEFAULT, Effect, Host, Message, instance
from ofx_values import OPAQUE, STRAIGHT, Array, Image
from openfx_plugin import HEIGHT, WIDTH, empty, same_bits

pytest_plugins = ("openfx_fixtures",)

VALUES: Object = {"element": "hero", "keyframes": '[[1001,"/kept/a.exr"]]'}
FRAMES = (1001.0, 1020.0)

Source = Callable[[float], "Image | None"]


def picture(time: float, edited: int = 0) -> Array:
    """[height, width, 4], row 0 the lowest."""
    rng = np.random.default_rng([int(time) + 5000, edited])
    return rng.random((HEIGHT, WIDTH, 4), np.float32) * 3 - 1


def source(edited: int = 0, **more: Any) -> Source:
    return lambda time: Image(picture(time, edited), **more)


def always(image: Image, _time: float) -> Image:
    return image


def pushed_of(pixels: Array) -> Floats:
    """What the engine has to be given of a picture."""
    return np.ascontiguousarray(pixels[::-1, :, :3])


@pytest.fixture
def tracked(host: Host) -> Iterator[Effect]:
    """An instance whose plate is Source."""
    with instance(host, GENERAL, VALUES) as effect:
        host.connect(effect, "Source", source(), FRAMES)
        yield effect


def rendered(host: Host, effect: Effect, time: float) -> Floats:
    image = empty(channels=1)
    assert host.render(effect, time, image) == OK, host.messages
    return image.read()[..., 0]


def expected(engine: FakeEngine, time: float) -> Floats:
    """The matte of the frames that were pushed under the last id."""
    asked = engine.asked("matte")[-1]
    content = engine.content(asked["shot"], asked["frame"])
    return matte_of(content, int(time), HEIGHT, WIDTH)[::-1]


def frames_pushed(engine: FakeEngine) -> list[int]:
    return [said["frame"] for said in engine.asked("push")]


def refused(host: Host, effect: Effect, *words: str) -> None:
    assert host.render(effect, 1008, empty()) == FAILED
    for word in words:
        assert word in host.messages[-1].text


def test_what_lacks_is_pushed_and_then_the_matte_is_there(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    assert same_bits(rendered(host, tracked, 1008), expected(engine, 1008))
    assert frames_pushed(engine) == [1001, 1004, 1007, 1008]
    for (_, frame), pixels in engine.pushed.items():
        assert same_bits(pixels, pushed_of(picture(frame)))
    plate = engine.asked("matte")[-1]["shot"]["plate"]
    identity = plate["pushed"].pop("id")
    assert identity.startswith("openfx-")
    assert plate == {
        "pushed": {
            "name": "Source",
            "range": "1001-1020",
            "data": [0, 0, WIDTH, HEIGHT],
            "pixel_aspect": 1.0,
        }
    }


def test_frames_in_any_order_are_pushed_once(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    for time in (1015, 1002, 1001, 1008, 1015):
        assert same_bits(rendered(host, tracked, time), expected(engine, time))
    assert sorted(frames_pushed(engine)) == sorted(set(frames_pushed(engine)))


def test_many_threads_may_push_at_once(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    times = [1020, 1013, 1006, 1019, 1003, 1012]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda time: rendered(host, tracked, time), times))
    shot = engine.asked("matte")[-1]["shot"]
    for time, matte in zip(times, found, strict=True):
        assert same_bits(matte, matte_of(engine.content(shot, time), time, HEIGHT, WIDTH)[::-1])


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integers_are_srgb_and_as_far_as_1(
    host: Host, tracked: Effect, engine: FakeEngine, dtype: Any, most: int
) -> None:
    def integers(time: float) -> Image:
        return Image((np.clip(picture(time), 0, 1) * most).astype(dtype))

    host.connect(tracked, "Source", integers, FRAMES)
    rendered(host, tracked, 1001)
    assert engine.asked("push")[0]["shot"]["plate"]["color_space"] == "sRGB"
    (pixels,) = engine.pushed.values()
    whole = integers(1001).pixels.astype(np.float32) / np.float32(most)
    assert same_bits(pixels, pushed_of(whole))
    tracked.params["colorSpace"].value = "ACEScct"
    rendered(host, tracked, 1001)
    assert engine.asked("matte")[-1]["shot"]["plate"]["color_space"] == "ACEScct"


def test_halves_keep_their_values_and_alpha_is_ignored(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    halves = picture(1001).astype(np.float16)
    for premultiplication in (OPAQUE, STRAIGHT):
        memory: Object = {"top_first": True, "padding_bytes": 8}
        image = Image(halves, premultiplication=premultiplication, **memory)
        host.connect(tracked, "Source", partial(always, image), FRAMES)
        assert host.change_clip(tracked, "Source") == OK
        rendered(host, tracked, 1001)
        *_, pixels = engine.pushed.values()
        assert same_bits(pixels, pushed_of(halves.astype(np.float32)))
        assert "color_space" not in engine.asked("push")[0]["shot"]["plate"]


def test_the_plate_reaches_from_0_0_to_sources_corner_at_its_beginning(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    """A picture of another size is nothing where it is not, and cut where it is larger."""

    def wandering(time: float) -> Image:
        return Image(picture(time), x=2 if time == 1001 else -3, y=1 if time == 1001 else 0)

    host.connect(tracked, "Source", wandering, FRAMES)
    assert host.render(tracked, 1002, empty()) == OK
    width, height = WIDTH + 2, HEIGHT + 1
    first, second = (np.zeros((height, width, 4), np.float32) for _ in range(2))
    first[1:, 2:] = picture(1001)
    second[:HEIGHT, : WIDTH - 3] = picture(1002)[:, 3:]
    for frame, whole in ((1001, first), (1002, second)):
        (pixels,) = (p for (_, f), p in engine.pushed.items() if f == frame)
        assert same_bits(pixels, pushed_of(whole))


def test_a_squeezed_source_says_so(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    host.connect(tracked, "Source", source(aspect=4 / 3), FRAMES)
    assert host.render(tracked, 1001, empty(aspect=4 / 3)) == OK
    plate = engine.asked("open")[0]["shot"]["plate"]["pushed"]
    assert (plate["pixel_aspect"], plate["data"]) == (1.333333, [0, 0, WIDTH, HEIGHT])
    (pixels,) = engine.pushed.values()
    assert same_bits(pixels, pushed_of(picture(1001)))


def test_the_frame_offset_is_taken_off_again(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    tracked.params["frameOffset"].value = 1001
    host.connect(tracked, "Source", source(), (0.0, 9.0))
    rendered(host, tracked, 5)
    assert frames_pushed(engine) == [1001, 1004, 1006]
    assert engine.asked("matte")[0]["shot"]["plate"]["pushed"]["range"] == "1001-1010"
    (pixels,) = (p for (_, frame), p in engine.pushed.items() if frame == 1006)
    assert same_bits(pixels, pushed_of(picture(5)))
    tracked.params["frameOffset"].value = 1000
    rendered(host, tracked, 6)
    pixels, other = (p for (_, frame), p in engine.pushed.items() if frame == 1006)
    assert same_bits(other, pushed_of(picture(6))), "the same number, another picture"


# Tiles and proxies.


def test_a_tile_needs_all_of_the_plate_and_no_mask(host: Host, tracked: Effect) -> None:
    wanted = host.interests(tracked, 1008, (3, 4, 5, 6))
    assert wanted["Source"] == (0, 0, WIDTH, HEIGHT)
    assert wanted["Mask"] == (0, 0, 0, 0)
    assert host.interests(tracked, 1008, (-3, 4, 5, 60))["Source"] == (-3, 0, WIDTH, 60)
    assert host.region_of_definition(tracked, 1008) == (0, 0, WIDTH, HEIGHT)


def test_tiles_push_whole_frames_once_and_make_the_whole(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    image = empty(channels=1)
    for x in range(0, WIDTH, 7):
        for y in range(0, HEIGHT, 5):
            window = (x, y, min(x + 7, WIDTH), min(y + 5, HEIGHT))
            assert host.render(tracked, 1008, image, window=window) == OK, host.messages
    assert same_bits(image.read()[..., 0], expected(engine, 1008))
    assert frames_pushed(engine) == [1001, 1004, 1007, 1008]
    for (_, frame), pixels in engine.pushed.items():
        assert same_bits(pixels, pushed_of(picture(frame)))


def test_half_a_plate_is_refused_and_never_padded(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    host.gives_only = (0, 0, WIDTH, HEIGHT - 1)
    refused(host, tracked, "gives only a part of Source", "all of it is needed")
    assert engine.asked("push") == []


def enlarged(pixels: Array, scale: float) -> Array:
    """What the engine has to be given of a proxy."""
    rows, columns = ((np.arange(side) + 0.5) * scale for side in (HEIGHT, WIDTH))
    proxy = Image(pixels).at_scale(scale).pixels
    return np.ascontiguousarray(proxy[rows.astype(int)][:, columns.astype(int)])


@pytest.mark.parametrize("scale", [0.5, 0.25])
def test_a_proxy_is_tracked_apart_from_full_size(
    host: Host, tracked: Effect, engine: FakeEngine, scale: float
) -> None:
    step = int(1 / scale)
    image = Image(np.zeros((HEIGHT // step, WIDTH // step, 1), np.float32))
    for _ in range(2):
        assert host.render(tracked, 1008, image, scale=scale) == OK, host.messages
    whole = expected(engine, 1008).astype(np.float64)
    means = whole.reshape(HEIGHT // step, step, WIDTH // step, step).mean(axis=(1, 3))
    assert same_bits(image.read()[..., 0], means.astype(np.float32))
    assert frames_pushed(engine) == [1001, 1004, 1007, 1008]
    for (_, frame), pixels in engine.pushed.items():
        assert same_bits(pixels, pushed_of(enlarged(picture(frame), scale)))
    assert same_bits(rendered(host, tracked, 1008), expected(engine, 1008))
    assert len(frames_pushed(engine)) == 8, "all of them again, at full size"
    host.connect(tracked, "Source", source(1), FRAMES)
    assert host.render(tracked, 1008, image, scale=scale) == OK, host.messages
    last = engine.asked("push")[-1]
    pixels = engine.pushed[last["shot"]["plate"]["pushed"]["id"], 1008]
    assert same_bits(pixels, pushed_of(enlarged(picture(1008, 1), scale))), "a change is seen"


def test_a_matte_of_proxies_says_so_at_the_node(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    image = Image(np.zeros((HEIGHT // 2, WIDTH // 2, 1), np.float32))
    for _ in range(2):
        assert host.render(tracked, 1008, image, scale=0.5) == OK
    (said,) = host.messages
    assert (said.kind, said.persistent) == ("OfxMessageWarning", True)
    assert "proxies (50 %), which is coarser: at 100 % it" in said.text
    rendered(host, tracked, 1008)
    assert host.messages[1:] == [Message("clear", "", True)], "taken back"
    assert host.render(tracked, 1008, image, scale=0.5) == OK
    assert len(host.messages) == 2, "a scaled matte of the whole plate is no coarser"


# What changes.


def test_another_upstream_is_another_plate_and_undo_the_same_matte(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    before = rendered(host, tracked, 1008)
    for edited in (1, 0):
        host.connect(tracked, "Source", source(edited), FRAMES)
        assert host.change_clip(tracked, "Source") == OK
        after = rendered(host, tracked, 1008)
        assert same_bits(after, expected(engine, 1008))
        assert same_bits(after, before) == (edited == 0)
    assert len({said["shot"]["plate"]["pushed"]["id"] for said in engine.asked("push")}) == 3


def test_a_change_that_the_host_does_not_tell_is_seen_in_the_frame_itself(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    before = rendered(host, tracked, 1008)
    host.connect(tracked, "Source", source(1), FRAMES)
    after = rendered(host, tracked, 1008)
    assert not same_bits(after, before)
    assert same_bits(after, expected(engine, 1008))
    assert same_bits(rendered(host, tracked, 1008), after)
    assert len(frames_pushed(engine)) == 8


def test_another_time_is_no_change(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    rendered(host, tracked, 1008)
    assert host.change_clip(tracked, "Source", "OfxChangeTime") == REPLY_DEFAULT
    assert host.change_clip(tracked, "Mask") == REPLY_DEFAULT
    rendered(host, tracked, 1008)
    assert len(frames_pushed(engine)) == 4


def test_two_instances_push_for_themselves(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    first = rendered(host, tracked, 1008)
    other = host.copy(tracked)
    assert same_bits(rendered(host, other, 1008), first)
    assert len({said["shot"]["plate"]["pushed"]["id"] for said in engine.asked("push")}) == 2
    assert host.destroy(other) == OK


def test_files_are_preferred(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    tracked.params["plate"].value = "/shots/010/hero.####.exr"
    rendered(host, tracked, 1008)
    assert frames_pushed(engine) == []
    assert host.frames_needed(tracked, 1008) == [1008]
    assert {time for name, time in host.fetched if name == "Source"} <= {1008}


# What is told beforehand.


def test_the_host_is_told_which_frames_are_needed(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    assert sorted(host.frames_needed(tracked, 1008)) == [1001, 1004, 1007, 1008]
    rendered(host, tracked, 1008)
    assert host.frames_needed(tracked, 1008) == [1008]
    assert sorted(host.frames_needed(tracked, 1011)) == [1010, 1011]
    tracked.params["frameOffset"].value = 1001
    host.connect(tracked, "Source", source(), (0.0, 19.0))
    assert sorted(host.frames_needed(tracked, 4)) == [0, 3, 4]


def test_without_an_answer_the_host_is_told_nothing(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    def refuse(connection: Connection, said: Object) -> None:
        connection.send({"id": said["id"], "error": {"kind": "input", "sentence": "no"}})

    def odd(frames: Any) -> Callable[[Connection, Object], None]:
        return lambda connection, said: connection.send(
            {"id": said["id"], "ok": True, "frames": frames}
        )

    engine.instead["needs"] = refuse
    assert host.frames_needed(tracked, 1008) == [1008]
    for frames in (None, [], "1001", [999, 1021, "x", 1.5, None, 1 << 70], {"a": 1}):
        engine.instead["needs"] = odd(frames)
        assert host.frames_needed(tracked, 1008) == [1008]
    engine.instead["needs"] = odd([1001] * 20_000)
    assert host.frames_needed(tracked, 1008) == [1008]
    tracked.params["keyframes"].value = ""
    assert host.frames_needed(tracked, 1008) == [1008]
    assert host.messages == []


# What can go wrong.


def test_a_proxy_where_full_size_is_rendered_is_refused(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    tracked.clips["Source"].pixels = lambda _: Image(np.zeros((8, 12, 4), np.float32), scale=0.5)
    refused(host, tracked, "gives Source at 50 % where 100 % is needed: turn the viewer's proxies")
    assert engine.asked("push") == []


def test_with_all_frames_there_a_proxy_is_no_matter(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    rendered(host, tracked, 1008)
    host.connect(tracked, "Source", source(), FRAMES)
    tracked.clips["Source"].pixels = lambda time: Image(
        np.zeros((HEIGHT // 2, WIDTH // 2, 4), np.float32), scale=0.5
    )
    image = Image(np.zeros((HEIGHT // 2, WIDTH // 2, 1), np.float32))
    assert host.render(tracked, 1008, image, scale=0.5) == OK, host.messages
    assert len(frames_pushed(engine)) == 4


def test_alpha_alone_is_no_plate(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    host.connect(tracked, "Source", lambda _: empty(channels=1), FRAMES)
    refused(host, tracked, "no colours")


def test_a_source_without_frames_is_a_message(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    tracked.clips["Source"].pixels = lambda time: Image(picture(time)) if time == 1001 else None
    engine.needed = lambda shot, frame: [1004, 1008]
    refused(host, tracked, "gives no image of Source")
    assert engine.asked("push") == []


def test_a_frame_that_only_comes_along_may_be_missing(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    tracked.clips["Source"].pixels = lambda time: Image(picture(time)) if time != 1004 else None
    rounds = iter(([1004, 1008], []))
    engine.needed = lambda shot, frame: next(rounds, [])
    assert host.render(tracked, 1008, empty()) == OK, host.messages
    assert frames_pushed(engine) == [1008]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"OfxImageEffectPropFrameRange": [-(2.0**31), 2.0**31]}, "where it begins and ends"),
        ({"OfxImageEffectPropFrameRange": [float("nan"), 5.0]}, "where it begins and ends"),
        ({"OfxImageEffectPropFrameRange": [9.0, 1.0]}, "where it begins and ends"),
        ({"OfxImageEffectPropFrameRange": [1.2, 1.8]}, "where it begins and ends"),
        ({"OfxImageEffectPropFrameRange": []}, "where it begins and ends"),
        ({"OfxImagePropPixelAspectRatio": [0.0]}, "no pixel aspect ratio"),
        ({"OfxImagePropPixelAspectRatio": [float("nan")]}, "no pixel aspect ratio"),
    ],
)
def test_a_source_that_is_no_plate_is_a_message(
    host: Host, tracked: Effect, engine: FakeEngine, properties: Object, words: str
) -> None:
    tracked.clips["Source"].properties.update(properties)
    refused(host, tracked, words)
    assert engine.said == []


def test_a_host_without_other_times_needs_files(binary: Path, engine: FakeEngine) -> None:
    host = Host(binary, temporal=False)
    assert host.load() == OK
    with instance(host, GENERAL, VALUES) as effect:
        host.connect(effect, "Source", source(), FRAMES)
        refused(host, effect, "no plate yet")
    assert host.trespasses == []


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([1001, 999], "outside Source"),
        ([1021], "outside Source"),
        (["x"], "outside Source"),
        ([], "no image of Source"),
        (None, "no image of Source"),
        ({"a": 1}, "no image of Source"),
    ],
)
def test_a_list_that_is_none_is_a_message(
    host: Host, tracked: Effect, engine: FakeEngine, frames: Any, words: str
) -> None:
    def answer(connection: Connection, said: Object) -> None:
        error = {"kind": "lacks", "code": 4, "sentence": "s", "frames": frames}
        connection.send({"id": said["id"], "error": error})

    engine.instead["matte"] = answer
    refused(host, tracked, words)


def test_files_that_lack_frames_are_the_engines_sentence(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    def answer(connection: Connection, said: Object) -> None:
        error = {"kind": "lacks", "code": 4, "sentence": "so it says", "frames": [1001]}
        connection.send({"id": said["id"], "error": error})

    engine.instead["matte"] = answer
    tracked.params["plate"].value = "/shots/010/hero.####.exr"
    refused(host, tracked, "so it says")


def test_an_engine_that_keeps_nothing_is_not_fed_for_ever(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    engine.instead["push"] = lambda connection, said: connection.send(
        {"id": said["id"], "ok": True}
    )
    refused(host, tracked, "drops the frames of Source")


def test_an_abort_between_two_frames_ends_it(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    aborted = threading.Event()
    give = tracked.clips["Source"].pixels
    assert give is not None

    def slow(time: float) -> Image | None:
        if time == 1007:
            aborted.set()
        return give(time)

    tracked.clips["Source"].pixels = slow
    host.aborts = aborted.is_set
    image = empty()
    assert host.render(tracked, 1014, image) == OK
    assert (image.read() == 7).all()
    assert host.messages == []
    assert set(frames_pushed(engine)) <= {1001, 1004, 1007}
    host.aborts = lambda: False
    assert same_bits(rendered(host, tracked, 1014), expected(engine, 1014))


def test_an_engine_that_ends_while_frames_come_is_asked_once_more(
    host: Host, tracked: Effect, engine: FakeEngine
) -> None:
    def once(connection: Connection, said: Object) -> None:
        del engine.instead["push"]
        raise EOFError

    engine.instead["push"] = once
    assert same_bits(rendered(host, tracked, 1008), expected(engine, 1008))


# Buttons.


def test_a_keyframe_is_as_large_as_source(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    tracked.params["keyframes"].value = ""
    mask = Image(np.random.default_rng(1).random((HEIGHT, WIDTH, 1), np.float32))
    host.connect(tracked, "Mask", lambda _: mask)
    assert host.change(tracked, "setKeyframe", 1005) == OK
    assert host.messages == []
    (found,) = engine.masks.values()
    assert same_bits(found, np.ascontiguousarray(mask.pixels[::-1, :, 0]))
    assert engine.asked("push") == [], "nothing of the plate is needed for it"


def test_propagate_is_for_files(host: Host, tracked: Effect, engine: FakeEngine) -> None:
    assert host.change(tracked, "propagate") == OK
    assert "for a plate with files" in host.messages[0].text
    assert engine.said == []
