"""The keyframes of a node, as the text of its hidden knob: [[frame, path of the mask], …] in JSON.

Nuke copies a knob's text with the node, so every copy has keyframes of its own.
"""

from __future__ import annotations

import json
from typing import Dict

from rde_roto_nuke.sentences import UnfitError

Keyframes = Dict[int, str]
"""The path of the mask, by frame."""


def parse(text: str) -> Keyframes:
    """Raises UnfitError for what is no such list: the artist's work is never taken for nothing."""
    if not text.strip():
        return {}
    try:
        found = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        found = None
    if found is None or not all(
        type(frame) is int and isinstance(mask, str) for frame, mask in found.items()
    ):
        raise UnfitError(
            f"the node's keyframes cannot be read: its knob 'keyframes' holds {text[:60]!r}; undo, "
            "or take the node from an earlier version of the script"
        )
    return found


def text_of(keyframes: Keyframes) -> str:
    """In the order of frames, so that equal keyframes are equal text."""
    return json.dumps([[frame, keyframes[frame]] for frame in sorted(keyframes)])


def with_one(text: str, frame: int, mask: str) -> str:
    """A keyframe more, or another mask for one."""
    return text_of({**parse(text), frame: mask})


def without(text: str, frame: int) -> str:
    """A keyframe less. Raises UnfitError where there is none."""
    keyframes = parse(text)
    if frame not in keyframes:
        raise UnfitError(f"there is no keyframe at {frame}: this node has {listed(text)}")
    del keyframes[frame]
    return text_of(keyframes)


def listed(text: str) -> str:
    """The frames, for people."""
    return ", ".join(map(str, sorted(parse(text)))) or "none"
