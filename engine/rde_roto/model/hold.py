"""When the latest memory frame is held, because an element is hidden or lost.

Behind a post little of an element is seen. If that is remembered, the network looks for a remnant
when the element comes out again, and the keyframe alone has the rest.
"""

from __future__ import annotations

from torch import Tensor

from rde_roto.model.geometry import Geometry
from rde_roto.model.state import MemoryState

_LEAST_SHARE = 0.65
"""An element counts as hidden below this share of its area in the latest memory frame."""

_MOST_HELD = 6
"""Memory frames in a row that may be left out: then the element has changed, or is gone."""

_COVERED = 0.5


def covered_areas(planes: Tensor, geometry: Geometry) -> tuple[int, ...]:
    """How many pixels of the plate each element covers.

    Args: planes, the elements' mattes [K, H, W] at the padded working size of ``geometry``, 0..1;
        on the CPU, since reading single numbers would wait for a device each time.
    """
    box, (height, width) = geometry.window, geometry.working
    pixels = (geometry.unpadded(planes) >= _COVERED).flatten(1).sum(dim=1)
    return tuple(round(int(n) * box.height * box.width / (height * width)) for n in pixels)


def is_held(state: MemoryState, areas: tuple[int, ...]) -> bool:
    """Return whether a state keeps its latest memory frame, at a frame where the elements cover
    these areas.
    """
    shrank = (now < _LEAST_SHARE * before for now, before in zip(areas, state.areas, strict=False))
    return state.held < _MOST_HELD and any(shrank)
