"""The client inside other Pythons than the engine's: those of hosts, where they are found here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from engine_process import kill
from interpreters import PYTHONS, interpreter

from rde_roto_client import Client

pytest_plugins = ("command_line_fixtures", "engine_fixtures")

ENGINE = Path(__file__).parents[2] / "engine"
ONE = b"\0\0\x80\x3f"
"""As a float32."""
SCRIPT = """
import hashlib, json, struct, sys
from rde_roto_client import Client, EngineError
shot = json.loads(sys.argv[1])
with Client("a host") as client:
    width, height = client.open(shot)["data"][2:]
    alpha = struct.pack("<f", 1) * (width * height)
    shot["keyframes"][0]["mask"] = client.keep(alpha, width, height)
    assert bytes(client.matte(shot, 1003).pixels) == alpha, "the keyframe"
    try:
        client.matte(shot, 2000)
    except EngineError as error:
        assert error.kind == "usage", error.kind
    print(hashlib.sha256(client.matte(shot, 1005).pixels).hexdigest())
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_a_host_with_that_python(version: str, client: Client, shot: dict[str, Any]) -> None:
    """It starts the engine that was killed, keeps a mask, and takes mattes by memory."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    width, height = client.open(shot)["data"][2:]
    kill()
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}
    command = [python, "-W", "error", "-c", SCRIPT, json.dumps(shot)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    shot["keyframes"][0]["mask"] = client.keep(ONE * (width * height), width, height)
    pixels = client.matte(shot, 1005).pixels
    assert done.stdout.split() == [hashlib.sha256(pixels).hexdigest()]
