"""The node: a Group with two inputs, its knobs, and the Read inside it."""

from __future__ import annotations

import uuid
from typing import Any

import nuke

from rde_roto_nuke import keyframes, shots
from rde_roto_nuke.errors import NodeError

SOURCE, MASK, READ = "Source", "Mask", "Mattes"
OLD = "the mattes are older than the keyframes: propagate again"
LEARNED = "learned"

# in the pulldowns until an engine has listed its own
_PRESETS = ["standard", "draft", "fine"]
_MODELS = ["rde-lite"]

_MARK = "rde_roto_node"
_ID = "rde_roto_id"
_BUTTON = "import rde_roto_nuke; rde_roto_nuke.{}(nuke.thisNode())"
# a machine without rde-roto must still open the script
_KNOB_CHANGED = """try:
    import rde_roto_nuke
except ImportError:
    pass
else:
    rde_roto_nuke.knob_changed(nuke.thisNode(), nuke.thisKnob())
"""
# without mattes the GUI passes the plate through; a render has to fail, at the Read
_WHICH = "parent.has_mattes || !$gui"


def build() -> Any:
    """Make a new, unconnected node."""
    group = nuke.nodes.Group()
    group.setName("RDERoto1")  # Nuke counts up if the name is taken
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
        (
            nuke.File_Knob("plate", "plate"),
            "Files of the plate (default: those of the Read in Source)",
        ),
        (
            nuke.String_Knob("color_space", "colour space"),
            "Colour space of the plate (default: from its files)",
        ),
        (nuke.String_Knob("element", "element"), "Name of the element: letters, digits and _"),
        (presets, "Quality of the tracking and of the edges"),
        (models, "Model of the network"),
        (_button("refresh", "Refresh"), "List the presets and models of the engine"),
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
        (
            nuke.String_Knob("frames", "frames"),
            "Frames, such as 1001-1100 (default: all of the plate)",
        ),
        (
            nuke.File_Knob("mattes", "mattes"),
            "Files of the mattes (default: a folder beside the script)",
        ),
        (_button("propagate", "Propagate", True), "Track the element and write the mattes"),
        (_button("cancel", "Cancel"), "Stop; what is written stays"),
        (nuke.Text_Knob("status", "status"), ""),
    ):
        if tip:
            knob.setTooltip(tip)
        group.addKnob(knob)
    for hidden in (
        nuke.String_Knob("keyframes"),
        nuke.String_Knob(LEARNED),
        nuke.Boolean_Knob("has_mattes"),
        nuke.Boolean_Knob(_MARK),
    ):
        hidden.setFlag(nuke.INVISIBLE)
        group.addKnob(hidden)
    group[_MARK].setValue(True)
    group["element"].setValue("hero")
    group["keyframes_shown"].setValue("none")
    group["status"].setValue("no mattes yet")
    group["knobChanged"].setValue(_KNOB_CHANGED)


def _button(name: str, label: str, starts_line: bool = False) -> Any:
    # the prefix avoids knobs of the Group itself, of which new versions of Nuke add more
    knob = nuke.PyScript_Knob(f"do_{name}", label, _BUTTON.format(name))
    if starts_line:
        knob.setFlag(nuke.STARTLINE)
    return knob


def is_ours(node: Any) -> bool:
    """Whether a node is an RDERoto."""
    return node.Class() == "Group" and node.knob(_MARK) is not None


def id_of(group: Any) -> str:
    """An id that the node keeps for this session, whatever it is renamed to.

    Nuke writes the knob into no script and no clipboard, so a copied node gets an id of its own.
    """
    knob = group.knob(_ID)
    if knob is None:
        knob = nuke.String_Knob(_ID)
        group.addKnob(knob)
    # each time: a script may have the knob, without its value and these flags
    for flag in (nuke.INVISIBLE, nuke.DO_NOT_WRITE, nuke.NO_UNDO):
        knob.setFlag(flag)
    if not knob.value():
        knob.setValue(uuid.uuid4().hex)
    return str(knob.value())


def set_keyframes(group: Any, text: str) -> None:
    """Replace the node's keyframes with a text of `keyframes`, as one undo step."""
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
    """Fill the pulldowns. The chosen value stays, even if the engine does not have it."""
    for name, offered in (("preset", presets), ("model", models)):
        knob = group[name]
        chosen = knob.value()
        if offered and offered != list(knob.values()):
            knob.setValues(offered if chosen in offered else [chosen, *offered])
            knob.setValue(chosen)


def learned(group: Any) -> str:
    """The file of what the model has learned; empty if nothing."""
    knob = group.knob(LEARNED)  # nodes of older scripts have none
    return "" if knob is None else str(knob.value() or "").strip()


def set_learned(group: Any, path: str) -> None:
    """Use what the model has learned from the next propagation on; empty for the base model."""
    if group.knob(LEARNED) is None:
        raise NodeError("this node is of an older script: make a new one, which can learn")
    undo = nuke.Undo()
    undo.begin("RDERoto: learn")
    try:
        group[LEARNED].setValue(path)
    finally:
        undo.end()


def shot_of(group: Any) -> dict[str, Any]:
    """The node's shot as it goes into requests. Raises NodeError."""
    values = shots.Values(
        plate=shots.absolute(_plate(group), _project()),
        color_space=group["color_space"].value().strip(),
        element=group["element"].value().strip(),
        preset=group["preset"].value(),
        model=group["model"].value(),
        keyframes=keyframes.parse(group["keyframes"].value()),
        learned=learned(group),
    )
    return shots.shot_of(values)


def render_request(group: Any) -> shots.RenderRequest:
    """What to write, from the knobs. Raises NodeError if something is wrong or missing."""
    project, element = _project(), group["element"].value().strip()
    shot = shot_of(group)
    typed = shots.absolute(_evaluated(group["mattes"]), project)
    script = nuke.root().name() if _is_saved() else ""
    out = shots.mattes_of(typed, script, group.fullName(), element)
    frames = group["frames"].value().strip()
    if frames:
        shots.first_and_last(frames)
    _check_not_shared(group, out)
    return shots.RenderRequest(shot, frames, out)


def _project() -> str:
    folder: Any = nuke.root()["project_directory"]
    return folder.evaluate() or ""


def show_mattes(group: Any, out: str, frames: str) -> None:
    """Point the inner Read at the written files; it keeps frames it showed of the same files."""
    read = _read_of(group)
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
    # an unsaved script is called Root
    return nuke.root().name() not in ("", "Root")


def _evaluated(knob: Any) -> str:
    """The path in a knob with its expressions evaluated; the frame stays a pattern."""
    typed = (knob.value() or "").strip()
    if not any(mark in typed for mark in ("[", "%V", "%v")):  # no expression, and no view
        return typed
    return shots.pattern_of(knob.evaluate(shots.UNLIKELY_FRAME) or "", typed)


def _plate(group: Any) -> str:
    """The pattern of the plate's files. Raises NodeError if it cannot be determined."""
    typed = _evaluated(group["plate"])
    if typed:
        return typed
    read = group.input(0)
    while read is not None and read.Class() in ("Dot", "NoOp"):
        read = read.input(0)
    if read is None:
        raise NodeError("nothing is connected to Source: connect the plate's Read, or fill 'plate'")
    if read.Class() != "Read":
        raise NodeError(
            f"Source comes from {read.name()}, which may change the plate: "
            "connect the plate's Read itself, or type the files to track in 'plate'"
        )
    if str(read["frame"].value()).strip():
        raise NodeError(
            f"{read.name()} shifts its frames: give the files the numbers that the script has, or "
            "take the shift out and use a TimeOffset behind this node"
        )
    files = _evaluated(read["file"])
    if not files:
        raise NodeError(f"{read.name()} in Source names no file")
    return files


def _check_not_shared(group: Any, out: str) -> None:
    """Raise NodeError if another node has its mattes there: a copy never changes its original."""
    shows_them = _shown(group) == out
    for other in nuke.allNodes("Group", nuke.root(), recurseGroups=True):
        if not is_ours(other) or other.fullName() == group.fullName():
            continue
        # a renamed node still shows the files under its old name; so may a copy of this one
        if _evaluated(other["mattes"]) == out or (_shown(other) == out and not shows_them):
            raise NodeError(
                f"{other.fullName()} has its mattes in {out} too: choose other files in 'mattes'"
            )


def _shown(group: Any) -> str:
    """The files that the inner Read shows; empty if none."""
    return str(_read_of(group)["file"].value()) if group["has_mattes"].value() else ""


def _read_of(group: Any) -> Any:
    with group:
        return nuke.toNode(READ)
