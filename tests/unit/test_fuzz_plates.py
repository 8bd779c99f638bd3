"""Plates of every make: the picture that is read is the one that is meant, or there is an error.

What is meant is said here by a model of its own, which knows how each file was written and nothing
of how it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from image_files import write_deep
from numpy.typing import NDArray
from OpenImageIO import ImageOutput, ImageSpec
from test_which_picture import STORED, write_turned

from rde_roto.images.layers import PictureName
from rde_roto.images.masks import read_mask
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import InputError
from rde_roto.values.plate import PlateFormat, Window

Pixels = NDArray[np.float32]

EXAMPLES = [
    pytest.param(120, id="short"),
    pytest.param(500, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
]
HALF, BYTE, JPEG = 5e-4, 0.6 / 255, 0.2
"""How far a value may be off: by half a step of what is stored; by JPEG's loss of a ramp, where a
turn that is wrong is off by 0.9."""


def fuzzed(test: Any, values: st.SearchStrategy[Any], examples: int) -> None:
    """Runs a test on many values, the same ones every time."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    profile = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=quiet,
        phases=[Phase.explicit, Phase.generate],  # cases are small: nothing is worth shrinking
    )
    profile(given(values)(test))()


# --- what is written ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """Channels of a part, by the last component of their names; `kind` is how they are stored."""

    name: str
    channels: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Part:
    name: str
    layers: tuple[Layer, ...]
    data: Window

    @property
    def channels(self) -> list[tuple[str, str]]:
        """The full names and the kinds."""
        return [
            (f"{layer.name}.{channel}" if layer.name else channel, layer.kind)
            for layer in self.layers
            for channel in layer.channels
        ]


@dataclass(frozen=True)
class Exr:
    parts: tuple[Part, ...]
    display: Window
    order: int
    tile: int

    def planes(self, part: int, frame: int) -> dict[str, Pixels]:
        """Every channel of every part and frame has other pixels."""
        shape = self.parts[part].data.shape
        random = np.random.default_rng([part, frame])
        return {name: random.random(shape, np.float32) for name, _ in self.parts[part].channels}

    def write(self, path: Path, frame: int) -> None:
        specs, planes = [], []
        for index, part in enumerate(self.parts):
            names = part.channels
            np.random.default_rng(self.order).shuffle(names)
            kinds = {kind for _, kind in names}
            kind = kinds.pop() if len(kinds) == 1 else "float"  # one kind alone is the file's
            spec = ImageSpec(part.data.width, part.data.height, len(names), kind)
            spec.channelnames = tuple(name for name, _ in names)
            spec.channelformats = tuple(OpenImageIO.TypeDesc(kind) for _, kind in names)
            spec.x, spec.y = part.data.x, part.data.y
            spec.full_x, spec.full_y = self.display.x, self.display.y
            spec.full_width, spec.full_height = self.display.width, self.display.height
            spec.tile_width = spec.tile_height = self.tile
            if part.name:
                spec.attribute("oiio:subimagename", part.name)
            specs.append(spec)
            found = self.planes(index, frame)
            planes.append(np.stack([found[name] for name, _ in names], axis=2))
        image = ImageOutput.create(str(path))
        assert image is not None, OpenImageIO.geterror()
        assert image.open(str(path), tuple(specs)), image.geterror()
        for index, pixels in enumerate(planes):
            assert index == 0 or image.open(str(path), specs[index], "AppendSubimage")
            assert image.write_image(pixels), image.geterror()
        assert image.close(), image.geterror()


NAMES = ["", "rgba", "RGBA", "V.Combined", "W.Combined", "beauty", "C", "AO", "Emit", "N", "Normal"]
NAMES += ["depth", "CryptoObject00", "mask"]
CHANNELS = ["R G B", "R G B A", "r g b", "red green blue", "Red Green Blue alpha", "R g B", "R G"]
CHANNELS += ["Y", "Y A", "Z", "X Y Z", "A", "R G B Z", "hero", "r g b R G B", "r g b red"]
CORNERS, SIDES = st.integers(-3, 3), st.integers(3, 12)
WINDOWS = st.builds(Window, CORNERS, CORNERS, SIDES, SIDES)


@st.composite
def exrs(draw: st.DrawFn) -> Exr:
    display = draw(WINDOWS)
    parts = []
    several = draw(st.integers(1, 3))
    names = draw(st.permutations(NAMES[1:]))[:several]
    for place in range(several):
        layers = []
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)):
            channels = tuple(draw(st.sampled_from(CHANNELS)).split())
            kind = draw(st.sampled_from(["half", "half", "half", "float", "uint"]))
            layers.append(Layer(name, channels, kind))
        is_named = several > 1 or draw(st.booleans())
        part = names[place] if is_named else ""
        parts.append(Part(part, tuple(layers), draw(WINDOWS | st.just(display))))
    return Exr(tuple(parts), display, draw(st.integers(0, 9)), draw(st.sampled_from([0, 0, 16])))


# --- what is meant --------------------------------------------------------------------------------

SAME = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B"}
IS_DATA = {"n", "normal", "depth", "cryptoobject00"}
BEST = [{""}, {"rgba"}, {"combined"}, {"beauty"}, {"c"}]


@dataclass(frozen=True)
class Found:
    """A layer as it may be asked for, and the channels that would be its picture."""

    part: int
    name: str
    part_name: str
    prefix: str
    channels: tuple[str, ...]
    is_grey: bool
    is_lone: bool

    def planes(self, exr: Exr, frame: int) -> Pixels:
        found = exr.planes(self.part, frame)
        full = [f"{self.prefix}.{name}" if self.prefix else name for name in self.channels]
        planes = np.stack([found[name] for name in full], axis=2)
        return np.repeat(planes, 3, axis=2) if len(full) == 1 else planes


def candidates(exr: Exr) -> Iterable[Found]:
    for place, part in enumerate(exr.parts):
        for layer in part.layers:
            channels = () if layer.kind == "uint" else layer.channels
            name = layer.name or (part.name if len(exr.parts) > 1 else "")
            rgb = []
            for colour in "RGB":
                alike = [one for one in channels if SAME.get(one.lower()) == colour]
                exact = [one for one in alike if one == colour]
                rgb += exact or (alike if len(alike) == 1 else [])
            opaque = [one for one in channels if one.lower() not in ("a", "alpha")]
            bright = [one for one in opaque if one != "Z"] == ["Y"]
            picked = tuple(rgb) if len(rgb) == 3 else ("Y",) if bright else tuple(opaque)
            if len(rgb) == 3 or bright or len(opaque) == 1:
                lone = len(rgb) < 3 and not bright
                grey = len(rgb) < 3 and bright
                yield Found(place, name, part.name, layer.name, picked, grey, lone)


def last(name: str) -> str:
    return name.split(".")[-1].lower()


def meant(exr: Exr, asked: str | None) -> Found | None:
    """The picture that is meant; None where that cannot be told."""
    found = list(candidates(exr))
    if asked is not None:
        found = [one for one in found if asked in (one.prefix, one.part_name)]
        every = {
            layer.name or (part.name if len(exr.parts) > 1 else "")
            for part in exr.parts
            for layer in part.layers
            if asked in (layer.name, part.name)
        }
        if asked in every:  # what goes by the name itself, picture or not
            found = [one for one in found if one.name == asked]
        return found[0] if len(found) == 1 else None
    found = [one for one in found if last(one.name) not in IS_DATA and not one.is_lone]
    found = [one for one in found if not one.is_grey] or found
    for best in BEST:
        main = [one for one in found if last(one.name) in best]
        if main:
            found = main
            break
    return found[0] if len(found) == 1 else None


def over(pixels: Pixels, own: Window, onto: Window) -> Pixels:
    """One pixel after the other, on another window."""
    result = np.zeros((onto.height, onto.width, *pixels.shape[2:]), np.float32)
    for row in range(onto.height):
        for column in range(onto.width):
            y, x = onto.y + row - own.y, onto.x + column - own.x
            if 0 <= y < own.height and 0 <= x < own.width:
                result[row, column] = pixels[y, x]
    return result


# --- both together --------------------------------------------------------------------------------


@pytest.mark.parametrize("examples", EXAMPLES)
def test_layers_parts_and_windows(tmp_path: Path, examples: int) -> None:
    asks = st.none() | st.none() | st.sampled_from(NAMES[1:])
    read = refused = 0

    def right_or_refused(case: tuple[Exr, str | None, Window | None]) -> None:
        nonlocal read, refused
        exr, asked, second = case
        frames = {1: exr}
        found = meant(exr, asked)
        if second is not None and found is not None:
            moved = replace(exr.parts[found.part], data=second)
            parts = [moved if p == found.part else part for p, part in enumerate(exr.parts)]
            frames[2] = replace(exr, parts=tuple(parts))
        for path in tmp_path.glob("*.exr"):
            path.unlink()
        for frame, one in frames.items():
            one.write(tmp_path / f"a.{frame}.exr", frame)
        picture = PictureName(layer=asked)
        if found is None:
            with pytest.raises(InputError):
                open_plate(str(tmp_path), "sRGB", picture=picture)
            refused += 1
            return
        plate = open_plate(str(tmp_path), "sRGB", picture=picture)
        windows = {frame: one.parts[found.part].data for frame, one in frames.items()}
        onto = windows[1] if len(set(windows.values())) == 1 else exr.display
        assert plate.format.data == onto
        assert plate.format.display == exr.display
        for frame, one in frames.items():
            expected = over(found.planes(one, frame), windows[frame], onto)
            assert np.abs(plate.read(frame) - expected).max() < HALF
        read += 1

    fuzzed(right_or_refused, st.tuples(exrs(), asks, st.none() | WINDOWS), examples)
    assert min(read, refused) > examples // 8  # both are looked at


@pytest.mark.parametrize("examples", EXAMPLES)
def test_the_layer_that_is_held(tmp_path: Path, examples: int) -> None:
    """A second frame has other layers: it shows the first one's, or there is an error."""
    outcomes = Counter[str]()

    def right_or_refused(case: tuple[Exr, Exr]) -> None:
        first, second = (replace(one, parts=one.parts[:1]) for one in case)
        first, second = (replace(one, display=case[0].display) for one in (first, second))
        found = meant(first, None)
        for frame, one in ((1, first), (2, second)):
            one.write(tmp_path / f"a.{frame}.exr", frame)
        if found is None:
            with pytest.raises(InputError):
                open_plate(str(tmp_path))
            outcomes["not opened"] += 1
            return
        plate = open_plate(str(tmp_path), "sRGB")
        there = list(candidates(second))
        again = [one for one in there if one.prefix == found.prefix]
        if not any(layer.name == found.prefix for layer in second.parts[0].layers):
            again = [one for one in there if not one.prefix and one.part_name == found.prefix]
        is_alike = again and not again[0].is_lone and (found.is_grey or not again[0].is_grey)
        if is_alike:
            expected = again[0].planes(second, 2)
            expected = over(expected, second.parts[0].data, plate.format.data)
            assert np.abs(plate.read(2) - expected).max() < HALF
            outcomes["read"] += 1
            return
        with pytest.raises(InputError) as caught:
            plate.read(2)
        outcomes["refused"] += 1
        assert {"a.1.exr", "a.2.exr"} <= set(str(caught.value).replace("/", " ").split())

    fuzzed(right_or_refused, st.tuples(exrs(), exrs()), examples // 2)
    assert outcomes.keys() == {"not opened", "read", "refused"}


@pytest.mark.parametrize("examples", EXAMPLES)
def test_orientation_and_depth(tmp_path: Path, examples: int) -> None:
    kinds = st.sampled_from(["a.jpg", "a.png", "a.tif", "a.dpx", "ycbcr.tif", "lab.tif"])
    sides = st.integers(16, 40)
    cases = st.tuples(kinds, st.sampled_from(sorted(STORED)), sides, sides)

    def right(case: tuple[str, int, int, int]) -> None:
        name, orientation, height, width = case
        stem, _, suffix = name.partition(".")
        path = tmp_path / f"{stem}.1.{suffix}"
        y, x = np.mgrid[:height, :width].astype(np.float32)
        grey = stem == "lab"
        ramp = y / height if grey else None
        planes = [ramp] * 3 if ramp is not None else [y / height, x / width, 1 - y / height]
        picture = np.stack(planes, axis=2).astype(np.float32)
        write_turned(path, picture, orientation)
        plate = open_plate(str(path), "sRGB")
        assert plate.format.data == Window(0, 0, width, height)
        off = np.abs(plate.read(1) - picture).max()
        lossy = stem in ("ycbcr", "lab") or suffix == "jpg"
        assert off < (JPEG if lossy else BYTE), case

    fuzzed(right, cases, examples // 2)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_deep_files(tmp_path: Path, examples: int) -> None:
    names = st.lists(st.sampled_from(NAMES[1:]), max_size=2, unique=True)

    def refused(case: tuple[list[str], int, str | None]) -> None:
        parts, tile, asked = case
        path = write_deep(tmp_path / "a.1.exr", *parts, tile=tile)
        with pytest.raises(InputError):
            open_plate(str(path), picture=PictureName(layer=asked))
        with pytest.raises(InputError):
            read_mask(path, PlateFormat(Window(0, 0, 8, 6), Window(0, 0, 8, 6)))

    asks = st.none() | st.sampled_from(NAMES[1:])
    fuzzed(refused, st.tuples(names, st.sampled_from([0, 4, 16]), asks), examples // 10)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_masks_and_their_windows(tmp_path: Path, examples: int) -> None:
    cases = st.tuples(WINDOWS, WINDOWS, WINDOWS, WINDOWS, st.booleans())
    outcomes = Counter[str]()

    def right_or_refused(case: tuple[Window, Window, Window, Window, bool]) -> None:
        data, display, own_data, own_display, same = case
        if same:
            own_display = replace(own_display, width=display.width, height=display.height)
        layer = Part("", (Layer("", ("A",), "float"),), own_data)
        exr = Exr((layer,), own_display, 0, 0)
        exr.write(tmp_path / "m.exr", 1)
        plate = PlateFormat(data, display)
        most = 4 * max(data.width, display.width) * max(data.height, display.height)
        if own_display.shape != display.shape or own_data.width * own_data.height > most:
            with pytest.raises(InputError, match="it was made for another size"):
                read_mask(tmp_path / "m.exr", plate, "matte")
            outcomes["refused"] += 1
            return
        planes, _ = read_mask(tmp_path / "m.exr", plate, "matte")
        seen = replace(own_data, x=own_data.x - own_display.x, y=own_data.y - own_display.y)
        onto = replace(data, x=data.x - display.x, y=data.y - display.y)
        assert np.array_equal(planes[0], over(exr.planes(0, 1)["A"], seen, onto))
        outcomes["read"] += 1

    fuzzed(right_or_refused, cases, examples // 2)
    assert outcomes.keys() == {"read", "refused"}
