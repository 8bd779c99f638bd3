from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import yaml
from pydantic import ValidationError

from rde_roto.documents.preset_files import PresetLibrary, default_preset_folders, load_preset
from rde_roto.values.bank import Bank
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.preset import Finish, Output, Preset, Running, Tracking, preset_schema

SHIPPED = default_preset_folders()[0]
SHIPPED_NAMES = ["draft", "farm", "fast-motion", "fine", "hair", "standard"]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """The sentence a preset file is refused with, its path cut down to the file's name."""
    with pytest.raises(DocumentError) as error:
        PresetLibrary((path.parent,)).load(path)
    return str(error.value).replace(f"{path.parent}{os.sep}", "")


# Banks.


@pytest.mark.parametrize(
    ("text", "bank", "canonical"),
    [
        ("2F+L+RDE", Bank(2, 1, 1), "2F+L+RDE"),
        ("F+L", Bank(1, 1, 0), "F+L"),
        ("RDE", Bank(0, 0, 1), "RDE"),
        ("2F+L", Bank(2, 1, 0), "2F+L"),
        ("F+2L", Bank(1, 2, 0), "F+2L"),
        ("F", Bank(1, 0, 0), "F"),
        ("1RDE + 4L + 0F", Bank(0, 4, 1), "4L+RDE"),
        (" STM ", Bank(0, 0, 0, growing=True), "STM"),
    ],
)
def test_banks(text: str, bank: Bank, canonical: str) -> None:
    assert Bank.parse(text) == bank
    assert str(bank) == canonical
    assert Bank.parse(canonical) == bank


@pytest.mark.parametrize(
    "text",
    ["", "+", "5F", "2RDE", "0F", "F+F", "2X", "f", "12F", "F-L", "F2", "STM+RDE", "F+STM", "2STM"],
)
def test_texts_that_are_no_bank(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 2F\+L\+RDE"):
        Bank.parse(text)


@pytest.mark.parametrize("counts", [(0, 0, 0), (5, 0, 0), (0, -1, 1), (1, 0, 2)])
def test_counts_that_are_no_bank(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"such as 2F\+L\+RDE"):
        Bank(*counts)


def test_the_growing_bank_stands_alone() -> None:
    with pytest.raises(ValueError, match="or STM alone"):
        Bank(1, 0, 0, growing=True)


def test_a_preset_can_ask_for_the_growing_bank(tmp_path: Path) -> None:
    path = write(tmp_path / "stm.yaml", "tracking: {bank: STM}\n")
    preset = PresetLibrary(()).load(path)
    assert preset.tracking.bank == Bank.parse("STM")
    assert PresetLibrary(()).load(write(tmp_path / "stm.yaml", preset.to_yaml())) == preset
    assert preset.tracking.digest != Tracking().digest


# Values.


def test_defaults_are_those_of_the_shipped_preset() -> None:
    tracking = Tracking()
    assert (tracking.lines, tracking.memory_every, tracking.top_k) == (480, 3, 40)
    assert (tracking.bank, tracking.state_dtype) == (Bank(2, 1, 0), "float16")
    assert Finish() == Finish(erode_px=0.0, feather_px=0.0, gain=1.0)


def test_the_clip_leaves_the_middle_of_an_edge_in_its_place() -> None:
    assert Finish().clip_black == pytest.approx(1 - Finish().clip_white)


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": 481},
        {"memory_every": 4},
        {"top_k": None},
        {"top_k": 3},
        {"bank": "2F+L+RDE"},
        {"state_dtype": "float32"},
    ],
)
def test_every_tracking_value_has_its_part_in_the_digest(changed: dict[str, Any]) -> None:
    assert Tracking(**changed).digest != Tracking().digest


def test_equal_values_have_equal_digests() -> None:
    assert Tracking(bank=Bank.parse("L+2F")).digest == Tracking().digest
    assert Finish(gain=1).digest == Finish().digest
    assert Finish(erode_px=1.0).digest != Finish(feather_px=1.0).digest
    assert re.fullmatch("[0-9a-f]{32}", Tracking().digest)


def test_dechatter_is_named_with_the_frames_it_looks_at_not_with_the_finish() -> None:
    assert Finish(dechatter=1.0).digest == Finish().digest
    with pytest.raises(ValidationError, match="dechatter"):
        Finish(dechatter=1.1)


def test_values_are_frozen() -> None:
    tracking: Any = Tracking()
    with pytest.raises(ValidationError, match="frozen"):
        tracking.lines = 240
    assert {Tracking(), Tracking()} == {Tracking()}


def test_every_field_says_what_it_is_and_its_range() -> None:
    schema = preset_schema()
    for section in ("Tracking", "Finish"):
        for name, field in schema["$defs"][section]["properties"].items():
            assert field["description"], name
            for choice in field.get("anyOf", [field]):
                if "minimum" in choice:
                    assert f"{choice['minimum']:g} to {choice['maximum']:g}" in field["description"]


def test_the_schema_is_that_of_a_file() -> None:
    schema = preset_schema()
    assert list(schema["properties"]) == [
        "extends",
        "description",
        "input",
        "tracking",
        "finish",
        "output",
        "running",
    ]
    assert "required" not in schema
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Tracking"]["properties"]["bank"]["default"] == "2F+L"


@pytest.mark.parametrize(
    "description", ["", "plain", "a: b # 'c' \"d\"", "Ünïcode, two\nlines", "5", "1e-5"]
)
def test_yaml_of_a_preset_loads_as_that_preset(tmp_path: Path, description: str) -> None:
    preset = Preset(
        name="hero",
        description=description,
        tracking=Tracking(lines=512, top_k=None, bank=Bank(0, 1, 1)),
        finish=Finish(erode_px=-1.5, feather_px=1e-5),
    )
    path = write(tmp_path / "hero.yaml", preset.to_yaml())
    assert PresetLibrary(()).load(path) == preset


def test_yaml_of_a_preset_explains_every_key() -> None:
    text = Preset(name="hero").to_yaml()
    for model in (Tracking, Finish):
        for name, field in model.model_fields.items():
            assert re.search(rf"^  # .*\n  {name}: ", text, re.MULTILINE), name
            assert field.description is not None
            assert field.description in re.sub(r"\n? *# ", " ", text)
    assert max(map(len, text.splitlines())) <= 100


# The shipped presets.


def test_the_shipped_presets() -> None:
    library = PresetLibrary((SHIPPED,))
    assert [entry.name for entry in library.names()] == SHIPPED_NAMES
    assert all(entry.description for entry in library.names())
    assert library.load("standard").tracking == Tracking()
    assert library.load("standard").finish == Finish()
    assert library.load("draft").tracking == Tracking(lines=240)
    assert library.load("fine").tracking == Tracking(lines=720)
    assert library.load("draft").name == "draft"
    assert library.load("hair").tracking == Tracking(lines=720)
    learning = Running(learn=True)
    fast, farm = library.load("fast-motion"), library.load("farm")
    assert (fast.tracking, fast.running) == (Tracking(), learning)
    assert (farm.tracking, farm.running) == (Tracking(), learning)
    assert (fast.output, farm.output) == (Output(), Output(data_window="fit"))


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_presets_explain_every_key(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r" *\w+:", line)]
    assert len(keys) >= 4
    for number in keys:
        assert lines[number - 1].lstrip().startswith("# "), lines[number]


def test_the_standard_preset_writes_out_every_value() -> None:
    document = yaml.safe_load((SHIPPED / "standard.yaml").read_text(encoding="utf-8"))
    assert set(document["tracking"]) == set(Tracking.model_fields)
    assert set(document["finish"]) == set(Finish.model_fields)


# The library.


def test_default_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    studio, show = tmp_path / "studio", tmp_path / "show"
    monkeypatch.setenv("RDE_ROTO_PRESETS", f"{studio}{os.pathsep}{os.pathsep}{show}")
    shipped, user, *rest = default_preset_folders()
    assert (shipped / "standard.yaml").is_file()
    assert user == platformdirs.user_config_path("rde-roto", appauthor=False) / "presets"
    assert rest == [show, studio]
    monkeypatch.delenv("RDE_ROTO_PRESETS")
    assert default_preset_folders() == (shipped, user)


def test_the_first_folder_that_is_named_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in $PATH."""
    for folder, gain in (("show", 2), ("studio", 3)):
        write(tmp_path / folder / "ours.yaml", f"description: {folder}\nfinish: {{gain: {gain}}}\n")
        write(tmp_path / folder / f"{folder}.yaml", "extends: ours\n")
    monkeypatch.setenv("RDE_ROTO_PRESETS", f"{tmp_path / 'show'}{os.pathsep}{tmp_path / 'studio'}")
    assert load_preset("ours").description == "show"
    assert load_preset("studio").finish.gain == 2


def test_a_later_folder_hides_an_earlier_preset(tmp_path: Path) -> None:
    studio = write(tmp_path / "studio" / "standard.yaml", "description: ours\n")
    library = PresetLibrary((SHIPPED, tmp_path / "absent", studio.parent))
    assert ("standard", studio, "ours") in library.names()
    assert [entry.name for entry in library.names()] == SHIPPED_NAMES
    assert library.load("standard").description == "ours"


def test_a_preset_can_extend_the_one_it_hides(tmp_path: Path) -> None:
    write(tmp_path / "a" / "standard.yaml", "finish: {gain: 2}\ntracking: {lines: 300}\n")
    write(tmp_path / "b" / "standard.yaml", "extends: standard\nfinish: {feather_px: 3}\n")
    library = PresetLibrary((SHIPPED, tmp_path / "a", tmp_path / "b"))
    assert library.load("standard").finish == Finish(gain=2.0, feather_px=3.0)
    # What extends the name starts from the preset that now bears it.
    assert library.load("fine").finish == Finish(gain=2.0, feather_px=3.0)
    assert library.load("fine").tracking.lines == 720


def test_inheritance_merges_key_by_key_but_leaves_descriptions(tmp_path: Path) -> None:
    write(
        tmp_path / "base.yaml",
        "description: the base\ntracking:\n  lines: 300\n  memory_every: 7\nfinish:\n  gain: 2\n",
    )
    write(tmp_path / "middle.yaml", "extends: base\ntracking:\n  lines: 400\n")
    write(tmp_path / "hero.yaml", "extends: middle\nfinish:\n  erode_px: 1\ntracking:\n")
    preset = PresetLibrary((tmp_path,)).load("hero")
    assert preset == Preset(
        name="hero",
        tracking=Tracking(lines=400, memory_every=7),
        finish=Finish(gain=2.0, erode_px=1.0),
    )


def test_a_file_anywhere_loads_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "standard.yaml", "extends: standard\ntracking: {lines: 300}\n")
    library = PresetLibrary((SHIPPED,))
    expected = Preset(name="standard", tracking=Tracking(lines=300))
    assert library.load(path) == library.load(str(path)) == expected
    monkeypatch.chdir(tmp_path)
    assert library.load("standard.yaml") == expected
    assert library.load("standard").tracking == Tracking()


def test_circles_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "extends: b\n")
    write(tmp_path / "b.yaml", "description: b\nextends: c\n")
    write(tmp_path / "c.yaml", "extends: b\n")
    with pytest.raises(DocumentError, match=r"c\.yaml:1: .* in a circle: a -> b -> c -> b$"):
        PresetLibrary((tmp_path,)).load("a")


def test_extending_nothing_but_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.yaml", "extends: odd\n")
    assert refusal(path) == "odd.yaml:1: 'odd' hides no other preset of that name to start from"


def test_an_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    library = PresetLibrary((SHIPPED,))
    with pytest.raises(DocumentError, match="no preset 'standart'; did you mean 'standard'"):
        library.load("standart")
    names = ", ".join(SHIPPED_NAMES)
    with pytest.raises(DocumentError, match=f"no preset 'xyz'; there are {names}"):
        library.load("xyz")
    with pytest.raises(DocumentError, match=f"no preset 'fine'; .* {re.escape(str(tmp_path))}"):
        PresetLibrary((tmp_path,)).load("fine")
    path = write(tmp_path / "hero.yaml", "\nextends: heor\n")
    assert refusal(path) == "hero.yaml:2: there is no preset 'heor'; did you mean 'hero'?"


def test_a_damaged_preset_does_not_hide_the_listing(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.yaml", "oops\n")
    write(tmp_path / "._good.yaml", "\x00")
    write(tmp_path / "good.yaml", "description: fine\n")
    bad, good = PresetLibrary((tmp_path,)).names()
    assert bad.name == "bad"
    assert bad.description.startswith(f"{path}:1: ")
    assert good.description == "fine"


# Bad files. Each sentence begins with the file and, where there is one, the line.


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "description: x\n\ntracking:\n  lines: 480\n  memory_evry: 5\n",
            "hero.yaml:5: unknown key 'memory_evry' in tracking; did you mean 'memory_every'?",
        ),
        (
            "tracking:\n  feather_px: 1\n",
            (
                "hero.yaml:2: unknown key 'feather_px' in tracking; "
                "did you mean 'feather_px' in finish?"
            ),
        ),
        (
            "top_k: 1\n",
            "hero.yaml:1: unknown key 'top_k'; did you mean 'top_k' in tracking?",
        ),
        ("\ntraking:\n", "hero.yaml:2: unknown key 'traking'; did you mean 'tracking'?"),
        (
            "tracking:\n  lines: 300\n  finish:\n    gain: 1\n",
            (
                "hero.yaml:3: unknown key 'finish' in tracking; "
                "did you mean 'finish' at the top level?"
            ),
        ),
        (
            "finish:\n  zzzz: 1\n",
            "hero.yaml:2: unknown key 'zzzz' in finish; known are edges, dechatter, clip_black, "
            "clip_white, erode_px, feather_px, gain, gamma",
        ),
        (
            "tracking:\n  lines: 5000\n",
            "hero.yaml:2: tracking.lines is 5000; allowed: a whole number from 96 to 2160",
        ),
        (
            "tracking:\n  lines: '480'\n",
            "hero.yaml:2: tracking.lines is '480'; allowed: a whole number from 96 to 2160",
        ),
        (
            "tracking:\n  memory_every: yes\n",
            "hero.yaml:2: tracking.memory_every is yes; allowed: a whole number from 1 to 30",
        ),
        (
            "tracking:\n  top_k: 1.5\n",
            "hero.yaml:2: tracking.top_k is 1.5; allowed: a whole number from 1 to 4096 or null",
        ),
        (
            "tracking:\n  state_dtype: half\n",
            "hero.yaml:2: tracking.state_dtype is 'half'; allowed: float16 or float32",
        ),
        (
            "tracking:\n  bank: 2F+X\n",
            (
                "hero.yaml:2: tracking.bank is '2F+X'; expected F, L and RDE joined by +, "
                "at most 4 F, 4 L and one RDE, such as 2F+L+RDE, or STM alone"
            ),
        ),
        (
            "finish:\n  gain: .nan\n",
            "hero.yaml:2: finish.gain is .nan; allowed: a number from 0 to 10",
        ),
        ("description: 5\n", "hero.yaml:1: description is 5; allowed: text"),
        ("extends: 5\n", "hero.yaml:1: extends is 5; allowed: the name of a preset"),
        ("tracking:\n  top_k:\n", "hero.yaml:2: 'top_k' has no value"),
        (
            "tracking:\n  lines: [480]\n",
            "hero.yaml:2: tracking.lines is [480]; allowed: a whole number from 96 to 2160",
        ),
        (
            "finish:\n  gain: 2026-99-99\n",
            "hero.yaml:2: 'gain' is 2026-99-99, which is not a YAML value",
        ),
        (
            "finish:\n  gain: !!bool 7\n",
            "hero.yaml:2: 'gain' is 7, which is not a YAML value",
        ),
        (
            "finish:\n  gain: !!timestamp q\n",
            "hero.yaml:2: 'gain' is q, which is not a YAML value",
        ),
        (
            "tracking:\n  lines: 480\n  lines: 240\n",
            "hero.yaml:3: 'lines' is already set in line 2",
        ),
        ("finish:\ntracking:\nfinish:\n", "hero.yaml:3: 'finish' is already set in line 1"),
        ("tracking: 5\n", "hero.yaml:1: tracking must hold lines of the form 'key: value'"),
        ("- tracking\n", "hero.yaml:1: a preset file must hold lines of the form 'key: value'"),
        ("[a, b]: 1\n", "hero.yaml:1: a key must be a plain word"),
        ("", "hero.yaml: the file is empty; expected a preset, such as 'extends: NAME'"),
        (
            "# nothing\n",
            "hero.yaml: the file is empty; expected a preset, such as 'extends: NAME'",
        ),
    ],
)
def test_bad_documents(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(write(tmp_path / "hero.yaml", text)) == sentence


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tracking:\n  lines: [1\n", 3),
        ("tracking:\n\tlines: 5\n", 2),
        ("description: x\n---\nextends: y\n", 2),
        ("\n\nfinish: *nowhere\n", 3),
        ("description: x\nfinish:\n  gain: \x07\n", 3),
    ],
)
def test_text_that_is_not_yaml(tmp_path: Path, text: str, line: int) -> None:
    path = write(tmp_path / "hero.yaml", text)
    assert refusal(path).startswith(f"hero.yaml:{line}: this is not valid YAML: ")


def test_an_inherited_mistake_is_named_where_it_was_made(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "finish:\n\n  gain: 99\n")
    path = write(tmp_path / "hero.yaml", "extends: base\n")
    assert refusal(path) == "base.yaml:3: finish.gain is 99; allowed: a number from 0 to 10"


def test_text_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "hero.yaml"
    path.write_bytes("description: x\n# für Nächte\n".encode("latin-1"))
    assert refusal(path) == "hero.yaml:2: the text is not UTF-8; save it again as UTF-8"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "hero.yaml"
    path.write_bytes(b"\xef\xbb\xbfdescription: x\r\ntracking:\r\n  lines: 300\r\n")
    assert PresetLibrary(()).load(path).tracking.lines == 300


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.yaml").startswith("gone.yaml: the preset cannot be read: ")
    (tmp_path / "folder.yaml").mkdir()
    assert refusal(tmp_path / "folder.yaml").startswith("folder.yaml: the preset cannot be read")


# Overrides.


def test_overrides_come_on_top_and_the_last_one_wins() -> None:
    overrides = (
        "tracking.memory_every=5",
        "tracking.top_k=null",
        "finish.erode_px=-2",
        "tracking.bank=F+L",
        "tracking.memory_every = 6",
    )
    preset = PresetLibrary((SHIPPED,)).load("draft", overrides)
    tracking = Tracking(lines=240, memory_every=6, top_k=None, bank=Bank(1, 1, 0))
    assert preset.tracking == tracking
    assert preset.finish == Finish(edges="bilinear", erode_px=-2.0)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "tracking.memory_evry=5",
            "unknown key 'memory_evry' in tracking; did you mean 'memory_every'?",
        ),
        ("memory_every=5", "unknown key 'memory_every'; did you mean 'memory_every' in tracking?"),
        ("traking.lines=5", "unknown key 'traking'; did you mean 'tracking'?"),
        ("tracking.lines=9", "tracking.lines is 9; allowed: a whole number from 96 to 2160"),
        ("tracking.lines=", "'lines' has no value"),
        ("tracking.lines", "expected KEY=VALUE, such as tracking.memory_every=5"),
        (
            "tracking=5",
            "tracking is a section; expected one of its keys, as tracking.lines",
        ),
        ("extends=draft", "extends can only be written in a file"),
        ("tracking.lines.x=5", "tracking.lines is a value, it has no key 'x'"),
        (
            "output.layer_prefix=matte.",
            "output.layer_prefix is 'matte.'; allowed: letters a-z, digits and _, no digit first",
        ),
        ("finish.gain=[1]", "finish.gain is [1]; allowed: a number from 0 to 10"),
    ],
)
def test_bad_overrides(override: str, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        PresetLibrary((SHIPPED,)).load("standard", [override])
    assert str(error.value) == f"--set {override}: {sentence}"


def test_an_override_that_is_not_yaml() -> None:
    with pytest.raises(UsageError, match=r"^--set finish\.gain=\[1: this is not valid YAML: "):
        PresetLibrary((SHIPPED,)).load("standard", ["finish.gain=[1"])
