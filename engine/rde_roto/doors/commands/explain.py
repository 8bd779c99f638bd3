"""``rde-roto explain``: show why a tracked matte is what it is, as a picture or as layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rde_roto.doors.console import print_line
from rde_roto.doors.options import DeviceOption, ShotArgument, plate_memo
from rde_roto.doors.render_task import prepare_files
from rde_roto.images.exr import FLOAT, write_planes
from rde_roto.images.pictures.explanation import explanation_layers, explanation_sheet
from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import UsageError


def explain(
    shot: ShotArgument,
    frame: Annotated[int, typer.Option(metavar="FRAME", help="Frame of the matte to explain.")],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Contact sheet (.png), or its maps as layers (.exr)."),
    ],
    device: DeviceOption = "auto",
) -> None:
    """Show where attention went, what the memory holds, and where the track drifts."""
    if out.suffix.lower() not in (".png", ".exr"):
        raise UsageError(f"--out {out}: expected .png for a sheet or .exr for layers")
    file = ShotFile.read(shot)
    with plate_memo() as memo:
        opened = file.open(memo)

        from rde_roto.doors.rendering import open_node, print_licence, provenance
        from rde_roto.explanation import drifts, explain
        from rde_roto.model.network_view import Picture

        prepare_files(opened.shot.plate, opened.inputs, [out])
        node, model = open_node(opened, device)
        print_licence(model)
        explanation = explain(node, frame)
        plate = opened.shot.plate
        if out.suffix.lower() == ".exr":
            made_from = provenance(opened, node.preset, model)
            layers = explanation_layers(explanation)
            write_planes(out, layers, plate.format, made_from, FLOAT)
        else:
            walks = drifts(node, frame)
            view = Picture.of(plate, frame).to_network_view().numpy()
            explanation_sheet(out, view, node.matte(frame), explanation, walks)
            for walk in walks:
                for element in walk.elements:
                    farthest = walk.farthest(element)
                    print_line(f"{element} from {walk.keyframe}: farthest at {farthest}")
    print_line(f"wrote {out}")
