"""``rde-roto shot report``: write a page about a shot's mattes, for those who review them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rde_roto.doors.console import print_line
from rde_roto.doors.options import (
    DeviceOption,
    FramesOption,
    ShotArgument,
    frames_within,
    plate_memo,
)
from rde_roto.doors.render_task import prepare_files
from rde_roto.shot_files import ShotFile
from rde_roto.values.errors import UsageError


def report(
    shot: ShotArgument,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Report to write (.html).")],
    frames: FramesOption = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write the report's pictures as a contact sheet (.png)."
        ),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Write a page with warnings, the track's confidence and pictures of up to 24 frames."""
    for option, path, suffix in (("--out", out, ".html"), ("--sheet", sheet, ".png")):
        if path is not None and path.suffix.lower() != suffix:
            raise UsageError(f"{option} {path}: expected a name that ends in {suffix}")
    file = ShotFile.read(shot)
    with plate_memo() as memo:
        opened = file.open(memo)
        wanted = opened.range if frames is None else frames_within(opened.range, frames)

        from rde_roto.advice import advise
        from rde_roto.doors.rendering import open_node, print_licence
        from rde_roto.model.weights import licence_line
        from rde_roto.report import report_on, write_report, write_sheet
        from rde_roto.values.report import Run

        targets = [path for path in (out, sheet) if path is not None]
        prepare_files(opened.shot.plate, opened.inputs, targets)
        node, model = open_node(opened, device)
        print_licence(model)
        advice = advise(node, wanted.intersection(opened.shot.range))
        made = report_on(node, opened, advice, Run(wanted, licence_line(model)))
        write_report(made, out)
        print_line(f"wrote {out}")
        if sheet is not None:
            write_sheet(made, sheet)
            print_line(f"wrote {sheet}")
