"""Make the pictures of docs/tutorial.md: ``python -m tools.tutorial [terminal] [window]``.

The steps of the page, all but learning, are really done, on the demo shot, in a folder and with a
cache of their own: the commands in processes, the window without a screen. It takes a few minutes.
Look at each picture afterwards. DejaVu Sans and DejaVu Sans Mono have to be installed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs/tutorial"


def main() -> None:
    """Make the pictures of some parts of the page; of both if none is named."""
    parts = sys.argv[1:] or ["terminal", "window"]
    with TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "engine").symlink_to(ROOT / "engine")  # so that commands are typed as on the page
        os.environ.update(
            {f"XDG_{kind}_HOME": str(work / kind.lower()) for kind in ("CONFIG", "DATA", "STATE")}
        )
        os.environ.update(RDE_ROTO_CACHE=str(work / "cache"), QT_QPA_PLATFORM="offscreen")
        os.chdir(work)
        for part in parts:
            if part == "terminal":
                from .terminal import take_pictures
            else:
                from .window import take_pictures
            take_pictures(OUT)


if __name__ == "__main__":
    main()
