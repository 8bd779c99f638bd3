"""The mattes of one element, frame by frame, as points that are carried along follow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from rde_roto.matte.raw import RawMatte
from rde_roto.node import RotoNode
from rde_roto.propagation.stretches import BlendedMattes
from rde_roto.shapes.carrying import found_outlines
from rde_roto.shapes.outlines import Outline
from rde_roto.shapes.shape import Points
from rde_roto.values.cancel import Cancel
from rde_roto.values.errors import CancelledError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import Window


@dataclass(frozen=True, eq=False)
class FollowedMattes:
    """The mattes of one element as the network makes them, small and quick to follow. Points are
    in square pixels of the network's picture of the whole plate.
    """

    node: RotoNode
    element: str
    cancel: Cancel

    @property
    def window(self) -> Window:
        """The whole picture."""
        height, width = self.node.walker.geometry.working
        return Window(0, 0, width, height)

    @property
    def _scale(self) -> Points:
        (height, width), (rows, columns) = (
            self.node.walker.geometry.plate,
            self.node.walker.geometry.working,
        )
        return np.array([columns / width, rows / height])

    def scaled(self, points: Points) -> Points:
        """Return points of the plate, [P, 2], as such of the network's picture."""
        result: Points = points * self._scale
        return result

    def on_plate(self, points: Points) -> Points:
        """Return points of the network's picture, [P, 2], as such of the plate."""
        result: Points = points / self._scale
        return result

    def is_drawn(self, frame: int) -> bool:
        """Whether the frame is a keyframe of the element in the shot as it is tracked."""
        keyframe = self.node.shot.keyframe_at(frame)
        return keyframe is not None and self.element in self.node.shot.drawn_elements(keyframe)

    def is_there(self, frame: int) -> bool:
        """Whether the element has a matte at a frame that needs no step of the network."""
        node, shot = self.node, self.node.shot
        exists = frame in shot.range and self.element in shot.existing(frame)
        return exists and node.is_made(frame)

    def outlines(self, frame: int) -> list[Outline]:
        """Return the outlines at a frame. Raises CancelledError."""
        if self.cancel():
            raise CancelledError("it is not wanted any more")
        return list(self._scaled_outlines(self._raw(frame)))

    def _raw(self, frame: int) -> RawMatte:
        """The element's matte at a frame, [1, h, w]."""
        node, shot, walker = self.node, self.node.shot, self.node.walker
        keyframe = shot.keyframe_at(frame)
        if keyframe is not None:
            return self._reduced(walker.mask(keyframe, (self.element,), self.cancel))
        if shot.is_locked(frame):
            place = shot.ids.index(self.element)
            return self._reduced(node.matte(frame, self.cancel).alpha[place : place + 1])
        stretch = shot.stretch_at(frame)
        (blended,) = BlendedMattes(walker, dechatter=0).of(stretch, [frame], self.cancel)
        place = stretch.spans[0].elements.index(self.element)
        return replace(blended.raw, planes=blended.raw.planes[place : place + 1])

    def _reduced(self, mask: FloatArray) -> RawMatte:
        geometry = self.node.walker.geometry
        planes = geometry.to_network(torch.from_numpy(mask.copy())[None])[0].numpy()
        return RawMatte(planes, geometry)

    def _scaled_outlines(self, raw: RawMatte) -> Iterator[Outline]:
        """The outlines of a matte that may show a part of the plate alone."""
        (plane,) = raw.geometry.unpadded(torch.from_numpy(raw.planes)).numpy()
        part, (height, width) = raw.geometry.window, plane.shape
        scale = self._scale * (part.width / width, part.height / height)
        shift = self._scale * (part.x, part.y)
        for one in found_outlines(plane):
            points = one.points * scale + shift
            yield Outline(points, one.area_px * float(scale.prod()), one.is_hole)
