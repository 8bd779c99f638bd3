"""install.py on a project as small as can be: real interpreters, a real pip, no network.

The small project has no requirement and builds itself (PEP 517 with `backend-path`), so pip makes
a true editable install of it without asking any package index.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "install.py"
posix_only = pytest.mark.skipif(os.name == "nt", reason="scripts and signals as POSIX has them")

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "rde-roto"
version = "0"
"""

# The backend of the small project. Where a pipe `started` lies it reports there and then hangs,
# which is how a test meets pip in the middle of its work.
BACKEND = """
import os, pathlib, signal, zipfile
INFO = "rde_roto-0.dist-info"
FILES = {
    "rde_roto_stub.py": "import sys\\ndef main(): print('rde-roto', *sys.argv[1:])\\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: rde-roto\\nVersion: 0\\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\\nrde-roto = rde_roto_stub:main\\n",
}
def build_editable(folder, config_settings=None, metadata_directory=None):
    if pathlib.Path("started").exists():
        pathlib.Path("started").write_text("now")
        signal.pause()
    name = "rde_roto-0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
        names = [*FILES, f"{INFO}/RECORD"]
        wheel.writestr(f"{INFO}/RECORD", "".join(f"{n},,\\n" for n in names))
    return name
build_wheel = build_editable
"""


@dataclass(frozen=True)
class Project:
    """A folder with a copy of install.py and the small project."""

    root: Path

    def module(self) -> ModuleType:
        """The copy as a module, so that its ROOT is this folder."""
        spec = importlib.util.spec_from_file_location(
            f"install_{self.root.name}", self.root / "install.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up there
        spec.loader.exec_module(module)
        return module

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`install.py ARGUMENTS` as a terminal starts it: in a process group of its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
        return subprocess.Popen(
            [sys.executable, str(self.root / "install.py"), *arguments],
            env={**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def stamp(self) -> dict[str, Any]:
        stamp: dict[str, Any] = json.loads(
            (self.root / ".venv" / "rde-roto-install.json").read_text()
        )
        return stamp


def small_project(root: Path) -> Project:
    shutil.copy(INSTALL, root)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    (root / "constraints.txt").write_text("# pins\ntorch==2.13.0\n")
    return Project(root)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return small_project(tmp_path)


def make_wheel(folder: Path, name: str, version: str) -> str:
    """A wheel of one empty module; returns its file name."""
    folder.mkdir(parents=True, exist_ok=True)
    info, file = f"{name}-{version}.dist-info", f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / file, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(
            f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        )
    return file


def torch_index(root: Path) -> str:
    """A package index in a folder, with an empty torch of a local version; returns its URL."""
    name = make_wheel(root / "torch", "torch", "2.13.0+other")
    (root / "torch" / "index.html").write_text(f'<a href="{name}">{name}</a>')
    return root.as_uri()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project set up once, with another torch."""
    project = small_project(tmp_path_factory.mktemp("installed"))
    url = torch_index(project.root / "index")
    result = project.run("doctor", "--torch-index", url)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("rde-roto doctor\n")
    return project


# --- the command line ---------------------------------------------------------------------------


def oldest_python() -> str | None:
    """A Python 3.9, the oldest that install.py runs with, from PATH or from pyenv."""
    pyenv = Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9")
    for path in filter(None, [shutil.which("python3.9"), *map(str, pyenv)]):
        # a shim on PATH may lead to no interpreter
        if subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    return None


@pytest.mark.parametrize("oldest", [False, True])
def test_help_names_every_verb(oldest: bool, project: Project) -> None:
    python = oldest_python() if oldest else sys.executable
    if python is None:
        pytest.skip("no Python 3.9 found")
    result = subprocess.run(
        [python, str(project.root / "install.py"), "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for verb in ("demo", "test", "doctor"):
        assert f"\n    {verb} " in result.stdout
    assert not (project.root / ".venv").exists()


def test_an_output_that_nobody_reads_stops_nothing(project: Project) -> None:
    read, unread = os.pipe()
    os.close(read)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", "import install; install.say('one'); install.say('two')"]
    done = subprocess.run(command, cwd=project.root, env=environment, stdout=unread, check=False)
    os.close(unread)
    assert done.returncode == 0


def test_arguments(project: Project) -> None:
    parse = project.module().parse
    defaults = {"torch_index": None, "bundle": None}
    assert vars(parse(["test", "--all"])) == {"verb": "test", "all": True, **defaults}
    assert parse(["view"]).plate is None
    assert parse(["view", "a.shot.yaml"]).plate == "a.shot.yaml"
    assert parse(["demo", "--from", "wheels"]).bundle == Path("wheels")
    assert parse(["demo", "--torch-index", "file:///x"]).torch_index == "file:///x"
    for wrong in ([], ["paint"], ["demo", "--all"], ["bundle"], ["uninstall", "--from", "x"]):
        with pytest.raises(SystemExit) as stop:
            parse(wrong)
        assert stop.value.code == 2


# --- adapters -----------------------------------------------------------------------------------


def add_adapters(root: Path) -> None:
    """What a clone has besides the small project: adapters, and what installs them."""
    for folder in ("plugin", "engine/rde_roto_client"):
        ignored = shutil.ignore_patterns("__pycache__", "*.ofx")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)


def install_nuke(root: Path, user: dict[str, str]) -> None:
    """Install the adapter of a clone, without a .venv."""
    code = "import installing; installing.install('nuke', link=False, dry_run=False)"
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=root / "plugin", env={**os.environ, **user}, check=True)


def everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below a folder, with the time and the size of each."""
    paths = list(folder.rglob("*"))
    assert paths
    stats = {path.relative_to(folder).as_posix(): path.lstat() for path in paths}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}


@pytest.mark.parametrize("arguments", [["nuke"], ["blender"], ["openfx"], ["nuke", "--remove"]])
def test_a_dry_run_in_a_fresh_clone_touches_nothing(
    project: Project, tmp_path: Path, arguments: list[str]
) -> None:
    add_adapters(project.root)
    before = everything_in(tmp_path)
    home = tmp_path / "home"
    result = project.run(*arguments, "--dry-run", HOME=str(home), XDG_CONFIG_HOME=str(home))
    assert result.returncode == 0, result.stderr
    assert "would " in result.stdout or "nothing of ours" in result.stdout
    assert everything_in(tmp_path) == before


def test_under_sudo_the_sentence_has_the_command(project: Project) -> None:
    sentence = r"Run as ann: python3 install\.py openfx --link;"
    module = project.module()
    with pytest.raises(module.InstallError, match=sentence):
        module.check_not_sudo(0, "ann", ["openfx", "--link"])
    for user, called_by in ((0, None), (0, "root"), (1000, "ann")):
        module.check_not_sudo(user, called_by, ["openfx"])


def test_without_a_home_the_sentence_names_the_variable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    module = project.module()
    module.check_home()
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(module.InstallError, match="set HOME"):
        module.check_home()


# --- which Python -------------------------------------------------------------------------------


def script(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_probe_reads_a_real_interpreter(project: Project) -> None:
    python = project.module().probe(sys.executable)
    assert python.version == sys.version_info[:3]
    assert python.path == sys.executable


@posix_only
def test_the_first_python_that_can_carry_the_venv_is_taken(
    project: Project, tmp_path: Path
) -> None:
    module = project.module()
    broken = script(tmp_path / "broken", "exit 127")
    chatty = script(tmp_path / "chatty", "echo hello")
    old = script(tmp_path / "old", "echo '[[3, 9, 18], true]'")
    future = script(tmp_path / "future", "echo '[[3, 15, 0], true]'")
    bare = script(tmp_path / "bare", "echo '[[3, 11, 2], false]'")
    good = script(tmp_path / "good", "echo '[[3, 10, 0], true]'")
    late = script(tmp_path / "late", "echo '[[3, 12, 0], true]'")
    missing = str(tmp_path / "missing")
    chosen = module.choose_python([missing, broken, chatty, old, future, bare, good, late])
    assert (chosen.path, chosen.version) == (good, (3, 10, 0))


@posix_only
def test_no_python_is_one_sentence_that_says_what_to_install(
    project: Project, tmp_path: Path
) -> None:
    module = project.module()
    old = script(tmp_path / "old", "echo '[[3, 9, 18], true]'")
    bare = script(tmp_path / "bare", "echo '[[3, 11, 2], false]'")
    with pytest.raises(module.InstallError, match=r"needs Python 3\.10 to 3\.14") as error:
        module.choose_python([old, bare])
    assert f"3.9.18 ({old})" in str(error.value)
    assert "apt install python3.11-venv" in str(error.value)
    assert error.value.code == 1
    with pytest.raises(module.InstallError, match="Found: none"):
        module.choose_python([])


# --- the stamp ----------------------------------------------------------------------------------


def test_everything_that_decides_the_venv_changes_the_stamp(project: Project) -> None:
    module = project.module()
    one = module.Python("a", (3, 11, 7), True)
    stamps = [
        module.finished_stamp(one, ["dev"], None),
        module.finished_stamp(one, ["dev", "movie"], None),
        module.finished_stamp(one, ["dev"], "file:///x"),
        module.finished_stamp(module.Python("a", (3, 11, 8), True), ["dev"], None),
    ]
    for name in ("pyproject.toml", "constraints.txt"):
        with (project.root / name).open("a") as file:
            file.write("# changed\n")
        stamps.append(module.finished_stamp(one, ["dev"], None))
    for index, stamp in enumerate(stamps):
        assert stamp not in stamps[:index]
    elsewhere = module.finished_stamp(module.Python("b", (3, 11, 7), True), ["dev"], None)
    assert elsewhere == stamps[-1]  # the path of the interpreter decides nothing


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_an_unreadable_stamp_is_no_stamp(text: str, project: Project) -> None:
    (project.root / ".venv").mkdir()
    (project.root / ".venv" / "rde-roto-install.json").write_text(text)
    assert project.module().read_stamp() == {}


def test_a_venv_of_someone_else_is_left_alone(project: Project) -> None:
    theirs = project.root / ".venv" / "work.txt"
    theirs.parent.mkdir()
    theirs.write_text("precious")
    result = project.run("doctor")
    assert result.returncode == 1
    assert "was not made by install.py" in result.stderr
    assert [path.name for path in theirs.parent.iterdir()] == ["work.txt"]


@posix_only
def test_a_link_to_another_clones_venv_is_refused(project: Project, tmp_path: Path) -> None:
    theirs = tmp_path / "other" / ".venv"
    theirs.mkdir(parents=True)
    stamp = theirs / "rde-roto-install.json"
    stamp.write_text(json.dumps({"place": str(theirs)}))
    (project.root / ".venv").symlink_to(theirs)
    result = project.run("doctor")
    assert result.returncode == 1
    assert f"leads to {theirs}, another clone's: remove the link" in result.stderr
    assert stamp.exists()


# --- setting up ---------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_set_up_is_made_good(
    number: signal.Signals, code: int, project: Project
) -> None:
    started = project.root / "started"
    os.mkfifo(started)
    process = project.start("movie")
    assert started.read_text() == "now"  # opens when pip has begun to build
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    if number != signal.SIGKILL:
        assert "run the same command again" in out
    assert project.stamp() == {"torch_index": None, "extras": ["movie"]}

    started.unlink()
    half_made = project.root / ".venv" / "half-made"
    half_made.touch()
    result = project.run("doctor")
    assert result.returncode == 0, result.stderr
    assert "making .venv" in result.stdout
    assert "installing rde-roto[movie]" in result.stdout, "which was asked for before"
    assert result.stdout.endswith("rde-roto doctor\n")
    assert not half_made.exists()


def test_the_torch_index_is_used_and_remembered(installed: Project) -> None:
    python = installed.module().tool("python")
    version = "import importlib.metadata as m; print(m.version('torch'))"
    found = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True)
    assert found.stdout == "2.13.0+other\n"
    again = installed.run("doctor")
    assert again.stdout == ".venv is up to date\nrde-roto doctor\n"
    assert installed.stamp()["torch_index"] == (installed.root / "index").as_uri()


def test_a_changed_pin_installs_again_into_the_same_venv(installed: Project) -> None:
    with (installed.root / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    mark = installed.root / ".venv" / "mark"
    mark.touch()
    result = installed.run("doctor")
    assert result.returncode == 0, result.stderr
    assert "installing rde-roto and what it needs" in result.stdout
    assert "making .venv" not in result.stdout
    assert mark.exists()


def test_when_pip_fails_what_worked_before_still_works(installed: Project) -> None:
    before = installed.stamp()
    backend = installed.root / "backend.py"
    backend.write_text("raise SystemExit('the backend is broken')")
    result = installed.run("test")
    assert result.returncode == 1
    assert "pip could not install the packages; its last lines:" in result.stderr
    assert "the backend is broken" in result.stderr
    assert installed.stamp() == before
    assert installed.run("doctor").stdout == ".venv is up to date\nrde-roto doctor\n"


def test_what_was_added_stays(installed: Project) -> None:
    (installed.root / "backend.py").write_text(BACKEND)
    result = installed.run("movie")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("rde-roto is installed with: movie\n")
    shown = installed.run("view", "a.exr").stdout.splitlines()[-1]
    assert shown == f"rde-roto view {Path('a.exr').absolute()}"
    assert installed.stamp()["extras"] == ["movie", "ui"]


# --- without network ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_machine_without_network_installs_from_a_bundle(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wheels, bundle = project.root / "wheels", project.root / "bundle"
    for name in ("hatchling", "editables"):  # the small project needs none, and rde-roto does
        make_wheel(wheels, name, "1.0")
    found = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    result = project.run("bundle", str(bundle), **found)
    assert result.returncode == 0, result.stderr
    assert "python3 install.py VERB --from bundle" in result.stdout
    there = {path.name for path in bundle.iterdir()}
    assert {"editables-1.0-py3-none-any.whl", "rde_roto-0-py3-none-any.whl"} < there

    other = small_project(tmp_path_factory.mktemp("offline"))
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}  # the port of nobody
    result = other.run("doctor", "--from", str(bundle), **nowhere)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("rde-roto doctor\n")


def test_a_bundle_for_another_machine_is_refused(project: Project, tmp_path: Path) -> None:
    module = project.module()
    with pytest.raises(module.InstallError, match="holds no packages of install"):
        module.Bundle.read(tmp_path)
    note = tmp_path / "rde-roto-bundle.json"
    note.write_text(json.dumps({"python": "3.11", "system": "beos ppc"}))
    with pytest.raises(module.InstallError, match="is for beos ppc, this is") as error:
        module.Bundle.read(tmp_path)
    assert error.value.code == 2
    note.write_text(json.dumps({"python": "3.1", "system": module.this_system()}))
    bundle = module.Bundle.read(tmp_path)
    with pytest.raises(module.InstallError, match=r"rde-roto needs Python 3\.1, able to"):
        module.choose_python([sys.executable], bundle)


# --- taking it out ------------------------------------------------------------------------------


def test_uninstall_leaves_what_the_user_made(installed: Project, tmp_path: Path) -> None:
    """The last test of the project that is set up once."""
    for folder in ("plugin", "engine/rde_roto_client"):
        shutil.copytree(ROOT / folder, installed.root / folder)
    home = tmp_path / "home"
    user = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    assert installed.run("nuke", **user).returncode == 0
    launch = home / "config" / "rde-roto" / "engine.json"  # the stub does not write it
    launch.write_text(json.dumps({"command": [installed.module().tool("python"), "serve"]}))
    masks = home / ".local/share/rde-roto/keyframes/a.exr"
    masks.parent.mkdir(parents=True)
    masks.touch()
    before = everything_in(tmp_path)
    said = installed.run("uninstall", "--dry-run", **user)
    assert said.returncode == 0, said.stderr
    assert f"would remove {launch}" in said.stdout
    assert f"would remove {installed.root / '.venv'}\n" in said.stdout
    assert everything_in(tmp_path) == before
    said = installed.run("uninstall", **user)
    assert said.returncode == 0, said.stderr
    assert not (installed.root / ".venv").exists()
    assert sorted(path for path in home.rglob("*") if path.is_file()) == [masks]
    again = installed.run("uninstall", **user)
    assert again.returncode == 0, again.stderr
    assert "docs/install.md" in again.stdout


@posix_only
@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_uninstall_removes_a_linked_venv_by_its_link(
    project: Project, tmp_path: Path, more: list[str]
) -> None:
    add_adapters(project.root)
    elsewhere, link = tmp_path / "large disk", project.root / ".venv"
    elsewhere.mkdir()
    (elsewhere / "rde-roto-install.json").write_text(json.dumps({"place": str(link)}))
    link.symlink_to(elsewhere)
    home = tmp_path / "home"
    user = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    said = project.run("uninstall", *more, **user)
    assert said.returncode == 0, said.stderr
    assert f"{link}, a link; {elsewhere} stays: delete it too" in said.stdout
    assert link.is_symlink() == bool(more)
    assert [path.name for path in elsewhere.iterdir()] == ["rde-roto-install.json"]


def test_uninstall_goes_on_and_says_what_is_left(project: Project, tmp_path: Path) -> None:
    add_adapters(project.root)
    home = tmp_path / "home"
    put = {name: home / name / "adapter.py" for name in ("blender", "nuke")}
    for name, path in put.items():  # notes of what was installed
        path.parent.mkdir(parents=True)
        path.write_text("ours")
        note = home / "config/rde-roto/hosts" / f"{name}.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(b"ours").hexdigest()
        note.write_text(json.dumps({"files": {str(path): digest}, "lines": []}))
    put["blender"].unlink()
    put["blender"].mkdir()  # the first one cannot be removed
    user = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    said = project.run("uninstall", **user)
    assert said.returncode == 1
    assert not put["nuke"].exists()
    assert f"Blender: cannot write {put['blender']}" in said.stderr
    assert "run it again" in said.stderr
    put["blender"].rmdir()
    assert project.run("uninstall", **user).returncode == 0


def test_an_adapter_is_removed_without_a_venv(project: Project, tmp_path: Path) -> None:
    """It made .venv first, and fetched gigabytes for that."""
    add_adapters(project.root)
    home = tmp_path / "home"
    user = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    install_nuke(project.root, user)
    assert (home / ".nuke/init.py").exists()
    said = project.run("nuke", "--remove", **user)
    assert said.returncode == 0, said.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert not (project.root / ".venv").exists()


def test_uninstall_leaves_another_clones_adapters(project: Project, tmp_path: Path) -> None:
    """After an update into another folder, the earlier one is removed last."""
    home, newer = tmp_path / "home", tmp_path / "newer"
    user = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    for root in (project.root, newer):
        add_adapters(root)
    install_nuke(newer, user)
    before = everything_in(home)
    said = project.run("uninstall", **user)
    assert said.returncode == 0, said.stderr
    assert f"Nuke: kept, {newer} has installed it" in said.stdout
    assert everything_in(home) == before
    shutil.rmtree(newer)
    assert project.run("uninstall", **user).returncode == 0
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_uninstall_leaves_another_clones_engine(project: Project, tmp_path: Path) -> None:
    module = project.module()
    launch = tmp_path / "engine.json"
    assert not module.is_of_this_folder(launch)
    for command, ours in (([module.tool("python")], True), (["/opt/x/python"], False), ([], False)):
        launch.write_text(json.dumps({"command": command}))
        assert module.is_of_this_folder(launch) is ours


# --- the tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slow_too", [False, True])
def test_every_test_runs_once_alone_or_beside_others(project: Project, slow_too: bool) -> None:
    alone, others = project.module().pytest_commands(slow_too, cores=2)
    assert alone[alone.index("-m") + 1] == f"alone{'' if slow_too else ' and not slow'}"
    assert others[others.index("-m") + 1] == f"not {alone[-1]}"
    assert "-n" not in alone
    assert others[others.index("-n") + 1] == "3"
    (many,) = project.module().pytest_commands(slow_too, cores=64)[1:]
    assert many[many.index("-n") + 1] == "8"


# --- Blenders for the tests ---------------------------------------------------------------------


@pytest.fixture
def blenders(project: Project, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """install.py of a project with two Blenders, made for this Python; pip finds them, or does not,
    in the folder wheels."""
    pins = project.root / "tests" / "hosts" / "blenders.txt"
    pins.parent.mkdir(parents=True)
    pins.write_text("# pins\nbpy==5.0.1\nbpy==4.2.23\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(project.root / "wheels"))
    module = project.module()
    module.__dict__["BLENDER_PYTHON"] = sys.version_info[:2]
    return module


def blender_note(project: Project, version: str) -> str:
    return (project.root / f".venv-bpy-{version}" / "rde-roto-bpy.txt").read_text()


def test_blenders_are_brought_once_and_one_that_cannot_be_had_says_why(
    project: Project, blenders: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = project.root / "wheels"
    make_wheel(wheels, "bpy", "5.0.1")
    blenders.set_up_blenders()
    python = blenders.tool("python", project.root / ".venv-bpy-5.0")
    subprocess.run([python, "-c", "import bpy"], check=True)
    assert blender_note(project, "5.0") == "bpy==5.0.1"
    assert "No matching distribution found for bpy==4.2.23" in blender_note(project, "4.2")
    assert "\n" not in blender_note(project, "4.2")
    assert "the tests in this Blender are skipped" in capsys.readouterr().out

    make_wheel(wheels, "bpy", "4.2.23")
    blenders.set_up_blenders()
    assert blender_note(project, "4.2") == "bpy==4.2.23"
    assert "bpy==5.0.1" not in capsys.readouterr().out, "it was there"
    blenders.set_up_blenders()
    assert capsys.readouterr().out == ""


def test_without_their_python_blenders_are_not_there(
    project: Project, blenders: ModuleType
) -> None:
    blenders.__dict__["BLENDER_PYTHON"] = (3, 1)
    blenders.set_up_blenders()
    for version in ("5.0", "4.2"):
        assert blender_note(project, version).startswith("there is no Python 3.1 that can make")


def test_a_blender_of_someone_else_is_left_alone(project: Project, blenders: ModuleType) -> None:
    theirs = project.root / ".venv-bpy-5.0" / "work.txt"
    theirs.parent.mkdir()
    theirs.write_text("precious")
    with pytest.raises(blenders.InstallError, match=r"\.venv-bpy-5\.0 was not made by install\.py"):
        blenders.set_up_blenders()
    assert theirs.read_text() == "precious"
