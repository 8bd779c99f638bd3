"""Shapes of true masks: ``python tests/bench/shapes.py DAVIS [SEQUENCE …] [--picture FOLDER]``.

A line for each sequence and tolerance, in pixels of 480 lines, and for the demo shot. ``keys`` are
those of all points and motions together, ``alone`` the points of independent fits of every frame,
of a long shot estimated from every tenth: ``share`` is the bar of a quarter. ``others`` are lines
about identity on a body whose motion is known, speed and memory on 2K, and the feather of the demo
shot's truth and of edge shots that tools/edge_shots rendered. The pictures show plate, splines and
points; a point with a key in the frame is filled.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from edges import averaged
from lines import report
from PIL import Image, ImageDraw

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("", "unit")]
from moving_shapes import FORMAT, WINDOW, blob, iou, matte  # noqa: E402

from peak import peak_bytes  # noqa: E402
from rde_roto.demo import shot as demo  # noqa: E402
from rde_roto.images.files import read_channels  # noqa: E402
from rde_roto.images.masks import read_labels  # noqa: E402
from rde_roto.images.plates.sequence_plate import open_plate  # noqa: E402
from rde_roto.images.sequences import find_sequence  # noqa: E402
from rde_roto.model.network_view import Picture  # noqa: E402
from rde_roto.shapes import ShapeMaker, ShotShapes, draw_shapes  # noqa: E402
from rde_roto.shapes.bezier import flattened  # noqa: E402
from rde_roto.shapes.exchange import shared_key_frames  # noqa: E402
from rde_roto.values.matte import FloatArray  # noqa: E402
from rde_roto.values.plate import PlateFormat, Window  # noqa: E402

DEVELOPMENT = ("bear", "breakdance-flare", "scooter-gray")
HARD = ("bmx-bumps", "bus", "dance-jump", "soccerball", "hockey")
TOLERANCES = (1.0, 0.5)
EVERY = 10
"""Independent fits of every tenth frame stand for all of a shot of 50 or more."""


@dataclass(frozen=True)
class TrueMasks:
    """A shot whose true mattes are known."""

    name: str
    plate: str
    frames: Sequence[int]
    read: Callable[[int], FloatArray]


def davis(root: Path, name: str) -> TrueMasks:
    """A sequence in the layout of DAVIS, whatever moves in it as one element."""
    masks = find_sequence(str(root / "Annotations" / name))

    def read(frame: int) -> FloatArray:
        return (read_labels(masks.path(frame)) > 0).astype(np.float32)

    return TrueMasks(name, str(root / "JPEGImages" / name), list(masks.range), read)


def demo_truth() -> TrueMasks:
    """The shipped shot."""
    folder = Path(next(iter(demo.__path__)))
    truth = find_sequence(str(folder / "truth"))

    def read(frame: int) -> FloatArray:
        alpha: FloatArray = read_channels(truth.path(frame), ["A"])[..., 0]
        return alpha

    return TrueMasks("demo", str(folder / "plate"), list(truth.range), read)


def shapes_of(shot: TrueMasks, frames: Sequence[int], lines_px: float) -> ShotShapes:
    """The shapes of some frames, at a tolerance in pixels of 480 lines."""
    height, width = shot.read(frames[0]).shape
    window = Window(0, 0, width, height)
    maker = ShapeMaker(PlateFormat(window, window), ("hero",), lines_px * height / 480)
    for frame in frames:
        maker.add(frame, shot.read(frame)[None])
    return maker.finish()


def keys_of(shapes: ShotShapes) -> int:
    """The keys of all points of all shapes."""
    return sum(shape.key_count for shape in shapes.shapes)


def sequence(shot: TrueMasks) -> None:
    """A line for each tolerance."""
    for lines_px in TOLERANCES:
        started = time.process_time()
        shapes = shapes_of(shot, shot.frames, lines_px)
        seconds = time.process_time() - started
        overlaps = [iou(draw_shapes(shapes, frame)[0], shot.read(frame)) for frame in shot.frames]
        step = EVERY if len(shot.frames) >= 5 * EVERY else 1
        fits = [shapes_of(shot, [frame], lines_px) for frame in shot.frames[::step]]
        alone = np.mean([keys_of(fit) for fit in fits])
        by_fit = [
            iou(draw_shapes(fit, fit.frames.first)[0], shot.read(fit.frames.first)) for fit in fits
        ]
        largest = max(shapes.shapes, key=lambda shape: shape.key_count)
        life = largest.last - largest.first + 1
        report(
            bench="shapes",
            sequence=shot.name,
            tolerance=lines_px,
            frames=len(shot.frames),
            iou=float(np.mean(overlaps)),
            iou_least=float(np.min(overlaps)),
            shapes=len(shapes.shapes),
            keys=keys_of(shapes),
            keys_in_nuke=sum(len(s.points) * len(shared_key_frames(s)) for s in shapes.shapes),
            alone=float(alone * len(shot.frames)),
            share=float(keys_of(shapes) / (alone * len(shot.frames))),
            iou_alone=float(np.mean(by_fit)),
            points=len(largest.points),
            points_per_outline_alone=float(alone / np.mean([len(fit.shapes) for fit in fits])),
            key_frames_of_100=float(100 * len(largest.key_frames) / life),
            keys_per_point_of_100_frames=float(
                100 * largest.key_count / len(largest.points) / life
            ),
            cpu_seconds_per_100_frames=100 * seconds / len(shot.frames),
        )


def identity() -> None:
    """How far points are from where the body's own points go, stiff and changing its form."""
    for breathes in (0.0, 6.0):
        maker = ShapeMaker(FORMAT, ("hero",), 1.0)
        for frame in range(48):
            maker.add(frame, matte(blob(frame, breathes))[None])
        (shape,) = maker.finish().shapes
        start = shape.at(0)[0][:, 1]
        same = np.hypot(*np.moveaxis(start[:, None] - blob(0, breathes), -1, 0)).argmin(axis=1)
        off = [
            np.hypot(*(shape.at(frame)[0][:, 1] - blob(frame, breathes)[same]).T)
            for frame in range(48)
        ]
        report(
            bench="shapes",
            what="identity",
            breathes_px=breathes,
            mean_px=float(np.mean(off)),
            points=len(shape.points),
            keys=shape.key_count,
        )


def rendered(folder: Path) -> TrueMasks:
    """An edge shot, as tools/edge_shots rendered it; its plate is not needed."""
    truth = find_sequence(str(folder / "truth"))

    def read(frame: int) -> FloatArray:
        alpha: FloatArray = read_channels(truth.path(frame), ["A"])[..., 0]
        return alpha

    return TrueMasks(folder.name, str(folder / "plate"), list(truth.range), read)


def feather(shot: TrueMasks) -> None:
    """Mean error in the soft edge of a true matte: of its shapes, of the matte brought to 480 lines
    and back, and of the hard matte.
    """
    shapes = shapes_of(shot, shot.frames, 0.5)
    drawn, raster, hard = [], [], []
    for frame in shot.frames[:: max(1, len(shot.frames) // 6)]:
        truth = shot.read(frame)
        edge = (truth > 0.02) & (truth < 0.98)
        height, width = truth.shape
        small = truth
        for axis, count in enumerate((480, round(width * 480 / height))):
            small = np.moveaxis(averaged(np.moveaxis(small, axis, 0), count), 0, axis)
        image = Image.fromarray(np.ascontiguousarray(small, np.float32))
        back = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        drawn.append(np.abs(draw_shapes(shapes, frame)[0] - truth)[edge].mean())
        raster.append(np.abs(back - truth)[edge].mean())
        hard.append(np.abs((truth > 0.5) - truth)[edge].mean())
    report(
        bench="shapes",
        what="feather",
        sequence=shot.name,
        frames=len(shot.frames),
        mad=float(np.mean(drawn)),
        mad_of_480_lines=float(np.mean(raster)),
        mad_of_hard=float(np.mean(hard)),
    )


def blurred_sideways(plane: FloatArray, reach_px: int = 12) -> FloatArray:
    """The mean of a plane [H, W] over some pixels to the left and right; it is 0 at its border."""
    total = np.cumsum(plane, axis=1, dtype=np.float64)
    mean = (np.roll(total, -reach_px, axis=1) - np.roll(total, reach_px, axis=1)) / (2 * reach_px)
    return mean.clip(0, 1).astype(np.float32)


def speed() -> None:
    """100 frames of 2K, a body of a third of the height that is soft on its left and right; memory
    after 30 frames and at the end.
    """
    window, scale = Window(0, 0, 2048, 1080), 1080 / WINDOW.height
    maker = ShapeMaker(PlateFormat(window, window), ("hero",), 1080 / 480)
    seconds, peaks = 0.0, []
    for frame in range(100):
        alpha = blurred_sideways(matte(scale * blob(frame % 60, 4), window=window))[None]
        started = time.process_time()
        maker.add(frame, alpha)
        seconds += time.process_time() - started
        peaks.append(peak_bytes())
    started = time.process_time()
    shapes = maker.finish()
    seconds += time.process_time() - started
    report(
        bench="shapes",
        what="speed",
        cpu_seconds=seconds,
        mib_at_30=peaks[29] / 2**20,
        mib_at_100=peaks[-1] / 2**20,
        mib_at_end=peak_bytes() / 2**20,
        keys=keys_of(shapes),
    )


def picture(shot: TrueMasks, folder: Path, count: int = 3) -> None:
    """Some frames of a shot with its shapes at one pixel of 480 lines, at twice the size."""
    shapes, plate = shapes_of(shot, shot.frames, 1.0), open_plate(shot.plate)
    middle, yellow = len(shot.frames) // 2, (255, 220, 0)
    folder.mkdir(parents=True, exist_ok=True)
    for frame in shot.frames[middle : middle + 4 * count : 4]:
        view = Picture.of(plate, frame).to_network_view().numpy()
        image = Image.fromarray(np.round(255 * view).astype(np.uint8))
        # drawn at four times the size, which makes lines smooth
        image = image.resize((4 * image.width, 4 * image.height), Image.Resampling.LANCZOS)
        draw = ImageDraw.Draw(image)
        for shape in shapes.there("hero", frame):
            handles, _ = shape.at(frame)
            colour = (255, 80, 160) if shape.is_hole else (80, 255, 120)
            polygon = flattened(handles).polygon
            draw.line([tuple(4 * place) for place in (*polygon, polygon[0])], colour, 4)
            for point, (left, at, right) in zip(shape.points, 4 * handles, strict=True):
                draw.line([tuple(left), tuple(at), tuple(right)], yellow, 2)
                fill = yellow if frame in point.frames else (0, 0, 0)
                draw.rectangle([*(at - 6), *(at + 6)], fill, yellow, 2)
        image.reduce(2).save(folder / f"{shot.name}.{frame}.png")


def main() -> None:
    """Prints the lines, or draws the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="*", default=[*DEVELOPMENT, *HARD, "demo", "others"])
    parser.add_argument("--frames", type=int, metavar="N", help="the first N frames alone")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--edges", type=Path, nargs="*", default=[], help="edge shots, for others")
    arguments = parser.parse_args()
    for name in arguments.sequences:
        if name == "others":
            identity()
            speed()
            for one in (demo_truth(), *map(rendered, arguments.edges)):
                feather(one)
            continue
        shot = demo_truth() if name == "demo" else davis(arguments.root, name)
        shot = replace(shot, frames=shot.frames[: arguments.frames])
        if arguments.picture:
            picture(shot, arguments.picture)
        else:
            sequence(shot)


if __name__ == "__main__":
    main()
