"""Makes shapes from mattes, frame by frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

import numpy as np

from rde_roto.shapes.anchors import Anchors
from rde_roto.shapes.drawing import spline_coverage
from rde_roto.shapes.exchange import bottom_first
from rde_roto.shapes.fitting import Fit
from rde_roto.shapes.keying import keyed
from rde_roto.shapes.matching import Sampling
from rde_roto.shapes.nodes import basis_for
from rde_roto.shapes.outlines import Outline, outlines
from rde_roto.shapes.shape import Shape, ShapePoint, ShotShapes, Spline
from rde_roto.shapes.steady import steadied
from rde_roto.shapes.stretch import Stretch
from rde_roto.shapes.tracks import Track, Tracker
from rde_roto.values.arguments import frame_number, number, require, tuple_of
from rde_roto.values.errors import UsageError
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray, check_unit_range
from rde_roto.values.plain_text import counted
from rde_roto.values.plate import PlateFormat, Window

LEAST_TOLERANCE_PX = 0.1
MOST_TOLERANCE_PX = 100.0
_FOR_POINTS = 0.9  # the part of the tolerance that is left to the points; the rest is for the keys
_SMOOTHED = 0.5  # of the tolerance: finer detail of an outline is noise
_CRUMB = 3.0  # tolerances: what is smaller than a square of this side is left out
_MOST_OUTLINES = 64  # of an element in a frame
_BLINKING = 5.0  # tolerances: the same for what is there in a single frame of several
_RESTLESS = 0.7  # times the points of a single frame: a shape with as many keys a frame is cut,
_SHORTEST = 3  # down to so many frames: in shorter ones no point could be followed,
_WORTH = 0.95  # if no more than this part of its keys is left
_FEWEST_DRAWN = 2  # points of a line


@dataclass
class ShapeMaker:
    """Makes the shapes of elements from their mattes, which are added frame by frame.

    Only outlines that still go on are in memory, about 50 KB a frame each, for up to 240 frames:
    then an outline begins a new shape.
    """

    format: PlateFormat
    elements: tuple[str, ...]
    tolerance_px: float
    _shapes: list[Shape] = field(default_factory=list)
    _frames: list[int] = field(default_factory=list)
    _left_out: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _named: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        require(self.format, PlateFormat, "the format of the plate, plate.format")
        self.elements = tuple_of(self.elements, str, "names of elements, such as ('hero',)")
        self.tolerance_px = number(self.tolerance_px, "a tolerance in pixels, such as 1.0")
        if not LEAST_TOLERANCE_PX <= self.tolerance_px <= MOST_TOLERANCE_PX:
            raise UsageError(
                f"a tolerance of {self.tolerance_px:g} px is of no use: shapes follow a matte to "
                f"{LEAST_TOLERANCE_PX} px at best, and show nothing of it at more than "
                f"{MOST_TOLERANCE_PX:g}"
            )
        data, display = self.format.data, self.format.display
        self._window = Window(data.x - display.x, data.y - display.y, data.width, data.height)
        sampling = Sampling(self.tolerance_px, self._window)
        self._trackers = {element: Tracker(sampling) for element in self.elements}

    def add(
        self,
        frame: int,
        alpha: FloatArray,
        drawn: Mapping[str, Sequence[Spline]] = MappingProxyType({}),
    ) -> None:
        """Add the mattes of the next frame: float32 [K, H, W] over the data window, 0..1, and lines
        that an artist has drawn there, by element. Where a line alone draws an outline of the
        matte, the shape of that outline has its points, and in this frame it is the line.

        Raises ValueError for a frame that is not after the last one, and for mattes of another
        size or number, or of integers; InputError for values outside 0..1; TypeError for what is
        no array.
        """
        frame = frame_number(frame)
        require(alpha, np.ndarray, "mattes as an array, such as node.matte(1001).alpha")
        expected = (len(self.elements), *self._window.shape)
        if alpha.shape != expected or alpha.dtype.kind != "f":
            raise ValueError(
                f"expected mattes of floats in 0..1, {list(expected)}, not {alpha.dtype} "
                f"{list(alpha.shape)}"
            )
        check_unit_range(alpha, f"the mattes of frame {frame} have to be in 0..1")
        if self._frames and frame <= self._frames[-1]:
            raise ValueError(f"frame {frame} comes after {self._frames[-1]}: expected their order")
        self._frames.append(frame)
        for element, plane in zip(self.elements, alpha, strict=True):
            found = self._outlines(element, plane)
            for track in self._trackers[element].add(frame, found, plane):
                self._finish(element, track)
            for line in drawn.get(element, ()):
                self._draw(element, frame, line)

    def finish(self) -> ShotShapes:
        """Return the shapes of all frames that were added."""
        for element, tracker in self._trackers.items():
            for track in tracker.tracks:
                self._finish(element, track)
            tracker.tracks = []
        by_element = (
            [one for one in self._shapes if one.element == name] for name in self.elements
        )
        return ShotShapes(
            self.format,
            FrameRange.of(self._frames),
            self.elements,
            tuple(chain.from_iterable(bottom_first(own) for own in by_element)),
            self.tolerance_px,
        )

    @property
    def warnings(self) -> Iterator[str]:
        """Sentences about what was left out, for each element."""
        for (element, kind, which), count in sorted(self._left_out.items()):
            yield f"{element}: {counted(count, kind)} {which} left out"
        for element in self.elements:
            if not any(shape.element == element for shape in self._shapes):
                yield f"{element}: nothing to draw, no pixel of its mattes is above one half"

    def _draw(self, element: str, frame: int, line: Spline) -> None:
        """Give a line to the track of the outline that it draws, if it draws just one."""
        plane = spline_coverage(line.points, line.feather, self._window)
        found = outlines(plane, self._window, self._beyond_px)
        if len(found) == 1 and len(line.points) >= _FEWEST_DRAWN:
            self._trackers[element].draw(frame, line, self._smoothed(found[0]))

    def _outlines(self, element: str, plane: FloatArray) -> list[Outline]:
        """The outlines of a plane that are worth a shape, without detail below the tolerance."""
        found = outlines(plane, self._window, self._beyond_px)
        least_px = max(2.0, (_CRUMB * self.tolerance_px) ** 2)
        large = [one for one in found if one.area_px >= least_px]
        self._leave_out(element, "crumb", f"below {least_px:.3g} px", len(found) - len(large))
        over = len(large) - _MOST_OUTLINES
        self._leave_out(element, "outline", f"beyond the largest {_MOST_OUTLINES} of a frame", over)
        return [self._smoothed(one) for one in large[:_MOST_OUTLINES]]

    def _smoothed(self, outline: Outline) -> Outline:
        return outline.smoothed(_SMOOTHED * self.tolerance_px)

    @property
    def _beyond_px(self) -> int:
        return 2 + int(np.ceil(2 * self.tolerance_px))

    def _leave_out(self, element: str, kind: str, which: str, count: int) -> None:
        if count > 0:
            self._left_out[element, kind, which] += count

    def _finish(self, element: str, track: Track) -> None:
        least_px = (_BLINKING * self.tolerance_px) ** 2
        if self._blinks(track) and track.outline.area_px < least_px:
            self._leave_out(element, "crumb", f"of a single frame, below {least_px:.3g} px", 1)
            return
        stretch, anchors = track.stretch(self._trackers[element].sampling)
        motion, stretch = steadied(stretch, self.tolerance_px)
        if motion is not None and anchors is not None:
            anchors = anchors.without(motion)
        for fit in _fits(stretch, self.tolerance_px, anchors):
            kind = f"{element}_{'hole' if track.is_hole else 'part'}"
            self._named[kind] += 1
            name, life = f"{kind}{self._named[kind]}", (int(fit.frames[0]), int(fit.frames[-1]))
            own = None if motion is None else motion.during(*life)
            if own is not None and fit.keys.size <= fit.key_count + len(own.frames):
                fit, own = fit.moved(own), None
            self._shapes.append(Shape(name, element, track.is_hole, *life, _points(fit), own))

    def _blinks(self, track: Track) -> bool:
        """Whether an outline is beside a larger one in a single frame, with others before and
        after it. What is alone there may be all of an element, and move too fast to be followed.
        """
        return (
            track.is_speck
            and len(track.frames) == 1
            and not track.drawn
            and self._frames[0] < track.frames[0] < self._frames[-1]
        )


def _fits(stretch: Stretch, tolerance_px: float, anchors: Anchors | None = None) -> list[Fit]:
    """Fit a stretch; one that saves little over fits of its frames is cut if that saves more. That
    of an artist's points is not cut: they stay the same ones.
    """
    basis, slid = basis_for(stretch, _FOR_POINTS * tolerance_px, anchors)
    drawn = {} if anchors is None else anchors.at(basis.nodes)
    whole, middle = keyed(slid, basis, tolerance_px, drawn), len(stretch) // 2
    if anchors is not None or middle < _SHORTEST:
        return [whole]
    single, _ = basis_for(stretch.part(slice(middle, middle + 1)), _FOR_POINTS * tolerance_px)
    if whole.key_count < _RESTLESS * len(single.nodes) * len(stretch):
        return [whole]
    parts = [slice(None, middle), slice(middle, None)]
    cut = [fit for part in parts for fit in _fits(stretch.part(part), tolerance_px)]
    return cut if sum(fit.key_count for fit in cut) <= _WORTH * whole.key_count else [whole]


def _points(fit: Fit) -> tuple[ShapePoint, ...]:
    points = []
    for node in range(fit.keys.shape[1]):
        at = np.flatnonzero(fit.keys[:, node])
        frames = tuple(map(int, fit.frames[at]))
        points.append(ShapePoint(frames, fit.points[at, node], fit.feather[at, node]))
    return tuple(points)
