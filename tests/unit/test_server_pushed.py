"""Plates by pushed pixels: an engine that cannot read the plate, and a host that pushes frames."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import HEIGHT, WIDTH, mattes
from engine_process import alpha_of, ended, kill
from image_files import ramp, read_image, write_image
from numpy.typing import NDArray

from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import DocumentError
from rde_roto_client import Client, EngineError, Matte

pytest_plugins = ("command_line_fixtures", "engine_fixtures")

FRAMES = range(1001, 1007)
ORDER = (1006, 1001, 1003, 1004, 1002, 1005)

Pixels = NDArray[np.float32]
Object = dict[str, Any]


def pixels(frame: int, edited: int = 0) -> Pixels:
    """A frame with what no display holds: light above 1, below 0, and no numbers at all."""
    found = (ramp(HEIGHT, WIDTH, seed=frame) * 4 - 0.5).astype(np.float32)
    found[0, :4, 0] = [np.nan, np.inf, -np.inf, 1e30]
    found[5, 5] = edited
    return found


def pushed(shot: Object, identity: str = "a", **more: Any) -> Object:
    """The shot of the fixtures, its plate described instead of named."""
    said = {"id": identity, "range": "1001-1006", "data": [0, 0, WIDTH, HEIGHT]}
    color = more.pop("color_space", None)
    plate = {"pushed": {**said, **more}, **({} if color is None else {"color_space": color})}
    return {**shot, "plate": plate}


class Host:
    """Gives frames, and notes which were asked for. ``lost`` ones it has not."""

    def __init__(self, edited: int = 0, lost: tuple[int, ...] = ()) -> None:
        self.asked: list[int] = []
        self.edited = edited
        self.lost = lost

    def __call__(self, frame: int) -> memoryview | None:
        self.asked.append(frame)
        return None if frame in self.lost else pixels(frame, self.edited).data

    def matte(self, client: Client, shot: Object, frame: int) -> Matte:
        return client.supplied(shot, self, lambda: client.matte(shot, frame))


def cached(home: Path, kind: str) -> list[Path]:
    return sorted((home / "cache" / kind).rglob("*.safetensors"))


@pytest.fixture
def floats(tmp_path: Path) -> Callable[[Object], Object]:
    """The same pixels in float EXRs, for the engine to read."""

    def write(shot: Object) -> Object:
        for frame in FRAMES:
            write_image(tmp_path / f"floats/f.{frame}.exr", pixels(frame), "float")
        return {**shot, "plate": {**shot["plate"], "path": str(tmp_path / "floats")}}

    (tmp_path / "floats").mkdir()
    return write


def test_pushed_mattes_are_those_by_path_bit_for_bit(
    client: Client,
    shot: Object,
    floats: Callable[[Object], Object],
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In spaces of every kind: linear, a display's, one of a matrix, a log that the device does."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # on which last bits depend
    for color_space in (None, "sRGB", "ACEScg", "ARRI LogC4"):
        by_path, by_push = floats(shot), pushed(shot, color_space=color_space)
        if color_space is not None:
            by_path["plate"]["color_space"] = color_space
        told = [client.open(one) for one in (by_path, by_push)]
        for answer in told:
            del answer["id"], answer["reading"]  # one of files, one of what the host pushes
        assert told[0] == told[1]
        host = Host()
        for frame in ORDER:
            found, expected = host.matte(client, by_push, frame), client.matte(by_path, frame)
            np.testing.assert_array_equal(alpha_of(found), alpha_of(expected))
            assert (found.digest != expected.digest) == (frame != 1003), "its plate's name is in it"
        assert set(host.asked) == (set(FRAMES) if color_space is None else set()), "each frame once"
    log = (run_folder / "engine-auto.log").read_text()
    assert log.splitlines() == ["rde-roto: listening, on cpu"], "and no warning"


def test_the_engine_says_at_once_what_it_lacks(client: Client, shot: Object) -> None:
    by_push = pushed(shot)
    assert client.open(by_push)["keyframes"] == [1003]
    assert client.stored(by_push, "1001-1006") == ""
    assert client.needs(by_push, "1003") == []
    with pytest.raises(EngineError, match="lacks 1003-1005 of the pushed plate") as error:
        client.matte(by_push, 1005)
    assert (error.value.kind, error.value.code) == ("lacks", 4)
    assert error.value.frames == (1003, 1005, 1004) == tuple(client.needs(by_push, "1005"))
    for frame in error.value.frames:
        client.push(by_push, frame, pixels(frame).data)
    assert client.matte(by_push, 1005).frame == 1005
    assert set(client.needs(by_push, "1001-1006")) == {1001, 1002, 1006}


def test_two_hosts_share_what_is_made_of_equal_pixels(
    client: Client, shot: Object, home: Path
) -> None:
    first = Host().matte(client, pushed(shot, "one"), 1006)
    before = cached(home, "raws"), cached(home, "states"), cached(home, "plates")
    host = Host()
    second = host.matte(client, pushed(shot, "another"), 1006)
    assert host.asked, "its pixels have to be known first"
    assert (second.digest, bytes(second.pixels)) == (first.digest, bytes(first.pixels))
    assert (cached(home, "raws"), cached(home, "states"), cached(home, "plates")) == before


def test_another_upstream_gives_other_mattes_and_undo_the_old_ones_without_a_step(
    client: Client, shot: Object, home: Path
) -> None:
    first = Host().matte(client, pushed(shot, "g1"), 1006)
    edited = Host(edited=3).matte(client, pushed(shot, "g2"), 1006)
    assert edited.digest != first.digest
    made = cached(home, "raws"), cached(home, "states")
    host = Host()
    assert host.matte(client, pushed(shot, "g1"), 1006).digest == first.digest
    assert host.asked == [], "the old id is still known"
    assert host.matte(client, pushed(shot, "g3"), 1006).digest == first.digest
    assert (cached(home, "raws"), cached(home, "states")) == made


def test_pixels_that_change_under_one_id_are_refused(client: Client, shot: Object) -> None:
    by_push = pushed(shot)
    client.push(by_push, 1003, pixels(1003).data)
    client.push(by_push, 1003, pixels(1003).data)
    with pytest.raises(EngineError, match=r"had other pixels before: .* change the plate's id"):
        client.push(by_push, 1003, pixels(1003, edited=2).data)


def test_a_killed_engine_goes_on_with_what_was_pushed(
    client: Client, shot: Object, home: Path
) -> None:
    by_push = pushed(shot)
    for frame in client.needs(by_push, "1006"):
        client.push(by_push, frame, pixels(frame).data)
    first = client.hello()["pid"]
    os.kill(first, signal.SIGKILL)
    matte = client.matte(by_push, 1006)
    assert client.hello()["pid"] != first
    kill()
    host = Host()
    again = host.matte(client, by_push, 1006)
    assert (again.digest, bytes(again.pixels)) == (matte.digest, bytes(matte.pixels))
    assert host.asked == []


def test_frames_that_the_cache_has_lost_are_pushed_again(
    client: Client, shot: Object, home: Path
) -> None:
    by_push, host = pushed(shot), Host()
    first = host.matte(client, by_push, 1006)
    kill()
    for path in (*cached(home, "raws"), *cached(home, "plates")):
        path.unlink()
    again = host.matte(client, by_push, 1006)
    assert (again.digest, bytes(again.pixels)) == (first.digest, bytes(first.pixels))
    assert host.asked.count(1006) == 2


def test_what_the_host_has_not_is_an_error_where_it_is_asked_for(
    client: Client, shot: Object
) -> None:
    host = Host(lost=(1004,))
    by_push = pushed(shot)
    assert host.matte(client, by_push, 1005).frame == 1005, "1004 would only have come along"
    with pytest.raises(EngineError, match="lacks 1004 of"):
        host.matte(client, by_push, 1004)
    assert host.asked.count(1004) == 2


def test_jobs_say_what_they_lack_and_then_write_their_files(
    client: Client, shot: Object, tmp_path: Path
) -> None:
    by_push = pushed(shot, name="comp 7")
    said = ended(client, client.prefetch(by_push, "1001-1006"))
    assert (said["state"], said["error"]["kind"]) == ("failed", "lacks")
    assert sorted(said["error"]["frames"]) == list(FRAMES)
    assert said["error"]["frames"] == client.needs(by_push, "1001-1006")
    for frame in said["error"]["frames"]:
        client.push(by_push, frame, pixels(frame).data)
    out = str(tmp_path / "mattes/hero.####.exr")
    assert ended(client, client.render(by_push, "1001-1006", out))["state"] == "done"
    assert len(mattes(tmp_path)) == 6
    header, written = read_image(tmp_path / "mattes/hero.1006.exr")
    expected = alpha_of(client.matte(by_push, 1006))[0].astype(np.float16)
    np.testing.assert_array_equal(written[..., 0], expected)
    assert header.getattribute("rde-roto:plate") == "comp 7"
    assert client.stored(by_push, "1001-1006") == "1001-1006"


def test_windows_pixel_aspect_and_holes_are_as_described(client: Client, shot: Object) -> None:
    said = client.open(
        pushed(
            shot,
            range="1001-1006,1010",
            data=[4, 6, WIDTH, HEIGHT],
            display=[0, 0, 100, 60],
            pixel_aspect=2,
        )
        | {"range": "1001-1004,1010"}
    )
    assert (said["range"], said["data"]) == ("1001-1004,1010", [4, 6, WIDTH, HEIGHT])
    assert (said["display"], said["pixel_aspect"]) == ([0, 0, 100, 60], 2)
    with pytest.raises(EngineError, match="lacks 1007-1009: restore the missing"):
        client.open(pushed(shot, range="1001-1006,1010"))
    held = pushed(shot, range="1001-1003,1006")
    held["plate"]["missing"] = "hold"
    host = Host()
    assert host.matte(client, held, 1005).frame == 1005
    assert host.asked == [1003], "which is held at 1004 and 1005"
    assert host.matte(client, held, 1006).frame == 1006
    assert host.asked == [1003, 1006]


def test_a_plate_that_cannot_be_is_refused(client: Client, shot: Object) -> None:
    cases: tuple[tuple[Object, str, str], ...] = (
        ({"id": ""}, "document", r"plate\.pushed\.id: "),
        ({"id": "../x"}, "document", r"plate\.pushed\.id: "),
        ({"range": "x"}, "document", r"plate\.pushed\.range: .*'x' is not a frame range"),
        ({"data": [0, 0, 0, 5]}, "document", r"plate\.pushed\.data\.2: .*greater than"),
        ({"data": [0, 0, 16385, 5]}, "document", r"plate\.pushed\.data\.2: .*less than"),
        ({"data": [0, 0, 5]}, "document", r"plate\.pushed\.data\.3: Field required"),
        ({"display": [0, 0, 5.5, 5]}, "document", r"plate\.pushed\.display\.2: "),
        ({"pixel_aspect": 0}, "document", r"plate\.pushed\.pixel_aspect: "),
        ({"pixels": 3}, "document", r"plate\.pushed\.pixels: Extra"),
        ({"color_space": "nope"}, "document", "unknown colour space 'nope'"),
        ({"data": [0, 0, 5, 5]}, "input", "mask"),
    )
    for change, kind, sentence in cases:
        with pytest.raises(EngineError, match=sentence) as error:
            client.open(pushed(shot, **change))
        assert error.value.kind == kind
        assert "/request" not in str(error.value)


def test_what_cannot_be_pushed_is_refused_and_the_connection_goes_on(
    client: Client, shot: Object, tmp_path: Path
) -> None:
    by_push, frame = pushed(shot), pixels(1003)
    both = {**by_push, "plate": {**by_push["plate"], "path": "/plates/a.####.exr"}}
    layered = {**by_push, "plate": {**by_push["plate"], "layer": "diffuse"}}
    for said, number, data, sentence in (
        (by_push, 1003, frame[1:].data, "80x48, needs 46080 bytes; got 45120"),
        (by_push, 1003, np.concatenate([frame, frame]).data, "46080 bytes; got 92160"),
        (by_push, 1003, b"", "46080 bytes; got 0"),
        (by_push, 1007, frame.data, "the pushed plate has 1001-1006, not 1007"),
        (shot, 1003, frame.data, "the engine reads this plate's files"),
        (both, 1003, frame.data, "a plate has a path or is pushed"),
        (layered, 1003, frame.data, "no views or layers"),
    ):
        with pytest.raises(EngineError, match=sentence):
            client.push(said, number, data)
    with pytest.raises(EngineError, match="push needs pixels"):
        client.ask("push", shot=by_push, frame=1003)
    with pytest.raises(EngineError, match="the shot has 1001-1006, not 1007"):
        client.needs(by_push, "1007")
    assert client.needs(shot, "1001-1006") == [], "files are read, not pushed"


def test_a_window_of_another_size_is_another_plate(client: Client, shot: Object) -> None:
    del shot["keyframes"]
    client.push(pushed(shot), 1003, pixels(1003).data)
    smaller = pushed(shot, data=[0, 0, WIDTH, HEIGHT - 1])
    client.push(smaller, 1003, pixels(1003)[1:].data)


def test_without_room_for_a_frame_the_push_says_so(
    client: Client, shot: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", "0")
    monkeypatch.setenv("RDE_ROTO_RAM_GB", "0.0001")  # a quarter is for what is pushed
    with pytest.raises(
        EngineError, match="does not fit the cache: raise RDE_ROTO_CACHE_GB"
    ) as error:
        Host().matte(client, pushed(shot), 1006)
    assert error.value.kind == "output"


def test_without_a_disk_memory_holds_what_is_pushed(
    client: Client, shot: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", "0")
    host = Host()
    for frame in ORDER:
        assert host.matte(client, pushed(shot), frame).frame == frame
    assert sorted(host.asked) == list(FRAMES)


def test_a_document_on_disk_has_no_pushed_plate(shot: Object, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "hero.shot.yaml"
    path.write_text(
        "schema: rde-roto.shot/1\nplate: {pushed: {id: a, range: 1001, data: [0, 0, 8, 8]}}\n"
    )
    with pytest.raises(DocumentError, match=r"hero\.shot\.yaml:2: unknown key 'pushed'"):
        ShotFile.read(path)
