"""Read masks and shapes from files, on a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rde_roto.images.masks import HowToRead, Mask, read_marked_mask
from rde_roto.images.plates.missing_frames import on_disk
from rde_roto.images.plates.sequence_plate import view_of
from rde_roto.session.document.draft import Draft, Drawing
from rde_roto.session.document.editor import ShotEditor
from rde_roto.session.document.mask_elements import PlaneElement, mask_elements
from rde_roto.session.drawing.outlines import of_lines
from rde_roto.session.drawing.planes import Plane
from rde_roto.session.drawing.shape_lines import lines_of
from rde_roto.session.mattes.backend import Post
from rde_roto.shapes import is_shapes_file, read_shapes
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import MaskMode, MaskModeError
from rde_roto.values.plate import Plate

Ask: TypeAlias = Callable[[MaskModeError, Callable[[MaskMode], None]], None]
"""Lets the artist choose how a mask is read that could be read in several ways, and calls back if
one is chosen.
"""


@dataclass(frozen=True, eq=False)
class ImportRequest:
    """A file that is to be drawn at a frame, and the element that was chosen then.

    `before` is what was drawn at the frame then. `ask` is called on the session's thread.
    """

    path: Path
    mode: MaskMode
    frame: int
    element: str
    before: Drawing
    ask: Ask

    @property
    def label(self) -> str:
        """What it does, in words."""
        return f"import {self.path.name}"


@dataclass(frozen=True, eq=False)
class ImportedPlanes:
    """What a file has for a frame. `owners` tells which elements of a draft the planes are of, if
    this element is chosen, or raises UsageError.
    """

    planes: tuple[Plane, ...]
    owners: Callable[[Draft, str], Sequence[PlaneElement]]


class Importing:
    """Reads one file after the other. Used from one thread, the one that ``post`` leads to.

    Args:
        editor: holds the plate, and runs the thread.
        post: leads from the thread to that of the session.
        draw: draws what was read.
        changed: called when there is another notice.
    """

    def __init__(
        self,
        editor: ShotEditor,
        post: Post,
        draw: Callable[[ImportRequest, ImportedPlanes], None],
        changed: Callable[[], None],
    ) -> None:
        self._editor, self._post, self._draw, self._changed = editor, post, draw, changed
        self._waiting: deque[ImportRequest] = deque()

    @property
    def notice(self) -> str:
        """What is being read, in words; "" if nothing."""
        return f"reading {self._waiting[0].path.name}…   Esc: stop" if self._waiting else ""

    def start(self, request: ImportRequest) -> None:
        """Read a file, when those before it are done."""
        self._waiting.append(request)
        if len(self._waiting) == 1:
            self._read_next()
        self._changed()

    def cancel(self) -> bool:
        """Draw nothing; whether anything was being read."""
        had = bool(self._waiting)
        self._waiting.clear()
        return had

    def _read_next(self) -> None:
        request, plate = self._waiting[0], self._editor.opened.parts.plate

        def read() -> None:
            try:
                use = partial(self._draw, request, planes_in(request, plate))
            except MaskModeError as error:
                use = partial(request.ask, error, partial(self._read_as, request))
            except Exception as error:  # of any kind: said only if nobody has stopped it
                use = partial(_fail, error)
            self._post(partial(self._ended, request, use))

        self._editor.run_in_background(read)

    def _read_as(self, request: ImportRequest, mode: MaskMode) -> None:
        self.start(replace(request, mode=mode))

    def _ended(self, request: ImportRequest, use: Callable[[], None]) -> None:
        """Use what came of a request, unless it was dropped meanwhile."""
        if not self._waiting or self._waiting[0] is not request:
            return
        self._waiting.popleft()
        if self._waiting:
            self._read_next()
        self._editor.reported(use)
        self._changed()


def planes_in(request: ImportRequest, plate: Plate) -> ImportedPlanes:
    """Read a file of masks, or what one of shapes has at a frame, as editable lines.

    Raises MaskModeError for a mask that could be read in several ways, InputError for a file that
    cannot be read, UsageError for shapes that do not fit.
    """
    path = request.path
    if is_shapes_file(path):
        return _of_shapes(path, request.frame, plate)
    how = HowToRead(request.mode, view=view_of(on_disk(plate)))
    mask = read_marked_mask(path, plate.format, how)
    return ImportedPlanes(tuple(map(Plane.of, mask.planes)), partial(_mask_owners, path, mask))


def _mask_owners(path: Path, mask: Mask, draft: Draft, chosen: str) -> Sequence[PlaneElement]:
    try:
        return mask_elements(mask, draft.elements, chosen, bool(draft.drawings))
    except UsageError as error:
        raise UsageError(f"{path.name}: {error}") from error


def _of_shapes(path: Path, frame: int, plate: Plate) -> ImportedPlanes:
    shapes = read_shapes(path)
    lines = {key: lines_of(shapes, key, frame, plate.format) for key in shapes.elements}
    there = {key: own for key, own in lines.items() if own}
    if not there:
        raise UsageError(
            f"{path.name} has no shape at frame {frame}: it has those of {shapes.frames}"
        )
    planes = tuple(of_lines(own, plate.format.data.shape) for own in there.values())
    return ImportedPlanes(planes, partial(_shape_owners, tuple(there)))


def _shape_owners(names: Sequence[str], draft: Draft, chosen: str) -> Sequence[PlaneElement]:
    if len(names) == 1:
        return [(chosen, "")]
    ids = {one.id: one.id for one in draft.elements}
    ids |= {one.name: one.id for one in draft.elements}  # which may be another one's id
    return [(ids.get(name), name) for name in names]


def _fail(error: Exception) -> None:
    raise error
