"""Wrong environment variables, which the doctor names."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run, refused

from rde_roto.doors.environment import wrong_variables

pytest_plugins = ("command_line_fixtures",)

WRONG = {
    "RDE_ROTO_CACHE_GB": ("foo", "RDE_ROTO_CACHE_GB must be a number of gigabytes"),
    "RDE_ROTO_RAM_GB": ("-1", "RDE_ROTO_RAM_GB must be a number of gigabytes"),
    "RDE_ROTO_PROGRESS": ("loud", "RDE_ROTO_PROGRESS=loud: expected auto, bar,"),
    "RDE_ROTO_PRESETS": ("/no/such/folder", "RDE_ROTO_PRESETS names /no/such/folder, which is not"),
    "RDE_ROTO_SILENT_S": ("soon", "RDE_ROTO_SILENT_S=soon: expected a number of seconds"),
    "OMP_NUM_THREADS": ("0", "OMP_NUM_THREADS=0: expected a number of threads, 1 or more"),
}


@pytest.fixture(autouse=True)
def none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WRONG:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(wrong_variables()) == []
    value, sentence = WRONG[name]
    monkeypatch.setenv(name, value)
    (said,) = wrong_variables()
    assert said.startswith(sentence)


def test_right_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = {"CACHE_GB": "0.5", "PROGRESS": "json", "PRESETS": str(tmp_path), "SILENT_S": "2.5"}
    for name, value in right.items():
        monkeypatch.setenv(f"RDE_ROTO_{name}", value)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert list(wrong_variables()) == []


def test_the_doctor_goes_on_and_other_commands_say_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", "foo")
    assert run("doctor", "--device", "cpu", "--model", "none") == 5
    found, _, to_do = capsys.readouterr().out.partition("to do:\n")
    assert "self-test     FAILED" in found
    assert to_do.count("RDE_ROTO_CACHE_GB must be a number of gigabytes, 0 or more; it is") == 1
    for words in (["cache", "info"], ["shot", "render", "none.shot.yaml"]):
        assert run(*words) == 2
        assert "RDE_ROTO_CACHE_GB must be" in refused(capsys)
