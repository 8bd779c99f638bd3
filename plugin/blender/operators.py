"""The operators behind the panel's buttons."""

# no annotations from __future__: see elements.py

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bpy
from bpy.props import BoolProperty, IntProperty

from . import comp_nodes, engine_requests, masks, plates
from .activity import activity_of
from .engine_requests import Named, Propagated, Track
from .properties import absolute, element_in, scene_of, shot_in, shot_of
from .request import RefusedError, Request
from .request_operator import RequestOperator, Result, errors_reported


class FitScene(bpy.types.Operator):
    """Give the scene the plate's frame numbers and size, and open the plate as a clip"""

    bl_idname = "rde_roto.fit_scene"
    bl_label = "Fit Scene to Plate"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        scene = scene_of(context)
        path = shot_in(scene).plate_path()
        if plates.is_movie(path):
            raise RefusedError("a movie has no frame numbers: set the scene's frames")
        files = plates.files_of(path)
        first, last = min(files), max(files)
        clip = _clip(files[first])
        clip.frame_start = first  # the default of 1 would show every frame at the wrong number
        scene.frame_start, scene.frame_end = first, last
        scene.render.resolution_x, scene.render.resolution_y = _size(clip)
        scene.render.resolution_percentage = 100
        if not len(shot_in(scene).elements):
            shot_in(scene).add_element()
        if not first <= scene.frame_current <= last:
            scene.frame_set(first)
        if context.area is not None and context.area.type == "CLIP_EDITOR":
            space = context.space_data
            assert isinstance(space, bpy.types.SpaceClipEditor)
            space.clip = clip
        return {"FINISHED"}


class SetKeyframe(RequestOperator[str], bpy.types.Operator):
    """Set a keyframe at the current frame from the chosen mask or image"""

    bl_idname = "rde_roto.set_keyframe"
    bl_label = "Set Keyframe"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    doing = "set keyframe"

    def prepare(self, context: bpy.types.Context) -> Callable[[Request[str]], str]:
        shot = shot_of(context)
        element = shot.current
        shot.refuse_shared_name(element)
        self.element, self.frame = element.name, scene_of(context).frame_current
        path, over = shot.plate_path(), None
        if not plates.is_movie(path):
            files = plates.files_of(path)
            if self.frame not in files:
                raise RefusedError(
                    f"the plate has no frame {self.frame}: it has {min(files)} to {max(files)}"
                )
            path = over = str(files[self.frame])
        if element.source == "IMAGE":
            image = absolute(element.image, "the image")
            if not Path(image).is_file():
                raise RefusedError(f"the image is not there: {image}")
            self.source, unchanged = Path(image).name, element.image
            return lambda request: unchanged
        if element.mask is None:
            raise RefusedError("no mask is chosen: draw one over the plate and choose it")
        layers = masks.layers_of(element.mask)
        self.source = element.mask.name
        width, height = _size(_clip(Path(path)))
        if not width or not height:
            raise RefusedError(f"Blender cannot read {path}")
        return lambda request: engine_requests.keep_mask(request, layers, width, height, over)

    def finish(self, scene: bpy.types.Scene, result: str) -> str:
        element_in(scene, self.element).set_keyframe(self.frame, result, self.source)
        return f"keyframe {self.frame} is set from {self.source}"


class RemoveKeyframe(bpy.types.Operator):
    """Remove a keyframe; the file of its mask is kept"""

    bl_idname = "rde_roto.remove_keyframe"
    bl_label = "Remove Keyframe"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    if TYPE_CHECKING:
        frame: int
    else:
        frame: IntProperty(name="Frame")

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        if not shot_of(context).current.remove_keyframe(self.frame):
            raise RefusedError(f"there is no keyframe {self.frame}")
        return {"FINISHED"}


class AddElement(bpy.types.Operator):
    """Add an element to track in this plate"""

    bl_idname = "rde_roto.add_element"
    bl_label = "Add Element"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> Result:
        shot_of(context).add_element()
        return {"FINISHED"}


class RemoveElement(bpy.types.Operator):
    """Remove the chosen element and its keyframes; files are kept"""

    bl_idname = "rde_roto.remove_element"
    bl_label = "Remove Element"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        shot = shot_of(context)
        _ = shot.current  # refuses if there is none
        shot.elements.remove(min(shot.active, len(shot.elements) - 1))
        shot.active = min(shot.active, max(0, len(shot.elements) - 1))
        return {"FINISHED"}


class Propagate(RequestOperator[Propagated], bpy.types.Operator):
    """Track the element from its keyframes through the shot, and write the mattes. Esc stops it"""

    bl_idname = "rde_roto.propagate"
    bl_label = "Propagate"
    doing = "propagate"

    if TYPE_CHECKING:
        every: bool
    else:
        every: BoolProperty(
            name="All",
            description="All elements, one after the other",
            options={"SKIP_SAVE"},  # or the button without it would do all the next time
        )

    def prepare(self, context: bpy.types.Context) -> Callable[[Request[Propagated]], Propagated]:
        shot = shot_of(context)
        self.folder, frames = shot.out_folder(), shot.frames.strip()
        elements = list(shot.elements) if self.every else [shot.current]
        tracks = [Track(shot.document(one), shot.matte_pattern(one)) for one in elements]
        return lambda request: engine_requests.propagate(request, tracks, frames)

    def finish(self, scene: bpy.types.Scene, result: Propagated) -> str:
        comp_nodes.reload_images(self.folder)
        return f"Mattes: {result.total}, of {result.frames}, in {self.folder}"


class NextToFix(RequestOperator[dict[str, Any]], bpy.types.Operator):
    """Go to the frame whose correction is expected to help most"""

    bl_idname = "rde_roto.next_to_fix"
    bl_label = "Next Frame to Fix"
    doing = "look for the next frame"

    def prepare(
        self, context: bpy.types.Context
    ) -> Callable[[Request[dict[str, Any]]], dict[str, Any]]:
        shot = shot_of(context)
        document = shot.document(shot.current)
        return lambda request: request.client.advise(document)

    def finish(self, scene: bpy.types.Scene, result: dict[str, Any]) -> str:
        if result["frame"] is None:
            return f"no frame looks wrong, of {result['judged']}"
        scene.frame_set(result["frame"])
        return f"correct {result['element']} here (confidence {result['confidence']:.2f})"


class Learn(RequestOperator[dict[str, Any]], bpy.types.Operator):
    """Let the network learn from the element's keyframes for a minute or two; Esc stops it"""

    bl_idname = "rde_roto.learn"
    bl_label = "Learn"
    doing = "learn"

    def prepare(
        self, context: bpy.types.Context
    ) -> Callable[[Request[dict[str, Any]]], dict[str, Any]]:
        shot = shot_of(context)
        self.element, document = shot.current.name, shot.document(shot.current)
        return lambda request: engine_requests.learn(request, document)

    def finish(self, scene: bpy.types.Scene, result: dict[str, Any]) -> str:
        sentence = str(result["sentence"])
        if not result["learned"]:
            return sentence
        element_in(scene, self.element).learned = result["learned"]
        return f"{sentence}; propagate again"


class Forget(bpy.types.Operator):
    """Go back to the base model"""

    bl_idname = "rde_roto.forget"
    bl_label = "Forget What Was Learned"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        element = shot_of(context).current
        if not element.learned:
            raise RefusedError(f"the network has not learned anything of {element.name}")
        element.learned = ""
        return {"FINISHED"}


class Stop(bpy.types.Operator):
    """Stop the running request; mattes that are written stay"""

    bl_idname = "rde_roto.stop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(activity_of(context).what)

    def execute(self, context: bpy.types.Context) -> Result:
        activity_of(context).stop = True
        return {"FINISHED"}


class AddToCompositor(bpy.types.Operator):
    """Add nodes to the scene's compositor: plate, mattes, and the plate cut out"""

    bl_idname = "rde_roto.wire"
    bl_label = "Add to Compositor"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        shot = shot_of(context)
        pattern = shot.matte_pattern(shot.current)
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
        cut = comp_nodes.CutOut(shot.current.name, shot.active, plate, mattes)
        comp_nodes.add_nodes(scene_of(context), cut)
        return {"FINISHED"}


class AskNames(RequestOperator[tuple[Named, Named]], bpy.types.Operator):
    """List the presets and models of the engine"""

    bl_idname = "rde_roto.ask_names"
    bl_label = "List Presets and Models"
    doing = "ask the engine"

    def prepare(
        self, context: bpy.types.Context
    ) -> Callable[[Request[tuple[Named, Named]]], tuple[Named, Named]]:
        return engine_requests.presets_and_models

    def finish(self, scene: bpy.types.Scene, result: tuple[Named, Named]) -> str:
        activity = activity_of(bpy.context)
        for found, names in zip((activity.presets, activity.models), result, strict=True):
            found.clear()
            for name, about in names:
                entry = found.add()
                entry.name, entry.about = name, about
        return f"Presets: {len(result[0])}, models: {len(result[1])}"


def _clip(file: Path) -> bpy.types.MovieClip:
    """The plate as a movie clip, over which masks are drawn."""
    try:
        return bpy.data.movieclips.load(str(file), check_existing=True)
    except RuntimeError as error:
        raise RefusedError(f"Blender cannot read {file}: {error}".strip()) from error


def _size(clip: bpy.types.MovieClip) -> tuple[int, int]:
    """Width and height; 0, 0 if Blender cannot read the file."""
    width, height = cast("tuple[int, int]", clip.size)
    return width, height


CLASSES = (
    FitScene,
    SetKeyframe,
    RemoveKeyframe,
    AddElement,
    RemoveElement,
    Propagate,
    NextToFix,
    Learn,
    Forget,
    Stop,
    AddToCompositor,
    AskNames,
)
