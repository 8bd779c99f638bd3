"""``rde-roto propagate``: a plate and a mask in, mattes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto import __version__
from rde_roto.images.masks import MaskMode, read_mask
from rde_roto.images.mattes import MatteWriter, open_matte_writer
from rde_roto.images.plates import SequencePlate, open_plate
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.model_card import DEFAULT_MODEL
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.preset_files import PresetLibrary, default_preset_folders
from rde_roto.values.shot import Keyframe, Shot

if TYPE_CHECKING:
    from rde_roto.models import Model

PresetOption = Annotated[
    str, typer.Option("--preset", metavar="NAME", help="A preset's name or file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Changes one key of the preset; repeatable."),
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME", help="A model's name or a weights file.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")
]


@dataclass(frozen=True)
class MaskReading:
    """How the masks are to be read: as what, and with which names."""

    mode: MaskMode
    elements: tuple[str, ...] | None


def propagate(
    plate: Annotated[
        str, typer.Argument(help="Pattern (hero.####.exr), one frame, folder or movie.")
    ],
    keyframe: Annotated[
        list[str],
        typer.Option(metavar="FRAME=MASK", help="The frame you roto'd and its mask."),
    ],
    out: Annotated[
        str, typer.Option(metavar="PATTERN", help="mattes/hero.####.exr, or .png (16 bit).")
    ],
    frames: Annotated[
        str | None, typer.Option(metavar="RANGE", help="1001-1100, 1001-1100x2; all by default.")
    ] = None,
    preset: PresetOption = "standard",
    set_: SetOption = None,
    model: ModelOption = DEFAULT_MODEL,
    elements: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Names of the elements: hero,car.")
    ] = None,
    mask_as: Annotated[
        MaskMode, typer.Option(help="What the mask is, where its file does not tell.")
    ] = "auto",
    color_space: Annotated[
        str | None, typer.Option(metavar="NAME", help="The plate's; taken from its files else.")
    ] = None,
    device: DeviceOption = "auto",
    labels: Annotated[
        bool, typer.Option("--labels", help="Indexed PNG, one label an element.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a frame.")] = False,
) -> None:
    """Carries the mask of one keyframe through the plate, forwards and backwards."""
    settings = PresetLibrary(default_preset_folders()).load(preset, set_ or ())
    names = None if elements is None else tuple(elements.split(","))
    shot = read_shot(plate, frames, keyframe, MaskReading(mask_as, names), color_space)

    from rde_roto.delivery import deliver
    from rde_roto.devices import choose_device
    from rde_roto.doors.progress import report, say_licence_once
    from rde_roto.models import licence_line, load_model
    from rde_roto.node import RotoNode

    network = load_model(model)
    made_from = provenance(shot, settings, network)
    writer = open_matte_writer(out, shot.plate.format, shot.elements, labels, made_from)
    _refuse_to_overwrite(shot, keyframe, writer)
    say_licence_once(network)
    node = RotoNode(shot, settings, network, choose_device(device))
    with report(shot.plate.name, len(shot.range), writer, as_json) as on_frame:
        delivery = deliver(node, writer, on_frame)
    if as_json:
        done = {"event": "done", "made": delivery.made, "kept": delivery.kept}
        print(json.dumps({**done, "seconds": round(delivery.seconds, 3)}), flush=True)
        return
    speed = f", {delivery.frames_per_second:.2f} frames/s" if delivery.made else ""
    print(f"{delivery.made} mattes made, {delivery.kept} kept{speed}: {out}")
    print(f"weights {licence_line(network)}")


def read_shot(
    plate: str,
    frames: str | None,
    keyframes: list[str],
    reading: MaskReading,
    color_space: str | None = None,
) -> Shot:
    """The shot that a command line describes. Raises UsageError and InputError."""
    opened = open_plate(plate, color_space)
    wanted = _whole_range(opened) if frames is None else FrameRange.parse(frames)
    if len(keyframes) != 1:
        raise UsageError(f"expected one --keyframe, got {len(keyframes)}: give one a run")
    number, separator, mask = keyframes[0].partition("=")
    try:
        frame = int(number)
    except ValueError:
        separator = ""
    if not separator or not mask:
        raise UsageError(f"--keyframe {keyframes[0]}: expected FRAME=MASK, as in 1001=mask.png")
    alpha, names = read_mask(Path(mask), opened.format, reading.mode, reading.elements)
    return Shot(opened, wanted, names, (Keyframe(frame, alpha),))


def provenance(shot: Shot, preset: Preset, model: Model) -> dict[str, str]:
    """What every header says of how the matte came to be."""
    return {
        "rde-roto:version": __version__,
        "rde-roto:model": model.name,
        "rde-roto:weights-sha256": model.sha256,
        "rde-roto:weights-licence": model.licence,
        "rde-roto:commercial-use": model.commercial_use,
        "rde-roto:plate": shot.plate.name,
        "rde-roto:keyframes": ",".join(str(keyframe.frame) for keyframe in shot.keyframes),
        "rde-roto:preset": preset.name,
        "rde-roto:tracking": preset.tracking.model_dump_json(),
        "rde-roto:finish": preset.finish.model_dump_json(),
    }


def _whole_range(plate: Plate) -> FrameRange:
    """All frames of a plate. Raises InputError when it has holes: they are rarely meant."""
    first, last = plate.range.first, plate.range.last
    missing = FrameRange.of(range(first, last + 1)).difference(plate.range)
    if missing:
        raise InputError(
            f"{plate.name} goes from {first} to {last} but lacks {missing}: restore what is "
            "missing, or say with --frames which frames you want"
        )
    return plate.range


def _refuse_to_overwrite(shot: Shot, keyframes: list[str], writer: MatteWriter) -> None:
    """Inputs are only ever read: raises UsageError when a matte would take the place of one."""
    masks = {Path(text.partition("=")[2]).resolve() for text in keyframes}
    for frame in shot.range:
        target = writer.path(frame).resolve()
        plate = shot.plate.sequence.path(frame) if isinstance(shot.plate, SequencePlate) else None
        if target in masks or (plate is not None and target == plate.resolve()):
            raise UsageError(f"--out would overwrite its own input {target}: choose another name")
