"""What the buttons and the menu call, in Nuke's main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, List, Tuple

import nuke

from rde_roto_client import Client
from rde_roto_nuke import keyframes, masks, node, orders, work
from rde_roto_nuke.sentences import SENTENCES, UnfitError, told
from rde_roto_nuke.task import Task

_Names = Tuple[List[str], List[str]]


@told
def create() -> None:
    """A new node, below what is selected, with its panel open."""
    selected = nuke.selectedNodes()
    group = node.build()
    if selected:
        above = selected[0]
        group.setInput(0, above)
        group.setXYpos(above.xpos(), above.ypos() + 100)
    _fill_quietly(group)
    group.showControlPanel()


@told
def set_keyframe(group: Any) -> None:
    """Keeps the alpha of Mask at the current frame."""
    _set(group, [nuke.frame()])


@told
def keyframes_from_roto(group: Any) -> None:
    """A keyframe wherever the roto in Mask has a key."""
    roto = group.input(1)
    while roto is not None and roto.Class() in ("Dot", "NoOp"):
        roto = roto.input(0)
    if roto is None or roto.Class() not in ("Roto", "RotoPaint"):
        raise UnfitError("Mask does not come straight from a Roto: use Set keyframe at each frame")
    frames = sorted({round(time) for time in _key_times(roto["curves"].rootLayer)})
    if not frames:
        raise UnfitError(f"the shapes of {roto.name()} have no keys: draw one first")
    _set(group, frames)


@told
def remove_keyframe(group: Any) -> None:
    """Forgets the keyframe at the current frame. Its mask's file stays: a copy may have it too."""
    node.set_keyframes(group, keyframes.without(group["keyframes"].value(), nuke.frame()))


@told
def propagate(group: Any) -> None:
    """Has the mattes written, and shows them."""
    order = node.order(group)
    before = group["keyframes"].value()

    def make(task: Task) -> str:
        with task.client() as client:
            return orders.follow(client, order, task)

    def show(frames: str) -> None:
        node.show_mattes(group, order.out, frames)
        is_old = group["keyframes"].value() != before
        _say_status(group, node.OLD if is_old else f"{frames} in {order.out}")

    work.start(group.fullName(), make, _if_there(group, show), _if_there(group, _status(group)))
    if nuke.GUI:
        _say_status(group, "at work")


@told
def learn(group: Any) -> None:
    """Has the network study the keyframes; what it has learned counts from then on."""
    shot = node.shot_of(group)

    def make(task: Task) -> Any:
        with task.client() as client:
            return orders.learn(client, shot, task)

    def take(said: Any) -> None:
        if said["learned"]:
            node.set_learned(group, said["learned"])
        again = "; propagate again" if said["learned"] else ""
        _say_status(group, f"{said['sentence']}{again}")

    work.start(group.fullName(), make, _if_there(group, take), _if_there(group, _status(group)))
    if nuke.GUI:
        _say_status(group, "at work")


@told
def forget(group: Any) -> None:
    """Goes back to the model as it was before it learned this shot."""
    if not node.learned(group):
        raise UnfitError("the model has learned nothing of this shot")
    node.set_learned(group, "")
    _say_status(group, "back to the base model: propagate again")


@told
def cancel(group: Any) -> None:
    """Ends what the node has running; what is written stays."""
    work.stop(group.fullName())


@told
def refresh(group: Any) -> None:
    """Fills the pulldowns; starts the engine when none runs."""

    def ask(task: Task) -> _Names:
        with task.client() as client:
            return _names(client)

    def fill(names: _Names) -> None:
        node.offer(group, *names)

    work.start(group.fullName(), ask, _if_there(group, fill))


def knob_changed(group: Any, knob: Any) -> None:
    """Fills the pulldowns when the panel opens, if an engine runs."""
    if knob.name() == "showPanel":
        _fill_quietly(group)


def _fill_quietly(group: Any) -> None:
    """Without an engine nothing is said, and none is started: the panel opens for many reasons."""
    if not nuke.GUI:
        return

    def fill(names: _Names) -> None:
        node.offer(group, *names)

    def ask() -> None:
        try:
            with Client("Nuke", starts=False) as client:
                names = _names(client)
        except SENTENCES:
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
    keyframes.parse(text)  # before anything is rendered
    for frame in frames:
        text = keyframes.with_one(text, frame, masks.keep_alpha(group, frame))
    node.set_keyframes(group, text)


def _key_times(part: Any) -> set[float]:
    """Of a layer, shape or stroke of Nuke's, and of all in it."""
    if hasattr(part, "getControlPointKeyTimes"):  # a point of a stroke
        return set(part.getControlPointKeyTimes())
    if hasattr(part, "center"):  # a point of a shape
        return set(part.center.getControlPointKeyTimes())
    found: set[float] = set()
    for inner in part:
        found |= _key_times(inner)
    return found


def _say_status(group: Any, text: str) -> None:
    group["status"].setValue(text)


def _status(group: Any) -> Callable[[str], None]:
    return lambda sentence: _say_status(group, sentence)


def _if_there(group: Any, action: Callable[[Any], None]) -> Callable[[Any], None]:
    """The action, unless the node was deleted meanwhile."""

    def acting(what: Any) -> None:
        try:
            group.fullName()
        except ValueError:  # Nuke's, of a node that is gone
            return
        action(what)

    return acting
