"""``rde-roto view``: open the roto window."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from rde_roto.doors.options import DeviceOption, LayerOption, ViewOption, plate_memo
from rde_roto.images.layers import PictureName
from rde_roto.values.errors import UsageError


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
    missing = [name for name in ("PySide6", "pyqtgraph", "cv2") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the window needs {' and '.join(missing)}, which is not installed: "
            "python -m pip install -c constraints.txt -e '.[ui]'"
        )
    from rde_roto.doors.viewer.app import run
    from rde_roto.doors.viewer.services import open_services

    with plate_memo() as memo, open_services(device, memo) as services:
        code = run(services, shot, PictureName(view, layer))
    raise typer.Exit(code)
