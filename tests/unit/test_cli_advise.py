"""``rde-roto shot advise`` on real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

pytest_plugins = ("command_line_fixtures",)


def test_advice_is_told_and_read_by_programs(
    run: Run, new_shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("shot", "advise", new_shot) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "nothing looks wrong" or last.startswith("next: frame 100")
    assert run("shot", "advise", new_shot, "--json") == 0
    advice = json.loads(capsys.readouterr().out)
    assert list(advice["confidences"]) == [str(frame) for frame in range(1001, 1007)]
    assert advice["confidences"]["1001"] == {"hero": 1.0}
    assert set(advice["doubtful"]) == {"hero"}
