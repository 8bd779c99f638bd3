"""``rde-roto shapes``: mattes of a shot become editable, animated splines, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto import __version__
from rde_roto.doors.console import print_message
from rde_roto.doors.options import (
    DeviceOption,
    ElementsOption,
    FramesOption,
    frames_within,
    plate_memo,
)
from rde_roto.doors.progress import print_status, reporting_failures
from rde_roto.doors.render_task import refuse_to_overwrite
from rde_roto.images.masks import element_names
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.shapes import ShapeMaker, ShotShapes, draw_shapes, read_shapes, shapes_text
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import write_document
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.preset import Output

if TYPE_CHECKING:
    from rde_roto.node import RotoNode

_DOCUMENT = ".json"


def shapes(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Shot document, or a shapes document (.json)."),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Shapes document to write (.json); of a shapes document mattes too: "
            "masks/hero.####.exr or .png.",
        ),
    ],
    tolerance: Annotated[
        float,
        typer.Option(metavar="PX", help="How far shapes may be off the mattes, in plate pixels."),
    ] = 1.0,
    elements: ElementsOption = None,
    frames: FramesOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Make editable, animated splines of a shot's mattes; draw splines as mattes again."""
    with reporting_failures():
        if source.suffix.lower() == _DOCUMENT:
            _draw(read_shapes(source), source, out, (elements, frames))
        else:
            _make(source, out, (elements, frames), tolerance, device)


def _make(
    path: Path, out: str, wanted: tuple[str | None, str | None], tolerance: float, device: str
) -> None:
    target = Path(out)
    if target.suffix.lower() != _DOCUMENT:
        raise UsageError(
            f"--out {out}: expected .json, a shapes document; 'rde-roto shot render' writes mattes"
        )
    file = ShotFile.read(path)
    with plate_memo() as memo:
        opened = file.open(memo)

        from rde_roto.doors.rendering import open_node, print_licence_once

        refuse_to_overwrite(opened.shot.plate, [path, *opened.inputs], [target])
        shot = opened.shot
        names = _chosen(wanted[0], shot.names)
        requested = shot.range if wanted[1] is None else frames_within(opened.range, wanted[1])
        maker = ShapeMaker(shot.plate.format, names, tolerance)
        node, model = open_node(opened, device)
        print_licence_once(model)
        _add_mattes(maker, node, requested.intersection(shot.range))
    made = maker.finish()
    write_document(target, shapes_text(made))
    for warning in maker.warnings:
        print_message(warning)
    points = sum(len(shape.points) for shape in made.shapes)
    keys = sum(shape.key_count for shape in made.shapes)
    print(f"{len(made.shapes)} shapes with {points} points and {keys} keys: wrote {target}")


def _add_mattes(maker: ShapeMaker, node: RotoNode, frames: FrameRange) -> None:
    """Add the mattes of some frames in their order, which is not the order of tracking."""
    if not frames:
        raise InputError(f"{node.shot.plate.name} has none of the frames")
    print_status(f"tracking {len(frames)} frames")
    for _ in node.render(frames):
        pass
    places = [node.shot.names.index(name) for name in maker.elements]
    print_status(f"shapes of {len(frames)} frames")
    for frame in frames:
        maker.add(frame, node.matte(frame).alpha[places])


def _draw(shapes: ShotShapes, path: Path, out: str, wanted: tuple[str | None, str | None]) -> None:
    names = _chosen(wanted[0], shapes.elements)
    chosen = ShotShapes(
        shapes.format,
        shapes.frames if wanted[1] is None else frames_within(shapes.frames, wanted[1]),
        names,
        tuple(shape for shape in shapes.shapes if shape.element in names),
        shapes.tolerance_px,
    )
    if Path(out).suffix.lower() == _DOCUMENT:
        if Path(out).resolve() == path.resolve():
            raise UsageError(f"--out would overwrite its own input {out}: choose another")
        write_document(Path(out), shapes_text(chosen))
        print(f"{len(chosen.shapes)} shapes: wrote {out}")
        return
    origin, made_from = Origin(chosen.format), {"rde-roto:version": __version__}
    writer = open_matte_writer(out, origin, names, Output(), made_from)
    whole = digest_of("shapes", shapes_text(chosen))
    for frame in chosen.frames:
        digest = digest_of(whole, frame)
        writer.write(Matte(frame, draw_shapes(chosen, frame), names, digest))
    print(f"{len(chosen.frames)} mattes drawn: {out}")


def _chosen(text: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """The elements that `--elements` names, all by default. Raises UsageError."""
    if text is None:
        return known
    names = element_names(text.split(","))
    for name in names:
        if name not in known:
            raise UsageError(f"--elements {text}: there is no element '{name}', but {known}")
    return names
