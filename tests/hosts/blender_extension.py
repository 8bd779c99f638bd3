"""The Blender extension as the tests build it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugin" / "blender"
CLIENT = ROOT / "engine" / "rde_roto_client"
DEMO = ROOT / "engine" / "rde_roto" / "demo" / "shot"


def build_extension(target: Path) -> Path:
    """The extension as one zip: what host.json lists, and the client."""
    host = json.loads((PLUGIN / "host.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(target, "w") as archive:
        for name in host["files"]:
            archive.write(PLUGIN / name, name)
        for path in sorted(CLIENT.glob("*.py")):
            archive.write(path, f"{CLIENT.name}/{path.name}")
    return target
