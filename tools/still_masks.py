"""Masks for photographs that have none, so that rde-lite learns from more kinds of things.

    python -m tools.still_masks regions STILLS/bsds500 --out DIR
    python -m tools.still_masks clicks STILLS/imagenet_samples --out DIR

``regions`` takes the regions of a whole-picture segmentation, where masks/NAME.png numbers them: a
connected region of a fit size that does not run along the border is a thing to follow, five of them
a picture at most. ``clicks`` asks smart select: a click near the middle selects something, and it
counts where clicks elsewhere in it select the same. Both write DIR/images, links to the
photographs, and DIR/masks, whose numbers are the things; a training recipe names DIR as stills with
`masks: labels`. Equal input gives equal masks. Pictures without a fit thing are left out.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rde_roto.model.click_model import ClickModel, load_click_model
from rde_roto.model.devices import choose_device
from rde_roto.session.clicks.select import ClickSelector
from rde_roto.session.drawing.painting import within
from rde_roto.session.drawing.selection import Click, Hints
from rde_roto.values.frames import FrameRange
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Plate, PlateFormat, Window

Mask: TypeAlias = NDArray[np.bool_]

MOST_THINGS = 5
REGION_SHARE = 0.008, 0.4
"""Of the picture. Smaller regions have few pixels to follow, larger ones are grounds."""
MOST_BORDER = 0.25
"""Of the picture's border: skies and floors run along more of it."""
LEAST_DEPTH = 0.03
"""From the edge to the middle, in the picture's smaller side; a rim is no thing."""

CLICKED_SHARE = 0.02, 0.6
CLICKS_AT = (0.5, 0.5), (0.35, 0.55), (0.65, 0.55)
LEAST_INNER_PX = 20
AGAIN = 2
"""Clicks elsewhere in what a click selected, beside one in its middle."""
LEAST_AGREEMENT = 0.85
"""Mean IoU of what all those select."""


@dataclass(frozen=True, eq=False)
class Photograph:
    """A plate of one frame, whatever its file is called: `pixels`, float32 [H, W, 3], sRGB."""

    name: str
    pixels: FloatArray
    input_transform: None = None

    @classmethod
    def of(cls, file: Path) -> Photograph:
        """Read a file that Pillow knows."""
        with Image.open(file) as image:
            return cls(file.name, np.asarray(image.convert("RGB"), np.float32) / np.float32(255))

    @property
    def range(self) -> FrameRange:
        return FrameRange.of([1])

    @property
    def format(self) -> PlateFormat:
        window = Window(0, 0, self.pixels.shape[1], self.pixels.shape[0])
        return PlateFormat(window, window)

    def digest(self, _frame: int) -> str:
        return self.name

    def read(self, _frame: int) -> FloatArray:
        return self.pixels


def regions(picture: Path) -> Iterator[Mask]:
    """Yield the things among the regions of a picture, in an order of their own."""
    numbers = np.asarray(Image.open(picture.parents[1] / "masks" / f"{picture.stem}.png"))
    numbers = numbers if numbers.ndim == 2 else numbers[..., 0]
    found = [
        parts == part
        for number in np.unique(numbers)
        for count, parts in [cv2.connectedComponents((numbers == number).astype(np.uint8))]
        for part in range(1, count)
    ]
    things = [region for region in found if is_thing(region)]
    random.Random(picture.stem).shuffle(things)
    yield from things[:MOST_THINGS]


def is_thing(region: Mask) -> bool:
    """Whether a region [H, W] is of a fit size, thick enough, and away from the border."""
    least, most = REGION_SHARE
    height, width = region.shape
    on_border = sum(
        int(line.sum()) for line in (region[0], region[-1], region[:, 0], region[:, -1])
    )
    return (
        least <= float(region.mean()) <= most
        and on_border <= MOST_BORDER * 2 * (height + width)
        and float(depth(region).max()) >= LEAST_DEPTH * min(height, width)
    )


def clicked() -> Callable[[Path], Iterator[Mask]]:
    """Return what yields the things that clicks select on a picture."""
    model = load_click_model(choose_device("auto"))

    def things(picture: Path) -> Iterator[Mask]:
        plate = Photograph.of(picture)
        select, draw = clicks_on(plate, model), random.Random(picture.stem)
        height, width = plate.format.data.shape
        found: list[Mask] = []
        for x, y in ((x * width, y * height) for x, y in CLICKS_AT):
            if not any(thing[int(y), int(x)] for thing in found):
                thing = agreed(select, x, y, draw)
                if thing is not None:
                    found.append(thing)
        yield from found

    return things


def clicks_on(plate: Plate, model: ClickModel) -> Callable[[float, float], Mask]:
    """Return what selects, at size [H, W], by one click at a place of a plate of one frame."""
    selector = ClickSelector(plate, lambda: model)
    (frame,) = plate.range
    nothing = np.zeros(plate.format.data.shape, np.float32)

    def select(x: float, y: float) -> Mask:
        change = selector.select(frame, nothing, Hints(clicks=(Click((x, y), True),)))
        selected = nothing.copy()
        if change is not None:
            selected[within(change.box)] = change.over(selected[within(change.box)])
        mask: Mask = selected >= 0.5
        return mask

    return select


def agreed(
    select: Callable[[float, float], Mask], x: float, y: float, draw: random.Random
) -> Mask | None:
    """Return what a click selects, as most clicks in it see it; None where they do not agree."""
    first = select(x, y)
    least, most = CLICKED_SHARE
    margin = max(2, int(0.01 * len(first)))
    inner = cv2.erode(first.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=margin)
    rows, columns = np.nonzero(inner)
    if not least <= first.mean() <= most or len(rows) < LEAST_INNER_PX:
        return None
    middle = np.unravel_index(depth(first).argmax(), first.shape)
    elsewhere = [draw.randrange(len(rows)) for _ in range(AGAIN)]
    places = [middle, *((rows[place], columns[place]) for place in elsewhere)]
    others = [select(float(column) + 0.5, float(row) + 0.5) for row, column in places]
    if np.mean([iou(first, other) for other in others]) < LEAST_AGREEMENT:
        return None
    majority: Mask = np.sum([first, *others], axis=0) > (1 + len(others)) / 2
    return majority


def iou(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def depth(mask: Mask) -> NDArray[np.float32]:
    """How far inside each pixel [H, W] is; outside of the picture is outside."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5), np.float32)[1:-1, 1:-1]


METHODS: dict[str, Callable[[], Callable[[Path], Iterator[Mask]]]] = {
    "regions": lambda: regions,
    "clicks": clicked,
}


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="Write masks for photographs that have none.")
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("folder", type=Path, help="with images, and for regions also masks")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    things = METHODS[options.method]()
    for kind in ("images", "masks"):
        (options.out / kind).mkdir(parents=True)
    for picture in sorted((options.folder / "images").iterdir()):
        numbers: NDArray[np.uint8] | None = None
        for number, thing in enumerate(things(picture), start=1):
            numbers = np.zeros(thing.shape, np.uint8) if numbers is None else numbers
            numbers[thing & (numbers == 0)] = number
        if numbers is not None:
            (options.out / "images" / picture.name).symlink_to(picture.resolve())
            Image.fromarray(numbers).save(options.out / "masks" / f"{picture.stem}.png")
            print(picture.stem, int(numbers.max()), flush=True)


if __name__ == "__main__":
    main()
