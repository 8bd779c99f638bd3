"""Damaged and odd input: our own errors come out, each a sentence, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import ramp, write_image, write_parts

from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import ShotDocument, parse_shot_document
from rde_roto.images.layers import PictureName
from rde_roto.images.plates.sequence_plate import open_plate
from rde_roto.values.errors import RotoError
from rde_roto.values.preset import Preset
from rde_roto.values.settings import sections_of

RGB = ("R", "G", "B")
MAGIC_BYTES = 4

# A short look each time, a long one with the slow tests.
EXAMPLES = [
    pytest.param(150, id="short"),
    pytest.param(1_000, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
]


def fuzzed(test: Callable[[Any], None], values: st.SearchStrategy[Any], examples: int) -> None:
    """Runs a test on many values, the same ones every time."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    profile = settings(
        max_examples=examples, derandomize=True, database=None, suppress_health_check=quiet
    )
    profile(given(values)(test))()


def only_our_errors(work: Callable[[], object]) -> None:
    """Raises what is not ours; ours has a sentence of one line."""
    try:
        work()
    except RotoError as error:
        sentence = str(error)
    else:
        return
    assert sentence.strip()
    assert "\n" not in sentence


# --- EXR headers ----------------------------------------------------------------------------------


def plain(path: Path) -> Path:
    return write_image(path, ramp(6, 8), compression="piz", Copyright="someone")


def parts(path: Path) -> Path:
    return write_parts(
        path, ("rgb.left", "left", RGB, ramp(6, 8)), ("rgb.right", "right", RGB, ramp(6, 8))
    )


def shared_views(path: Path) -> Path:
    channels = (*RGB, "right.R", "right.G", "right.B")
    pixels = np.concatenate([ramp(6, 8), ramp(6, 8)], axis=2)
    return write_image(path, pixels, channels=channels, multiView=("left", "right"))


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("write", [plain, parts, shared_views])
def test_a_damaged_exr_header(tmp_path: Path, write: Callable[[Path], Path], examples: int) -> None:
    path = write(tmp_path / "a.1.exr")
    whole = path.read_bytes()
    places = st.integers(MAGIC_BYTES, len(whole) - 1)
    byte = st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)
    changes = st.lists(st.tuples(places, byte), min_size=1, max_size=6)

    def damaged(changes: list[tuple[int, int]]) -> None:
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        path.write_bytes(content)

        def read() -> None:
            for picture in (PictureName(), PictureName("right"), PictureName(layer="rgb")):
                pixels = open_plate(str(path), picture=picture).read(1)
                assert pixels.dtype == np.float32
                assert np.isfinite(pixels).all()

        only_our_errors(read)

    fuzzed(damaged, changes, examples)


# --- presets and shot documents -------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=4)
    | st.text(max_size=8)
    | st.sampled_from(["standard", "2F+L+RDE", "STM", "9F", "", "~", "1-5", "1-9999999999"])
)


def garbage(*keys: str) -> st.SearchStrategy[Any]:
    """Nested values under keys that are right, and some that are not."""
    names = st.sampled_from(keys) | st.text(max_size=5) | st.integers() | st.none()
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
        max_leaves=12,
    )


def preset_keys() -> list[str]:
    sections = sections_of(Preset)
    fields = [Preset.model_fields[section].annotation for section in sections]
    inner = [key for field in fields for key in getattr(field, "model_fields", {})]
    return ["extends", "description", "name", *sections, *inner]


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_preset_of_garbage(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "odd.yaml"

    def odd(value: Any) -> None:
        path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
        only_our_errors(lambda: load_preset(str(path)))

    keys = preset_keys()
    fuzzed(odd, st.dictionaries(st.sampled_from(keys), garbage(*keys), max_size=4), examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_preset_of_damaged_text(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "odd.yaml"
    whole = load_preset("standard").to_yaml()
    piece = st.text(max_size=3) | st.sampled_from([":", "- ", "&a ", "*a", "!!set", "{", "\t", "|"])
    changes = st.lists(st.tuples(st.integers(0, len(whole)), piece), min_size=1, max_size=4)

    def odd(changes: list[tuple[int, str]]) -> None:
        text = whole
        for place, inserted in changes:
            text = text[:place] + inserted + text[place:]
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        only_our_errors(lambda: load_preset(str(path)))

    fuzzed(odd, changes, examples)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_shot_document_of_garbage(tmp_path: Path, examples: int) -> None:
    keys = [*ShotDocument.model_fields, "path", "view", "missing", "frame", "mask", "id", "mattes"]
    values = st.dictionaries(st.sampled_from(keys), garbage(*keys), max_size=6)

    def odd(value: Any) -> None:
        text = yaml.safe_dump({"schema": "rde-roto.shot/1", **value}, allow_unicode=True)
        only_our_errors(lambda: parse_shot_document(tmp_path / "odd.shot.yaml", text))

    fuzzed(odd, values, examples)
