"""The raw matte of a frame: what the network gives, before anything is done to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rde_roto.model.geometry import Geometry
from rde_roto.values.matte import FloatArray


@dataclass(frozen=True, eq=False)
class RawMatte:
    """The network's own matte of a frame.

    planes: float32 [K, H, W] in 0..1 at the padded working size of ``geometry``, which also says
    which part of the plate they show; outside that part the matte is 0.
    """

    planes: FloatArray
    geometry: Geometry

    @classmethod
    def from_mask(cls, mask: FloatArray) -> RawMatte:
        """Return an artist's mask [K, H, W] as a raw matte at the plate's own size."""
        geometry = Geometry(mask.shape[1:], mask.shape[1:])
        return cls(geometry.to_network(torch.from_numpy(mask)[None])[0].numpy(), geometry)

    def at_plate(self) -> FloatArray:
        """Return the matte at plate size: float32 [K, plate height, plate width] in 0..1."""
        planes = self.geometry.to_plate(torch.from_numpy(self.planes)[None])
        at_plate: FloatArray = planes[0].clamp(0, 1).numpy()
        return at_plate

    def aligned_with(self, other: RawMatte) -> tuple[RawMatte, RawMatte]:
        """This matte and another of the same frame, both for the same part of the plate.

        That is the part of one of them if it contains that of the other, else the whole plate.
        """
        one, two = self.geometry, other.geometry
        if one == two:
            return self, other
        common = next((g for g, inner in ((one, two), (two, one)) if _contains(g, inner)), None)
        common = common or one.within(None)
        return self.within(common), other.within(common)

    def within(self, geometry: Geometry) -> RawMatte:
        """Return the same matte for another part of the plate."""
        if geometry == self.geometry:
            return self
        planes = geometry.to_network(torch.from_numpy(self.at_plate())[None])[0]
        return RawMatte(planes.numpy(), geometry)


def _contains(outer: Geometry, inner: Geometry) -> bool:
    one, two = outer.window, inner.window
    return (
        one.x <= two.x
        and one.y <= two.y
        and one.x + one.width >= two.x + two.width
        and one.y + one.height >= two.y + two.height
    )
