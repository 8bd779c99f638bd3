"""Rotoscoping by recurrent dynamic embedding: a mask in, a matte for every frame out.

What a script needs is here, each name imported when it is first used, so that this costs nothing
and torch is loaded only by what tracks. docs/python.md shows the ways to use it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rde_roto.advice import Advice, Suggestion, advise, confidences, next_to_fix
    from rde_roto.documents.preset_files import load_preset
    from rde_roto.engine import Engine, Priority
    from rde_roto.explanation import drifts, explain
    from rde_roto.images.masks import read_mask
    from rde_roto.images.plates.sequence_plate import open_plate
    from rde_roto.model.rde_tracker import tracker_of
    from rde_roto.model.weights import load_model
    from rde_roto.node import RotoNode
    from rde_roto.shapes import (
        ShapeMaker,
        ShotShapes,
        draw_shapes,
        nuke_text,
        read_shapes,
        shapes_text,
    )
    from rde_roto.shot_files import open_shot
    from rde_roto.stores import CacheSettings, Stores, open_stores
    from rde_roto.training.learning.budget import Budget
    from rde_roto.training.learning.learn_shot import learn_shot
    from rde_roto.training.learning.prepared_lesson import study
    from rde_roto.values.errors import CancelledError, RotoError
    from rde_roto.values.explanation import Drift, Explanation
    from rde_roto.values.frames import FrameRange
    from rde_roto.values.keyframe import Element, Keyframe, elements_named
    from rde_roto.values.matte import Matte
    from rde_roto.values.preset import Finish, Preset, Running, Tracking
    from rde_roto.values.shot import Shot

__version__ = "0.1.0"

_HOMES = {
    "advice": ("Advice", "Suggestion", "advise", "confidences", "next_to_fix"),
    "documents.preset_files": ("load_preset",),
    "engine": ("Engine", "Priority"),
    "explanation": ("drifts", "explain"),
    "images.masks": ("read_mask",),
    "images.plates.sequence_plate": ("open_plate",),
    "model.rde_tracker": ("tracker_of",),
    "model.weights": ("load_model",),
    "node": ("RotoNode",),
    "shapes": (
        "ShapeMaker",
        "ShotShapes",
        "draw_shapes",
        "nuke_text",
        "read_shapes",
        "shapes_text",
    ),
    "shot_files": ("open_shot",),
    "stores": ("CacheSettings", "Stores", "open_stores"),
    "training.learning.budget": ("Budget",),
    "training.learning.learn_shot": ("learn_shot",),
    "training.learning.prepared_lesson": ("study",),
    "values.explanation": ("Drift", "Explanation"),
    "values.errors": ("CancelledError", "RotoError"),
    "values.frames": ("FrameRange",),
    "values.matte": ("Matte",),
    "values.preset": ("Finish", "Preset", "Running", "Tracking"),
    "values.keyframe": ("Element", "Keyframe", "elements_named"),
    "values.shot": ("Shot",),
}
_HOME_OF = {name: f"rde_roto.{home}" for home, names in _HOMES.items() for name in names}

__all__ = [
    "Advice",
    "Budget",
    "CacheSettings",
    "CancelledError",
    "Drift",
    "Element",
    "Engine",
    "Explanation",
    "Finish",
    "FrameRange",
    "Keyframe",
    "Matte",
    "Preset",
    "Priority",
    "RotoError",
    "RotoNode",
    "Running",
    "ShapeMaker",
    "Shot",
    "ShotShapes",
    "Stores",
    "Suggestion",
    "Tracking",
    "advise",
    "confidences",
    "draw_shapes",
    "drifts",
    "elements_named",
    "explain",
    "learn_shot",
    "load_model",
    "load_preset",
    "next_to_fix",
    "nuke_text",
    "open_plate",
    "open_shot",
    "open_stores",
    "read_mask",
    "read_shapes",
    "shapes_text",
    "study",
    "tracker_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'rde_roto' has no attribute '{name}'")
    return getattr(import_module(_HOME_OF[name]), name)
