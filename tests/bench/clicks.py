"""How many clicks does a first mask take? ``python tests/bench/clicks.py DAVIS STILLS``.

The clicks of an artist are simulated: each goes to the middle of the largest error. They select the
objects of 60 stills that the recipe leaves out and those in the first frames of the eight held-out
sequences, at the size of the picture: IoU after 1, 3, 5, 8 and 10 clicks, and the clicks to 0.90
(11 if ten do not get there), by the network and by GrabCut, as smart select was before. `iou_box`
is that after a box alone, four pixels around the object. The times are those from a click to its
mask; a first click has to look at the picture.

DAVIS has JPEGImages and Annotations, STILLS a folder for each set, with images and masks. With
--every N only every Nth still is used. The tracker that the network starts from has learned from
the stills; the sequences are new to both.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

import cv2
import grabcut
import numpy as np
from lines import p50_p95, report
from numpy.typing import NDArray
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from one_frame import OneFrame

from rde_roto.model.click_model import ClickModel, load_click_model
from rde_roto.model.devices import choose_device
from rde_roto.model.network_view import Picture
from rde_roto.session.clicks.select import ClickSelector
from rde_roto.session.drawing.painting import Brush, within
from rde_roto.session.drawing.selection import Click, Hints
from rde_roto.values.errors import UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window

SEQUENCES = (
    *("bear", "breakdance-flare", "scooter-gray", "bmx-bumps"),
    *("bus", "dance-jump", "soccerball", "hockey"),
)
WHOLE = ("ccp", "weizmann_horse", "human_seg290")
"""Sets whose masks number the parts of one object. In the others the largest object counts."""

COUNTS = (1, 3, 5, 8, 10)
GOOD = 0.9
BESIDE_PX = 4

Mask: TypeAlias = NDArray[np.bool_]
Select: TypeAlias = Callable[[FloatArray, Hints], FloatArray]
"""Changes what is drawn, as hints say."""


@dataclass(frozen=True, eq=False)
class Still:
    """A picture as a plate of one frame, and what is to be selected."""

    plate: OneFrame
    truth: Mask

    @classmethod
    def of(cls, name: str, picture: Path, mask: Path, whole: bool) -> Still:
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
        with Image.open(mask) as image:
            labels = np.asarray(image)
        labels = labels if labels.ndim == 2 else labels[..., 0]
        if whole:
            return cls(OneFrame(pixels, name), labels > 0)
        numbers, areas = np.unique(labels[(labels > 0) & (labels < 255)], return_counts=True)
        return cls(OneFrame(pixels, name), labels == numbers[areas.argmax()])


def by_network(model: ClickModel, still: Still) -> Select:
    """Selects as the window does."""
    selector = ClickSelector(still.plate, lambda: model)

    def select(before: FloatArray, hints: Hints) -> FloatArray:
        change = selector.select(1, before, hints)
        after: FloatArray = before.copy()
        if change is not None:
            after[within(change.box)] = change.over(before[within(change.box)])
        return after

    return select


def by_grabcut(still: Still) -> Select:
    """Selects as the window did: a click is a short scribble as wide as the brush."""
    picture = Picture.of(still.plate, 1)
    width_px = Brush.for_plate(still.plate.format.data.height).radius_px

    def select(before: FloatArray, hints: Hints) -> FloatArray:
        after: FloatArray = before.copy()
        if hints.box is not None:
            with suppress(UsageError):
                box, mask = grabcut.select(picture, after, grabcut.Hints(hints.box))
                after[within(box)] = mask
            return after
        lines = [[(x - 1, y), (x + 1, y)] for x, y in (click.point for click in hints.clicks)]
        inside, outside = (tuple(lines), ()) if hints.adds else ((), tuple(lines))
        scribbles = grabcut.Hints(None, inside, outside, width_px)
        with suppress(UsageError):  # nothing to separate
            box, mask = grabcut.select(picture, before, scribbles)
            after[within(box)] = mask
        return after

    return select


def next_click(found: Mask, truth: Mask) -> Click | None:
    """Goes to the pixel farthest from the edge of what is missing or too much; None if all is
    right.
    """
    missing, surplus = (_depth(error) for error in (truth & ~found, found & ~truth))
    adds = bool(missing.max() >= surplus.max())
    depth = missing if adds else surplus
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return Click((float(column) + 0.5, float(row) + 0.5), adds) if depth.max() > 0 else None


def _depth(mask: Mask) -> FloatArray:
    inside = np.pad(mask.astype(np.uint8), 1)
    depth = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)
    return depth[1:-1, 1:-1]


def clicked(still: Still, select: Select, times: list[float]) -> list[float]:
    """The IoU after each of ten clicks; adds the seconds that each took."""
    mask, scores = np.zeros(still.truth.shape, np.float32), []
    clicks: tuple[Click, ...] = ()
    for _ in range(max(COUNTS)):
        found = mask >= 0.5
        click = next_click(found, still.truth)
        if click is not None:
            began = time.perf_counter()
            mask = select(mask, Hints(clicks=(click,), earlier=clicks))
            times.append(time.perf_counter() - began)
            clicks = (*clicks, click)
        scores.append(iou(mask >= 0.5, still.truth))
    return scores


def boxed(still: Still, select: Select) -> float:
    """The IoU after a box."""
    rows, columns = (np.flatnonzero(still.truth.any(axis=axis)) for axis in (1, 0))
    left, top = int(columns[0]) - BESIDE_PX, int(rows[0]) - BESIDE_PX
    right, bottom = int(columns[-1]) + 1 + BESIDE_PX, int(rows[-1]) + 1 + BESIDE_PX
    box = Window(left, top, right - left, bottom - top)
    return iou(select(np.zeros(still.truth.shape, np.float32), Hints(box)) >= 0.5, still.truth)


def iou(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def held_out(davis: Path, stills: Path, every: int) -> Iterator[tuple[str, Still]]:
    """The objects, with the name of their set."""
    for name in SEQUENCES:
        picture = min((davis / "JPEGImages").rglob(f"{name}/*.jpg"))
        mask = min((davis / "Annotations").rglob(f"{name}/*.png"))
        yield "sequences", Still.of(name, picture, mask, whole=True)
    names = json.loads(Path(__file__).with_name("held_out_stills.json").read_text("utf-8"))
    each = [(source, stem) for source, stems in names.items() for stem in stems]
    for source, stem in each[::every]:
        (picture,) = (stills / source / "images").glob(f"{stem}.*")
        (mask,) = (stills / source / "masks").glob(f"{stem}.*")
        yield source, Still.of(stem, picture, mask, whole=source in WHOLE)


def figures(scores: Sequence[Sequence[float]]) -> dict[str, float]:
    """Mean IoU after some clicks, and the mean number of clicks to a good mask."""
    means = {f"iou_{count}": fmean(one[count - 1] for one in scores) for count in COUNTS}
    needed = (next((n for n, iou in enumerate(one, 1) if iou >= GOOD), 11) for one in scores)
    return {**means, "clicks_to_090": fmean(needed)}


def measure(
    name: str, method: Callable[[Still], Select], stills: Iterator[tuple[str, Still]]
) -> None:
    """A line for each set, and one for all."""
    scores: dict[str, list[list[float]]] = defaultdict(list)
    boxes: dict[str, list[float]] = defaultdict(list)
    first: list[float] = []
    later: list[float] = []
    for source, still in stills:
        times: list[float] = []
        scores[source].append(clicked(still, method(still), times))
        boxes[source].append(boxed(still, method(still)))
        first.append(times[0])
        later += times[1:]
    scores["all"] = [one for each in scores.values() for one in each]
    boxes["all"] = [one for each in boxes.values() for one in each]
    for source, found in scores.items():
        report(
            bench="clicks",
            method=name,
            source=source,
            objects=len(found),
            **figures(found),
            iou_box=fmean(boxes[source]),
            **(p50_p95("first", first) | p50_p95("click", later) if source == "all" else {}),
        )


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("davis", type=Path)
    parser.add_argument("stills", type=Path)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args()
    model = load_click_model(choose_device("cpu"))
    methods: dict[str, Callable[[Still], Select]]
    methods = {"network": partial(by_network, model), "grabcut": by_grabcut}
    for name, method in methods.items():
        measure(name, method, held_out(asked.davis, asked.stills, asked.every))


if __name__ == "__main__":
    main()
