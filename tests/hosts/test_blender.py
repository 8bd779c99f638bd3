"""The Blender extension: its raster by itself, and all of it in a Blender without window.

What Blender does is in in_blender.py, since it runs in Blender's own Python.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from blender_extension import CLIENT, DEMO, PLUGIN, ROOT, build_extension
from image_files import write_image
from numpy.typing import NDArray
from OpenImageIO import ImageInput

from rde_roto.shapes import ShapeMaker, ShotShapes, draw_shapes, file_text, read_shapes
from rde_roto.shapes.raster import coverage
from rde_roto.values.plate import PlateFormat, Window
from rde_roto_client.places import launch_file, read_endpoint

pytest_plugins = ("blender_fixtures",)

IN_BLENDER = Path(__file__).with_name("in_blender.py")
PATIENCE_S = 200

InBlender = Callable[..., dict[str, Any]]


def soft_and_hard_shapes() -> ShotShapes:
    """A body with a hole, and a part with a soft edge, which both move through six frames."""
    window = Window(0, 0, 640, 360)
    maker = ShapeMaker(PlateFormat(window, window), ("robot",), 1.0)
    turn = np.linspace(0, 2 * np.pi, 600, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rows, columns = np.arange(360)[:, None] + 0.5, np.arange(640)[None] + 0.5
    for index in range(6):
        middle = np.array([250 + 8 * index, 180 + 3 * index])
        body = circle * (110, 90) * (1 + 0.2 * np.cos(3 * turn + 0.1 * index))[:, None] + middle
        plane = coverage(body, window) - coverage(circle * 25 + middle, window)
        soft = 0.5 + (40 - np.hypot(columns - 520, rows - 90)) / (10 + index)
        maker.add(1001 + index, np.maximum(plane, soft)[None].clip(0, 1).astype(np.float32))
    return maker.finish()


SQUARE = [(2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0)]


def read(path: Path | str, channels: str) -> NDArray[np.float32]:
    """The channels of an image that are named, a letter each, as floats."""
    image = ImageInput.open(str(path))
    assert image is not None, path
    names = list(image.spec().channelnames)
    pixels = image.read_image("float")
    image.close()
    assert pixels is not None, path
    return np.asarray(pixels[..., [names.index(channel) for channel in channels]], np.float32)


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The adapter as a package whose `__init__`, which wants Blender, has not run."""
    package = ModuleType("blender_adapter")
    package.__path__ = [str(PLUGIN), str(CLIENT.parent)]  # the client is in it once installed
    monkeypatch.setitem(sys.modules, package.__name__, package)
    yield package
    for name in [name for name in sys.modules if name.startswith("blender_adapter.")]:
        del sys.modules[name]


def module(adapter: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{adapter.__name__}.{name}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user of the test's own, with the command that starts the engine and no Blender settings.

    The run folder's path is short, as a socket's must be. An engine that was started is ended.
    """
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
    monkeypatch.setenv("RDE_ROTO_CACHE", str(home / "cache"))
    monkeypatch.setenv("BLENDER_USER_RESOURCES", str(home / "blender"))
    serve = [str(Path(sys.executable).parent / "rde-roto"), "serve", "--idle", "60"]
    with tempfile.TemporaryDirectory(prefix="rde") as folder:
        monkeypatch.setenv("RDE_ROTO_RUN", folder)
        launch_file().parent.mkdir(parents=True)
        launch_file().write_text(json.dumps({"command": serve}), encoding="utf-8")
        yield home
        endpoint = read_endpoint()
        if endpoint is not None:
            with suppress(ProcessLookupError):
                os.kill(endpoint["pid"], signal.SIGKILL)


@pytest.fixture
def in_blender(blender: str, home: Path, tmp_path: Path) -> InBlender:
    """Installs the extension into a Blender without window and does there what a function of
    in_blender.py does, given the test's folder; returns what that returned."""
    archive = build_extension(tmp_path / "rde_roto.zip")

    def run(name: str, **said: object) -> dict[str, Any]:
        answer = tmp_path / f"{name}.json"
        asked = {"demo": str(DEMO), "folder": str(tmp_path), "zip": str(archive), **said}
        environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
        done = subprocess.run(
            [blender, str(IN_BLENDER), name, json.dumps(asked), str(answer)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found

    return run


# --- the raster -----------------------------------------------------------------------------------


def covered(
    adapter: ModuleType, outlines: list[list[tuple[float, float]]], width: int, height: int
) -> NDArray[np.float32]:
    """Of one shape."""
    points = [np.array(outline) for outline in outlines]
    found: NDArray[np.float32] = module(adapter, "mask_raster").coverage([points], width, height)
    assert found.dtype == np.float32
    assert found.shape == (height, width)
    return found


def test_whole_pixels_are_covered_wholly(adapter: ModuleType) -> None:
    expected = np.zeros((6, 8), np.float32)
    expected[1:4, 2:6] = 1
    np.testing.assert_array_equal(covered(adapter, [SQUARE], 8, 6), expected)
    np.testing.assert_array_equal(covered(adapter, [SQUARE[::-1]], 8, 6), expected)


def test_part_of_a_pixel_is_its_area(adapter: ModuleType) -> None:
    """Quarters are whole lines and whole steps of a pixel, so there is no error at all."""
    shifted = [(x + 0.25, y + 0.5) for x, y in SQUARE]
    found = covered(adapter, [shifted], 8, 6)
    np.testing.assert_array_equal(found[2], [0, 0, 0.75, 1, 1, 1, 0.25, 0])
    np.testing.assert_array_equal(found[:, 3], [0, 0.5, 1, 1, 0.5, 0])
    assert found[1, 2] == 0.75 * 0.5


def test_a_hole_and_what_overlaps_is_outside(adapter: ModuleType) -> None:
    hole = [(3.0, 2.0), (5.0, 2.0), (5.0, 3.0), (3.0, 3.0)]
    expected = np.zeros((6, 8), np.float32)
    expected[1:4, 2:6] = 1
    expected[2, 3:5] = 0
    np.testing.assert_array_equal(covered(adapter, [SQUARE, hole], 8, 6), expected)


def test_shapes_are_united(adapter: ModuleType) -> None:
    """Also where two of them share a side or half a pixel: nothing is counted twice."""
    beside = [(x + 3.5, y) for x, y in SQUARE]
    inside = [(3.0, 2.0), (5.0, 2.0), (5.0, 3.0), (3.0, 3.0)]
    shapes = [[np.array(points)] for points in (SQUARE, beside, inside)]
    row = module(adapter, "mask_raster").coverage(shapes, 10, 6)[2]
    np.testing.assert_array_equal(row, [0, 0, 1, 1, 1, 1, 1, 1, 1, 0.5])


def test_what_lies_beyond_the_picture_is_cut_off(adapter: ModuleType) -> None:
    around = [(-5.0, -5.0), (50.0, -5.0), (50.0, 50.0), (-5.0, 50.0)]
    assert covered(adapter, [around], 8, 6).min() == 1
    beside = [(x - 20, y) for x, y in SQUARE]
    assert covered(adapter, [beside], 8, 6).max() == 0
    left = [(x - 4, y) for x, y in SQUARE]
    np.testing.assert_array_equal(covered(adapter, [left], 8, 6)[2], [1, 1, 0, 0, 0, 0, 0, 0])


def test_a_circle_of_four_knots(adapter: ModuleType) -> None:
    """Its area is a circle's within the 0.03% that four cubics are off, and the raster's 0.1%."""
    reach = 4 / 3 * math.tan(math.pi / 8) * 0.3
    knots = []
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        point = 0.5 + 0.3 * x, 0.5 + 0.3 * y
        before = point[0] + reach * y, point[1] - reach * x
        behind = point[0] - reach * y, point[1] + reach * x
        knots.append((before, point, behind))
    for width, height in ((80, 48), (48, 80)):
        raster = module(adapter, "mask_raster")
        outline = raster.outline(raster.Spline(knots), width, height)
        found = covered(adapter, [outline], width, height)
        assert abs(found.sum() / (math.pi * (0.3 * 80) ** 2) - 1) < 0.0013
        rows, columns = np.nonzero(found)
        # In the middle, and 48 pixels across; it reaches the border of the shorter side.
        assert abs(rows.mean() + 0.5 - height / 2) < 0.01
        assert abs(columns.mean() + 0.5 - width / 2) < 0.01
        assert max(np.ptp(rows), np.ptp(columns)) == 47


def test_up_in_blender_is_up_in_the_picture(adapter: ModuleType) -> None:
    knots = [((x, y),) * 3 for x, y in ((0.5, 0.7), (0.6, 0.7), (0.6, 0.8), (0.5, 0.8))]
    raster = module(adapter, "mask_raster")
    outline = raster.outline(raster.Spline(knots), 80, 48)
    assert len(outline) == 4, "straight sides need no more points"
    rows, columns = np.nonzero(covered(adapter, [outline], 80, 48))
    assert (rows.min(), rows.max() + 1) == (0, 8)
    assert (columns.min(), columns.max() + 1) == (40, 48)


@pytest.mark.parametrize(
    ("blend", "expected"),
    [
        ("MERGE_ADD", 0.625),
        ("MERGE_SUBTRACT", 0.375),
        ("ADD", 0.75),
        ("SUBTRACT", 0.25),
        ("LIGHTEN", 0.5),
        ("DARKEN", 0.25),
        ("MUL", 0.125),
        ("REPLACE", 0.625),  # 0.5 of what is below, and all of the layer at its opacity
        ("DIFFERENCE", 0.25),
    ],
)
def test_layers_go_over_each_other(adapter: ModuleType, blend: str, expected: float) -> None:
    raster = module(adapter, "mask_raster")
    below, layer = np.full(1, 0.5, np.float32), np.full(1, 0.5, np.float32)
    opacity = 0.5  # so that the layer counts 0.25
    found = raster.merged(below, layer, blend, opacity, False)[0]
    assert found == (0.5 * 0.5 + 0.25 if blend == "REPLACE" else expected)
    inverted = raster.merged(np.zeros(1, np.float32), layer, "ADD", opacity, True)
    assert inverted[0] == 0.75
    nothing = np.zeros(1, np.float32)
    assert raster.merged(nothing, nothing, "REPLACE", opacity, True)[0] == 0.5
    with pytest.raises(ValueError, match="no blend mode is called X"):
        raster.merged(below, layer, "X", 1, False)


@pytest.mark.parametrize(
    ("falloff", "halfway"),
    [
        ("LINEAR", 0.5),
        ("SMOOTH", 0.5),
        ("SPHERE", math.sqrt(0.75)),
        ("ROOT", math.sqrt(0.5)),
        ("SHARP", 0.25),
        ("INVERSE_SQUARE", 0.75),
    ],
)
def test_a_feather_falls_off_outwards(adapter: ModuleType, falloff: str, halfway: float) -> None:
    raster = module(adapter, "mask_raster")
    corners = [(0.3, 0.4), (0.3, 0.6), (0.7, 0.6), (0.7, 0.4)]  # as Blender's own mask is drawn
    feather = [[(0.0, 0.04), (1.0, 0.04)]] * 4  # of 4 pixels, on an image of 100 by 80
    spline = raster.Spline([((x, y),) * 3 for x, y in corners], feather)
    hard = raster.coverage([[raster.outline(spline, 100, 80)]], 100, 80)
    feathered = module(adapter, "mask_feather").feathered
    soft = feathered(hard, spline, falloff)
    assert soft.dtype == np.float32
    np.testing.assert_array_equal(soft[hard == 1], 1)
    along = soft[40, 70:76]  # from the right side on; pixels have their middle at a half
    assert along[4] == along[5] == 0
    assert (np.diff(along[:5]) < 0).all()
    between = (along[1] + along[2]) / 2
    assert abs(between - halfway) < 0.02
    inwards = raster.Spline(spline.knots[::-1], feather)
    np.testing.assert_array_equal(feathered(hard, inwards, falloff), hard)
    with pytest.raises(ValueError, match="no falloff is called X"):
        feathered(hard, spline, "X")


def test_a_feather_may_change_along_a_segment(adapter: ModuleType) -> None:
    """From none at one end over 4 pixels in the middle, to none: by a feather point."""
    raster = module(adapter, "mask_raster")
    corners = [(0.3, 0.4), (0.3, 0.6), (0.7, 0.6), (0.7, 0.4)]
    none = [(0.0, 0.0), (1.0, 0.0)]
    side = [(0.0, 0.0), (0.5, 0.04), (1.0, 0.0)]
    spline = raster.Spline([((x, y),) * 3 for x, y in corners], [none, none, side, none])
    none_covered = np.zeros((80, 100), np.float32)
    soft = module(adapter, "mask_feather").feathered(none_covered, spline, "LINEAR")
    reach = (soft[:, 70:] > 0).sum(axis=1)
    assert reach.max() == 4
    assert abs(int(soft.sum(axis=1).argmax()) - 40) <= 2
    assert reach[31] <= 1
    assert reach[48] <= 1
    assert soft[:, :69].max() == 0


def test_a_large_layer_does_not_hold_blender_up(adapter: ModuleType) -> None:
    """Half of a picture in 4K. In pure Python it took 3 s."""
    raster = module(adapter, "mask_raster")
    knots = [
        ((x - 0.05, y), (x, y), (x + 0.05, y)) for x, y in ((0.2, 0.3), (0.8, 0.4), (0.5, 0.7))
    ]
    spline = raster.Spline(knots)
    began_s = time.process_time()
    found = raster.coverage([[raster.outline(spline, 4096, 2160)]], 4096, 2160)
    assert time.process_time() - began_s < 1.0
    assert found.max() == 1


# --- files ----------------------------------------------------------------------------------------


def test_the_files_of_a_plate(adapter: ModuleType, tmp_path: Path) -> None:
    plates = module(adapter, "plates")
    for name in ("a b.0999.exr", "a b.1000.exr", ".a b.1001.exr", "note.txt"):
        (tmp_path / name).touch()
    expected = {999: tmp_path / "a b.0999.exr", 1000: tmp_path / "a b.1000.exr"}
    for name in ("a b.####.exr", "a b.%04d.exr", "a b.@@@@.exr", "a b.1000.exr", ""):
        assert plates.files_of(str(tmp_path / name)) == expected, name
    (tmp_path / "c.1.exr").touch()
    with pytest.raises(plates.RefusedError, match=r"several sequences: a b\.####\.exr, c\.####"):
        plates.files_of(str(tmp_path))
    for nowhere in ("b.####.exr", "nowhere/a.1.exr", "note.txt"):
        with pytest.raises(plates.RefusedError, match="the plate is not there: no file"):
            plates.files_of(str(tmp_path / nowhere))


def test_what_is_copied_is_what_there_is() -> None:
    host = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    there = {path.name for path in PLUGIN.iterdir() if path.is_file()} - {"host.json"}
    assert set(host["files"]) == there
    assert host["client"] is True
    assert set(host["targets"]) == {"linux", "darwin", "win32"}


def test_it_bears_the_version_of_the_engine() -> None:
    pattern = re.compile(r'^version = "(.+)"$', re.MULTILINE)
    files = PLUGIN / "blender_manifest.toml", ROOT / "pyproject.toml"
    ours, engines = (pattern.findall(file.read_text(encoding="utf-8")) for file in files)
    assert ours == engines


# --- in Blender -----------------------------------------------------------------------------------


def test_installed_from_disk_as_an_artist_does(in_blender: InBlender, home: Path) -> None:
    said = in_blender("installed")
    folder = home / "blender/extensions/user_default/rde_roto"
    assert said["client"] == str(folder / CLIENT.name / "__init__.py")
    assert said["others"] is False, "nothing of it is importable by others"
    operators = (
        "add_element ask_names export_shapes fit_scene forget import_shapes learn next_to_fix"
    )
    operators += " propagate remove_element remove_keyframe set_keyframe stop wire"
    assert said["operators"] == operators.split()
    assert said["panels"] == [
        "RDE_ROTO_PT_clip",
        "RDE_ROTO_PT_compositor",
        "RDE_ROTO_UL_elements",
        "RDE_ROTO_UL_keyframes",
    ]
    assert said["left"] == [False, False]
    assert not folder.exists()


def test_blenders_own_check_finds_nothing_amiss(in_blender: InBlender) -> None:
    said = in_blender("checked")
    assert said["code"] == 0, said["said"]


def test_blender_finds_it_where_install_py_puts_it(
    in_blender: InBlender, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every Blender that the user has."""
    for version in ("4.2", "5.0"):
        (home / ".config/blender" / version).mkdir(parents=True)
    monkeypatch.syspath_prepend(ROOT / "plugin")
    importlib.import_module("installing").install("blender", link=False, dry_run=False)
    monkeypatch.delenv("BLENDER_USER_RESOURCES")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    said = in_blender("put_there", zip="")
    assert Path(said["settings"]).parent == home / ".config/blender"
    assert said["file"] == f"{said['settings']}/extensions/user_default/rde_roto/__init__.py"


def test_the_demo_shot_is_composited_with_the_engines_mattes(
    in_blender: InBlender, tmp_path: Path
) -> None:
    """Without any error: the floats are the same, and two halfs have an exact product in 32 bit."""
    said = in_blender("demo", frames="1001-1004")
    assert said["fitted"] == [1001, 1048, 1001, 1001, 640, 360]
    assert said["said"] == f"Mattes: 4, of 1001-1004, in {tmp_path / 'mattes'}"
    assert said["kept"] == ["robot", "draft", [1001]]
    kinds = ["CompositorNodeImage", "CompositorNodeImage", "CompositorNodeSetAlpha"]
    assert said["nodes"] == [*kinds, "output"]
    for frame in range(1001, 1005):
        matte = read(tmp_path / f"mattes/robot.{frame}.exr", "A")
        assert 0.01 < matte.mean() < 0.5, "it found the robot"
        name = next(name for name in said["written"] if name.startswith(f"matte.{frame}"))
        composited = read(tmp_path / "out" / name, "V")
        np.testing.assert_array_equal(composited, matte)
        cut = read(tmp_path / f"out/cut.{frame}.exr", "RGBA")
        plate = read(DEMO / f"plate/demo.{frame}.exr", "RGB")
        np.testing.assert_array_equal(cut[..., 3:], matte)
        np.testing.assert_array_equal(cut[..., :3], plate * matte)


def test_what_was_corrected_is_composited_anew(in_blender: InBlender, tmp_path: Path) -> None:
    """Blender shows no matte that was replaced, and the artist's own links stay."""
    said = in_blender("again")
    assert said == {"keyframes": [1001], "output": True, "plates": 1}
    before, after = (read(next((tmp_path / f"out{n}").glob("m.1002*")), "V") for n in (0, 1))
    assert np.abs(before - after).mean() > 0.01
    np.testing.assert_array_equal(after, read(tmp_path / "mattes/robot.1002.exr", "A"))


def test_a_drawn_mask_is_that_of_blenders_own_node(in_blender: InBlender, tmp_path: Path) -> None:
    said = in_blender("mask")
    assert said["keyframes"] == [[1003, "robot"]]
    kept = read(said["kept"], "A")
    (path,) = (tmp_path / "out").glob("mask.1003*")
    blenders = read(path, "V")
    assert kept.shape == blenders.shape == (360, 640, 1)
    # Away from edges there is no difference. Beside an edge there is: Blender softens it outwards,
    # by up to a pixel; ours is how much of a pixel is covered.
    padded = np.pad(kept[..., 0], 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    is_flat = windows.max((2, 3)) == windows.min((2, 3))
    assert {0, 0.75, 1} <= set(kept[is_flat, 0].tolist())
    np.testing.assert_array_equal(kept[is_flat], blenders[is_flat])
    assert is_flat.mean() > 0.97


def test_a_feather_is_that_of_blenders_own_node(in_blender: InBlender, tmp_path: Path) -> None:
    """Within 2 % of full on average where it is soft; Blender softens its edges outwards."""
    said = in_blender("feather")
    for name, file in said["kept"].items():
        kept = read(file, "A")[..., 0]
        (path,) = (tmp_path / "out").glob(f"{name}.1003*")
        blenders = read(path, "V")[..., 0]
        is_soft = (blenders > 0) & (blenders < 1)
        assert is_soft.mean() > 0.02
        assert np.abs(kept - blenders)[is_soft].mean() < 0.02, name
        assert abs(kept.sum() / blenders.sum() - 1) < 0.02


def test_shapes_are_masks_with_keys_and_come_back(in_blender: InBlender, tmp_path: Path) -> None:
    shapes = soft_and_hard_shapes()
    file, other = tmp_path / "robot.mask.json", tmp_path / "robot.json"
    for one in (file, other):
        one.write_text(file_text(one, shapes), encoding="utf-8")
    said = in_blender("shapes", file=str(file), other=str(other))
    assert said["layers"] == [
        ["robot_part1", "MERGE_ADD"],
        ["robot_part2", "MERGE_ADD"],
        ["robot_hole1", "MERGE_SUBTRACT"],
    ]
    back = read_shapes(tmp_path / "back.mask.json")
    assert (back.format, back.frames, back.elements) == (shapes.format, shapes.frames, ("robot",))
    for frame in shapes.frames:
        ours, again = draw_shapes(shapes, frame)[0], draw_shapes(back, frame)[0]
        assert np.abs(again - ours).sum() / outline_px(ours) < 0.02
    assert said["said"] == (
        "Error: mask robot, layer robot_part1: it is inverted, or its opacity is neither 0 nor 1"
    )
    assert said["no file"].startswith("Error: plate cannot be read: ")
    assert said["other"].startswith("Error: robot.json has no masks for Blender: write it with")


@pytest.mark.slow
def test_shapes_are_drawn_where_they_are(in_blender: InBlender, tmp_path: Path) -> None:
    """By Blender's own Mask node and as keyframes, between two keys: to a tenth of a pixel along
    the outlines. What is edited at a frame changes the keyframe of that frame alone.
    """
    shapes = soft_and_hard_shapes()
    file = tmp_path / "robot.mask.json"
    file.write_text(file_text(file, shapes), encoding="utf-8")
    moved = in_blender("drawn_shapes", file=str(file))
    (path,) = (tmp_path / "out").glob("mask.1003*")
    blenders = read(path, "V").reshape(360, 8, 640, 8).mean((1, 3))
    ours = draw_shapes(shapes, 1003)[0]
    assert 1003 not in shapes.shapes[1].key_frames
    for part in (np.s_[:, :450], np.s_[:, 450:]):  # hard and soft
        assert np.abs(blenders - ours)[part].sum() / outline_px(ours[part]) < 0.1
    kept = read(moved["before"][1], "A")[..., 0]
    assert np.abs(kept - ours).sum() / outline_px(ours) < 0.1
    assert moved["before"][0] == moved["after"][0]
    assert moved["before"][1] != moved["after"][1]


def outline_px(alpha: NDArray[np.float32]) -> float:
    """About how long the outlines of a matte are: of the steps along them, as of a circle's."""
    inside = (alpha > 0.5).astype(np.int8)
    steps = sum(int(np.abs(np.diff(inside, axis=axis)).sum()) for axis in (0, 1))
    assert steps > 100
    return steps * math.pi / 4


def test_several_elements_of_one_plate(in_blender: InBlender, tmp_path: Path) -> None:
    said = in_blender("elements")
    assert said["said"] == f"Mattes: 6, of 1001-1003, in {tmp_path / 'mattes'}"
    frames = range(1001, 1004)
    names = [f"{name}.{frame}.exr" for name in ("robot", "robot2") for frame in frames]
    assert said["mattes"] == names
    ours = ["cut robot", "cut robot2", "matte robot", "matte robot2", "plate"]
    assert said["nodes"] == [f"rde-roto {name}" for name in ours]
    assert said["keyframes"] == [["demo.1001.exr"], ["robot"]]
    before, after = said["advice"]
    assert before == "Error: no frame of this shot has a matte yet: propagate first"
    assert re.match(r"correct robot2 here \(confidence|no frame looks wrong, of 1001-", after)
    assert said["same name"] == ["Error: two elements are called robot: rename one"] * 3


def test_no_scene_writes_over_the_mattes_of_another(in_blender: InBlender, tmp_path: Path) -> None:
    """Their elements and folders have the same names by default."""
    said = in_blender("scenes")
    for button in ("propagate", "wire"):
        assert "the same files as those of the scene Second" in said[button]
    own = str(tmp_path / "mattes" / "element.####.exr")
    assert [said["copy"], said["other folder"]] == [own, own]


def test_a_scene_of_before_keeps_its_keyframes(in_blender: InBlender) -> None:
    said = in_blender("outdated")
    assert said["outdated"] == [True, False]
    assert said["names"] == ["hero", "element"]
    assert said["keyframes"] == [[f, f"/kept/{f}.exr", "Mask"] for f in (1001, 1020)]
    assert said["left"] == [0, 0]


def test_a_mask_over_a_plate_with_overscan(in_blender: InBlender, tmp_path: Path) -> None:
    """Blender shows the data window; the mask has it, and the mattes come back in it."""
    windows: dict[str, Any] = {"origin": (-16, -9), "display": (0, 0, 608, 342)}
    for frame in (1001, 1002):
        pixels = read(DEMO / f"plate/demo.{frame}.exr", "RGB")
        write_image(tmp_path / f"over.{frame}.exr", pixels, **windows)
    said = in_blender("overscan", plate=str(tmp_path / "over.####.exr"))
    kept = read(said["kept"], "A")
    matte = read(tmp_path / "mattes/robot.1001.exr", "A")
    assert kept.shape == matte.shape == (360, 640, 1)
    # what is delivered at a keyframe is its mask, in half
    np.testing.assert_array_equal(matte, kept.astype(np.float16).astype(np.float32))
    for frame in (1001, 1002):
        matte = read(tmp_path / f"mattes/robot.{frame}.exr", "A")
        (path,) = (tmp_path / "out").glob(f"matte.{frame}*")
        np.testing.assert_array_equal(read(path, "V"), matte)


def test_an_engine_that_was_killed_is_started_again(in_blender: InBlender) -> None:
    said = in_blender("killed")
    assert said["first"] != said["second"]
    assert said["mattes"] == ["robot.1001.exr", "robot.1002.exr"]


def test_what_cannot_be_done_is_one_sentence(in_blender: InBlender, tmp_path: Path) -> None:
    said = in_blender("refused")
    assert said.pop("still busy") == ""
    mattes = tmp_path / "mattes/robot.####.exr"
    assert said == {
        "no element": "Error: there is no element: add one to the list",
        "no plate": "Error: no plate is set: name its files in the field Plate",
        "plate not there": "Error: the plate is not there: no file is called /nowhere/x.####.exr",
        "no mask": "Error: no mask is chosen: draw one over the plate and choose it",
        "empty mask": "Error: the mask empty has no closed spline that is shown in renders",
        "tracked mask": "Error: the mask robot follows a track: clear its parent first",
        "image not there": "Error: the image is not there: /nowhere/mask.png",
        "no such frame": "Error: the plate has no frame 2000: it has 1001 to 1048",
        "no keyframe": "Error: robot has no keyframe: set one from a mask or an image first",
        "no such keyframe": "Error: there is no keyframe 7",
        "no mattes": f"Error: there are no mattes yet, {mattes}: propagate first",
        "plate is gone": "Error: cannot list the folder /nowhere: No such file or directory",
        "no such preset": "Error: there is no preset 'nope'; there are draft, farm, fast-motion, "
        "fine, hair, standard",
        "no such frames": "Error: the shot has 1001-1048, not 1-3",
        "no such element": "Error: the element is called 'My Robot'; expected letters a-z, digits "
        "and _, no digit first",
        "not saved": "Error: the folder of the mattes is //mattes, beside a blend file that is not "
        "saved: save it first",
    }


def test_without_an_engine_the_artist_is_told_what_to_do(in_blender: InBlender) -> None:
    launch_file().unlink()
    said = in_blender("no_engine")["propagate"]
    assert said.startswith("Error: there is no engine on this machine for this user: ")
    assert said.endswith("run install.py where rde-roto was unpacked")


def test_blender_never_waits_for_the_engine(in_blender: InBlender) -> None:
    """An engine needs more than a second to start; no event is to wait for that, or for a frame."""
    said = in_blender("modal")
    stopped, killed, done = said["runs"]
    assert stopped["answer"] == ["CANCELLED"]
    assert stopped["last"] == "propagate: stopped"
    assert 2 <= stopped["mattes"] < 40
    assert killed["answer"] == done["answer"] == ["FINISHED"]
    assert killed["last"].startswith("Mattes: 20, of 1001-1020, in "), "by another engine"
    assert killed["mattes"] == done["mattes"] == 20
    assert said["engines"] == 2
    for run in said["runs"]:
        assert run["others"] is False, "one at a time"
        assert run["longest_s"] < 0.5
    assert stopped["steps"] > 20, "events while it worked"
    assert said["free"] is True


def test_the_script_of_the_page_runs(in_blender: InBlender, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "blender.md").read_text(encoding="utf-8")
    script, shapes = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "import_shapes" in shapes  # run by test_shapes_are_masks_with_keys_and_come_back
    script = script.replace("/shots/demo/mattes", str(tmp_path / "mattes"))
    said = in_blender("page", script=script.replace("/shots/demo", str(DEMO)))
    assert said["mattes"] == str(tmp_path / "mattes/robot.1001.exr")
    names = sorted(path.name for path in (tmp_path / "mattes").iterdir())
    assert names == [f"robot.{frame}.exr" for frame in (1001, 1002, 1003)]


def test_presets_and_models_come_from_the_engine(in_blender: InBlender) -> None:
    said = in_blender("names")
    assert said["presets"] == ["draft", "farm", "fast-motion", "fine", "hair", "standard"]
    assert "rde-lite" in said["models"]
