"""The node: a Group with two inputs, its knobs, and the Read inside it."""

from __future__ import annotations

from typing import Any

import nuke

from rde_roto_nuke import keyframes, shots
from rde_roto_nuke.sentences import UnfitError

SOURCE, MASK, READ = "Source", "Mask", "Mattes"
OLD = "the mattes are older than the keyframes: propagate again"
LEARNED = "learned"

# what the pulldowns hold until an engine has said more
_PRESETS = ["standard", "draft", "fine"]
_MODELS = ["rde-lite"]

_MARK = "rde_roto_node"
_BUTTON = "import rde_roto_nuke; rde_roto_nuke.{}(nuke.thisNode())"
# a machine without rde-roto has to open the script all the same
_KNOB_CHANGED = """try:
    import rde_roto_nuke
except ImportError:
    pass
else:
    rde_roto_nuke.knob_changed(nuke.thisNode(), nuke.thisKnob())
"""
# without mattes the plate passes while one works; a render shall fail instead, at the Read
_WHICH = "parent.has_mattes || !$gui"


def build() -> Any:
    """A new node, connected to nothing."""
    group = nuke.nodes.Group()
    group.setName("RDERoto1")  # Nuke counts on where that is taken
    _add_knobs(group)
    with group:
        source = nuke.nodes.Input(name=SOURCE)
        source["number"].setValue(0)
        mask = nuke.nodes.Input(name=MASK)
        mask["number"].setValue(1)
        read = nuke.nodes.Read(name=READ)
        read["raw"].setValue(True)  # a matte has no colour space
        read["before"].setValue("black")
        read["after"].setValue("black")
        copy = nuke.nodes.Copy(name="AlphaOfMatte", from0="rgba.alpha", to0="rgba.alpha")
        copy.setInput(0, source)
        copy.setInput(1, read)
        switch = nuke.nodes.Switch(name="OnceThereAreMattes")
        switch.setInput(0, source)
        switch.setInput(1, copy)
        switch["which"].setExpression(_WHICH)
        nuke.nodes.Output().setInput(0, switch)
    return group


def _add_knobs(group: Any) -> None:
    presets = nuke.Enumeration_Knob("preset", "preset", list(_PRESETS))
    models = nuke.Enumeration_Knob("model", "model", list(_MODELS))
    for knob, tip in (
        (nuke.Tab_Knob("rde_roto", "RDERoto"), ""),
        (nuke.File_Knob("plate", "plate"), "The plate's files. Empty: those of the Read in Source"),
        (nuke.String_Knob("color_space", "colour space"), "Empty: what the files say"),
        (nuke.String_Knob("element", "element"), "What is cut out: a name of letters and digits"),
        (presets, "How it is tracked, and how its edges look"),
        (models, "The network's weights"),
        (_button("refresh", "Refresh"), "Ask the engine which presets and models there are"),
        (nuke.Text_Knob("divider_keyframes", ""), ""),
        (_button("set_keyframe", "Set keyframe", True), "Keep the alpha of Mask at this frame"),
        (_button("remove_keyframe", "Remove keyframe"), "Forget the keyframe at this frame"),
        (_button("keyframes_from_roto", "From roto's keys"), "One at each key of the roto in Mask"),
        (nuke.Text_Knob("keyframes_shown", "keyframes"), ""),
        (
            _button("learn", "Learn", True),
            "Let the network learn from the keyframes; then propagate again",
        ),
        (_button("forget", "Forget"), "Go back to the base model"),
        (nuke.Text_Knob("divider_mattes", ""), ""),
        (nuke.String_Knob("frames", "frames"), "Such as 1001-1100. Empty: all of the plate"),
        (nuke.File_Knob("mattes", "mattes"), "Their files. Empty: a folder beside the script"),
        (_button("propagate", "Propagate", True), "Have the mattes made and written"),
        (_button("cancel", "Cancel"), "Stop; what is written stays"),
        (nuke.Text_Knob("status", "status"), ""),
    ):
        if tip:
            knob.setTooltip(tip)
        group.addKnob(knob)
    hidden = [nuke.String_Knob("keyframes"), nuke.String_Knob(LEARNED)]
    hidden.append(nuke.Boolean_Knob("has_mattes"))
    hidden.append(nuke.Boolean_Knob(_MARK))
    for knob in hidden:
        knob.setFlag(nuke.INVISIBLE)
        group.addKnob(knob)
    group[_MARK].setValue(True)
    group["element"].setValue("hero")
    group["keyframes_shown"].setValue("none")
    group["status"].setValue("no mattes yet")
    group["knobChanged"].setValue(_KNOB_CHANGED)


def _button(name: str, label: str, starts_line: bool = False) -> Any:
    # a Group has knobs of its own, and more of them in each version of Nuke
    knob = nuke.PyScript_Knob(f"do_{name}", label, _BUTTON.format(name))
    if starts_line:
        knob.setFlag(nuke.STARTLINE)
    return knob


def is_ours(node: Any) -> bool:
    """Whether it is such a node."""
    return node.Class() == "Group" and node.knob(_MARK) is not None


def set_keyframes(group: Any, text: str) -> None:
    """Puts other keyframes, as `keyframes` writes them, in the place of the node's."""
    shown = keyframes.listed(text)
    undo = nuke.Undo()
    undo.begin("RDERoto: keyframes")
    try:
        group["keyframes"].setValue(text)
        group["keyframes_shown"].setValue(shown)
        if group["has_mattes"].value():
            group["status"].setValue(OLD)
    finally:
        undo.end()


def offer(group: Any, presets: list[str], models: list[str]) -> None:
    """Fills the pulldowns; what was chosen stays chosen, though the engine may not have it."""
    for name, offered in (("preset", presets), ("model", models)):
        knob = group[name]
        chosen = knob.value()
        if offered and offered != list(knob.values()):
            knob.setValues(offered if chosen in offered else [chosen, *offered])
            knob.setValue(chosen)


def learned(group: Any) -> str:
    """The file of what the model has learned; empty for none."""
    knob = group.knob(LEARNED)  # nodes of older scripts have none
    return "" if knob is None else str(knob.value() or "").strip()


def set_learned(group: Any, path: str) -> None:
    """Tracks with what the model has learned, from the next propagation on; empty: as it was."""
    if group.knob(LEARNED) is None:
        raise UnfitError("this node is of an older script: make a new one, which can learn")
    undo = nuke.Undo()
    undo.begin("RDERoto: learn")
    try:
        group[LEARNED].setValue(path)
    finally:
        undo.end()


def shot_of(group: Any) -> dict[str, Any]:
    """What the node says of its shot, as the engine wants it. Raises UnfitError."""
    values = shots.Values(
        plate=shots.whole(_plate(group), _project()),
        color_space=group["color_space"].value().strip(),
        element=group["element"].value().strip(),
        preset=group["preset"].value(),
        model=group["model"].value(),
        keyframes=keyframes.parse(group["keyframes"].value()),
        learned=learned(group),
    )
    return shots.shot_of(values)


def order(group: Any) -> shots.Order:
    """What the node says, as an order. Raises UnfitError for what does not fit, or is missing."""
    project, element = _project(), group["element"].value().strip()
    shot = shot_of(group)
    said = shots.whole(_evaluated(group["mattes"]), project)
    script = nuke.root().name() if _is_saved() else ""
    out = shots.mattes_of(said, script, group.fullName(), element)
    frames = group["frames"].value().strip()
    if frames:
        shots.first_and_last(frames)
    _refuse_to_share(group, out)
    return shots.Order(shot, frames, out)


def _project() -> str:
    return nuke.root()["project_directory"].evaluate() or ""


def show_mattes(group: Any, out: str, frames: str) -> None:
    """Has the Read inside show what was written; frames that it showed of the same files stay."""
    with group:
        read = nuke.toNode(READ)
    first, last = shots.first_and_last(frames)
    if _shown(group) == out:
        first = min(first, int(read["first"].value()))
        last = max(last, int(read["last"].value()))
    read["file"].setValue(out)
    for knob, value in (("first", first), ("last", last)):
        read[knob].setValue(value)
        read[f"orig{knob}"].setValue(value)
    read["raw"].setValue(True)
    read["reload"].execute()
    group["has_mattes"].setValue(True)


def _is_saved() -> bool:
    # a script that was never saved is called Root
    return nuke.root().name() not in ("", "Root")


def _evaluated(knob: Any) -> str:
    """A path without expressions; what stands for the frame stays."""
    said = (knob.value() or "").strip()
    if not any(mark in said for mark in ("[", "%V", "%v")):  # no expression, and no view
        return said
    return shots.pattern_of(knob.evaluate(shots.UNLIKELY_FRAME) or "", said)


def _plate(group: Any) -> str:
    """The pattern of the plate's files. Raises UnfitError where it cannot be known."""
    said = _evaluated(group["plate"])
    if said:
        return said
    read = group.input(0)
    while read is not None and read.Class() in ("Dot", "NoOp"):
        read = read.input(0)
    if read is None:
        raise UnfitError(
            "nothing is connected to Source: connect the plate's Read, or fill 'plate'"
        )
    if read.Class() != "Read":
        raise UnfitError(
            f"Source comes from {read.name()}, and what that does to the plate is not known here: "
            "connect the plate's Read itself, or say in 'plate' which files to track"
        )
    if str(read["frame"].value()).strip():
        raise UnfitError(
            f"{read.name()} shifts its frames: give the files the numbers that the script has, or "
            "take the shift out and use a TimeOffset behind this node"
        )
    files = _evaluated(read["file"])
    if not files:
        raise UnfitError(f"{read.name()} in Source names no file")
    return files


def _refuse_to_share(group: Any, out: str) -> None:
    """Nobody's mattes are written over: a copied node never changes its original."""
    shows_them = _shown(group) == out
    for other in nuke.allNodes("Group", nuke.root(), recurseGroups=True):
        if not is_ours(other) or other.fullName() == group.fullName():
            continue
        # a node that was renamed still shows what lies under its old name; a copy of this one may
        if _evaluated(other["mattes"]) == out or (_shown(other) == out and not shows_them):
            raise UnfitError(
                f"{other.fullName()} has its mattes in {out} too: say others in 'mattes'"
            )


def _shown(group: Any) -> str:
    """The files that the Read inside shows; empty for none."""
    if not group["has_mattes"].value():
        return ""
    with group:
        return str(nuke.toNode(READ)["file"].value())
