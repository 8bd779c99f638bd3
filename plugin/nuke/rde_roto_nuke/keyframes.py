"""The keyframes of a node, stored in a hidden knob as JSON: [[frame, path of the mask], …].

Nuke copies the text of a knob with its node, so every copy has keyframes of its own.
"""

from __future__ import annotations

import json
from typing import Dict

from rde_roto_nuke.errors import NodeError

Keyframes = Dict[int, str]
"""Path of the mask by frame."""


def parse(text: str) -> Keyframes:
    """The keyframes in a text. Raises NodeError if it is damaged: it must not count as empty."""
    if not text.strip():
        return {}
    try:
        found = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        found = None
    if found is None or not all(
        type(frame) is int and isinstance(mask, str) for frame, mask in found.items()
    ):
        raise NodeError(
            f"the node's keyframes cannot be read: its knob 'keyframes' holds {text[:60]!r}; undo, "
            "or take the node from an earlier version of the script"
        )
    return found


def text_of(keyframes: Keyframes) -> str:
    """Keyframes as text, ordered by frame: equal keyframes give equal text."""
    return json.dumps([[frame, keyframes[frame]] for frame in sorted(keyframes)])


def with_keyframe(text: str, frame: int, mask: str) -> str:
    """The text with a keyframe added or replaced."""
    return text_of({**parse(text), frame: mask})


def without(text: str, frame: int) -> str:
    """The text with a keyframe removed. Raises NodeError if there is none at that frame."""
    keyframes = parse(text)
    if frame not in keyframes:
        raise NodeError(f"there is no keyframe at {frame}: this node has {listed(text)}")
    del keyframes[frame]
    return text_of(keyframes)


def listed(text: str) -> str:
    """The frames, to show in the panel."""
    return ", ".join(map(str, sorted(parse(text)))) or "none"
