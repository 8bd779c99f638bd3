"""RDERoto in Nuke: the functions behind its buttons. Python >= 3.7, standard library and
rde_roto_client only.

The node is a Group that reads its mattes with an ordinary Read, so its scripts also render on
machines without rde-roto.
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
