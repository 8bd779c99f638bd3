"""``rde-roto propagate``: a plate and masks in, mattes out, without a shot document."""

from __future__ import annotations

from typing import Annotated

import typer

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset
from rde_roto.doors.options import (
    ColorSpaceOption,
    DeviceOption,
    ElementsOption,
    FirstFrameOption,
    FormatOption,
    FramesOption,
    JsonOption,
    KeyframeOption,
    LayerOption,
    MaskAsOption,
    MissingOption,
    ModelOption,
    PlateArgument,
    PresetOption,
    ProxyOption,
    SetOption,
    ShotOptions,
    ViewOption,
    plate_memo,
)
from rde_roto.doors.progress import failures_told
from rde_roto.doors.render_task import Work
from rde_roto.images.layers import PictureName
from rde_roto.images.sequences import named_view
from rde_roto.shot_files.opening import open_document


def propagate(
    plate: PlateArgument,
    keyframe: KeyframeOption,
    out: Annotated[
        str,
        typer.Option(
            metavar="PATTERN", help="Mattes to write: mattes/hero.####.exr, or .png (16 bits)."
        ),
    ],
    frames: FramesOption = None,
    preset: PresetOption = "standard",
    set_: SetOption = None,
    model: ModelOption = DEFAULT_MODEL,
    elements: ElementsOption = None,
    mask_as: MaskAsOption = "auto",
    color_space: ColorSpaceOption = None,
    view: ViewOption = None,
    layer: LayerOption = None,
    missing: MissingOption = "error",
    proxy: ProxyOption = 1,
    first_frame: FirstFrameOption = None,
    device: DeviceOption = "auto",
    output_format: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propagate the masks of one or more keyframes through the plate, in both directions."""
    picture = PictureName(view, layer)
    options = ShotOptions(
        plate,
        keyframe,
        frames,
        elements,
        mask_as,
        color_space,
        picture,
        missing,
        proxy,
        first_frame,
    )
    with failures_told(as_json), plate_memo() as memo:
        settings = load_preset(preset, set_ or ())
        document = options.document(preset, set_ or (), model)
        opened = open_document(document, settings, memo=memo)

        from rde_roto.doors.rendering import render_mattes

        _, pattern = named_view(out, view)
        render_mattes(Work(opened, opened.range, device), pattern, output_format, as_json)
