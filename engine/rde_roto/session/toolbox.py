"""All tools by name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from rde_roto.session.polygon import Polygon
from rde_roto.session.tools import Fill, Lasso, Painter, Smart, Tool

ToolName: TypeAlias = Literal["brush", "eraser", "polygon", "lasso", "fill", "smart"]


def tool_named(name: ToolName) -> Tool:
    """A tool, with nothing begun."""
    match name:
        case "brush":
            return Painter()
        case "eraser":
            return Painter(erases=True)
        case "polygon":
            return Polygon()
        case "lasso":
            return Lasso()
        case "fill":
            return Fill()
        case "smart":
            return Smart()
