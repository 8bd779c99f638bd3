"""An operator that sends a request to the engine while Blender stays usable.

Called from a script (`bpy.ops.rde_roto.propagate()`) or without a window, it waits for the engine
and returns when the request is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import bpy

from .activity import activity_of, window_manager_of
from .properties import scene_of
from .request import USER_ERRORS, RefusedError, Request, StoppedError

_POLL_S = 0.1
_SHOWN_IN = {"NODE_EDITOR", "CLIP_EDITOR"}

Result = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]
"""What an operator returns to Blender."""

T = TypeVar("T")

if TYPE_CHECKING:
    _Operator = bpy.types.Operator
else:  # a mix-in at run time: Blender wants a registered class to derive from Operator itself
    _Operator = object


def errors_reported(
    execute: Callable[[Any, bpy.types.Context], Result],
) -> Callable[[Any, bpy.types.Context], Result]:
    """An operator's `execute` that reports the errors meant for the artist: no traceback."""

    def reporting(self: Any, context: bpy.types.Context) -> Result:
        try:
            return execute(self, context)
        except USER_ERRORS as error:
            self.report({"ERROR"}, _sentence(error))
            return {"CANCELLED"}

    return reporting


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__


class RequestOperator(Generic[T], _Operator):
    """A mix-in for bpy.types.Operator; one such operator runs at a time.

    `prepare` reads what it needs from Blender and returns the work for the request's thread, which
    does not touch Blender. `finish` puts the result into Blender and returns a sentence.
    """

    doing = ""
    """What the status line calls it."""

    timer: bpy.types.Timer | None = None

    def prepare(self, context: bpy.types.Context) -> Callable[[Request[T]], T]:
        raise NotImplementedError

    def finish(self, scene: bpy.types.Scene, result: T) -> str:
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not activity_of(context).what

    def execute(self, context: bpy.types.Context) -> Result:
        if not self.begin(context):
            return {"CANCELLED"}
        self.request.wait()
        return self.end(context)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        if not self.begin(context):
            return {"CANCELLED"}
        manager = window_manager_of(context)
        self.timer = manager.event_timer_add(_POLL_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        activity = activity_of(context)
        if event.type == "ESC" or activity.stop:
            self.request.stop()
        if event.type != "TIMER":
            # Esc was for this operator; every other event goes on to Blender
            return {"RUNNING_MODAL"} if event.type == "ESC" else {"PASS_THROUGH"}
        activity.done, activity.total = self.request.done, self.request.total
        _redraw(context)
        return self.end(context) if self.request.has_ended else {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Called when Blender ends the operator, for instance because another file is opened."""
        self.request.stop()
        self._clean_up(context)

    def begin(self, context: bpy.types.Context) -> bool:
        """Start the request. On false the reason has been reported."""
        self.timer = None
        try:
            work = self.prepare(context)
        except USER_ERRORS as error:
            self.report({"ERROR"}, _sentence(error))
            return False
        self.scene = scene_of(context).name
        activity = activity_of(context)
        activity.what, activity.last, activity.stop = self.doing, "", False
        activity.done = activity.total = 0
        self.request = Request(work)
        return True

    def end(self, context: bpy.types.Context) -> Result:
        """Take the result of the request, and report it."""
        self._clean_up(context)
        activity = activity_of(context)
        try:
            result = self.request.result()
            # found by name: an undo in between replaces every object
            scene = bpy.data.scenes.get(self.scene)
            if scene is None:
                raise RefusedError(f"the scene {self.scene} is gone")
            activity.last = self.finish(scene, result)
        except StoppedError:
            activity.last = f"{self.doing}: stopped"
            self.report({"WARNING"}, activity.last)
            return {"CANCELLED"}
        except USER_ERRORS as error:
            activity.last = _sentence(error)
            self.report({"ERROR"}, activity.last)
            return {"CANCELLED"}
        self.report({"INFO"}, activity.last)
        return {"FINISHED"}

    def _clean_up(self, context: bpy.types.Context) -> None:
        if self.timer is not None:
            window_manager_of(context).event_timer_remove(self.timer)
            self.timer = None
        activity_of(context).what = ""
        _redraw(context)


def _redraw(context: bpy.types.Context) -> None:
    for window in window_manager_of(context).windows:
        for area in window.screen.areas:
            if area.type in _SHOWN_IN:
                area.tag_redraw()
