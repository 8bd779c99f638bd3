"""The functions behind the buttons and the menu; they run in Nuke's main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, List, Tuple

import nuke

from rde_roto_client import Client
from rde_roto_nuke import background, engine_jobs, keyframes, masks, node
from rde_roto_nuke.errors import USER_ERRORS, NodeError, errors_shown
from rde_roto_nuke.task import Task

_Names = Tuple[List[str], List[str]]


@errors_shown
def create() -> None:
    """Make a node below the selected one and open its panel."""
    selected = nuke.selectedNodes()
    group = node.build()
    if selected:
        above = selected[0]
        group.setInput(0, above)
        group.setXYpos(above.xpos(), above.ypos() + 100)
    _fill_quietly(group)
    group.showControlPanel()


@errors_shown
def set_keyframe(group: Any) -> None:
    """Set a keyframe at the current frame from the alpha of Mask."""
    _set(group, [nuke.frame()])


@errors_shown
def keyframes_from_roto(group: Any) -> None:
    """Set a keyframe wherever the roto in Mask has a key."""
    roto = group.input(1)
    while roto is not None and roto.Class() in ("Dot", "NoOp"):
        roto = roto.input(0)
    if roto is None or roto.Class() not in ("Roto", "RotoPaint"):
        raise NodeError("Mask does not come straight from a Roto: use Set keyframe at each frame")
    frames = sorted({round(time) for time in _key_times(roto["curves"].rootLayer)})
    if not frames:
        raise NodeError(f"the shapes of {roto.name()} have no keys: draw one first")
    _set(group, frames)


@errors_shown
def remove_keyframe(group: Any) -> None:
    """Remove the keyframe at the current frame. The file of its mask stays: copies may use it."""
    node.set_keyframes(group, keyframes.without(group["keyframes"].value(), nuke.frame()))


@errors_shown
def propagate(group: Any) -> None:
    """Write the mattes and show them."""
    request = node.render_request(group)
    before = group["keyframes"].value()

    def make(task: Task) -> str:
        with task.client() as client:
            return engine_jobs.render(client, request, task)

    def show(frames: str) -> None:
        node.show_mattes(group, request.out, frames)
        is_old = group["keyframes"].value() != before
        _set_status(group, node.OLD if is_old else f"{frames} in {request.out}")

    background.start(_worker(group), make, _if_there(group, show), _if_there(group, _status(group)))
    if nuke.GUI:
        _set_status(group, "at work")


@errors_shown
def learn(group: Any) -> None:
    """Let the network learn from the keyframes; the result counts from then on."""
    shot = node.shot_of(group)

    def make(task: Task) -> Any:
        with task.client() as client:
            return engine_jobs.learn(client, shot, task)

    def take(status: Any) -> None:
        if status["learned"]:
            node.set_learned(group, status["learned"])
        again = "; propagate again" if status["learned"] else ""
        _set_status(group, f"{status['sentence']}{again}")

    background.start(_worker(group), make, _if_there(group, take), _if_there(group, _status(group)))
    if nuke.GUI:
        _set_status(group, "at work")


@errors_shown
def forget(group: Any) -> None:
    """Go back to the base model."""
    if not node.learned(group):
        raise NodeError("the model has not learned anything from this shot")
    node.set_learned(group, "")
    _set_status(group, "back to the base model: propagate again")


@errors_shown
def cancel(group: Any) -> None:
    """Stop the node's running work; what is written stays."""
    background.stop(_worker(group))


@errors_shown
def refresh(group: Any) -> None:
    """Fill the pulldowns; start an engine if none runs."""

    def ask(task: Task) -> _Names:
        with task.client() as client:
            return _names(client)

    def fill(names: _Names) -> None:
        node.offer(group, *names)

    background.start(_worker(group), ask, _if_there(group, fill))


def knob_changed(group: Any, knob: Any) -> None:
    """Fill the pulldowns when the panel opens, if an engine runs."""
    if knob.name() == "showPanel":
        _fill_quietly(group)


def _fill_quietly(group: Any) -> None:
    """Fill the pulldowns if an engine runs. It is not started: the panel opens for many reasons."""
    if not nuke.GUI:
        return

    def fill(names: _Names) -> None:
        node.offer(group, *names)

    def ask() -> None:
        try:
            with Client("Nuke", starts=False) as client:
                names = _names(client)
        except USER_ERRORS:
            return
        nuke.executeInMainThread(_if_there(group, fill), (names,))

    threading.Thread(target=ask, name="rde-roto pulldowns", daemon=True).start()


def _names(client: Client) -> _Names:
    return (
        [preset["name"] for preset in client.presets()],
        [model["name"] for model in client.models()],
    )


def _set(group: Any, frames: list[int]) -> None:
    text = group["keyframes"].value()
    keyframes.parse(text)  # raises before anything is rendered
    for frame in frames:
        text = keyframes.with_keyframe(text, frame, masks.keep_alpha(group, frame))
    node.set_keyframes(group, text)


def _key_times(part: Any) -> set[float]:
    """Times of the keys of a layer, shape or stroke, and of everything in it: of points, and of
    transforms, with which most shapes are moved.
    """
    if hasattr(part, "getControlPointKeyTimes"):  # a point of a stroke
        return set(part.getControlPointKeyTimes())
    if hasattr(part, "center"):  # a point of a shape
        return set(part.center.getControlPointKeyTimes())
    transform = part.getTransform()
    found: set[float] = set() if transform.isDefault() else set(transform.getTransformKeyTimes())
    for inner in part:
        found |= _key_times(inner)
    return found


def _worker(group: Any) -> background.Worker:
    return background.Worker(node.id_of(group), group.fullName())


def _set_status(group: Any, text: str) -> None:
    group["status"].setValue(text)


def _status(group: Any) -> Callable[[str], None]:
    return lambda sentence: _set_status(group, sentence)


def _if_there(group: Any, action: Callable[[Any], None]) -> Callable[[Any], None]:
    """The action, skipped if the node was deleted in the meantime."""

    def guarded(value: Any) -> None:
        try:
            group.fullName()
        except ValueError:  # from Nuke: the node is gone
            return
        action(value)

    return guarded
