"""An operator that asks the engine and leaves Blender usable meanwhile.

From a script (`bpy.ops.rde_roto.propagate()`) or without a window it waits for the engine and
returns when it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from .errand import SENTENCES, Errand, RefusedError, StoppedError

_LOOKS_AGAIN_S = 0.1
_SHOWN_IN = {"NODE_EDITOR", "CLIP_EDITOR"}


def said_as_report(execute: Callable[[Any, Any], set[str]]) -> Callable[[Any, Any], set[str]]:
    """An operator's `execute` whose sentences become reports: no traceback for the artist."""

    def reported(self: Any, context: Any) -> set[str]:
        try:
            return execute(self, context)
        except SENTENCES as error:
            self.report({"ERROR"}, _sentence(error))
            return {"CANCELLED"}

    return reported


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__


class Asking:
    """An operator that asks the engine. A mix-in for bpy.types.Operator.

    `prepare` reads what it needs from Blender and returns the work, which runs in a thread and
    touches nothing of Blender; `finish` puts the outcome into Blender and returns a sentence. One
    runs at a time.
    """

    doing = ""

    def prepare(self, context: Any) -> Callable[[Errand], Any]:
        raise NotImplementedError

    def finish(self, scene: Any, outcome: Any) -> str:
        raise NotImplementedError

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not context.window_manager.rde_roto.what

    def execute(self: Any, context: Any) -> set[str]:
        if not self.begin(context):
            return {"CANCELLED"}
        self.errand.wait()
        return self.end(context)

    def invoke(self: Any, context: Any, _event: Any) -> set[str]:
        if not self.begin(context):
            return {"CANCELLED"}
        manager = context.window_manager
        self.timer = manager.event_timer_add(_LOOKS_AGAIN_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self: Any, context: Any, event: Any) -> set[str]:
        doing = context.window_manager.rde_roto
        if event.type == "ESC" or doing.stop:
            self.errand.stop()
        if event.type != "TIMER":
            # everything else goes on to Blender, which is not blocked; Esc was for us
            return {"RUNNING_MODAL"} if event.type == "ESC" else {"PASS_THROUGH"}
        doing.done, doing.total = self.errand.done, self.errand.total
        _draw_again(context)
        return self.end(context) if self.errand.has_ended else {"PASS_THROUGH"}

    def cancel(self: Any, context: Any) -> None:
        """Blender ends it, for instance because another file is opened."""
        self.errand.stop()
        self._over(context)

    def begin(self: Any, context: Any) -> bool:
        """Whether it could be begun; if not, it has been reported why."""
        self.timer = None
        try:
            ask = self.prepare(context)
        except SENTENCES as error:
            self.report({"ERROR"}, _sentence(error))
            return False
        self.scene = context.scene.name
        doing = context.window_manager.rde_roto
        doing.what, doing.last, doing.stop, doing.done, doing.total = self.doing, "", False, 0, 0
        self.errand = Errand(ask)
        return True

    def end(self: Any, context: Any) -> set[str]:
        self._over(context)
        doing = context.window_manager.rde_roto
        try:
            outcome = self.errand.outcome()
            # found by name: what was undone meanwhile has made other objects of all of them
            scene = bpy.data.scenes.get(self.scene)
            if scene is None:
                raise RefusedError(f"the scene {self.scene} is gone")
            doing.last = self.finish(scene, outcome)
        except StoppedError:
            doing.last = f"{self.doing}: stopped"
            self.report({"WARNING"}, doing.last)
            return {"CANCELLED"}
        except SENTENCES as error:
            doing.last = _sentence(error)
            self.report({"ERROR"}, doing.last)
            return {"CANCELLED"}
        self.report({"INFO"}, doing.last)
        return {"FINISHED"}

    def _over(self: Any, context: Any) -> None:
        if self.timer is not None:
            context.window_manager.event_timer_remove(self.timer)
            self.timer = None
        context.window_manager.rde_roto.what = ""
        _draw_again(context)


def _draw_again(context: Any) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in _SHOWN_IN:
                area.tag_redraw()
