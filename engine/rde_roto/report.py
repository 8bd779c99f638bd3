"""A report on a shot's mattes, for people who want an overview without opening frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rde_roto.advice import Advice
from rde_roto.atomic import write_bytes
from rde_roto.images.pictures.contact_sheet import contact_sheet
from rde_roto.images.pictures.panels import in_cell
from rde_roto.images.report import report_page
from rde_roto.model.network_view import Picture
from rde_roto.node import RotoNode
from rde_roto.shot_files import OpenedShot
from rde_roto.shot_files.writing import write_document
from rde_roto.values.cancel import Cancel, never
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.inspection import frames_to_show, in_words, remarks_on
from rde_roto.values.plain_text import one_line
from rde_roto.values.report import ElementTrack, Remark, Report, Run, Still


def report_on(
    node: RotoNode, opened: OpenedShot, advice: Advice, run: Run, cancel: Cancel = never
) -> Report:
    """Build the report of a run, with pictures of at most 24 frames.

    ``advice`` is the node's advice on the frames that could be made. Only the pictured frames are
    read or made, so time and memory hardly grow with the length of the shot. Raises as
    ``RotoNode.render``, and InputError when there is no frame.
    """
    shot, frames = node.shot, FrameRange.of(advice.confidences)
    if not frames:
        raise InputError(f"{shot.plate.name} has none of the frames {run.frames}")
    keyframes = FrameRange.of(k.frame for k in shot.keyframes if k.frame in frames)
    tracks = _tracks(node, advice)
    remarks = [remark for track in tracks for remark in remarks_on(track, keyframes)]
    remarks += _gap_remarks(opened, run.frames)
    remarks.sort(key=lambda remark: not remark.is_warning)
    window, pixel_aspect = shot.plate.format.data, shot.plate.format.pixel_aspect
    shown = frames_to_show(frames, keyframes, _frames_worth_a_look(tracks, remarks))
    return Report(
        shot=_name(opened),
        plate=shot.plate.name,
        reading=opened.origin.reading,
        size=f"{window.width}x{window.height}",
        aspect=window.width * pixel_aspect / window.height,
        preset=f"{node.preset.name}, {node.preset.tracking.lines} lines",
        run=run,
        frames=frames,
        keyframes=keyframes,
        tracks=tracks,
        remarks=tuple(remarks),
        stills=tuple(_still(node, frame, cancel) for frame in shown),
    )


def write_report(report: Report, path: Path) -> None:
    """Write a report as one self-contained HTML file. Raises OutputError."""
    write_document(path, report_page(report))


def write_sheet(report: Report, path: Path) -> None:
    """Write a report's pictures as a contact sheet, a PNG. Raises OutputError."""
    write_bytes(path, sheet_of(report))


def sheet_of(report: Report) -> bytes:
    """Draw a report's pictures as a contact sheet; returns the bytes of a PNG."""
    return contact_sheet([(still.frame, still.plate, still.alpha) for still in report.stills])


def _tracks(node: RotoNode, advice: Advice) -> tuple[ElementTrack, ...]:
    correct_at = {} if advice.next is None else {advice.next.element: advice.next.frame}
    return tuple(
        ElementTrack(
            name=element.name,
            confidences=_by_frame(advice.confidences, element.id),
            areas=_by_frame(advice.areas, element.id),
            doubtful=advice.doubtful[element.id],
            correct_at=correct_at.get(element.id),
        )
        for element in node.shot.elements
    )


def _by_frame(figures: dict[int, dict[str, float]], element: str) -> dict[int, float]:
    return {frame: by[element] for frame, by in figures.items() if element in by}


def _gap_remarks(opened: OpenedShot, requested: FrameRange) -> list[Remark]:
    gaps = opened.gaps.intersection(requested)
    if not gaps:
        return []
    left_out = "it is left out" if len(gaps) == 1 else "they are left out"
    instead = {
        "hold": "the nearest earlier frame stands in",
        "black": "black stands in",
        "skip": left_out,
    }
    there = gaps.intersection(opened.shot.range)
    sentence = f"The plate lacks {in_words(gaps)}: {instead[opened.missing]}"
    return [Remark(sentence, there.first if there else None)]


def _frames_worth_a_look(tracks: tuple[ElementTrack, ...], remarks: list[Remark]) -> list[int]:
    """The frames that need a look, the most urgent first."""
    named = [*(track.correct_at for track in tracks), *(remark.at for remark in remarks)]
    doubtful = sorted(
        (track.confidences[frame], frame) for track in tracks for frame in track.doubtful
    )
    ordered = [*named, *(frame for _, frame in doubtful)]
    return [frame for frame in dict.fromkeys(ordered) if frame is not None]


def _name(opened: OpenedShot) -> str:
    """The document's name, `hero` for `hero.shot.yaml`; without one, the plate's name."""
    if opened.document is None:
        return opened.shot.plate.name
    return one_line(opened.document.name).removesuffix(".yaml").removesuffix(".shot")


def _still(node: RotoNode, frame: int, cancel: Cancel) -> Still:
    view = Picture.of(node.shot.plate, frame).to_network_view().numpy()
    small = np.moveaxis(in_cell(np.moveaxis(view, 2, 0)), 0, 2)
    return Still(frame, small, in_cell(node.matte(frame, cancel).alpha))
