"""A run folder that cannot be one is a sentence and exit code 2, whichever run it is of."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from command_line import Run, refused

from rde_roto.training.recipe_files import load_recipe
from rde_roto.training.start import begin
from rde_roto.values.errors import UsageError

pytest_plugins = ("command_line_fixtures",)


@pytest.mark.parametrize("options", [(), ("--detach",), ("--stop",)], ids=str)
@pytest.mark.parametrize("kind", ["a file", "within a file", "open to all"])
def test_of_the_engine(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    kind: str,
) -> None:
    folder = tmp_path / "run"
    if kind == "open to all":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        folder.write_text("")
        folder = folder / "engine" if kind == "within a file" else folder
    monkeypatch.setenv("RDE_ROTO_RUN", str(folder))
    assert run("serve", *options) == 2
    sentence = refused(capsys)
    assert str(folder) in sentence
    assert "name another one in RDE_ROTO_RUN" in sentence


@pytest.mark.parametrize("refusal", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_of_an_engine_on_a_share_without_locks(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refusal: int,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setenv("RDE_ROTO_RUN", str(tmp_path / "run"))
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert run("serve") == 7
    sentence = refused(capsys)
    assert f"cannot listen in the run folder {tmp_path}/run: {os.strerror(refusal)}" in sentence
    assert "RDE_ROTO_RUN" in sentence


@pytest.mark.parametrize("within", [".", "run"])
def test_of_a_training(tmp_path: Path, within: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"create the run's folder .*: (File|Not a)"):
        begin(load_recipe("rde-lite"), tmp_path / "file" / within, resume=False)
