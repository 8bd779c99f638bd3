"""``rde-roto demo``: the shipped shot, rotoscoped and scored."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from rde_roto.doors.propagate import (
    DeviceOption,
    MaskReading,
    ModelOption,
    PresetOption,
    provenance,
    read_shot,
)
from rde_roto.images.contact_sheet import contact_sheet
from rde_roto.images.files import read_channels
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.sequences import FrameSequence, find_sequence
from rde_roto.values.model_card import DEFAULT_MODEL
from rde_roto.values.preset_files import PresetLibrary, default_preset_folders

if TYPE_CHECKING:
    from rde_roto.evaluation.metrics import BoolArray

_SHEET_ROWS = 5


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.")] = Path(
        "demo-out"
    ),
    preset: PresetOption = "standard",
    model: ModelOption = DEFAULT_MODEL,
    device: DeviceOption = "auto",
) -> None:
    """Rotoscopes the shipped shot from its first mask and compares with its true matte."""
    folder = demo_shot()
    truth = find_sequence(str(folder / "truth"))
    first = truth.range.first
    mask = f"{first}={truth.path(first)}"
    shot = read_shot(str(folder / "plate"), None, [mask], MaskReading("matte", ("hero",)))
    settings = PresetLibrary(default_preset_folders()).load(preset)

    from rde_roto.delivery import deliver
    from rde_roto.devices import choose_device
    from rde_roto.doors.progress import report, say_licence_once
    from rde_roto.evaluation.metrics import SequenceScore
    from rde_roto.models import licence_line, load_model
    from rde_roto.node import RotoNode

    network = load_model(model)
    made_from = provenance(shot, settings, network)
    pattern = str(out / "mattes" / "hero.####.exr")
    writer = open_matte_writer(pattern, shot.plate.format, shot.elements, False, made_from)
    say_licence_once(network)
    node = RotoNode(shot, settings, network, choose_device(device))
    with report(shot.plate.name, len(shot.range), writer, as_json=False) as on_frame:
        delivery = deliver(node, writer, on_frame)
    frames = np.linspace(shot.range.first, shot.range.last, _SHEET_ROWS).round().astype(int)
    rows = [(int(f), shot.plate.read(int(f)), _alpha(writer.path(int(f)))[None]) for f in frames]
    contact_sheet(rows, out / "contact_sheet.png")
    score = SequenceScore.of(_pairs(truth, writer))
    print(f"mattes         {writer.path(first).parent}")
    print(f"contact sheet  {out / 'contact_sheet.png'}")
    if delivery.made:
        print(f"speed          {delivery.frames_per_second:.2f} frames/s")
    else:
        print("speed          nothing to do: all mattes were there")
    print(f"J&F            {score.j_and_f:.3f}  (J {score.mean_j:.3f}, F {score.mean_f:.3f})")
    print(f"weights        {licence_line(network)}")


def demo_shot() -> Path:
    """The folder of the shipped shot: ``plate`` and ``truth``, EXR sequences."""
    return Path(str(files("rde_roto") / "demo" / "shot"))


def _pairs(truth: FrameSequence, writer: MatteWriter) -> Iterator[tuple[BoolArray, BoolArray]]:
    for frame in truth.range:
        yield _alpha(truth.path(frame)) >= 0.5, _alpha(writer.path(frame)) >= 0.5


def _alpha(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return read_channels(path, ["A"])[..., 0]
