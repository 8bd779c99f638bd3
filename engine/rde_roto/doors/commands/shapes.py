"""``rde-roto shapes``: mattes of a shot become editable, animated splines, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rde_roto import __version__
from rde_roto.doors.console import print_message
from rde_roto.doors.option_groups import expand_groups
from rde_roto.doors.options import (
    DeviceOption,
    ElementsOption,
    FramesOption,
    frames_within,
    plate_memo,
)
from rde_roto.doors.progress import ProgressOptions, RunReport, Step
from rde_roto.doors.render_task import prepare_files
from rde_roto.images.masks import element_names
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.shapes import (
    SHAPE_FILES,
    ShapeMaker,
    ShotShapes,
    Spline,
    draw_shapes,
    file_remarks,
    file_text,
    is_shapes_file,
    read_shapes,
    shapes_text,
)
from rde_roto.shot_files import ShotFile
from rde_roto.shot_files.writing import write_document
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import Matte
from rde_roto.values.plain_text import counted
from rde_roto.values.preset import Output

if TYPE_CHECKING:
    from rde_roto.node import RotoNode
    from rde_roto.values.shot import Shot


@dataclass(frozen=True)
class Selection:
    """The options that select a part of a shot."""

    elements: ElementsOption = None
    frames: FramesOption = None

    def elements_of(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the selected elements, all by default. Raises UsageError for an unknown one."""
        if self.elements is None:
            return known
        names = element_names(self.elements.split(","))
        for name in names:
            if name not in known:
                raise UsageError(
                    f"--elements {self.elements}: there is no element '{name}', but "
                    f"{', '.join(known)}"
                )
        return names

    def frames_of(self, whole: FrameRange) -> FrameRange:
        """Return the selected frames, all by default. Raises UsageError for frames outside."""
        return whole if self.frames is None else frames_within(whole, self.frames)


@expand_groups
def shapes(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Shot document, or shapes (.json, .nk, .mask.json)."),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Shapes to write: a document (.json), Nuke's Roto nodes (.nk) or Blender's masks "
            "(.mask.json); of shapes mattes too: masks/hero.####.exr or .png.",
        ),
    ],
    selection: Selection,
    progress: ProgressOptions,
    tolerance: Annotated[
        float,
        typer.Option(metavar="PX", help="How far shapes may be off the mattes, in plate pixels."),
    ] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Make editable, animated splines of a shot's mattes; draw splines as mattes again."""
    report = progress.report()
    with report.failures():
        _refuse_silhouette(source, out)
        if not is_shapes_file(source):
            _refuse_existing([Path(out)], force)
            _make(source, Path(out), selection, _Making(tolerance, device, report))
        elif is_shapes_file(out):
            _copy(source, Path(out), selection, report, force)
        else:
            _draw(_selected(source, selection), out, report, force)


def _refuse_silhouette(*names: Path | str) -> None:
    """Raise UsageError for Silhouette's files: guessed tangents would be wrong without a word."""
    for name in names:
        if str(name).lower().endswith(".fxs"):
            raise UsageError(
                f"{name}: Silhouette's files are not read or written, as too little is published "
                "about their tangents and feather; use Nuke's Roto nodes (.nk) or mattes"
            )


def _refuse_existing(paths: Iterable[Path], force: bool) -> None:
    """Raise UsageError for files that are there: a person may have edited or painted them."""
    found = [] if force else [path for path in paths if path.exists()]
    if found:
        more = f", and {len(found) - 1} more," if len(found) > 1 else ""
        raise UsageError(
            f"{found[0]}{more} exists already: choose another --out, or replace it with --force"
        )


@dataclass(frozen=True)
class _Making:
    """How shapes are made: how far they may be off, on which device, and how that is reported."""

    tolerance_px: float
    device: str
    report: RunReport


def _make(path: Path, out: Path, selection: Selection, making: _Making) -> None:
    if not is_shapes_file(out):
        raise UsageError(
            f"--out {out}: expected {' or '.join(SHAPE_FILES)}, shapes; "
            "'rde-roto shot render' writes mattes"
        )
    file = ShotFile.read(path)
    with plate_memo() as memo:
        opened = file.open(memo)

        from rde_roto.doors.rendering import open_node, print_licence

        shot = opened.shot
        prepare_files(shot.plate, [path, *opened.inputs], [out])
        names = selection.elements_of(shot.names)
        frames = selection.frames_of(opened.range).intersection(shot.range)
        maker = ShapeMaker(shot.plate.format, names, making.tolerance_px)
        node, model = open_node(opened, making.device)
        print_licence(model)
        _add_mattes(maker, node, frames, _drawn(file, shot), making.report)
    made = maker.finish()
    write_document(out, file_text(out, made))
    for warning in (*maker.warnings, *file_remarks(out, made)):
        print_message(warning)
    points = sum(len(shape.points) for shape in made.shapes)
    keys = sum(shape.key_count for shape in made.shapes)
    making.report.done(
        f"{counted(len(made.shapes), 'shape')}, {counted(points, 'point')}, "
        f"{counted(keys, 'key')}: wrote {out}",
        {"shapes": len(made.shapes), "points": points, "keys": keys},
    )


def _drawn(file: ShotFile, shot: Shot) -> dict[int, dict[str, tuple[Spline, ...]]]:
    """The lines of a shot's keyframes, by frame and element."""
    from rde_roto.session.document.opening import lines_of_shot
    from rde_roto.session.drawing.shape_lines import splines_of

    names = dict(zip(shot.ids, shot.names, strict=True))
    return {
        frame: {names[key]: splines_of(own, shot.plate.format) for key, own in lines.items()}
        for frame, lines in lines_of_shot(file).items()
    }


def _add_mattes(
    maker: ShapeMaker,
    node: RotoNode,
    frames: FrameRange,
    drawn: Mapping[int, Mapping[str, Sequence[Spline]]],
    report: RunReport,
) -> None:
    """Add the mattes of some frames in their order, which is not the order of tracking."""
    if not frames:
        raise InputError(f"{node.shot.plate.name} has none of the frames")
    total = len(frames)
    with report.steps(f"{node.shot.plate.name}: tracking", counted(total, "frame")) as on_step:
        for done, matte in enumerate(node.render(frames), start=1):
            event = {"event": "frame", "frame": matte.frame, "done": done, "total": total}
            line = f"frame {matte.frame}: tracked"
            on_step(Step(done / total, line, f"{done}/{total}", event))
    planes = [node.shot.names.index(name) for name in maker.elements]
    for frame in frames:
        maker.add(frame, node.matte(frame).alpha[planes], drawn.get(frame, {}))


def _selected(path: Path, selection: Selection) -> ShotShapes:
    whole = read_shapes(path)
    names = selection.elements_of(whole.elements)
    return replace(
        whole,
        frames=selection.frames_of(whole.frames),
        elements=names,
        shapes=tuple(shape for shape in whole.shapes if shape.element in names),
    )


def _copy(path: Path, out: Path, selection: Selection, report: RunReport, force: bool) -> None:
    if out.resolve() == path.resolve():
        raise UsageError(f"--out would overwrite its own input {out}: choose another")
    _refuse_existing([out], force)
    selected = _selected(path, selection)
    write_document(out, file_text(out, selected))
    for remark in file_remarks(out, selected):
        print_message(remark)
    count = len(selected.shapes)
    report.done(f"{counted(count, 'shape')}: wrote {out}", {"shapes": count})


def _draw(selected: ShotShapes, out: str, report: RunReport, force: bool) -> None:
    provenance = {"rde-roto:version": __version__}
    origin = Origin(selected.format)
    writer = open_matte_writer(out, origin, selected.elements, Output(), provenance)
    _refuse_existing((path for f in selected.frames for path in writer.files(f)), force)
    digest = digest_of("shapes", shapes_text(selected))
    for frame in selected.frames:
        alpha = draw_shapes(selected, frame)
        writer.write(Matte(frame, alpha, selected.elements, digest_of(digest, frame)))
    for remark in selected.remarks:
        print_message(remark)
    made = len(selected.frames)
    report.done(f"{counted(made, 'matte')} drawn: {out}", {"made": made})
