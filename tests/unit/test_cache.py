"""``rde-roto cache`` and the settings of the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from stored import planes, snapshot_key, state, stores

from rde_roto.doors.commands import cache as door
from rde_roto.images.plates.plate_memo import MEMO_FILE, PlateMemo
from rde_roto.stores import open_stores
from rde_roto.stores.layout import pushed_name, raw_name
from rde_roto.values.cache_settings import CacheSettings
from rde_roto.values.errors import OutputError, UsageError

VARIABLES = ("RDE_ROTO_CACHE", "RDE_ROTO_CACHE_GB", "RDE_ROTO_RAM_GB")
LONG_AGO = 86_400


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of three snapshots of one span, two raw mattes, one of them old, and a plate memo."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RDE_ROTO_CACHE", str(folder))
    opened = stores(folder)
    for index in (0, 8, 16):
        opened.snapshots.put(snapshot_key(index), state(index), durable=True)
    for digest in ("ab12", "cd34"):
        opened.raws.put(digest, planes(1))
    PlateMemo(folder).close()
    os.utime(folder / raw_name("ab12"), (LONG_AGO, LONG_AGO))
    return folder


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def facts(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    door.info(as_json=True)
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


# info


def test_info_tells_how_much_of_each_kind_is_there(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", "1.5")
    said = facts(capsys)
    raws_bytes = sum(path.stat().st_size for path in (cache / "raws").rglob("*.safetensors"))
    assert said["folder"] == str(cache)
    assert (said["budget_bytes"], said["ram_budget_bytes"]) == (1_500_000_000, 1_000_000_000)
    assert (said["spans"], said["snapshots"], said["raw_mattes"]) == (1, 3, 2)
    assert said["raw_mattes_bytes"] == raws_bytes
    assert said["states_bytes"] + raws_bytes == said["bytes"] == size_bytes(cache)
    assert (said["pushed_frames"], said["pushed_frames_bytes"]) == (0, 0)
    assert said["plate_memo_bytes"] == (cache / MEMO_FILE).stat().st_size
    assert datetime.fromisoformat(said["oldest_use"]).timestamp() == LONG_AGO
    assert datetime.fromisoformat(said["newest_use"]).timestamp() > LONG_AGO
    door.info()
    text = capsys.readouterr().out
    assert f"folder        {cache}\n" in text
    assert "of 1.50 GB" in text
    assert "3 snapshots of 1 span" in text


def test_pushed_frames_are_counted_verified_and_pruned(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores(cache).pushed.put("ef56", planes(2))
    said = facts(capsys)
    assert said["pushed_frames"] == 1
    parts = said["states_bytes"], said["raw_mattes_bytes"], said["pushed_frames_bytes"]
    assert sum(parts) == said["bytes"] == size_bytes(cache)
    door.info()
    assert "pushed      0.0 MB: 1 plate frame" in capsys.readouterr().out
    os.truncate(cache / pushed_name("ef56"), 50)
    door.verify()
    assert f"damaged, removed: {pushed_name('ef56')}" in capsys.readouterr().out
    stores(cache).pushed.put("ef56", planes(2))
    door.prune(all_=True)
    assert files(cache) == set()


def test_info_of_a_cache_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RDE_ROTO_CACHE", str(tmp_path / "none"))
    said = facts(capsys)
    assert (said["bytes"], said["oldest_use"], said["newest_use"]) == (0, None, None)
    door.info()
    assert "used          never" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


# prune


def test_prune_goes_down_to_the_budget(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    door.prune()
    assert capsys.readouterr().out.startswith(f"freed 0.0 MB (0 files) in {cache}; ")
    budget_bytes = size_bytes(cache) - 1
    monkeypatch.setenv("RDE_ROTO_CACHE_GB", str(budget_bytes / 1e9))
    door.prune()
    assert size_bytes(cache) <= budget_bytes
    assert len(files(cache)) == 6
    assert "(1 file)" in capsys.readouterr().out


def test_prune_goes_down_to_what_was_asked(cache: Path) -> None:
    door.prune(to=0)
    assert files(cache) == {MEMO_FILE}


def test_prune_all_leaves_nothing(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    total_bytes = facts(capsys)["bytes"] + (cache / MEMO_FILE).stat().st_size
    door.prune(all_=True)
    assert files(cache) == set()
    assert f"freed {total_bytes / 1e6:.1f} MB (7 files)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("to", "all_"), [(-1.0, False), (float("nan"), False), (float("inf"), False), (1.0, True)]
)
def test_prune_to_what_is_no_size_is_refused(cache: Path, to: float, all_: bool) -> None:
    with pytest.raises(UsageError, match="--to takes a number of gigabytes"):
        door.prune(to, all_)
    assert len(files(cache)) == 7


def test_prune_says_what_it_could_not_remove(cache: Path) -> None:
    blocked = cache / raw_name("ab12")
    blocked.unlink()
    blocked.mkdir()  # root may remove any file, but nobody removes a folder as one
    with pytest.raises(OutputError, match=r"1 file in .* could not be removed"):
        door.prune(all_=True)


# verify


def test_verify_names_what_is_damaged_and_how_many(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(cache / raw_name("ab12"), 50)
    door.verify()
    assert capsys.readouterr().out.splitlines() == [
        f"damaged, removed: {raw_name('ab12')}",
        f"6 files in {cache}: 1 damaged",
    ]
    door.verify()
    assert capsys.readouterr().out == f"5 files in {cache}: 0 damaged\n"


def test_verify_counts_nothing_as_used(cache: Path) -> None:
    door.verify()
    assert (cache / raw_name("ab12")).stat().st_mtime == LONG_AGO


# The command as a whole, and the settings.


def test_the_command_needs_no_torch_and_has_the_exit_code_of_its_error(cache: Path) -> None:
    program = (
        "import sys\n"
        "from rde_roto.doors import cli\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    print('torch' in sys.modules)\n"
    )
    for arguments, code in ((["info"], 0), (["verify"], 0), (["prune", "--to", "-1"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", program, "cache", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert done.stdout.endswith("False\n")


def test_without_settings_the_cache_is_the_user_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    expected = platformdirs.user_cache_path("rde-roto", appauthor=False)
    assert CacheSettings.from_environment() == CacheSettings(expected, 20 * 10**9, 10**9)
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    assert CacheSettings.from_environment().folder == expected


def test_settings_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, text in zip(VARIABLES, ("a/cache", "0.5", "0"), strict=True):
        monkeypatch.setenv(variable, text)
    monkeypatch.chdir(tmp_path)
    settings = CacheSettings.from_environment()
    assert settings == CacheSettings(tmp_path / "a/cache", 500_000_000, 0)


@pytest.mark.parametrize("variable", VARIABLES[1:])
@pytest.mark.parametrize("text", ["-1", "nan", "inf", "20 GB", "1e999"])
def test_a_size_that_is_none_is_refused(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(UsageError, match=f"{variable} must be a number of gigabytes"):
        CacheSettings.from_environment()


def test_a_budget_of_nothing_keeps_nothing_on_disk(tmp_path: Path) -> None:
    opened = open_stores(CacheSettings(tmp_path, disk_bytes=0, ram_bytes=10**6))
    opened.raws.put("ab12", planes(1))
    assert opened.raws.get("ab12") is not None
    assert list(tmp_path.iterdir()) == []
