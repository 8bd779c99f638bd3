"""``rde-roto new``: start a shot in the window."""

from __future__ import annotations

import shlex

from rde_roto.doors.commands.view import open_window, why_no_window
from rde_roto.doors.options import DeviceOption, LayerOption, PlateArgument, ViewOption
from rde_roto.images.layers import PictureName
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import UsageError


def new(
    plate: PlateArgument,
    view: ViewOption = None,
    layer: LayerOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Start a shot: open a plate in the window, ready for its first keyframe."""
    picture = PictureName(view, layer)
    reason = why_no_window()
    if reason is not None:
        first = open_plate(plate, picture=picture).range.first
        quoted = shlex.quote(str(plate))
        raise UsageError(
            f"{reason}. It goes without a window: paint a mask of one frame in any program, then "
            f"rde-roto propagate {quoted} --keyframe {first}=MASK.png --out 'mattes/NAME.####.exr'"
        )
    open_window(plate, picture, device)
