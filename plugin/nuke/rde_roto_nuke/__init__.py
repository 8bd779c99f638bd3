"""RDERoto in Nuke: what its buttons call. Python >= 3.7, the standard library and rde_roto_client.

The node is a Group that reads its mattes with an ordinary Read, so a script that holds it renders
on machines without rde-roto.
"""

from rde_roto_nuke.actions import (
    cancel,
    create,
    forget,
    keyframes_from_roto,
    knob_changed,
    learn,
    propagate,
    refresh,
    remove_keyframe,
    set_keyframe,
)

__all__ = [
    "cancel",
    "create",
    "forget",
    "keyframes_from_roto",
    "knob_changed",
    "learn",
    "propagate",
    "refresh",
    "remove_keyframe",
    "set_keyframe",
]
