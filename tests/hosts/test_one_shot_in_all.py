"""One shot in an OpenFX host, in Blender and in a stand-in for Nuke: the same mattes of one cache,
each step of the network made once, and the engine killed while each of them relies on it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blender_extension import DEMO, build_extension
from engine_process import kill
from fake_nuke import Node, Nuke
from image_files import read_image
from nuke_session import keyframes, propagate, set_keyframe
from numpy.typing import NDArray
from ofx_host import GENERAL, OK, Host, instance
from ofx_values import Image

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.model.weights import find_model
from rde_roto_client import Client
from rde_roto_client.places import read_endpoint

pytest_plugins = (
    "command_line_fixtures",
    "engine_fixtures",
    "openfx_fixtures",
    "nuke_fixtures",
    "blender_fixtures",
)

FRAMES = range(1001, 1008)
RANGE = "1001-1007"
IN_BLENDER = Path(__file__).with_name("in_blender.py")
Mattes = dict[int, NDArray[np.float32]]


@pytest.fixture
def user(run_folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One user with one cache, whichever host is at work."""
    monkeypatch.setenv("BLENDER_USER_RESOURCES", str(home / "blender"))
    return home


def made(user: Path) -> dict[str, int]:
    """What the network has made: every file of the cache, by its inode; times are of its use."""
    found = sorted((user / "cache").rglob("*.safetensors"))
    return {str(path): path.stat().st_ino for path in found}


def killed_once() -> None:
    """The engine, while a host relies on it."""
    assert read_endpoint() is not None
    kill()


def truth(frame: int) -> NDArray[np.float32]:
    """The demo shot's true matte, [H, W]."""
    alpha: NDArray[np.float32] = read_image(DEMO / f"truth/demo.{frame}.exr")[1][..., 0]
    return alpha


def files(folder: Path, stem: str = "*") -> Mattes:
    """The mattes of a folder, by frame."""
    paths = sorted(folder.glob(f"{stem}.*.exr"))
    return {int(path.name.split(".")[-2]): read_image(path)[1][..., 0] for path in paths}


def in_openfx(host: Host) -> Mattes:
    """Renders frame after frame; the engine dies after the third."""
    values = {"plate": f"{DEMO}/plate/demo.####.exr", "element": "robot", "preset": "draft"}
    height, width = truth(1001).shape
    found: Mattes = {}
    with instance(host, GENERAL, values) as node:
        mask = Image(np.ascontiguousarray(truth(1001)[::-1, :, None]))
        host.connect(node, "Mask", lambda _: mask)
        with Client("waits until the engine is there") as client:
            client.hello()
        assert host.change(node, "setKeyframe", 1001) == OK, host.messages
        for frame in FRAMES:
            image = Image(np.full((height, width, 1), 7, np.float32))
            assert host.render(node, frame, image) == OK, host.messages
            found[frame] = np.ascontiguousarray(image.read()[::-1, :, 0])
            if frame == FRAMES[2]:
                killed_once()
    return found


def in_blender(blender: str, folder: Path) -> Mattes:
    """Kills the engine between the keyframe and the propagation, then propagates and composites."""
    folder.mkdir()
    archive = build_extension(folder / "rde_roto.zip")
    asked = {"demo": str(DEMO), "folder": str(folder), "zip": str(archive), "frames": RANGE}
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    answer = folder / "answer.json"
    killed_once()
    command = [blender, str(IN_BLENDER), "demo", json.dumps(asked), str(answer)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    composited = files(folder / "out", "matte")
    written = files(folder / "mattes")
    for frame, matte in written.items():
        np.testing.assert_array_equal(composited[frame], matte)
    return written


def in_nuke(nuke: Nuke, folder: Path) -> Mattes:
    """Keyframe, a killed engine, Propagate."""
    roto = nuke.nodes.Roto()
    roto.painted = {1001: truth(1001)}
    read = nuke.nodes.Read(file=f"{DEMO}/plate/demo.####.exr")
    nuke.selected = [read]
    nuke.menu("Nodes").entries["rde-roto"].entries["RDERoto"]()
    node: Node = next(node for node in nuke.root().children if node.kind == "Group")
    assert node.setInput(1, roto)
    said: dict[str, Any] = {"element": "robot", "frames": RANGE, "mattes": f"{folder}/m.####.exr"}
    for knob, value in said.items():
        node[knob].setValue(value)
    node["preset"].setValues(["draft"])  # type: ignore[attr-defined]
    node["preset"].setValue("draft")
    set_keyframe(nuke, node, 1001)
    assert list(keyframes(node)) == [1001]
    killed_once()
    propagate(nuke, node)
    assert nuke.messages == []
    return files(folder)


@pytest.mark.slow
def test_three_hosts_have_the_same_mattes_of_one_cache(
    user: Path, host: Host, nuke: Nuke, blender: str, tmp_path: Path
) -> None:
    assert find_model(DEFAULT_MODEL).path.is_file()
    first = in_openfx(host)
    kill()  # or it goes on with the neighbours of what was looked at
    steps = made(user)
    assert list(first) == list(FRAMES)
    assert len(steps) >= len(FRAMES) - 1, "a raw matte of each frame but the keyframe"
    others = {
        "Blender": in_blender(blender, tmp_path / "blender"),
        "Nuke": in_nuke(nuke, tmp_path / "nuke"),
    }
    for name, found in others.items():
        assert list(found) == list(FRAMES), name
        for frame, matte in found.items():
            # their files are halves; the OpenFX host takes the floats that these were rounded from
            expected = first[frame].astype(np.float16).astype(np.float32)
            np.testing.assert_array_equal(matte, expected, err_msg=f"{name}, {frame}")
    assert made(user) == steps, "the network was asked once for all three"
