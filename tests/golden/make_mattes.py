"""Makes mattes.npz: what the code made of raw mattes at the revision that is named in it.

Run it after a change that is meant to change pixels, and after `digests.MATTE_REVISION` was raised,
from the repository's root, with the package installed:

    PYTHONPATH=tests python tests/golden/make_mattes.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from rde_roto.images.layouts import exr_layout
from rde_roto.images.mattes import _greys, _labels
from rde_roto.images.origin import Origin
from rde_roto.matte.blend import blend
from rde_roto.matte.dechatter import Neighbour, dechattered
from rde_roto.matte.finish import finish, finish_keyframe
from rde_roto.matte.raw import RawMatte
from rde_roto.model.geometry import Geometry
from rde_roto.model.network_view import Picture
from rde_roto.propagation.digests import MATTE_REVISION
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Finish, Output

STORED: Final = Path(__file__).with_name("mattes.npz")
SIZE: Final = (90, 121)
NAMES: Final = ("hero", "car")

TOLERANCE: Final = 1e-4
"""Other float32 arithmetic (a second thread, another CPU) moves a pixel by far less."""


def mattes() -> dict[str, FloatArray]:
    """A matte of each kind, float32 [K, H, W] or the planes of a file, by name."""
    plain, squeezed = Geometry.of(SIZE, 40), Geometry.of(SIZE, 40, pixel_aspect=2.0)
    whole, moved = _raw(plain), _raw(plain, 1)
    box = plain.within(Window(20, 15, 81, 60))
    narrow = squeezed.within(Window(30, 20, 61, 46))
    shaped = Finish(erode_px=1.4, feather_px=2.5, gain=1.1, gamma=1.3)
    grown = Finish(erode_px=-2.3, edges="bilinear")
    neighbours = [Neighbour(_raw(plain, step), _picture(step), (True, True)) for step in (-1, 1)]
    made = {
        "finished": finish(whole, _picture(), Finish()),
        "shaped": finish(whole, _picture(), shaped),
        "grown": finish(whole, None, grown),
        "anamorphic": finish(_raw(narrow), _picture(), Finish()),
        "keyframe": finish_keyframe(_drawn(0, Geometry(SIZE, SIZE)), shaped),
        "blended": blend(whole, moved, 0.3).planes,
        "blended-boxes": blend(whole, _raw(box, 1), 0.6).planes,
        "steadied": dechattered(whole, _picture(), neighbours, 0.8).planes,
    }
    return made | _written(Matte(1001, made["finished"], NAMES, ""))


def _written(matte: Matte) -> dict[str, FloatArray]:
    """What files hold of a matte, as parts of the largest value of their kind."""
    window = Window(0, 0, *reversed(SIZE))
    origin = Origin(PlateFormat(window, window))
    ids = exr_layout(origin, NAMES, Output(format="cryptomatte")).planes(matte)
    planes: dict[str, NDArray[Any]] = {}
    planes["alpha"] = np.stack(list(exr_layout(origin, NAMES, Output()).planes(matte).values()))
    # ids of a Cryptomatte are names in the bits of a float: which of them stands where
    planes["cryptomatte"] = np.stack([p if p.max() <= 1 else p != 0 for p in ids.values()])
    planes["grey"] = np.stack([np.asarray(picture) for picture in _greys(matte)]) / 65535
    planes["labels"] = np.stack([np.asarray(picture) for picture in _labels(matte)]) / 255
    return {name: plane.astype(np.float32) for name, plane in planes.items()}


def _raw(geometry: Geometry, step: int = 0) -> RawMatte:
    return RawMatte(_drawn(step, geometry), geometry)


def _drawn(step: int, geometry: Geometry) -> FloatArray:
    """A disk and a bar with soft edges, as the network would see them after so many frames."""
    box = geometry.window
    height, width = geometry.working
    rows, columns = np.indices(geometry.working).astype(np.float32)
    down = box.y + (rows + 0.5) * box.height / height
    right = box.x + (columns + 0.5) * box.width / width + 1.5 * step
    disk = (22 - np.hypot(down - 44.2, right - 50.6)) / 3 + 0.5
    bar = np.minimum(6 - abs(down - 60 - 0.2 * right), 30 - abs(right - 80)) / 4 + 0.5
    hero = disk.clip(0, 1)
    planes = np.stack([hero, np.minimum(bar.clip(0, 1), 1 - hero)]).astype(np.float32)
    left, end, top, bottom = geometry.padding
    padded: FloatArray = np.pad(planes, ((0, 0), (top, bottom), (left, end)))
    return padded


def _picture(step: int = 0) -> Picture:
    """An orange disk in front of a blue wall, both with a pattern."""
    rows, columns = np.indices(SIZE).astype(np.float32)
    columns += 1.5 * step
    alpha = ((22 - np.hypot(rows - 43.7, columns - 50.1)) / 1.5 + 0.5).clip(0, 1)[..., None]
    pattern = 0.06 * np.sin(rows / 5)[..., None] * np.cos(columns / 4)[..., None]
    front = np.array([0.8, 0.5, 0.2], np.float32) + pattern
    back = np.array([0.2, 0.3, 0.6], np.float32) - pattern
    return Picture((back + (front - back) * alpha).astype(np.float32))


def _make() -> None:
    torch.set_num_threads(1)
    made = mattes()
    if STORED.exists():
        with np.load(STORED) as stored:
            same = int(stored["revision"]) == MATTE_REVISION
            if same and any(
                abs(made[n] - stored[n]).max() > TOLERANCE for n in made if n in stored
            ):
                sys.exit("pixels have changed: raise propagation.digests.MATTE_REVISION first")
    np.savez_compressed(STORED, revision=MATTE_REVISION, **made)  # type: ignore[arg-type]


if __name__ == "__main__":
    _make()
