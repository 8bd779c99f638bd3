""" "Cryptomatte (Psyop specification 1.2)" (conventions, Image)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import mmh3
import numpy as np
import pytest
from cryptomatte_reader import murmur3_32, read_cryptomatte
from hypothesis import given
from hypothesis import strategies as st
from image_files import read_image

from rde_roto.images.cryptomatte import element_id
from rde_roto.images.mattes import open_matte_writer
from rde_roto.images.origin import Origin
from rde_roto.values.matte import FloatArray, Matte
from rde_roto.values.plate import PlateFormat, Window
from rde_roto.values.preset import Output

WINDOW = Window(3, -4, 40, 30)
FORMAT = PlateFormat(WINDOW, Window(0, 0, 48, 27), 1.0)
CRYPTOMATTE = Output(format="cryptomatte")


@pytest.mark.parametrize(
    ("text", "seed", "bits"),
    [  # published test vectors of MurmurHash3_x86_32
        ("", 0, 0),
        ("", 1, 0x514E28B7),
        ("test", 0, 0xBA6BD213),
        ("Hello, world!", 0, 0xC0363E43),
        ("Hello, world!", 0x9747B28C, 0x24884CBA),
        ("The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        ("The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)
def test_the_hash_is_the_published_one(text: str, seed: int, bits: int) -> None:
    assert mmh3.hash(text, seed, signed=False) == bits
    assert murmur3_32(text.encode(), seed) == bits


@given(st.text())
def test_an_id_is_a_number_that_every_program_keeps(name: str) -> None:
    """Neither 0, denormal, infinite nor NaN; else it is the hash itself."""
    bits = element_id(name)
    value = np.array(bits, np.uint32).view(np.float32)
    assert np.isfinite(value)
    assert abs(value) >= np.finfo(np.float32).tiny
    assert bits ^ murmur3_32(name.encode()) in (0, 1 << 23)


def soft(count: int, seed: int = 0) -> FloatArray:
    """Alphas [count, H, W] that share each pixel, as a network's do; many are 0."""
    random = np.random.default_rng(seed)
    shares = random.random((count + 1, *WINDOW.shape)) ** 4
    shares[random.random(shares.shape) < 0.3] = 0
    shares[0] += 1e-3
    alpha: FloatArray = (shares / shares.sum(axis=0))[1:].astype(np.float32)
    return alpha


def written(folder: Path, names: tuple[str, ...], alpha: FloatArray) -> Path:
    mattes = open_matte_writer(
        str(folder / "c.####.exr"), Origin(FORMAT), names, CRYPTOMATTE, {"rde-roto:version": "1"}
    )
    mattes.write(Matte(1001, alpha, names, "d1"))
    assert mattes.is_written(1001, "d1")
    return mattes.path(1001)


@pytest.mark.parametrize(
    "names", [("hero",), ("hero", "car"), ("a", "b", "c"), tuple(f"é{n}" for n in range(9))]
)
def test_an_independent_reader_recovers_every_element(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Bit for bit, and coverages sum to the soft alpha of all."""
    alpha = soft(len(names))
    found = read_cryptomatte(written(tmp_path, names, alpha))
    assert list(found.manifest) == list(names)
    for name, plane in zip(names, alpha, strict=True):
        assert found.manifest[name] ^ murmur3_32(name.encode()) in (0, 1 << 23)
        assert np.array_equal(found.matte(name), plane)
    total = np.sum([cover for _, cover in found.ranks], axis=0)
    assert np.abs(total - alpha.sum(axis=0)).max() <= 1e-6  # sums in another order


def test_ranks_go_down_and_nothing_has_no_id(tmp_path: Path) -> None:
    alpha = soft(5)
    ranks = read_cryptomatte(written(tmp_path, tuple("abcde"), alpha)).ranks
    assert len(ranks) == 6
    for (_, larger), (_, smaller) in pairwise(ranks):
        assert (larger >= smaller).all()
    for ids, cover in ranks:
        assert ((ids == 0) == (cover == 0)).all()


def test_the_file_is_float_with_the_plates_windows(tmp_path: Path) -> None:
    path = written(tmp_path, ("hero", "car"), soft(2))
    spec, _ = read_image(path)
    assert set(spec.channelnames) == {f"CryptoElement00.{channel}" for channel in "RGBA"}
    assert str(spec.format) == "float"
    assert (spec.x, spec.y, spec.width, spec.height) == (3, -4, 40, 30)
    assert (spec.full_width, spec.full_height) == (48, 27)
    assert spec.getattribute("rde-roto:digest") == "d1"


def test_of_very_many_elements_the_smallest_shares_are_left_out(tmp_path: Path) -> None:
    names = tuple(f"e{number}" for number in range(40))
    alpha = soft(40)
    found = read_cryptomatte(written(tmp_path, names, alpha))
    assert len(found.ranks) == 16
    kept = np.sort(alpha, axis=0)[-16:].sum(axis=0)
    total = np.sum([cover for _, cover in found.ranks], axis=0)
    assert np.abs(total - kept).max() <= 1e-6
