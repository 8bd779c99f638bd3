"""``rde-roto validate``: check delivered mattes before they go to a compositor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from rde_roto.doors.console import print_line
from rde_roto.doors.options import (
    FirstFrameOption,
    FramesOption,
    LayerOption,
    ViewOption,
    parse_first_frame,
)
from rde_roto.images.layers import PictureName
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.images.validation import Finding, MatteSequence
from rde_roto.values.delivery import PartialError
from rde_roto.values.frames import FrameRange
from rde_roto.values.plain_text import counted

_RULE_WIDTH, _FRAMES_WIDTH = 8, 12


def validate(
    mattes: Annotated[
        list[str],
        typer.Argument(
            help="One or more sequences: pattern (hero.####.exr), single frame, or folder."
        ),
    ],
    plate: Annotated[str, typer.Option(metavar="PLATE", help="Plate that the mattes belong to.")],
    frames: FramesOption = None,
    view: ViewOption = None,
    layer: LayerOption = None,
    first_frame: FirstFrameOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per finding.")
    ] = False,
) -> None:
    """Check mattes against their plate and delivery rules: exit code 7 when a rule is broken."""
    sequences = [MatteSequence.find(text, view) for text in mattes]
    first = parse_first_frame(first_frame)
    footage = open_plate(plate, picture=PictureName(view, layer), first_frame=first)
    due = footage.range if frames is None else FrameRange.parse(frames)
    broken, count = set[int](), 0
    for sequence in sequences:
        found = sequence.findings(footage, due)
        name, there = sequence.files.name, sequence.files.range
        if not as_json:
            print_line(f"{name}: {counted(len(there), 'frame')}, {there}")
        for finding in found:
            print_line(_object(finding, name) if as_json else _line(finding))
            broken.update(finding.frames)
        count += len(found)
    if broken:
        wrong = FrameRange.of(broken)
        raise PartialError(
            f"{counted(count, 'finding')}, at {wrong}: these mattes are not fit to deliver", wrong
        )
    if not as_json:
        print_line("no problems found")


def _line(finding: Finding) -> str:
    frames = f"{finding.frames}"
    return f"  {finding.rule:{_RULE_WIDTH}}  {frames:{_FRAMES_WIDTH}}  {finding.sentence}"


def _object(finding: Finding, name: str) -> str:
    found = {"mattes": name, "rule": finding.rule, "frames": str(finding.frames)}
    return json.dumps({**found, "says": finding.sentence})
