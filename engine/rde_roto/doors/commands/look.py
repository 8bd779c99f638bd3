"""``rde-roto look``: write a frame of a plate exactly as the network sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.console import print_line
from rde_roto.doors.options import (
    ColorSpaceOption,
    FirstFrameOption,
    LayerOption,
    PlateArgument,
    PresetOption,
    SetOption,
    ViewOption,
    parse_first_frame,
)
from rde_roto.doors.render_task import prepare_files
from rde_roto.images.layers import PictureName
from rde_roto.images.pictures.panels import to_image
from rde_roto.images.pictures.picture_files import write_picture
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import UsageError


def look(
    plate: PlateArgument,
    frame: Annotated[int, typer.Option(metavar="FRAME", help="Frame to look at.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Picture to write (.png, 8 bits).")],
    color_space: ColorSpaceOption = None,
    view: ViewOption = None,
    layer: LayerOption = None,
    first_frame: FirstFrameOption = None,
    preset: PresetOption = "standard",
    set_: SetOption = None,
) -> None:
    """Write what the network sees of a frame, before it is scaled to tracking.lines."""
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: expected a name that ends in .png")
    fallback = load_preset(preset, set_ or ()).input.color_space
    picture_name, first = PictureName(view, layer), parse_first_frame(first_frame)
    opened = open_plate(plate, color_space, None, picture_name, fallback, first_frame=first)
    prepare_files(opened, (), [out])

    from rde_roto.model.network_view import Picture

    picture = to_image(Picture.of(opened, frame).to_network_view().numpy())
    write_picture(picture, out)
    print_line(opened.reading)
    for note in opened.notes:
        print_line(note)
    print_line(f"wrote {out}")
