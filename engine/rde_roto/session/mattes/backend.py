"""What a session needs to make mattes: an engine, nodes, and a way back to its thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rde_roto.engine import Engine
from rde_roto.node import RotoNode
from rde_roto.session.drawing.selection import Selector
from rde_roto.shot_files import OpenedShot
from rde_roto.values.plate import Plate
from rde_roto.values.preset import Preset
from rde_roto.values.shot import Shot

Post: TypeAlias = Callable[[Callable[[], None]], None]
"""Runs a function soon on the session's thread. May be called from any thread."""

NodeMaker: TypeAlias = Callable[[Shot, Preset, Path | None], RotoNode]
"""Makes the first node of a shot, with what its model has learned. Later nodes are edits of it
until something else is learned. Called on a separate thread.
"""


@dataclass(frozen=True, eq=False)
class Backend:
    """Where mattes come from. `metadata` returns the header attributes of a shot's files;
    `selector`, what selects elements on a plate.
    """

    engine: Engine
    make: NodeMaker
    metadata: Callable[[OpenedShot], Mapping[str, str]]
    selector: Callable[[Plate], Selector]
