"""Options that several commands share, and the shot document that they describe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from rde_roto.documents.model_card import DEFAULT_MODEL
from rde_roto.documents.preset_files import load_preset, preset_library
from rde_roto.documents.shot_document import ElementEntry, KeyframeEntry, PlateEntry, ShotDocument
from rde_roto.images.masks import element_names
from rde_roto.images.plates.plate_memo import PlateMemo
from rde_roto.images.sequences import named_view
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import MaskMode
from rde_roto.values.plate import FirstFrame, MissingPolicy
from rde_roto.values.preset import OutputFormat, Preset
from rde_roto.values.regular_files import read_regular_text

PlateArgument = Annotated[
    str, typer.Argument(help="Plate: pattern (hero.####.exr), single frame, folder or movie.")
]
ShotArgument = Annotated[Path, typer.Argument(metavar="NAME.shot.yaml", help="Shot document.")]
KeyframeOption = Annotated[
    list[str],
    typer.Option(
        metavar="FRAME=MASK",
        help="Keyframe and its mask; repeatable. FRAME:hero,car=MASK names the elements that the "
        "mask shows, such as 1040:car=car.png: a new element starts there, a known one is "
        "corrected. Without names the mask shows those of --elements.",
    ),
]
FramesOption = Annotated[
    str | None,
    typer.Option(metavar="RANGE", help="Frames, such as 1001-1100 or 1001-1100x2 (default: all)."),
]
ElementsOption = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Names of the elements, such as hero,car.")
]
MaskAsOption = Annotated[
    MaskMode, typer.Option(help="How to read the masks (default: from their files).")
]
ColorSpaceOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Colour space of the plate (default: from its files)."),
]
ViewOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="View of EXRs that have several, such as left.")
]
LayerOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Layer of the plate, of EXRs that have several.")
]
MissingOption = Annotated[
    MissingPolicy,
    typer.Option(help="What to do about requested frames that are not on disk."),
]
FirstFrameOption = Annotated[
    str | None,
    typer.Option(
        metavar="FRAME",
        help="Number of a movie's first frame, such as 1001; timecode: from the movie's timecode "
        "(default: 1).",
    ),
]
ProxyOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=16,
        metavar="N",
        help="This plate is N times smaller than full size; masks and settings refer to full size.",
    ),
]
PresetOption = Annotated[
    str, typer.Option("--preset", metavar="NAME", help="Name of a preset, or its file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the preset; repeatable."),
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Name of a model, or a weights file.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Device: auto, cpu, cuda, cuda:1 or mps.")
]
OutOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Mattes to write (default: mattes/NAME.####.exr beside the document; .png for "
        "labels).",
    ),
]
FormatOption = Annotated[
    OutputFormat | None,
    typer.Option(
        "--format",
        help="alpha (A, or one layer per element), cryptomatte, rgba (the plate cut out) or labels "
        "(indexed PNG) (default: from the preset).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


@dataclass(frozen=True)
class ShotOptions:
    """The options that describe a shot, as they were typed."""

    plate: PlateArgument
    keyframe: KeyframeOption
    frames: FramesOption = None
    preset: PresetOption = "standard"
    set_: SetOption = None
    model: ModelOption = DEFAULT_MODEL
    elements: ElementsOption = None
    mask_as: MaskAsOption = "auto"
    color_space: ColorSpaceOption = None
    view: ViewOption = None
    layer: LayerOption = None
    missing: MissingOption = "error"
    proxy: ProxyOption = 1
    first_frame: FirstFrameOption = None

    def load_preset(self) -> Preset:
        """Load the preset, with the keys that ``--set`` changes. Raises DocumentError."""
        return load_preset(self.preset, self.set_ or ())

    def document(self) -> ShotDocument:
        """Return the document that describes the same shot. Raises UsageError."""
        names = () if self.elements is None else element_names(self.elements.split(","))
        return ShotDocument(
            plate=PlateEntry(
                path=self.plate,
                color_space=self.color_space,
                view=self.view,
                layer=self.layer,
                missing=self.missing,
                proxy=self.proxy,
                first_frame=parse_first_frame(self.first_frame),
            ),
            range=None if self.frames is None else FrameRange.parse(self.frames),
            elements=[ElementEntry(id=name) for name in names],
            keyframes=[_keyframe(text, self.mask_as, self.view) for text in self.keyframe],
            preset=self.preset,
            overrides=dict(_override(text) for text in self.set_ or ()),
            model=self.model,
        )


@dataclass(frozen=True)
class RenderOptions:
    """The options of commands that render a shot document: which frames, and into which files."""

    frames: FramesOption = None
    out: OutOption = None
    output_format: FormatOption = None
    device: DeviceOption = "auto"


def parse_first_frame(text: str | None) -> FirstFrame:
    """Parse ``--first-frame``. Raises UsageError."""
    if text is None or text == "timecode":
        return "timecode" if text else None
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise UsageError(
            f"--first-frame {text}: expected a frame number, such as 1001, or timecode"
        )
    return int(text)


def plate_memo() -> PlateMemo:
    """Open the cache's memo of plate digests. The caller closes it. Raises UsageError."""
    return PlateMemo(CacheSettings.from_environment().folder)


def frames_within(whole: FrameRange, text: str) -> FrameRange:
    """Parse a range of frames. Raises UsageError for frames outside the shot."""
    frames = FrameRange.parse(text)
    outside = frames.difference(whole)
    if outside:
        raise UsageError(f"--frames {text}: {outside} lies outside the shot's range {whole}")
    return frames


def _override(text: str) -> tuple[str, object]:
    setting = preset_library().setting(text)
    return setting.key, setting.value


def _keyframe(text: str, mask_as: MaskMode, view: str | None) -> KeyframeEntry:
    place, _, mask = text.partition("=")
    number, colon, names = place.partition(":")
    try:
        frame = int(number)
    except ValueError:
        mask = ""
    if not mask:
        raise UsageError(
            f"--keyframe {text}: expected FRAME=MASK, as in 1001=mask.png, or FRAME:NAMES=MASK, as "
            "in 1040:car=car.png"
        )
    drawn = list(element_names(names.split(","))) if colon else None
    _, path = named_view(mask, view)
    return KeyframeEntry(frame=frame, mask=path, elements=drawn, mask_as=mask_as)


_MOST_BYTES: Final = 16 << 20


def chunk_frames(text: str) -> str:
    """Return the range in a line of a chunk list. ``FILE:N`` names the line, counted from 1.

    Farms that only know task numbers find the frames of their tasks like this. Raises UsageError
    when there is no such file or line.
    """
    name, _, number = text.rpartition(":")
    try:
        lines = read_regular_text(Path(name), _MOST_BYTES).splitlines()
        place = int(number) - 1
    except (OSError, ValueError):
        lines, place = [], 0
    if not 0 <= place < len(lines):
        raise UsageError(
            f"--chunk {text}: expected FILE:N, where N is a line of FILE, counted from 1"
        )
    return lines[place]
