"""``rde-roto propagate``: a plate and masks in, mattes out, without a shot document."""

from __future__ import annotations

from typing import Annotated

import typer

from rde_roto.doors.option_groups import expand_groups
from rde_roto.doors.options import (
    DeviceOption,
    FormatOption,
    ShotOptions,
    plate_memo,
)
from rde_roto.doors.progress import ProgressOptions
from rde_roto.doors.render_task import RenderTask
from rde_roto.images.sequences import named_view
from rde_roto.shot_files.opening import open_document


@expand_groups
def propagate(
    shot: ShotOptions,
    out: Annotated[
        str,
        typer.Option(
            metavar="PATTERN", help="Mattes to write: mattes/hero.####.exr, or .png (16 bits)."
        ),
    ],
    progress: ProgressOptions,
    device: DeviceOption = "auto",
    output_format: FormatOption = None,
) -> None:
    """Propagate the masks of one or more keyframes through the plate, in both directions."""
    report = progress.report()
    with report.failures(), plate_memo() as memo:
        preset = shot.load_preset()
        opened = open_document(shot.document(), preset, memo=memo)

        from rde_roto.doors.rendering import render_mattes

        _, pattern = named_view(out, shot.view)
        task = RenderTask(opened, opened.range, device)
        render_mattes(task, pattern, report, output_format)
