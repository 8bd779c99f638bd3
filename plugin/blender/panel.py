"""The panel rde-roto in the sidebars of the compositor and the clip editor."""

from __future__ import annotations

from typing import Any

import bpy


class RDE_ROTO_UL_keyframes(bpy.types.UIList):  # noqa: N801 - Blender asks for such names
    """A keyframe a row."""

    def draw_item(
        self,
        _context: Any,
        layout: Any,
        _data: Any,
        item: Any,
        _icon: int,
        _active_data: Any,
        _active: str,
    ) -> None:
        row = layout.row(align=True)
        row.label(text=str(item.frame), icon="KEYTYPE_KEYFRAME_VEC")
        row.label(text=item.source)
        row.operator("rde_roto.remove_keyframe", text="", icon="X").frame = item.frame


class _Panel:
    bl_label = "rde-roto"
    bl_region_type = "UI"
    bl_category = "rde-roto"

    def draw(self: Any, context: Any) -> None:
        shot, doing = context.scene.rde_roto, context.window_manager.rde_roto
        layout = self.layout
        layout.use_property_split = True
        column = layout.column()
        column.enabled = not doing.what
        _draw_shot(column, shot)
        _draw_keyframes(column, context.scene, shot)
        _draw_doing(layout, shot, doing)


def _draw_shot(column: Any, shot: Any) -> None:
    column.prop(shot, "plate")
    column.operator("rde_roto.fit_scene")
    column.prop(shot, "element")
    column.prop(shot, "preset")
    column.prop(shot, "model")
    column.operator("rde_roto.ask_names")
    column.separator()


def _draw_keyframes(column: Any, scene: Any, shot: Any) -> None:
    column.prop(shot, "source", expand=True)
    column.prop(shot, "mask" if shot.source == "MASK" else "image")
    text = f"Set Keyframe {scene.frame_current}"
    column.operator("rde_roto.set_keyframe", text=text, icon="KEY_HLT")
    column.template_list("RDE_ROTO_UL_keyframes", "", shot, "keyframes", shot, "active", rows=3)
    column.separator()


def _draw_doing(layout: Any, shot: Any, doing: Any) -> None:
    column = layout.column()
    column.enabled = not doing.what
    column.prop(shot, "frames")
    column.prop(shot, "out")
    if doing.what:
        row = layout.row(align=True)
        part = doing.done / doing.total if doing.total else 0.0
        count = f": {doing.done} of {doing.total}" if doing.total else ""
        row.progress(factor=part, text=f"{doing.what}{count}")
        row.operator("rde_roto.stop", text="", icon="CANCEL")
    else:
        row = layout.row(align=True)
        row.operator("rde_roto.learn")
        if shot.learned:
            row.operator("rde_roto.forget", text="", icon="X")
        layout.operator("rde_roto.propagate", icon="PLAY")
    layout.operator("rde_roto.wire", icon="NODETREE")
    if doing.last:
        layout.label(text=doing.last)


class RDE_ROTO_PT_compositor(_Panel, bpy.types.Panel):  # noqa: N801
    bl_space_type = "NODE_EDITOR"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return bool(context.space_data.tree_type == "CompositorNodeTree")


class RDE_ROTO_PT_clip(_Panel, bpy.types.Panel):  # noqa: N801
    bl_space_type = "CLIP_EDITOR"


_CLASSES = (RDE_ROTO_UL_keyframes, RDE_ROTO_PT_compositor, RDE_ROTO_PT_clip)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
