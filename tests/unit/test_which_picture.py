"""Which picture of a file is read, and how it lies: the right one, or a sentence."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import ramp, write_deep, write_image, write_parts
from PIL import Image

from rde_roto.documents.shot_document import KeyframeEntry, PlateEntry, ShotDocument
from rde_roto.images.color.transforms import to_network_view
from rde_roto.images.layers import PictureName
from rde_roto.images.masks import read_mask
from rde_roto.images.plates.sequence_plate import DiskPlate, open_plate
from rde_roto.shot_files.opening import open_parts
from rde_roto.values.errors import InputError, UsageError
from rde_roto.values.matte import FloatArray
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Preset

RGB = ("R", "G", "B")
PICTURE, OTHER = ramp(seed=1), ramp(seed=2)
PLATE = PlateFormat(Window(0, 0, 8, 6), Window(0, 0, 8, 6))
WHOLE = PlateFormat(Window(0, 0, 64, 36), Window(0, 0, 64, 36))
HALF_STEP = 3e-4  # what half floats round off; ramps of other seeds differ by up to 0.1


def opened(path: Path, view: str | None = None, layer: str | None = None) -> DiskPlate:
    return open_plate(str(path), picture=PictureName(view, layer))


def shows(plate: DiskPlate, picture: FloatArray, frame: int = 1) -> bool:
    seen = plate.read(frame)
    expected = to_network_view(picture, "lin_rec709")
    return seen.shape == expected.shape and bool(np.abs(seen - expected).max() < HALF_STEP)


def layers(path: Path, **pictures: FloatArray | str) -> Path:
    """An EXR with a layer for each name, `_` for bare channels and `__` for a dot in it; a picture
    is R, G and B, or other channels where their names follow a `|`."""
    names, planes = [], []
    for name, picture in pictures.items():
        layer, _, channels = name.replace("__", ".").partition("|")
        prefix = "" if layer == "_" else f"{layer}."
        kinds = channels.split() or list(RGB)
        names += [prefix + kind for kind in kinds]
        planes.append(np.resize(picture, (36, 64, len(kinds))) if len(kinds) != 3 else picture)
    return write_image(path, np.concatenate(planes, axis=2), channels=tuple(names))


# --- deep -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tile", [0, 4])
@pytest.mark.parametrize("names", [(), ("rgba", "more")])
def test_deep_pixels_are_refused(tmp_path: Path, names: tuple[str, ...], tile: int) -> None:
    path = write_deep(tmp_path / "a.1.exr", *names, tile=tile)
    with pytest.raises(InputError, match=r"a\.1\.exr.* is deep: flatten it first"):
        opened(path)
    with pytest.raises(InputError, match="is deep: flatten it first"):
        read_mask(path, PLATE)


def test_a_deep_frame_of_a_flat_plate_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.1.exr", ramp(6, 8))
    write_deep(tmp_path / "a.2.exr")
    plate = opened(tmp_path)
    with pytest.raises(InputError, match=r"a\.2\.exr is deep"):
        plate.read(2)


# --- which layer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others",
    [
        {"_": PICTURE, "rgba": OTHER, "a": OTHER},
        {"AO": OTHER, "rgba": PICTURE, "Combined": OTHER},
        {"AO": OTHER, "RGBA": PICTURE, "beauty": OTHER},
        {"V__AO": OTHER, "V__Combined": PICTURE, "V__Depth|Z": OTHER, "beauty": OTHER},
        {"AO": OTHER, "beauty": PICTURE, "C": OTHER},
        {"AO": OTHER, "C": PICTURE, "Emit": OTHER},
        {"diffuse": PICTURE, "Normal|X Y Z": OTHER, "Z|Z": OTHER},
        {"N": OTHER, "image": PICTURE, "P": OTHER, "Vector": OTHER, "CryptoObject00": OTHER},
        {"image": PICTURE, "mask|Y": OTHER},
        {"image": PICTURE, "normalsWorld": OTHER, "mv": OTHER, "uCryptoAsset00": OTHER},
        {"image": PICTURE, "worldNormal": OTHER, "motionVec": OTHER, "VRayCryptomatte02": OTHER},
    ],
)
def test_the_layer_that_a_picture_is_written_into(
    tmp_path: Path, others: dict[str, FloatArray]
) -> None:
    plate = opened(layers(tmp_path / "a.1.exr", **others))
    assert shows(plate, PICTURE)
    name = next(name for name, picture in others.items() if picture is PICTURE)
    said = "main picture of" if name == "_" else f"layer {name.replace('__', '.')}"
    assert said in plate.reading


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (
            {"AO": OTHER, "Emit": OTHER},
            "has 2 pictures, AO, Emit: name one (plate.layer",
        ),
        ({"a__Combined": OTHER, "b__Combined": OTHER}, "has 2 pictures, a.Combined, b.Combined"),
        ({"N": OTHER}, "it has N.R, N.G, N.B; N is data: name it as the layer if it is meant"),
        ({"_|Z": OTHER}, "has no red, green and blue channels: it has Z"),
        ({"depth|Z": OTHER}, "it has depth.Z"),
        ({"Normal|X Y Z": OTHER, "_|A": OTHER}, "it has A, Normal.X, Normal.Y, Normal.Z"),
        ({"_|hero": OTHER}, "has no red, green and blue channels: it has hero"),
        ({"_|Y BY RY": OTHER}, "has no red, green and blue channels"),
    ],
)
def test_what_may_not_be_meant_is_refused(
    tmp_path: Path, others: dict[str, FloatArray], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        opened(layers(tmp_path / "a.1.exr", **others))
    assert says in str(caught.value)


def test_a_layer_that_is_named_is_read_whatever_it_is(tmp_path: Path) -> None:
    path = layers(tmp_path / "a.1.exr", AO=OTHER, N=PICTURE, **{"depth|Z": OTHER})
    assert shows(opened(path, layer="N"), PICTURE)
    assert opened(path, layer="depth").read(1).shape == (36, 64, 3)


def test_of_several_parts_it_is_the_same(tmp_path: Path) -> None:
    path = write_parts(
        tmp_path / "a.1.exr",
        ("N", None, RGB, OTHER),
        ("AO", None, RGB, OTHER),
        ("beauty", None, (*RGB, "A"), np.concatenate([PICTURE, OTHER[..., :1]], axis=2)),
    )
    plate = opened(path)
    assert shows(plate, PICTURE)
    assert plate.reading == (
        "a.#.exr: layer beauty of 3, R G B, upright, 64x36, lin_rec709 from its format"
    )


def test_parts_that_call_their_layers_alike_are_told_apart(tmp_path: Path) -> None:
    names = tuple(f"Combined.{color}" for color in RGB)
    path = write_parts(
        tmp_path / "a.1.exr", ("front", None, names, OTHER), ("back", None, names, PICTURE)
    )
    with pytest.raises(InputError, match="has 2 pictures, front, back"):
        opened(path)
    assert shows(opened(path, layer="back"), PICTURE)
    assert "layer Combined of 2, part back" in opened(path, layer="back").reading


def test_a_cryptomatte_by_any_name_is_no_picture(tmp_path: Path) -> None:
    channels = tuple(f"{layer}.{color}" for layer in ("ids00", "render") for color in "rgb")
    said = {"cryptomatte/1234567/name": "ids"}
    pixels = np.concatenate([OTHER, PICTURE], axis=2)
    path = write_image(tmp_path / "a.1.exr", pixels, channels=channels, **said)
    assert shows(opened(path), PICTURE)


def test_whole_numbers_are_ids(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.1.exr", PICTURE, "uint")
    for read in (lambda: opened(path), lambda: read_mask(path, WHOLE)):
        with pytest.raises(InputError, match="it has R, G, B; 32-bit integers are ids"):
            read()


def test_the_layer_of_the_first_frame_is_held(tmp_path: Path) -> None:
    layers(tmp_path / "a.1.exr", beauty=OTHER)
    layers(tmp_path / "a.2.exr", _=OTHER, rgba=OTHER, beauty=PICTURE)
    layers(tmp_path / "a.3.exr", AO=OTHER)
    plate = opened(tmp_path)
    assert shows(plate, PICTURE, frame=2)
    with pytest.raises(InputError) as caught:
        plate.read(3)
    for said in ("a.3.exr has no layer 'beauty'", "as a.1.exr has", "it has AO.R, AO.G"):
        assert said in str(caught.value)


def test_bare_channels_are_held_as_well(tmp_path: Path) -> None:
    layers(tmp_path / "a.1.exr", _=OTHER)
    layers(tmp_path / "a.2.exr", rgba=OTHER)
    with pytest.raises(InputError, match=r"a\.2\.exr has no red, green and blue outside of layers"):
        opened(tmp_path).read(2)


def test_a_later_frame_whose_parts_call_their_layers_alike(tmp_path: Path) -> None:
    layers(tmp_path / "a.1.exr", Combined=PICTURE)
    names = tuple(f"Combined.{color}" for color in RGB)
    write_parts(tmp_path / "a.2.exr", ("front", None, names, OTHER), ("back", None, names, PICTURE))
    with pytest.raises(InputError, match=r"a\.2\.exr has 2 pictures, front, back: none is"):
        opened(tmp_path).read(2)
    write_parts(tmp_path / "b.1.exr", ("back", None, names, PICTURE))
    write_parts(tmp_path / "b.2.exr", ("front", None, names, OTHER), ("back", None, names, PICTURE))
    assert shows(opened(tmp_path / "b.1.exr"), PICTURE, frame=2)


def test_a_later_frame_whose_bare_channel_is_grey(tmp_path: Path) -> None:
    for name in ("colour", "grey"):
        kinds: dict[str, FloatArray] = {"_": PICTURE} if name == "colour" else {"_|Y": OTHER}
        layers(tmp_path / f"{name}.1.exr", **kinds)
        layers(tmp_path / f"{name}.2.exr", **{"_|Y": OTHER}, beauty=PICTURE)
    with pytest.raises(InputError, match=r"colour\.2\.exr has no red, green and blue outside"):
        opened(tmp_path / "colour.1.exr").read(2)
    grey = opened(tmp_path / "grey.1.exr")
    assert np.array_equal(grey.read(1), grey.read(2))


# --- channels' names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "channels",
    ["r g b", "red green blue", "Red Green Blue", "R g B", "b.red b.green b.blue", "b.r b.G b.B"],
)
def test_ways_to_call_colours(tmp_path: Path, channels: str) -> None:
    path = write_image(tmp_path / "a.1.exr", PICTURE, channels=tuple(channels.split()))
    assert shows(opened(path), PICTURE)


def test_the_exact_name_counts_where_there_are_two(tmp_path: Path) -> None:
    pixels = np.concatenate([OTHER, PICTURE], axis=2)
    path = write_image(tmp_path / "a.1.exr", pixels, channels=("r", "g", "b", *RGB))
    assert shows(opened(path), PICTURE)
    path = write_image(tmp_path / "b.1.exr", pixels, channels=("r", "g", "b", "red", "G", "B"))
    with pytest.raises(InputError, match="has no red, green and blue channels"):
        opened(path)


# --- orientation ----------------------------------------------------------------------------------

STORED = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}
"""How an upright picture is stored under each orientation of TIFF 6.0."""

DPX_ORIENTATION = {1: 0, 2: 1, 3: 3, 4: 2, 5: 4, 6: 5, 7: 7, 8: 6}
"""SMPTE ST 268: lines go left to right and top to bottom (0), …; OpenImageIO writes other ones."""


def write_turned(path: Path, picture: FloatArray, orientation: int) -> Path:
    stored = np.ascontiguousarray(STORED[orientation](picture))
    codes = np.rint(stored * 255).astype(np.uint8)
    tags = {274: orientation}
    if path.stem.startswith("ycbcr"):
        ycc = Image.fromarray(codes).convert("YCbCr")
        ycc.save(path, compression="jpeg", quality=100, tiffinfo=tags)
    elif path.stem.startswith("lab"):
        Image.fromarray(codes).convert("LAB").save(path, tiffinfo=tags)
    elif path.suffix == ".tif":
        Image.fromarray(codes).save(path, tiffinfo=tags)
    elif path.suffix == ".dpx":
        write_image(path, stored, "uint8")
        orient_dpx(path, orientation)
    else:
        write_image(path, stored, "uint8", Orientation=orientation)
    return path


def orient_dpx(path: Path, orientation: int) -> int:
    """Puts the orientation into the header of a DPX; it comes back."""
    content = bytearray(path.read_bytes())
    order = ">H" if content[:4] == b"SDPX" else "<H"
    content[768:770] = struct.pack(order, DPX_ORIENTATION[orientation])
    path.write_bytes(content)
    return orientation


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.dpx", "ycbcr.tif"])
def test_pictures_are_turned_upright(tmp_path: Path, name: str, orientation: int) -> None:
    smooth = np.indices((36, 64)).astype(np.float32)
    picture = np.stack([smooth[0] / 36, smooth[1] / 64, smooth[0] / 72], axis=2)
    stem, _, suffix = name.partition(".")
    path = write_turned(tmp_path / f"{stem}.1.{suffix}", picture, orientation)
    plate = opened(path)
    assert plate.format.data == plate.format.display == Window(0, 0, 64, 36)
    # JPEG's loss, at 90 of 100 for JPEG files; a turn that is wrong is off by 0.9
    assert np.abs(plate.read(1) - picture).max() < 0.08
    turned = "upright" if orientation == 1 else f"turned upright from orientation {orientation}"
    assert f", {turned}, 64x36, " in plate.reading


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("orientation", STORED)
def test_a_dpx_of_columns_is_read_or_refused(tmp_path: Path, orientation: int, bits: int) -> None:
    path = tmp_path / "a.1.dpx"
    kind = "uint8" if bits == 8 else "uint16"
    stored = np.ascontiguousarray(STORED[orientation](PICTURE[:35, :33]))
    write_image(path, stored, kind, oiio__BitsPerSample=bits)
    said = orient_dpx(path, orientation)
    if bits == 12 and orientation > 4:
        with pytest.raises(InputError, match=f"columns instead of rows .orientation {said}"):
            open_plate(str(path), "sRGB").read(1)
    else:
        seen = open_plate(str(path), "sRGB").read(1)
        assert np.abs(seen - PICTURE[:35, :33]).max() < 0.003  # half a step of 8 bits


@pytest.mark.parametrize("orientation", [1, 4, 6])
def test_colours_that_libtiff_converts_are_turned_once(tmp_path: Path, orientation: int) -> None:
    picture = np.zeros((36, 64, 3), np.float32)
    picture[:18] = 1
    path = write_turned(tmp_path / "lab.1.tif", picture, orientation)
    assert np.abs(opened(path).read(1)[..., 1] - picture[..., 1]).max() < 0.1


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_masks_are_turned_upright(tmp_path: Path, mode: str, orientation: int) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 1:4] = 255 if mode != "P" else 1
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](mask)))
    if mode == "P":
        stored.putpalette([0, 0, 0, 255, 0, 0])
    exif = Image.Exif()
    exif[274] = orientation
    stored.convert(mode).save(tmp_path / "m.png", exif=exif)
    planes, _ = read_mask(tmp_path / "m.png", PLATE)
    assert np.array_equal(planes[0], mask > 0)


def test_a_pixel_aspect_is_turned_with_its_pixels(tmp_path: Path) -> None:
    stored = np.zeros((8, 6, 3), np.float32)
    path = write_image(tmp_path / "a.1.tif", stored, "uint8", PixelAspectRatio=2.0, Orientation=6)
    assert opened(path).format == PlateFormat(Window(0, 0, 8, 6), Window(0, 0, 8, 6), 0.5)


# --- windows --------------------------------------------------------------------------------------


def autocropped(folder: Path, *windows: Window) -> dict[int, FloatArray]:
    """Frames whose data windows are these, of a picture of 64x36, which come back by frame."""
    pictures = {}
    for frame, window in enumerate(windows, 1):
        whole = np.zeros((36, 64, 3), np.float32)
        pixels = ramp(window.height, window.width, seed=frame)
        rows = slice(max(window.y, 0), min(window.y + window.height, 36))
        columns = slice(max(window.x, 0), min(window.x + window.width, 64))
        part = pixels[rows.start - window.y :, columns.start - window.x :]
        whole[rows, columns] = part[: rows.stop - rows.start, : columns.stop - columns.start]
        path = folder / f"a.{frame}.exr"
        write_image(path, pixels, origin=(window.x, window.y), display=(0, 0, 64, 36))
        pictures[frame] = whole
    return pictures


@pytest.mark.parametrize(
    "windows",
    [
        (Window(0, 0, 64, 36), Window(5, 6, 7, 8), Window(-4, -3, 80, 50)),
        (Window(5, 6, 7, 8), Window(0, 0, 64, 36), Window(60, 30, 10, 10)),
        (Window(-4, -3, 80, 50), Window(-4, -3, 81, 50)),
    ],
)
def test_changing_data_windows_are_read_into_the_display_window(
    tmp_path: Path, windows: tuple[Window, ...]
) -> None:
    pictures = autocropped(tmp_path, *windows)
    plate = opened(tmp_path)
    assert plate.format.data == plate.format.display == Window(0, 0, 64, 36)
    for frame, picture in pictures.items():
        assert shows(plate, picture, frame)


def test_a_data_window_that_stays_is_the_plates(tmp_path: Path) -> None:
    autocropped(tmp_path, Window(-4, -3, 80, 50), Window(-4, -3, 80, 50))
    plate = opened(tmp_path)
    assert plate.format.data == Window(-4, -3, 80, 50)
    assert "data window 80x50 at (-4, -3) of display window 64x36" in plate.reading


def exr_mask(path: Path, corner: tuple[int, int], display: tuple[int, int, int, int]) -> Path:
    return write_image(path, np.ones((2, 3, 1), np.float32), origin=corner, display=display)


@pytest.mark.parametrize(
    ("display", "corner"), [((0, 0, 8, 6), (1, 2)), ((10, 20, 8, 6), (11, 22))]
)
@pytest.mark.parametrize("shift", [(0, 0), (10, 20), (-3, 5)])
def test_an_exr_mask_lies_by_its_display_window(
    tmp_path: Path,
    display: tuple[int, int, int, int],
    corner: tuple[int, int],
    shift: tuple[int, int],
) -> None:
    window = Window(*shift, 8, 6)
    plate = PlateFormat(Window(shift[0] - 1, shift[1], 9, 6), window)
    planes, _ = read_mask(exr_mask(tmp_path / "m.exr", corner, display), plate)
    expected = np.zeros((6, 9), np.float32)
    expected[2:4, 2:5] = 1
    assert np.array_equal(planes[0], expected)


def test_a_mask_without_windows_lies_over_what_it_is_as_large_as(tmp_path: Path) -> None:
    plate = PlateFormat(Window(-1, -1, 10, 8), Window(0, 0, 8, 6))
    mask = np.zeros((6, 8, 1), np.float32)
    mask[0, 0] = 1
    planes, _ = read_mask(write_image(tmp_path / "display.png", mask, "uint8"), plate)
    assert np.argwhere(planes[0]).tolist() == [[1, 1]]
    mask = np.pad(mask, ((0, 2), (0, 2), (0, 0)))
    planes, _ = read_mask(write_image(tmp_path / "data.png", mask, "uint8"), plate)
    assert np.argwhere(planes[0]).tolist() == [[0, 0]]
    moved = PlateFormat(Window(1, 1, 8, 6), Window(0, 0, 8, 6))
    with pytest.raises(InputError, match=r"8x6 at \(1, 1\), its display window 8x6: save it as an"):
        read_mask(tmp_path / "display.png", moved)


# --- masks by layer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "taken"),
    [
        ("r g b a", "a"),
        ("Z beauty.R beauty.G beauty.B beauty.A", "beauty.A"),
        ("AO.R AO.G AO.B A", "A"),
        ("x.A x.R x.G x.B Combined.R Combined.G Combined.B Combined.A", "Combined.A"),
        ("mask.Y N.X N.Y N.Z", "mask.Y"),
        ("hero", "hero"),
        ("A Z", "A"),
        ("Y CryptoObject00.A CryptoObject00.R CryptoObject00.G CryptoObject00.B", "Y"),
        ("hero diffuse.A diffuse.R diffuse.G diffuse.B", "hero"),
        ("Z hero.A N.A N.X N.Y N.Z uCryptoAsset00.A uCryptoAsset00.R", "hero.A"),
        ("alpha", "alpha"),
    ],
)
def test_the_channel_of_a_mask(tmp_path: Path, channels: str, taken: str) -> None:
    names = tuple(channels.split())
    pixels = np.full((6, 8, len(names)), 0.25, np.float32)
    pixels[2, 3, names.index(taken)] = 0.75
    planes, _ = read_mask(write_image(tmp_path / "m.exr", pixels, channels=names), PLATE, "matte")
    assert np.argwhere(planes[0] > 0.5).tolist() == [[2, 3]]


@pytest.mark.parametrize("other", ["CryptoObject00", "diffuse", "spill"])
def test_bare_colours_of_a_mask_come_before_another_layers_alpha(
    tmp_path: Path, other: str
) -> None:
    pixels = np.zeros((6, 8, 7), np.float32)
    pixels[2, 3, :3] = 1
    pixels[..., 6] = 0.5
    names = (*RGB, *(f"{other}.{channel}" for channel in "RGBA"))
    planes, _ = read_mask(write_image(tmp_path / "m.exr", pixels, channels=names), PLATE)
    assert np.argwhere(planes[0]).tolist() == [[2, 3]]
    assert planes[0].max() == 1


def test_a_mask_of_several_pictures(tmp_path: Path) -> None:
    path = layers(tmp_path / "m.exr", AO=OTHER, Emit=OTHER)
    with pytest.raises(InputError, match="has 2 pictures, AO, Emit: save the mask with one of"):
        read_mask(path, WHOLE)


@pytest.mark.parametrize("channels", ["Z", "hero.A car.A", "depth.Z N.X N.Y"])
def test_a_mask_that_is_none(tmp_path: Path, channels: str) -> None:
    names = tuple(channels.split())
    pixels = np.full((6, 8, len(names)), 0.25, np.float32)
    with pytest.raises(InputError, match=r"no red, green and blue channels|has 2 pictures, car"):
        read_mask(write_image(tmp_path / "m.exr", pixels, channels=names), PLATE)


def test_a_mask_of_several_views(tmp_path: Path) -> None:
    views: dict[str, Any] = {"multiView": ("left", "right")}
    pixels = np.zeros((6, 8, 2), np.float32)
    pixels[0, 0, 0] = pixels[5, 7, 1] = 1
    path = write_image(tmp_path / "m.exr", pixels, channels=("A", "right.A"), **views)
    for view, place in ((None, [0, 0]), ("left", [0, 0]), ("right", [5, 7])):
        planes, _ = read_mask(path, PLATE, view=view)
        assert np.argwhere(planes[0]).tolist() == [place]
    with pytest.raises(InputError, match="has no view 'middle': it has left, right"):
        read_mask(path, PLATE, view="middle")
    without = write_image(tmp_path / "n.exr", pixels[..., :1], channels=("A",))
    assert read_mask(without, PLATE, view="right")[0].sum() == 1


@pytest.mark.parametrize("view", ["left", "right", None])
def test_a_mask_is_of_the_plates_view(tmp_path: Path, view: str | None) -> None:
    views: dict[str, Any] = {"multiView": ("left", "right")}
    channels = (*RGB, "right.R", "right.G", "right.B")
    pixels = np.concatenate([ramp(6, 8), ramp(6, 8, seed=1)], axis=2)
    write_image(tmp_path / "a.1.exr", pixels, channels=channels, **views)
    drawn = np.zeros((6, 8, 2), np.float32)
    drawn[0, 0, 0] = drawn[5, 7, 1] = 1
    mask_views: dict[str, Any] = {"multiView": ("right", "left")}
    write_image(tmp_path / "m.exr", drawn, channels=("left.A", "A"), **mask_views)
    document = ShotDocument(
        plate=PlateEntry(path="a.#.exr", view=view),
        keyframes=[KeyframeEntry(frame=1, mask="m.exr")],
    )
    (keyframe,) = open_parts(document, Preset(name="plain"), tmp_path).keyframes
    place = [5, 7] if view == "right" else [0, 0]
    assert np.argwhere(keyframe.alpha[0]).tolist() == [place]


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("take#2.{}.exr", "take#2.1001.exr"),
        ("take#2.{}.exr", "take#2.####.exr"),
        ("take##2.{}.exr", "take##2.%04d.exr"),
        ("take@2.{}.exr", "take@2.@@@@.exr"),
        ("100%done.{}.exr", "100%done.1002.exr"),
        ("100%done.{}.exr", "100%done.####.exr"),
        ("a[1-2].{}.exr", "a[1-2].####.exr"),
        ("a[1-2].{}.exr", "a[1-2].1001.exr"),
        ("%V.{}.exr", "%V.1001.exr"),
        ("what?.{}.exr", "what?.####.exr"),
        ("100%valid.{}.exr", "100%valid.####.exr"),
    ],
)
def test_a_files_own_name_comes_before_a_pattern(tmp_path: Path, name: str, ask: str) -> None:
    for frame in (1001, 1002):
        write_image(tmp_path / name.format(frame), PICTURE)
    plate = opened(tmp_path / ask)
    assert str(plate.range) == "1001-1002"
    assert shows(plate, PICTURE, 1002)


def test_a_view_in_a_files_name(tmp_path: Path) -> None:
    for view, picture in (("left", OTHER), ("right", PICTURE)):
        (tmp_path / view).mkdir()
        write_image(tmp_path / view / f"a_{view[0]}.1.exr", picture)
    pattern = tmp_path / "%V" / "a_%v.#.exr"
    assert shows(opened(pattern, "right"), PICTURE)
    assert opened(pattern, "right").name == "a_r.#.exr"
    with pytest.raises(UsageError, match="contains %V, a view's name: choose one, such as left"):
        opened(pattern)
    with pytest.raises(InputError, match="middle"):
        opened(pattern, "middle")


def test_a_view_in_a_files_name_and_in_the_file(tmp_path: Path) -> None:
    views: dict[str, Any] = {"multiView": ("left", "right")}
    channels = (*RGB, "right.R", "right.G", "right.B")
    pixels = np.concatenate([OTHER, PICTURE], axis=2)
    for view in ("left", "right", "middle"):
        write_image(tmp_path / f"a_{view}.1.exr", pixels, channels=channels, **views)
    assert shows(opened(tmp_path / "a_%V.#.exr", "right"), PICTURE)
    assert shows(opened(tmp_path / "a_%V.#.exr", "left"), OTHER)
    with pytest.raises(InputError, match="has no view 'middle': it has left, right"):
        opened(tmp_path / "a_%V.#.exr", "middle")


def test_what_a_plate_says_of_itself(tmp_path: Path) -> None:
    views: dict[str, Any] = {"multiView": ("left", "right")}
    channels = (*RGB, "right.R", "right.G", "right.B")
    pixels = np.concatenate([OTHER, PICTURE], axis=2)
    write_image(tmp_path / "a.1.exr", pixels, channels=channels, PixelAspectRatio=2.0, **views)
    assert open_plate(str(tmp_path), "ACEScg", picture=PictureName("right")).reading == (
        "a.#.exr: view right, R G B, upright, 64x36, pixel aspect 2, ACEScg from you"
    )
