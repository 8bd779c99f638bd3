from __future__ import annotations

from pathlib import Path

import pytest

from rde_roto.documents.preset_files import PresetLibrary, default_preset_folders
from rde_roto.training.recipe import Phase, Recipe, VideoSource
from rde_roto.training.recipe_files import load_recipe, recipe_library
from rde_roto.values.bank import Bank
from rde_roto.values.errors import DocumentError, UsageError

MINIMAL = "curriculum:\n  - {until: 1, frames: 3, clips: 2, size_px: 64}\n"
SHIPPED = sorted((default_preset_folders()[0] / "training").glob("*.yaml"))
PHASE = Phase(until=1.0, frames=3, clips=2, size_px=64)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_recipe_has_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "stills.yaml", MINIMAL)
    assert load_recipe(path) == Recipe(name="stills", curriculum=[PHASE])


def test_a_recipe_starts_from_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RDE_ROTO_PRESETS", str(tmp_path))
    write(
        tmp_path / "training" / "base.yaml",
        f"{MINIMAL}optimiser: {{lr: 1e-4, steps: [0.5, 0.75]}}\nvideo: {{clip: {{hue: 0.1}}}}\n"
        "data:\n  videos:\n    - path: davis\n    - path: ytvos\n      jump_factor: 0.2\n",
    )
    write(
        tmp_path / "training" / "stage.yaml",
        "extends: base\noptimiser: {steps: []}\nvideo: {clip: {mirror: 0.5}}\n"
        "data:\n  videos:\n    - path: mine\n      leave_out: [bear]\n",
    )
    recipe = load_recipe("stage")
    assert (recipe.optimiser.lr, recipe.optimiser.steps) == (1e-4, [])
    assert (recipe.video.clip.hue, recipe.video.clip.mirror) == (0.1, 0.5)
    assert recipe.data.videos == [VideoSource(path="mine", leave_out=["bear"])]
    assert recipe.curriculum == [PHASE]


def test_overrides(tmp_path: Path) -> None:
    path = write(tmp_path / "stage.yaml", MINIMAL)
    overrides = (
        "data.root=/x",
        "iterations=7",
        "reads.banks=[RDE,F+RDE]",
        "curriculum=[{until: 0.5, frames: 5, clips: 1, size_px: 96}, {until: 1, frames: 3, "
        "clips: 2, size_px: 64}]",
    )
    recipe = load_recipe(path, overrides)
    assert (recipe.data.root, recipe.iterations) == ("/x", 7)
    assert recipe.reads.banks == [Bank(0, 0, 1), Bank(1, 0, 1)]
    assert recipe.curriculum == [Phase(until=0.5, frames=5, clips=1, size_px=96), PHASE]
    with pytest.raises(UsageError, match=r"reads\.banks\[1\] is 'STM\+L'; expected .* STM alone$"):
        load_recipe(path, ["reads.banks=[RDE, STM+L]"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "seed: 1\ncuriculum: []\n",
            ":2: unknown key 'curiculum'; did you mean 'curriculum'?",
        ),
        (
            "curriculum:\n  - until: 1\n    frmes: 3\n",
            ":3: unknown key 'frmes' in curriculum; did you mean 'frames'?",
        ),
        (
            "curriculum:\n  - {until: 1, frames: 3, clips: 2, size_px: 64}\n"
            "  - until: 1\n    frames: 1\n    clips: 2\n    size_px: 64\n",
            ":4: curriculum[1].frames is 1; allowed: a whole number from 2 to 64",
        ),
        (
            f"{MINIMAL}optimiser:\n  lr: 0\n",
            ":4: optimiser.lr is 0; allowed: a number above 0",
        ),
        ("seed: 1\n", ": curriculum is missing and has no default"),
    ],
)
def test_bad_recipes(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path / "stage.yaml", text)
    with pytest.raises(DocumentError) as error:
        load_recipe(path)
    assert str(error.value) == f"{path}{sentence}"


def test_recipes_lie_below_the_presets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RDE_ROTO_PRESETS", str(tmp_path))
    path = write(tmp_path / "training" / "our-stage.yaml", f"description: ours\n{MINIMAL}")
    assert ("our-stage", path, "ours") in recipe_library().names()
    assert load_recipe("our-stage").curriculum == [PHASE]
    assert path not in {e.path for e in PresetLibrary(default_preset_folders()).names()}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_recipes(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.description
    assert recipe.curriculum[-1].until == 1.0
