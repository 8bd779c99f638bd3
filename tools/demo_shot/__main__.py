"""Render the demo shot: a walking robot in a courtyard, with its ground-truth matte.

    python tools/demo_shot --out DIR [--frames 1001-1048] [--preview]

writes 48 frames of 640x360 at 24 frames per second:

    DIR/plate/demo.####.exr   scene-linear RGB (Rec.709 primaries), half, DWAB
    DIR/truth/demo.####.exr   coverage of the robot, one channel A, 0..1, half, ZIP

The truth includes motion blur and defocus, and the lamp post in the foreground is cut out of it.

Everything is built here from boxes, tubes and noise with fixed seeds; there is no asset to
download. It needs Python 3.11 with `pip install bpy==5.0.1` in an environment of its own. Two CPU
cores take about 25 minutes for the 48 frames when they do nothing else. Frames that exist are
skipped, so an interrupted render goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from courtyard import build_background
from materials import glow
from robot import build_robot
from shot import FIRST, HEIGHT, LAST, RATE, WIDTH
from stage import build_camera, build_light

# bpy carries OpenImageIO, but not on the path of a Python that is not Blender's own.
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_BUNDLED = Path(bpy.utils.resource_path("LOCAL")) / "python" / "lib" / _VERSION / "site-packages"
sys.path.append(str(_BUNDLED))

from OpenImageIO import ImageBuf, ImageBufAlgo, ImageOutput, ImageSpec  # noqa: E402


def new_scene() -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.render.fps = int(RATE)
    scene.frame_start, scene.frame_end = FIRST, LAST
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, 0.5
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Raw"
    image = scene.render.image_settings
    image.file_format, image.color_mode, image.color_depth = "OPEN_EXR", "RGBA", "32"
    image.exr_codec = "ZIP"
    cycles = scene.cycles
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 2, 3
    cycles.transmission_bounces, cycles.transparent_max_bounces = 2, 6
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.seed, cycles.use_animated_seed = 6.0, 7, True
    cycles.use_light_tree = False  # two lamps
    cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
    return scene


def set_plate_pass(scene: Any, samples: int) -> None:
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling, cycles.adaptive_threshold = samples, True, 0.02
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.film_exposure = 0.85


def set_truth_pass(scene: Any, samples: int) -> None:
    """Only the robot is left in the film's alpha: it glows white and all the rest is a hole."""
    scene.render.film_transparent = True
    scene.render.use_border, scene.render.use_crop_to_border = True, False
    cycles = scene.cycles
    cycles.use_denoising = cycles.use_adaptive_sampling = False
    cycles.samples, cycles.max_bounces = samples, 0
    scene.view_layers[0].material_override = glow("truth", (1, 1, 1), 1.0)
    subject = bpy.data.objects["robot"].children_recursive
    for thing in scene.objects:
        thing.is_holdout = thing not in subject
        thing.hide_render = thing.type == "LIGHT" or thing.name.startswith("puddle")


def frame_robot(scene: Any) -> None:
    """Limits the truth pass to the robot's part of the picture; outside it the film stays 0."""
    graph = bpy.context.evaluated_depsgraph_get()
    seen = []
    for part in bpy.data.objects["robot"].children_recursive:
        if part.type != "EMPTY":
            whole = part.evaluated_get(graph)
            corners = [whole.matrix_world @ Vector(corner) for corner in whole.bound_box]
            seen += [world_to_camera_view(scene, scene.camera, corner) for corner in corners]
    room = 0.06  # for motion blur and defocus, as a part of the picture
    across, up = [point.x for point in seen], [point.y for point in seen]
    render = scene.render
    render.border_min_x, render.border_max_x = min(across) - room, max(across) + room
    render.border_min_y, render.border_max_y = min(up) - room, max(up) + room


def rewrite(source: Path, target: Path, channels: tuple[str, ...], codec: str) -> None:
    """Keeps the named channels of Blender's file, in half, and moves the file into place."""
    image = ImageBufAlgo.channels(ImageBuf(str(source)), channels)
    if channels == ("A",):
        image = ImageBufAlgo.clamp(image, 0.0, 1.0)
    clean = ImageSpec(WIDTH, HEIGHT, len(channels), "half")
    clean.channelnames = channels
    clean.attribute("compression", codec)
    clean.attribute("oiio:ColorSpace", "lin_rec709")
    output = ImageOutput.create(str(target))
    partial = target.with_name(f"partial.{target.name}")
    done = output is not None and output.open(str(partial), clean)
    if output is None or not (done and output.write_image(image.get_pixels("float"))):
        raise OSError(f"{partial} could not be written: is the disk full?")
    output.close()
    source.unlink()
    partial.replace(target)


def render_pass(
    scene: Any, frames: Iterable[int], folder: Path, channels: tuple[str, ...], codec: str
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        target = folder / f"demo.{frame:04d}.exr"
        if target.exists():
            continue
        raw = folder / f"raw.{frame:04d}.exr"
        scene.frame_set(frame)
        frame_robot(scene)  # without effect on the plate, which uses no border
        scene.render.filepath = str(raw)
        bpy.ops.render.render(write_still=True)
        rewrite(raw, target, channels, codec)
        print(f"wrote {target}", flush=True)


def frame_list(text: str) -> list[int]:
    """`1001-1048`, `1001` or several of them joined by commas."""
    frames: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        frames += range(int(first), int(last or first) + 1)
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the demo shot and its ground truth.")
    parser.add_argument("--out", type=Path, required=True, help="folder for plate/ and truth/")
    parser.add_argument("--frames", type=frame_list, default=frame_list(f"{FIRST}-{LAST}"))
    parser.add_argument("--preview", action="store_true", help="few samples")
    options = parser.parse_args()
    scene = new_scene()
    build_background()
    build_robot()
    build_light(scene)
    build_camera(scene)
    set_plate_pass(scene, 24 if options.preview else 36)
    render_pass(scene, options.frames, options.out / "plate", ("R", "G", "B"), "dwab:130")
    set_truth_pass(scene, 64 if options.preview else 256)
    render_pass(scene, options.frames, options.out / "truth", ("A",), "zip")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # bpy can hang while Python takes it down
