"""Adapters are put into their hosts' folders and taken out again, and nothing else is touched."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import plistlib
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "plugin" / "installing.py"
SAYS: dict[str, Any] = {
    "name": "Host",
    "files": ["menu.py", "panel"],
    "client": True,
    "targets": dict.fromkeys(("linux", "darwin", "win32"), "~/.host/rde_roto"),
    "lines": {"~/.host/init.py": "addPath('./rde_roto')"},
}
PUT = ["menu.py", "panel/a.py", "rde_roto_client/wire.py"]


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, and what is in it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with somebody's own files in it."""
    home = tmp_path / "user"
    (home / ".host").mkdir(parents=True)
    (home / ".host/init.py").write_text("own = 1\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.delenv("OFX_PLUGIN_PATH", raising=False)
    return home


@pytest.fixture
def installing(tmp_path: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with a small adapter in the place of ours."""
    spec = importlib.util.spec_from_file_location("installing", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "installing", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    plugin, client = tmp_path / "plugin", tmp_path / "rde_roto_client"
    files = {"menu.py": "menu", "panel/a.py": "a", "panel/__pycache__/a.pyc": "", "README.md": "r"}
    for name, text in files.items():
        path = plugin / "host" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (plugin / "host/host.json").write_text(json.dumps(SAYS))
    client.mkdir()
    (client / "wire.py").write_text("wire")
    module.__dict__.update(PLUGIN=plugin, CLIENT=client)
    return module


def test_what_is_installed_is_taken_out_again(installing: ModuleType, user: Path) -> None:
    before = tree(user)
    installing.install("host", link=False, dry_run=False)
    there = tree(user)
    for name in PUT:
        assert there[f".host/rde_roto/{name}"] == Path(name).stem
    assert there[".host/init.py"] == "own = 1\naddPath('./rde_roto')\n"
    assert len(there) == len(before) + len(PUT) + 1, "the note, and nothing else"
    installing.install("host", link=False, dry_run=False)
    assert tree(user) == there, "twice is once"
    assert "installed, files: 3" in installing.status_lines()[0]
    installing.remove("host", dry_run=False)
    assert tree(user) == before
    assert not (user / ".host/rde_roto").exists()
    assert installing.remove("host", dry_run=False) == ["Host: nothing of ours is there"]


def test_an_update_takes_away_what_is_no_longer_part_of_it(
    installing: ModuleType, user: Path, tmp_path: Path
) -> None:
    """What the artist has changed there stays, as when it is removed."""
    installing.install("host", link=False, dry_run=False)
    (tmp_path / "plugin/host/panel/b.py").write_text("b")
    (tmp_path / "plugin/host/panel/c.py").write_text("c")
    (user / ".host/rde_roto/own.py").write_text("own")
    installing.install("host", link=False, dry_run=False)
    (user / ".host/rde_roto/panel/c.py").write_text("changed")
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / "plugin/host/panel" / name).unlink()
    (tmp_path / "plugin/host/panel/new.py").write_text("new")
    there = user / ".host/rde_roto"
    before = tree(user)
    said = installing.install("host", link=False, dry_run=True)
    assert f"would remove {there}/panel/a.py" in said
    assert tree(user) == before
    said = installing.install("host", link=False, dry_run=False)
    assert f"removed {there}/panel/b.py" in said
    assert f"kept {there}/panel/c.py: it was changed since" in said
    assert sorted(tree(there)) == [
        *("menu.py", "own.py", "panel/c.py", "panel/new.py", "rde_roto_client/wire.py")
    ]
    installing.remove("host", dry_run=False)
    assert sorted(tree(there)) == ["own.py", "panel/c.py"]


def test_a_dry_run_says_all_of_it_and_does_nothing(installing: ModuleType, user: Path) -> None:
    before = tree(user)
    said = installing.install("host", link=False, dry_run=True)
    assert [line for line in said if line.startswith("would write")] == [
        f"would write {user}/.host/rde_roto/{name}" for name in PUT
    ]
    assert said[-1] == f"would add to {user}/.host/init.py: addPath('./rde_roto')"
    assert tree(user) == before
    installing.install("host", link=False, dry_run=False)
    there = tree(user)
    said = installing.remove("host", dry_run=True)
    assert len(said) == len(PUT) + 1
    assert tree(user) == there


def test_a_persons_files_stay_what_they_are(installing: ModuleType, user: Path) -> None:
    """A link into a folder of settings stays a link, a private file private; what another add-on
    has compiled stays.
    """
    (user / "settings").mkdir()
    kept = user / "settings/init.py"
    (user / ".host/init.py").rename(kept)
    (user / ".host/init.py").symlink_to(kept)
    kept.chmod(0o600)
    for name in (".host/.init.py.tmp", ".host/__pycache__/other.cpython-311.pyc"):
        (user / name).parent.mkdir(exist_ok=True)
        (user / name).write_text("theirs")
    (user / ".host/other.py").touch()
    before = tree(user)
    installing.install("host", link=False, dry_run=False)
    assert (user / ".host/init.py").is_symlink()
    assert kept.read_text() == "own = 1\naddPath('./rde_roto')\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    compiled = user / ".host/rde_roto/__pycache__/menu.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.touch()
    installing.remove("host", dry_run=False)
    assert tree(user) == before
    assert (user / ".host/init.py").is_symlink()
    assert not (user / ".host/rde_roto").exists()


def test_links_lead_to_these_files(installing: ModuleType, user: Path) -> None:
    installing.install("host", link=True, dry_run=False)
    link = user / ".host/rde_roto/menu.py"
    assert link.readlink() == installing.PLUGIN / "host/menu.py"
    installing.install("host", link=False, dry_run=False)
    assert not link.is_symlink()
    installing.install("host", link=True, dry_run=False)
    installing.remove("host", dry_run=False)
    assert (installing.PLUGIN / "host/menu.py").is_file(), "the link was removed, not its end"


def test_somebody_elses_file_is_left_alone(installing: ModuleType, user: Path) -> None:
    own = user / ".host/rde_roto/menu.py"
    own.parent.mkdir()
    own.write_text("mine")
    with pytest.raises(installing.HostError, match=r"menu\.py is not ours: move it away"):
        installing.install("host", link=False, dry_run=False)
    assert own.read_text() == "mine"
    own.unlink()
    installing.install("host", link=False, dry_run=False)
    own.write_text("changed")
    assert f"kept {own}: it was changed since" in installing.remove("host", dry_run=False)
    assert own.read_text() == "changed"


def test_a_variable_says_where(
    installing: ModuleType, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = installing.PLUGIN / "host/host.json"
    path.write_text(json.dumps({**SAYS, "variable": "OFX_PLUGIN_PATH"}))
    monkeypatch.setenv("OFX_PLUGIN_PATH", f"{user}/ofx{os.pathsep}/elsewhere")
    installing.install("host", link=False, dry_run=False)
    assert (user / "ofx/menu.py").is_file()


def test_each_version_that_will_do_has_it(installing: ModuleType, user: Path) -> None:
    targets = dict.fromkeys(("linux", "darwin", "win32"), "~/.host/{version}/rde_roto")
    says = {"name": "Host", "files": ["menu.py"], "targets": targets}
    says["versions"] = {"oldest": "4.2", "usual": "5.0"}
    (installing.PLUGIN / "host/host.json").write_text(json.dumps(says))

    def put() -> list[str]:
        found = (user / ".host").rglob("menu.py")
        return sorted(path.relative_to(user / ".host").parts[0] for path in found)

    installing.install("host", link=False, dry_run=False)
    assert put() == ["5.0"], "none is there yet"
    installing.remove("host", dry_run=False)
    assert not (user / ".host/5.0/rde_roto").exists()
    for name in ("3.6", "4.1", "4.2", "4.10", "10.0", "config.old", "5"):
        (user / ".host" / name).mkdir()
    (user / ".host/5.0").rmdir()
    installing.install("host", link=False, dry_run=False)
    assert put() == ["10.0", "4.10", "4.2"]
    assert f"{user}/.host/4.2/rde_roto, {user}/.host/4.10" in installing.status_lines()[0]
    (user / ".host/5.0").mkdir()
    installing.install("host", link=False, dry_run=False)
    assert put() == ["10.0", "4.10", "4.2", "5.0"], "one that came later"
    installing.remove("host", dry_run=False)
    assert put() == []
    assert not list((user / ".host").glob("*/rde_roto"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_persons_lines_keep_their_bytes(installing: ModuleType, user: Path, end: str) -> None:
    """Line ends, an encoding other than UTF-8, and characters that end lines in some programs."""
    init = user / ".host/init.py"
    before = f"own = 1  # caf\xe9{end}page = '\x0c\x85'{end}".encode("latin-1")
    init.write_bytes(before)
    installing.install("host", link=False, dry_run=False)
    assert init.read_bytes() == before + f"addPath('./rde_roto'){end}".encode()
    installing.remove("host", dry_run=False)
    assert init.read_bytes() == before
    init.write_bytes(before.rstrip())
    installing.install("host", link=False, dry_run=False)
    assert init.read_bytes() == before + f"addPath('./rde_roto'){end}".encode(), "a line of its own"


def test_a_link_is_followed_wherever_it_leads(installing: ModuleType, user: Path) -> None:
    """To a file that holds nothing else, or to one that is not there yet."""
    init, kept = user / ".host/init.py", user / "settings/nuke/init.py"
    init.unlink()
    init.symlink_to(kept)
    installing.install("host", link=False, dry_run=False)
    assert kept.read_text() == "addPath('./rde_roto')\n"
    installing.remove("host", dry_run=False)
    assert init.is_symlink()
    assert kept.read_text() == ""


NOBODY = 65534
SUDO = """#!/bin/sh
# as root would, in the folder of the machine alone
shift 3
echo "$*" >> "$SUDO_LOG"
test -z "$SUDO_FAILS" || exit 1
chmod -R u+w "$MACHINE"
"$@"
code=$?
find "$MACHINE" -type d -exec chmod u-w {} +
exit $code
"""


@pytest.fixture
def machine(installing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the whole machine in which this user may not write. A test that root runs becomes
    another user meanwhile.
    """
    place = Path(tempfile.mkdtemp(prefix="rde"))
    folder, sudo = place / "machine", place / "bin/sudo"
    for made in (folder, sudo.parent, place / "home"):
        made.mkdir()
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    says = {**SAYS, "lines": {}, "targets": dict.fromkeys(SAYS["targets"], str(folder / "Plugins"))}
    (installing.PLUGIN / "host/host.json").write_text(json.dumps(says))
    shutil.copytree(installing.PLUGIN, place / "plugin")
    shutil.copytree(installing.CLIENT, place / "rde_roto_client")
    installing.__dict__.update(PLUGIN=place / "plugin", CLIENT=place / "rde_roto_client")
    monkeypatch.setenv("PATH", f"{sudo.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "home"))
    monkeypatch.setenv("SUDO_LOG", str(place / "home/sudo"))
    monkeypatch.setenv("MACHINE", str(folder))
    is_root = os.geteuid() == 0
    if is_root:
        for path in (place, *place.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    folder.chmod(0o555)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(place)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sudo")
def test_only_the_copying_is_done_as_root(installing: ModuleType, machine: Path) -> None:
    installing.install("host", link=False, dry_run=False)
    put = machine / "Plugins/menu.py"
    assert put.read_text() == "menu"
    assert put.stat().st_mode & 0o777 == 0o644
    log = Path(os.environ["SUDO_LOG"])
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"mkdir", "install", "mv"}
    assert "installed, files: 3" in installing.status_lines()[0], "the note is the user's"
    assert sorted(path.name for path in put.parent.iterdir()) == sorted(
        {name.split("/")[0] for name in PUT}
    )
    installing.install("host", link=True, dry_run=False)
    assert put.readlink() == installing.PLUGIN / "host/menu.py"
    installing.remove("host", dry_run=False)
    assert list(machine.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sudo")
def test_a_folder_that_cannot_be_written_says_how_else(
    installing: ModuleType, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_FAILS", "yes")
    with pytest.raises(installing.HostError, match="sudo could not run mkdir -p"):
        installing.install("host", link=False, dry_run=False)
    log = Path(os.environ["SUDO_LOG"])
    log.unlink()
    with monkeypatch.context() as patch:
        patch.setenv("HOME", str(machine.parent))  # nothing of root's belongs there
        with pytest.raises(installing.HostError, match="run this as somebody who may"):
            installing.install("host", link=False, dry_run=False)
    assert not log.exists()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(installing.HostError, match="run this as somebody who may"):
        installing.install("host", link=False, dry_run=False)
    assert list(machine.iterdir()) == []


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(
    installing: ModuleType, user: Path
) -> None:
    installing.install("host", link=False, dry_run=False)
    (stuck,) = (user / ".host").rglob("menu.py")
    others = [path for path in stuck.parent.rglob("*") if path.is_file() and path != stuck]
    assert others
    stuck.unlink()
    stuck.mkdir()
    with pytest.raises(installing.HostError, match=f"cannot write {stuck}: Is a directory"):
        installing.remove("host", dry_run=False)
    assert not any(path.exists() for path in others)
    stuck.rmdir()
    stuck.write_text("a file of ours again")
    (line,) = installing.remove("host", dry_run=False)
    assert line == f"kept {stuck}: it was changed since"


def test_what_is_unknown_or_missing_is_a_sentence(installing: ModuleType) -> None:
    with pytest.raises(installing.HostError, match="no adapter for maya; there are host"):
        installing.install("maya", link=False, dry_run=False)
    with pytest.raises(installing.HostError, match="no adapter for natron"):
        installing.install("natron", link=False, dry_run=False)
    shutil.rmtree(installing.PLUGIN / "host/panel")
    with pytest.raises(installing.HostError, match="panel is missing"):
        installing.install("host", link=False, dry_run=False)


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_what_is_compiled_is_built_and_installed(installing: ModuleType, user: Path) -> None:
    output = dict.fromkeys(("linux", "darwin"), "made/host.so")
    flags = {system: ["-shared", "-fPIC"] for system in ("linux", "darwin")}
    says = {**SAYS, "files": [], "client": False, "build": {"output": output, "flags": flags}}
    (installing.PLUGIN / "host/host.json").write_text(json.dumps(says))
    (installing.PLUGIN / "host/a.c").write_text("int answer(void) { return 42; }\n")
    assert "host.so" in installing.install("host", link=False, dry_run=True)[0]
    installing.install("host", link=False, dry_run=False)
    assert ctypes.CDLL(str(user / ".host/rde_roto/made/host.so")).answer() == 42
    (installing.PLUGIN / "host/a.c").write_text("int answer(void) { return }\n")
    with pytest.raises(installing.HostError, match="could not build Host"):
        installing.install("host", link=False, dry_run=False)


def test_what_a_release_has_compiled_needs_no_compiler(
    installing: ModuleType, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setenv("CC", "/no/compiler")
    build = {"output": {"linux": "Linux-{machine}/host.so"}, "flags": {"linux": []}}
    says = {**SAYS, "files": [], "client": False, "build": build}
    folder = installing.PLUGIN / "host"
    (folder / "host.json").write_text(json.dumps(says))
    (folder / "a.c").write_text("int answer(void) { return 42; }\n")
    (folder / "Linux-aarch64").mkdir()
    (folder / "Linux-aarch64/host.so").write_text("made before")
    note = {"Linux-aarch64/host.so": installing.sources_digest(folder), "Win64/host.so": "older"}
    (folder / installing.PREBUILT).write_text(json.dumps(note))
    installing.install("host", link=False, dry_run=False)
    assert (user / ".host/rde_roto/Linux-aarch64/host.so").read_text() == "made before"
    (folder / "a.c").write_text("int answer(void) { return 43; }\n")
    with pytest.raises(FileNotFoundError, match="/no/compiler"):
        installing.install("host", link=False, dry_run=False)


@pytest.mark.parametrize(
    ("system", "machine", "folder"),
    [
        ("linux", "x86_64", "Linux-x86-64"),
        ("linux", "aarch64", "Linux-aarch64"),
        ("darwin", "arm64", "MacOS"),
        ("darwin", "x86_64", "MacOS"),
        ("win32", "AMD64", "Win64"),
    ],
)
def test_the_openfx_bundle_has_the_folders_of_the_standard(
    installing: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    folder: str,
) -> None:
    says = json.loads((FILE.parent / "openfx/host.json").read_text())
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    host = installing.Host("openfx", says)
    assert host.output == Path(f"rde_roto.ofx.bundle/Contents/{folder}/rde_roto.ofx")
    assert set(says["build"]["flags"]) == set(says["targets"]) == set(says["build"]["libraries"])
    written = plistlib.loads((FILE.parent / "openfx" / says["files"][0]).read_bytes())
    assert written["CFBundleExecutable"] == host.output.name
    assert written["CFBundlePackageType"] == "BNDL"
