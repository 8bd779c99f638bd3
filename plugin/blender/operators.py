"""What the panel's buttons do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty

from . import masks, plates, wiring, work
from .asking import Asking, said_as_report
from .errand import Errand, RefusedError
from .properties import absolute


class FitScene(bpy.types.Operator):
    """Give the scene the plate's frame numbers and size, and open the plate as a clip"""

    bl_idname = "rde_roto.fit_scene"
    bl_label = "Fit Scene to Plate"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @said_as_report
    def execute(self, context: Any) -> set[str]:
        scene = context.scene
        path = scene.rde_roto.plate_path()
        if plates.is_movie(path):
            raise RefusedError("a movie does not say its frame numbers: set the scene's frames")
        files = plates.files_of(path)
        first, last = min(files), max(files)
        clip = _clip(files[first])
        clip.frame_start = first  # 1 by default, which would show each frame at another's number
        scene.frame_start, scene.frame_end = first, last
        scene.render.resolution_x, scene.render.resolution_y = clip.size
        scene.render.resolution_percentage = 100
        if not first <= scene.frame_current <= last:
            scene.frame_set(first)
        if context.area is not None and context.area.type == "CLIP_EDITOR":
            context.space_data.clip = clip
        return {"FINISHED"}


class SetKeyframe(Asking, bpy.types.Operator):
    """Set the current frame's keyframe from the mask or the image that is chosen"""

    bl_idname = "rde_roto.set_keyframe"
    bl_label = "Set Keyframe"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    doing = "set keyframe"

    def prepare(self: Any, context: Any) -> Callable[[Errand], Any]:
        shot = context.scene.rde_roto
        self.frame = context.scene.frame_current
        path, over = shot.plate_path(), None
        if not plates.is_movie(path):
            files = plates.files_of(path)
            if self.frame not in files:
                raise RefusedError(
                    f"the plate has no frame {self.frame}: it has {min(files)} to {max(files)}"
                )
            path = over = str(files[self.frame])
        if shot.source == "IMAGE":
            image = absolute(shot.image, "the image")
            if not Path(image).is_file():
                raise RefusedError(f"the image is not there: {image}")
            self.source, as_it_is = Path(image).name, shot.image
            return lambda errand: as_it_is
        if shot.mask is None:
            raise RefusedError("no mask is chosen: draw one over the plate and choose it")
        layers, has_feather = masks.layers_of(shot.mask)
        if has_feather:
            self.report({"WARNING"}, f"the feather of {shot.mask.name} is left out")
        self.source = shot.mask.name
        width, height = _clip(Path(path)).size
        if not width or not height:
            raise RefusedError(f"Blender cannot read {path}")
        return lambda errand: work.keep_mask(errand, layers, width, height, over)

    def finish(self: Any, scene: Any, outcome: Any) -> str:
        scene.rde_roto.set_keyframe(self.frame, outcome, self.source)
        return f"keyframe {self.frame} is set from {self.source}"


class RemoveKeyframe(bpy.types.Operator):
    """Remove a keyframe; its mask's file stays"""

    bl_idname = "rde_roto.remove_keyframe"
    bl_label = "Remove Keyframe"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    __annotations__ = {"frame": IntProperty(name="Frame")}

    @said_as_report
    def execute(self: Any, context: Any) -> set[str]:
        if not context.scene.rde_roto.remove_keyframe(self.frame):
            raise RefusedError(f"there is no keyframe {self.frame}")
        return {"FINISHED"}


class Propagate(Asking, bpy.types.Operator):
    """Follow the element from its keyframes through the shot, and write the mattes. Esc stops it"""

    bl_idname = "rde_roto.propagate"
    bl_label = "Propagate"
    doing = "propagate"

    def prepare(self: Any, context: Any) -> Callable[[Errand], Any]:
        shot = context.scene.rde_roto
        self.folder, out = shot.out_folder(), shot.matte_pattern()
        document, frames = shot.document(), shot.frames.strip()
        return lambda errand: work.propagate(errand, document, frames, out)

    def finish(self: Any, scene: Any, outcome: Any) -> str:
        wiring.reload_images(self.folder)
        return f"{outcome.count} mattes, {outcome.frames}, are in {self.folder}"


class Learn(Asking, bpy.types.Operator):
    """Let the network learn from the keyframes for a minute or two; Esc stops it"""

    bl_idname = "rde_roto.learn"
    bl_label = "Learn"
    doing = "learn"

    def prepare(self: Any, context: Any) -> Callable[[Errand], Any]:
        document = context.scene.rde_roto.document()
        return lambda errand: work.learn(errand, document)

    def finish(self: Any, scene: Any, outcome: Any) -> str:
        sentence = str(outcome["sentence"])
        if not outcome["learned"]:
            return sentence
        scene.rde_roto.model.learned = outcome["learned"]
        return f"{sentence}; propagate again"


class Forget(bpy.types.Operator):
    """Go back to the base model"""

    bl_idname = "rde_roto.forget"
    bl_label = "Forget What Was Learned"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @said_as_report
    def execute(self, context: Any) -> set[str]:
        if not context.scene.rde_roto.model.learned:
            raise RefusedError("the network has learned nothing of this shot")
        context.scene.rde_roto.model.learned = ""
        return {"FINISHED"}


class Stop(bpy.types.Operator):
    """Stop what is being done; mattes that are written stay"""

    bl_idname = "rde_roto.stop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return bool(context.window_manager.rde_roto.what)

    def execute(self, context: Any) -> set[str]:
        context.window_manager.rde_roto.stop = True
        return {"FINISHED"}


class Wire(bpy.types.Operator):
    """Put the mattes into the scene's compositor: image nodes, and the plate cut out"""

    bl_idname = "rde_roto.wire"
    bl_label = "Wire into Compositor"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @said_as_report
    def execute(self, context: Any) -> set[str]:
        shot = context.scene.rde_roto
        pattern = shot.matte_pattern()
        try:
            mattes = plates.files_of(pattern)
        except RefusedError:
            raise RefusedError(f"there are no mattes yet, {pattern}: propagate first") from None
        path = shot.plate_path()
        if plates.is_movie(path):
            plate = Path(path)
        else:
            files = plates.files_of(path)
            plate = files.get(min(mattes), files[min(files)])
        wiring.wire(context.scene, plate, mattes)
        return {"FINISHED"}


class AskNames(Asking, bpy.types.Operator):
    """Ask the engine which presets and models there are"""

    bl_idname = "rde_roto.ask_names"
    bl_label = "List Presets and Models"
    doing = "ask the engine"

    def prepare(self, context: Any) -> Callable[[Errand], Any]:
        return work.names

    def finish(self, scene: Any, outcome: Any) -> str:
        doing = bpy.context.window_manager.rde_roto
        for found, names in zip((doing.presets, doing.models), outcome, strict=True):
            found.clear()
            for name, about in names:
                entry = found.add()
                entry.name, entry.about = name, about
        return f"{len(outcome[0])} presets, {len(outcome[1])} models"


def _clip(file: Path) -> Any:
    """The plate as a movie clip, which is what masks are drawn over."""
    try:
        return bpy.data.movieclips.load(str(file), check_existing=True)
    except RuntimeError as error:
        raise RefusedError(f"Blender cannot read {file}: {error}".strip()) from error


_CLASSES = (
    FitScene,
    SetKeyframe,
    RemoveKeyframe,
    Propagate,
    Learn,
    Forget,
    Stop,
    Wire,
    AskNames,
)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
