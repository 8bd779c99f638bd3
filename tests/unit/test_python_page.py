"""docs/python.md and docs/cookbook.md: their examples run, as a reader would type them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from disc_shots import short_lessons

import rde_roto
from rde_roto.doors.commands.demo import demo_shot
from rde_roto.doors.watchfolder.hot_folder import HotFolder
from rde_roto.images.files import read_channels

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = """\
schema: rde-roto.shot/1
plate: {path: plates/hero.####.exr}
elements: [{id: hero, name: hero}]
keyframes: [{frame: 1001, mask: masks/hero.1001.exr}]
preset: standard
overrides: {tracking.lines: 96}
"""


TABLE = """\
name,plate,frame,mask
hero,plates/hero.####.exr,1001,masks/hero.1001.exr
gone,plates/gone.####.exr,1001,masks/hero.1001.exr
"""


@pytest.fixture(autouse=True)
def _show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a show: a plate, two masks, and the presets of short lessons."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RDE_ROTO_PRESETS", short_lessons(tmp_path / "presets"))
    for folder, frames in (("plate", range(1001, 1013)), ("truth", (1001, 1010))):
        target = tmp_path / ("plates" if folder == "plate" else "masks")
        target.mkdir()
        for frame in frames:
            source = demo_shot() / folder / f"demo.{frame}.exr"
            shutil.copy(source, target / f"hero.{frame}.exr")


def run_examples(page: Path, count: int) -> dict[str, Any]:
    """Run the Python of a page; return what is known at its end."""
    examples = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == count
    known: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, str(page), "exec"), known)
    return known


def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "hero.shot.yaml").write_text(DOCUMENT)
    known = run_examples(DOCS / "python.md", 12)
    assert known["changed"] == list(range(1002, 1013))
    assert len(known["mattes"]) == 12


def test_the_recipes_of_the_cookbook_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shows_own = "extends: standard\ntracking: {lines: 96}\n"
    (tmp_path / "presets/standard.yaml").write_text(shows_own)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    (tmp_path / "shots.csv").write_text(TABLE)
    (tmp_path / "shots").mkdir()
    hot = HotFolder.create(tmp_path / "roto")
    known = run_examples(DOCS / "cookbook.md", 5)
    assert known["shots"] == [Path("shots/hero.shot.yaml")]
    assert "gone: rde-roto: no file matches" in capsys.readouterr().out
    assert [path.name for path in hot.inbox.iterdir()] == ["hero.json"]
    assert (known["made"]["made"], known["made"]["kept"]) == (4, 0)
    assert known["alpha"].shape == read_channels(tmp_path / "plates/hero.1003.exr", ["R"]).shape[:2]
    assert set(known["advice"]) == {"confidences", "doubtful", "next"}


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_text_or_a_path(kind: type[str] | type[Path]) -> None:
    plate = rde_roto.open_plate(kind("plates/hero.####.exr"))
    assert len(plate.range) == 12
    assert rde_roto.read_mask(kind("masks/hero.1001.exr"), plate.format)[1] == ("element1",)
    with pytest.raises(rde_roto.RotoError, match=r"no weights file own.gone\.safetensors"):
        rde_roto.load_model(kind("own/gone.safetensors"))
    with pytest.raises(rde_roto.RotoError, match=r"gone\.json cannot be read"):
        rde_roto.read_shapes(kind("gone.json"))


def test_presets_are_found_from_a_folder_that_is_a_link(tmp_path: Path) -> None:
    """A studio links the engine of a checkout into its own Python path."""
    (tmp_path / "linked").symlink_to(DOCS.parent / "engine", target_is_directory=True)
    code = "import rde_roto; print(rde_roto.load_preset('standard').tracking.lines)"
    path = {**os.environ, "PYTHONPATH": str(tmp_path / "linked"), "RDE_ROTO_PRESETS": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "480"


def test_every_name_is_there_and_nothing_else_is() -> None:
    for name in rde_roto.__all__:
        assert getattr(rde_roto, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Shots'"):
        rde_roto.Shots  # noqa: B018


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, rde_roto; rde_roto.Shot; rde_roto.open_plate; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
