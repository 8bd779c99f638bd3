"""The rde-roto panel in the sidebars of the compositor and the clip editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .properties import Activity, Shot, activity_of, scene_of, shot_of


class RDE_ROTO_UL_keyframes(bpy.types.UIList):  # noqa: N801 - Blender requires such names
    """A row per keyframe."""

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
        row = layout.row(align=True)
        row.label(text=str(item.frame), icon="KEYTYPE_KEYFRAME_VEC")
        row.label(text=item.source)
        remove: Any = row.operator("rde_roto.remove_keyframe", text="", icon="X")
        remove.frame = item.frame


if TYPE_CHECKING:
    _Base = bpy.types.Panel
else:  # a mix-in at run time: Blender wants a registered class to derive from Panel itself
    _Base = object


class _Panel(_Base):
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
        _draw_keyframes(column, scene_of(context), shot)
        _draw_activity(layout, shot, activity)


def _draw_shot(column: bpy.types.UILayout, shot: Shot) -> None:
    column.prop(shot, "plate")
    column.operator("rde_roto.fit_scene")
    column.prop(shot, "element")
    column.prop(shot, "preset")
    column.prop(shot, "model")
    column.operator("rde_roto.ask_names")
    column.separator()


def _draw_keyframes(column: bpy.types.UILayout, scene: bpy.types.Scene, shot: Shot) -> None:
    column.prop(shot, "source", expand=True)
    column.prop(shot, "mask" if shot.source == "MASK" else "image")
    text = f"Set Keyframe {scene.frame_current}"
    column.operator("rde_roto.set_keyframe", text=text, icon="KEY_HLT")
    column.template_list("RDE_ROTO_UL_keyframes", "", shot, "keyframes", shot, "active", rows=3)
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
        if shot.learned:
            row.operator("rde_roto.forget", text="", icon="X")
        layout.operator("rde_roto.propagate", icon="PLAY")
    layout.operator("rde_roto.wire", icon="NODETREE")
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


_CLASSES = (RDE_ROTO_UL_keyframes, RDE_ROTO_PT_compositor, RDE_ROTO_PT_clip)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
