"""What every kind of document has in common; what is said of presets is in test_preset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, model_validator

from rde_roto.documents.library import Library
from rde_roto.values.errors import DocumentError, UsageError
from rde_roto.values.settings import Settings, allowed_values, lists_of_sections, sections_of


class Lens(Settings):
    focal_mm: float = Field(default=50.0, gt=0)
    squeeze: float = Field(default=1.0, ge=1, le=2)


class Camera(Settings):
    lens: Lens = Lens()
    iso: int | None = Field(default=800, ge=100)


class Take(Settings):
    frames: int = Field(ge=8, multiple_of=4)
    slate: str = ""
    circled: bool = False
    lens: Lens = Lens()


class Scene(Settings):
    name: str
    description: str = ""
    light: Literal["day", "night"] = "day"
    camera: Camera = Camera()
    takes: list[Take] = Field(min_length=1)
    stops: list[float] = Field(default=[2.8, 4.0])
    crew: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _night_needs_iso(self) -> Scene:
        if self.light == "night" and self.camera.iso is None:
            raise ValueError("a scene at night needs camera.iso")
        return self


TAKE = "takes: [{frames: 8}]\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def library(*folders: Path) -> Library[Scene]:
    return Library(Scene, "scene", folders, example="camera.iso=400")


def refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as error:
        library(path.parent).load(path)
    return str(error.value).replace(f"{path.parent}{os.sep}", "")


# What a model may hold.


def test_sections_are_found_by_their_types() -> None:
    assert sections_of(Scene) == {"camera": Camera}
    assert sections_of(Camera) == {"lens": Lens}
    assert lists_of_sections(Scene) == {"takes": Take}
    assert lists_of_sections(Lens) == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("light",), "day or night"),
        (("description",), "text"),
        (("camera", "iso"), "a whole number from 100 up or null"),
        (("camera", "lens", "focal_mm"), "a number above 0"),
        (("camera", "lens", "squeeze"), "a number from 1 to 2"),
        (("takes", 3, "frames"), "a whole number from 8 up that is a multiple of 4"),
        (("takes", 3, "circled"), "true or false"),
        (("stops", 0), "a number"),
        (("stops",), None),
        (("camera",), None),
        (("crew", "[key]"), None),
    ],
)
def test_allowed_values(path: tuple[str | int, ...], words: str | None) -> None:
    assert allowed_values(Scene, path) == words


# Reading.


def test_sections_lists_and_mappings_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "hero.yaml",
        "camera:\n  lens: {focal_mm: 35}\n"
        "takes:\n  - frames: 8\n    lens:\n  - {frames: 12, slate: '2', lens: {squeeze: 2}}\n"
        "stops: [1.4, 2]\ncrew: {focus: Ada}\n",
    )
    assert library().load(path) == Scene(
        name="hero",
        camera=Camera(lens=Lens(focal_mm=35.0)),
        takes=[Take(frames=8), Take(frames=12, slate="2", lens=Lens(squeeze=2.0))],
        stops=[1.4, 2.0],
        crew={"focus": "Ada"},
    )


@pytest.mark.parametrize(("text", "value"), [("1e-5", 1e-5), ("2.E+1", 20.0), ("1.5e-3", 1.5e-3)])
def test_numbers_with_an_exponent(tmp_path: Path, text: str, value: float) -> None:
    path = write(tmp_path / "hero.yaml", f"{TAKE}camera: {{lens: {{focal_mm: {text}}}}}\n")
    assert library().load(path).camera.lens.focal_mm == value


def test_inheritance_merges_sections_and_replaces_lists(tmp_path: Path) -> None:
    write(
        tmp_path / "base.yaml",
        "description: the base\nlight: night\ncrew: {focus: Ada}\nstops: [1.4]\n"
        "camera:\n  iso: 400\n  lens: {focal_mm: 35}\ntakes: [{frames: 8}, {frames: 12}]\n",
    )
    text = "extends: base\ncamera: {lens: {squeeze: 2}}\ntakes: [{frames: 16}]\ncrew: {grip: Max}\n"
    write(tmp_path / "hero.yaml", text)
    assert library(tmp_path).load("hero") == Scene(
        name="hero",
        light="night",
        camera=Camera(iso=400, lens=Lens(focal_mm=35.0, squeeze=2.0)),
        takes=[Take(frames=16)],
        stops=[1.4],
        crew={"grip": "Max"},
    )


def test_what_a_file_leaves_out_may_be_inherited_or_set(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", TAKE)
    heir = write(tmp_path / "heir.yaml", "extends: base\n")
    bare = write(tmp_path / "bare.yaml", "light: day\n")
    assert library(tmp_path).load(heir).takes == [Take(frames=8)]
    assert library().load(bare, ["takes=[{frames: 8}]"]).takes == [Take(frames=8)]


# Mistakes.


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "camera:\n  lens:\n    focal: 35\n",
            "hero.yaml:3: unknown key 'focal' in camera.lens; did you mean 'focal_mm'?",
        ),
        (
            "squeze: 2\n",
            "hero.yaml:1: unknown key 'squeze'; did you mean 'squeeze' in camera.lens?",
        ),
        (
            "takes:\n  - frames: 8\n  - frames: 8\n    slat: A\n",
            "hero.yaml:4: unknown key 'slat' in takes; did you mean 'slate'?",
        ),
        (
            "takes:\n  - frames: 8\n    lens:\n      zzzz: 1\n",
            "hero.yaml:4: unknown key 'zzzz' in takes.lens; known are focal_mm, squeeze",
        ),
        ("name: hero\n", "hero.yaml:1: unknown key 'name'; did you mean 'frames' in takes?"),
        ("takes:\n  - frames:\n", "hero.yaml:2: 'frames' has no value"),
        (
            "takes:\n  - frames: 8\n    frames: 8\n",
            "hero.yaml:3: 'frames' is already set in line 2",
        ),
        ("takes:\n  - 8\n", "hero.yaml:2: takes must hold lines of the form 'key: value'"),
        ("takes: 8\n", "hero.yaml:1: takes is 8; input should be a valid list"),
        (
            "takes: []\n",
            "hero.yaml:1: takes is []; list should have at least 1 item after validation, not 0",
        ),
        (
            "takes:\n  - frames: 8\n  - slate: A\n    frames: '8'\n",
            (
                "hero.yaml:4: takes[1].frames is '8'; "
                "allowed: a whole number from 8 up that is a multiple of 4"
            ),
        ),
        (
            f"{TAKE}stops:\n  - 1.4\n  - wide\n",
            "hero.yaml:4: stops[1] is 'wide'; allowed: a number",
        ),
        (
            f"{TAKE}crew:\n  focus: Ada\n  grip: 5\n",
            "hero.yaml:4: crew.grip is 5; input should be a valid string",
        ),
        (
            f"{TAKE}light: [day,\n  night]\n",
            "hero.yaml:2: light is [day, night]; allowed: day or night",
        ),
        (
            f"{TAKE}stops: [1.4, 2026-99-99]\n",
            "hero.yaml:2: 'stops' is [1.4, 2026-99-99], which is not a YAML value",
        ),
        (
            "light: day\n",
            "hero.yaml: takes is missing and has no default",
        ),
        (
            "takes:\n  - frames: 8\n  - slate: A\n",
            (
                "hero.yaml:3: takes[1].frames is missing and has no default; "
                "allowed: a whole number from 8 up that is a multiple of 4"
            ),
        ),
        (
            f"{TAKE}light: night\ncamera: {{iso: null}}\n",
            "hero.yaml: a scene at night needs camera.iso",
        ),
        ("", "hero.yaml: the file is empty; expected a scene, such as 'extends: NAME'"),
        ("5\n", "hero.yaml:1: a scene file must hold lines of the form 'key: value'"),
    ],
)
def test_bad_documents(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(write(tmp_path / "hero.yaml", text)) == sentence


def test_a_mistake_in_an_inherited_list_is_named_where_it_was_made(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "takes:\n  - frames: 9\n")
    path = write(tmp_path / "hero.yaml", "extends: base\n")
    assert refusal(path).startswith("base.yaml:2: takes[0].frames is 9; ")


def test_the_kind_of_document_is_named(tmp_path: Path) -> None:
    write(tmp_path / "hero.yaml", "extends: hero\n")
    with pytest.raises(DocumentError, match="no scene 'heor'; did you mean 'hero'"):
        library(tmp_path).load("heor")
    with pytest.raises(DocumentError, match="hides no other scene of that name"):
        library(tmp_path).load("hero")
    with pytest.raises(DocumentError, match="the scene cannot be read"):
        library().load(tmp_path / "gone.yaml")


# Overrides.


def test_overrides_reach_every_key(tmp_path: Path) -> None:
    path = write(tmp_path / "hero.yaml", f"{TAKE}crew: {{focus: Ada}}\n")
    overrides = (
        "light=night",
        "camera.lens.focal_mm=1e2",
        "stops=[8, 11]",
        "takes=[{frames: 16, lens: {squeeze: 2}}, {frames: 20}]",
        "crew={grip: Max}",
        "takes=[{frames: 24}]",
    )
    assert library().load(path, overrides) == Scene(
        name="hero",
        light="night",
        camera=Camera(lens=Lens(focal_mm=100.0)),
        takes=[Take(frames=24)],
        stops=[8.0, 11.0],
        crew={"grip": "Max"},
    )


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("camera.lens.focal=5", "unknown key 'focal' in camera.lens; did you mean 'focal_mm'?"),
        (
            "camera.lens=5",
            "camera.lens is a section; expected one of its keys, as camera.lens.focal_mm",
        ),
        ("takes.frames=8", "takes is a value, it has no key 'frames'"),
        ("takes=[{frame: 8}]", "unknown key 'frame' in takes; did you mean 'frames'?"),
        (
            "takes=[{frames: 8}, {frames: 9}]",
            ("takes[1].frames is 9; allowed: a whole number from 8 up that is a multiple of 4"),
        ),
        ("stops=[wide]", "stops[0] is 'wide'; allowed: a number"),
        ("light", "expected KEY=VALUE, such as camera.iso=400"),
        ("light=", "'light' has no value"),
    ],
)
def test_bad_overrides(tmp_path: Path, override: str, sentence: str) -> None:
    path = write(tmp_path / "hero.yaml", TAKE)
    with pytest.raises(UsageError) as error:
        library().load(path, [override])
    assert str(error.value) == f"--set {override}: {sentence}"
