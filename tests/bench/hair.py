"""How well settings track hair: ``python tests/bench/hair.py ['KEY=VALUE …' …]``.

A head of hair, drawn strand by strand, sways before an unsharp background of its own colours:
1920x1080, 9 frames, a strand a pixel wide. The first true matte is the keyframe, and the measures
of ``evaluation.alpha`` are taken within 20 pixels of the true edge of the others. A line for the
preset ``standard``, and one for each argument: the settings that differ.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from lines import report
from PIL import Image, ImageDraw

from rde_roto.documents.preset_files import load_preset
from rde_roto.evaluation.alpha import MatteMeter, edge_band
from rde_roto.model.rde_tracker import tracker_of
from rde_roto.model.weights import load_model
from rde_roto.node import RotoNode
from rde_roto.values.digest import digest_of
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.keyframe import Keyframe, elements_named
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.shot import Shot

HEIGHT, WIDTH = 1080, 1920
WINDOW = Window(0, 0, WIDTH, HEIGHT)
FORMAT = PlateFormat(WINDOW, WINDOW, 1.0)
FRAMES = FrameRange.parse("1001-1009")
STRANDS, KNOTS, FINER = 3000, 10, 3
SIDE, LEFT, TOP = 960, 380, 60
"""Of the square in which the hair is, and its corner in the first frame."""
BAND_PX = 20


@dataclass(eq=False)
class DrawnHair:
    """A plate of one head of hair, and its true mattes."""

    name: str = "hair.####.exr"
    range: FrameRange = FRAMES
    input_transform: InputTransform | None = None
    format: PlateFormat = FORMAT
    _drawn: dict[int, tuple[FloatArray, FloatArray]] = field(default_factory=dict)

    def digest(self, frame: int) -> str:
        return digest_of("drawn hair", frame)

    def read(self, frame: int) -> FloatArray:
        return self._of(frame)[0]

    def truth(self, frame: int) -> FloatArray:
        """Float32 [H, W]."""
        return self._of(frame)[1]

    def _of(self, frame: int) -> tuple[FloatArray, FloatArray]:
        if frame not in self._drawn:
            self._drawn[frame] = drawn(frame - self.range.first)
        return self._drawn[frame]


def drawn(time_frames: int) -> tuple[FloatArray, FloatArray]:
    """A frame's picture [H, W, 3] and true matte [H, W]."""
    random = np.random.default_rng(5)
    canvas = Image.new("RGBA", (SIDE * FINER, SIDE * FINER))
    draw = ImageDraw.Draw(canvas)
    center = np.array([SIDE / 2, SIDE / 2])
    turned = 0.03 * time_frames
    angles = random.uniform(-np.pi, 0.25 * np.pi, STRANDS) + 0.4 + turned
    lengths = random.uniform(90, 260, STRANDS)
    curls, phases = random.normal(0, 0.9, STRANDS), random.uniform(0, 2 * np.pi, STRANDS)
    colours = np.outer(random.uniform(0.6, 1.4, STRANDS), (112, 74, 44)).astype(int)
    along = np.linspace(0, 1, KNOTS)
    for angle, length, curl, phase, colour in zip(
        angles, lengths, curls, phases, colours, strict=True
    ):
        sway = 0.25 * np.sin(0.5 * time_frames + phase)
        bent = angle + (curl + sway) * along**2
        steps = np.stack([np.cos(bent), np.sin(bent)], axis=1) * length / KNOTS
        root = center + 150 * np.array([np.cos(angle), 1.2 * np.sin(angle)])
        points = FINER * (root + np.cumsum(steps, axis=0))
        draw.line(points.ravel().tolist(), (*map(int, colour), 255), FINER)
    radius = np.array([160, 195])
    box = FINER * np.concatenate([center - radius, center + radius])
    draw.ellipse(box.tolist(), (150, 108, 84, 255))
    left = LEFT + 9 * time_frames
    premultiplied = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    square = np.asarray(canvas.reduce(FINER).convert("RGBa"), dtype=np.float32) / 255
    premultiplied[TOP : TOP + SIDE, left : left + SIDE] = square
    alpha = premultiplied[..., 3]
    grain = np.random.default_rng(time_frames).normal(0, 0.01, (HEIGHT, WIDTH, 3))
    picture = premultiplied[..., :3] + (1 - alpha[..., None]) * background(2 * time_frames) + grain
    return picture.clip(0, 1).astype(np.float32), alpha


def background(moved_px: int) -> FloatArray:
    """Unsharp patches in the colours of hair, wood and leaves, float32 [H, W, 3]."""
    random = np.random.default_rng(7)
    tones = np.array([(120, 82, 50), (84, 96, 60), (160, 132, 104), (60, 50, 44)])
    patches = tones[random.integers(0, len(tones), (14, 26))].astype(np.uint8)
    wide = Image.fromarray(patches).resize((WIDTH + 64, HEIGHT), Image.Resampling.BICUBIC)
    seen = np.asarray(wide, dtype=np.float32)[:, moved_px : moved_px + WIDTH] / 255
    pixels: FloatArray = seen.astype(np.float32)
    return pixels


def main() -> None:
    """Print a line for each set of settings."""
    torch.set_num_threads(1)
    plate, model = DrawnHair(), load_model("rde-lite")
    first, *others = FRAMES
    keyframe = Keyframe(first, plate.truth(first)[None])
    shot = Shot(plate, FRAMES, elements_named("hair"), (keyframe,))
    for settings in ("", *sys.argv[1:]):
        preset = load_preset("standard", settings.split())
        node = RotoNode(shot, preset, tracker_of(model, torch.device("cpu")))
        meter, started = MatteMeter(), time.process_time()
        mattes = list(node.render(FrameRange.of(others)))
        seconds = (time.process_time() - started) / len(mattes)
        for matte in mattes:
            truth = plate.truth(matte.frame)
            meter.add(truth, matte.alpha[0], edge_band(truth, BAND_PX))
        figures = asdict(meter.score()) | {"cpu_s_per_frame": seconds}
        report(bench="hair", settings=settings or "standard", **figures)


if __name__ == "__main__":
    main()
