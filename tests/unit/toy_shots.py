"""Small shots without a disk, and nodes that track them with the toy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rde_roto.node import RotoNode
from rde_roto.stores import Stores
from rde_roto.values.digest import digest_of
from rde_roto.values.errors import InputError
from rde_roto.values.frames import FrameRange
from rde_roto.values.input_transform import InputTransform
from rde_roto.values.keyframe import Element, Keyframe, Lock, elements_named
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Preset, Tracking
from rde_roto.values.shot import Shot
from toy_tracker import ToyTracker

HEIGHT, WIDTH = 8, 12
TEN = FrameRange.parse("1001-1030")
_BESIDE = 3
PRESET = Preset(name="toy", tracking=Tracking(lines=96))


@dataclass(eq=False)
class MemoryPlate:
    """Pixels made from the frame number. ``edited`` frames have others, ``broken`` ones none.

    A ``calm`` one shows one picture all the while, and grain. Says what was read and what was
    hashed.
    """

    range: FrameRange = TEN
    edited: frozenset[int] = frozenset()
    broken: frozenset[int] = frozenset()
    height: int = HEIGHT
    width: int = WIDTH
    pixel_aspect: float = 1.0
    calm: bool = False
    name: str = "memory.####.exr"
    read_frames: list[int] = field(default_factory=list)
    hashed: list[int] = field(default_factory=list)
    input_transform: InputTransform | None = None

    @property
    def format(self) -> PlateFormat:
        window = Window(0, 0, self.width, self.height)
        return PlateFormat(window, window, self.pixel_aspect)

    def digest(self, frame: int) -> str:
        self.hashed.append(frame)
        return digest_of("plate", frame, frame in self.edited, frame in self.broken, self.calm)

    def read(self, frame: int) -> FloatArray:
        self.read_frames.append(frame)
        if frame not in self.range or frame in self.broken:
            raise InputError(f"frame {frame} is damaged")
        own = self._noise(frame + 5000, frame in self.edited)
        picture: FloatArray = 0.9 * self._noise(0) + 0.1 * own if self.calm else own
        return picture

    def _noise(self, *seed: int) -> FloatArray:
        return np.random.default_rng(seed).random((self.height, self.width, 3), dtype=np.float32)


def mask(
    frame: int, elements: Iterable[str] = ("a",), draw: int = 0, plate: MemoryPlate | None = None
) -> Keyframe:
    """A keyframe of one soft box an element; another ``draw``, other boxes. Boxes of elements whose
    names begin with neighbouring letters lie beside each other.
    """
    height, width = (plate or MemoryPlate()).format.data.shape
    names = tuple(elements)
    planes = np.zeros((len(names), height, width), np.float32)
    for number, name in enumerate(names):
        random = np.random.default_rng([frame + 5000, draw, *name.encode()])
        top, wide = int(random.integers(0, height // 2)), width // _BESIDE
        left = ord(name[0]) % _BESIDE * wide
        planes[number, top : top + height // 2, left : left + wide] = random.uniform(0.5, 1)
    return Keyframe(frame, planes, names)


def a_shot(
    *keyframes: Keyframe,
    frames: str | None = None,
    plate: MemoryPlate | None = None,
    elements: tuple[Element, ...] = elements_named("a"),
    locks: tuple[Lock, ...] = (),
) -> Shot:
    plate = plate or MemoryPlate()
    wanted = plate.range if frames is None else FrameRange.parse(frames)
    return Shot(plate, wanted, elements, keyframes, locks)


class ToyNode(RotoNode):
    """A node with the toy behind it, which is at hand as ``toy``."""

    def __init__(self, shot: Shot, preset: Preset = PRESET, stores: Stores | None = None) -> None:
        self.toy = ToyTracker(preset.tracking)
        super().__init__(shot, preset, lambda _tracking: self.toy, stores)

    @property
    def steps(self) -> int:
        """Pictures, or batches of them, that went through the network so far."""
        return self.toy.steps["read"]


def straight(shot: Shot, preset: Preset = PRESET) -> dict[int, Matte]:
    """Every matte of a straight run with nothing stored before."""
    return {matte.frame: matte for matte in ToyNode(shot, preset).render()}


def assert_same(found: Matte, expected: Matte) -> None:
    """Equal to the last bit, in name and pixels."""
    assert (found.frame, found.digest, found.elements) == (
        expected.frame,
        expected.digest,
        expected.elements,
    )
    np.testing.assert_array_equal(found.alpha, expected.alpha)
