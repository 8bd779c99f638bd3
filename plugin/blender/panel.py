"""The rde-roto panel in the sidebars of the compositor and the clip editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .activity import Activity, activity_of
from .elements import Element
from .properties import Shot, scene_of, shot_of

if TYPE_CHECKING:
    _ListBase = bpy.types.UIList
    _PanelBase = bpy.types.Panel
else:  # mix-ins at run time: Blender wants a registered class to derive from its own itself
    _ListBase = _PanelBase = object


class _Rows(_ListBase):
    def draw_item(
        self,
        _context: bpy.types.Context | None,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int | None,
        _active_data: Any,
        _active: str | None,
        _index: int | None = 0,
        _filter: int | None = 0,
    ) -> None:
        self.draw_row(layout.row(align=True), item)

    def draw_row(self, row: bpy.types.UILayout, item: Any) -> None:
        raise NotImplementedError


class RDE_ROTO_UL_keyframes(_Rows, bpy.types.UIList):  # noqa: N801 - Blender requires such names
    """A row per keyframe."""

    def draw_row(self, row: bpy.types.UILayout, item: Any) -> None:
        row.label(text=str(item.frame), icon="KEYTYPE_KEYFRAME_VEC")
        row.label(text=item.source)
        remove: Any = row.operator("rde_roto.remove_keyframe", text="", icon="X")
        remove.frame = item.frame


class RDE_ROTO_UL_elements(_Rows, bpy.types.UIList):  # noqa: N801
    """A row per element."""

    def draw_row(self, row: bpy.types.UILayout, item: Any) -> None:
        row.prop(item, "name", text="", emboss=False, icon="MOD_MASK")
        row.label(text=f"Keyframes: {len(item.keyframes)}")


class _Panel(_PanelBase):
    bl_label = "rde-roto"
    bl_region_type = "UI"
    bl_category = "rde-roto"

    def draw(self, context: bpy.types.Context) -> None:
        shot, activity = shot_of(context), activity_of(context)
        layout = self.layout
        assert layout is not None  # Blender sets it before it draws
        layout.use_property_split = True
        column = layout.column()
        column.enabled = not activity.what
        _draw_shot(column, shot)
        _draw_elements(column, shot)
        if not len(shot.elements):
            return
        _draw_keyframes(column, scene_of(context), shot.current)
        _draw_activity(layout, shot, activity)


def _draw_shot(column: bpy.types.UILayout, shot: Shot) -> None:
    column.prop(shot, "plate")
    column.operator("rde_roto.fit_scene")
    column.prop(shot, "preset")
    column.prop(shot, "model")
    column.operator("rde_roto.ask_names")
    column.separator()


def _draw_elements(column: bpy.types.UILayout, shot: Shot) -> None:
    row = column.row()
    row.template_list("RDE_ROTO_UL_elements", "", shot, "elements", shot, "active", rows=2)
    buttons = row.column(align=True)
    buttons.operator("rde_roto.add_element", text="", icon="ADD")
    buttons.operator("rde_roto.remove_element", text="", icon="REMOVE")
    if shot.is_outdated:
        column.label(text="Set up by an earlier rde-roto:", icon="INFO")
        column.label(text="+ takes its keyframes over")
    elif not len(shot.elements):
        column.label(text="No element yet: add one with +", icon="INFO")


def _draw_keyframes(column: bpy.types.UILayout, scene: bpy.types.Scene, element: Element) -> None:
    column.prop(element, "source", expand=True)
    column.prop(element, "mask" if element.source == "MASK" else "image")
    text = f"Set Keyframe {scene.frame_current}"
    column.operator("rde_roto.set_keyframe", text=text, icon="KEY_HLT")
    column.template_list(
        "RDE_ROTO_UL_keyframes", "", element, "keyframes", element, "active", rows=3
    )
    column.separator()


def _draw_activity(layout: bpy.types.UILayout, shot: Shot, activity: Activity) -> None:
    column = layout.column()
    column.enabled = not activity.what
    column.prop(shot, "frames")
    column.prop(shot, "out")
    if activity.what:
        row = layout.row(align=True)
        part = activity.done / activity.total if activity.total else 0.0
        count = f": {activity.done} of {activity.total}" if activity.total else ""
        row.progress(factor=part, text=f"{activity.what}{count}")
        row.operator("rde_roto.stop", text="", icon="CANCEL")
    else:
        row = layout.row(align=True)
        row.operator("rde_roto.learn")
        if shot.current.learned:
            row.operator("rde_roto.forget", text="", icon="X")
        row = layout.row(align=True)
        row.operator("rde_roto.propagate", icon="PLAY")
        if len(shot.elements) > 1:
            every: Any = row.operator("rde_roto.propagate", text="All")
            every.every = True
        layout.operator("rde_roto.next_to_fix", icon="VIEWZOOM")
    layout.operator("rde_roto.wire", icon="NODETREE")
    row = layout.row(align=True)
    row.operator("rde_roto.import_shapes", icon="IMPORT")
    row.operator("rde_roto.export_shapes", icon="EXPORT")
    if activity.last:
        layout.label(text=activity.last)


class RDE_ROTO_PT_compositor(_Panel, bpy.types.Panel):  # noqa: N801
    bl_space_type = "NODE_EDITOR"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        space = context.space_data
        return isinstance(space, bpy.types.SpaceNodeEditor) and bool(
            space.tree_type == "CompositorNodeTree"
        )


class RDE_ROTO_PT_clip(_Panel, bpy.types.Panel):  # noqa: N801
    bl_space_type = "CLIP_EDITOR"


CLASSES = (RDE_ROTO_UL_elements, RDE_ROTO_UL_keyframes, RDE_ROTO_PT_compositor, RDE_ROTO_PT_clip)
