"""docs/python.md: its examples run, in their order, as a reader would type them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from disc_shots import short_lessons

import rde_roto
from rde_roto.doors.demo import demo_shot

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
DOCUMENT = """\
schema: rde-roto.shot/1
plate: {path: plates/hero.####.exr}
elements: [{id: hero, name: hero}]
keyframes: [{frame: 1001, mask: masks/hero.1001.exr}]
preset: standard
overrides: {tracking.lines: 96}
"""


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RDE_ROTO_PRESETS", short_lessons(tmp_path / "presets"))
    for folder, frames in (("plate", range(1001, 1013)), ("truth", (1001, 1010))):
        target = tmp_path / ("plates" if folder == "plate" else "masks")
        target.mkdir()
        for frame in frames:
            source = demo_shot() / folder / f"demo.{frame}.exr"
            shutil.copy(source, target / f"hero.{frame}.exr")
    (tmp_path / "hero.shot.yaml").write_text(DOCUMENT)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 12
    known: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), known)
    assert known["changed"] == list(range(1002, 1013))
    assert len(known["mattes"]) == 12  # type: ignore[arg-type]


def test_every_name_is_there_and_nothing_else_is() -> None:
    for name in rde_roto.__all__:
        assert getattr(rde_roto, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Shots'"):
        rde_roto.Shots  # noqa: B018


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, rde_roto; rde_roto.Shot; rde_roto.open_plate; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
