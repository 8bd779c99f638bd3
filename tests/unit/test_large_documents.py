"""Small texts that stand for large documents, deep ones, and numbers without end: one sentence and
the right exit code, within a second of reckoning."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from command_line import Run, refused
from image_files import ramp, write_image

from rde_roto.documents.model_card import read_card
from rde_roto.documents.preset_files import load_preset
from rde_roto.documents.shot_document import ShotDocument, parse_shot_document
from rde_roto.images.cryptomatte import read_layers
from rde_roto.images.files import read_header
from rde_roto.values.errors import DocumentError, UsageError, WeightsError
from rde_roto.values.frames import FrameRange

pytest_plugins = ("command_line_fixtures",)

HEAD = "schema: rde-roto.shot/1\nplate: {path: hero.####.exr}\n"
WITHIN_S = 2.0


def doubled(line: str, levels: int) -> str:
    """`line` names each level by `{this}` and twice the one before by `{last}`."""
    levels_of = (line.format(this=f"m{n}", last=f"m{n - 1}") for n in range(1, levels))
    return "overrides:\n  m0: &m0 {a: 1}\n" + "".join(f"  {text}\n" for text in levels_of)


LARGE = {
    "brackets": HEAD + "overrides: " + "[" * 2_000 + "]" * 2_000,
    "brackets that stay open": HEAD + "overrides: " + "[" * 100_000,
    "braces": HEAD + "overrides: " + "{a: " * 3_000 + "1" + "}" * 3_000,
    "dashes": HEAD + "overrides:\n  " + "- " * 20_000 + "1",
    "steps": HEAD + "overrides:\n" + "".join(f"{' ' * n}a:\n" for n in range(2, 200)),
    "merge keys": HEAD + doubled("{this}: &{this} {{<<: [*{last}, *{last}]}}", 24),
    "lists of aliases": HEAD + doubled("{this}: &{this} [*{last}, *{last}]", 24),
    "aliases by the hundred thousand": HEAD + "overrides: {a: &a 1, b: [" + "*a," * 100_000 + "]}",
    "aliases within themselves": HEAD + "overrides: &a {b: *a}",
    "a long list": HEAD + "overrides: {b: [" + "1234567," * 100_000 + "]}",
    "twenty thousand keyframes": HEAD
    + "keyframes:\n"
    + "".join(f"  - {{frame: {n}, mask: a.png}}\n" for n in range(20_000)),
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_document_beyond_the_limits_is_refused_soon(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "large.shot.yaml"
    path.write_text(text, encoding="utf-8")
    begin_s = time.process_time()
    assert run("shot", "show", path) == 3
    assert time.process_time() - begin_s < WITHIN_S
    sentence = refused(capsys)
    assert str(path) in sentence
    assert "make the document smaller" in sentence
    assert "nested more than 50 deep" in sentence or "more than 30,000 values" in sentence


@pytest.mark.parametrize("key", ["[a]", "{a: 1}"])
@pytest.mark.parametrize("command", [("shot", "show"), ("submit", "--inbox", "hot")])
def test_a_key_that_is_no_word(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, command: tuple[str, ...]
) -> None:
    path = tmp_path / "odd.shot.yaml"
    path.write_text(f"{HEAD}? {key}\n: b\n", encoding="utf-8")
    assert run(*command, path) == 3
    assert "a key must be a plain word" in refused(capsys)
    path.write_text(f"? {key}\n: b\n", encoding="utf-8")
    assert run(*command, path) == 3
    assert "it declares no schema" in refused(capsys)


def test_a_preset_and_an_option_have_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("tracking: " + "[" * 5_000, encoding="utf-8")
    with pytest.raises(DocumentError, match="nested more than 50 deep"):
        load_preset(str(path))
    with pytest.raises(UsageError, match=r"--set .* nested more than 50 deep"):
        load_preset("standard", ["tracking.lines=" + "[" * 5_000])


def test_a_document_as_large_as_people_write_them_is_read(tmp_path: Path) -> None:
    """Aliases and merge keys too, where they stay small."""
    keyframes = [f"  - {{frame: {n}, mask: masks/hero.{n}.png}}\n" for n in range(3_000)]
    text = HEAD + "keyframes:\n" + "".join(keyframes)
    begin_s = time.process_time()
    document = parse_shot_document(tmp_path / "a.shot.yaml", text).value
    assert len(document.keyframes) == 3_000
    assert time.process_time() - begin_s < 5 * WITHIN_S
    shared = "keyframes: [{frame: &f 1001, mask: &m a.png}, {frame: 1002, mask: *m}]\n"
    document = parse_shot_document(tmp_path / "a.shot.yaml", HEAD + shared).value
    assert [entry.mask for entry in document.keyframes] == ["a.png", "a.png"]


GIANTS = [
    "0-99999999999999999999999",
    "1-999999999999999",
    "1-1000001",
    "9" * 5_000,
    "-" + "9" * 5_000,
    "1-2x" + "9" * 5_000,
    "0" * 5_000 + "1",
    "1-600000,700000-1300000",
    "1," * 20_000 + "1",
    ",".join(f"{n}-{n + 900_000}" for n in range(9_000)),
]


@pytest.mark.parametrize("text", GIANTS, ids=lambda text: text[:12])
def test_frame_ranges_without_end_are_refused_at_once(text: str) -> None:
    begin_s = time.process_time()
    with pytest.raises(UsageError) as error:
        FrameRange.parse(text)
    assert time.process_time() - begin_s < WITHIN_S
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("text", GIANTS[:5], ids=lambda text: text[:12])
def test_they_are_refused_on_the_command_line_and_in_documents(
    run: Run, plate: Path, mask: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    options = ("--keyframe", f"1001={mask}", "--out", mask.with_name("m.####.exr"))
    assert run("propagate", plate, *options, f"--frames={text}") == 2
    assert "frame range" in refused(capsys)
    document = mask.with_name("a.shot.yaml")
    document.write_text(f"{HEAD}range: '{text}'\n", encoding="utf-8")
    assert run("shot", "show", document) == 3
    sentence = refused(capsys)
    assert f"{document}:3: range is" in sentence
    assert len(sentence) < 900


def test_a_plate_from_1_to_the_end_of_time_is_refused(run: Run, tmp_path: Path, mask: Path) -> None:
    """Two files are enough for it: frame 1, and a date."""
    for frame in (1, 20261129235959):
        write_image(tmp_path / f"p.{frame}.exr", ramp(8, 8))
    options = ("--keyframe", f"1={mask}", "--out", tmp_path / "m.####.exr", "--missing", "hold")
    begin_s = time.process_time()
    assert run("propagate", tmp_path / "p.#.exr", *options) == 2
    assert time.process_time() - begin_s < WITHIN_S


@pytest.mark.parametrize("number", ["9" * 6_000, "0x" + "f" * 5_000, "1" * 19])
def test_a_whole_number_has_64_bits(tmp_path: Path, number: str) -> None:
    text = f"{HEAD}keyframes: [{{frame: {number}, mask: a.png}}]\n"
    with pytest.raises(DocumentError, match=r"'frame' is .* which is not a YAML value") as error:
        parse_shot_document(tmp_path / "a.shot.yaml", text)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "value",
    ["2026-99-99", "!!int x", "!!bool 7", "!!float x", "{<<: 3}", "!!set [1]", "1:" * 200 + "1.5"],
)
@pytest.mark.parametrize("key", ["schema", "preset", "overrides"])
def test_what_only_looks_like_a_value_is_a_sentence(tmp_path: Path, key: str, value: str) -> None:
    text = HEAD.replace("rde-roto.shot/1", value) if key == "schema" else f"{HEAD}{key}: {value}\n"
    with pytest.raises(DocumentError, match=r"a\.shot\.yaml:[1-3]: "):
        parse_shot_document(tmp_path / "a.shot.yaml", text)


@pytest.mark.parametrize(
    "text", ['"\\UFFFFFFFF"', '"\\U00110000"', "%YAML " + "1" * 5_000 + ".1\n---"]
)
def test_numbers_beyond_all_bounds_are_no_yaml(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        DocumentError, match=r"a\.shot\.yaml: this is not valid YAML: it contains a num"
    ):
        parse_shot_document(tmp_path / "a.shot.yaml", f"{text}\n{HEAD}")


def test_an_unknown_key_is_quoted_in_part(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as error:
        parse_shot_document(tmp_path / "a.shot.yaml", f"{HEAD}? {'x' * 100_000}\n: 1\n")
    assert len(str(error.value)) < 500
    assert "range" in ShotDocument.model_fields


def test_a_models_card_has_the_same_limits(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: " + "[" * 5_000, encoding="utf-8")
    with pytest.raises(WeightsError, match=r"a\.yaml cannot be read: .* nested more than 50"):
        read_card(tmp_path / "a.safetensors")


def test_brackets_without_end_in_a_pictures_header(tmp_path: Path) -> None:
    """JSON of our own in a TIFF's description, and the manifest of a Cryptomatte."""
    deep = "[" * 100_000
    tiff = write_image(tmp_path / "a.tif", ramp(8, 8), "uint16", ImageDescription=deep)
    assert read_header(tiff).provenance == {}
    name = "cryptomatte/1234567"
    said = {f"{name}/name": "hero", f"{name}/manifest": deep}
    (layer,) = read_layers(said, ())
    assert layer.ids is None
