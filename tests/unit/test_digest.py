from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xxhash

from rde_roto.values.digest import DigestPart, digest_file, digest_of
from rde_roto.values.errors import InputError


def test_digests_of_different_parts_differ() -> None:
    pixels = np.arange(6, dtype=np.float32)
    parts: list[tuple[DigestPart, ...]] = [
        (),
        ("",),
        ("", ""),
        (None,),
        (b"",),
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        (b"abc",),
        (1,),
        (1.0,),
        ("1",),
        (True,),
        (-1,),
        (0.0,),
        (-0.0,),
        (pixels,),
        (pixels.reshape(2, 3),),
        (pixels.reshape(3, 2),),
        (pixels.astype(np.float64),),
        (pixels.view(np.int32),),
        (pixels.tobytes(),),
        (np.zeros((0, 3), np.float32),),
        (np.zeros((3, 0), np.float32),),
    ]
    assert len({digest_of(*part) for part in parts}) == len(parts)


def test_a_digest_is_32_hex_digits_and_the_same_in_every_version() -> None:
    # saved mattes bear these: another value here makes every one of them stale
    assert digest_of("plate", 1001, 2.5, None, b"\x00") == "7dc0b0eb06276aa1ec7d6781e715a5e6"
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest_of(array) == "207fe94316b906c6f8e3c31f77ab58ca"


def test_an_array_is_hashed_where_it_lies() -> None:
    plane = np.zeros((512, 512), np.float32)
    tracemalloc.start()
    try:
        digest_of(plane)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < plane.nbytes / 10


def test_the_memory_layout_of_an_array_does_not_matter() -> None:
    pixels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = digest_of(pixels.transpose(2, 0, 1).copy())
    assert digest_of(pixels.transpose(2, 0, 1)) == expected
    assert digest_of(np.asfortranarray(pixels.transpose(2, 0, 1))) == expected


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="tuple"):
        digest_of((1, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Python objects"):
        digest_of(np.array([object()]))


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_a_file_is_digested_by_its_bytes(tmp_path: Path, size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    path = tmp_path / "é plate.exr"
    path.write_bytes(content)
    assert digest_file(path) == xxhash.xxh3_128_hexdigest(content)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        digest_file(tmp_path / "gone.exr")
