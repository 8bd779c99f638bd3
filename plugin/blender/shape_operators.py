"""The operators that bring shapes into Blender's masks, and back."""

# no annotations from __future__: see elements.py

import json
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import StringProperty

from . import mask_files
from .activity import window_manager_of
from .properties import scene_of, shot_in
from .request import RefusedError
from .request_operator import Result, errors_reported

_ENDING = ".mask.json"

if TYPE_CHECKING:
    _Operator = bpy.types.Operator
else:  # a mix-in at run time: Blender wants a registered class to derive from Operator itself
    _Operator = object


class _FileOperator(_Operator):
    """Asks for a file first."""

    if TYPE_CHECKING:
        filepath: str
        filter_glob: str
    else:
        filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
        filter_glob: StringProperty(default=f"*{_ENDING}", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        window_manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}


class ImportShapes(_FileOperator, bpy.types.Operator):
    """Make masks with keys from a file that rde-roto shapes has written"""

    bl_idname = "rde_roto.import_shapes"
    bl_label = "Import Shapes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        document = mask_files.read(Path(self.filepath))
        made = mask_files.make_masks(context, document)
        for mask, content in zip(made, document["masks"], strict=True):
            for element in shot_in(scene_of(context)).elements:
                if element.name == content["name"]:
                    element.mask = mask
        self.report({"INFO"}, f"made {', '.join(mask.name for mask in made)}")
        return {"FINISHED"}


class ExportShapes(_FileOperator, bpy.types.Operator):
    """Write the masks of the elements, with their animation, for rde-roto shapes"""

    bl_idname = "rde_roto.export_shapes"
    bl_label = "Export Shapes"
    bl_options = {"REGISTER"}  # noqa: RUF012

    @errors_reported
    def execute(self, context: bpy.types.Context) -> Result:
        masks = {e.name: e.mask for e in shot_in(scene_of(context)).elements if e.mask is not None}
        if not masks:
            raise RefusedError("no element has a mask: choose one in the panel first")
        document = mask_files.document_of(context, masks)
        path = Path(self.filepath)
        if not path.name.endswith(_ENDING):
            path = path.with_name(path.name.removesuffix(".json") + _ENDING)
        path.write_text(json.dumps(document) + "\n", encoding="utf-8")
        self.report({"INFO"}, f"wrote {path}")
        return {"FINISHED"}


CLASSES = (ImportShapes, ExportShapes)
