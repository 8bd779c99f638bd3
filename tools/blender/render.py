"""A picture and its ground truth from one Blender scene, and the files they are kept in.

    plate   scene-linear RGB (Rec.709 primaries), half, DWAB
    truth   coverage of the subject, one channel A, 0..1, half, ZIP

Both are rendered from the same scene with the same shutter, lens and pixel filter, so the truth has
the plate's motion blur and defocus.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import bpy
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from .materials import glow

# bpy carries OpenImageIO, but not on the path of a Python that is not Blender's own.
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_BUNDLED = Path(bpy.utils.resource_path("LOCAL")) / "python" / "lib" / _VERSION / "site-packages"
sys.path.append(str(_BUNDLED))

from OpenImageIO import ImageBuf, ImageBufAlgo, ImageOutput, ImageSpec  # noqa: E402

RATE = 24


def new_scene(size: tuple[int, int], first: int, last: int) -> Any:
    """An empty scene for Cycles: `size` is (width, height) in pixels, 24 frames per second."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.fps = RATE
    scene.frame_start, scene.frame_end = first, last
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


def set_plate_pass(scene: Any, samples: int, exposure: float, least: int = 0) -> None:
    """Set up the plate pass. With `least` above 0 every pixel gets at least so many samples and the
    image keeps its grain; with 0 Cycles chooses and the image is denoised."""
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling, cycles.adaptive_threshold = samples, True, 0.02
    cycles.adaptive_min_samples = least
    cycles.use_denoising, cycles.denoiser = not least, "OPENIMAGEDENOISE"
    cycles.film_exposure = exposure


def set_truth_pass(scene: Any, subject: str, samples: int, noise: float = 0.0) -> None:
    """Only the subject is left in the film's alpha: it glows white and all the rest is a hole.

    The subject is what hangs below the object of that name. With a `noise` above 0 a pixel that has
    come closer than this to its final value gets no more samples, which are then left to the edges.
    """
    scene.render.film_transparent = True
    scene.render.use_border, scene.render.use_crop_to_border = True, False
    cycles = scene.cycles
    cycles.use_denoising, cycles.use_adaptive_sampling = False, noise > 0
    cycles.adaptive_threshold, cycles.adaptive_min_samples = noise, samples // 8
    cycles.samples, cycles.max_bounces = samples, 0
    scene.view_layers[0].material_override = glow("truth", (1, 1, 1), 1.0)
    parts = bpy.data.objects[subject].children_recursive
    for thing in scene.objects:
        thing.is_holdout = thing not in parts
        thing.hide_render = thing.type == "LIGHT" or thing.name.startswith("puddle")


def frame_subject(scene: Any, subject: str) -> None:
    """Limit the truth pass to the subject's part of the frame; outside of it the film stays 0."""
    graph = bpy.context.evaluated_depsgraph_get()
    seen = []
    for part in bpy.data.objects[subject].children_recursive:
        if part.type != "EMPTY":
            whole = part.evaluated_get(graph)
            corners = [whole.matrix_world @ Vector(corner) for corner in whole.bound_box]
            seen += [world_to_camera_view(scene, scene.camera, corner) for corner in corners]
    room = 0.06  # for motion blur and defocus, as a part of the picture
    across, up = [point.x for point in seen], [point.y for point in seen]
    render = scene.render
    render.border_min_x, render.border_max_x = min(across) - room, max(across) + room
    render.border_min_y, render.border_max_y = min(up) - room, max(up) + room


def render_plate(scene: Any, frames: Iterable[int], pattern: Path) -> None:
    """Render the missing frames; `pattern` is a path with #### for the frame."""
    for frame, target in missing(frames, pattern):
        scene.frame_set(frame)
        render(scene, target, ("R", "G", "B"), "dwab:130")


def render_truth(scene: Any, subject: str, frames: Iterable[int], pattern: Path) -> None:
    for frame, target in missing(frames, pattern):
        scene.frame_set(frame)
        frame_subject(scene, subject)
        render(scene, target, ("A",), "zip")


def missing(frames: Iterable[int], pattern: Path) -> Iterable[tuple[int, Path]]:
    for frame in frames:
        target = Path(str(pattern).replace("####", f"{frame:04d}"))
        if not target.exists():
            yield frame, target


def render(scene: Any, target: Path, channels: tuple[str, ...], codec: str) -> None:
    """Render the scene's current frame and store its named channels, in half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    raw = target.with_name(f"raw.{target.name}")
    scene.render.filepath = str(raw)
    bpy.ops.render.render(write_still=True)
    rewrite(raw, target, channels, codec)
    print(f"wrote {target}", flush=True)


def rewrite(source: Path, target: Path, channels: tuple[str, ...], codec: str) -> None:
    """Copy the named channels of Blender's file, in half, to its final place."""
    image = ImageBufAlgo.channels(ImageBuf(str(source)), channels)
    if channels == ("A",):
        image = ImageBufAlgo.clamp(image, 0.0, 1.0)
    clean = ImageSpec(image.spec().width, image.spec().height, len(channels), "half")
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


def frame_list(text: str) -> list[int]:
    """The frames of `1001-1048`, `1001` or several of these, separated by commas."""
    frames: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        frames += range(int(first), int(last or first) + 1)
    return frames


def leave() -> NoReturn:
    """Exit at once: bpy can hang while Python shuts down."""
    sys.stdout.flush()
    os._exit(0)
