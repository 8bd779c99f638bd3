"""Follows the outlines of an element from frame to frame, as long as they stay the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rde_roto.shapes.anchors import Anchors, Drawn, anchored
from rde_roto.shapes.matching import Samples, Sampling, follow
from rde_roto.shapes.outlines import Outline
from rde_roto.shapes.shape import Points, Spline
from rde_roto.shapes.softness import softness
from rde_roto.shapes.stretch import Stretch
from rde_roto.values.matte import FloatArray

_LONGEST = 240  # frames, so that memory does not grow with the shot
_UNLIKE = 0.6
_SOFT_PX = 1.5  # a shape whose edge mostly fades within less is hard


@dataclass(eq=False)
class Track:
    """An outline that is followed. The samples of all its `frames` are the same points of it.
    `drawn` are lines of an artist that draw it, in the order of their frames. `is_speck`: no
    other track goes on with it, nor it with another one, and it began beside a larger outline.
    """

    is_hole: bool
    outline: Outline
    frames: list[int]
    samples: list[Samples]
    soft: list[Points]
    is_speck: bool
    drawn: list[tuple[int, Spline, Outline]] = field(default_factory=list)
    velocity: Points = field(default_factory=lambda: np.zeros(2))

    def add(self, frame: int, samples: Samples, outline: Outline, sampling: Sampling) -> None:
        """Add the samples of a frame; where they have got too far apart, more in all frames."""
        missing = sampling.missing(samples, outline)
        if missing.any():
            at = np.concatenate([i + np.arange(1 + n) / (1 + n) for i, n in enumerate(missing)])
            closed = np.append(samples.places, samples.places[0] + outline.length_px)
            places = np.interp(at, np.arange(len(closed)), closed)
            samples = Samples.at(outline, places, sampling.blur_px)
            self.samples = [one.between(at) for one in self.samples]
            self.soft = [one[at.astype(int)] for one in self.soft]
        self.velocity = samples.points.mean(axis=0) - self.samples[-1].points.mean(axis=0)
        self.frames.append(frame)
        self.samples.append(samples)
        self.outline = outline

    def stretch(self, sampling: Sampling) -> tuple[Stretch, Anchors | None]:
        """Return all of it, to be fitted, and the artist's points of it, if there are any."""
        points = np.stack([one.points for one in self.samples])
        normals = np.stack([one.normals for one in self.samples])
        soft = np.stack(self.soft)
        if self.is_hole:  # what lies inwards of the element lies outwards of the hole
            soft = soft[..., ::-1]
        if np.median(soft.sum(axis=2)) < _SOFT_PX:
            soft = np.zeros_like(soft)
        inside = sampling.inside(points)
        stretch = Stretch.of(np.array(self.frames), points, normals, inside, soft)
        if not self.drawn:
            return stretch, None
        return anchored(
            stretch,
            [
                Drawn(frame, line, outline, self.samples[self.frames.index(frame)])
                for frame, line, outline in self.drawn
            ],
            sampling,
        )


@dataclass
class Tracker:
    """Follows the outlines of one element; `tracks` are those that go on."""

    sampling: Sampling
    tracks: list[Track] = field(default_factory=list)

    def add(self, frame: int, found: Sequence[Outline], alpha: FloatArray) -> list[Track]:
        """Add the outlines of the next frame and their plane, which says how soft they are. Returns
        the tracks that end before it.
        """
        ended = self.follow(frame, found)
        for track in self.tracks:
            now = track.samples[-1]
            track.soft.append(softness(alpha, self.sampling.window, now.points, now.normals))
        return ended

    def draw(self, frame: int, line: Spline, found: Outline) -> None:
        """Let the track that is at an outline like `found` in this frame, the last one, have a line
        of an artist, who drew that outline with it.
        """
        for track in self.tracks:
            if track.outline.apart_px(found) <= self.sampling.tolerance_px:
                track.drawn.append((frame, line, track.outline))
                return

    def follow(self, frame: int, found: Sequence[Outline]) -> list[Track]:
        """Add the outlines of the next frame, the largest one first. Returns the tracks that end
        before it.
        """
        ended, going = [], []
        pairs = _pairs(self.tracks, found)
        paired = {id(outline) for outline in pairs.values()}
        taken = set(paired)
        for track in self.tracks:
            outline = pairs.get(id(track))
            if outline is not None and self._goes_on(track, frame, outline):
                going.append(track)
            else:
                ended.append(track)
                track.is_speck &= outline is None
                taken.discard(id(outline))
        going += [
            self._begun(frame, one, is_speck=number > 0 and id(one) not in paired)
            for number, one in enumerate(found)
            if id(one) not in taken
        ]
        self.tracks = going
        return ended

    def _goes_on(self, track: Track, frame: int, outline: Outline) -> bool:
        """Follow a track into a frame, unless it has changed too much or become too long."""
        if len(track.frames) >= _LONGEST:
            return False
        now = follow(track.samples[-1], outline, track.velocity, self.sampling.blur_px)
        count = len(now.places) + int(self.sampling.missing(now, outline).sum())
        if count > self.sampling.crowded * self.sampling.count(outline):
            return False
        track.add(frame, now, outline, self.sampling)
        return True

    def _begun(self, frame: int, outline: Outline, is_speck: bool) -> Track:
        sampling = self.sampling
        samples = Samples.spread(outline, sampling.count(outline), sampling.blur_px)
        return Track(outline.is_hole, outline, [frame], [samples], [], is_speck)


def _pairs(tracks: Sequence[Track], found: Sequence[Outline]) -> dict[int, Outline]:
    """Which outline goes on with which track, by the track's id; the most alike first."""
    costs = []
    for track in tracks:
        for number, outline in enumerate(found):
            cost = _unlikeness(track, outline)
            if cost < _UNLIKE:
                costs.append((cost, id(track), number))
    pairs: dict[int, Outline] = {}
    taken: set[int] = set()
    for _, track_id, number in sorted(costs):
        if track_id not in pairs and number not in taken:
            pairs[track_id] = found[number]
            taken.add(number)
    return pairs


def _unlikeness(track: Track, outline: Outline) -> float:
    """How unlike an outline is to what is expected of a track: 0 the same, 1 no relation."""
    if outline.is_hole != track.is_hole:
        return float("inf")
    size = np.sqrt(max(track.outline.area_px, outline.area_px))
    away = track.outline.centre + track.velocity - outline.centre
    grown = np.log(outline.area_px / track.outline.area_px)
    return float(np.hypot(*away) / size + abs(grown) / 2)
