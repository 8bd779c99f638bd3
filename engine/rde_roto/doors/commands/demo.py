"""``rde-roto demo``: rotoscope the shipped shot and score the result."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from rde_roto.atomic import write_bytes
from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import ElementEntry, KeyframeEntry, PlateEntry, ShotDocument
from rde_roto.doors.options import DeviceOption, ModelOption, PresetOption, plate_memo
from rde_roto.doors.progress import ProgressOptions, RunReport
from rde_roto.doors.render_task import RenderTask
from rde_roto.images.files import read_channels
from rde_roto.images.mattes import MatteWriter
from rde_roto.images.pictures.contact_sheet import contact_sheet
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.shot_files.opening import open_document

if TYPE_CHECKING:
    from rde_roto.evaluation.metrics import BoolArray
    from rde_roto.values.matte import FloatArray

_SHEET_ROWS = 5


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")] = Path(
        "demo-out"
    ),
    preset: PresetOption = "standard",
    model: ModelOption = DEFAULT_MODEL,
    device: DeviceOption = "auto",
) -> None:
    """Rotoscope the demo shot from its first mask and compare it with its true matte."""
    report = ProgressOptions.usual().report()
    with report.failures():
        _demo(out, preset, model, device, report)


def _demo(out: Path, preset: str, model: str, device: str, report: RunReport) -> None:
    settings = load_preset(preset)
    with plate_memo() as memo:
        opened = open_document(demo_document(model), settings, memo=memo)

        from rde_roto.doors.rendering import render_mattes
        from rde_roto.evaluation.metrics import SequenceScore
        from rde_roto.model.network_view import Picture

        task = RenderTask(opened, opened.shot.range, device)
        writer = render_mattes(task, str(out / "mattes" / "hero.####.exr"), report, "alpha")
    plate, first, last = opened.shot.plate, task.frames.first, task.frames.last
    frames = np.linspace(first, last, _SHEET_ROWS).round().astype(int)
    rows = [
        (
            frame,
            Picture.of(plate, frame).to_network_view().numpy(),
            _alpha(writer.path(frame))[None],
        )
        for frame in map(int, frames)
    ]
    sheet = out / "contact_sheet.png"
    write_bytes(sheet, contact_sheet(rows))
    score = SequenceScore.of(_pairs(find_sequence(str(demo_shot() / "truth")), writer))
    report.done(f"contact sheet  {sheet}", {"event": "sheet", "path": str(sheet)})
    report.done(
        f"J&F            {score.j_and_f:.3f}  (J {score.mean_j:.3f}, F {score.mean_f:.3f})",
        {"event": "score", "j_and_f": score.j_and_f, "j": score.mean_j, "f": score.mean_f},
    )


def demo_document(model: str = DEFAULT_MODEL) -> ShotDocument:
    """Return the document of the shipped shot: all of its plate, and the true matte of its first
    frame.
    """
    folder = demo_shot()
    truth = find_sequence(str(folder / "truth"))
    first = truth.range.first
    return ShotDocument(
        plate=PlateEntry(path=str(folder / "plate")),
        elements=[ElementEntry(id="hero")],
        keyframes=[KeyframeEntry(frame=first, mask=str(truth.path(first)), mask_as="matte")],
        model=model,
    )


def demo_shot() -> Path:
    """Return the folder of the shipped shot: ``plate`` and ``truth``, EXR sequences."""
    return Path(str(files("rde_roto") / "demo" / "shot"))


def _pairs(truth: FrameSequence, writer: MatteWriter) -> Iterator[tuple[BoolArray, BoolArray]]:
    for frame in truth.range:
        yield _alpha(truth.path(frame)) >= 0.5, _alpha(writer.path(frame)) >= 0.5


def _alpha(path: Path) -> FloatArray:
    return read_channels(path, ["A"])[..., 0]
