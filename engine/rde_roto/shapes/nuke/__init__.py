"""Shapes as the Roto nodes of Nuke's scripts: `NAME.nk`."""

from __future__ import annotations

from rde_roto.shapes.nuke.reading import read_nuke
from rde_roto.shapes.nuke.writing import nuke_text

__all__ = ["nuke_text", "read_nuke"]
