"""Make the pictures of docs/tutorial.md: ``python -m tools.tutorial``.

The commands of the page are really run, on the demo shot, in a folder and with a cache of their
own, and what they print is drawn as a terminal shows it. It takes a few minutes. Look at each
picture afterwards. DejaVu Sans Mono has to be installed. Learning, which takes minutes, is left
out: docs/learning.png shows what it brings. The pictures of the window are those of docs/viewer.md
(`tests/viewer/doc_pictures.py`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image, ImageDraw, ImageFont

ROOT: Final = Path(__file__).parents[1]
OUT: Final = ROOT / "docs/tutorial"
SHOT: Final = "engine/rde_roto/demo/shot"
STEPS: Final = {
    "document": [
        f"rde-roto shot new {SHOT}/plate \\",
        f"    --keyframe 1001={SHOT}/truth/demo.1001.exr --out robot.shot.yaml",
    ],
    "render": ["rde-roto shot render robot.shot.yaml"],
    "advise": ["rde-roto shot advise robot.shot.yaml"],
    "validate": [f"rde-roto validate mattes --plate {SHOT}/plate"],
}
COLUMNS, SIZE_PX, MARGIN_PX = 104, 14, 14
GROUND, TYPED, SAID = (24, 26, 30), (140, 220, 140), (214, 216, 220)
MOST_LINES = 9
FONT = "DejaVuSansMono.ttf"
SPEED = r", [0-9.]+ frames/s"
"""Left out: it would be that of this machine, whatever else it is doing."""


def main() -> None:
    """Run the commands in a folder that is deleted afterwards."""
    with TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "engine").symlink_to(ROOT / "engine")  # so that commands are typed as on the page
        os.environ.update(
            {f"XDG_{kind}_HOME": str(work / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
        )
        os.environ.update(RDE_ROTO_CACHE=str(work / "cache"))
        os.chdir(work)
        take_pictures(OUT)


def take_pictures(out: Path) -> None:
    """Run each command and write what it prints into a picture of its own."""
    for name, typed in STEPS.items():
        words = " ".join(typed).replace("\\", "").split()
        command = [sys.executable, "-m", "rde_roto", *words[1:]]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        said = re.sub(SPEED, "", done.stdout).splitlines()
        picture(typed, shortened(said)).save(out / f"{name}.jpg", quality=82, optimize=True)


def shortened(lines: Sequence[str]) -> list[str]:
    """Return the first and the last lines of many, each as wide as the terminal at most."""
    cut = [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines]
    if len(cut) <= MOST_LINES:
        return cut
    before = MOST_LINES // 2 + 1
    return [*cut[:before], "…", *cut[before - MOST_LINES + 1 :]]


def picture(typed: Sequence[str], said: Sequence[str]) -> Image.Image:
    """Return a picture of what was typed and what was printed."""
    font = ImageFont.truetype(FONT, SIZE_PX)
    width_px, height_px = round(font.getlength("M" * (COLUMNS + 2))), round(1.4 * SIZE_PX)
    rows = [(f"{'  ' if place else '$ '}{line}", TYPED) for place, line in enumerate(typed)]
    rows += [(line, SAID) for line in said]
    size = (width_px + 2 * MARGIN_PX, height_px * len(rows) + 2 * MARGIN_PX)
    image = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(image)
    for place, (line, colour) in enumerate(rows):
        draw.text((MARGIN_PX, MARGIN_PX + place * height_px), line, colour, font)
    return image


if __name__ == "__main__":
    main()
