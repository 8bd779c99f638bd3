"""Describe a shot document, for ``rde-roto shot show``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rde_roto.documents.learned_card import card_path, read_learned_card
from rde_roto.documents.preset_files import load_preset
from rde_roto.images.plates.missing_frames import on_disk
from rde_roto.images.plates.sequence_plate import DiskPlate
from rde_roto.shot_files import OpenedShot, ShotFile
from rde_roto.values.errors import InputError, WeightsError
from rde_roto.values.frames import FrameRange
from rde_roto.values.preset import Preset
from rde_roto.values.settings import sections_of
from rde_roto.values.shot import Shot
from rde_roto.values.spans import Stretch


@dataclass(frozen=True)
class ShotFacts:
    """A description of a document in lines, and a sentence for each thing that is missing."""

    lines: tuple[str, ...]
    missing: tuple[str, ...]


def facts_of(file: ShotFile) -> ShotFacts:
    """Describe a document. Missing files are among the facts. Raises DocumentError if it is
    wrong.
    """
    document, opened = file.content, None
    missing = tuple(file.missing())
    if not missing:
        try:
            opened = file.open()
        except InputError as error:
            missing = (str(error),)
    shot = opened.shot if opened else None
    keyframes = sorted(document.keyframes, key=lambda entry: entry.frame)
    parts = {
        "plate": [document.plate.path, *([] if opened is None else _plate(opened))],
        "range": [str(opened.range if opened else document.range or "the plate's")],
        "elements": [e.id for e in document.elements] if shot is None else _elements(shot),
        "keyframes": [
            f"{entry.frame}  {','.join(entry.elements or ['all'])}  {entry.mask}"
            for entry in keyframes
        ],
        "stretches": [] if shot is None else [_stretch(part) for part in shot.stretches],
        "locks": [
            f"{lock.frames}  {','.join(lock.elements)}  {lock.mattes}" for lock in document.locks
        ],
        "preset": [document.preset, *_differences(file.preset(), load_preset("standard"))],
        "model": [
            document.model,
            *([] if document.learned is None else [f"learned: {document.learned}"]),
            *_last_lesson(file),
            *_edges(file),
        ],
        "missing": missing,
    }
    return ShotFacts(tuple(_columns(parts.items())), missing)


def _last_lesson(file: ShotFile) -> list[str]:
    """Return why the last lesson on this shot has kept nothing, if it has not."""
    cards = (file.folder / file.learned_folder / "lessons").glob("*.yaml")
    last = max(cards, key=lambda path: path.stat().st_mtime_ns, default=None)
    try:
        card = None if last is None else read_learned_card(last)
    except WeightsError as error:
        return [str(error)]
    return [] if card is None or card.has_file else [f"the last lesson kept nothing: {card.why}"]


def _edges(file: ShotFile) -> list[str]:
    """Return what was learned about the shot's edges, and how they are drawn without that."""
    learned, wanted = file.content.learned, file.preset().finish.edges == "learned"
    fallback = "; they are drawn as with finish.edges=plate"
    if learned is None:
        return [f"edges are not learned{fallback}"] if wanted else []
    try:
        card = read_learned_card(card_path(file.folder / learned))
    except WeightsError as error:
        return [str(error)]
    if card is None:
        return []
    if not card.edges_sentence:
        why = "the lesson was not asked for them"
        return [f"edges are not learned: {why}{fallback}"] if wanted else []
    return [card.edges_sentence + (fallback if wanted and not card.has_edges else "")]


def _columns(parts: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    for name, lines in parts:
        for index, line in enumerate(lines):
            yield f"{'' if index else name:11} {line}"


def _plate(opened: OpenedShot) -> list[str]:
    """Return what is on disk, and what is done about frames that are not."""
    plate = on_disk(opened.shot.plate)
    notes = plate.notes if isinstance(plate, DiskPlate) else ()
    gaps = [f"lacks {opened.gaps}: {opened.missing}"] if opened.gaps else []
    return [opened.origin.reading, str(plate.range), *notes, *gaps]


def _elements(shot: Shot) -> list[str]:
    """Return each element's id, its name if that differs, and the frame it starts at."""
    return [
        f"{e.id}{'' if e.name == e.id else f' ({e.name})'}  from {shot.first_frame(e)}"
        for e in shot.elements
    ]


def _stretch(stretch: Stretch) -> str:
    frames = FrameRange.of(stretch.spans[0])
    ways = [
        f"{'forwards' if span.step > 0 else 'backwards'} from {span.keyframe.frame}"
        for span in stretch.spans
    ]
    return f"{frames}  {' and '.join(ways)}"


def _differences(preset: Preset, standard: Preset) -> list[str]:
    """Return the settings that differ from the preset `standard`."""
    found = []
    for section in sections_of(Preset):
        values = getattr(preset, section).model_dump(mode="json")
        usual = getattr(standard, section).model_dump(mode="json")
        found += [
            f"{section}.{key} {value}  (standard: {usual[key]})"
            for key, value in values.items()
            if value != usual[key]
        ]
    return found
