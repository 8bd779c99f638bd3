"""``rde-roto view``: open the roto window."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Annotated, Final, NoReturn

import typer

from rde_roto.doors.options import DeviceOption, LayerOption, ViewOption, plate_memo
from rde_roto.images.layers import PictureName
from rde_roto.values.errors import UsageError

_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
"""Variables of which one is set where Qt can show a window on Linux."""


def view(
    shot: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLATE|NAME.shot.yaml]",
            help="Shot document, or plate: pattern, single frame, folder or movie.",
        ),
    ] = None,
    view: ViewOption = None,
    layer: LayerOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Open a window: paint, propagate, correct, approve. Everything is saved as you go."""
    reason = why_no_window()
    if reason is not None:
        raise UsageError(reason)
    open_window(shot, PictureName(view, layer), device)


def why_no_window() -> str | None:
    """Return why no window can be opened here and what to do about it; None if one can."""
    missing = [name for name in ("PySide6", "pyqtgraph", "cv2") if find_spec(name) is None]
    if missing:
        return (
            f"the window needs {' and '.join(missing)}, which is not installed: run "
            "install.py view where rde-roto was unpacked, or pip install 'rde-roto[ui]'"
        )
    if sys.platform == "linux" and not any(map(os.environ.get, _SCREENS)):
        return (
            "there is no display here (DISPLAY and WAYLAND_DISPLAY are not set): run this on a "
            "desktop, or over ssh -X"
        )
    return None


def open_window(text: str | None, picture: PictureName, device: str) -> NoReturn:
    """Show the window until it is closed, on a shot or plate, and exit with its code."""
    from rde_roto.doors.viewer.app import run
    from rde_roto.doors.viewer.services import open_services

    with plate_memo() as memo, open_services(device, memo) as services:
        code = run(services, text, picture)
    raise typer.Exit(code)
